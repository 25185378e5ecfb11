"""Balancing weights: the two arms are weighted so that both look like the same target population.

By tilting: with f the density of X and a function h(x) ≥ 0, the target has density proportional to h f, and

    τ_h = ∫ τ(x) h(x) f(x) dx / ∫ h(x) f(x) dx,   w = h/e for the treated, h/(1 - e) for the others

(printed without f in places, which would weight by volume and not by people). e is the propensity score, and

    h = 1              everybody               h = min(e, 1-e)                      matching weights
    h = e              the treated             h = -e log e - (1-e) log(1-e)        entropy weights
    h = 1 - e          the untreated           h = 1{α ≤ e ≤ 1-α}                   trimming (``trim=α``)
    h = e(1 - e)       overlap: the least variance under equal noise

By solving for the weights: entropy balancing chooses weights ∝ exp(x'λ) in each arm that match the target's means
exactly; covariate balancing chooses the logit's coefficients so that the weighted means of the arms are equal. Both are
also right if the outcome is linear in x.

Standard errors come from the stacked moments of weights and means, so they account for what was estimated: with Hájek
means μ_w, weights w(η), η = x'β and b_i the influence of row i on β̂,

    φ_i = n a_i w_i (y_i - μ) / Σ a w  +  b_i' Σ a (∂w/∂η) (y - μ) x / Σ a w

References
----------
Li, Morgan and Zaslavsky (2018), JASA 113. Hainmueller (2012), Political Analysis 20. Imai and Ratkovic (2014), JRSS B
76. Zhao (2019), Annals of Statistics 47.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal.diagnostics import overlap_check, size_check, warn_of
from ceteris.causal.estimands import OVERLAP, SUTVA, UNCONFOUNDED, WORDS, described, pick_estimand
from ceteris.causal.propensity import Propensity, fit_propensity, read_with_score, spread, trimmed
from ceteris.causal.rows import Rows, read_rows, refuse_no_covariates
from ceteris.results import About, Check, Estimate, Nuisances
from ceteris.stats.centring import standardised
from ceteris.stats.deletion import without_leverage
from ceteris.stats.logit import sigmoid, with_constant

ASSUMPTIONS = [UNCONFOUNDED, OVERLAP, "The propensity score is a logit in the covariates, or known.", SUTVA]


class Tilt(NamedTuple):
    """h and its derivative, functions of the score; whose effect that is, and its formula."""

    h: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    words: str
    formula: str


TILTS = {
    "ATE": Tilt(np.ones_like, np.zeros_like, *WORDS["ATE"]),
    "ATT": Tilt(lambda e: e, np.ones_like, *WORDS["ATT"]),
    "ATU": Tilt(lambda e: 1 - e, lambda e: -np.ones_like(e), *WORDS["ATU"]),
    "overlap": Tilt(
        lambda e: e * (1 - e),
        lambda e: 1 - 2 * e,
        "the average effect on the overlap population, rows weighted by e(1 - e)",
        "E[e(X)(1 - e(X)) τ(X)] / E[e(X)(1 - e(X))]",
    ),
    "matching": Tilt(
        lambda e: np.minimum(e, 1 - e),
        lambda e: np.where(e < 0.5, 1.0, -1.0),
        "the average effect on the matched population, rows weighted by min(e, 1 - e)",
        "E[min(e(X), 1 - e(X)) τ(X)] / E[min(e(X), 1 - e(X))]",
    ),
    "entropy": Tilt(
        lambda e: -(e * np.log(e) + (1 - e) * np.log1p(-e)),
        lambda e: np.log1p(-e) - np.log(e),
        "the average effect with rows weighted by the entropy of their treatment",
        "E[h τ(X)] / E[h],  h = -e log e - (1 - e) log(1 - e)",
    ),
}


@dataclass(frozen=True)
class BalancingWeights:
    """Weighted means of the two arms, by a tilting function of the propensity score.

    Parameters
    ----------
    tilt : 'ATE', 'ATT', 'ATU', 'overlap', 'matching' or 'entropy'
    trim : float
        Drop rows with a score outside [trim, 1 - trim], then fit the score again on the others.

    Examples
    --------
    Overlap weights from a logit balance the means of the covariates exactly:

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 2))
    >>> d = (x[:, 0] + rng.logistic(size=300) > 0).astype(float)
    >>> estimate = BalancingWeights("overlap").fit(y=d + x @ [1.0, 2.0], d=d, x=x)
    >>> bool(np.isclose(estimate.point[0], 1.0, atol=1e-9))
    True
    """

    tilt: str = "overlap"
    trim: float = 0.0

    def fit(
        self, data: Any = None, *, y: Any, d: Any, x: Any = None, score: Any = None, cluster: Any = None
    ) -> Estimate:
        """Estimate the effect; `score` is a propensity score that is known, else a logit on `x` is fitted."""
        one_of("tilt", self.tilt, TILTS)
        every = read_with_score(data, y=y, d=d, x=x, score=score, cluster=cluster)
        rows, keep = trimmed(every, self.trim)
        fitted = fit_propensity(rows)
        return by_score(every, rows, keep, fitted, self.tilt, f"Balancing weights ({self.tilt})", self.trim)


@dataclass(frozen=True)
class EntropyBalancing:
    """Weights of least divergence from uniform that make the means of the covariates those of the target, exactly.

    Parameters
    ----------
    estimand : 'ATE', 'ATT' or 'ATU'
        The target: everybody, the treated or the untreated.
    moments : 1 or 2
        Balance the means, or also the means of the squares.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 2))
    >>> d = (x[:, 0] + rng.logistic(size=300) > 0).astype(float)
    >>> estimate = EntropyBalancing("ATE").fit(y=d + x @ [1.0, 2.0], d=d, x=x)
    >>> bool(np.isclose(estimate.point[0], 1.0, atol=1e-9))
    True
    """

    estimand: str = "ATT"
    moments: int = 1

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any, cluster: Any = None) -> Estimate:
        """Estimate the effect."""
        pick_estimand(self.estimand)
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster, binary=True)
        features = columns_to_balance(rows.x, self.moments)
        own = {"ATE": np.ones(rows.n), "ATT": rows.d, "ATU": 1 - rows.d}[self.estimand]
        weights, point, influence = np.zeros(rows.n), np.zeros(2), np.zeros((rows.n, 2))
        for arm in (0, 1):
            mine = (rows.d == arm).astype(float)
            who = "control" if arm == 0 else "treated"
            weights += entropy_weights(features, mine, own, who)
            point[arm], influence[:, arm] = balanced_mean(features, rows.y, mine * weights, own)
        assumptions = [
            UNCONFOUNDED,
            "Either the log odds of treatment or the outcomes of each arm are linear in what is balanced.",
            SUTVA,
        ]
        about = described("Entropy balancing", self.estimand, assumptions)
        return compare(rows, point, influence, weights, None, self.estimand, about)


@dataclass(frozen=True)
class CovariateBalancing:
    """A logit whose coefficients balance the covariates, instead of maximising the likelihood (CBPS, just identified).

    Parameters
    ----------
    estimand : 'ATE', 'ATT' or 'ATU'
        For ATT and ATU the weights are those of `EntropyBalancing`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 2))
    >>> d = (x[:, 0] + rng.logistic(size=300) > 0).astype(float)
    >>> estimate = CovariateBalancing().fit(y=d + x @ [1.0, 2.0], d=d, x=x)
    >>> bool(np.isclose(estimate.point[0], 1.0, atol=1e-8))
    True
    """

    estimand: str = "ATE"

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any, cluster: Any = None) -> Estimate:
        """Estimate the effect."""
        pick_estimand(self.estimand)
        rows = read_with_score(data, y=y, d=d, x=x, score=None, cluster=cluster)
        everything = np.ones(rows.n, dtype=bool)
        fitted = covariate_balancing_score(rows, self.estimand)
        return by_score(rows, rows, everything, fitted, self.estimand, "Covariate balancing propensity score")


def by_score(
    every: Rows, rows: Rows, keep: np.ndarray, fitted: Propensity, tilt: str, method: str, trim: float = 0.0
) -> Estimate:
    """Estimate with Hájek weights of a score on the rows kept, as an estimate on every row."""
    weights, slope = score_weights(fitted.e, rows.d, tilt)
    point, influence = weighted_means(rows.y, rows.d, weights, slope, fitted)
    words, formula = TILTS[tilt].words, TILTS[tilt].formula
    among = f", among rows with a score from {trim:g} to {1 - trim:g}" if trim else ""
    about = About(method, f"{words[0].upper()}{words[1:]}{among}.", f"τ = {formula}", tuple(ASSUMPTIONS))
    checks = (overlap_check(fitted.e, rows.x, rows.names),)
    warn_of(*checks)
    return compare(rows, point, influence, weights, fitted.e, tilt, about, every, keep, checks)


def compare(
    rows: Rows, point: np.ndarray, influence: np.ndarray, weights: np.ndarray, e: np.ndarray | None,
    name: str, about: About, every: Rows | None = None, keep: np.ndarray | None = None,
    checks: tuple[Check, ...] = (), hajek: bool = True,
) -> Estimate:  # fmt: skip
    """The difference of the means (2,) of the arms as an estimate, from their influence (n, 2).

    The propensity score `e` (n,), if there is one, is kept beside the weights. Weighted sums are divided by the sum of
    the weights (`hajek`), or by a number of rows.
    """
    every = every or rows
    keep = np.ones(rows.n, dtype=bool) if keep is None else keep
    arms = np.stack([rows.d == 0, rows.d == 1], axis=1)
    share = weights[:, None] * arms / (weights @ arms) if hajek else arms / arms.sum(axis=0)
    deletion = without_leverage(influence, share)
    return Estimate(
        np.array([point[1] - point[0]]),
        spread(influence[:, 1:] - influence[:, :1], keep),
        (name,),
        about,
        every.clusters,
        checks=(*checks, size_check(weights, rows.d)),
        by_deletion=spread(deletion[:, 1:] - deletion[:, :1], keep),
        nuisances=Nuisances(e=None if e is None else _back(e, keep), weights=_back(weights, keep)),
        details=Weighted((float(point[0]), float(point[1])), keep),
    )


@dataclass(frozen=True, eq=False)
class Weighted:
    """What weighting found beside its estimate; in ``Estimate.details``.

    Parameters
    ----------
    means : (float, float)
        Weighted mean outcomes of the controls and of the treated.
    kept : array of bool, shape (n,)
        The rows that were used.
    """

    means: tuple[float, float]
    kept: np.ndarray


def _back(values: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Values of the rows kept at their places, NaN at the others."""
    full = np.full(len(keep), np.nan)
    full[keep] = values
    return full


