"""Whether one learner is better than another, or whether that cannot be told.

Two learners are compared in pairs, on what both were judged by: on the folds, and on the rows of the test part.
The folds learn from rows in common, so that their scores are not independent and s²/J is far too small for the
variance of their mean. With J folds, n₁ rows to learn from and n₂ to judge by in each, Nadeau and Bengio take

    mean ± t(J - 1) √((1/J + n₂/n₁) s²)

for the mean of the J differences, s² their variance. Where the interval holds zero there is no difference.

References
----------
Nadeau, C. and Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52. Bouckaert, R. R. and
Frank, E. (2004). Evaluating the replicability of significance tests for comparing learning algorithms. PAKDD.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

LEVEL = 0.95


class Gain(NamedTuple):
    """By how much one learner is better than another (negative: worse), its standard error and interval."""

    value: float
    se: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """One of 'better', 'worse', 'no difference' and, without an interval, 'not known'."""
        if not np.isfinite(self.se):
            return "not known"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "no difference"

    @property
    def words(self) -> str:
        """The figures of a sentence, as so much better or so much worse."""
        if self.value == self.se == 0:
            return "the same"
        low, high = (-self.high, -self.low) if self.value < 0 else (self.low, self.high)
        interval = f"{LEVEL:.0%} interval {low:.3g} to {high:.3g}" if np.isfinite(self.se) else "no interval"
        return f"{'worse' if self.value < 0 else 'better'} by {abs(self.value):.3g} ({interval})"


def standard_error(scores: npt.ArrayLike, overlap: float) -> float:
    """Return the standard error of the mean over folds that learn from rows in common.

    Parameters
    ----------
    scores : array-like of shape (J,)
        A measure, or a difference of measures, on each fold.
    overlap : float
        Rows judged over rows learnt from in a fold, n₂/n₁; 0 takes the folds for independent.

    Examples
    --------
    >>> round(standard_error([1.0, 2.0, 3.0, 4.0], 0.0), 3), round(standard_error([1.0, 2.0, 3.0, 4.0], 1 / 3), 3)
    (0.645, 0.986)
    """
    scores = np.asarray(scores, float)
    return float(np.sqrt((1 / len(scores) + overlap) * scores.var(ddof=1))) if len(scores) > 1 else np.nan


def over_folds(gains: npt.ArrayLike, overlap: float, level: float = LEVEL) -> Gain:
    """Return the mean gain over folds with the interval of Nadeau and Bengio.

    Parameters
    ----------
    gains : array-like of shape (J,)
        By how much the first learner is better on each fold.
    overlap : float
        Rows judged over rows learnt from in a fold.
    level : float
        Of the interval.

    Examples
    --------
    >>> over_folds([0.01, 0.03, -0.02, 0.03, 0.0], 0.25).verdict
    'no difference'
    """
    from scipy.stats import t

    gains = np.asarray(gains, float)
    value, se = float(gains.mean()), standard_error(gains, overlap)
    half = float(t.ppf((1 + level) / 2, max(len(gains) - 1, 1))) * se
    return Gain(value, se, value - half, value + half)


def over_rows(gain: float, draws: Any, level: float = LEVEL) -> Gain:
    """Return a gain on the test part with an interval from paired resamples of its rows.

    Parameters
    ----------
    gain : float
        On the rows themselves.
    draws : array-like of shape (draws,)
        On the resamples, drawn alike for both learners.
    level : float
        Of the interval, which takes the gain for normal.

    Examples
    --------
    >>> over_rows(0.1, [0.05, 0.1, 0.15]).verdict
    'better'
    """
    from scipy.stats import norm

    draws = np.asarray(draws, float)
    se = float(np.nanstd(draws, ddof=1)) if np.isfinite(draws).sum() > 1 and np.isfinite(gain) else np.nan
    half = float(norm.ppf((1 + level) / 2)) * se
    return Gain(float(gain), se, gain - half, gain + half)
