"""Networks on Genz's six functions: error against sample size in two, five and ten dimensions.

A network is fitted to 10, 50, 100 and 500 points of a function without noise; average and maximum error are
taken over 1,000 fresh points. All functions and replications of one size are fitted side by side as one
ensemble, whose members differ in their data and in their first weights.

Every point matters and there is no noise, so the fit is a least-squares problem to be solved to several
digits: Levenberg-Marquardt does that in a few dozen steps, and a small ridge chooses among the many nets
that interpolate. Most functions are learnt in a few steps and some, those with a kink or a jump, in many: each
net goes on until its error on its own sample is small, or the steps are used up. The ridge falls with the sample
size: a fixed one is soon larger than the error that is left, and flattens sharp corners.

References
----------
Genz, A. (1987). A package for testing multiple integration subroutines. The normalised parameters are
described in `ceteris.data.genz`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import equinox as eqx
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.data.genz import GENZ, GenzProblem, simulate_genz
from ceteris.engine import Ensemble, fit
from ceteris.engine.monitors import target
from ceteris.gallery._plots import lines, panels, span_decades, ticks_at
from ceteris.nets import MLP
from ceteris.recipe import Fixed, HeldOut, LevenbergMarquardt, Minibatches, PointResiduals
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

WIDTHS, PENALTY = (32, 32), 1e-4  # the ridge times the sample size: that of a fixed ridge grows beside small errors
STEPS, EVERY = 27, 3  # at most so many; every few of them it is asked whether the sample is learnt
ENOUGH, ROUGHLY = 1e-5, 1e-3  # mean squared residuals (of a variance of one) that end steps on all points, on batches
BATCH, LAST = 125, 2  # the cost of a step grows with the square of its points: four times 125 cost a quarter of 500
TOGETHER = 20  # points up to which nets are fitted side by side: of more, each stops by itself
SMOOTH = ("oscillatory", "product_peak", "corner_peak", "gaussian")


def residual(model, point, key):
    """Error of the net at one point (x, y)."""
    x, y = point
    return model(x)[0] - y


def predict_fresh(problems: Sequence[GenzProblem], seed: int) -> np.ndarray:
    """Fit one net per problem, all at once, and predict at the fresh points of each.

    Parameters
    ----------
    problems : sequence of GenzProblem
        All of one sample size n. Fewer dimensions than the most among them are filled up with zeros, which
        no weight can see: one program to compile then serves all dimensions.
    seed : int
        Seed of the first weights.

    Returns
    -------
    array, shape (problems, fresh)
        In the units of y. A net sees x on [-1, 1] and y standardised on its own sample.
    """
    d = max(p.x.shape[1] for p in problems)
    centred = lambda x: np.pad(2 * x - 1, ((0, 0), (0, d - x.shape[1]))).astype(np.float32)
    x, x_fresh = np.stack([centred(p.x) for p in problems]), np.stack([centred(p.x_fresh) for p in problems])
    y = np.stack([p.y for p in problems])
    centre, spread = y.mean(axis=1, keepdims=True), y.std(axis=1, keepdims=True)
    # a sample of the discontinuous function may be zero throughout: what is learnt of it is that constant
    data = x, ((y - centre) / np.where(spread > 0, spread, 1)).astype(np.float32)
    nets = _fit(data, len(problems), seed)
    return np.asarray(_predict(nets, x_fresh)) * spread + centre


def _fit(data: tuple[np.ndarray, np.ndarray], members: int, seed: int) -> MLP:
    """Return nets: of a large sample first by batches, until it is roughly learnt, then by steps on all points."""
    points = data[0][0], data[1][0]
    n, d = points[0].shape
    build, objective = eqx.Partial(MLP, d, 1, widths=WIDTHS, activation="tanh"), PointResiduals(residual)

    def learn(sampler, steps, enough, model=None):
        one = LevenbergMarquardt(build, objective, sampler, ridge=PENALTY / n, heldout=HeldOut(objective, points))
        where = lambda a: (a.sampler.data, a.heldout.data)
        how = "vmap" if n <= TOGETHER else "loop"
        all_ = Ensemble(one, members, where, (data, data), how)
        learnt = target(enough, "heldout")
        return fit(all_, jr.key(seed), steps=steps, every=min(EVERY, steps), monitors=[learnt], model=model).model

    if n <= BATCH:
        return learn(Fixed(points), STEPS, ENOUGH)
    return learn(Fixed(points), LAST, 0.0, learn(Minibatches(points, BATCH), STEPS, ROUGHLY))


@eqx.filter_jit
def _predict(nets, x):
    return eqx.filter_vmap(lambda net, x: net(x)[:, 0])(nets, x)


def errors(problem: GenzProblem, prediction: np.ndarray) -> dict[str, float]:
    """Average and maximum absolute error, and the average error relative to that of predicting the mean."""
    off = np.abs(prediction - problem.y_fresh)
    constant = np.abs(problem.y_fresh - problem.y_fresh.mean()).mean()
    return {
        "average error": float(off.mean()),
        "maximum error": float(off.max()),
        "relative error": float(off.mean() / constant),
        "range": float(np.ptp(problem.y_fresh)),
    }


def study(dimensions: Sequence[int], sizes: Sequence[int], repeats: int, seed: int) -> pd.DataFrame:
    """Median errors over replications, for every function, dimension and sample size."""
    rows = []
    for n in sizes:
        cases = [(name, d, 100 * seed + r) for d in dimensions for name in GENZ for r in range(repeats)]
        problems = [simulate_genz(name, d, n, seed=s) for name, d, s in cases]
        found = zip(problems, predict_fresh(problems, seed), strict=True)
        rows += [{"function": p.name, "d": p.x.shape[1], "n": n, **errors(p, prediction)} for p, prediction in found]
    return pd.DataFrame(rows).groupby(["function", "d", "n"], sort=False).median().reset_index()


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame, column: str) -> None:
    grid = panels(figure, 2, 3, sharex=True)
    sizes = sorted(set(data["n"]))
    for axes, (name, part) in zip(grid, data.groupby("function", sort=False), strict=True):
        for d, line in part.groupby("d"):
            lines(axes, line, "n", column, label=f"d = {d}", marker="o")
        axes.set(title=str(name).replace("_", " "), xscale="log", yscale="log")
        ticks_at(axes, sizes)
        span_decades(axes, part[column].to_numpy())
    for axes in grid[3:]:
        axes.set_xlabel("sample points n")
    for axes in grid[::3]:
        axes.set_ylabel(column)
    grid[0].legend()


def by_size(data: pd.DataFrame, column: str) -> pd.DataFrame:
    """One row per function and dimension, one column per sample size."""
    wide = data.pivot_table(index=["function", "d"], columns="n", values=column, sort=False).reset_index()
    wide.columns = [name if isinstance(name, str) else f"n = {name}" for name in wide]
    return wide.assign(function=wide["function"].str.replace("_", " "))


def _by_case(data: pd.DataFrame, column: str, functions: Sequence[str]) -> np.ndarray:
    """Values of one column, shape (functions × dimensions, sizes)."""
    part = data[data["function"].isin(functions)]
    return part.pivot_table(index=["function", "d"], columns="n", values=column).to_numpy()


def _checks(data: pd.DataFrame) -> tuple[Check, ...]:
    average, relative = (_by_case(data, column, SMOOTH) for column in ("average error", "relative error"))
    falls, best = float(np.median(average[:, -1] / average[:, 0])), float(relative[:, -1].max())
    jump = _by_case(data, "maximum error", ["discontinuous"]) / _by_case(data, "range", ["discontinuous"])
    share = float(jump[0, -1])  # lowest dimension, largest sample
    return (
        Check(
            "more points, smaller errors", falls < 0.2,
            f"On the four smooth functions the average error with the largest sample is {falls:.1%} of "
            "that with the smallest (median over functions and dimensions); below 20 % is expected.",
            falls, 0.2,
        ),
        Check(
            "smooth functions are learnt", best < 0.25,
            f"With the largest sample the average error on smooth functions is at most {best:.1%} of that "
            "of a constant; below 25 % is expected.", best, 0.25,
        ),
        Check(
            "a jump is not approximated uniformly", share > 0.25,
            "With the largest sample in the lowest dimension the maximum error on the discontinuous "
            f"function is {share:.0%} of its range: a continuous net must cross the jump somewhere.",
            share, 0.25,
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Fit all functions, dimensions and sample sizes; see `ceteris.gallery.sections`."""
    dimensions, sizes, repeats = ((2,), (10, 100), 2) if quick else ((2, 5, 10), (10, 50, 100, 500), 3)
    table = study(dimensions, sizes, repeats, seed)
    average, maximum = (
        Figure(
            f"{word} error against sample size",
            caption,
            table,
            partial(_draw, column=f"{word.lower()} error"),
            (8.4, 5.0),
        )
        for word, caption in (
            (
                "Average",
                "Median over replications of the mean absolute error on 1,000 fresh points; both axes logarithmic.",
            ),
            (
                "Maximum",
                "The largest of 1,000 errors falls later than the average, and hardly at all where there is a jump.",
            ),
        )
    )
    return (
        Section(
            "Genz's functions",
            f"Nets with hidden layers of {' and '.join(map(str, WIDTHS))} tanh units, up to {STEPS} "
            f"steps of Levenberg-Marquardt with ridge {PENALTY:g}/n, fewer where the sample is learnt before; "
            f"samples of more than {BATCH} points by batches of {BATCH}, and {LAST} last steps on all points; "
            f"{repeats} draws of each function.\n\n"
            "Errors need not grow with the dimension. The normalisation spreads a fixed sum of the c_i "
            "over all dimensions, so that each direction matters less as d grows and some functions "
            "become flat: their errors are small, but so are those of a constant, and relative to it most "
            "functions do become harder. The discontinuous function is non-zero on a share w_1 w_2 of the "
            "cube only, about one per cent in ten dimensions, and small samples often miss that corner "
            "altogether.",
            (
                Table(
                    "Median average errors by sample size",
                    by_size(table, "average error"),
                    "Average and maximum errors, and both relative to those of a constant, are below the figures.",
                ),
                Table("Median maximum errors by sample size", by_size(table, "maximum error")),
            ),
            (average, maximum),
            _checks(table),
        ),
    )  # fmt: skip
