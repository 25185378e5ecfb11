"""Units in groups by their estimated effect: mean effect of each (GATES), and what its members are like (CLAN).

The estimated effect must come from other rows than the scores: a sample apart, or other folds. Groups are taken as
given. Over several splits of the sample, take ``ceteris.causal.assemble.median_of`` of the estimates.

References
----------
Chernozhukov, Demirer, Duflo and Fernández-Val (2025), "Generic machine learning inference on heterogeneous treatment
effects in randomized experiments", Econometrica 93.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ceteris.arguments import whole
from ceteris.causal.heterogeneity.evaluate.inputs import clusters_of, labels, refuse_constant, vectors
from ceteris.causal.rows import read_covariates
from ceteris.results import About, Check, Estimate
from ceteris.tables.frames import finite


def quantile_groups(values: Any, groups: int = 5, within: Any = None) -> np.ndarray:
    """Number of the group of each unit, 0 for the lowest values, shape (n,).

    Units of equal value come into one group, that of the middle of their ranks.

    Parameters
    ----------
    values : array, shape (n,)
    groups : int
    within : array, shape (n,), optional
        Folds; units are ranked among those of their fold, as effects from different fits are not comparable.

    Examples
    --------
    >>> quantile_groups([0.1, 0.4, 0.2, 0.9], groups=2)
    array([0, 1, 0, 1])
    """
    from scipy.stats import rankdata

    (values,) = vectors(tau_hat=values)
    n = len(values)
    whole("groups", groups, 2, n // 2, such_as=5)
    refuse_constant("tau_hat", values, "there are no groups")
    fold = np.zeros(n, dtype=int) if within is None else np.unique(labels("within", within, n), return_inverse=True)[1]
    place = np.empty(n, dtype=int)
    for k in range(int(fold.max()) + 1):
        inside = fold == k
        rank = (rankdata(values[inside]) - 0.5) / inside.sum()  # equal values share the mean of their ranks
        place[inside] = np.minimum((rank * groups).astype(int), groups - 1)
    found = np.bincount(place, minlength=groups)
    if found.min() < 2:
        raise ValueError(
            f"groups is {groups}, but ties leave {int(found.min())} units in group {int(found.argmin()) + 1}; give "
            "fewer groups, or an estimate with fewer equal values."
        )
    return place


def gates(scores: Any, tau_hat: Any, groups: int = 5, *, within: Any = None, cluster: Any = None) -> Estimate:
    """Mean effect by group of the estimated effect, and the last less the first.

    Parameters
    ----------
    scores : array, shape (n,)
        Doubly robust scores.
    tau_hat : array, shape (n,)
    groups, within
        As in `quantile_groups`.
    cluster : array, shape (n,), optional

    Examples
    --------
    >>> gates([0.0, 2.0, 3.0, 5.0], [1, 2, 3, 4], groups=2).point
    array([1., 4., 3.])
    """
    scores, tau_hat = vectors(scores=scores, tau_hat=tau_hat)
    place = quantile_groups(tau_hat, groups, within)
    member = (place[:, None] == np.arange(groups)).astype(float)
    point, influence = group_means(scores, member)
    names = tuple(f"group {k + 1}" for k in range(groups))
    about = About(
        "Mean effects by group of the estimated effect",
        "Mean effect in each quantile group of the estimated effect, the lowest first.",
    )
    means = Estimate(point, influence, names, about, clusters_of(cluster, len(scores)))
    weights = np.vstack([np.eye(groups), np.eye(groups)[-1] - np.eye(groups)[0]])
    found = means.contrast(weights, (*names, f"group {groups} - group 1"))
    return replace(found, checks=(ordered(found),), details=Sorted(place))


def ordered(found: Estimate) -> Check:
    """Whether the last group gains more than the first, at 95 %, one-sided."""
    gap, se = float(found.point[-1]), float(found.se[-1])
    t = gap / se if se > 0 else np.inf * np.sign(gap)
    passed = bool(t > 1.645)
    sentence = f"The last group gains {gap:.3g} more than the first (t = {t:.2f})"
    advice = "." if passed else ", which is no evidence that the estimated effects sort the units."
    return Check("groups are sorted", passed, sentence + advice, t, 1.645)


def clan(x: Any, tau_hat: Any, groups: int = 5, *, within: Any = None, cluster: Any = None) -> Estimate:
    """How the most affected differ from the least affected: means of covariates, last group less first.

    Parameters
    ----------
    x : data frame or array, shape (n, p)
        Covariates; labels become zeros and ones. ``details``, a ``Contrasted``, hold the two means.
    tau_hat, groups, within, cluster
        As in `gates`.

    Examples
    --------
    >>> import pandas as pd
    >>> clan(pd.DataFrame({"age": [20, 30, 40, 50]}), [1, 2, 3, 4], groups=2).point
    array([20.])
    """
    matrix, names = read_covariates(x)
    tau_hat = finite("tau_hat", tau_hat, (len(matrix),))
    place = quantile_groups(tau_hat, groups, within)
    member = np.stack([place == 0, place == groups - 1], axis=1).astype(float)
    means, parts = zip(*(group_means(column, member) for column in matrix.T), strict=True)
    least, most = np.array(means).T
    influence = np.stack([part[:, 1] - part[:, 0] for part in parts], axis=1)
    about = About(
        "Covariates of the most and the least affected",
        "Mean of the covariate in the last group of the estimated effect less that in the first.",
    )
    found = Estimate(most - least, influence, names, about, clusters_of(cluster, len(tau_hat)))
    return replace(found, details=Contrasted(least, most))


@dataclass(frozen=True, eq=False)
class Sorted:
    """The group of each row, from 0, by its estimated effect, shape (n,); in ``Estimate.details`` of `gates`."""

    groups: np.ndarray


@dataclass(frozen=True, eq=False)
class Contrasted:
    """Means of the covariates in the first and the last group, shape (p,); in ``Estimate.details`` of `clan`."""

    least: np.ndarray
    most: np.ndarray


def group_means(values: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means of values (n,) in groups, shape (k,), and their influence functions, (n, k); member is 0 or 1."""
    share = member.mean(0)
    point = (values @ member) / len(values) / share
    return point, member * (values[:, None] - point) / share
