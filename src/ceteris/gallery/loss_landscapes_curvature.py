"""Curvature of a loss at a net, directions to look along, and paths between nets.

The computing part of `ceteris.gallery.loss_landscapes`, which has the references.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax.flatten_util import ravel_pytree

from ceteris.recipe import AbstractObjective


class FlatWeights:
    """A loss as a function of the weights in one vector, at the weights of a net.

    Parameters
    ----------
    objective : AbstractObjective
        What is minimised; it draws nothing.
    net : pytree
        The net; ``at`` holds its weights, shape (p,).
    batch : pytree
        The rows.
    """

    def __init__(self, objective: AbstractObjective, net: Any, batch: Any):
        weights, self.rest = eqx.partition(net, eqx.is_inexact_array)
        self.at, self.unravel = ravel_pytree(weights)
        self.objective, self.batch = objective, batch

    def __call__(self, theta: Any) -> Any:
        """The loss at weights theta (p,)."""
        return self.objective(eqx.combine(self.unravel(theta), self.rest), self.batch, jr.key(0))[0]

    def product(self, v: Any) -> Any:
        """The Hessian times v (p,), by forward differentiation of the gradient: no matrix is made."""
        return jax.jvp(jax.grad(self), (self.at,), (v,))[1]


def lanczos(product: Callable[[Any], Any], v: Any, steps: int) -> tuple[Any, Any]:
    """Tridiagonalise a symmetric matrix that is known by its products only.

    Each new vector is made orthogonal to all before it, twice: in few digits they would lean back otherwise.

    Parameters
    ----------
    product : callable
        The matrix times a vector.
    v : array, shape (p,)
        Where to start; any length.
    steps : int
        Products to make, at most p.

    Returns
    -------
    diagonal, beside : arrays, shape (steps,), (steps - 1,)
        Of the tridiagonal matrix. Its eigenvalues tend to those of the matrix, the extreme ones first; the squared
        first entries of its eigenvectors are their weights in the spectrum as v sees it.

    Examples
    --------
    >>> A = jnp.diag(jnp.array([1.0, 2.0, 5.0]))
    >>> diagonal, beside = lanczos(lambda v: A @ v, jnp.ones(3), 3)
    >>> T = jnp.diag(diagonal) + jnp.diag(beside, 1) + jnp.diag(beside, -1)
    >>> jnp.linalg.eigvalsh(T).round(3).tolist()
    [1.0, 2.0, 5.0]
    """

    def step(carry: Any, i: Any) -> Any:
        basis, v = carry
        basis = basis.at[i].set(v)
        w = product(v)
        diagonal = v @ w
        for _ in range(2):
            w = w - basis.T @ (basis @ w)
        beside = jnp.linalg.norm(w)
        return (basis, w / beside), (diagonal, beside)

    start = jnp.zeros((steps, v.size), v.dtype), v / jnp.linalg.norm(v)
    _, (diagonal, beside) = jax.lax.scan(step, start, jnp.arange(steps))
    return diagonal, beside[:-1]


@eqx.filter_jit
def ritz(objective: AbstractObjective, net: Any, batch: Any, steps: int, probes: Any) -> tuple[Any, Any]:
    """Eigenvalues and weights of the Hessian as random probes see it, each (probes, steps); ``probes`` are keys."""
    flat = FlatWeights(objective, net, batch)

    def one(key: Any) -> tuple[Any, Any]:
        diagonal, beside = lanczos(flat.product, jr.normal(key, flat.at.shape), steps)
        values, vectors = jnp.linalg.eigh(jnp.diag(diagonal) + jnp.diag(beside, 1) + jnp.diag(beside, -1))
        return values, vectors[0] ** 2

    return jax.lax.map(one, probes)


@eqx.filter_jit
def dense_hessian(objective: AbstractObjective, net: Any, batch: Any) -> Any:
    """The Hessian itself, (p, p), a column for each weight."""
    flat = FlatWeights(objective, net, batch)
    return jax.lax.map(flat.product, jnp.eye(flat.at.size))


class Sharpness(eqx.Module):
    """Metrics of a net in training: the largest eigenvalue of the Hessian, and the loss."""

    objective: AbstractObjective
    batch: Any
    steps: int = eqx.field(static=True, default=20)

    def __call__(self, model: Any, key: Any) -> dict[str, Any]:
        flat = FlatWeights(self.objective, model, self.batch)
        diagonal, beside = lanczos(flat.product, jr.normal(jr.key(0), flat.at.shape), self.steps)
        T = jnp.diag(diagonal) + jnp.diag(beside, 1) + jnp.diag(beside, -1)
        return {"sharpness": jnp.linalg.eigvalsh(T)[-1], "loss": flat(flat.at)}


# ------------------------------------------------------------------------------------------ directions and rescaling


def random_direction(net: Any, key: Any, by_filter: bool = True) -> Any:
    """Draw a direction for the weight matrices of a net, biases left as they are.

    With ``by_filter`` the weights into each unit get the length of the net's own (Li et al.); without, the whole
    direction gets the length of all the net's matrices.
    """
    weights = eqx.filter(net, lambda leaf: eqx.is_inexact_array(leaf) and leaf.ndim == 2)
    leaves, structure = jax.tree.flatten(weights)
    drawn = [jr.normal(k, leaf.shape) for k, leaf in zip(jr.split(key, len(leaves)), leaves, strict=True)]
    length = partial(jnp.linalg.norm, axis=0, keepdims=True)
    if by_filter:
        drawn = [d * length(w) / length(d) for d, w in zip(drawn, leaves, strict=True)]
    else:
        squares = lambda several: sum(jnp.sum(a**2) for a in several)
        drawn = [d * jnp.sqrt(squares(leaves) / squares(drawn)) for d in drawn]
    return jax.tree.unflatten(structure, drawn)


def moved(net: Any, *steps: tuple[Any, Any]) -> Any:
    """The net with multiples of directions added, each given as (multiple, direction)."""
    for multiple, direction in steps:
        net = eqx.apply_updates(net, jax.tree.map(partial(jnp.multiply, multiple), direction))
    return net


@eqx.filter_jit
def surface(objective: AbstractObjective, net: Any, batch: Any, directions: tuple[Any, Any], at: Any) -> Any:
    """Losses on a grid of multiples ``at`` (k,) of two directions, shape (k, k)."""
    first, second = directions
    one = lambda a, b: objective(moved(net, (a, first), (b, second)), batch, jr.key(0))[0]
    return jax.lax.map(lambda a: jax.vmap(lambda b: one(a, b))(at), at)


def rescaled(net: Any, factor: Any) -> Any:
    """The same function with other weights: those into the first ReLU layer times a factor, those out of it divided."""
    dense = lambda net: net.hidden[0].dense
    into = lambda net: (dense(net).weight, dense(net).bias)
    out = lambda net: (net.hidden[1].dense if len(net.hidden) > 1 else net.output).weight
    net = eqx.tree_at(into, net, tuple(leaf * factor for leaf in into(net)))
    return eqx.tree_at(out, net, out(net) / factor)


# ------------------------------------------------------------------------------------------------------------ paths


def between(first: Any, last: Any, t: Any, bend: Any = None) -> Any:
    """The net at t in [0, 1] on the straight line, or on the quadratic Bézier curve with this bend."""
    mix = lambda *parts: sum(w * a for w, a in zip(shares, parts, strict=True))
    shares = (1 - t, t) if bend is None else ((1 - t) ** 2, t**2, 2 * t * (1 - t))
    nets = (first, last) if bend is None else (first, last, bend)
    arrays, rest = zip(*(eqx.partition(net, eqx.is_inexact_array) for net in nets), strict=True)
    return eqx.combine(jax.tree.map(mix, *arrays), rest[0])


class AlongCurve(AbstractObjective):
    """The average of an objective over points of the curve, which is what the bend is trained on (Garipov et al.)."""

    objective: AbstractObjective
    first: Any
    last: Any
    points: int = eqx.field(static=True, default=8)

    def __call__(self, model, batch, key):
        one = lambda t: self.objective(between(self.first, self.last, t, model), batch, key)[0]
        return jnp.mean(jax.vmap(one)(jr.uniform(key, (self.points,)))), {}


@eqx.filter_jit
def along(objective: AbstractObjective, first: Any, last: Any, batch: Any, t: Any, bend: Any) -> Any:
    """Losses at points t (k,) of the curve with this bend."""
    return jax.lax.map(lambda t: objective(between(first, last, t, bend), batch, jr.key(0))[0], t)
