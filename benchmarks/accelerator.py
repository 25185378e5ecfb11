"""The engine on a GPU: steps against a scan written by hand, precision, the size of a replay buffer, random numbers.

Wall seconds, medians of several runs, turn and turn about. Without a GPU it says so and measures nothing.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time

import bench

ROUNDS, COLUMNS = 7, 64


def wall(sides, rounds=ROUNDS):
    """Return the median wall seconds of each side, run turn and turn about after one run that compiles."""
    for run in sides.values():
        run()
    found = {side: [] for side in sides}
    for _ in range(rounds):
        for side, run in sides.items():
            start = time.perf_counter()
            run()
            found[side].append(time.perf_counter() - start)
    return {side: statistics.median(times) for side, times in found.items()}


def rows(n):
    import jax.numpy as jnp
    import jax.random as jr

    x = jr.normal(jr.key(0), (n, COLUMNS))
    return x, jnp.sin(x[:, 0]) + x[:, 1] * x[:, 2]


def squared_error(model, batch, key):
    import jax.numpy as jnp

    x, y = batch
    return jnp.mean((model(x)[:, 0] - y).astype(jnp.float32) ** 2), {}


def our_epoch(width, batch, data, updates, precision=None, epochs=1):
    import equinox as eqx
    import jax
    import jax.random as jr

    from ceteris.engine import fit
    from ceteris.nets import MLP
    from ceteris.recipe import Descend, Loss, Minibatches, optimiser

    sampler = Minibatches(data, batch, updates=updates)
    build = eqx.Partial(MLP, COLUMNS, 1, widths=(width, width, width))
    rule = Descend(build, Loss(squared_error), sampler, optimiser("adam", 1e-3))
    options = {"every": epochs, "precision": precision}
    begun = fit(rule, jr.key(0), steps=0, **options)
    return lambda: jax.block_until_ready(fit(rule, jr.key(0), steps=epochs, resume=begun, **options).model)


def scan_epoch(width, batch, data, updates, epochs=1):
    import equinox as eqx
    import jax
    import jax.random as jr
    import optax

    from ceteris.nets import MLP

    theta, static = eqx.partition(MLP(COLUMNS, 1, widths=(width, width, width), key=jr.key(0)), eqx.is_array)
    rule = optax.adam(1e-3)

    @jax.jit
    def train(carry, key, x, y):
        def update(carry, batch):
            theta, memory = carry
            loss = lambda theta: squared_error(eqx.combine(theta, static), batch, None)[0]
            value, gradient = jax.value_and_grad(loss)(theta)
            move, memory = rule.update(gradient, memory, theta)
            return (optax.apply_updates(theta, move), memory), value

        def epoch(carry, key):
            order = jr.permutation(key, len(x))[: updates * batch].reshape(updates, batch)
            return jax.lax.scan(update, carry, (x[order], y[order]))

        return jax.lax.scan(epoch, carry, jr.split(key, epochs))

    begun = theta, rule.init(theta)
    return lambda: jax.block_until_ready(train(begun, jr.key(1), *data))


def steps():
    for width, batch, updates in ((256, 256, 64), (1024, 1024, 64), (4096, 4096, 16)):
        data = rows(batch * updates)
        seconds = wall({
            "ours": our_epoch(width, batch, data, updates, epochs=5),
            "scan": scan_epoch(width, batch, data, updates, epochs=5),
        })  # fmt: skip
        each = {side: 1e6 * found / (5 * updates) for side, found in seconds.items()}
        ratio = seconds["scan"] / seconds["ours"]
        peer = f"{each['ours']:.0f} us an update, scan {each['scan']:.0f}"
        yield bench.at_least(f"3 x {width}, batches of {batch}: rate / optax scan", ratio, "ratio", 0.95, peer)


def precision():
    width = batch = 8192
    updates, data = 16, rows(batch * 16)
    sides = {name: our_epoch(width, batch, data, updates, name) for name in ("single", "mixed", "half")}
    seconds = wall(sides, 5)
    products = 6 * batch * (COLUMNS * width + 2 * width * width + width) * updates
    for name, found in seconds.items():
        yield bench.Row(f"3 x {width}, precision {name}", products / found / 1e12, "TFLOP/s")


def replay():
    import equinox as eqx
    import jax
    import jax.random as jr

    from ceteris.engine import fit
    from ceteris.nets import MLP
    from ceteris.recipe import Descend, Draws, Loss, Replay, optimiser

    def points(key):
        x = jr.normal(key, (256, COLUMNS))
        return x, x[:, 0] * x[:, 1]

    build = eqx.Partial(MLP, COLUMNS, 1, widths=(64, 64))
    cost = {}
    for capacity in (10_000, 4_000_000, 40_000_000):
        rule = Descend(build, Loss(squared_error), Replay(Draws(points), capacity, 256), optimiser("adam", 1e-3))
        times: list[float] = []
        fit(
            rule,
            jr.key(0),
            steps=2000,
            every=200,
            monitors=[lambda run, times=times: times.append(time.perf_counter())],
        )
        cost[capacity] = statistics.median(b - a for a, b in itertools.pairwise(times)) / 200
        buffer = capacity * (COLUMNS + 1) * 4 / 2**30
        held = jax.devices()[0].memory_stats()
        peak = held["peak_bytes_in_use"] / 2**30 if held else float("nan")
        peer = f"{1e6 * cost[capacity]:.0f} us a step; buffer {buffer:.2f} GiB, peak so far {peak:.2f} GiB"
        yield bench.at_most(f"replay of {capacity:,}: step / 10,000", cost[capacity] / cost[10_000], "ratio", 1.1, peer)


def randomness():
    import jax
    import jax.random as jr

    from ceteris.keys import fast

    draw, n = jax.jit(lambda key: jr.normal(key, (n,))), 10**8
    seconds = wall({
        "ours": lambda: draw(fast(jr.key(0))).block_until_ready(),
        "jax": lambda: draw(jr.key(0)).block_until_ready(),
    })  # fmt: skip
    ratio = seconds["jax"] / seconds["ours"]
    yield bench.Row("normal numbers, rate / JAX's own keys", ratio, "ratio", peer=f"{n / seconds['ours']:.3g} a second")


def beginning():
    for what, bar in (("growth", None), ("net", None)):
        found = bench.in_fresh_process("engine_one.py", what, environment={"CETERIS_CACHE": "off"})
        yield bench.Row(f"first answer, {what}: CPU seconds on the GPU's host", found["cpu"], "s", bar)


if __name__ == "__main__":
    import jax

    if jax.default_backend() == "cpu":
        sys.exit("No GPU is here: nothing to measure.")
    parts = {
        "steps": steps, "precision": precision, "replay": replay, "randomness": randomness, "beginning": beginning,
    }  # fmt: skip
    bench.main(parts, __file__)
