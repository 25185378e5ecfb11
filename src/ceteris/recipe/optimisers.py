"""First-order optimisers by name, all from Optax, with schedules, clipping and gradient accumulation.

`optimiser` returns a builder, not an Optax object: a builder is compared by value, so that two fits with the
same settings share one compiled program, and its rate is an array, so that a sweep over rates does too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from ceteris.arguments import one_of, whole
from ceteris.recipe.objectives import as_array
from ceteris.recipe.soap import soap

Builder = Callable[[], optax.GradientTransformation]


class _Kind(NamedTuple):
    build: Callable[..., optax.GradientTransformation]
    rate: float  # a default that is rarely far off for standardised inputs
    decays: bool = False
    betas: bool = False


def _momentum(rate):
    return optax.sgd(rate, momentum=0.9)


def _nesterov(rate):
    return optax.sgd(rate, momentum=0.9, nesterov=True)


def _adamw(rate, weight_decay, **betas):
    return optax.adamw(rate, weight_decay=weight_decay, mask=matrices, **betas)


def _muon(rate, weight_decay):
    return optax.contrib.muon(rate, weight_decay=weight_decay, adam_weight_decay=0.0)


def _lbfgs(rate):
    return optax.lbfgs()  # its line search chooses the rate


KINDS = {
    "gradient_descent": _Kind(optax.sgd, 0.1),
    "sgd": _Kind(optax.sgd, 0.05),
    "momentum": _Kind(_momentum, 0.01),
    "nesterov": _Kind(_nesterov, 0.01),
    "adagrad": _Kind(optax.adagrad, 0.05),
    "rmsprop": _Kind(optax.rmsprop, 1e-3),
    "adam": _Kind(optax.adam, 3e-3, betas=True),
    "adamw": _Kind(_adamw, 3e-3, decays=True, betas=True),
    "muon": _Kind(_muon, 1e-2, decays=True),
    "soap": _Kind(soap, 1e-3, betas=True),
    "lbfgs": _Kind(_lbfgs, 1.0),
}
SCHEDULES = ("constant", "exponential", "cosine", "warmup_cosine")


class Schedule(eqx.Module):
    """The learning rate as a function of the update; 000 section 1.6.3.

    Parameters
    ----------
    kind : {"constant", "exponential", "cosine", "warmup_cosine"}
    rate : highest rate
    updates : the horizon T, at which the rate reaches ``floor * rate``
    floor : share of the rate left at T (η_min / η_max)
    warmup : share of T in which the rate rises linearly from zero ("warmup_cosine")

    Examples
    --------
    >>> cosine = Schedule("cosine", jnp.array(1.0), jnp.array(100), jnp.array(0.0))
    >>> [round(float(cosine(t)), 2) for t in (0, 50, 100, 200)]
    [1.0, 0.5, 0.0, 0.0]
    """

    kind: str = eqx.field(static=True)
    rate: Array
    updates: Array
    floor: Array
    warmup: float = eqx.field(static=True, default=0.1)

    def __call__(self, count):
        done = jnp.minimum(count / self.updates, 1.0)
        if self.kind == "constant":
            return self.rate
        if self.kind == "exponential":
            return self.rate * jnp.maximum(self.floor, 1e-8) ** done
        fall = lambda share: self.floor + (1 - self.floor) * 0.5 * (1 + jnp.cos(jnp.pi * share))
        if self.kind == "cosine":
            return self.rate * fall(done)
        return self.rate * jnp.where(
            done < self.warmup, done / self.warmup, fall((done - self.warmup) / (1 - self.warmup))
        )


def optimiser(
    name: str = "adam",
    rate: float | Array | None = None,
    *,
    schedule: Literal["constant", "exponential", "cosine", "warmup_cosine"] = "constant",
    updates: int | None = None,
    floor: float = 0.01,
    clip: float | None = None,
    weight_decay: float = 0.0,
    accumulate: int = 1,
    betas: tuple[float, float] | None = None,
    groups: Mapping[str, Builder] | None = None,
) -> Builder:
    """Return a builder of the named optimiser.

    Parameters
    ----------
    name : str
        One of `KINDS`: gradient_descent, sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, muon, soap, lbfgs.
    rate : float, optional
        Learning rate; the default depends on the name.
    schedule, updates, floor
        How the rate falls over ``updates`` updates, down to ``floor * rate``; see `Schedule`.
    clip : float, optional
        Rescale gradients of a larger global norm to this norm.
    weight_decay : float
        Decoupled decay of the weight matrices (adamw and muon only).
    accumulate : int
        Average the gradients of so many batches before each update.
    betas : (float, float), optional
        How much of the moving averages of the gradient and of its square is kept (adam, adamw and soap only).
    groups : dict, optional
        Other builders for some of the weights: ``{pattern: builder}``, where a regular expression is searched for in
        the path of a weight, such as ``hidden.0.dense.bias``, and the first that is found counts. ``clip`` and
        ``accumulate`` hold for all weights together, everything else for those that no pattern finds.

    Examples
    --------
    >>> import optax
    >>> make = optimiser("adamw", 1e-3, schedule="cosine", updates=1000, clip=1.0, weight_decay=1e-4)
    >>> isinstance(make(), optax.GradientTransformation)
    True
    >>> make = optimiser("adamw", betas=(0.9, 0.95), groups={"bias$": optimiser("sgd", 0.1)})
    >>> weights = {"weight": jnp.ones((2, 2)), "bias": jnp.ones(2)}
    >>> make().update(weights, make().init(weights), weights)[0]["bias"]
    Array([-0.1, -0.1], dtype=float32)
    """
    one_of("optimiser: name", name, KINDS)
    one_of("optimiser: schedule", schedule, SCHEDULES)
    if schedule != "constant" and not updates:
        raise ValueError(
            f"optimiser: schedule {schedule!r} needs updates, the number of updates over which the rate falls."
        )
    if weight_decay and not KINDS[name].decays:
        raise ValueError(
            f"optimiser: weight_decay is {weight_decay}, but {name} has no decoupled decay; use adamw or muon."
        )
    whole("optimiser: accumulate", accumulate)
    if betas is not None and not KINDS[name].betas:
        raise ValueError(f"optimiser: betas is {betas}, but {name} has none to set; use adam, adamw or soap.")
    if betas is not None and not (len(betas) == 2 and all(0 <= b < 1 for b in betas)):
        raise ValueError(f"optimiser: betas is {betas}, but must be two numbers of at least 0 and below 1.")
    groups = {} if groups is None else groups
    for pattern, builder in groups.items():
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"optimiser: groups holds {pattern!r}, which is no regular expression: {error}.") from None
        if "lbfgs" in (name, *getattr(builder, "args", ())):
            raise ValueError(
                f"optimiser: groups holds {pattern!r}, but lbfgs moves all weights or none; take another rule."
            )
    if name == "lbfgs" and (rate is not None or schedule != "constant" or clip is not None or accumulate > 1):
        raise ValueError(
            "optimiser: lbfgs takes no rate, schedule, clip or accumulate: its line search decides; drop them."
        )
    top = as_array(KINDS[name].rate if rate is None else rate)
    course = top if schedule == "constant" else Schedule(schedule, top, as_array(updates), as_array(floor))
    decay = as_array(weight_decay) if KINDS[name].decays else None
    norm = None if clip is None else as_array(clip)
    return eqx.Partial(_build, name, course, decay, norm, accumulate, betas, tuple(groups.items()))


def matrices(weights: Any) -> Any:
    """Mark the weight matrices of a model: what weight decay applies to (not biases, not normalisations)."""
    return jax.tree.map(lambda leaf: leaf.ndim > 1, weights)


def _build(name, course, decay, clip, accumulate, betas, groups):
    kind = KINDS[name]
    settings = {} if betas is None else {"b1": betas[0], "b2": betas[1]}
    transform = kind.build(course, decay, **settings) if kind.decays else kind.build(course, **settings)
    if groups:
        transform = by_path({**{pattern: builder() for pattern, builder in groups}, "": transform})
    if clip is not None:
        transform = optax.chain(optax.clip_by_global_norm(clip), transform)
    if accumulate > 1:
        transform = optax.MultiSteps(transform, accumulate).gradient_transformation()
    return transform


def by_path(rules: dict[str, optax.GradientTransformation]) -> optax.GradientTransformation:
    """Give each weight to the first rule whose regular expression is found in its path."""

    def owners(weights: Any) -> Any:
        leaves, structure = jax.tree_util.tree_flatten_with_path(weights)
        paths = [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in leaves]
        owner = [next(pattern for pattern in rules if re.search(pattern, path)) for path in paths]
        if idle := [pattern for pattern in rules if pattern and pattern not in owner]:
            raise ValueError(
                f"optimiser: groups holds {idle[0]!r}, which is found in no path (or after another pattern only); the "
                f"paths of the weights are {', '.join(paths[:12])}{', ...' if len(paths) > 12 else '.'}"
            )
        return jax.tree.unflatten(structure, owner)

    transformation: Any = optax.partition({**rules}, owners)
    return transformation
