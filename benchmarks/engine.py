"""The engine's own bars: a first answer, calls, steps against hand-written loops, replay, ensembles, lines of code.

What is measured on one core in a process of its own is in engine_one.py: its affinity is set before JAX starts.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench

ROWS, COLUMNS, WIDTHS, BATCH = 100_000, 50, (256, 256, 256), 256
CAPACITIES = (10**4, 10**5, 10**6, 4 * 10**6)
ONE = {"OMP_NUM_THREADS": "1"}


def first_answer():
    """CPU seconds of a whole new process, imports included, medians: without a cache, filling ours, with it filled."""
    for part, what, cold, warm in (
        ("growth", "solve(Growth(delta=1.0))", 9, 3.5),
        ("net", "2 x 32 with dropout, 700 updates", 4, 1.5),
    ):
        seconds = lambda runs: statistics.median(run["cpu"] for run in runs)
        yield bench.Row(f"{what}: imports alone", seconds(_processes(f"import_{part}", "off")), "CPU s")
        bare = _processes(part, "off")
        yield bench.at_most(f"{what}: no cache", seconds(bare), "CPU s", cold, bare[0]["note"])
        with tempfile.TemporaryDirectory() as folder:
            (first,) = _processes(part, folder, 1)
            yield bench.Row(f"{what}: an empty cache, filled", first["cpu"], "CPU s")
            filled = _processes(part, folder)
            yield bench.at_most(f"{what}: a filled cache", seconds(filled), "CPU s", warm, filled[0]["note"])


def _processes(part, cache, count=5):
    """Run a part in new processes, one after the other, that keep compiled programs where a user's are kept."""
    return [
        bench.in_fresh_process("engine_one.py", part, environment=ONE | {"CETERIS_CACHE": cache}) for _ in range(count)
    ]


def calls():
    """What `fit` costs where the step is nothing: a call of one step, and each further chunk of one step."""
    found = bench.in_fresh_process("engine_one.py", "call", environment=ONE)
    for name, key, bar in (("a call of fit", "", 3), ("a chunk", "chunk_", 0.5)):
        cpu, wall = (1e3 * found[f"{key}{clock}"] for clock in ("cpu", "wall"))
        yield bench.at_most(f"{name}, compiled before", cpu, "CPU ms", bar, f"wall {wall:.2f} ms")


def steps():
    """Updates per second of `fit` against a scan and a Python loop written by hand, turn and turn about on one core."""
    for width, batch, updates, epochs in ((32, 64, 100, 200), (256, 64, 100, 10), (1024, 256, 20, 3)):
        for kind, step in (("epochs", f"{updates} updates a step"), ("single", "one update a step")):
            sizes = map(str, (width, batch, updates, epochs))
            found = bench.in_fresh_process("engine_one.py", "steps", kind, *sizes, environment=ONE)
            each = ", ".join(f"{side} {1e6 * seconds:.4g}" for side, seconds in found["each"].items())
            peer = f"CPU microseconds an update: {each}"
            yield bench.at_least(f"speed / a scan by hand, width {width}, {step}", found["scan"], "ratio", 0.95, peer)
            if width == 256:
                yield bench.at_least(
                    f"speed / a jitted loop, width {width}, {step}", found["loop"], "ratio", 0.95, peer
                )


def replay():
    """A step and the most memory ever held, with ever more points remembered."""
    found = {n: bench.in_fresh_process("engine_one.py", "replay", str(n), environment=ONE) for n in CAPACITIES}
    small = found[CAPACITIES[0]]
    for capacity, one in found.items():
        peer = f"{1e6 * one['step']:.0f} CPU microseconds a step"
        if capacity > CAPACITIES[0]:
            ratio = one["step"] / small["step"]
            yield bench.at_most(f"a step, {capacity:.0e} / {CAPACITIES[0]:.0e} points", ratio, "ratio", 1.1, peer)
    held = (one["peak"] - small["peak"]) / (one["buffer"] - small["buffer"])
    peer = f"peak {one['peak'] / 2**20:.0f} MiB, points {one['buffer'] / 2**20:.0f} MiB"
    yield bench.at_most("copies of the points at the peak", held, "", 1.1, peer)