def score_weights(e: np.ndarray, d: np.ndarray, tilt: str = "ATE") -> tuple[np.ndarray, np.ndarray]:
    """Weights (n,) of a score, and their derivatives (n,) by the log odds.

    Examples
    --------
    >>> weights, slope = score_weights(np.array([0.2, 0.2]), np.array([1, 0]), "ATT")
    >>> weights, slope
    (array([1.  , 0.25]), array([0.  , 0.25]))
    """
    h, dh = TILTS[tilt].h(e), TILTS[tilt].slope(e)
    weights = np.where(d == 1, h / e, h / (1 - e))
    slope = np.where(d == 1, (dh * e - h) * (1 - e) / e, (dh * (1 - e) + h) * e / (1 - e))
    return weights, slope


def weighted_means(
    y: np.ndarray,
    d: np.ndarray,
    weights: np.ndarray,
    slope: np.ndarray,
    fitted: Propensity,
    total: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean outcomes of the control and the treated (2,), and the influence of each row on them (n, 2).

    `total` (n,) has the sum that weighted sums are divided by: rows of the target population for Horvitz-Thompson
    means; None for Hájek means, divided by the sum of the weights.
    """
    point, influence = np.zeros(2), np.zeros((len(y), 2))
    for arm in (0, 1):
        mine = (d == arm).astype(float)
        base = mine * weights if total is None else total
        point[arm] = mine @ (weights * y) / base.sum()
        own = (mine * weights * y - base * point[arm]) / base.mean()
        if fitted.influence is not None:
            gap = y - point[arm] if total is None else y
            own = own + fitted.influence @ (fitted.x.T @ (mine * slope * gap) / base.sum())
        influence[:, arm] = own
    return point, influence


def columns_to_balance(x: np.ndarray, moments: int) -> np.ndarray:
    """Covariates, with their squares for two moments; constant and repeated columns left out, standardised."""
    one_of("moments", moments, (1, 2))
    refuse_no_covariates(x, "name those to balance")
    x = standardised(x)[0]
    wide = np.column_stack([x, x**2]) if moments == 2 else x
    chosen: list[int] = []
    base = np.ones((len(x), 1))
    for j in range(wide.shape[1]):  # a square of a dummy is the dummy: keep a column only if it adds something
        column = wide[:, j]
        rest = column - base @ np.linalg.lstsq(base, column, rcond=None)[0]
        if rest @ rest > 1e-10 * max(float(column @ column), 1.0):
            chosen.append(j)
            base = np.column_stack([base, column])
    return wide[:, chosen]


def entropy_weights(x: np.ndarray, mine: np.ndarray, own: np.ndarray, who: str = "arm") -> np.ndarray:
    """Weights (n,) of the rows in an arm (mean one there, zero elsewhere) with the target's means of x.

    Minimises log Σ exp((x - m)'λ), m the means of the target `own`, by Newton's method.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [0.0], [0.0]])
    >>> entropy_weights(x, np.array([1.0, 1, 0, 0]), np.ones(4)).round(6)
    array([1.5, 0.5, 0. , 0. ])
    """
    z = (x - own @ x / own.sum())[mine == 1]
    beta = np.zeros(x.shape[1])
    value, p = _log_sum(z, beta)
    for _ in range(100):
        gap = p @ z
        if np.abs(gap).max() < 1e-11:
            break
        step = -np.linalg.lstsq((z * p[:, None]).T @ z - np.outer(gap, gap), gap, rcond=None)[0]
        size = 1.0
        while size > 1e-8:
            new, q = _log_sum(z, beta + size * step)
            if new <= value + 1e-4 * size * float(gap @ step) + 1e-14:
                break
            size /= 2
        beta, value, p = beta + size * step, new, q
    if np.abs(p @ z).max() > 1e-8:
        raise ValueError(
            f"x: no weights on the {who} rows have the target's means; the nearest leave a gap of "
            f"{np.abs(p @ z).max():.2g} standard deviations; balance fewer covariates or moments, or trim."
        )
    weights = np.zeros(len(x))
    weights[mine == 1] = p * mine.sum()
    return weights


def balanced_mean(x: np.ndarray, y: np.ndarray, w: np.ndarray, own: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean of y under weights w that match the target's means of x, and its influence (n,).

    φ_i = w_i (y_i - μ - (x_i - m)'γ) / mean(w) + own_i (x_i - m)'γ / mean(own), γ the weighted regression of y on x.
    """
    mu, centred = w @ y / w.sum(), x - own @ x / own.sum()
    gamma = np.linalg.lstsq((centred * w[:, None]).T @ centred, centred.T @ (w * (y - mu)), rcond=None)[0]
    line = centred @ gamma
    return float(mu), w * (y - mu - line) / w.mean() + own * line / own.mean()


