"""What the estimators share about nuisances: propensities within bounds, and how well each fits out of fold."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ceteris.arguments import number
from ceteris.causal.crossfit import cross_fit
from ceteris.causal.diagnostics import overlap_check
from ceteris.results import Check, Nuisances
from ceteris.stats.covariance import covariance

MANY_CLIPPED = 0.02  # scores are clipped here, not merely looked at, which harms less
WORSE = -0.05  # out-of-fold R² below which a learner is said to do worse than a constant


def propensity(
    learner: Any,
    x: np.ndarray,
    d: np.ndarray,
    fold: np.ndarray,
    clip: float,
    jobs: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Out-of-fold P(d = 1 | x) within [clip, 1 - clip], and as the learner gave it; shapes (n,)."""
    raw = cross_fit(learner, x, d, fold, kind="probability", jobs=jobs)
    return np.clip(raw, clip, 1 - clip), raw


def refuse_clip(clip: float) -> None:
    """Clipping bounds are strictly between 0 and 1/2."""
    number("clip", clip, above=0, below=0.5, such_as=0.01)


def refuse_learners(**learners: Any) -> None:
    """Check that what is given as a learner can fit and predict."""
    for role, learner in learners.items():
        if isinstance(learner, type) or not (hasattr(learner, "fit") and hasattr(learner, "predict")):
            said = f"the class {learner.__name__}" if isinstance(learner, type) else repr(learner)
            raise TypeError(
                f"{role} is {said}, but must be an estimator in the manner of scikit-learn; give one, such as "
                "LinearRegression()."
            )


def overlap(
    raw: np.ndarray, clip: float, x: np.ndarray, names: Sequence[str], who: str = "treatment", warn: bool = True
) -> Check:
    """Whether both treatments occur wherever there are rows; warns, naming the region, where they do not.

    Examples
    --------
    >>> overlap(np.array([0.2, 0.5, 0.8]), 0.01, np.zeros((3, 0)), ()).verdict
    'pass'
    """
    check = overlap_check(raw, x if x.shape[1] else None, names, clip, MANY_CLIPPED)
    if warn and not check.passed:
        warnings.warn(f"{who}: {check.sentence}", stacklevel=3)
    return replace(check, name=f"overlap ({who})")


def fit_of(what: str, truth: np.ndarray, predicted: np.ndarray, among: np.ndarray | None = None) -> Check:
    """Whether a nuisance predicts better out of fold than a constant: R², or its like for probabilities.

    Examples
    --------
    >>> fit_of("outcome", np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0])).value
    0.5
    """
    if among is not None:
        truth, predicted = truth[among], predicted[among]
    total = np.sum((truth - truth.mean()) ** 2)
    r2 = float(1 - np.sum((truth - predicted) ** 2) / total) if total > 0 else 0.0
    good = r2 >= WORSE
    advice = "" if good else "; it does worse than a constant: tune it, or choose another learner"
    return Check(f"fit of the {what}", good, f"Out of fold, R² of the {what} is {r2:.3f}{advice}.", value=r2, bar=WORSE)


def f_statistic(d: np.ndarray, z: np.ndarray, clusters: Sequence[np.ndarray]) -> float:
    """F of the regression of d on z (n,) or (n, k), both residuals, robust to unequal variances, or CR1 by cluster."""
    design = np.column_stack([np.ones(len(d)), z])
    bread = np.linalg.pinv(design.T @ design)
    beta = bread @ (design.T @ d)
    factor = np.sqrt((len(d) - 1) / (len(d) - design.shape[1])) if clusters else 1.0
    influence = factor * len(d) * (design * (d - design @ beta)[:, None]) @ bread
    slope, variance = beta[1:], covariance(influence, clusters)[1:, 1:]
    return float(slope @ np.linalg.solve(variance, slope) / len(slope))


def first_stage(f: float, warn: bool = True) -> Check:
    """Whether the instruments move the treatment: the F statistic against the customary 10."""
    strong = f >= 10
    sentence = f"The F statistic of the first stage is {f:.1f}"
    if strong:
        return Check("first stage", True, sentence + ".", value=f, bar=10.0)
    sentence += "; below 10 the instrument is weak, and the interval is not to be trusted: look for a stronger one."
    if warn:
        warnings.warn(sentence, stacklevel=3)
    return Check("first stage", False, sentence, value=f, bar=10.0)


def as_mapping(given: Nuisances | Mapping[str, Any] | None, allowed: Iterable[str]) -> dict[str, Any]:
    """Nuisances that were given by name; of those of another fit the ``allowed`` ones.

    Examples
    --------
    >>> as_mapping(Nuisances(m=np.zeros(1), mu0=np.ones(1)), ("m", "e"))
    {'m': array([0.])}
    """
    if isinstance(given, Nuisances):
        return {name: getattr(given, name) for name in given.known if name in allowed}
    return dict(given or {})
