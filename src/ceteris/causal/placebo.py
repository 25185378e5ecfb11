"""Placebos: an outcome that the treatment cannot have changed, and a treatment that did nothing.

An effect on an outcome measured before the treatment, or that it cannot touch, is bias. A treatment drawn again at
random has no effect, so the test at level α must reject in a share α of the draws: more often means that the standard
error is too small for these data.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ceteris.arguments import whole
from ceteris.causal import figures
from ceteris.causal.rows import read_rows
from ceteris.estimates.figures import coefficients
from ceteris.results import Check, Section, Table


def placebo_outcomes(
    estimator: Any, data: Any, outcomes: Sequence[str], *, level: float = 0.95, **roles: Any
) -> Section:
    """Estimate the effect on outcomes that the treatment cannot have changed.

    Parameters
    ----------
    estimator : an estimator of this package, its settings in place
    data : data frame
    outcomes : sequence of names
        Where one of them is among the covariates, it is left out of those.
    level : float
        Confidence that no outcome is flagged by chance; what is left of it is divided by their number.
    roles : d, x, cluster, ...
        As for ``fit``, without y.

    Returns
    -------
    Section
        Table of the effects, and a check that none is significant.
    """
    import pandas as pd

    if not len(outcomes):
        raise ValueError("outcomes: none given; name at least one that the treatment cannot have changed.")
    found = {}
    for name in outcomes:
        own = dict(roles)
        if isinstance(own.get("x"), list | tuple):
            own["x"] = [column for column in own["x"] if column != name] or None
        estimate = estimator.fit(data, y=name, **own)
        low, high = estimate.conf_int()[0]
        found[name] = {"estimate": estimate.point[0], "std err": estimate.se[0], "p": estimate.p_values[0], "low": low,
                       "high": high}  # fmt: skip
    frame = pd.DataFrame(found).T
    bar = (1 - level) / len(frame)
    worst = str(frame["p"].idxmin())
    p = float(frame["p"].to_numpy().min())
    passed = p > bar
    sentence = f"The smallest p-value of a placebo outcome is {p:.3g}, of {worst!r}"
    advice = "." if passed else "; the treated differ in it for other reasons, which may bias the effect too."
    check = Check("no effect on placebo outcomes", passed, sentence + advice, p, bar)
    shown = frame.rename_axis("label").reset_index()
    table = Table("Effects on placebo outcomes", frame)
    return Section("Placebo outcomes", "", (table,), (coefficients(shown, "Placebo outcomes"),), (check,))


def placebo_treatment(
    estimator: Any, data: Any = None, *, y: Any, d: Any, x: Any = None, draws: int = 100, level: float = 0.95,
    seed: int = 0,
) -> Section:  # fmt: skip
    """Draw the treatment again at random, many times, and see how often an effect is found.

    Parameters
    ----------
    estimator : an estimator of this package
    data, y, d, x : as for ``fit``
    draws, seed : int
        Permutations of the treatment over rows.
    level : float
        Confidence level of the test whose rejections are counted.

    Returns
    -------
    Section
        Histogram of the placebo estimates, and a check of the share of rejections against its binomial spread.
    """
    import pandas as pd
    from scipy import stats

    whole("draws", draws, least=20)
    rows = read_rows(data, y=y, d=d, x=x)
    covariates = rows.x if rows.x.shape[1] else None
    rng = np.random.default_rng(seed)
    observed = estimator.fit(y=rows.y, d=rows.d, x=covariates)
    fits = []
    with warnings.catch_warnings():  # what it warns of under a placebo concerns nobody
        warnings.simplefilter("ignore", RuntimeWarning)
        for _ in range(draws):
            fits.append(estimator.fit(y=rows.y, d=rng.permutation(rows.d), x=covariates))
    points, p = np.array([fit.point[0] for fit in fits]), np.array([fit.p_values[0] for fit in fits])
    alpha = 1 - level
    share, rejected = float((p < alpha).mean()), int((p < alpha).sum())
    # would a test of the right level reject so often? one in a thousand times
    chance = float(stats.binom.sf(rejected - 1, draws, alpha))
    passed = chance > 0.001
    sentence = f"Of {draws} random treatments {share:.1%} had an effect at the level {alpha:.0%}"
    advice = "." if passed else "; the standard error is too small here: look at clusters, or at overfitting."
    check = Check("a random treatment has no effect", passed, sentence + advice, share, alpha)
    frame = pd.DataFrame(
        [{"observed": observed.point[0], "mean": points.mean(), "sd": points.std(ddof=1), "mean std err":
          np.mean([fit.se[0] for fit in fits]), "rejections": share}]
    )  # fmt: skip
    picture = figures.histogram(
        points, float(observed.point[0]), "Placebo treatments", "Estimates under random treatments.", "estimate"
    )
    return Section("Placebo treatment", "", (Table("Random treatments", frame),), (picture,), (check,))
