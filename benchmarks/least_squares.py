"""Levenberg-Marquardt: our step rule against nlls-gram, the library nearest to it; and first order against second.

Both fit the same net (hidden layers of 32 and 32) from the same weights to the same points of a Genz function, full
batch, single precision, nlls-gram at its defaults. Alone, and ten problems at once (ours as an ensemble, the peer under
``jax.vmap``). CPU seconds of a warm run, and the root mean square residual reached.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from threadpoolctl import threadpool_limits

import bench
from ceteris.data.genz import simulate_genz
from ceteris.engine import Ensemble, fit
from ceteris.gallery.genz import residual
from ceteris.nets import MLP
from ceteris.recipe import KINDS, Descend, Fixed, LevenbergMarquardt, PointResiduals, optimiser

N, D, STEPS, MEMBERS = 200, 5, 20, 10
BUILD = eqx.Partial(MLP, D, 1, widths=(32, 32), activation="tanh")


def data():
    problems = [simulate_genz("gaussian", D, N, seed=s) for s in range(MEMBERS)]
    y = np.stack([p.y for p in problems])
    y = (y - y.mean(1, keepdims=True)) / y.std(1, keepdims=True)
    return jnp.asarray(np.stack([2 * p.x - 1 for p in problems]), jnp.float32), jnp.asarray(y, jnp.float32)


def peer(batched):
    from nlls_gram import LevenbergMarquardt as Peer

    points = data() if batched else jax.tree.map(lambda a: a[0], data())

    def solve(weights, rest, xy):
        solver = Peer(lambda w, xy: eqx.combine(w, rest)(xy[0])[:, 0] - xy[1])
        state = solver.init(weights, xy)
        step = lambda carry, _: (solver.update(*carry, xy)[:2], ())
        (weights, _), _ = jax.lax.scan(step, (weights, state), length=STEPS)
        return jnp.sqrt(jnp.mean((eqx.combine(weights, rest)(xy[0])[:, 0] - xy[1]) ** 2))

    def one(key, xy):
        weights, rest = eqx.partition(BUILD(key=key), eqx.is_inexact_array)
        return solve(weights, rest, xy)

    program = jax.jit(jax.vmap(one) if batched else one)
    keys = jr.split(jr.key(0), MEMBERS) if batched else jr.key(0)

    def run():
        with threadpool_limits(1, user_api="blas"):  # the same for both sides
            return jax.block_until_ready(program(keys, points))

    return run


def ours(batched, steps=STEPS):
    x, y = data()
    rule = LevenbergMarquardt(BUILD, PointResiduals(residual), Fixed((x[0], y[0])))
    algorithm = Ensemble(rule, MEMBERS, lambda a: a.sampler.data, (x, y), how="vmap") if batched else rule
    return lambda: np.sqrt(fit(algorithm, jr.key(0), steps=steps, every=steps).history["loss"][-1])


def against_nlls_gram():
    for batched in (False, True):
        sides = {"ours": ours(batched), "peer": peer(batched)}
        for run in sides.values():
            run()
        cpu = {side: bench.cpu_seconds(run, 5) for side, run in sides.items()}
        ratio = cpu["ours"] / cpu["peer"]
        steps = int(STEPS / ratio)  # as many of ours as take the time of the peer's
        found, theirs = float(np.median(ours(batched, steps)())), float(np.median(sides["peer"]()))
        what = f"{MEMBERS if batched else 1} problem(s) of {N} points"
        yield bench.Row(
            f"{what}: CPU of a step / nlls-gram's", ratio, "ratio", peer=f"{cpu['peer'] / STEPS:.4f} CPU-s a step"
        )
        yield bench.at_most(
            f"{what}: residual in the same time", found, "rms", theirs, f"{steps} steps against {STEPS}"
        )


def optimisers():
    """What a budget of CPU time buys: Levenberg-Marquardt, then every first-order rule with about the same time."""
    x, y = (a[0] for a in data())
    second = LevenbergMarquardt(BUILD, PointResiduals(residual), Fixed((x, y)))
    fit(second, jr.key(0), steps=STEPS, every=STEPS)
    budget = bench.cpu_seconds(lambda: fit(second, jr.key(0), steps=STEPS, every=STEPS))
    found = float(np.sqrt(fit(second, jr.key(0), steps=STEPS, every=STEPS).history["loss"][-1]))
    yield bench.Row("Levenberg-Marquardt: residual", found, "rms", peer=f"{STEPS} steps, {budget:.3f} CPU-s")
    for name in KINDS:
        rule = Descend(BUILD, PointResiduals(residual), Fixed((x, y)), optimiser(name))
        fit(rule, jr.key(0), steps=200, every=200)
        each = bench.cpu_seconds(lambda rule=rule: fit(rule, jr.key(0), steps=200, every=200)) / 200
        steps = max(int(budget / each), 1)
        loss = fit(rule, jr.key(0), steps=steps, every=200).history["loss"]
        yield bench.Row(f"{name}: residual in the same time", float(np.sqrt(loss[-1])), "rms", peer=f"{steps} steps")


if __name__ == "__main__":
    bench.main({"nlls-gram": against_nlls_gram, "optimisers": optimisers}, __file__)
