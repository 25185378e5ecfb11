"""Weighting, regression and both, when the models of score and outcome are right or wrong: Kang and Schafer's design.

Y = 210 + 27.4 z₁ + 13.7 (z₂ + z₃ + z₄) + ε and P(D = 1) = Λ(-z₁ + z₂/2 - z₃/4 - z₄/10); the effect is zero. A model is
right if it is fitted on z, wrong if on the four functions of z that the analyst sees. AIPW is consistent if either
model is right. If both are, a little, wrong it is not, and a few large weights can make it worse than the regression.

References
----------
Kang and Schafer (2007). Demystifying double robustness. Statistical Science 22.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from ceteris.causal.estimators.balancing import score_weights, weighted_means
from ceteris.causal.propensity import Propensity
from ceteris.data.causal import KangSchaferDesign
from ceteris.gallery._plots import panels
from ceteris.results import Check, Figure, Section, Table
from ceteris.stats.least_squares import ols
from ceteris.stats.logit import logit, with_constant

if TYPE_CHECKING:
    import matplotlib.figure

ROWS = 1_000
CASES = [(outcome, score) for outcome in ("right", "wrong") for score in ("right", "wrong")]


def both_views(seed: int, n: int = ROWS) -> dict[str, np.ndarray]:
    """One sample with the covariates behind it ("right") and those that are seen ("wrong")."""
    found = {}
    for name, transformed in (("right", False), ("wrong", True)):
        draws = KangSchaferDesign(transformed).draw(np.random.default_rng([seed, 5]), n)
        found |= {name: draws["x"][0], "y": draws["y"][0], "d": draws["d"][0]}
    return found


def estimates(sample: dict[str, np.ndarray]) -> dict[tuple[str, str, str], float]:
    """The ATE by estimator, model of the outcome and model of the score."""
    y, d = sample["y"], sample["d"]
    e, g, found = {}, {}, {}
    for view in ("right", "wrong"):
        X = with_constant(sample[view])
        e[view] = logit(X, d).fitted
        g[view] = [X @ ols(X[d == arm], y[d == arm]).beta for arm in (0, 1)]
    for outcome, score in CASES:
        g0, g1 = g[outcome]
        plain = d / e[score] - (1 - d) / (1 - e[score])
        weights, slope = score_weights(e[score], d)
        known = Propensity(e[score], np.empty((len(y), 0)), None)
        control, treated = weighted_means(y, d, weights, slope, known)[0]
        found[("IPW", outcome, score)] = float(np.mean(plain * y))
        found[("IPW, normalised", outcome, score)] = float(treated - control)
        found[("regression", outcome, score)] = float(np.mean(g1 - g0))
        residual = y - np.where(d == 1, g1, g0)
        found[("AIPW", outcome, score)] = float(np.mean(g1 - g0 + plain * residual))
    return found


def study(seed: int, copies: int) -> pd.DataFrame:
    """Bias and root mean squared error of every estimator, over samples of 1,000 rows."""
    draws = pd.DataFrame([estimates(both_views(10_000 * seed + r)) for r in range(copies)])
    rows = []
    for key, values in draws.items():
        estimator, outcome, score = cast(tuple[str, str, str], key)
        rows.append(
            {
                "estimator": estimator,
                "outcome model": outcome,
                "score model": score,
                "bias": values.mean(),
                "standard error": values.std() / np.sqrt(copies),
                "RMSE": np.sqrt((values**2).mean()),
                "median error": values.abs().median(),
            }
        )
    return pd.DataFrame(rows).sort_values(["outcome model", "score model"], kind="stable").reset_index(drop=True)


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    grid = panels(figure, 2, 2, sharex=True, sharey=True)
    for axes, (key, part) in zip(grid, data.groupby(["outcome model", "score model"]), strict=True):
        outcome, score = cast(tuple[str, str], key)
        axes.barh(part["estimator"], part["bias"], xerr=2 * part["standard error"], alpha=0.6)
        axes.plot(part["RMSE"], part["estimator"], "d", color="C3", label="RMSE")
        axes.axvline(0, color="0.5", linewidth=0.8)
        axes.set_title(f"outcome {outcome}, score {score}")
        axes.set_xscale("symlog", linthresh=1)
    for axes in grid[2:]:
        axes.set_xlabel("bias")
    grid[0].legend(loc="upper left")


def _checks(table: Any) -> tuple[Check, ...]:
    cell = table.set_index(["estimator", "outcome model", "score model"])
    one_right = [("AIPW", "right", "right"), ("AIPW", "right", "wrong"), ("AIPW", "wrong", "right")]
    z = max(abs(cell.loc[key, "bias"] / cell.loc[key, "standard error"]) for key in one_right)
    # weights without bounds make means of errors unreliable, medians not
    bad = float(cell.loc[("AIPW", "wrong", "wrong"), "median error"] / max(cell.loc[one_right, "median error"]))
    worse = float(cell.loc[("AIPW", "wrong", "wrong"), "RMSE"] / cell.loc[("regression", "wrong", "wrong"), "RMSE"])
    gain = float(cell.loc[("AIPW", "right", "right"), "RMSE"] / cell.loc[("IPW", "right", "right"), "RMSE"])
    return (
        # three correlated comparisons, and a bias of order 1/n with the wrong outcome model
        Check("one right model is enough", bool(z < 5), f"AIPW is off by {z:.1f} standard errors.", float(z), 5.0),
        Check("two wrong ones are not", bad > 3, f"Its median error is then {bad:.1f} times the largest.", bad, 3.0),
        Check("it can be worse than the regression", worse > 1, f"Its RMSE is {worse:.1f} times that.", worse, 1.0),
        Check("AIPW beats IPW where both are right", gain < 0.7, f"Its RMSE is {gain:.0%} of IPW's.", gain, 0.7),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Simulate the four cases; see `ceteris.gallery.sections`."""
    table = study(seed, 200 if quick else 2_000)
    return (
        Section(
            "IPW and AIPW under wrong models",
            "The effect is zero. Each model is right (fitted on the covariates that matter) or wrong (on functions of "
            "them that look harmless). Weighting needs a right score, regression a right outcome model, AIPW one of "
            "the two. With both wrong nothing is guaranteed.",
            (Table("Bias and error", table, f"Samples of {ROWS:,} rows."),),
            (
                Figure(
                    "Bias and RMSE",
                    "Bars: bias with two standard errors; diamonds: RMSE. The axis is logarithmic beyond -1 and 1.",
                    table,
                    _draw,
                    (8.0, 5.0),
                ),
            ),
            _checks(table),
        ),
    )
