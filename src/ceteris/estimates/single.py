"""Whether a single row, or cluster, decides an estimate."""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.evidence import Check
from ceteris.stats.deletion import DECISIVE, FEWEST, most_decisive

SINGLE = "no single row decides"
ROUNDING = 1e-9  # a change by less than this share of the estimate is none


def single(estimate: Any) -> Check:
    """Whether a single row, or cluster, decides: without it the estimate leaves the 95 % interval of the others.

    Examples
    --------
    >>> from ceteris.results import Estimate
    >>> x = np.r_[np.arange(20.0), 2000.0]
    >>> print(single(Estimate(x.mean(keepdims=True), (x - x.mean())[:, None], ("mean",))).sentence)
    Row 20 (from 0) has 95.2% of the variance of mean, which is 104.3 with it and about 9.5 without, 74 standard errors
    of the others away; look at it.
    """
    phi = estimate.influence if estimate.by_deletion is None else estimate.by_deletion
    assert phi is not None
    n = len(phi)
    found = most_decisive(phi if estimate.by_deletion is not None or n < 2 else phi * n / (n - 1), estimate.clusters)
    if found.units < FEWEST:
        few = f"Only {found.units} {'clusters' if estimate.clusters else 'rows'} count, each of which may decide."
        return Check(SINGLE, None, few, found.distance, DECISIVE)
    who = f"Row {found.unit} (from 0)"
    if estimate.clusters:
        who = f"Cluster {np.unique(estimate.clusters[0])[found.unit]}"
    point, name = float(estimate.point[found.entry]), estimate.names[found.entry]
    passed = found.distance <= DECISIVE or abs(found.change) <= ROUNDING * abs(point)
    moved = f"about {point - found.change:.4g} without, {found.distance:.2g} standard errors of the others away"
    if np.isinf(found.change):
        moved = "not defined without"
    sentence = f"{who} has {found.share:.1%} of the variance of {name}, which is {point:.4g} with it and {moved}"
    return Check(SINGLE, passed, sentence + ("." if passed else "; look at it."), found.distance, DECISIVE)
