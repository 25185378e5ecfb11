"""Additive smooth regression and classification whose penalties choose themselves from the rows learnt from.

f(x) = a + Σ_j (b_j x_j + s_j(x_j)): each covariate has a straight part and, if it takes more than a few values, a
natural cubic spline with its straight part taken out. Straight parts have the penalty λ, bends ρλ; λ and ρ minimise
generalised cross-validation (regression), or the unbiased risk estimate of the working model in each step of
iteratively reweighted least squares (classification), with degrees of freedom counted 1.4 times. One eigendecomposition
for each ρ gives all λ.

References
----------
Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning, section 5.2.1 (natural splines); Golub,
Heath and Wahba (1979), Technometrics 21 (GCV); Kim and Gu (2004), JRSS B 66 (the factor 1.4); Wood (2004), JASA 99
(choice of penalties within the iteration).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from ceteris.arguments import whole
from ceteris.causal.linear import sigmoid
from ceteris.stats.centring import standardised

FEW = 6  # a covariate of at most so many values has no bends
RATIOS = (1.0, 30.0, 1e4)  # of the penalty on bends to that on straight parts; the last is a straight line
PENALTIES = np.logspace(-5, 3, 25)  # λ, per row
ITERATIONS = 60
STRIDE = 3.0
CERTAIN = 20.0  # log-odds beyond which rows have no say
CAUTION = 1.4  # each degree of freedom counts so much: plain cross-validation now and then takes noise for bends


@dataclass(frozen=True)
class Basis:
    """Columns of the additive model, standardised on the rows learnt from.

    Attributes
    ----------
    mean, scale : array, shape (p,)
    knots : tuple
        For each covariate None, or the standardised knots.
    projections : tuple
        For each covariate None, or what takes constant and straight part out of the bends, and their scales.
    """

    mean: np.ndarray
    scale: np.ndarray
    knots: tuple[np.ndarray | None, ...]
    projections: tuple[tuple[np.ndarray, np.ndarray] | None, ...]

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns, shape (n, q), and which of them are bends, shape (q,)."""
        u = (x - self.mean) / self.scale
        parts = [u]
        for j, (knots, projection) in enumerate(zip(self.knots, self.projections, strict=True)):
            if knots is not None and projection is not None:
                slope, size = projection
                straight = np.stack([np.ones(len(u)), u[:, j]], axis=1)
                parts.append((bends(u[:, j], knots) - straight @ slope) / size)
        columns = np.concatenate(parts, axis=1)
        return columns, np.arange(columns.shape[1]) >= x.shape[1]


def bends(u: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Natural cubic splines without constant and straight line: K knots give K - 2 columns.

    Examples
    --------
    >>> bends(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0])).ravel()  # straight again beyond the last knot
    array([0. , 0.5, 3. , 6. ])
    """
    last = knots[-1]
    beyond = _cube(u - last)

    def cubic(k: float) -> np.ndarray:
        return (_cube(u - k) - beyond) / (last - k)

    tail = cubic(knots[-2])
    return np.stack([cubic(k) - tail for k in knots[:-2]], axis=1)


def _cube(u: np.ndarray) -> np.ndarray:
    positive = np.maximum(u, 0)
    return positive * positive * positive


def fit_basis(x: np.ndarray, knots: int | None) -> Basis:
    """Learn knots (quantiles; one for every 50 rows, between 4 and 7, if None) and scales from rows."""
    knots = knots or int(np.clip(len(x) // 50, 4, 7))
    u, mean, scale = standardised(x)
    scale = np.where(u.any(axis=0), scale, np.inf)
    found: list[Any] = []
    for column in u.T:
        places = np.unique(np.quantile(column, np.linspace(0.05, 0.95, knots)))
        if len(places) < 4 or len(np.unique(column[:1000])) <= FEW:
            found.append((None, None))
            continue
        straight = np.stack([np.ones(len(u)), column], axis=1)
        raw = bends(column, places)
        slope = np.linalg.lstsq(straight, raw, rcond=None)[0]
        size = np.maximum((raw - straight @ slope).std(0), 1e-12)
        found.append((places, (slope, size)))
    return Basis(mean, scale, tuple(k for k, _ in found), tuple(p for _, p in found))


def penalised(
    gram: np.ndarray,
    moment: np.ndarray,
    total: float,
    n: int,
    bent: np.ndarray,
    scale_known: bool,
    only: tuple[float, int] | None = None,
) -> tuple[np.ndarray, tuple[float, int]]:
    """Coefficients of the columns with the best penalties, shape (q,), and which these are.

    Parameters
    ----------
    gram, moment, total : array (q, q), array (q,), float
        B'B, B'z and z'z of centred columns and target.
    n : int
        Rows.
    bent : array of bool, shape (q,)
    scale_known : bool
        Choose by the unbiased risk estimate with variance one, not by generalised cross-validation.
    only : (ratio, place among the penalties), optional
        Take these, and choose nothing.
    """
    best, coefficients, chosen = np.inf, np.zeros(len(moment)), only or (RATIOS[0], 0)
    ratios = (only[0],) if only else RATIOS if bent.any() else RATIOS[:1]
    for ratio in ratios:
        shrink = np.where(bent, 1 / np.sqrt(ratio), 1.0)
        values, vectors = np.linalg.eigh(gram * np.outer(shrink, shrink))
        values = np.maximum(values, 0)
        rotated = vectors.T @ (moment * shrink)
        kept = 1 / (values[None, :] + n * PENALTIES[:, None])
        trace = 1 + kept @ values
        residual = total - (2 * kept - kept**2 * values) @ rotated**2
        if scale_known:
            score = residual / n + 2 * CAUTION * trace / n
        else:
            left = n - CAUTION * trace
            score = np.where(left > 1, n * residual / np.maximum(left, 1) ** 2, np.inf)
        k = only[1] if only else int(np.argmin(score))
        if score[k] < best:
            best, coefficients, chosen = score[k], shrink * (vectors @ (kept[k] * rotated)), (ratio, k)
    return coefficients, chosen


class AdditiveRegressor(RegressorMixin, BaseEstimator):
    """Additive smooth regression, penalties by generalised cross-validation.

    Parameters
    ----------
    knots : int, optional
        Of the spline in each covariate; 4 at least. By default one for every 50 rows, between 4 and 7.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(500, 2))
    >>> y = np.sin(2 * x[:, 0]) + x[:, 1] + 0.1 * rng.normal(size=500)
    >>> AdditiveRegressor().fit(x, y).score(x, y) > 0.95
    True
    """

    def __init__(self, knots: int | None = None) -> None:
        self.knots = knots

    def fit(self, X: Any, y: Any) -> AdditiveRegressor:
        """Learn the function."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        _refuse_knots(self.knots)
        self.basis_ = fit_basis(X, self.knots)
        columns, bent = self.basis_(X)
        self.centre_ = columns.mean(0)
        columns = columns - self.centre_
        centred = y - y.mean()
        gram, moment, total = columns.T @ columns, columns.T @ centred, float(centred @ centred)
        self.coef_, _ = penalised(gram, moment, total, len(y), bent, scale_known=False)
        self.intercept_ = float(y.mean())
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of y given X, shape (n,)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self.intercept_ + (self.basis_(X)[0] - self.centre_) @ self.coef_


