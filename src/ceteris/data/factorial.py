"""Experiments and structural models with a known truth: factorial designs, linear and logit parameter layers.

Covariates are uniform on [-1, 1]^p. In a factorial experiment each unit meets one of a few combinations
t ∈ {0, 1}^m of m binary factors, drawn with equal chances, and

    sigmoid       Y = c(x) / (1 + exp(-(a(x) + Σ b_j(x) t_j))) + e
    linear        Y = a(x) + Σ b_j(x) t_j + e
    interacting   Y = 4 + a(x) + Σ b_j(x) t_j + Σ_{j<k} b_j(x) b_k(x) t_j t_k + e

The last one obeys neither of the first two, whatever their parameters. In a structural model of one treatment,

    linear        Y = a(x) + b(x) T + e
    logit         P(Y = 1) = 1 / (1 + exp(-(a(x) + b(x) T)))

the treatment is confounded, T = 0.5 x_1 + 0.5 x_2² + (0.6 + 0.3 x_2) v with v standard normal, and E b(X) is known.

References
----------
Farrell, M. H., Liang, T. and Misra, S. (2020). Deep learning for individual heterogeneity. arXiv 2010.14694.
Ye, Z., Zhang, Z., Zhang, D. J., Zhang, H. and Zhang, R. (2023). Deep learning based causal inference for large-scale
combinatorial experiments. The laws and the figures are our own.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ceteris.arguments import one_of, whole

if TYPE_CHECKING:
    import pandas as pd

LINKS = ("sigmoid", "linear", "interacting")
MODELS = ("linear", "logit")
_POWER = 16  # of two: points for the average over covariates; the error is about 1e-4


@dataclass(frozen=True)
class FactorialTruth:
    """What no experiment shows.

    Attributes
    ----------
    combinations : array, shape (2^m, m)
        All of them, the control first.
    mean : array, shape (2^m,)
        E[Y] had everyone met the combination.
    effect : array, shape (2^m,)
        The same, less that of the control.
    """

    combinations: np.ndarray
    mean: np.ndarray
    effect: np.ndarray


def all_combinations(factors: int) -> np.ndarray:
    """Return the 2^m combinations of m binary factors, shape (2^m, m), counting upwards.

    Examples
    --------
    >>> all_combinations(2).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    return np.array(list(itertools.product((0, 1), repeat=factors)))


def observed_combinations(factors: int) -> np.ndarray:
    """Return m + 2 combinations from which a generalised sigmoid is identified: none, each alone, all together.

    Examples
    --------
    >>> observed_combinations(3).tolist()
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]
    """
    alone = np.eye(factors, dtype=int)
    return np.concatenate([np.zeros((1, factors), int), alone, np.ones((1 if factors > 1 else 0, factors), int)])


def _parameters(x: np.ndarray, factors: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a(x), shape (n,), b(x), shape (n, m), and c(x), shape (n,)."""
    j, p = np.arange(factors), x.shape[1]
    a = -1.4 + 0.5 * x[:, 0] - 0.4 * np.sin(np.pi * x[:, 1])
    size = np.where(j % 4 == 1, -0.5, 1 + 0.4 * j / max(factors - 1, 1))  # every fourth factor does harm
    b = size + 0.3 * np.cos(j + 1) * x[:, j % p] + 0.2 * np.sin(np.pi * x[:, (j + 1) % p])
    c = 8 + 2 * x[:, 0] + 1.5 * x[:, 1] * x[:, 2]
    return a, b, c


def factorial_mean(x: np.ndarray, t: np.ndarray, link: str = "sigmoid") -> np.ndarray:
    """Return E[Y | x, t]; ``x`` of shape (n, p), ``t`` of shape (n, m) or (m,)."""
    one_of("link", link, LINKS)
    t = np.broadcast_to(t, (len(x), np.shape(t)[-1]))
    a, b, c = _parameters(np.asarray(x, float), t.shape[1])
    index = a + (b * t).sum(1)
    if link == "sigmoid":
        return c / (1 + np.exp(-index))
    if link == "linear":
        return index
    moved = b * t
    return 4 + index + (moved.sum(1) ** 2 - (moved**2).sum(1)) / 2


def simulate_factorial(
    n: int,
    factors: int = 4,
    observed: np.ndarray | None = None,
    link: str = "sigmoid",
    noise: float = 1.0,
    covariates: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Draw a factorial experiment.

    Parameters
    ----------
    n : int
        Rows.
    factors : int
        Binary factors, m.
    observed : array of shape (combinations, m), optional
        Which combinations units meet, with equal chances; by default `observed_combinations`.
    link : {"sigmoid", "linear", "interacting"}
    noise : float
        Standard deviation of the outcome around its mean.
    covariates : int
        At least 3.
    seed : int

    Returns
    -------
    DataFrame, shape (n, 1 + m + covariates)
        Columns y, t1, ..., x1, ...

    Examples
    --------
    >>> simulate_factorial(1_000, factors=2).groupby(["t1", "t2"]).size().min() > 200
    np.True_
    """
    import pandas as pd

    whole("n", n, least=1)
    whole("factors", factors, least=1)
    whole("covariates", covariates, least=3)
    one_of("link", link, LINKS)
    observed = observed_combinations(factors) if observed is None else np.asarray(observed)
    if observed.ndim != 2 or observed.shape[1] != factors or not np.isin(observed, (0, 1)).all():
        raise ValueError(
            f"observed has shape {observed.shape}; it must be a table of zeros and ones with {factors} columns, one "
            "row per combination."
        )
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, covariates))
    t = observed[rng.integers(len(observed), size=n)]
    y = factorial_mean(x, t, link) + noise * rng.standard_normal(n)
    return _frame(y, t, [f"t{j + 1}" for j in range(factors)], x, pd)


