"""A table fills the four slots: a net, a weighted loss per row, shuffled rows, a named optimiser.

Everything here is a module-level function or class that is compared by value, and every number that depends on
the data is an array: a second fit of the same shapes compiles nothing. Row counts are rounded (`split`), so
that folds which differ by a row or two have the same shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.engine import EarlyStopping, Ensemble, Fit, Progress, fit
from ceteris.nets import MLP, AbstractNet, Dense, no_buffers, trainable, weighted_mean, zeros
from ceteris.recipe import AbstractObjective, Descend, Minibatches, optimiser

BLOCK = 512  # rows per compiled prediction: the last block is filled up, so that no number of rows compiles anew
ROUND = 32  # rows of a table are padded to a multiple of this
FEWEST = 20  # with fewer rows nothing is set aside for validation


class LinearPlus(AbstractNet):
    """A linear map plus a multilayer perceptron that starts at zero: (..., in_size) -> (..., out_size).

    Most tables of business and social science are nearly linear; the perceptron learns what is left.
    """

    linear: Dense
    mlp: MLP

    def __call__(self, x: Array) -> Array:
        """Evaluate."""
        return self.linear(x) + self.mlp(x)

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate as in training."""
        y, buffers = self.mlp.training(x, key)
        return self.linear(x) + y, eqx.tree_at(
            lambda net: net.mlp, no_buffers(self), buffers, is_leaf=lambda leaf: leaf is None
        )


def build(in_size: int, out_size: int, options: tuple[tuple[str, Any], ...], *, key: Array) -> LinearPlus:
    """Return the net of a table; ``options`` are those of `ceteris.nets.MLP`, as pairs."""
    mlp = MLP(in_size, out_size, **dict(options), key=key)
    silent = eqx.tree_at(lambda net: net.output.weight, mlp, jnp.zeros_like(mlp.output.weight))
    return LinearPlus(Dense(in_size, out_size, zeros, key=key), silent)


class RowLoss(AbstractObjective):
    """The weighted mean of a loss per row; a batch is (x, y, w) with weights of mean one over the table."""

    loss: Callable[[Array, Array], Array]
    head: Callable[[Array], Array]

    def __call__(self, model, batch, key):
        x, y, w = batch
        raw, buffers = model.training(x, key)
        return jnp.mean(w * self.loss(self.head(raw), y)), {"buffers": buffers}


class Validation(eqx.Module):
    """The weighted mean loss on the rows set aside, the net evaluated rather than in training."""

    objective: RowLoss
    data: Any
    rows: Array

    def __call__(self, model, key):
        x, y, w = jax.tree.map(lambda a: a[self.rows], self.data)
        return {"heldout": weighted_mean(self.objective.loss(self.objective.head(model(x)), y), w)}


class Rows(NamedTuple):
    """Which rows each member learns from and which it is judged on, integer arrays (members, rows)."""

    train: np.ndarray
    heldout: np.ndarray | None


def split(strata: np.ndarray, members: int, share: float, rng: np.random.Generator) -> Rows:
    """Set rows aside, others for each member, each set spread evenly over the strata.

    Parameters
    ----------
    strata : array, shape (n,)
        Class labels, or the target itself: rows are dealt out in this order.
    members : int
        Members of the ensemble. Their held-out rows rotate through the table.
    share : float
        Share of rows to set aside.
    rng : Generator
        Breaks ties and shuffles.

    Returns
    -------
    Rows
        The number of rows to learn from is rounded down to a multiple of 8 (32, 128) from 64 (512, 4,096) rows
        on; what that leaves is held out as well. Held-out rows are padded with the index n, the first of the
        padded table's rows of weight zero.
    """
    n = len(strata)
    if n < FEWEST or share == 0:
        return Rows(np.tile(np.arange(n), (members, 1)), None)
    count = rounded(n - max(round(share * n), 1))
    parts = max(round(n / (n - count)), 2)
    held = np.full((members, -(-(n - count) // 8) * 8 + 8), n)
    train = np.empty((members, count), int)
    for i in range(members):
        if i % parts == 0:
            shuffled = rng.permutation(n)
            dealt = shuffled[np.argsort(strata[shuffled], kind="stable")]
        order = np.concatenate([dealt[k::parts] for k in np.roll(np.arange(parts), -(i % parts))])
        held[i, : n - count], train[i] = np.sort(order[: n - count]), np.sort(order[n - count :])
    return Rows(train, held)


def rounded(n: int) -> int:
    """Round a number of rows down to steps of at most an eighth.

    Examples
    --------
    >>> [rounded(n) for n in (50, 100, 354, 1437)]
    [50, 96, 352, 1408]
    """
    unit = 128 if n >= 4096 else 32 if n >= 512 else 8 if n >= 64 else 1
    return n // unit * unit


def padded(data: Any, n: int) -> Any:
    """Append at least one row of zeros (so of weight zero), up to a multiple of `ROUND` rows."""
    extra = ROUND - n % ROUND
    return jax.tree.map(lambda a: np.concatenate([a, np.zeros((extra, *a.shape[1:]), a.dtype)]), data)


@eqx.filter_jit
def _outputs(nets: Any, head: Callable[[Array], Array], x: Array) -> Array:
    return eqx.filter_vmap(lambda net: head(net(x)))(nets)


def outputs(nets: Any, head: Callable[[Array], Array], x: np.ndarray) -> np.ndarray:
    """Return every member's output, shape (members, n, out_size), in blocks of one compiled shape."""
    n = len(x)
    blocks = np.concatenate([x, np.zeros((-n % BLOCK, x.shape[1]), x.dtype)]).reshape(-1, BLOCK, x.shape[1])
    return np.concatenate([np.asarray(_outputs(nets, head, block)) for block in blocks], axis=1)[:, :n]
