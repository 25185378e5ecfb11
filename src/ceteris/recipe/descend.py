"""The three-step recipe: choose a hypothesis, define a loss, minimise it (000, section 1.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jaxtyping import PRNGKeyArray

from ceteris.engine import AbstractAlgorithm, State
from ceteris.engine.devices import computing, divided, kept
from ceteris.recipe.objectives import AbstractObjective, every_float, no_metrics
from ceteris.recipe.optimisers import Builder
from ceteris.recipe.recompute import recomputed
from ceteris.recipe.samplers import AbstractSampler


class Descend(AbstractAlgorithm):
    """Move the weights against the gradient of the loss, once per batch.

    Parameters
    ----------
    hypothesis : callable
        ``hypothesis(key=key)`` builds the model; a class with its sizes in an ``equinox.Partial``.
    objective : AbstractObjective
    sampler : AbstractSampler
    optimiser : callable
        A builder of an Optax transformation: `ceteris.recipe.optimiser`, or ``eqx.Partial(optax.adam, 1e-3)``.
    trainable : callable
        ``trainable(model)`` marks the leaves that move; every floating-point array by default. Give
        `ceteris.nets.trainable` for a net with scaling constants or running statistics inside.
    project : callable, optional
        ``project(model, updates) -> model`` after each update, with the number of updates made so far: target
        networks, averages, constraints.
    heldout : callable
        ``heldout(model, key)`` returns metrics, read once per chunk; see `HeldOut`.
    recompute : tuple of classes
        Layers whose insides are not kept for the backward pass but computed again: less memory in deep nets, for up to
        a third more work. Name the class that repeats, such as a transformer's block. (On a CPU, XLA merges the two
        computations again where the layers are not in a loop of their own.)

    Examples
    --------
    >>> import jax, jax.numpy as jnp, equinox as eqx, optax
    >>> from ceteris.engine import fit
    >>> from ceteris.recipe import Fixed, Loss
    >>> def away(model, batch, key): return jnp.mean((model - batch) ** 2), {}
    >>> def zero(key): return jnp.array(0.0)
    >>> mean = Descend(zero, Loss(away), Fixed(jnp.array([1.0, 2.0, 6.0])), eqx.Partial(optax.sgd, 0.1))
    >>> round(float(fit(mean, jax.random.key(0), steps=100).model), 3)
    3.0
    """

    hypothesis: Callable[..., Any]
    objective: AbstractObjective
    sampler: AbstractSampler
    optimiser: Builder
    trainable: Callable[[Any], Any] = every_float
    project: Callable[[Any, Any], Any] | None = None
    heldout: Callable[[Any, PRNGKeyArray], dict[str, Any]] = no_metrics
    recompute: tuple[type, ...] = eqx.field(static=True, default=())

    def init(self, key, model=None):
        weights, sampler = jr.split(key)
        model = self.hypothesis(key=weights) if model is None else model
        memory = self.optimiser().init(at_least_single(eqx.filter(model, self.trainable(model))))
        if self.project is not None:
            memory = memory, jnp.zeros((), jnp.int32)  # how many updates were made
        return State(model, memory, self.sampler.init(model, sampler))

    def step(self, state, key, feed):
        return drawn_and_swept(self.sampler, self._update, state, key, feed)

    def evaluate(self, state, key):
        return self.heldout(state.model, key)

    def _update(self, carry, batch, key):
        model, memory = carry
        memory, count = (memory, 0) if self.project is None else memory
        theta, rest = eqx.partition(model, self.trainable(model))
        J = lambda theta: computed(self.objective, recomputed(eqx.combine(theta, rest), self.recompute), batch, key)
        theta, memory, info = descent(J, theta, self.optimiser, memory)
        model = with_buffers(eqx.combine(theta, rest), info)
        if self.project is not None:
            model, memory = self.project(model, count + 1), (memory, count + 1)
        return (model, memory), info


def computed(objective: AbstractObjective, model: Any, batch: Any, key: PRNGKeyArray) -> tuple[Any, dict[str, Any]]:
    """Return loss and further scalars, worked out in the precision the run computes in, in that of its weights."""
    loss, aux = objective(computing(model), computing(batch), key)
    return kept(loss), kept(aux)


def descent(J: Callable[..., Any], theta: Any, builder: Builder, memory: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Make one update of ``theta`` for ``J(theta) -> (loss, aux)``; return it, the memory and what happened."""
    (loss, aux), gradient = jax.value_and_grad(J, has_aux=True)(theta)
    gradient = at_least_single(gradient)
    rule = optax.with_extra_args_support(builder())  # line searches look at the loss again
    value_fn = lambda theta: J(theta)[0]
    move, memory = rule.update(gradient, memory, theta, value=loss, grad=gradient, value_fn=value_fn)
    info = {"loss": loss, **aux}
    return optax.apply_updates(theta, move), memory, info  # in the precision of theta


