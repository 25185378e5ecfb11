"""One measurement of benchmarks/engine.py in a fresh process on one core; prints one JSON object."""

from __future__ import annotations

import gc
import itertools
import json
import os
import resource
import statistics
import sys
import time

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before JAX counts the cores: all its pools have one thread

COLUMNS, RATE, ROUNDS = 10, 1e-3, 7


# ------------------------------------------------------------------------------------ a first answer, imports included


def import_growth():
    from ceteris.equilibrium import solve
    from ceteris.equilibrium.models.growth import Growth

    return {"cpu": time.process_time(), "names": [solve.__name__, Growth.__name__]}


def growth():
    from ceteris.equilibrium import solve
    from ceteris.equilibrium.models.growth import Growth

    solution = solve(Growth(delta=1.0))
    return {"cpu": time.process_time(), "note": solution.sentence}


def import_net():
    import equinox
    import optax

    from ceteris import engine, nets, recipe

    names = [part.__name__ for part in (equinox, optax, engine, nets, recipe)]
    return {"cpu": time.process_time(), "names": names}


def net():
    """500 rows of ten columns, two layers of 32 with dropout, 700 updates."""
    import equinox as eqx
    import jax.numpy as jnp
    import jax.random as jr

    from ceteris.engine import fit
    from ceteris.nets import MLP
    from ceteris.recipe import Descend, Loss, Minibatches, optimiser

    def loss(model, batch, key):
        x, y = batch
        return jnp.mean((model.training(x, key)[0][:, 0] - y) ** 2), {}

    build = eqx.Partial(MLP, COLUMNS, 1, widths=(32, 32), dropout=0.1)
    rule = Descend(build, Loss(loss), Minibatches(_table(500), 64), optimiser("adam", 1e-2))
    run = fit(rule, jr.key(0), steps=100, every=20)
    return {"cpu": time.process_time(), "note": f"loss {run.history['loss'][-1]:.3f}"}


def _table(rows):
    import numpy as np

    x = np.random.default_rng(0).normal(size=(rows, COLUMNS)).astype(np.float32)
    return x, np.sin(x[:, 0]) + x[:, 1] * x[:, 2]


# ------------------------------------------------------------------------------------------------- a call of fit


def call():
    """Seconds of one call of `fit` and of one more chunk, the step itself being nothing; compiled before."""
    import jax.numpy as jnp
    import jax.random as jr

    from ceteris.engine import AbstractAlgorithm, State, fit

    class Count(AbstractAlgorithm):
        def init(self, key, model=None):
            return State(jnp.array(0.0), (), ())

        def step(self, state, key, feed):
            return state._replace(model=state.model + 1), {"loss": state.model}

        def evaluate(self, state, key):
            return {}

    key, more = jr.key(0), 100
    few = lambda: fit(Count(), key, steps=1, every=1)
    many = lambda: fit(Count(), key, steps=1 + more, every=1)
    seconds = _by_turns({"few": few, "many": many}, rounds=40)
    median = {side: [statistics.median(each) for each in zip(*pairs, strict=True)] for side, pairs in seconds.items()}
    chunk = [(b - a) / more for a, b in zip(median["few"], median["many"], strict=True)]
    return dict(zip(("cpu", "wall", "chunk_cpu", "chunk_wall"), [*median["few"], *chunk], strict=True))


def _by_turns(sides, rounds):
    """Return (CPU, wall) seconds of each side, run turn and turn about after one run that compiles."""
    for run in sides.values():
        run()
    found = {side: [] for side in sides}
    for _ in range(rounds):
        for side, run in sides.items():
            gc.collect()  # what one side left is not swept up in another's time
            cpu, wall = time.process_time(), time.perf_counter()
            run()
            found[side].append((time.process_time() - cpu, time.perf_counter() - wall))
    return found


# -------------------------------------------------------------------------------------------------------- steps


def steps(kind, width, batch, updates, epochs):
    """CPU seconds per update of `fit`, of a scan and of a jitted Python loop over the same net, rule and batches.

    With ``kind`` "epochs" a step is an epoch of shuffled batches, with "single" one update on one batch that stays.
    All sides go on from weights that are there, so that what it costs to begin is left out.
    """
    width, batch, updates, epochs = map(int, (width, batch, updates, epochs))
    x, y = _table(batch * updates if kind == "epochs" else batch)
    if kind == "single":
        updates, epochs = 1, updates * epochs
    sides = {
        "ours": _ours(kind, width, batch, x, y, epochs),
        "scan": (_scan_epochs if kind == "epochs" else _scan_single)(width, batch, x, y, epochs),
        "loop": _loop(kind, width, batch, x, y, epochs),
    }
    seconds = _by_turns(sides, ROUNDS)
    cpu = {side: [pair[0] for pair in pairs] for side, pairs in seconds.items()}
    against = lambda peer: statistics.median(b / a for a, b in zip(cpu["ours"], cpu[peer], strict=True))
    each = {side: statistics.median(times) / (updates * epochs) for side, times in cpu.items()}
    return {"each": each, "scan": against("scan"), "loop": against("loop")}


