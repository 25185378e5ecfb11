"""Around the industry of many firms: its figures, one draw, three points in R⁵¹², two roots, and cost against N."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.engine import Ensemble, fit, precision
from ceteris.equilibrium import OneDraw, Solution, Trajectories, solve
from ceteris.equilibrium.expectation import GaussHermite, finer
from ceteris.equilibrium.models.industry import Industry
from ceteris.equilibrium.phases import no_builder, objective
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import errors, errors_at
from ceteris.equilibrium.simulate import along_paths
from ceteris.gallery._plots import panels, ticks_at
from ceteris.gallery.symmetry_tables import Published
from ceteris.nets import DeepSet
from ceteris.recipe import Descend, Fixed, LevenbergMarquardt, optimiser
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure


POLICY, RESIDUAL = 9e-4, 4.7e-6  # published for the deep set with L = 4: table 2, policy error; table 3, test MSE


class Line(eqx.Module):
    """The two-parameter policy u = level + slope · mean(X), as raw outputs of `Industry`."""

    model: Industry
    level: Any
    slope: Any

    def __call__(self, x: Any) -> Any:
        return (self.level + self.slope * x["common"]) / (self.model.delta * self.model.rest()) - 1


def trajectories(solution: Solution, paths: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean capital, investment and Euler errors on fresh paths, each of shape (periods, paths)."""
    with precision(solution.precision):
        model, policy = solution._model, solution.hypothesis
        visited = eqx.filter_jit(along_paths)(model, policy, jr.key(20_000 + seed), paths, 64)
        flat = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), visited)
        found = errors_at(model, policy, flat, finer(solution.rule, 1)[0])
        u = solution.policy({"X": np.asarray(flat.X)})["u"]
        shape = visited.X.shape[:2]
        return np.asarray(visited.X).mean(-1), u.reshape(shape), np.asarray(found.euler).reshape(shape)


# ------------------------------------------------------------------------------------------------- paths and residuals


