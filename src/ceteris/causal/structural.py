"""Structural models with a parameter layer: an outcome's law given a treatment, its parameters functions of x.

A `Structure` is the loss ℓ(y, t, θ) of one row and, where there is one, the mean G(θ, t) = E[Y | x, t]. Derivatives
come from automatic differentiation. The ready families share the index θ_0 + Σ θ_j t_j.

References
----------
Farrell, M. H., Liang, T. and Misra, S. (2020). Deep learning for individual heterogeneity. arXiv 2010.14694.
Ye, Z., Zhang, Z., Zhang, D. J., Zhang, H. and Zhang, R. (2023). Deep learning based causal inference for large-scale
combinatorial experiments: theory and empirical evidence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.arguments import as_many, one_of, whole
from ceteris.stats.damped import minimise

DOMAINS = {
    "real": "any number",
    "binary": "0 or 1",
    "count": "a number of at least 0",
}


def squared_loss(mean: Callable[[Array, Array], Array], y: Array, t: Array, theta: Array) -> Array:
    """Return half the squared distance of y from G(θ, t)."""
    return 0.5 * (y - mean(theta, t)) ** 2


@dataclass(frozen=True)
class Structure:
    """What is known of the outcome given treatment and parameters.

    Parameters
    ----------
    size : int
        Length of θ.
    mean : callable, optional
        ``mean(theta, t) -> scalar``, G(θ, t); θ has shape (size,), t is a scalar or, for several treatments, a vector.
    loss : callable, optional
        ``loss(y, t, theta) -> scalar``, minimised in expectation by the true parameters; by default half the squared
        distance of y from the mean. One of ``mean`` and ``loss`` is needed.
    names : tuple of str
        Of the entries of θ.
    start : callable, optional
        ``start(y, t) -> theta``, from which a search for constant parameters starts; y has shape (n,); zeros by
        default.
    outcome : {"real", "binary", "count"}
        Which outcomes make sense.

    Notes
    -----
    Functions should be defined at module level: they are compared by identity, and a new one compiles anew.

    With a mean given, the second derivative of the loss is taken at y = G(θ, t). This is its conditional expectation
    wherever it is affine in y, which holds for squared errors and for every exponential family.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> def demand(theta, price): return jnp.exp(theta[0] - jnp.exp(theta[1]) * price)
    >>> float(Structure(2, mean=demand).loss_of(2.0, 1.0, jnp.zeros(2)))  # (2 - exp(-1))² / 2
    1.331...
    """

    size: int
    mean: Callable[[Any, Any], Any] | None = None
    loss: Callable[[Any, Any, Any], Any] | None = None
    names: tuple[str, ...] = ()
    start: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    outcome: str = "real"

    def __post_init__(self) -> None:
        whole("size", self.size)
        if self.mean is None and self.loss is None:
            raise ValueError(
                "mean, loss: neither was given; write G(theta, t) or the loss of one row, loss(y, t, theta)."
            )
        as_many("names", self.names or range(self.size), self.size, of="parameter")
        one_of("outcome", self.outcome, DOMAINS)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return self.names or tuple(f"theta_{j}" for j in range(self.size))

    def loss_of(self, y: Any, t: Any, theta: Any) -> Array:
        """Return the loss of one row."""
        if self.loss is not None:
            return jnp.asarray(self.loss(y, t, theta))
        assert self.mean is not None
        return squared_loss(self.mean, y, t, theta)

    def initial(self, y: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Return where the search for constant parameters starts, shape (size,)."""
        return np.zeros(self.size) if self.start is None else np.asarray(self.start(y, t), dtype=float)

    def refuse_outcome(self, y: np.ndarray) -> None:
        """Raise if an outcome makes no sense in this structure."""
        bad = {"real": np.zeros(len(y), bool), "binary": (y != 0) & (y != 1), "count": y < 0}[self.outcome]
        if bad.any():
            raise ValueError(
                f"y: {y[bad][0]:g} given (and {bad.sum() - 1} more of the kind); the structure allows "
                f"{DOMAINS[self.outcome]}; recode the outcome or choose another structure."
            )


