"""One cold solution of one model in a process of its own: ``python equilibrium_one.py NAME SEED`` prints a JSON object.

CPU seconds count everything from the start of the process to the solution: imports, compilation, training, the checks
between phases. Judging comes after. "ergodic" is a 10,000-period simulation after burn-in, without resets.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the slow routes live with the tests


def solved(model, seed, **options):
    from ceteris.equilibrium import solve

    solution = solve(model, seed=seed, **options)
    return solution, {"cpu": time.process_time(), "met": solution.met}


def euler_facts(solution, **options):
    accuracy = solution.accuracy(**options)
    facts = {"mean": accuracy.mean, "p99.9": float(accuracy.path.loc["all", "p99.9"]), "max": accuracy.max}
    return accuracy, facts


def visited(solution, periods=1000, paths=10):
    paths_ = solution.simulate(periods, paths, seed=11, burn_in=500)
    flat = lambda group: {name: value.reshape(-1, *value.shape[2:]) for name, value in group.items()}
    return flat(paths_.states), flat(paths_.actions)


def gap(found, true):
    error = np.abs(np.asarray(found) / np.asarray(true) - 1)
    return {"policy mean": float(error.mean()), "policy max": float(error.max())}


def growth_full(seed):
    from ceteris.equilibrium.models.growth import Growth

    solution, facts = solved(Growth(delta=1.0), seed)
    accuracy, more = euler_facts(solution)
    return {**facts, **more, "policy mean": float(accuracy.truth.loc["c", "mean"])}


def growth(seed):
    from ceteris.equilibrium.models.growth import Growth
    from truth import growth as slow

    solution, facts = solved(Growth(), seed)
    s, a = visited(solution)
    return {**facts, **euler_facts(solution)[1], **gap(a["c"], slow.solve().consumption(s["k"], s["z"]))}


def olg_analytic(seed):
    from ceteris.equilibrium.models.olg_analytic import AnalyticOLG

    solution, facts = solved(AnalyticOLG(), seed)
    paths = solution.simulate(1000, 10, seed=11)
    left = np.arange(6, 1, -1)
    exact = 0.7 * (1 - 0.7 ** (left - 1)) / (1 - 0.7**left)
    error = np.abs(paths.definitions.rate - exact)
    return {**facts, **euler_facts(solution)[1], "rate mean": float(error.mean()), "rate max": float(error.max())}


def olg(seed, limit=0.0):
    from ceteris.equilibrium.models.olg import OLG

    solution, facts = solved(OLG(limit=limit), seed)
    accuracy, _ = euler_facts(solution, burn_in=2000)
    paths = solution.simulate(10_000, 1, seed=2, burn_in=2000)  # the path of accuracy(): same seed
    bound = paths.definitions.binding[:, 0].astype(bool)
    error = np.where(bound, 0.0, np.abs(accuracy.raw["euler"]))  # where the limit binds, complementarity counts
    more = {"mean": error.mean(), "p99.9": np.percentile(error, 99.9), "max": error.max()}
    K = paths.definitions.K
    slack = {"slackness": float(np.where(bound, np.abs(accuracy.raw["euler"]), 0.0).mean()), "K mean": float(K.mean())}
    return {**facts, **{name: float(v) for name, v in more.items()}, **slack, "binding": float(bound.mean())}


def olg_loose(seed):
    return olg(seed, -0.5)


def olg_bonds(seed):
    from ceteris.equilibrium.models.olg_bonds import OLGBonds

    solution, facts = solved(OLGBonds(), seed)
    accuracy, more = euler_facts(solution, burn_in=2000)
    by_equation = {f"{name} {k}": float(accuracy.path.loc[name, k]) for name in accuracy.raw for k in ("mean", "max")}
    paths = solution.simulate(10_000, 1, seed=2, burn_in=2000)
    K = paths.definitions.K
    d = paths.definitions
    extra = {"K mean": float(K.mean()), "K sd": float(K.std()), "clearing": float(np.abs(d.clearing).max())}
    return {**facts, **more, **by_equation, **extra}


def irbc(seed, countries=2, irreversible=False):
    from ceteris.equilibrium.models.irbc import IRBC
    from truth import irbc as slow

    solution, facts = solved(IRBC(countries=countries, irreversible=irreversible), seed)
    facts |= euler_facts(solution, periods=10_000 if countries < 50 else 2_000)[1]
    checks = {check.name: check.passed for check in solution.checks()}
    facts["rests"] = checks["rests without shocks"] and checks["rests near the steady state"]
    if countries == 2:
        reference = slow.solve(irreversible)
        s, a = visited(solution)
        facts |= {f"ergodic {k}": v for k, v in gap(a["k1"], reference.policy(s["k"], s["z"]).k_next).items()}
        rng = np.random.default_rng(0)
        k, z = rng.uniform(0.8, 1.2, (5000, 2)), rng.uniform(-0.16, 0.16, (5000, 2))
        taken = solution.policy({"k": k, "z": z})
        facts |= {f"box {name}": v for name, v in gap(taken["k1"], reference.policy(k, z).k_next).items()}
        facts["lowest investment"] = float(min(taken["i"].min(), a["i"].min()))
        facts["binding"] = float((taken["i"] <= 0).mean())
    return facts


def irbc_irreversible(seed):
    return irbc(seed, irreversible=True)


def irbc10(seed):
    return irbc(seed, 10)


def irbc50(seed):
    return irbc(seed, 50)


def consumption_saving(seed):
    from ceteris.equilibrium.models.consumption_saving import ConsumptionSaving
    from truth import consumption_saving as slow

    solution, facts = solved(ConsumptionSaving(), seed)
    reference = slow.solve()
    s, a = visited(solution)
    facts |= {**euler_facts(solution)[1], **gap(a["c"], reference.consumption(s["x"], s["y"]))}
    y = np.repeat(np.arange(7), 401)
    kink = np.array([reference.kink[j] for j in range(7)])
    x = np.repeat(kink, 401) * np.tile(np.linspace(0.9, 1.1, 401), 7)  # ten per cent on both sides of each kink
    near = gap(solution.policy({"x": x, "y": y})["c"], reference.consumption(x, y))
    return {**facts, "kink mean": near["policy mean"], "kink max": near["policy max"]}


def krusell_smith(seed, agents=False):
    from ceteris.equilibrium.models import krusell_smith as home

    solution, facts = solved((home.KrusellSmithAgents if agents else home.KrusellSmith)(), seed)
    _, more = euler_facts(solution, burn_in=2000)
    paths = solution.simulate(3000, 4, seed=12, burn_in=1000)
    K, z = paths.definitions.K, paths.states.z
    r2 = 1.0
    for state in (0, 1):
        now = z[:-1] == state
        x, y = np.log(K[:-1][now]), np.log(K[1:][now])
        fit = np.polyval(np.polyfit(x, y, 1), x)
        r2 = min(r2, 1 - ((y - fit) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    return {**facts, **more, "R2": float(r2), "K mean": float(K.mean())}


def krusell_smith_agents(seed):
    return krusell_smith(seed, True)


def quick():
    from ceteris.equilibrium import Polish

    return [Polish(300, 40, box_share=0.5)]


def sweep(seed):
    """64 calibrations in one ensemble against one, both cold: the one runs first, in a process of its own."""
    import subprocess

    from ceteris.equilibrium import solve_many
    from ceteris.equilibrium.models.growth import Growth

    one = json.loads(subprocess.run([sys.executable, __file__, "alone", "0"], capture_output=True, check=True).stdout)
    before = time.process_time()
    betas = np.linspace(0.9, 0.99, 64)
    found = solve_many(Growth(), {"beta": betas}, phases=quick(), tolerance=1e-5)
    cost = time.process_time() - before
    worst = max(float(s.log[-1]["mean"]) for s in found)
    return {"ratio": cost / one["cpu"], "worst": worst, "cpu": cost, "one": one["cpu"]}


def alone(seed):
    from ceteris.equilibrium import solve
    from ceteris.equilibrium.models.growth import Growth

    before = time.process_time()
    solve(Growth(), phases=quick(), tolerance=1e-5)
    return {"cpu": time.process_time() - before}


def speed(seed):
    import jax
    import jax.numpy as jnp

    from ceteris.equilibrium import Polish, solve
    from ceteris.equilibrium.models.growth import Growth
    from ceteris.testing import count_compilations

    phases = [Polish(100, 5)]
    solution = solve(Growth(), phases=phases, tolerance=1e-14)
    with count_compilations() as compiled:
        solve(Growth(beta=0.97), phases=phases, tolerance=1e-14, seed=3)
    solution.simulate(1000, 2000)
    times = []
    for seed in range(5):
        start = time.perf_counter()
        solution.simulate(1000, 2000, seed=seed)
        times.append(time.perf_counter() - start)
    return {"periods per second": 2e6 / np.median(times), "compiled": len(compiled), "step ratio": step_ratio(jax, jnp)}


def step_ratio(jax, jnp):
    """An episode step of the growth model at width 128 against the matrix products it needs, single precision.

    A step asks the network at 256 states and 7 successors each, forwards (once more to simulate) and backwards (two
    products per product): 3 x 256 x 8 + 256 rows through each layer.
    """
    from ceteris.engine import fit, precision
    from ceteris.equilibrium.expectation import GaussHermite
    from ceteris.equilibrium.model import start_states, traced
    from ceteris.equilibrium.models.growth import Growth
    from ceteris.equilibrium.phases import Episodes, objective
    from ceteris.equilibrium.policy import blank
    from ceteris.equilibrium.simulate import Economies, starts_of
    from ceteris.nets import trainable
    from ceteris.recipe import Descend, optimiser

    with precision("single"):
        model = traced(Growth())
        one = jax.tree.map(lambda a: a[0], start_states(model, jax.random.key(0), 1))
        policy = blank(model, one, None, (128, 128), "tanh", jax.random.key(1))
        economies = Economies(model, policy, starts_of(model, jax.random.key(0), 256))
        sampler = Episodes(paths=256, horizon=1, updates=1).sampler(economies)
        step = Descend(blank, objective(model, GaussHermite(7)), sampler, optimiser("adam", 1e-3), trainable=trainable)
        run = lambda: fit(step, jax.random.key(2), steps=200, every=200, model=policy)
        run()
        rows, W = 256 * 8, [jnp.ones(s) for s in ((2, 128), (128, 128), (128, 1))]
        x = [jnp.ones((rows, w.shape[0])) for w in W]
        y = [jnp.ones((rows, w.shape[1])) for w in W]

        @jax.jit
        def products(W, x, y):
            def body(_, carry):
                total, W = carry
                for i, w in enumerate(W):
                    total += (x[i] @ w).sum() + (x[i][:256] @ w).sum() + (y[i] @ w.T).sum() + (x[i].T @ y[i]).sum()
                return total, [w + 1e-12 * total for w in W]  # nothing may be hoisted out of the loop

            return jax.lax.fori_loop(0, 200, body, (0.0, W))[0]

        products(W, x, y).block_until_ready()
        ratios = []
        for _ in range(5):
            start = time.process_time()
            run()
            middle = time.process_time()
            products(W, x, y).block_until_ready()
            ratios.append((middle - start) / (time.process_time() - middle))
    return float(np.median(ratios))


if __name__ == "__main__":
    found = globals()[sys.argv[1]](int(sys.argv[2]))
    print(json.dumps({name: float(value) for name, value in found.items()}))
