"""Architectures for the industry: tables 2 (linear demand) and 3 (ν = 1.5), every row one ensemble over seeds.

The nets are the published ones, of the published sizes: ρ(φ pooled) with ReLU activations and nothing else. They are
fitted by Levenberg-Marquardt, whose system is as large as the residuals are many, not the weights. The published row
"L = 2" of table 2 has more weights than L = 4: its 201.1K are those of L = 8, which is what is fitted here.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.engine import precision
from ceteris.equilibrium import GaussHermite, OneDraw, Trajectories
from ceteris.equilibrium.models.industry import Industry
from ceteris.equilibrium.policy import errors_at
from ceteris.equilibrium.recipe import make_plan
from ceteris.equilibrium.simulate import along_paths
from ceteris.equilibrium.solver import solve_economies
from ceteris.gallery._plots import panels
from ceteris.nets import DeepSet
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure


class Row(NamedTuple):
    """An architecture, and what was published: success, weights in thousands, seconds, test error, policy error."""

    name: str
    net: dict[str, Any]
    success: float | None
    weights: float
    seconds: float | None
    test: float | None
    policy: float | None = None


NARROW, WIDE = (128,) * 4, (256,) * 4
MOMENTS, PAIR = {"inner": "moments"}, {"inner": "moments", "degrees": (1, 2)}

LINEAR = (
    Row("identity", {"inner": "identity", "widths": NARROW}, 0.48, 49.4, 28, 5.0e-7, 1.0e-3),
    Row("moments (1, 2, 3, 4)", {**MOMENTS, "widths": NARROW}, 0.59, 50.3, 36, 1.2e-6, 1.3e-3),
    Row("moments (1, 2)", {**PAIR, "widths": NARROW}, 0.54, 50.0, 33, 1.0e-6, 1.2e-3),
    Row("moments, one layer", {**MOMENTS, "widths": (128,)}, 0.0, 0.8, None, None),
    Row("deep set, L = 4", {"inner": (128,), "widths": WIDE}, 0.97, 199.6, 17, 3.6e-7, 9e-4),
    Row("deep set, L = 8", {"inner": (128,), "widths": WIDE, "latent": 8}, 0.93, 201.1, 17, 4.3e-7, 9e-4),
    Row("deep set, L = 16", {"inner": (128,), "widths": WIDE, "latent": 16}, 0.93, 204.2, 14, 3.5e-7, 1.0e-3),
    Row("deep set, deep", {"inner": (128, 128), "widths": WIDE}, 1.0, 215.9, 25, 3.7e-7, 1.0e-3),
    Row("deep set, shallow", {"inner": (128,), "widths": (256, 256)}, 0.01, 68.0, 16, 3.5e-7, 1.0e-3),
)
NONLINEAR = (
    Row("moments (1, 2, 3, 4)", {**MOMENTS, "widths": NARROW}, None, 49.8, 26, 5.0e-6),
    Row("moments (1, 2)", {**PAIR, "widths": NARROW}, None, 49.5, 27, 5.1e-6),
    Row("moments, one layer", {**MOMENTS, "widths": (128,)}, None, 0.6, 252, 1.4),
    Row("moments, thin", {**MOMENTS, "widths": (32,) * 4}, None, 3.2, 66, 9.7e-6),
    Row("deep set, L = 4", {"inner": (128, 128), "widths": NARROW}, None, 67.1, 60, 4.7e-6),
    Row("deep set, L = 8", {"inner": (128, 128), "widths": NARROW, "latent": 8}, None, 68.1, 73, 4.9e-6),
    Row("deep set, L = 16", {"inner": (128, 128), "widths": NARROW, "latent": 16}, None, 70.2, 72, 5.4e-6),
    Row("deep set, one layer", {"inner": (128,), "widths": (128,)}, None, 1.4, 136, 4.8e6),
    Row("deep set, two layers", {"inner": (128, 128), "widths": (128, 128)}, None, 34.3, 47, 9.2e-6),
    Row("deep set, thin", {"inner": (32, 32), "widths": (32,) * 4}, None, 4.5, 52, 6.0e-6),
)
STATES, STEPS, ROUNDS = 128, 8, 3
RULE = OneDraw(GaussHermite(3))  # the common shock is small: three nodes are exact to degree five


class Pure(eqx.Module):
    """A deep set that sees the set and nothing beside it."""

    net: DeepSet

    def __call__(self, x: Any) -> jax.Array:
        return self.net(x["set"])


def pure(options: tuple[tuple[str, Any], ...], inputs: Any, outputs: int, *widths: int, key: jax.Array) -> Pure:
    """Build a published net; ReLU unless said, then with first weights of variance 1 / (3 inputs), as published."""
    chosen = {"activation": "relu", **dict(options)}
    net = DeepSet(1, outputs, key=key, **chosen)
    shrink = jnp.sqrt(6) if chosen["activation"] == "relu" else 1.0  # they have 2 / inputs here
    return Pure(jax.tree.map(lambda a: a / shrink if a.ndim == 2 else a, net))


class Published(Industry):
    """The industry with another network."""

    net: tuple[tuple[str, Any], ...] = eqx.field(static=True, default=())

    def recipe(self):
        return replace(super().recipe(), hypothesis=eqx.Partial(pure, self.net))


def trained(row: Row, nu: float, members: int, seed: int) -> list[Any]:
    """Solutions of all seeds, trained as one ensemble."""
    model = Published(nu=nu, net=tuple(row.net.items()))
    phases = [Trajectories(STATES, STEPS, paths=16, periods=64)] * ROUNDS
    # an error no seed reaches: every row has the same number of steps
    plan = make_plan(model, rule=RULE, tolerance=1e-12, phases=phases)
    return solve_economies([model] * members, members, plan, "relu", "single", seed)


@eqx.filter_jit
def test_states(model: Any, policy: Any, key: Any) -> Any:
    """States of 32 trajectories of 63 periods."""
    visited = along_paths(model, policy, key, 32, 64)
    return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), visited)


def measured(row: Row, nu: float, members: int, seed: int) -> dict[str, Any]:
    """Success, weights, seconds per seed, and median errors of one architecture, beside what was published."""
    begun = time.process_time()
    solutions = trained(row, nu, members, seed)
    cpu, tests, policies, losses = time.process_time() - begun, [], [], []
    with precision("single"):
        for i, solution in enumerate(solutions):
            model, policy = solution._model, solution.hypothesis
            s = test_states(model, policy, jr.key(10_000 + i))
            tests.append(float(jnp.mean(errors_at(model, policy, s, RULE.judge()).euler ** 2)))
            losses.append(solution.log[-1]["mean"])
            level, slope = solution.model.stable_root()
            u = solution.policy({"X": np.asarray(s.X)})["u"]
            policies.append(float(np.mean(np.abs(u / (level + slope * np.asarray(s.X).mean(1)) - 1))))
    weights = sum(a.size for a in jax.tree.leaves(eqx.filter(solutions[0].hypothesis.net, eqx.is_inexact_array)))
    best, policies = (np.nan_to_num(a, nan=np.inf) for a in (tests, policies))  # a path that exploded is no success
    return {
        "network": row.name,
        "published": np.nan if row.test is None else row.test,
        "ours": float(np.median(best)),
        "worst": float(best.max()),
        "policy": float(np.median(policies)),
        "success": float((best < 1e-6).mean()),
        "weights": weights / 1000,
        "cpu": cpu,
    }


def tabulated(rows: tuple[Row, ...], found: pd.DataFrame, nu: float, members: int) -> tuple[Table, Table]:
    """Errors, and what they cost: every published number in the column before ours."""
    of: Any = pd.DataFrame(rows)
    errors = {
        "network": found["network"],
        "test MSE, published": _scientific(found["published"]),
        "test MSE, ours": _scientific(found["ours"]),
        "worst seed": _scientific(found["worst"]),
    }
    if nu == 1:
        errors |= {"policy error %, published": 100 * of["policy"], "policy error %, ours": 100 * found["policy"]}
    costs = {
        "network": found["network"],
        "weights in thousands, published": of["weights"],
        "weights in thousands, ours": found["weights"],
        "seeds below 1e-6 %, published": 100 * of["success"],
        "seeds below 1e-6 %, ours": 100 * found["success"],
        "seconds, published": of["seconds"],
        "CPU seconds, ours": found["cpu"] / members,
    }
    if nu != 1:  # no rate of success is published there
        del costs["seeds below 1e-6 %, published"]
    return (
        Table("Test errors, published and ours", pd.DataFrame(errors), "Medians over seeds."),
        Table("Size, success and cost, published and ours", pd.DataFrame(costs), "CPU seconds per seed."),
    )


def _scientific(values: Any) -> list[str]:
    """Numbers that span many powers of ten, each with two digits."""
    return ["" if np.isnan(v) else f"{v:.1e}" for v in values]


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    axes.plot(data["ours"], data["network"], "o", label="ours")
    axes.plot(data["published"], data["network"], "x", label="published")
    axes.set(xscale="log", xlabel="test MSE")
    axes.invert_yaxis()
    axes.legend()


def section(number: int, rows: tuple[Row, ...], nu: float, members: int, seed: int) -> Section:
    """Table 2 or 3, with the published numbers beside ours."""
    found: Any = pd.DataFrame([measured(row, nu, members, seed) for row in rows])
    better = int((~(found["ours"] > found["published"])).sum())
    demand = "linear demand" if nu == 1 else f"demand with ν = {nu:g}"
    return Section(
        f"Architectures for {demand} (table {number})",
        f"N = 128, ν = {nu:g}. Every row is an ensemble of {members} seeds: {ROUNDS} rounds of {STEPS} steps of "
        f"Levenberg-Marquardt on {STATES} states along trajectories, in single precision, compilation included. "
        "In the published runs Adam stopped at a validation error of 1e-6. "
        "Test errors are mean squared Euler errors on 32 fresh trajectories, with four draws of the firms' shocks that "
        "were not trained on.",
        tabulated(rows, found, nu, members),
        (
            Figure(
                "Test errors", "Medians over seeds; crosses: as published.",
                found[["network", "ours", "published"]], _draw, (7.0, 4.0),
            ),
        ),
        (
            Check(
                f"test errors at or below those of table {number}", better == len(found),
                f"{better} of {len(found)} architectures have a median test error at or below the published one.",
                better, len(found),
            ),
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0, members: int | None = None) -> tuple[Section, ...]:
    """Tables 2 and 3; see `ceteris.gallery.sections`."""
    members = members or (2 if quick else 21)
    linear = tuple(row for row in LINEAR if row.name == "identity") if quick else LINEAR
    nonlinear = tuple(row for row in NONLINEAR if row.name == "moments, thin") if quick else NONLINEAR
    return (
        section(2, linear, 1.0, members, seed),
        section(3, nonlinear, 1.5, members, seed),
    )