def score(structure: Structure, y: Array, t: Array, theta: Array) -> Array:
    """Return ℓ_θ of one row, shape (size,)."""
    return jax.grad(structure.loss_of, argnums=2)(y, t, theta)


def information(structure: Structure, y: Array, t: Array, theta: Array) -> Array:
    """Return ℓ_θθ of one row, shape (size, size), in expectation over y where a mean is given."""
    at = y if structure.mean is None else jax.lax.stop_gradient(jnp.asarray(structure.mean(theta, t), float))
    return jax.hessian(structure.loss_of, argnums=2)(at, t, theta)


# ---------------------------------------------------------------------------------------------- ready families


def index(theta: Array, t: Array) -> Array:
    """Return θ_0 + Σ θ_j t_j; further entries of θ are left alone."""
    t = jnp.atleast_1d(t)
    return theta[0] + jnp.dot(theta[1 : 1 + t.shape[0]], t)


def logistic_mean(theta: Array, t: Array) -> Array:
    """Return the probability of a one."""
    return jax.nn.sigmoid(index(theta, t))


def exponential_mean(theta: Array, t: Array) -> Array:
    """Return exp(index)."""
    return jnp.exp(index(theta, t))


def sigmoid_mean(theta: Array, t: Array) -> Array:
    """Return θ_{m+1} / (1 + exp(-index)): a ceiling times a share of it."""
    return theta[-1] * jax.nn.sigmoid(index(theta, t))


def logistic_loss(y: Array, t: Array, theta: Array) -> Array:
    """Return minus the log likelihood of a Bernoulli outcome."""
    z = index(theta, t)
    return jax.nn.softplus(z) - y * z


def poisson_loss(y: Array, t: Array, theta: Array) -> Array:
    """Return minus the log likelihood of a Poisson outcome, without its constant."""
    z = index(theta, t)
    return jnp.exp(z) - y * z


def _names(treatments: int) -> tuple[str, ...]:
    whole("treatments", treatments)
    return ("constant", "slope") if treatments == 1 else ("constant", *(f"slope {j + 1}" for j in range(treatments)))


def linear(treatments: int = 1) -> Structure:
    """Y = θ_0(x) + Σ θ_j(x) t_j + e, squared loss."""
    return Structure(1 + treatments, mean=index, names=_names(treatments))


def logit(treatments: int = 1) -> Structure:
    """P(Y = 1 | x, t) = 1 / (1 + exp(-(θ_0(x) + Σ θ_j(x) t_j))), log likelihood."""
    return Structure(1 + treatments, logistic_mean, logistic_loss, _names(treatments), outcome="binary")


def _log_mean(y: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.append(np.log(max(y.mean(), 1e-8)), np.zeros(1 if t.ndim == 1 else t.shape[1]))


def poisson(treatments: int = 1) -> Structure:
    """E[Y | x, t] = exp(θ_0(x) + Σ θ_j(x) t_j), Poisson quasi-likelihood: outcomes of at least 0."""
    return Structure(1 + treatments, exponential_mean, poisson_loss, _names(treatments), _log_mean, "count")


def _halfway(y: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1 + t.reshape(len(y), -1).shape[1]), [2 * y.mean()]])


def generalised_sigmoid(treatments: int) -> Structure:
    """E[Y | x, t] = θ_{m+1}(x) / (1 + exp(-(θ_0(x) + Σ θ_j(x) t_j))), squared loss; m + 2 parameters.

    The form that Ye et al. use for combinatorial experiments: effects of several factors add up on the scale of the
    index and saturate at a ceiling that differs by unit.
    """
    return Structure(2 + treatments, mean=sigmoid_mean, names=(*_names(treatments), "ceiling"), start=_halfway)


# ------------------------------------------------------------------------------------------- ready functionals


@dataclass(frozen=True)
class Parameter:
    """H(x, θ, t) = θ_j: the average of one parameter."""

    entry: int = 1

    def __call__(self, x: Array, theta: Array, t: Any) -> Array:
        """Evaluate at one row."""
        return theta[self.entry]


