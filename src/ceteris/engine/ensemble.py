"""Many copies of one algorithm: folds, seeds, imputations, calibrations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import PRNGKeyArray

from ceteris.engine.algorithm import AbstractAlgorithm

# Measured in benchmarks/engine.py on two CPU cores: below this many weights a member leaves the vector units idle and
# batching members into one program pays; above, the members' matrix products already fill the machine.
VMAP_UP_TO_WEIGHTS = 3_000


class Ensemble(eqx.Module):
    """``n`` runs of one algorithm, each equal to the single run with its own key.

    Member ``i`` of ``fit(Ensemble(a, n), key)`` is ``fit(a_i, jax.random.split(key, n)[i])``, where ``a_i`` is
    ``a`` with its own slice of ``values``; to rounding when the members are batched, to the bit when looped.

    Parameters
    ----------
    algorithm : AbstractAlgorithm
    n : int
        Members.
    over : callable, optional
        ``over(algorithm)`` names the leaves that differ by member, for instance ``lambda a: a.sampler.rows``.
    values : pytree of arrays, optional
        Replacements for these leaves, each with a leading axis of length ``n``.
    how : {"auto", "vmap", "loop"}
        Batch the members into one program, run them one after the other, or choose by their size.

    Examples
    --------
    Four learning rates at once:

    >>> import jax, jax.numpy as jnp, equinox as eqx, optax
    >>> from ceteris.engine import Ensemble, fit
    >>> from ceteris.recipe import Descend, Fixed, Loss
    >>> def away(model, batch, key): return (model - batch) ** 2, {}
    >>> def zero(key): return jnp.array(0.0)
    >>> one = Descend(zero, Loss(away), Fixed(jnp.array(3.0)), eqx.Partial(optax.sgd, jnp.array(0.0)))
    >>> rates = jnp.array([0.0, 0.1, 0.3, 0.5])
    >>> four = Ensemble(one, 4, over=lambda a: a.optimiser.args[0], values=rates)
    >>> [round(float(mean), 2) for mean in fit(four, jax.random.key(0), steps=10).model]
    [0.0, 2.68, 3.0, 3.0]
    """

    each: AbstractAlgorithm
    shared: AbstractAlgorithm
    n: int = eqx.field(static=True)
    how: Literal["auto", "vmap", "loop"] = eqx.field(static=True)

    def __init__(
        self,
        algorithm: AbstractAlgorithm,
        n: int,
        over: Callable[[Any], Any] | None = None,
        values: Any = None,
        how: Literal["auto", "vmap", "loop"] = "auto",
    ):
        if n < 1:
            raise ValueError(f"Ensemble: n is {n}, but at least one member is needed.")
        if how not in ("auto", "vmap", "loop"):
            raise ValueError(f"Ensemble: how is {how!r}, but must be 'auto', 'vmap' or 'loop'.")
        if (over is None) != (values is None):
            raise ValueError("Ensemble: over and values go together, but only one was given; give both or neither.")
        mask = jax.tree.map(lambda _: False, algorithm)
        if over is not None:
            lengths = {np.shape(leaf)[0] if np.ndim(leaf) else None for leaf in jax.tree.leaves(values)}
            if lengths != {n}:
                raise ValueError(
                    f"Ensemble: values have leading lengths {sorted(map(str, lengths))}, but every leaf needs n = {n}."
                )
            values = jax.tree.map(jax.device_put, values)
            algorithm = eqx.tree_at(over, algorithm, values)
            mask = eqx.tree_at(over, mask, jax.tree.map(lambda _: True, values))
        self.each, self.shared = eqx.partition(algorithm, mask)
        self.n = n
        self.how = how

    def member(self, i: int) -> AbstractAlgorithm:
        """Return the algorithm of member ``i``."""
        return eqx.combine(take(self.each, jnp.asarray(i)), self.shared)

    def keys(self, key: PRNGKeyArray) -> PRNGKeyArray:
        """Return one key per member, shape (n,)."""
        return jr.split(key, self.n)


@eqx.filter_jit  # one dispatch for all leaves: a loop over members pays it every time
def take(tree: Any, i: Any) -> Any:
    """Return slice ``i`` of every array leaf: one member of a stacked pytree."""
    return jax.tree.map(lambda a: a[i] if eqx.is_array(a) else a, tree)


@eqx.filter_jit
def stack(trees: list[Any]) -> Any:
    """Stack the array leaves of equal pytrees along a new leading axis; the inverse of `take`."""
    return jax.tree.map(lambda *a: jnp.stack(a) if eqx.is_array(a[0]) else a[0], *trees)


def batched(ensemble: Ensemble, models: Any) -> bool:
    """Whether the members should run as one batched program rather than one after the other."""
    if ensemble.how != "auto":
        return ensemble.how == "vmap"
    weights = sum(leaf.size for leaf in jax.tree.leaves(models) if eqx.is_inexact_array(leaf)) / ensemble.n
    return jax.default_backend() != "cpu" or weights <= VMAP_UP_TO_WEIGHTS