def supervised(width, rows, key_number=0, epochs_per_step=1):
    """A regression with Adam on ``rows`` rows of ten columns; the training rows are a traced leaf."""
    import equinox as eqx
    import jax.numpy as jnp
    import jax.random as jr

    from ceteris.nets import MLP
    from ceteris.recipe import Descend, Loss, Minibatches, optimiser

    x = jr.normal(jr.key(key_number), (rows, 10))
    y = jnp.sin(x[:, 0]) + x[:, 1] * x[:, 2]
    sampler = Minibatches((x, y), 64, rows=jnp.arange(rows - rows // 5))
    return Descend(
        eqx.Partial(MLP, 10, 1, widths=(width, width)), Loss(squared_error), sampler, optimiser("adam", 1e-3)
    )


def squared_error(model, batch, key):
    import jax.numpy as jnp

    x, y = batch
    return jnp.mean((model(x)[:, 0] - y) ** 2), {}


def ensembles():
    """5 folds x 10 members in one ensemble against 50 separate warm fits, and where batching stops to pay."""
    import jax
    import jax.numpy as jnp
    import jax.random as jr

    from ceteris.engine import Ensemble, fit

    rows, steps = 1000, 20
    fold = lambda i: jnp.setdiff1d(jnp.arange(rows), jnp.arange(i, rows, 5), size=rows - rows // 5)
    folds = jnp.concatenate([jnp.repeat(fold(i)[None], 10, axis=0) for i in range(5)])
    for width in (8, 16, 32, 64, 128):
        one = supervised(width, rows)
        sides = {"separate": lambda one=one: _separate(one, folds, steps)}
        for how in ("auto", "vmap", "loop"):
            many = Ensemble(one, 50, over=lambda a: a.sampler.rows, values=folds, how=how)
            sides[how] = lambda many=many: jax.block_until_ready(
                fit(many, jr.key(0), steps=steps, every=steps).state[:1]
            )
        for run in sides.values():
            run()
        times = {side: [] for side in sides}
        for _ in range(5):  # turn and turn about
            for side, run in sides.items():
                times[side].append(bench.cpu_seconds(run, 1))
        seconds = {side: statistics.median(found) for side, found in times.items()}
        ratio = {how: seconds[how] / seconds["separate"] for how in ("auto", "vmap", "loop")}
        peer = f"vmap {ratio['vmap']:.2f}, loop {ratio['loop']:.2f}; 50 fits {seconds['separate']:.2f} CPU-s"
        yield bench.at_most(
            f"50 members, width {width}: CPU / separate", ratio["auto"], "ratio", 0.6 if width <= 32 else 1.05, peer
        )


def _separate(one, folds, steps):
    """Fit the members one by one, as a user without ensembles would."""
    import equinox as eqx
    import jax
    import jax.random as jr

    from ceteris.engine import fit

    for i, rows in enumerate(folds):
        member = eqx.tree_at(lambda a: a.sampler.rows, one, rows)
        jax.block_until_ready(fit(member, jr.key(i), steps=steps, every=steps).state[:1])


def recompilation():
    """A second fit of the same shapes, other data, other seed, other rate."""
    import jax.random as jr

    from ceteris.engine import fit
    from ceteris.testing import count_compilations

    start = time.perf_counter()
    fit(supervised(32, 500), jr.key(0), steps=2)
    first = time.perf_counter() - start
    again = supervised(32, 500, key_number=1)
    with count_compilations() as compiled:
        start = time.perf_counter()
        fit(again, jr.key(1), steps=2)
        second = time.perf_counter() - start
    yield bench.at_most("programs compiled by a second fit", len(compiled), "", 0)
    yield bench.Row("first fit, wall", first, "s", peer=f"second {second:.3f} s")


def startup():
    """What a user waits for before anything happens; medians of seven runs of a fresh interpreter."""

    def wall(*command):
        times = []
        for _ in range(7):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    bare = wall(sys.executable, "-c", "pass")
    yield bench.at_most("import ceteris", wall(sys.executable, "-c", "import ceteris") - bare, "s", 0.3)
    yield bench.at_most("ceteris --help", wall(str(Path(sys.executable).with_name("ceteris")), "--help"), "s", 0.5)


def throughput():
    """One epoch of 100,000 x 50 through 3 x 256, Adam, batches of 256: ours, PyTorch's, and bare matrix products."""
    import jax
    import jax.random as jr
    import numpy as np

    table = np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype(np.float32)
    target = np.sin(table[:, 0]) + table[:, 1]
    epochs = {"ours": _our_epoch(table, target), "products": _product_epoch(jax, jr)}
    try:
        epochs["torch"] = _torch_epoch(table, target)
    except ImportError:
        print(
            "PyTorch is not installed; its side is left out (install a CPU build of torch to compare).", file=sys.stderr
        )
    seconds: dict[str, list[float]] = {side: [] for side in epochs}
    for _ in range(5):  # turn and turn about, so that a busy minute hits all sides
        for side, epoch in epochs.items():
            start = time.perf_counter()
            epoch()
            seconds[side].append(time.perf_counter() - start)
    median = {side: statistics.median(times) for side, times in seconds.items()}
    rate = ROWS / median["ours"]
    yield bench.Row(
        "throughput, 3 x 256", rate, "rows/s", peer=f"matrix products alone {ROWS / median['products']:.0f} rows/s"
    )
    yield bench.Row("time / bare matrix products, ours", median["ours"] / median["products"], "ratio")
    if "torch" in median:
        yield bench.at_least("throughput against a plain PyTorch loop", median["torch"] / median["ours"], "ratio", 1.5,
                             f"PyTorch {ROWS / median['torch']:.0f} rows/s")  # fmt: skip
        yield bench.Row("time / bare matrix products, PyTorch", median["torch"] / median["products"], "ratio")


def _our_epoch(table, target):
    import equinox as eqx
    import jax
    import jax.random as jr

    from ceteris.engine import fit
    from ceteris.nets import MLP
    from ceteris.recipe import Descend, Loss, Minibatches, optimiser

    build = eqx.Partial(MLP, COLUMNS, 1, widths=WIDTHS, activation="relu")
    rule = Descend(build, Loss(squared_error), Minibatches((table, target), BATCH), optimiser("adam", 1e-3))
    epoch = lambda: jax.block_until_ready(fit(rule, jr.key(0), steps=1, every=1).state[:1])
    epoch()
    return epoch


def _product_epoch(jax, jr):
    """The matrix products of one epoch and nothing else: forward, and both products of backward."""
    import jax.numpy as jnp

    sizes = (COLUMNS, *WIDTHS, 1)
    weights = [jr.normal(jr.key(i), shape) / 16 for i, shape in enumerate(itertools.pairwise(sizes))]
    inputs = [jr.normal(jr.key(9), (BATCH, n)) for n in sizes]

    @jax.jit
    def epoch(weights, inputs):
        def step(carry, _):
            weights, inputs = carry
            forward = [a @ w for a, w in zip(inputs, weights, strict=False)]
            by_weight = [a.T @ z for a, z in zip(inputs, forward, strict=False)]
            back = [z @ w.T for z, w in zip(forward[1:], weights[1:], strict=True)]  # none is needed for the inputs
            weights = [w + 1e-30 * g for w, g in zip(weights, by_weight, strict=True)]  # so that nothing is dropped
            inputs = [inputs[0], *(a + 1e-30 * b for a, b in zip(inputs[1:-1], back, strict=True)), inputs[-1]]
            return (weights, inputs), ()

        final = jax.lax.scan(step, (weights, inputs), length=ROWS // BATCH)[0]
        return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(final))  # or the compiler drops what is not looked at

    run = lambda: jax.block_until_ready(epoch(weights, inputs))
    assert jnp.isfinite(run())
    return run


def _torch_epoch(table, target):
    import torch

    x, y = torch.from_numpy(table), torch.from_numpy(target.astype("float32"))
    layers, size = [], COLUMNS
    for width in WIDTHS:
        layers += [torch.nn.Linear(size, width), torch.nn.ReLU()]
        size = width
    net = torch.nn.Sequential(*layers, torch.nn.Linear(size, 1))
    rule = torch.optim.Adam(net.parameters(), lr=1e-3)

    def epoch():
        order = torch.randperm(ROWS)
        for first in range(0, ROWS - BATCH + 1, BATCH):
            rows = order[first : first + BATCH]
            rule.zero_grad()
            loss = torch.nn.functional.mse_loss(net(x[rows])[:, 0], y[rows])
            loss.backward()
            rule.step()

    epoch()
    return epoch


def size():
    folder = Path(__file__).parents[1] / "src" / "ceteris"
    files = [*folder.glob("engine/*.py"), *folder.glob("recipe/*.py")]
    lines = [line for f in files for line in f.read_text().splitlines()]
    written = sum(bool(line.strip()) for line in lines)
    what = "lines of engine and recipe, not counting blank ones"
    yield bench.at_most(what, written, "lines", 2200, f"{len(lines)} in all")


if __name__ == "__main__":
    parts = {
        "first_answer": first_answer,
        "calls": calls,
        "steps": steps,
        "replay": replay,
        "ensembles": ensembles,
        "recompilation": recompilation,
        "startup": startup,
        "throughput": throughput,
        "size": size,
    }
    bench.main(parts, __file__)
