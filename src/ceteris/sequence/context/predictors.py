"""Forecasts of first-order autoregressions by who knows what: the Bayes predictor, least squares, kernels, one step.

Series x_t = ρ x_{t-1} + σ ε_t start from their stationary distribution, ρ is uniform on (-limit, limit). All predictors
take x (series, T + 1) and return forecasts of x_2, ..., x_{T+1} from contexts of 1, ..., T values, shape (series, T).

Attention as a regression (script 000, section 1.11.5). *Linear* attention with keys x_{i-1}, values x_i and query x_t
gives η Σ_i x_i x_{i-1} x_t: one step of gradient descent at rate η on Σ_i (x_i - ρ x_{i-1})² / 2 from ρ = 0, to the
letter. *Softmax* attention is a kernel regression, but not a local one: the weights exp(x_t x_{i-1}) do not peak where
x_{i-1} is closest to x_t, they lean to the largest lags of its sign. For a normal process the forecast tends to

    ρ var(x) x_t = ρ σ² / (1 - ρ²) x_t,

which is ρ x_t only where the variance of x is one, so that σ does matter at first order. With keys of equal length, or
with -x_{i-1}²/2 added to the scores, the kernel is Gaussian and local.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ceteris.arguments import number, one_of, whole
from ceteris.tables.frames import finite

NODES = 100  # of the quadrature over ρ
KERNELS = ("exponential", "gaussian")


def simulate_autoregressions(
    series: int, length: int, limit: float = 0.95, *, sigma: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw series from autoregressions of the first order.

    Parameters
    ----------
    series : int
    length : int
        Values of each.
    limit : float
        ρ is uniform on (-limit, limit).
    sigma : float
        σ.
    seed : int

    Returns
    -------
    x : array, shape (series, length)
    rho : array, shape (series,)

    Examples
    --------
    >>> x, rho = simulate_autoregressions(3, 10)
    >>> x.shape, bool(abs(rho).max() < 0.95)
    ((3, 10), True)
    """
    whole("series", series, such_as=100)
    whole("length", length, least=2, such_as=33)
    number("limit", limit, above=0, below=1, such_as=0.95)
    number("sigma", sigma, above=0)
    rng = np.random.default_rng(seed)
    rho, x = rng.uniform(-limit, limit, series), rng.normal(size=(series, length))
    x[:, 0] /= np.sqrt(1 - rho**2)
    for t in range(1, length):
        x[:, t] += rho * x[:, t - 1]
    return sigma * x, rho


def bayes_forecasts(x: Any, limit: float = 0.95, sigma: float = 1.0) -> np.ndarray:
    """Return the forecasts of whoever knows how series are drawn, but not ρ: no forecast has a lower mean error.

    The posterior mean of ρ is a ratio of two integrals over (-limit, limit), by Gauss and Legendre's rule.

    Parameters
    ----------
    x : array, shape (series, T + 1)
    limit : float
        ρ is uniform on (-limit, limit).
    sigma : float
        σ.

    Examples
    --------
    >>> x, rho = simulate_autoregressions(1, 400, seed=2)  # 399 values tell ρ to about 0.05
    >>> forecast = bayes_forecasts(x)[0, -1]
    >>> rho.round(2).tolist(), round(float(forecast / x[0, -2]), 2)
    ([-0.45], -0.47)
    """
    x = _checked(x) / number("sigma", sigma, above=0)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    rho = number("limit", limit, above=0, below=1, such_as=0.95) * nodes
    log_p = np.log(weights) + 0.5 * np.log1p(-(rho**2)) - 0.5 * x[:, :1] ** 2 * (1 - rho**2)
    found = np.empty((len(x), x.shape[1] - 1))
    for t in range(x.shape[1] - 1):
        if t > 0:
            log_p = log_p - 0.5 * (x[:, t, None] - rho * x[:, t - 1, None]) ** 2
        p = np.exp(log_p - log_p.max(1, keepdims=True))
        found[:, t] = (p @ rho) / p.sum(1) * x[:, t]
    return sigma * found


def least_squares_forecasts(x: Any) -> np.ndarray:
    """Return the forecasts of a regression of each value on the one before; zero from a single value.

    Parameters
    ----------
    x : array, shape (series, T + 1)

    Examples
    --------
    >>> least_squares_forecasts([[1.0, 0.5, 0.25, 0.0]]).tolist()
    [[0.0, 0.25, 0.125]]
    """
    x = _checked(x)
    products, squares = np.cumsum(x[:, 1:-1] * x[:, :-2], 1), np.cumsum(x[:, :-2] ** 2, 1)
    return np.concatenate([np.zeros((len(x), 1)), products / squares * x[:, 1:-1]], axis=1)


def descent_forecasts(x: Any, rate: float | None = None) -> np.ndarray:
    """Return the forecasts of one step of gradient descent on the squares, from ρ = 0: a layer of linear attention.

    Parameters
    ----------
    x : array, shape (series, T + 1)
    rate : float, optional
        η; by default, for each context, the one with the lowest error of these very series.

    Examples
    --------
    >>> descent_forecasts([[1.0, 2.0, 3.0, 0.0]], rate=0.1).round(3).tolist()  # 0.1 (2 · 1 + 3 · 2) 3
    [[0.0, 0.4, 2.4]]
    """
    x = _checked(x)
    steps = np.concatenate([np.zeros((len(x), 1)), np.cumsum(x[:, 1:-1] * x[:, :-2], 1)], axis=1) * x[:, :-1]
    if rate is None:
        return steps * (steps * x[:, 1:]).sum(0) / np.maximum((steps**2).sum(0), 1e-12)
    return number("rate", rate, above=0) * steps


def kernel_forecasts(x: Any, kernel: str = "exponential", width: float = 0.3) -> np.ndarray:
    """Return the forecasts of softmax attention from the last value: means of x_i, weighted by x_{i-1} and x_t.

    Parameters
    ----------
    x : array, shape (series, T + 1)
        The last value is what is forecast.
    kernel : {"exponential", "gaussian"}
        Weights exp(x_t x_{i-1}), or exp(-(x_t - x_{i-1})² / 2h²).
    width : float
        h in standard deviations of each series, of the second.

    Returns
    -------
    array, shape (series,)
    """
    x = _checked(x)
    one_of("kernel", kernel, KERNELS)
    query, keys, values = x[:, -2:-1], x[:, :-2], x[:, 1:-1]
    h = number("width", width, above=0) * keys.std(1, keepdims=True)
    scores = query * keys if kernel == "exponential" else -0.5 * ((query - keys) / h) ** 2
    weights = np.exp(scores - scores.max(1, keepdims=True))
    return (weights * values).sum(1) / weights.sum(1)


def lagged(x: np.ndarray) -> np.ndarray:
    """Return each value with the one before it, zero before the first: (..., T) to (..., T, 2)."""
    before = np.concatenate([np.zeros((*x.shape[:-1], 1)), x], axis=-1)
    return sliding_window_view(before, 2, axis=-1)[..., ::-1]


def _checked(x: Any) -> np.ndarray:
    found = finite("x", x, (None, None))
    whole("x: values of each series", found.shape[1], least=2)
    return found
