"""What is minimised: a scalar loss, or residuals whose mean square is the loss."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray


class AbstractObjective(eqx.Module):
    """A function of the model and a batch.

    Returns the loss and a dictionary of further scalars to log. Two entries are special. ``aux["buffers"]`` holds
    arrays of the model that are not trained but change with the data (running statistics of a batch normalisation),
    None elsewhere; the step rule puts them into the model. ``aux["stop"]`` is true where a step has moved far enough:
    the update of this batch and those of the step's later batches are then not made, what is logged is the average over
    the updates made (over the first batch if there were none), and ``info["updates"]`` says how many that were.
    """

    @abc.abstractmethod
    def __call__(self, model: Any, batch: Any, key: PRNGKeyArray) -> tuple[Float[Array, ""], dict[str, Any]]: ...


class Loss(AbstractObjective):
    """``function(model, batch, key) -> (loss, aux)``."""

    function: Callable[[Any, Any, PRNGKeyArray], tuple[Any, dict[str, Any]]]

    def __call__(self, model, batch, key):
        return self.function(model, batch, key)


class AbstractResiduals(AbstractObjective):
    """Least squares, declared once: the loss is derived, so first- and second-order rules cannot disagree."""

    pointwise: ClassVar[Any] = False  # whether each residual depends on one point of the batch only

    def __call__(self, model, batch, key):
        return jnp.mean(self.residuals(model, batch, key) ** 2), self.report(model, batch, key)

    @abc.abstractmethod
    def residuals(self, model: Any, batch: Any, key: PRNGKeyArray) -> Float[Array, " residuals"]:
        """Return all residuals of a batch, flat."""

    @abc.abstractmethod
    def linearised(self, weights: Any, rest: Any, batch: Any, key: PRNGKeyArray) -> tuple[Array, Array]:
        """Return `residuals` and their derivative by the weights, raveled, of the model ``combine(weights, rest)``."""

    def report(self, model: Any, batch: Any, key: PRNGKeyArray) -> dict[str, Any]:
        """Return scalars to log besides the loss; none by default."""
        return {}


class PointResiduals(AbstractResiduals):
    """Residuals of one point at a time: ``function(model, point, key) -> scalar or (equations,)``, vmapped here.

    Knowing that a residual depends on its own point makes the Jacobian as cheap as one backward pass per point.
    """

    pointwise: ClassVar[Any] = True
    function: Callable[[Any, Any, PRNGKeyArray], Array]

    def residuals(self, model, batch, key):
        keys = jr.split(key, jax.tree.leaves(batch)[0].shape[0])
        return jax.vmap(lambda point, k: self.function(model, point, k))(batch, keys).ravel()

    def linearised(self, weights, rest, batch, key):
        keys = jr.split(key, jax.tree.leaves(batch)[0].shape[0])
        twice = lambda *given: 2 * (self.function(*given),)  # what is differentiated, and its value: traced once
        at = lambda weights, point, k: twice(eqx.combine(weights, rest), point, k)
        row = jax.vmap(jax.jacrev(at, has_aux=True), in_axes=(None, 0, 0))  # differentiating by leaves spares copies
        blocks, r = row(weights, batch, keys)
        flat = [
            J.reshape(-1, leaf.size) for J, leaf in zip(jax.tree.leaves(blocks), jax.tree.leaves(weights), strict=True)
        ]
        return r.ravel(), jnp.concatenate(flat, axis=1)


class BatchResiduals(AbstractResiduals):
    """Residuals of a whole batch, which may couple its points: ``function(model, batch, key) -> array``."""

    function: Callable[[Any, Any, PRNGKeyArray], Array]

    def residuals(self, model, batch, key):
        return self.function(model, batch, key).ravel()

    def linearised(self, weights, rest, batch, key):
        theta, unravel = ravel_pytree(weights)
        residuals = lambda theta: self.residuals(eqx.combine(unravel(theta), rest), batch, key)
        count = jax.eval_shape(residuals, theta).size
        slopes = jax.jacrev if count < theta.size else jax.jacfwd
        return slopes(lambda theta: 2 * (residuals(theta),), has_aux=True)(theta)[::-1]


class HeldOut(eqx.Module):
    """Evaluate an objective on data set aside; the metric is called "heldout"."""

    objective: AbstractObjective
    data: Any

    def __call__(self, model: Any, key: PRNGKeyArray) -> dict[str, Any]:
        return {"heldout": self.objective(model, self.data, key)[0]}


def no_metrics(model: Any, key: PRNGKeyArray) -> dict[str, Any]:
    """Evaluate nothing."""
    return {}


def every_float(model: Any) -> Any:
    """Mark every floating-point array of a model as trainable."""
    return jax.tree.map(eqx.is_inexact_array, model)


def as_array(number: Any) -> Any:
    """Return a number as an array, which is traced: another value of it compiles nothing."""
    return number if isinstance(number, jax.Array | np.ndarray) else np.asarray(number, float)
