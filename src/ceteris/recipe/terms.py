"""Losses of several weighted terms, each over points of its own: an equation inside, conditions at the edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, overload

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, PRNGKeyArray

from ceteris.recipe.objectives import AbstractObjective, AbstractResiduals, as_array

TAKEN = ("loss", "damping", "updates", "stop", "buffers")  # what step rules report or look for


@overload
def weighted_sum(
    objectives: Mapping[str, AbstractResiduals], weights: Mapping[str, Any] | None = None
) -> AbstractResiduals: ...
@overload
def weighted_sum(
    objectives: Mapping[str, AbstractObjective], weights: Mapping[str, Any] | None = None
) -> AbstractObjective: ...
def weighted_sum(
    objectives: Mapping[str, AbstractObjective], weights: Mapping[str, Any] | None = None
) -> AbstractObjective:
    """Return the objective Σ w_k L_k, whose terms have batches of their own, of any size.

    Parameters
    ----------
    objectives : dict
        The terms by name. A batch is a dictionary of the same names, such as `Together` draws.
    weights : dict, optional
        The factor of each term's loss, 1 by default. Another value compiles nothing.

    Returns
    -------
    AbstractObjective
        It logs the loss of each term by its name, and what a term logs as ``term_entry``. If all terms are residuals it
        is an `AbstractResiduals`, rows scaled so that their mean square is the sum: `LevenbergMarquardt` takes it.

    Examples
    --------
    >>> import jax
    >>> from ceteris.recipe import PointResiduals
    >>> apart = PointResiduals(lambda model, point, key: model - point)
    >>> both = weighted_sum({"left": apart, "right": apart}, weights={"right": 3.0})
    >>> batch = {"left": jnp.array([1.0, -1.0]), "right": jnp.array([2.0])}
    >>> loss, parts = both(jnp.array(0.0), batch, jax.random.key(0))
    >>> float(loss), {name: float(part) for name, part in parts.items()}
    (13.0, {'left': 1.0, 'right': 4.0})
    """
    weights = {} if weights is None else weights
    if not objectives:
        raise ValueError("weighted_sum: objectives is empty; give at least one term.")
    if bad := sorted(set(objectives) & set(TAKEN)):
        raise ValueError(f"weighted_sum: a term is called {bad[0]!r}, a name of the log; choose another.")
    if unknown := sorted(set(weights) - set(objectives)):
        raise ValueError(
            f"weighted_sum: weights names {unknown[0]!r}, but the terms are {', '.join(sorted(objectives))}; give "
            "weights to these."
        )
    if negative := [name for name, w in weights.items() if isinstance(w, int | float) and not 0 <= w < float("inf")]:
        raise ValueError(
            f"weighted_sum: the weight of {negative[0]!r} is {weights[negative[0]]}, but must be finite and at least 0."
        )
    factors = {name: as_array(weights.get(name, 1.0)) for name in objectives}
    squares = all(isinstance(term, AbstractResiduals) for term in objectives.values())
    return (_SumOfSquares if squares else _Sum)(dict(objectives), factors)


class _Sum(AbstractObjective):
    objectives: dict[str, Any]
    weights: dict[str, Array]

    def __call__(self, model, batch, key):
        return _total(self.objectives, self.weights, model, batch, key)


class _SumOfSquares(AbstractResiduals):
    objectives: dict[str, Any]
    weights: dict[str, Array]

    def __call__(self, model, batch, key):
        return _total(self.objectives, self.weights, model, batch, key)

    def residuals(self, model, batch, key):
        return self._scaled(lambda term, part, k: term.residuals(model, part, k), batch, key)

    def linearised(self, weights, rest, batch, key):
        return self._scaled(lambda term, part, k: term.linearised(weights, rest, part, k), batch, key)

    def report(self, model, batch, key):
        return self(model, batch, key)[1]

    @property
    def pointwise(self):
        return all(term.pointwise for term in self.objectives.values())

    def _scaled(self, rows_of: Callable[..., Any], batch: Any, key: PRNGKeyArray) -> Any:
        """Stack the rows of all terms, those of a term scaled by √(w N/n): the mean of all N squares is the sum."""
        rows = {name: rows_of(term, part, k) for name, term, part, k in _parts(self.objectives, batch, key)}
        count = {name: len(jax.tree.leaves(each)[0]) for name, each in rows.items()}
        scale = {name: jnp.sqrt(self.weights[name] * (sum(count.values()) / n)) for name, n in count.items()}
        scaled = [jax.tree.map(lambda a, s=scale[name]: s.astype(a.dtype) * a, each) for name, each in rows.items()]
        return jax.tree.map(lambda *parts: jnp.concatenate(parts), *scaled)


def _parts(objectives, batch, key):
    """Return name, term, batch and key of each term."""
    given = sorted(batch) if isinstance(batch, dict) else type(batch).__name__
    if given != sorted(objectives):
        raise ValueError(
            f"weighted_sum: the terms are {sorted(objectives)}, but the batch is {given}; draw a dictionary of the "
            "same names, as Together does."
        )
    keys = jr.split(key, len(objectives))
    return [(name, objectives[name], batch[name], k) for name, k in zip(given, keys, strict=True)]


def _total(objectives, weights, model, batch, key):
    total, report = 0.0, {}
    for name, term, part, k in _parts(objectives, batch, key):
        report[name], aux = term(model, part, k)
        total = total + jnp.asarray(weights[name], report[name].dtype) * report[name]
        for entry, value in aux.items():
            if entry == "stop":
                report[entry] = report.get(entry, False) | value
            elif entry == "buffers":
                report[entry] = eqx.combine(value, report[entry]) if entry in report else value
            else:
                report[f"{name}_{entry}"] = value
    return total, report
