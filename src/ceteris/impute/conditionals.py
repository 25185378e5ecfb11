"""Learning the net of conditional distributions by hiding cells, and drawing from it.

Holes are drawn one column after the other, each given what was observed and what was drawn before, so that a completed
row is a draw from one joint distribution. (Sweeps that redraw each hole given all the rest, as in Gibbs sampling, did
worse where tried: errors of the conditionals add up.)
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.nets.conditionals import Cells, Conditionals, scales
from ceteris.training import AbstractJudged

ANY_PATTERN = 0.1  # share of the rows of a batch in which any cell may be hidden


class Masked(AbstractJudged):
    """Mean loss at cells that were seen and are hidden for this batch.

    What is hidden is what another row lacks, less a random share: so the net learns the distributions that drawing one
    column after the other will ask for. A few rows have cells hidden at random, for tables with other patterns of
    holes.
    """

    patterns: Array  # (patterns, columns), what is seen in rows with holes

    def __call__(self, model: Conditionals, batch: Cells, key: Array) -> tuple[Array, dict[str, Any]]:
        seen = batch.seen & hide(batch.seen.shape, self.patterns, key)
        targets = batch.seen & ~seen
        losses = jnp.where(targets, model.loss(batch, seen), 0.0)
        return losses.sum() / jnp.maximum(targets.sum(), 1), {}

    def judge(self, model: Conditionals, batch: Cells) -> Array:
        """The mean loss of two patterns of holes, the same every time."""
        return (self(model, batch, jr.key(0))[0] + self(model, batch, jr.key(1))[0]) / 2


def hide(shape: tuple[int, int], patterns: Array, key: Array) -> Array:
    """Which cells stay seen: a pattern for each row, the holes filled again with a probability of the row's own."""
    which, share, cell, odd = jr.split(key, 4)
    n, _ = shape
    pattern = patterns[jr.randint(which, (n,), 0, len(patterns))]
    anything = jr.uniform(odd, (n, 1)) < ANY_PATTERN
    return (pattern & ~anything) | (jr.uniform(cell, shape) < jr.uniform(share, (n, 1)))


@eqx.filter_jit
def draw(model: Conditionals, cells: Cells, holes: Array, order: Array, key: Array) -> tuple[Array, Array]:
    """Draw the holes of a block of rows, column after column.

    Parameters
    ----------
    model : Conditionals
    cells : Cells
        Rows of the block.
    holes : int array, shape (columns, most)
        Rows with a hole, per column; the number of rows fills up.
    order : int array, shape (draws,)
        Columns in the order in which they are drawn.
    key : PRNG key

    Returns
    -------
    z, codes
        With all holes of the columns in ``order`` filled.
    """
    weights, biases = model.heads()
    q, c = model.quantities, model.components
    labels = model.levels.allowed.shape[0]

    def one(state, inputs):
        z, codes, seen = state
        j, key = inputs
        rows = holes[j]
        part = Cells(z.at[rows].get(mode="clip"), codes.at[rows].get(mode="clip"), seen.at[rows].get(mode="clip"),
                     cells.extra.at[rows].get(mode="clip"))  # fmt: skip
        h, filled = model.hidden(part, part.seen)
        raw = h @ weights[j] + biases[j]
        of_mixture, of_normal, of_labels = jr.split(key, 3)
        if q:
            mixture = raw[:, : 3 * c].reshape(-1, 3, c)
            pick = jr.categorical(of_mixture, mixture[:, 0])[:, None]
            mean, spread = (jnp.take_along_axis(a, pick, 1)[:, 0] for a in (mixture[:, 1], scales(mixture[:, 2])))
            centre = model.mean_of(filled)[:, jnp.clip(j, 0, q - 1)]
            value = centre + mean + spread * jr.normal(of_normal, mean.shape)
            z = z.at[rows, jnp.where(j < q, j, q)].set(value, mode="drop")
        if labels:
            tilt = (model.tilts(filled) + model.evidence(part, part.seen))[:, jnp.clip(j - q, 0, labels - 1)]
            code = jr.categorical(of_labels, raw[:, : tilt.shape[1]] + tilt)
            codes = codes.at[rows, jnp.where(j >= q, j - q, labels)].set(code.astype(codes.dtype), mode="drop")
        return (z, codes, seen.at[rows, j].set(True, mode="drop")), None

    state, _ = jax.lax.scan(one, (cells.z, cells.codes, cells.seen), (order, jr.split(key, len(order))))
    return state[0], state[1]
