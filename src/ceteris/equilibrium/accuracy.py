"""How accurate a solution is, on states it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import fill
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.equilibrium.expectation import E, Rule
from ceteris.equilibrium.model import Model, move, residuals
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import act, expectation
from ceteris.equilibrium.shocks import draw
from ceteris.outlets import entry, prose, screen
from ceteris.results import Figure, Section, Table
from ceteris.showing import AbstractResult

if TYPE_CHECKING:
    import pandas as pd

ERRORS = ["mean", "median", "p99", "p99.9", "max"]
WIDE = 110  # characters of a line
ROWS = 6  # of each table on one screen
DEN_HAAN_MARCET = (
    "A p-value near zero says that forecast errors can be predicted from the state; blank: no surprises to test."
)
SHARES = {"median": 50, "p99": 99, "p99.9": 99.9}


@dataclass(frozen=True, eq=False, repr=False)
class Accuracy(AbstractResult):
    """Errors by equation, and what else is known of a solution.

    Attributes
    ----------
    path, box : DataFrame
        Absolute errors by equation: mean, median, p99, p99.9, max, and the log₁₀ of each; on a simulated path
        and, where the model has one, on its box (None otherwise).
    truth : DataFrame or None
        Distance of the actions to the closed form, relative to its mean size.
    den_haan_marcet : DataFrame
        Statistic, degrees of freedom and p-value by equation: a small p-value says that forecast errors can be
        predicted from the state.
    """

    path: pd.DataFrame
    box: pd.DataFrame | None
    truth: pd.DataFrame | None
    den_haan_marcet: pd.DataFrame
    note: str = ""
    raw: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def mean(self) -> float:
        """Mean absolute error over all equations on the path."""
        return float(self.path.loc["all", "mean"])

    @property
    def max(self) -> float:
        """Largest absolute error of any equation on the path."""
        return float(self.path.loc["all", "max"])

    def summary(self) -> str:
        """Errors by equation on the path and on the box, and the distance to the closed form, on one screen."""
        text = ["Errors on a simulated path", _on_screen(self.path[ERRORS])]
        if self.box is not None:
            text += ["", "Errors on the box", _on_screen(self.box[ERRORS])]
        if self.truth is not None:
            text += ["", "Distance to the closed form", _on_screen(self.truth)]
        return "\n".join([*text, "", fill(prose(self.note), WIDE)])

    def glance(self) -> Section:
        """Errors on the path, as numbers and as a distribution."""
        path: Any = self.path
        table = Table("Errors on a simulated path", path[ERRORS], self.note)
        return Section("Accuracy", "", (table,), (error_figure(self),))

    def sections(self) -> tuple[Section, ...]:
        """All tables, and the distribution of errors, as a part of a report."""
        path: Any = self.path
        digits = path[[c for c in path if str(c).startswith("log10")]]
        tables = [
            Table("Errors on a simulated path", path[ERRORS], self.note),
            Table("The same as powers of ten", digits, "log₁₀ of the column; of the mean, not mean of the log₁₀."),
        ]
        box: Any = self.box
        if box is not None:
            tables.append(Table("Errors on the box", box[ERRORS]))
        if self.truth is not None:
            tables.append(Table("Distance to the closed form", self.truth, "Relative to the mean size of the action."))
        tables.append(Table("Den Haan-Marcet test", self.den_haan_marcet, DEN_HAAN_MARCET))
        return (Section("Accuracy", "On states that training has not seen.", tuple(tables), (error_figure(self),)),)


def _on_screen(frame: Any) -> str:
    """The first rows of a table of errors, and its last."""
    shown = frame if len(frame) <= ROWS else frame.iloc[[*range(ROWS - 1), -1]]
    more = f"\n{len(frame) - ROWS} more equations" if len(frame) > ROWS else ""
    return screen(shown, float_format="{:.1e}".format) + more


def error_table(by_equation: Point) -> pd.DataFrame:
    """Absolute errors by equation and overall."""
    import pandas as pd

    absolute = {name: np.abs(np.asarray(value)).ravel() for name, value in by_equation.items()}
    if len(absolute) > 1:
        absolute["all"] = np.concatenate(list(absolute.values()))
    else:
        absolute["all"] = next(iter(absolute.values()))
    rows = {}
    for name, e in absolute.items():
        row = {"mean": e.mean(), **{k: np.percentile(e, q) for k, q in SHARES.items()}, "max": e.max()}
        with np.errstate(divide="ignore"):
            row |= {f"log10 {k}": np.log10(v) for k, v in row.items()}
        rows[name] = row
    return pd.DataFrame(rows).T


def distance_to_truth(model: Model, states: Point, taken: Point) -> pd.DataFrame | None:
    """Mean and largest distance of actions to the model's closed form, relative to its mean absolute size."""
    import pandas as pd

    one = jax.tree.map(lambda a: a[0], states)
    if model.truth(one) is None:
        return None
    exact: Any = jax.vmap(model.truth)(states)
    rows = {}
    for name, value in exact.items():
        gap = np.abs(np.asarray(taken[name]) - np.asarray(value))
        size = np.abs(np.asarray(value)).mean()
        rows[name] = {"mean": gap.mean() / size, "max": gap.max() / size}
    return pd.DataFrame(rows).T


