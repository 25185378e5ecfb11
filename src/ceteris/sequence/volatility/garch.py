"""GARCH(1,1), GJR and EGARCH by maximum likelihood: the recursions, the likelihood, and its maximum.

With e_t = r_t - μ and z_t = e_t / σ_t of variance one, normal or Student with ν degrees of freedom,

    GARCH    σ²_t = ω + α e²_{t-1} + β σ²_{t-1}                                       Bollerslev (1986)
    GJR      σ²_t = ω + (α + γ 1[e_{t-1} < 0]) e²_{t-1} + β σ²_{t-1}                   Glosten et al. (1993)
    EGARCH   log σ²_t = ω + α (|z_{t-1}| - √(2/π)) + γ z_{t-1} + β log σ²_{t-1}       Nelson (1991)

What lies before the first return is replaced by a weighted mean of the first squares (weights .94^t over 75 of them),
as in the package arch, which gives the same estimates.

References
----------
Bollerslev, T. (1986). Generalized autoregressive conditional heteroskedasticity. Journal of Econometrics 31. Glosten,
L., Jagannathan, R. and Runkle, D. (1993). On the relation between the expected value and the volatility of the nominal
excess return on stocks. Journal of Finance 48. Nelson, D. (1991). Conditional heteroskedasticity in asset returns.
Econometrica 59.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
import pandas as pd
from scipy.optimize import minimize

from ceteris.arguments import number, whole

KINDS = ("garch", "gjr", "egarch")
ERRORS = ("normal", "student")
NAMES = ("mean", "omega", "alpha", "gamma", "beta", "nu")
MU, OMEGA, ALPHA, GAMMA, BETA, NU = range(6)
DECAY, EARLY = 0.94, 75  # weights of the first squares
EDGE = 1e-6  # how near to its bound a parameter counts as on it
NORMAL = 500.0  # degrees of freedom, at most, of Student's errors, which are normal there
STEP = 1e-4  # of numerical derivatives, in units of a parameter's own size
TERRIBLE = 1e10
BURN = 500  # simulated periods that are forgotten
CENTRE = math.sqrt(2 / math.pi)  # E|z| of a normal z


class Maximum(NamedTuple):
    """Where the likelihood is highest.

    Attributes
    ----------
    parameters : array, shape (6,)
        In the order of `NAMES`; those that a model has not are 0, and ν of normal errors is infinite.
    free : tuple of int
        Which were estimated.
    bounded : tuple of int
        Which of these are on the edge of what they may be.
    log_likelihood : float
    covariance : array, shape (free, free)
        Robust to wrong errors (Bollerslev and Wooldridge 1992); those on the edge have zeros.
    classic : array, shape (free, free)
        The inverse of the Hessian.
    converged : bool
    """

    parameters: np.ndarray
    free: tuple[int, ...]
    bounded: tuple[int, ...]
    log_likelihood: float
    covariance: np.ndarray
    classic: np.ndarray
    converged: bool


@nb.njit(cache=True)
def filtered(egarch, p, r, before):
    """Return σ²_t of all returns, given parameters and what lies before them (a variance)."""
    mu, omega, alpha, gamma, beta = p[0], p[1], p[2], p[3], p[4]
    out = np.empty(len(r))
    if egarch:
        log_h = omega + beta * math.log(before)
        for t in range(len(r)):
            if t > 0:
                z = (r[t - 1] - mu) / math.sqrt(out[t - 1])
                log_h = omega + alpha * (abs(z) - CENTRE) + gamma * z + beta * log_h
            log_h = min(max(log_h, -50.0), 50.0)
            out[t] = math.exp(log_h)
        return out
    h = omega + (alpha + 0.5 * gamma + beta) * before
    for t in range(len(r)):
        if t > 0:
            e = r[t - 1] - mu
            h = omega + (alpha + (gamma if e < 0 else 0.0)) * e * e + beta * h
        h = max(h, 1e-12 * before)
        out[t] = h
    return out


@nb.njit(cache=True)
def surprises(egarch, student, p, r, before):
    """Return minus the log density of each return."""
    h = filtered(egarch, p, r, before)
    out = np.empty(len(r))
    nu = p[5]
    if student:
        constant = 0.5 * math.log(math.pi * (nu - 2)) + math.lgamma(0.5 * nu) - math.lgamma(0.5 * (nu + 1))
    else:
        constant = 0.5 * math.log(2 * math.pi)
    for t in range(len(r)):
        square = (r[t] - p[0]) ** 2 / h[t]
        tail = 0.5 * (nu + 1) * math.log1p(square / (nu - 2)) if student else 0.5 * square
        out[t] = constant + 0.5 * math.log(h[t]) + tail
    return out


def early_variance(r: np.ndarray) -> float:
    """Return what stands for the variance before the first return."""
    first = (r - r.mean())[:EARLY] ** 2
    weights = DECAY ** np.arange(len(first))
    return float(weights @ first / weights.sum())


def maximise(kind: str, errors: str, constant_mean: bool, returns: np.ndarray) -> Maximum:
    """Find the parameters at which returns are most likely.

    Parameters
    ----------
    kind : {"garch", "gjr", "egarch"}
    errors : {"normal", "student"}
    constant_mean : bool
        Whether μ is estimated; otherwise it is zero.
    returns : array, shape (n,)
        In any unit: they are divided by their standard deviation, and the estimates are of the returns given.

    Examples
    --------
    >>> from ceteris.sequence import simulate_garch
    >>> found = maximise("garch", "normal", False, simulate_garch(4_000, seed=0)[0].to_numpy())
    >>> found.parameters.round(2)[1:5].tolist()  # 0.05, 0.1, 0 and 0.85 were simulated
    [0.04, 0.1, 0.0, 0.85]
    """
    unit = float(returns.std())
    r, egarch, student = returns / unit, kind == "egarch", errors == "student"
    before = early_variance(r)
    free = _free(kind, errors, constant_mean)
    loss = lambda x: _total(egarch, student, _full(x, free), r, before)
    begin = min(_starts(kind, student, r, free), key=loss)
    bounds, limits = _bounds(kind, free), _limits(kind, free)
    found = minimize(loss, begin, method="SLSQP", jac="3-point", bounds=bounds, constraints=limits,
                     options={"ftol": 1e-13, "maxiter": 500})  # fmt: skip
    x = found.x
    bounded = tuple(i for i, k in enumerate(free) if _on_edge(kind, x, i, k, bounds))
    x[[i for i in bounded if free[i] != NU]] = 0.0
    inner = [i for i in range(len(free)) if i not in bounded]
    classic, robust = _covariances(egarch, student, x, inner, free, r, before)
    full, J = _in_unit(egarch, _full(x, free), free, unit)
    log_likelihood = -float(found.fun) - len(r) * math.log(unit)
    return Maximum(
        full if student else np.append(full[:5], np.inf),
        free, tuple(free[i] for i in bounded), log_likelihood, J @ robust @ J.T, J @ classic @ J.T,
        bool(found.success) and math.isfinite(log_likelihood),
    )  # fmt: skip


def simulate_garch(
    periods: int = 2_000,
    omega: float = 0.05,
    alpha: float = 0.1,
    beta: float = 0.85,
    *,
    gamma: float = 0.0,
    nu: float | None = None,
    seed: int = 0,
) -> tuple[pd.Series, pd.Series]:
    """Draw returns whose variance follows a GARCH or, where falls count more, a GJR model.

    Parameters
    ----------
    periods : int
        How many.
    omega : float
        ω.
    alpha : float
        α.
    beta : float
        β.
    gamma : float
        γ; α + γ / 2 + β is to be below one.
    nu : float, optional
        Degrees of freedom of Student errors, above 2; normal ones by default.
    seed : int

    Returns
    -------
    returns, variances : Series
        The variances are those the returns were drawn with.

    Examples
    --------
    >>> returns, variances = simulate_garch(1_000, nu=6.0)
    >>> len(returns), bool(variances.min() > 0.05)
    (1000, True)
    """
    whole("periods", periods, such_as=2_000)
    for name, given in (("omega", omega), ("alpha", alpha), ("beta", beta)):
        number(name, given, **({"above": 0} if name == "omega" else {"least": 0}))
    number("alpha + gamma / 2 + beta", alpha + gamma / 2 + beta, below=1)
    rng = np.random.default_rng(seed)
    if nu is None:
        z = rng.normal(size=periods + BURN)
    else:
        z = rng.standard_t(number("nu", nu, above=2, such_as=8), periods + BURN) * math.sqrt((nu - 2) / nu)
    e, h = np.empty(len(z)), np.empty(len(z))
    now = omega / (1 - alpha - gamma / 2 - beta)
    for t in range(len(z)):
        h[t], e[t] = now, z[t] * math.sqrt(now)
        now = omega + (alpha + gamma * (e[t] < 0)) * e[t] ** 2 + beta * now
    return pd.Series(e[BURN:], name="returns"), pd.Series(h[BURN:], name="variances")


def _free(kind: str, errors: str, constant_mean: bool) -> tuple[int, ...]:
    used = {MU: constant_mean, GAMMA: kind != "garch", NU: errors == "student"}
    return tuple(k for k in range(6) if used.get(k, True))


def _full(x: np.ndarray, free: tuple[int, ...]) -> np.ndarray:
    p = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 8.0])
    p[list(free)] = x
    return p


def _total(egarch: bool, student: bool, p: np.ndarray, r: np.ndarray, before: float) -> float:
    if p[NU] <= 2 or (not egarch and p[OMEGA] <= 0):
        return TERRIBLE
    total = float(surprises(egarch, student, p, r, before).sum())
    return total if math.isfinite(total) else TERRIBLE


def _starts(kind: str, student: bool, r: np.ndarray, free: tuple[int, ...]) -> list[np.ndarray]:
    """Return points to choose the first one from, for returns of variance one."""
    points = []
    for alpha in (0.03, 0.08, 0.15):
        for persistence in (0.8, 0.95, 0.985):
            for lean in (0.0, 0.5) if kind != "garch" else (0.0,):
                if kind == "egarch":
                    p = [r.mean(), 0.0, 2 * alpha, -2 * alpha * lean, persistence, 8.0]
                else:
                    a, g = alpha * (1 - lean), 2 * alpha * lean
                    p = [r.mean(), 1 - persistence, a, g, persistence - a - g / 2, 8.0]
                points.append(np.array(p)[list(free)])
    return points


def _bounds(kind: str, free: tuple[int, ...]) -> list[tuple[float, float]]:
    rules = {MU: (-10.0, 10.0), OMEGA: (1e-8, 10.0), ALPHA: (0.0, 1.0), GAMMA: (-1.0, 2.0), BETA: (0.0, 0.9999),
             NU: (2.05, NORMAL)}  # fmt: skip
    if kind == "egarch":
        rules |= {OMEGA: (-10.0, 10.0), ALPHA: (-2.0, 3.0), GAMMA: (-2.0, 2.0), BETA: (-0.9999, 0.9999)}
    return [rules[k] for k in free]


def _limits(kind: str, free: tuple[int, ...]) -> list[dict]:
    """Return what combinations of parameters must not be below zero."""
    if kind == "egarch":
        return []
    rows = [{ALPHA: -1.0, GAMMA: -0.5, BETA: -1.0}]  # persistence at most one
    if kind == "gjr":
        rows.append({ALPHA: 1.0, GAMMA: 1.0})  # a fall raises the variance too
    weights = [np.array([row.get(k, 0.0) for k in free]) for row in rows]
    limits = []
    for w, constant in zip(weights, (0.99999, 0.0), strict=False):
        limits.append({"type": "ineq", "fun": lambda x, w=w, c=constant: c + w @ x, "jac": lambda x, w=w: w})
    return limits


def _on_edge(kind: str, x: np.ndarray, i: int, k: int, bounds: list[tuple[float, float]]) -> bool:
    if k == NU:
        return bounds[i][1] - x[i] < 1
    return kind != "egarch" and k in (ALPHA, BETA) and x[i] - bounds[i][0] < EDGE


def _covariances(egarch, student, x, inner, free, r, before) -> tuple[np.ndarray, np.ndarray]:
    """Return the inverse Hessian, and the sandwich of it with the outer product of the scores."""
    steps = STEP * np.maximum(np.abs(x), 0.05)

    def each(shift: np.ndarray) -> np.ndarray:
        return surprises(egarch, student, _full(x + shift, free), r, before)

    at = lambda i, j, a, b: each(np.eye(len(x))[i] * a * steps[i] + np.eye(len(x))[j] * b * steps[j]).sum()
    scores = np.stack([(each(np.eye(len(x))[i] * steps[i]) - each(-np.eye(len(x))[i] * steps[i])) / (2 * steps[i])
                       for i in inner], axis=1)  # fmt: skip
    H = np.array([[(at(i, j, 1, 1) - at(i, j, 1, -1) - at(i, j, -1, 1) + at(i, j, -1, -1)) / (4 * steps[i] * steps[j])
                   for j in inner] for i in inner])  # fmt: skip
    bread = np.linalg.pinv(H)
    both = []
    for inside in (bread, bread @ (scores.T @ scores) @ bread):
        whole = np.zeros((len(x), len(x)))
        whole[np.ix_(inner, inner)] = inside
        both.append(whole)
    return both[0], both[1]


def _in_unit(egarch: bool, p: np.ndarray, free: tuple[int, ...], unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Return parameters of returns that are larger by a unit, and the derivatives of the free ones."""
    p, J = p.copy(), np.eye(6)
    p[MU], J[MU, MU] = p[MU] * unit, unit
    if egarch:
        p[OMEGA] += (1 - p[BETA]) * 2 * math.log(unit)
        J[OMEGA, BETA] = -2 * math.log(unit)
    else:
        p[OMEGA], J[OMEGA, OMEGA] = p[OMEGA] * unit**2, unit**2
    return p, J[np.ix_(list(free), list(free))]