def _ours(kind, width, batch, x, y, epochs):
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import jax.random as jr

    from ceteris.engine import fit
    from ceteris.nets import MLP
    from ceteris.recipe import Descend, Fixed, Loss, Minibatches, optimiser

    def loss(model, batch, key):
        x, y = batch
        return jnp.mean((model(x)[:, 0] - y) ** 2), {}

    data = jnp.asarray(x), jnp.asarray(y)
    sampler = Minibatches(data, batch) if kind == "epochs" else Fixed(data)
    rule = Descend(eqx.Partial(MLP, COLUMNS, 1, widths=(width, width)), Loss(loss), sampler, optimiser("adam", RATE))
    begun = fit(rule, jr.key(0), steps=0)
    return lambda: jax.block_until_ready(fit(rule, jr.key(0), steps=epochs, every=epochs, resume=begun).model)


def _plain(width):
    """A net, its loss and one update of Adam, as a user would write them by hand."""
    import jax
    import jax.numpy as jnp
    import jax.random as jr
    import optax

    sizes = (COLUMNS, width, width, 1)
    shapes = list(itertools.pairwise(sizes))
    rule = optax.adam(RATE)

    def begin(key):
        weights = [
            (jr.normal(k, shape) / shape[0] ** 0.5, jnp.zeros(shape[1]))
            for k, shape in zip(jr.split(key, 3), shapes, strict=True)
        ]
        return weights, rule.init(weights)

    def loss(weights, x, y):
        for w, b in weights[:-1]:
            x = jax.nn.swish(x @ w + b)
        w, b = weights[-1]
        return jnp.mean(((x @ w + b)[:, 0] - y) ** 2)

    def update(carry, x, y):
        weights, memory = carry
        value, gradient = jax.value_and_grad(loss)(weights, x, y)
        move, memory = rule.update(gradient, memory, weights)
        return (optax.apply_updates(weights, move), memory), value

    return begin, update


def _scan_epochs(width, batch, x, y, epochs):
    import jax
    import jax.numpy as jnp
    import jax.random as jr

    begin, update = _plain(width)

    @jax.jit
    def train(carry, key, x, y):
        def epoch(carry, key):
            rows = jr.permutation(key, len(x)).reshape(-1, batch)
            return jax.lax.scan(lambda carry, each: update(carry, *each), carry, (x[rows], y[rows]))

        return jax.lax.scan(epoch, carry, jr.split(key, epochs))

    begun, x, y = begin(jr.key(0)), jnp.asarray(x), jnp.asarray(y)
    return lambda: jax.block_until_ready(train(begun, jr.key(1), x, y))


def _scan_single(width, batch, x, y, updates):
    import jax
    import jax.numpy as jnp
    import jax.random as jr

    begin, update = _plain(width)
    train = jax.jit(lambda carry, x, y: jax.lax.scan(lambda carry, _: update(carry, x, y), carry, length=updates))
    begun, x, y = begin(jr.key(0)), jnp.asarray(x), jnp.asarray(y)
    return lambda: jax.block_until_ready(train(begun, x, y))


def _loop(kind, width, batch, x, y, epochs):
    import jax
    import jax.numpy as jnp
    import jax.random as jr
    import numpy as np

    begin, update = _plain(width)
    update, random = jax.jit(update, donate_argnums=0), np.random.default_rng(0)
    batches = lambda: ((x[rows], y[rows]) for rows in random.permutation(len(x)).reshape(-1, batch))
    if kind == "single":
        one = jnp.asarray(x), jnp.asarray(y)
        batches = lambda: (one,)

    def train():
        carry, losses = begin(jr.key(0)), []
        for _ in range(epochs):
            for points in batches():
                carry, loss = update(carry, *points)
                losses.append(loss)
        return jax.block_until_ready((carry, losses))

    return train


# ------------------------------------------------------------------------------------------------- a replay buffer


def replay(capacity):
    """CPU seconds of a step that remembers so many points of eight numbers, and the most memory ever held."""
    import equinox as eqx
    import jax.numpy as jnp
    import jax.random as jr

    from ceteris.engine import fit
    from ceteris.nets import MLP
    from ceteris.recipe import Descend, Draws, Loss, Replay, optimiser

    def points(key):
        return jr.normal(key, (64, 8))

    def loss(model, batch, key):
        return jnp.mean((model(batch)[:, 0] - batch[:, 0] * batch[:, 1]) ** 2), {}

    capacity, chunk, chunks, times = int(capacity), 100, 9, []
    build = eqx.Partial(MLP, 8, 1, widths=(64, 64))
    rule = Descend(build, Loss(loss), Replay(Draws(points), capacity, batch_size=256), optimiser("adam", RATE))

    def clock(run):
        times.append(time.process_time())

    fit(rule, jr.key(0), steps=chunk * chunks, every=chunk, monitors=[clock])
    lengths = [(b - a) / chunk for a, b in itertools.pairwise(times)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"step": statistics.median(lengths), "peak": peak, "buffer": capacity * 8 * 4}


if __name__ == "__main__":
    measurements = {
        "import_growth": import_growth, "growth": growth, "import_net": import_net, "net": net, "call": call,
        "steps": steps, "replay": replay,
    }  # fmt: skip
    print(json.dumps(measurements[sys.argv[1]](*sys.argv[2:])))
