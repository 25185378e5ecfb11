"""Estimated effects on held-out rows, as sections of a report."""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.causal import figures
from ceteris.causal.heterogeneity.evaluate.groups import clan, gates
from ceteris.causal.heterogeneity.evaluate.inputs import constant, vectors
from ceteris.causal.heterogeneity.evaluate.linear import best_linear_predictor
from ceteris.causal.heterogeneity.evaluate.rate import rate, toc
from ceteris.results import Check, Estimate, Figure, Section, Table, joint


def evaluation_sections(
    scores: Any, tau_hat: Any, x: Any = None, *, groups: int = 5, within: Any = None, cluster: Any = None
) -> tuple[Section, ...]:
    """Ranking, calibration and groups; where the estimated effect does not vary, one section that says so.

    Parameters
    ----------
    scores : array, shape (n,)
        Doubly robust scores.
    tau_hat : array, shape (n,)
        Estimated effects, learnt from other rows.
    x : data frame or array, shape (n, p), optional
        Covariates, to describe the most and the least affected.
    groups, within
        As in `quantile_groups`.
    cluster : array, shape (n,), optional

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> tau = rng.normal(size=400)
    >>> [section.title for section in evaluation_sections(tau + rng.normal(size=400), tau, tau[:, None])]
    ['Ranking', 'Groups', 'Who they are']
    >>> evaluation_sections(tau, 0 * tau)[0].checks[0].sentence
    'The estimated effect is 0 for everybody: there is no ranking to judge, and no curve to draw.'
    """
    scores, tau_hat = vectors(scores=scores, tau_hat=tau_hat)
    if constant(tau_hat):
        sentence = (
            f"The estimated effect is {tau_hat[0]:g} for everybody: there is no ranking to judge, and no curve to draw."
        )
        return (Section("Ranking", sentence, checks=(Check("variation", False, sentence),)),)
    areas = joint(*(rate(scores, tau_hat, target, cluster=cluster) for target in ("AUTOC", "QINI")))
    t = float(areas.point[0] / areas.se[0])
    advice = "." if t > 1.645 else ", which is no evidence that it knows who gains more."
    check = Check("the ranking is informed", t > 1.645, f"AUTOC of the ranking has t = {t:.2f}{advice}", t, 1.645)
    sorted_by = gates(scores, tau_hat, groups, within=within, cluster=cluster)
    slope = best_linear_predictor(scores, tau_hat, cluster=cluster)
    found = [
        Section(
            "Ranking",
            "How much more those gain who come first by the estimated effect.",
            (Table("Rank-weighted average effects", areas.frame(), "Un-normalised; zero for an uninformed ranking."),),
            (toc(scores, tau_hat, cluster=cluster).figure("Targeting curve"),),
            (check,),
        ),
        Section(
            "Groups",
            "Mean effects by group of the estimated effect, and the slope of the effect in it, which should be one.",
            (Table("Mean effects", sorted_by.frame()), Table("Best linear predictor", slope.frame())),
            (_calibration(sorted_by, tau_hat, groups),),
            sorted_by.checks,
        ),
    ]
    if x is not None:
        differ = clan(x, tau_hat, groups, within=within, cluster=cluster)
        frame = differ.frame()
        frame.insert(0, "most affected", differ.details.most)
        frame.insert(0, "least affected", differ.details.least)
        found.append(Section("Who they are", differ.about.estimand, (Table("Covariates", frame),)))
    return tuple(found)


def _calibration(found: Estimate, tau_hat: np.ndarray, groups: int) -> Figure:
    """Draw the mean effects of `gates` against the means of the estimated effect in the same groups."""
    import pandas as pd

    predicted = [tau_hat[found.details.groups == k].mean() for k in range(groups)]
    frame = pd.DataFrame({"predicted": predicted, "observed": found.point[:groups], "se": found.se[:groups]})
    return figures.calibration(frame, "the effect")