def _draw_linear(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    left, right = panels(figure, 1, 2)
    left.plot(data["t"], data["u"], label="deep set")
    left.plot(data["t"], data["exact"], "--", label="linear-quadratic solution")
    left.set(xlabel="period", ylabel="investment u")
    left.legend()
    _band(right, data, "relative")
    right.axhline(POLICY, color="0.5", linestyle="--", label=f"published mean, {POLICY:.2%}")
    right.set(xlabel="period", ylabel="relative error of u", yscale="log")
    right.set_ylim(top=10 * POLICY)
    right.legend(loc="upper right")


def _draw_residuals(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    _band(axes, data, "euler")
    axes.axhline(np.sqrt(RESIDUAL), color="0.5", linestyle="--", label=f"root of the published mean square, {RESIDUAL}")
    axes.set(xlabel="period", ylabel="|Euler residual|", yscale="log")
    axes.set_ylim(top=10 * np.sqrt(RESIDUAL))
    axes.legend(loc="upper right")


def _band(axes: Any, data: pd.DataFrame, name: str) -> None:
    axes.plot(data["t"], data[f"{name} mean"])
    axes.fill_between(data["t"], data[f"{name} low"], data[f"{name} high"], alpha=0.3)


def _draw_demands(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    for nu, part in data.groupby("nu", sort=False):
        axes.plot(part["t"], part["u"], label=f"ν = {nu:g}")
    axes.set(xlabel="period", ylabel="investment u")
    axes.legend()


def band(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Mean and central 95 % over paths."""
    low, high = np.percentile(values, [2.5, 97.5], axis=1)
    return {f"{name} mean": values.mean(1), f"{name} low": low, f"{name} high": high}


def paths_section(demands: tuple[float, ...], paths: int, seed: int) -> Section:
    """Figures 1, 2, 4 and 5."""
    solutions = {nu: solve(Industry(nu=nu), seed=seed) for nu in demands}
    t = np.arange(64)
    K, u, _ = trajectories(solutions[1.0], paths, seed)
    level, slope = Industry().stable_root()
    exact = level + slope * K
    wrong = np.abs(u / exact - 1)
    linear = pd.DataFrame({"t": t, "u": u[:, 0], "exact": exact[:, 0], **band("relative", wrong)})
    curved = trajectories(solutions[1.5], paths, seed)
    residuals = pd.DataFrame({"t": t, **band("euler", np.abs(curved[2]))})
    each = {nu: trajectories(s, 1, seed)[1][:, 0] for nu, s in solutions.items()}
    investment = pd.concat([pd.DataFrame({"nu": nu, "t": t, "u": u}) for nu, u in each.items()])
    table = pd.DataFrame(
        [
            {"ν": nu, "CPU s": s.cpu, "test MSE": float(np.mean(trajectories(s, 32, seed + 1)[2] ** 2)), "met": s.met}
            for nu, s in solutions.items()
        ]
    )
    return Section(
        "The industry along its paths",
        "128 firms set out from X₀ with capital drawn around 0.9 and converge to a level where demand and depreciation "
        "balance. Default settings; nothing but ν changes between the solutions. The first solution pays for "
        "compilation.",
        (Table("Solutions", table),),
        (
            Figure(
                "Linear demand (figures 1 and 2)",
                f"One path of investment; relative errors of the policy on {paths} paths, mean and central 95 %.",
                linear, _draw_linear, (8.0, 3.6),
            ),
            Figure(
                "Euler residuals for ν = 1.5 (figure 4)",
                f"Absolute residuals on {paths} paths: mean and central 95 %.", residuals, _draw_residuals,
            ),
            Figure("Investment by demand (figure 5)", "One path each.", investment, _draw_demands),
        ),
        (
            Check(
                "linear-quadratic truth", bool(wrong.mean() < 1e-4),
                f"The mean relative distance of investment to the exact policy is {wrong.mean():.1e}; 1e-4 is the bar, "
                f"{POLICY:.0e} was published.", float(wrong.mean()), 1e-4,
            ),
            Check(
                "nonlinear demand", bool(np.mean(curved[2] ** 2) < 1e-8),
                f"The mean squared residual on fresh paths for ν = 1.5 is {np.mean(curved[2] ** 2):.1e}; {RESIDUAL} "
                "was published.", float(np.mean(curved[2] ** 2)), 1e-8,
            ),
        ),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ one draw


def _draw_one(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    axes.plot(data["N"], data["formula"], label="formula")
    axes.plot(data["N"], data["simulated"], "o", label="simulated")
    axes.set(xscale="log", yscale="log", xlabel="firms N", ylabel="standard deviation of the residual")
    ticks_at(axes, sorted(set(data["N"])))
    axes.legend()


def one_draw_section(sizes: tuple[int, ...], draws: int, seed: int) -> Section:
    """What one draw gets wrong at the true policy, in theory and in simulation."""
    rows = []
    with precision("double"):
        for n in sizes:
            model = Industry(firms=n)
            policy = Line(model, *model.stable_root())
            X = np.abs(np.random.default_rng(seed).normal(0.9, 0.05, n))
            rule = OneDraw(GaussHermite(1), normalise=False, fresh=True)
            euler = eqx.filter_jit(partial(_errors, model, policy, Point("state", {"X": jnp.asarray(X)}), rule))
            off = np.asarray(jax.lax.map(euler, jr.split(jr.key(seed), draws), batch_size=100))
            rows.append({"N": n, "formula": float(model.one_draw_error(n)[0]), "simulated": off.std()})
    table = pd.DataFrame(rows)
    gap = float(np.abs(table["simulated"] / table["formula"] - 1).max())
    return Section(
        "One draw of all firms' shocks",
        "At the exact policy for linear demand the residual computed with one draw is normal around zero, with a "
        "variance that falls as 1/N. A draw normalised to mean zero has no error here at all: the policy sees nothing "
        "but the mean. For N = 128 the squared error of one draw that is not normalised, 5e-6, is as large as the "
        "published test errors for ν = 1.5.",
        (Table("Standard deviation of the residual over draws", table),),
        (Figure("Error of one draw", "Formula and simulation agree; the slope is -1/2.", table, _draw_one),),
        (
            Check(
                "formula and simulation agree", gap < 4 / np.sqrt(2 * draws),
                f"They differ by at most {gap:.1%}; four standard errors are {4 / np.sqrt(2 * draws):.1%}.",
                gap, 4 / np.sqrt(2 * draws),
            ),
        ),
    )  # fmt: skip


def _errors(model: Any, policy: Any, s: Point, rule: OneDraw, key: Any) -> Any:
    return errors(model, policy, s, rule, key).euler


# -------------------------------------------------------------------------------------------------------- three points


@dataclass(frozen=True)
class ThreeStates(Trajectories):
    """Levenberg-Marquardt on three states, of mean capital 0.9, 0.79 and 0.69, instead of states on paths."""

    states: int = 3
    steps: int = 30
    paths: int = 3
    periods: int = 1

    def visited(self, economies: Any, key: Any) -> Point:
        means = np.array([0.9, 0.79, 0.69])[:, None]
        X = np.abs(means + 0.05 * np.random.default_rng(0).standard_normal((3, economies.model.firms)))
        return Point("state", {"X": jnp.asarray(X[None], float)})


def three_points_section(seed: int) -> Section:
    """Fit three states of 512 firms with 17.7 thousand weights; test on trajectories."""
    rows, paths = [], []
    for name in ("tanh", "relu"):
        net = {"inner": (128,), "widths": (128, 128), "activation": name}
        model = Published(firms=512, net=tuple(net.items()))
        solution = solve(model, seed=seed, phases=[ThreeStates()], tolerance=1e-12)
        K, u, off = trajectories(solution, 16, seed)
        level, slope = model.stable_root()
        exact = level + slope * K
        rows.append([f"ours, {name}", np.mean(off**2), np.mean(np.abs(u / exact - 1)), solution.cpu])
        paths.append(pd.DataFrame({"net": name, "K": K.ravel(), "u": u.ravel(), "exact": exact.ravel()}))
    mse, policy = rows[0][1:3]
    shown = [[name, f"{mse:.1e}", f"{policy:.2%}", f"{cpu:.1f}"] for name, mse, policy, cpu in rows]
    shown.append(["published", "5e-05", "0.06%", ""])
    table = pd.DataFrame(shown, columns=["", "Euler MSE", "policy error", "CPU s"])
    return Section(
        "Three points in 512 dimensions",
        "A net with 17.7 thousand weights meets the Euler equation at three states of 512 firms, and is tested on 16 "
        "trajectories. There are thousands of weights for every equation, and the fit is far from the only one; that "
        "it generalises is what symmetry buys: what matters is one number, the mean. A smooth net finds the slope "
        "between the points better than one with kinks. The two figures published do not go together: where u is off "
        "by 0.06 %, the squared residual is of the order of 1e-7.",
        (Table("On fresh trajectories", table),),
        (Figure("Policy against mean capital", "Exact and fitted.", pd.concat(paths), _draw_three),),
        (
            Check(
                "three points are enough", bool(policy < 0.01 and mse < 5e-5),
                f"The mean squared residual is {mse:.1e} (published 5e-5), the mean error of the policy {policy:.2%} "
                "(published 0.06 %; below 1 % is asked for).",
                float(policy), 0.01,
            ),
        ),
    )  # fmt: skip


def _draw_three(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    for name, part in data.groupby("net", sort=False):
        axes.plot(part["K"], part["u"], ".", markersize=2, label=f"fitted, {name}")
    line = data.sort_values("K")
    axes.plot(line["K"], line["exact"], color="0.5", label="exact")
    axes.set(xlabel="mean capital", ylabel="investment u")
    axes.legend()


# ------------------------------------------------------------------------------------------------------------ two roots


class Tilted(eqx.Module):
    """raw = net(X) + level + slope · (mean X - 0.7), all of it trained."""

    net: Any
    slope: Any
    level: Any

    def __call__(self, x: Any) -> Any:
        return self.net({"set": x["set"], "common": x["common"]}) + self.level + self.slope * (x["common"] - 0.7)


def states_on_a_grid(model: Industry, n: int, seed: int) -> Point:
    """Industries whose mean capital lies between 0.6 and 0.95: the same states for every policy."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.6, 0.95, (n, 1)) + 0.03 * rng.standard_normal((n, model.firms))
    return Point("state", {"X": jnp.asarray(X)})


def ended(slopes: np.ndarray, roots: Any, loss: np.ndarray) -> list[str]:
    """Which root a fitted slope belongs to."""
    names = ("stable", "explosive")
    near = np.abs(slopes[:, None] - np.array([root.slope for root in roots])).argmin(1)
    off = np.abs(slopes - np.array([roots[i].slope for i in near])) > 0.02
    return ["neither" if bad or not loss_ < 1e-4 else names[i] for i, bad, loss_ in zip(near, off, loss, strict=True)]


def roots_table(starts: np.ndarray, names: tuple[str, ...], members: int, seed: int) -> pd.DataFrame:
    """How often each rule ends at each root, by the slope dU/dK with which training starts."""
    model, rows = Industry(firms=32), []
    scale = model.delta * float(model.rest())
    build = eqx.Partial(DeepSet, 1, 1, common=1, inner=(16,), widths=(32, 32))
    with precision("double"):
        s = states_on_a_grid(model, 64, seed)
        nets = eqx.filter_vmap(lambda k: build(key=k))(jr.split(jr.key(seed), members))
        nets = jax.tree.map(lambda a: 0.3 * a if eqx.is_inexact_array(a) else a, nets)
        loss = objective(model, OneDraw(GaussHermite(3)))
        at = lambda net, K: scale * net({"common": jnp.full(1, K), "set": (jnp.full((32, 1), K),)})[0]
        slope = eqx.filter_jit(eqx.filter_vmap(lambda net: (at(net, 0.9) - at(net, 0.65)) / 0.25))
        for start in starts:
            tilted = Tilted(nets, jnp.full(members, start / scale), jnp.zeros(members))
            rules = {
                "Levenberg-Marquardt": (LevenbergMarquardt(no_builder, loss, Fixed(s)), 40),
                "Adam": (Descend(no_builder, loss, Fixed(s), optimiser("adam", 1e-3)), 3000),
            }
            for name in names:
                rule, steps = rules[name]
                first = slope(tilted)
                run = fit(Ensemble(rule, members, how="vmap"), jr.key(seed), steps=steps, every=steps, model=tilted)
                found, last = np.asarray(slope(run.model)), np.asarray(run.history["loss"][-1])
                where = ended(found, model.roots(), last)
                counts = {root: where.count(root) / members for root in ("stable", "explosive", "neither")}
                rows.append({"rule": name, "slope at start": float(np.mean(first)), **counts, "loss": np.median(last)})
    return pd.DataFrame(rows)


def _draw_roots(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    for name, part in data.groupby("rule", sort=False):
        axes.plot(part["slope at start"], part["explosive"], "o-", label=str(name))
    for root, style in zip(Industry().roots(), (":", "--"), strict=True):
        axes.axvline(root.slope, color="0.5", linestyle=style)
    axes.set(xlabel="slope of the policy at the start of training", ylabel="share that ends at the explosive root")
    axes.legend()


def roots_section(quick: bool, seed: int) -> Section:
    """Which of the two solutions of the Euler equation training finds."""
    starts = np.array([0.0, 0.3]) if quick else np.array([-0.2, -0.05, 0.0, 0.05, 0.1, 0.15, 0.22, 0.3])
    names = ("Levenberg-Marquardt",) if quick else ("Levenberg-Marquardt", "Adam")
    table = roots_table(starts, names, 3 if quick else 21, seed)
    flat, steep = (table[np.abs(table["slope at start"] - at) < 0.04] for at in (0.0, 0.3))
    both = bool((flat["stable"] > 0.5).all() and (steep["explosive"] > 0.5).any())
    middle = sum(float(root.slope) for root in Industry().roots()) / 2
    return Section(
        "Two roots",
        "Small residuals do not say which solution of the Euler equation was found: with linear demand a policy with "
        "slope +0.22 meets it as well as the stable one with slope -0.05. The paper reports that training never ends "
        "at the explosive one, and explains it by a bias of deep nets towards flat functions. Here training starts "
        "from nets whose policy has a given slope in mean capital, on states that are the same for all.\n\n"
        f"In the slope the Euler equation is a quadratic with its vertex between the roots, at {middle:.3f}: a method "
        "that goes downhill ends at the root on its side. Nets are drawn flat, on the stable side, and that is where "
        "they stay; nets that start steep end at the explosive root. What selects the solution is the start. Check "
        "the slope.",
        (Table("Share of seeds by where they end", table),),
        (Figure("Share that ends at the explosive root", "Lines mark the two roots.", table, _draw_roots),),
        (
            Check(
                "the start decides", both,
                "Flat starts end at the stable root and steep ones at the explosive root." if both
                else "Where training ended does not follow from where it started.",
            ),
        ),
    )  # fmt: skip


# ----------------------------------------------------------------------------------------------------- time against N


def _draw_time(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    axes.plot(data["N"], data["CPU s"], "o-")
    axes.set(xscale="log", yscale="log", xlabel="firms N", ylabel="CPU seconds of a solution, compiled")


def time_section(sizes: tuple[int, ...], seed: int) -> Section:
    """Figure 3: what a solution costs against the number of firms."""
    rows = []
    for n in sizes:
        phases = [Trajectories(64, 12)]
        run = partial(solve, Industry(firms=n, nu=1.5), phases=phases, tolerance=1e-12)
        begun = time.process_time()
        run(seed=seed)
        cold, begun = time.process_time() - begun, time.process_time()
        solution = run(seed=seed + 1)
        warm = time.process_time() - begun
        rows.append({"N": n, "CPU s": warm, "cold": cold, "mean error": float(solution.log[-1]["mean"])})
    table = pd.DataFrame(rows)
    large = table[table["N"] >= 100]
    slope = float(np.polyfit(np.log(large["N"]), np.log(large["CPU s"]), 1)[0]) if len(large) > 1 else 0.0
    return Section(
        "Cost against the number of firms",
        "One round of 12 steps on 64 states for ν = 1.5; the same network and the same number of states for every N. "
        "The more firms, the better one draw, and the smaller the error.",
        (Table("CPU seconds of a solution", table),),
        (Figure("Time against N (figure 3)", "Both axes logarithmic.", table, _draw_time),),
        (
            Check(
                "no worse than linear", slope <= 1.1,
                f"From N = 100 on, the cost grows as N to the power {slope:.2f}.", slope, 1.1,
            ),
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """All experiments, the quick ones only if quick; see `ceteris.gallery.sections`."""
    first = (
        paths_section((1.0, 1.5) if quick else (1.0, 1.05, 1.1, 1.5), 16 if quick else 256, seed),
        one_draw_section((4, 64) if quick else (2, 8, 32, 128, 512, 2048, 10_000), 400 if quick else 2000, seed),
        roots_section(quick, seed),
    )
    return first if quick else (*first, three_points_section(seed), time_section((2, 10, 100, 1_000, 10_000), seed))