def factorial_truth(factors: int = 4, link: str = "sigmoid", covariates: int = 5) -> FactorialTruth:
    """Return the average outcome under every combination, averaged over a Sobol sequence of covariates.

    Examples
    --------
    >>> truth = factorial_truth(2)
    >>> truth.effect.shape, float(truth.effect[0])
    ((4,), 0.0)
    """
    x = _points(covariates)
    combinations = all_combinations(factors)
    mean = np.array([factorial_mean(x, t, link).mean() for t in combinations])
    return FactorialTruth(combinations, mean, mean - mean[0])


def _points(covariates: int) -> np.ndarray:
    """Return the points of a Sobol sequence, moved to the middles of their cells, in [-1, 1]^p."""
    from scipy.stats import qmc

    unit = qmc.Sobol(covariates, scramble=False).random_base2(_POWER)
    return 2 * (unit + 0.5**_POWER / 2) - 1


# ------------------------------------------------------------------------------- one treatment, two parameters

STRUCTURAL_SLOPE = 1.0
"""E b(X) in `simulate_structural`: every other term of b has mean zero."""


def structural_parameters(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a(x) and b(x) of `simulate_structural`, each of shape (n,)."""
    a = 0.5 * x[:, 0] + 0.8 * np.sin(np.pi * x[:, 0]) + 0.6 * (x[:, 1] ** 2 - 1 / 3)
    b = STRUCTURAL_SLOPE + 0.6 * x[:, 0] + 0.5 * np.sin(np.pi * x[:, 1]) + 0.6 * x[:, 0] * x[:, 2]
    return a, b


def simulate_structural(
    n: int, model: str = "linear", noise: float = 1.0, covariates: int = 5, seed: int = 0
) -> pd.DataFrame:
    """Draw from a linear or logit model whose parameters are functions of covariates; E b(X) = 1.

    Parameters
    ----------
    n : int
        Rows.
    model : {"linear", "logit"}
    noise : float
        Standard deviation of e in the linear model.
    covariates : int
        At least 3.
    seed : int

    Returns
    -------
    DataFrame, shape (n, 2 + covariates)
        Columns y, t, x1, ...

    Examples
    --------
    >>> sorted(simulate_structural(500, "logit")["y"].unique().tolist())
    [0.0, 1.0]
    """
    import pandas as pd

    whole("n", n, least=1)
    whole("covariates", covariates, least=3)
    one_of("model", model, MODELS)
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, covariates))
    t = 0.5 * x[:, 0] + 0.5 * x[:, 1] ** 2 + (0.6 + 0.3 * x[:, 1]) * rng.standard_normal(n)
    a, b = structural_parameters(x)
    index = a + b * t
    if model == "linear":
        y = index + noise * rng.standard_normal(n)
    else:
        y = (rng.random(n) < 1 / (1 + np.exp(-index))).astype(float)
    return _frame(y, t[:, None], ["t"], x, pd)


def _frame(y, t, names, x, pd):
    columns = {"y": y, **{name: t[:, j] for j, name in enumerate(names)}}
    return pd.DataFrame({**columns, **{f"x{k + 1}": x[:, k] for k in range(x.shape[1])}})