class AdditiveClassifier(ClassifierMixin, BaseEstimator):
    """Additive smooth logistic regression of two classes, penalties by the unbiased risk estimate.

    Parameters
    ----------
    knots : int, optional
        Of the spline in each covariate; 4 at least. By default one for every 50 rows, between 4 and 7.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(500, 2))
    >>> d = rng.random(500) < 1 / (1 + np.exp(-(x[:, 0] ** 2)))
    >>> p = AdditiveClassifier().fit(x, d).predict_proba([[0.0, 0.0], [2.0, 0.0]])[:, 1]
    >>> bool(p[0] < 0.65 < 0.85 < p[1])
    True
    """

    def __init__(self, knots: int | None = None) -> None:
        self.knots = knots

    def fit(self, X: Any, y: Any) -> AdditiveClassifier:
        """Learn the probabilities."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        _refuse_knots(self.knots)
        check_classification_targets(y)
        self.classes_, target = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {type_of_target(y)}: it has "
                f"{len(self.classes_)} class(es), and two are allowed."
            )
        self.basis_ = fit_basis(X, self.knots)
        columns, bent = self.basis_(X)
        self.intercept_, self.coef_, self.converged_ = _reweighted(columns, target.astype(float), bent)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the two classes, shape (n, 2)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        p = sigmoid(self.intercept_ + self.basis_(X)[0] @ self.coef_)
        return np.stack([1 - p, p], axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the likelier class, shape (n,)."""
        check_is_fitted(self)
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def _reweighted(columns: np.ndarray, y: np.ndarray, bent: np.ndarray) -> tuple[float, np.ndarray, bool]:
    """Iteratively reweighted least squares; the penalties are chosen anew in each step until the fit settles.

    Penalties from a finite grid could make the steps cycle; in the second half of the steps they stay as they are. No
    step moves a row's log-odds by more than ``STRIDE``: from a rare treatment's share, full steps overshoot
    and need not come back.
    """
    index = np.full(len(y), np.log(y.mean() / (1 - y.mean())))
    intercept, coefficients, longest = 0.0, np.zeros(columns.shape[1]), np.inf
    chosen: tuple[float, int] | None = None
    for step in range(ITERATIONS):
        p = sigmoid(index)
        w = p * (1 - p)
        z = index + (y - p) / w
        share = w / w.sum()
        centre, middle = share @ columns, share @ z
        rooted = (columns - centre) * np.sqrt(w)[:, None]
        target = (z - middle) * np.sqrt(w)
        gram, moment, total = rooted.T @ rooted, rooted.T @ target, float(target @ target)
        only = None if step < ITERATIONS // 2 else chosen
        coefficients, chosen = penalised(gram, moment, total, len(y), bent, scale_known=True, only=only)
        intercept = float(middle - centre @ coefficients)
        move = np.clip(intercept + columns @ coefficients, -CERTAIN, CERTAIN) - index
        longest = np.abs(move).max()
        if longest < 1e-3:
            return intercept, coefficients, True
        index = index + move * min(1.0, STRIDE / longest)
    warnings.warn(
        f"AdditiveClassifier: log-odds still move by {longest:.2g} after {ITERATIONS} steps; one class may be all but "
        "certain for some rows: look at overlap, or give a learner of your own.",
        ConvergenceWarning,
        stacklevel=3,
    )
    return intercept, coefficients, False


def _refuse_knots(knots: int | None) -> None:
    if knots is not None:
        whole("knots", knots, least=4)
