"""The propensity score e(x) = P(D = 1 | X = x): fitted by a logit, or known; rows trimmed by it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ceteris.arguments import INSIDE, number
from ceteris.causal.rows import Rows, read_rows, refuse_no_covariates
from ceteris.stats.centring import standardised
from ceteris.stats.logit import logit, with_constant
from ceteris.tables.frames import finite


@dataclass(frozen=True)
class Propensity:
    """Score e (n,), columns of the logit x (n, k), influence of each row on its coefficients (n, k), their covariance.

    Columns are a constant and the covariates, standardised.

    The last two are None where the score is known, or taken as known.
    """

    e: np.ndarray
    x: np.ndarray
    influence: np.ndarray | None
    covariance: np.ndarray | None = None


def read_with_score(data: Any, *, y: Any, d: Any, x: Any, score: Any, cluster: Any) -> Rows:
    """Rows with the known score among ``extra``, if there is one; covariates or a score are needed."""
    extra = None if score is None else {"score": score}
    rows = read_rows(data, y=y, d=d, x=x, cluster=cluster, binary=True, extra=extra)
    if score is None:
        refuse_no_covariates(rows.x, "name those that treatment depends on, or pass a known score=")
    else:
        finite("score", rows.extra["score"], within=INSIDE, do="drop the rows whose treatment was certain")
    return rows


def fit_propensity(rows: Rows) -> Propensity:
    """Take the known score among ``rows.extra``, or fit a logit of the treatment on a constant and the covariates."""
    X = with_constant(standardised(rows.x)[0])
    if "score" in rows.extra:
        return Propensity(rows.extra["score"], X, None)
    fit = logit(X, rows.d)
    return Propensity(fit.fitted, X, fit.influence, fit.covariance)


def subset(rows: Rows, keep: np.ndarray) -> Rows:
    """The rows where `keep` (n,) is true."""
    return replace(
        rows,
        y=rows.y[keep],
        d=rows.d[keep],
        x=rows.x[keep],
        clusters=tuple(groups[keep] for groups in rows.clusters),
        extra={name: values[keep] for name, values in rows.extra.items()},
    )


def trimmed(rows: Rows, share: float) -> tuple[Rows, np.ndarray]:
    """Keep the rows with a score in [share, 1 - share]; also which ones, a mask (n,).

    Examples
    --------
    >>> score = np.array([0.02, 0.3, 0.4, 0.6, 0.9])
    >>> rows = Rows(np.arange(5.0), np.array([0.0, 1, 0, 0, 1]), np.zeros((5, 0)), extra={"score": score})
    >>> trimmed(rows, 0.05)[1]
    array([False,  True,  True,  True,  True])
    """
    number("trim", share, least=0, below=0.5, such_as=0.05)
    if share == 0:
        return rows, np.ones(rows.n, dtype=bool)
    e = fit_propensity(rows).e
    keep = (e >= share) & (e <= 1 - share)
    treated = int(rows.d[keep].sum())
    if min(treated, int(keep.sum()) - treated) < 2:
        raise ValueError(
            f"trim is {share}, which leaves {treated} treated and {int(keep.sum()) - treated} control rows; two of "
            "each at least are needed; trim less."
        )
    return subset(rows, keep), keep


def spread(influence: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Influence on all rows, of an estimate on those kept: zero for the others, with the same covariance."""
    if keep.all():
        return influence
    full = np.zeros((len(keep), *influence.shape[1:]))
    full[keep] = influence * len(keep) / keep.sum()
    return full