def covariate_balancing_score(rows: Rows, estimand: str = "ATE") -> Propensity:
    """The score whose weights balance a constant and the covariates between the arms: maximises a concave function.

    Its gradient is Σ (d w - (1 - d) w) x with w the weights of the estimand: 1/e, or 1 and e/(1 - e), ...
    """
    X, d = with_constant(standardised(rows.x)[0]), rows.d
    beta = np.zeros(X.shape[1])
    beta[0] = np.log(d.mean() / (1 - d.mean()))
    for _ in range(200):
        weights, slope = score_weights(_inside(X @ beta), d, estimand)
        score = (np.where(d == 1, weights, -weights))[:, None] * X
        hessian = (X * np.abs(slope)[:, None]).T @ X
        gap = score.sum(axis=0)
        if np.abs(gap).max() < 1e-9 * weights.sum():
            influence = rows.n * score @ np.linalg.pinv(hessian, hermitian=True)
            return Propensity(_inside(X @ beta), X, influence)
        step = np.linalg.lstsq(hessian, gap, rcond=None)[0]
        beta = beta + step * min(1.0, 2.0 / np.abs(X @ step).max())  # the log odds move by two at most
    raise ValueError(
        f"x: no logit balances the covariates for the {estimand}; a gap of {np.abs(gap).max() / weights.sum():.2g} "
        "standard deviations is left; balance fewer covariates, or trim."
    )


def _inside(eta: np.ndarray) -> np.ndarray:
    return sigmoid(np.clip(eta, -30, 30))


def _log_sum(z: np.ndarray, beta: np.ndarray) -> tuple[float, np.ndarray]:
    eta = z @ beta
    top = eta.max()
    p = np.exp(eta - top)
    return float(top + np.log(p.sum())), p / p.sum()
