"""Attention, and the kernel regression that it is.

A query looks at all keys and gets an average of the values ([000], section 1.11.4; [004], section 6.3):

    alpha_i = exp(q' k_i / sqrt(d)) / sum_j exp(q' k_j / sqrt(d)),      o = sum_i alpha_i v_i

The regression of Nadaraya and Watson, f(x) = sum_i w_i(x) y_i with w_i proportional to a kernel k(x, x_i), has the same
form: attention is one whose kernel exp(q'k / sqrt(d)) is learnt.

Three slips of the lectures, right here and in the tests:

- [000] works out the softmax of (0.9, 0.1, 1.0) as (0.405, 0.182, 0.448), which sums to 1.035. It is
  (0.3915, 0.1759, 0.4326).
- [004] leaves 1 / sqrt(d) out of its first formula, and writes the masked score, q'k or minus infinity, as a weight.
- [000] says that the kernel exp(x_t x_{i-1}) peaks where x_{i-1} is closest to x_t, so that for an autoregression
  sum_i alpha_i x_i is about rho x_t, whatever the variance of the shocks. It does not peak there: it grows with x_{i-1}
  without end. For Gaussian x it tilts the distribution of x_{i-1} to one of mean var(x) x_t, so the limit is

      rho var(x) x_t,      var(x) = sigma^2 / (1 - rho^2),

  right only where var(x) = 1. A smoother needs the distance: exp(-(x - x_i)^2 / (2 b^2)) = exp(x x_i / b^2) times
  exp(-x_i^2 / (2 b^2)) and a constant, that is the same product and a term of the key alone, or keys of equal length.
"""

from __future__ import annotations

import numpy as np

from ceteris.arguments import number
from ceteris.scratch._checks import matrix
from ceteris.scratch.mlp import softmax


def attend(Q, K, V, causal: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """What each query finds, shape (n, e), and its weights, shape (n, m), which sum to one.

    Examples
    --------
    The three shelves of [000], without the scale, as there: the third asks.

    >>> K = np.array([[0.9, 0.1], [0.1, 0.8], [1.0, 0.0]])
    >>> _, weights = attend(np.sqrt(2) * np.array([[1.0, 0.0]]), K, K)
    >>> weights.round(4)
    array([[0.3915, 0.1759, 0.4326]])
    """
    Q = matrix("Q", Q)
    K = matrix("K", K, columns=Q.shape[1])
    V = matrix("V", V, rows=len(K))
    scores = Q @ K.T / np.sqrt(Q.shape[1])
    if causal:
        scores = np.where(np.tri(len(Q), len(K), dtype=bool), scores, -np.inf)
    weights = softmax(scores)
    return weights @ V, weights


def kernel_regression(x, X, y, bandwidth: float) -> np.ndarray:
    """The regression of Nadaraya and Watson with the Gaussian kernel, at the rows of x: weights by distance.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 201)[:, None]
    >>> kernel_regression([[0.5]], X, X**2, bandwidth=0.05).round(2)
    array([[0.25]])
    """
    X = matrix("X", X)
    x, y = matrix("x", x, columns=X.shape[1]), matrix("y", y, rows=len(X))
    b = number("bandwidth", bandwidth, above=0)
    return softmax(-np.sum((x[:, None] - X) ** 2, axis=2) / (2 * b**2)) @ y


def as_attention(x, X, y, bandwidth: float) -> np.ndarray:
    """The same numbers by ``attend``: each key gets one entry more, which holds its length.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 201)[:, None]
    >>> as_attention([[0.5]], X, X**2, bandwidth=0.05).round(2)
    array([[0.25]])
    """
    x, X = matrix("x", x), matrix("X", X)
    scale = np.sqrt(X.shape[1] + 1) / number("bandwidth", bandwidth, above=0) ** 2
    queries = scale * np.column_stack([x, np.ones(len(x))])
    keys = np.column_stack([X, -np.sum(X**2, axis=1) / 2])
    return attend(queries, keys, y)[0]


def limit_of_products(rho: float, sigma: float) -> float:
    """The slope in x_t of what the kernel exp(x_t x_{i-1}) forecasts in a long autoregression: rho var(x).

    Examples
    --------
    >>> limit_of_products(0.6, 1.0)
    0.9375
    """
    number("sigma", sigma, above=0)
    return number("rho", rho, above=-1, below=1) * sigma**2 / (1 - rho**2)
