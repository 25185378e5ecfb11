"""Estimators of τ(x) side by side: where the truth is known, and on held-out rows where it is not."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyRegressor

from ceteris.arguments import probability, whole
from ceteris.causal.crossfit import make_folds
from ceteris.causal.heterogeneity.dr_learner import DRLearner
from ceteris.causal.heterogeneity.evaluate.inputs import constant
from ceteris.causal.heterogeneity.evaluate.losses import dr_loss, r_loss
from ceteris.causal.heterogeneity.evaluate.rate import rate
from ceteris.causal.heterogeneity.model import taken
from ceteris.causal.rows import Rows, read_rows
from ceteris.data.heterogeneity import EffectDesign
from ceteris.outlets import screen
from ceteris.results import Figure, Table

if TYPE_CHECKING:
    import matplotlib.figure

SHOWN = ("RMSE", "R-gain", "DR-gain", "AUTOC")  # in the figure
FLAT = 1e-9  # effects are differences of predictions, and differ by more rounding than other values
NOTE = (
    "Means over replications, standard errors of the means in brackets. RMSE: distance from the true effect at fresh "
    "rows. Coverage: share of fresh rows whose 95 % interval holds the true effect, where the estimator has intervals. "
    "R- and DR-gain: loss of the best constant effect less that of the estimator, on held-out rows; above 0 the "
    "differences that it sees are real. AUTOC: how much more those gain who it ranks first. Splits of the same data "
    "overlap, so their standard errors say less than those of samples."
)


@dataclass(frozen=True, eq=False)
class EffectComparison:
    """What `compare_cate` measured.

    Attributes
    ----------
    measured : DataFrame
        Columns "source" (design, or "held-out rows"), "estimator", "replication", "measure", "value".
    """

    measured: pd.DataFrame

    def means(self) -> pd.DataFrame:
        """Mean and standard error of the mean by source, measure and estimator."""
        grouped = self.measured.groupby(["source", "measure", "estimator"], sort=False)["value"]
        return grouped.agg(mean="mean", error="sem").reset_index()

    @property
    def table(self) -> Table:
        """One row for each estimator, one column for each source and measure."""
        found = self.means()
        found["shown"] = [f"{m:.3f} ({e:.3f})" for m, e in zip(found["mean"], found["error"], strict=True)]
        found["column"] = found["source"] + ": " + found["measure"]
        wide = found.pivot(index="estimator", columns="column", values="shown")
        order = self.measured["estimator"].unique(), found["column"].unique()
        wide = wide.reindex(index=order[0], columns=order[1]).fillna("–").rename_axis(columns=None)
        return Table("Estimators of τ(x), compared", wide.reset_index(), NOTE)

    @property
    def figure(self) -> Figure:
        """Errors under known truth and gains on held-out rows, a panel for each source and measure."""
        shown = self.means()
        shown = shown.query("measure in @SHOWN").reset_index(drop=True)
        panels = shown.groupby(["source", "measure"]).ngroups
        estimators = len(shown["estimator"].unique())
        return Figure(
            "Estimators of τ(x), compared",
            "Means and 1.96 standard errors over replications; RMSE: left is better; gains and AUTOC: right is better.",
            shown,
            _draw,
            size=(3.0 * min(panels, 4) + 1.2, (0.8 + 0.28 * estimators) * -(-panels // 4)),
        )

    def __str__(self) -> str:
        return screen(self.table.frame, index=False)


def compare_cate(
    estimators: Mapping[str, Any],
    designs: Sequence[EffectDesign] = (),
    replications: int = 20,
    *,
    n: int = 1000,
    fresh: int = 1000,
    data: Any = None,
    y: Any = None,
    d: Any = None,
    x: Any = None,
    test_size: float = 0.5,
    seed: int = 0,
) -> EffectComparison:
    """Run estimators through simulations with known truth, and through splits of data into two parts.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Anything whose ``fit(y=, d=, x=)`` returns a model with ``effect(x)``.
    designs : sequence of EffectDesign
        Such as ``NieWagerDesign("A")``; each replication draws a sample and fresh rows, the same for all estimators.
    replications : int
        Samples of each design, and splits of the data.
    n, fresh : int
        Rows of a sample, and rows on which its estimate is judged.
    data, y, d, x : optional
        Data without a known truth, as for the estimators.
    test_size : float
        Share of the data that is held out. Their nuisances come from folds of their own, with the default learners.
    seed : int

    References
    ----------
    Nie and Wager (2021), "Quasi-oracle estimation of heterogeneous treatment effects", Biometrika 108, for the R-loss.
    Kennedy (2023), "Towards optimal doubly robust estimation of heterogeneous causal effects", Electronic Journal of
    Statistics 17, for the scores of the DR-loss. Yadlowsky, Fleming, Shah, Brunskill and Wager (2025), "Evaluating
    treatment prioritization rules via rank-weighted average treatment effects", JASA 120, for AUTOC.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> from ceteris.causal.heterogeneity import LinearEffects, TLearner
    >>> from ceteris.data import NieWagerDesign
    >>> learners = LinearRegression(), LogisticRegression()
    >>> estimators = {"T": TLearner(*learners), "linear": LinearEffects(*learners)}
    >>> found = compare_cate(estimators, [NieWagerDesign("C")], replications=3).means()
    >>> bool(found["mean"].iloc[0] > 0)
    True
    """
    refuse(estimators, designs, y, test_size)
    whole("replications", replications, 2)
    whole("n", n, 20)
    whole("fresh", fresh, 2)
    measured = [
        (design.name, estimator, r, measure, value)
        for design in designs
        for r in range(replications)
        for estimator, measure, value in simulated(estimators, design, n, fresh, np.random.default_rng((seed, r)))
    ]
    if y is not None:
        rows = read_rows(data, y=y, d=d, x=x, binary=True)
        measured += [
            ("held-out rows", estimator, r, measure, value)
            for r in range(replications)
            for estimator, measure, value in judged(estimators, rows, test_size, seed + r)
        ]
    columns = pd.Index(["source", "estimator", "replication", "measure", "value"])
    return EffectComparison(pd.DataFrame(measured, columns=columns))


def refuse(estimators: Mapping[str, Any], designs: Sequence[EffectDesign], y: Any, test_size: float) -> None:
    """Complain before any work."""
    if not estimators:
        raise ValueError(
            "estimators is empty, but must name one estimator at least; give a mapping of names to estimators."
        )
    for name, estimator in estimators.items():
        if isinstance(estimator, type) or not hasattr(estimator, "fit"):
            raise TypeError(f"estimators: {name!r} is no estimator; give an object with fit, such as RLearner().")
    if not designs and y is None:
        raise ValueError("designs is empty, but there are no data either; give one of the two.")
    probability("test_size", test_size, such_as=0.5)


def simulated(
    estimators: Mapping[str, Any], design: EffectDesign, n: int, fresh: int, rng: np.random.Generator
) -> list[tuple[str, str, float]]:
    """Fit every estimator to one sample and compare it with the truth at fresh rows."""
    drawn = {role: values[0] for role, values in design.draw(rng, n + fresh).items()}
    sample, new = ({role: values[part] for role, values in drawn.items()} for part in (slice(n), slice(n, None)))
    found = []
    for name, estimator in estimators.items():
        start = time.process_time()
        effects = estimator.fit(y=sample["y"], d=sample["d"], x=sample["x"]).effect(new["x"])
        spent = time.process_time() - start
        found.append((name, "RMSE", float(np.sqrt(np.mean((effects.point - new["tau"]) ** 2)))))
        if effects.se is not None:
            low, high = effects.conf_int().T
            found.append((name, "coverage", float(np.mean((low <= new["tau"]) & (new["tau"] <= high)))))
        found.append((name, "CPU s", spent))
    return found


def judged(estimators: Mapping[str, Any], rows: Rows, test_size: float, seed: int) -> list[tuple[str, str, float]]:
    """Fit every estimator to one part of the rows and judge it on the other."""
    order = np.random.default_rng(seed).permutation(rows.n)
    cut = int(np.ceil(rows.n * test_size))
    test, train = taken(rows, np.sort(order[:cut])), taken(rows, np.sort(order[cut:]))
    fold = make_folds(test.n, 5, seed=seed, stratify=test.d)[0]
    nuisances = DRLearner(final=DummyRegressor(), folds=fold, seed=seed).fit(y=test.y, d=test.d, x=test.x)
    m, e, scores = nuisances.nuisances.m, nuisances.nuisances.e, nuisances.scores
    v = test.d - e
    best = {"R-gain": float(v @ (test.y - m) / (v @ v)), "DR-gain": float(scores.mean())}
    x, new = (pd.DataFrame(part.x, columns=pd.Index(rows.names)) for part in (train, test))
    found = []
    for name, estimator in estimators.items():
        tau = estimator.fit(y=train.y, d=train.d, x=x).effect(new).point
        by_r = r_loss(test.y, test.d, m, e, {"constant": np.full(test.n, best["R-gain"]), "own": tau})
        by_dr = dr_loss(scores, {"constant": np.full(test.n, best["DR-gain"]), "own": tau})
        found += [(name, "R-gain", float(-np.diff(by_r.point)[0])), (name, "DR-gain", float(-np.diff(by_dr.point)[0]))]
        if not constant(tau, FLAT):  # who ranks nobody has no AUTOC
            found.append((name, "AUTOC", float(rate(scores, tau).point[0])))
    return found


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    panels = list(data.groupby(["source", "measure"], sort=False))
    columns = min(len(panels), 4)
    axes = figure.subplots(-(-len(panels) // columns), columns, squeeze=False, sharey=True).ravel()
    estimators = list(data["estimator"].unique())
    for ax, (_, part) in zip(axes, panels, strict=False):
        source, measure = part["source"].iloc[0], part["measure"].iloc[0]
        place = [estimators.index(name) for name in part["estimator"]]
        ax.errorbar(part["mean"], place, xerr=1.96 * part["error"], fmt="o", ms=4, lw=1)
        ax.set_yticks(range(len(estimators)), estimators)
        ax.set_title(f"{source}: {measure}", fontsize=9)
        if measure != "RMSE":
            ax.axvline(0, color="0.6", lw=0.8)
        ax.tick_params(labelsize=8)
    axes[0].set_ylim(len(estimators) - 0.5, -0.5)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
