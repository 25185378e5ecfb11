"""For whom a treatment works: learners of effects on the four designs of Nie and Wager.

A has difficult nuisances and a small, simple effect; B is a randomised trial with a large one; in C the effect is the
same for everybody; in D the arms have nothing in common. No learner is best everywhere: least squares in each arm takes
noise for effects in C, one regression with the treatment as a covariate sees no differences in B and D.

What to expect. The R-learner leans on a smooth effect and lets nets take over where they are surely better. So it stays
near the constant in C, where a net by itself errs three times as much, and lets nets take over in D. In A, where
propensities reach 0.1 and 0.9 and effects hardly differ, a forest is the better choice.

References
----------
Nie and Wager (2021), Biometrika 108, section 4. Zhang (2025), AI for business research (course notes), sections 14.6.3
and 14.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal.heterogeneity.compare import compare_cate
from ceteris.causal.heterogeneity.dr_learner import DRLearner
from ceteris.causal.heterogeneity.linear_effects import LinearEffects
from ceteris.causal.heterogeneity.r_learner import RLearner
from ceteris.causal.heterogeneity.s_learner import SLearner
from ceteris.causal.heterogeneity.shared_net import SharedNet
from ceteris.causal.heterogeneity.t_learner import TLearner
from ceteris.data.heterogeneity import NieWagerDesign
from ceteris.gallery._plots import panels
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

OTHERS = {  # measured on the same designs with the same numbers of rows, one draw each
    "R: grf's causal forest": (0.142, 0.472, 0.203, 0.865),
    "EconML: causal forest, forests as nuisances": (0.158, 0.441, 0.206, 0.850),
    "EconML: doubly robust forest": (0.169, 0.434, 0.280, 0.787),
    "EconML: linear DML, forests as nuisances": (0.209, 0.271, 0.340, 0.727),
    "T-learner, forests": (0.455, 0.684, 0.939, 0.598),
    "X-learner, forests": (0.334, 0.423, 0.359, 0.754),
    "CausalML: forest": (0.520, 0.582, 1.284, 1.043),
}
SETUPS = ("A", "B", "C", "D")


def estimators(quick: bool) -> dict[str, Any]:
    """Our learners by name."""
    ols, logit = LinearRegression(), LogisticRegression()
    found = {
        "S-learner, least squares": SLearner(ols, logit),
        "T-learner, least squares": TLearner(ols, logit),
        "linear effects": LinearEffects(),
        "R-learner, default": RLearner(),
    }
    return found if quick else {**found, "DR-learner, default": DRLearner(), "two-headed net": SharedNet()}


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Compare; see `ceteris.gallery.sections`."""
    replications, n, setups = (3, 400, ("B", "C")) if quick else (8, 1000, SETUPS)
    designs = [NieWagerDesign(setup) for setup in setups]
    found = compare_cate(estimators(quick), designs, replications, n=n, seed=seed)
    means: Any = found.means()
    error = means[means["measure"] == "RMSE"].pivot(index="estimator", columns="source", values="mean")
    both: Any = beside_others(means, setups)
    return (
        Section(
            "Effects that differ",
            f"{replications} samples of {n:,} rows with six covariates and unit noise; errors at 1,000 fresh rows. Our "
            "learners have default settings, chosen on other designs.",
            (
                Table(
                    "Errors, ours and those of other packages",
                    both.pivot(index=["whose", "estimator"], columns="design", values="RMSE")
                    .reindex(both[["whose", "estimator"]].drop_duplicates())
                    .rename_axis(columns=None)
                    .reset_index(),
                    "RMSE by design. Others were measured for this library, not published: 1,000 rows, one draw each, "
                    "so ± a tenth or so.",
                ),
                Table("Cost and coverage of ours", _costs(means), "Means over designs; coverage of 95 % intervals."),
            ),
            (
                Figure(
                    "Errors by design",
                    "Points: ours, with 1.96 standard errors over samples. Crosses: other packages, one draw each.",
                    both,
                    _draw,
                    (8.0, 2.0 + 1.7 * len(setups)),
                ),
            ),
            _checks(error),
        ),
    )


def beside_others(means: Any, setups: tuple[str, ...]) -> pd.DataFrame:
    """Errors of our estimators and of others on these designs, in long form; others have no standard error."""
    ours = means[means["measure"] == "RMSE"]
    rows = [
        ("ours", estimator, source.removeprefix("Nie-Wager "), value, sem)
        for source, estimator, value, sem in ours[["source", "estimator", "mean", "error"]].itertuples(index=False)
    ]
    rows += [
        ("other packages", name, setup, values[SETUPS.index(setup)], None)
        for name, values in OTHERS.items()
        for setup in setups
    ]
    return pd.DataFrame(rows, columns=pd.Index(["whose", "estimator", "design", "RMSE", "standard error"]))


def _costs(means: Any) -> pd.DataFrame:
    shown = means[means["measure"].isin(["CPU s", "coverage"])]
    wide = shown.groupby(["estimator", "measure"], sort=False)["mean"].mean().unstack(sort=False)
    return wide.rename_axis(columns=None).reset_index()


def _draw(figure: matplotlib.figure.Figure, data: Any) -> None:
    designs = list(data["design"].unique())
    grid = panels(figure, -(-len(designs) // 2), 2, sharey=True)
    for axes, (design, part) in zip(grid, data.groupby("design", sort=False), strict=True):
        for whose, style in (("ours", "o"), ("other packages", "x")):
            one = part[part["whose"] == whose]
            half = 1.96 * one["standard error"].astype(float)
            axes.errorbar(one["RMSE"], one["estimator"], xerr=half, fmt=style, label=whose)
        axes.set_title(f"design {design}")
        axes.set_xlim(left=0)
    grid[0].invert_yaxis()
    for axes in grid[-2:]:
        axes.set_xlabel("RMSE")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)


def _checks(error: pd.DataFrame) -> tuple[Check, ...]:
    of = lambda estimator, setup: float(error.loc[estimator, f"Nie-Wager {setup}"])
    trial, by_s = of("R-learner, default", "B"), of("S-learner, least squares", "B")
    same, by_t = of("R-learner, default", "C"), of("T-learner, least squares", "C")
    return (
        Check(
            "sees effects that differ", trial < 0.5 * by_s,
            f"In B the R-learner's error is {trial:.3f}; a constant effect has {by_s:.3f}.", trial, 0.5 * by_s,
        ),
        Check(
            "sees none where there are none", same < 0.5 * by_t,
            f"In C the R-learner's error is {same:.3f}; least squares in each arm has {by_t:.3f}.", same, 0.5 * by_t,
        ),
    )  # fmt: skip