@dataclass(frozen=True)
class MeanAt:
    """H(x, θ, t) = G(θ, t): the average outcome had everyone met the treatment ``t`` (``at`` of the estimator)."""

    structure: Structure

    def __call__(self, x: Array, theta: Array, t: Any) -> Array:
        """Evaluate at one row."""
        return _mean(self.structure)(theta, t)


@dataclass(frozen=True)
class Effect:
    """H(x, θ, t) = G(θ, to) - G(θ, from): the average effect of moving everyone from one treatment to another."""

    structure: Structure
    start: float | tuple[float, ...] = 0.0
    to: float | tuple[float, ...] = 1.0

    def __call__(self, x: Array, theta: Array, t: Any) -> Array:
        """Evaluate at one row."""
        G = _mean(self.structure)
        return G(theta, jnp.asarray(self.to, float)) - G(theta, jnp.asarray(self.start, float))


@dataclass(frozen=True)
class Slope:
    """H(x, θ, t) = ∂G(θ, t)/∂t: the average marginal effect at treatment ``t`` (``at`` of the estimator)."""

    structure: Structure

    def __call__(self, x: Array, theta: Array, t: Any) -> Array:
        """Evaluate at one row."""
        return jax.grad(_mean(self.structure), argnums=1)(theta, t)


def _mean(structure: Structure) -> Callable[[Any, Any], Any]:
    if structure.mean is None:
        raise ValueError(
            "functional: it needs G(theta, t), but the structure has a loss only; give the structure a mean."
        )
    return structure.mean


# ---------------------------------------------------------------------------------------- constant parameters


class Constant(eqx.Module):
    """Constant parameters fitted to a set of rows, and a scale on which parameters that vary can be learnt.

    Attributes
    ----------
    theta : array, shape (size,)
    scale : array, shape (size, size)
        θ = theta + scale @ raw: in raw, the average second derivative of loss / unit is the identity matrix.
    unit : array, shape ()
        The size of a loss.
    decrement : array, shape ()
        What is left of the search: ℓ_θ' Λ⁻¹ ℓ_θ / unit at the average, zero at the minimum.
    """

    theta: Array
    scale: Array
    unit: Array
    decrement: Array


def whitener(mean: Array, least: float = 1e-4) -> Array:
    """Return A with A' mean A = I, for a symmetric matrix; eigenvalues of its correlation form are floored.

    Examples
    --------
    >>> A = whitener(jnp.array([[4.0, 0.0], [0.0, 1e-6]]))
    >>> [round(float(a), 3) for a in jnp.diag(A)]
    [0.5, 1000.0]
    """
    size = jnp.sqrt(jnp.maximum(jnp.diag(mean), 1e-30))
    value, vector = jnp.linalg.eigh(mean / size[:, None] / size)
    return (vector / jnp.sqrt(jnp.maximum(value, least))) @ vector.T / size[:, None]


def fit_constant(structure: Structure, y: Array, t: Array, start: Array, steps: int = 60) -> Constant:
    """Minimise the mean loss over constant parameters by damped scoring steps.

    Parameters
    ----------
    structure : Structure
    y : array, shape (n,)
    t : array, shape (n,) or (n, m)
    start : array, shape (size,)
    steps : int

    Returns
    -------
    Constant
    """
    J = lambda theta: jnp.mean(jax.vmap(lambda y, t: structure.loss_of(y, t, theta))(y, t))
    Lambda = lambda theta: jnp.mean(jax.vmap(lambda y, t: information(structure, y, t, theta))(y, t), axis=0)

    theta = minimise(J, Lambda, start, steps)
    H, g = Lambda(theta), jax.vmap(lambda y, t: score(structure, y, t, theta))(y, t)
    A = whitener(H)
    unit = jnp.maximum(jnp.mean(jnp.sum((g @ A) ** 2, axis=1)) / structure.size, 1e-30)
    return Constant(theta, jnp.sqrt(unit) * A, unit, jnp.sum((g.mean(0) @ A) ** 2) / unit)