def at_least_single(tree: Any) -> Any:
    """Return weights or gradients in no fewer digits than single precision: moments of eight bits would not move."""
    few = lambda a: eqx.is_inexact_array(a) and a.dtype.itemsize < 4
    return jax.tree.map(lambda a: a.astype(jnp.float32) if few(a) else a, tree)


def drawn_and_swept(
    sampler: AbstractSampler, update: Callable[..., Any], state: State, key: PRNGKeyArray, feed: Any
) -> tuple[State, dict[str, Any]]:
    """Make one step of a rule: draw batches, ``update`` on one after the other, log what sampler and updates report."""
    draw, rest = jr.split(key)
    batches, memory = sampler.draw(state.model, state.sampler, draw, feed)
    (model, optimiser), info = sweep(update, (state.model, state.optimiser), batches, rest)
    return State(model, optimiser, memory), with_report(info, sampler.report(memory), type(sampler).__name__)


def sweep(update: Callable[..., Any], carry: Any, batches: Any, key: PRNGKeyArray) -> tuple[Any, dict[str, Any]]:
    """Apply ``update(carry, batch, key) -> (carry, info)`` to one batch after the other; average what they report.

    Where ``info["stop"]`` is reported (see `AbstractObjective`), updates from the first true one on are not made.
    """
    batches = divided(batches)
    arrays, static = eqx.partition(carry, eqx.is_array)

    def one(carry, inputs):
        old, stopped = carry
        new, info = update(eqx.combine(old, static), *inputs)
        new = eqx.filter(new, eqx.is_array)
        if "stop" in info:  # known when traced: who never stops pays nothing
            stop = jnp.asarray(info.pop("stop"))
            if stop.shape != () or stop.dtype != bool:
                raise ValueError(f"stop: the objective reports {stop.dtype}{stop.shape}; report one true or false.")
            stopped = stopped | stop
            new = jax.tree.map(lambda old, new: jnp.where(stopped, old, new), old, new)
            info["updates"] = ~stopped
        return (new, stopped), info

    count = jax.tree.leaves(batches)[0].shape[0]
    start = arrays, jnp.array(False)
    if count == 1:  # no loop to compile
        (arrays, _), info = one(start, (jax.tree.map(lambda a: a[0], batches), key))
        made = info.pop("updates", None)
    else:
        (arrays, _), info = jax.lax.scan(one, start, (batches, jr.split(key, count)))
        made = info.pop("updates", None)
        counted = None if made is None else made.at[0].set(True)
        info = jax.tree.map(lambda a: a.mean(0, where=counted), info)
    return eqx.combine(arrays, static), info if made is None else {**info, "updates": made.sum()}


def with_report(info: dict[str, Any], report: dict[str, Any], source: str) -> dict[str, Any]:
    """Return what the updates report together with what the sampler does."""
    for name, value in report.items():
        if name in info:
            raise ValueError(f"{source}: its report holds {name!r}, which the step logs already; choose another name.")
        numeric = eqx.is_array_like(value)
        if not numeric or jnp.shape(value) != ():
            said = f"shape {jnp.shape(value)}" if numeric else f"type {type(value).__name__}"
            raise ValueError(f"{source}: its report holds {name!r} of {said}, but scalars are logged; average it.")
    return info | report


def with_buffers(model: Any, info: dict[str, Any]) -> Any:
    """Put the running statistics that an objective reports into the model (and take them out of the log)."""
    buffers = info.pop("buffers", None)
    return model if buffers is None else eqx.combine(buffers, model)