@eqx.filter_jit
def forecast_errors(model: Model, policy: Any, states: Point, rule: Rule, key: Array) -> Point:
    """What each equation got wrong in hindsight: its residual with tomorrow as it turned out, to first order.

    Residuals need not be linear in E. With E_τ f = (1 - τ) E f + τ f(realised), the error is r(0) + r'(0), whose
    conditional mean is the residual itself: zero in equilibrium.
    """

    def one(s, k):
        a = act(model, policy, s)
        exact = expectation(model, policy, s, a, rule)
        s1 = move(model, s, a, draw(model.shocks(), s, k))
        a1 = act(model, policy, s1)

        def mixed(tau):
            class Mixed(E):
                def __call__(self, f):
                    lead = jax.tree.map(lambda expected, real: expected + tau * (real - expected), exact(f), f(s1, a1))
                    return lead

            return residuals(model, s, a, Mixed(exact.s1, exact.a1, exact.weights, policy))

        r, slope = jax.jvp(mixed, (jnp.array(0.0),), (jnp.array(1.0),))
        return jax.tree.map(jnp.add, r, slope)

    n = jax.tree.leaves(states)[0].shape[0]
    return jax.lax.map(lambda x: one(*x), (states, jr.split(key, n)), batch_size=min(n, 250))


def den_haan_marcet(by_equation: Point, residuals_: Point, inputs: np.ndarray, instruments: int = 3) -> pd.DataFrame:
    """Whether forecast errors are orthogonal to the state (den Haan and Marcet 1994).

    With instruments h (a constant and the first principal components of the inputs), errors u and m = Σ u h / T, the
    statistic T m' W⁻¹ m with W = Σ u² h h' / T is χ²(number of instruments) if the solution is exact. Where tomorrow
    brings no surprise (u is the residual itself, as with log utility and full depreciation) there is nothing to test.
    """
    import pandas as pd
    from scipy.stats import chi2

    if not np.isfinite(inputs).all():  # a policy that has failed: its errors say so, and there is nothing to test
        empty = {"statistic": np.nan, "df": 1 + instruments, "p": np.nan}
        return pd.DataFrame({name: empty for name, _ in by_equation.items()}).T
    x = (inputs - inputs.mean(0)) / np.where(inputs.std(0) > 1e-12, inputs.std(0), np.inf)
    _, size, axes = np.linalg.svd(x, full_matrices=False)
    kept = min(instruments, int((size > 1e-6 * size[0]).sum()))
    scores = x @ axes[:kept].T
    h = np.column_stack([np.ones(len(x)), scores / scores.std(0)])
    rows = {}
    for name, value in by_equation.items():
        # a vector equation is judged by its mean: one number per equation, whatever the number of agents
        u = np.asarray(value).reshape(len(h), -1).mean(1)
        uh = u[:, None] * h
        surprise = u - np.asarray(residuals_[name]).reshape(len(h), -1).mean(1)
        if not np.std(surprise) > np.std(u - surprise):
            rows[name] = {"statistic": np.nan, "df": h.shape[1], "p": np.nan}
            continue
        m, W = uh.mean(0), uh.T @ uh / len(h)
        statistic = len(h) * m @ np.linalg.pinv(W) @ m
        rows[name] = {"statistic": statistic, "df": h.shape[1], "p": chi2.sf(statistic, h.shape[1])}
    return pd.DataFrame(rows).T


def error_figure(accuracy: Accuracy) -> Figure:
    """The distribution of log₁₀ errors by equation."""
    import pandas as pd

    rows = []
    for name, value in accuracy.raw.items():
        e = np.log10(np.maximum(np.abs(value).ravel(), 1e-16))
        counts, edges = np.histogram(e, bins=60)
        rows.append(
            pd.DataFrame({"equation": name, "log10 error": (edges[1:] + edges[:-1]) / 2, "share": counts / e.size})
        )
    caption = "Where the mass lies is the typical error; the right end is the worst. -3 is one thousandth."
    return Figure("Errors on a simulated path", caption, pd.concat(rows, ignore_index=True), draw_errors)


def draw_errors(figure: Any, data: pd.DataFrame) -> None:
    """Draw `error_figure`."""
    axes = figure.subplots()
    for name, part in data.groupby("equation", sort=False):
        axes.fill_between(part["log10 error"], part["share"], step="mid", alpha=0.4, label=entry(name))
    axes.set(xlabel="log₁₀ |error|", ylabel="share of states", ylim=(0, None))
    axes.legend()
