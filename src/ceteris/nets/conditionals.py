"""A net that gives the distribution of every column given any of the others.

Inputs are the conditional means of a multivariate normal given the cells that are seen, marks of those that are
hidden, and the levels of ordered labels, cumulatively. Outputs are, per quantity, a mixture of normals, and per column
of labels, a probability for each level.

    p(x_j | x_A) for any set A of other columns          loss: -log p at cells that were observed and then hidden
"""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.nets.gaussian import Gaussian, expected
from ceteris.nets.initialisers import glorot_uniform, zeros
from ceteris.nets.mlp import Dense
from ceteris.nets.net import AbstractConstants

NARROWEST, WIDEST = 0.05, 3.0  # of a component of a mixture, in standard deviations of the column


class Cells(NamedTuple):
    """Rows as a net takes them: z (n, quantities), codes (n, labels), seen (n, columns), extra (n, features).

    Columns are quantities first, then ordered labels, then unordered ones.
    """

    z: Any
    codes: Any
    seen: Any
    extra: Any


class Levels(AbstractConstants):
    """What the labels are like, and where quantities are cut.

    ``allowed`` (labels, K) is 0 for a level and -inf beyond the last; ``share`` (labels, K) how often each was
    observed; ``score`` (ordered, K) the standardised place of each level. ``edges`` (quantities, K - 1) cut a quantity
    into bins. ``source`` (labels,) is the column that tells most about a label, and ``odds`` (labels, K, K) what its
    places say: log P(level | place) / P(level). ``column`` and ``level`` say what the indicators of the unordered
    labels stand for: of which column of codes, and for which code.
    """

    allowed: Array
    share: Array
    score: Array
    edges: Array
    source: Array
    odds: Array
    column: tuple[int, ...] = eqx.field(static=True)
    level: tuple[int, ...] = eqx.field(static=True)


class Sizes(NamedTuple):
    """How large a net is: width and number of hidden layers, normals in a mixture."""

    width: int = 64
    depth: int = 2
    components: int = 4


class ResidualBlock(eqx.Module):
    """h + B swish(A h), B zero at first."""

    inner: Dense
    outer: Dense

    def __call__(self, h: Array) -> Array:
        """Evaluate."""
        return h + self.outer(jax.nn.swish(self.inner(h)))


class Conditionals(eqx.Module):
    """The conditional distributions of all columns: a multivariate normal and what a net adds to it.

    A mixture is centred at the normal's conditional mean; log-probabilities of labels are those observed plus a
    multiple of level times conditional mean (what discriminant analysis would say), plus a multiple of what the column
    says that nearly determines the label, if there is one: weight decay keeps a net from odds that large. The net's
    last layer is zero at first.

    Parameters
    ----------
    quantities : int
        Columns of z.
    features : int
        Columns of extra.
    levels : Levels
        What the labels are like, and where quantities are cut.
    sizes : Sizes
        How large the net is.
    key : PRNG key
        Decides the first weights.
    """

    base: Gaussian
    enter: Dense
    blocks: tuple[ResidualBlock, ...]
    leave: Dense
    tilt: Array
    trust: Array
    levels: Levels
    quantities: int = eqx.field(static=True)
    components: int = eqx.field(static=True)

    def __init__(self, quantities: int, features: int, levels: Levels, sizes: Sizes, *, key: Array):
        labels, K = levels.allowed.shape
        ordered = levels.score.shape[0]
        d = quantities + ordered + len(levels.column) + features
        first, last, *rest = jr.split(key, 2 + 2 * sizes.depth)
        inputs = d + quantities + labels + ordered * K
        self.base = Gaussian(jnp.zeros(d), jnp.eye(d))
        self.enter = Dense(inputs, sizes.width, glorot_uniform, key=first)
        self.blocks = tuple(
            ResidualBlock(
                Dense(sizes.width, sizes.width, glorot_uniform, key=a), Dense(sizes.width, sizes.width, zeros, key=b)
            )
            for a, b in zip(rest[::2], rest[1::2], strict=True)
        )
        leave = Dense(sizes.width, 3 * sizes.components * quantities + K * labels, zeros, key=last)
        centres = jnp.linspace(-0.3, 0.3, sizes.components) if sizes.components > 1 else jnp.zeros(1)
        start = jnp.concatenate([jnp.zeros_like(centres), centres, jnp.zeros_like(centres)])
        shares = jnp.log(jnp.maximum(levels.share, 1e-4)).ravel()
        self.leave = eqx.tree_at(
            lambda dense: dense.bias, leave, jnp.concatenate([jnp.tile(start, quantities), shares])
        )
        self.tilt, self.trust = jnp.ones(labels), jnp.zeros(labels)
        self.levels, self.quantities, self.components = levels, quantities, sizes.components

    def hidden(self, cells: Cells, seen: Array) -> tuple[Array, Array]:
        """The last hidden layer (rows, width), and the normal's conditional means (rows, d)."""
        x, known, marks = standardised(cells, seen, self.levels, self.quantities)
        filled = jax.lax.stop_gradient(expected(self.base, x, known))
        h = self.enter(jnp.concatenate([filled, 1.0 - seen, marks], 1))
        for block in self.blocks:
            h = block(h)
        return h, filled

    def tilts(self, filled: Array) -> Array:
        """What the conditional means say about the labels, (rows, labels, K)."""
        ordered, (labels, K) = self.levels.score.shape[0], self.levels.allowed.shape
        q = self.quantities
        parts = filled[:, q : q + ordered, None] * self.levels.score
        which = jnp.zeros((len(filled), labels - ordered, K))
        if self.levels.column:
            places = jnp.asarray(self.levels.column) - ordered, jnp.asarray(self.levels.level)
            which = which.at[:, places[0], places[1]].set(
                filled[:, q + ordered : q + ordered + len(self.levels.column)]
            )
        return self.tilt[:, None] * jnp.concatenate([parts, which], 1)

    def evidence(self, cells: Cells, seen: Array) -> Array:
        """What the column that tells most about each label says of it, (rows, labels, K); 0 where it is not seen."""
        labels = self.levels.allowed.shape[0]
        bins = (cells.z[:, :, None] > self.levels.edges).sum(2)
        places = jnp.concatenate([bins, cells.codes], 1)[:, self.levels.source]
        known = seen[:, self.levels.source]
        return (known * self.trust)[:, :, None] * self.levels.odds[jnp.arange(labels), places]

    def loss(self, cells: Cells, seen: Array) -> Array:
        """-log p of every cell given those that are seen, (rows, columns)."""
        h, filled = self.hidden(cells, seen)
        raw, q = self.leave(h), self.quantities
        cut = 3 * self.components * q
        mixtures = raw[:, :cut].reshape(len(raw), q, 3, self.components)
        logits = raw[:, cut:].reshape(len(raw), *self.levels.allowed.shape) + self.levels.allowed
        logits = logits + self.tilts(filled) + self.evidence(cells, seen)
        marks = cells.codes[:, :, None] == jnp.arange(logits.shape[2])
        of_labels = jnp.where(marks, jax.nn.log_softmax(logits), 0.0).sum(2)
        return -jnp.concatenate([density(mixtures, cells.z - self.mean_of(filled)), of_labels], 1)

    def mean_of(self, filled: Array) -> Array:
        """The conditional means of the quantities."""
        return filled[:, : self.quantities]

    def heads(self) -> tuple[Array, Array]:
        """The last layer by column: weights (columns, width, outputs) and biases (columns, outputs), filled up."""
        c3, (labels, K) = 3 * self.components, self.levels.allowed.shape
        cut, most = c3 * self.quantities, max(c3, K)

        def by_column(a: Array, fill: float) -> Array:
            mixtures = a[..., :cut].reshape(*a.shape[:-1], self.quantities, c3)
            logits = a[..., cut:].reshape(*a.shape[:-1], labels, K)
            return jnp.concatenate([_wider(mixtures, most, 0.0), _wider(logits, most, fill)], -2)

        biases = self.leave.bias.at[cut:].add(self.levels.allowed.ravel())
        return jnp.moveaxis(by_column(self.leave.weight, 0.0), 1, 0), by_column(biases, -jnp.inf)


def standardised(cells: Cells, seen: Array, levels: Levels, quantities: int) -> tuple[Array, Array, Array]:
    """Columns as the normal takes them (rows, d), which are seen (rows, d), and the marks of ordered levels.

    Quantities are as in z, an ordered label is the score of its level, an unordered one an indicator per level; further
    features follow.
    """
    q, ordered = quantities, levels.score.shape[0]
    K = levels.allowed.shape[1]
    upto = (jnp.arange(K) <= cells.codes[:, :ordered, None]) & seen[:, q : q + ordered, None]
    here = jnp.arange(K) == cells.codes[:, :ordered, None]
    scores = jnp.where(here, levels.score, 0.0).sum(2)
    column, level = jnp.asarray(levels.column, int), jnp.asarray(levels.level, int)
    share = levels.share[column, level]
    indicators = ((cells.codes[:, column] == level) - share) / jnp.sqrt(share * (1 - share) + 1e-3)
    x = jnp.concatenate([cells.z, scores, indicators, cells.extra], 1)
    given = jnp.ones(cells.extra.shape, bool)
    known = jnp.concatenate([seen[:, : q + ordered], seen[:, q + column], given], 1)
    return x, known, upto.reshape(len(x), -1).astype(x.dtype)


def _wider(a: Array, most: int, fill: float) -> Array:
    return jnp.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, most - a.shape[-1])], constant_values=fill)


def density(mixtures: Array, z: Array) -> Array:
    """Log density of mixtures (..., 3, components) of normals at z (...): logits, means, log scales."""
    logits, means, spread = mixtures[..., 0, :], mixtures[..., 1, :], scales(mixtures[..., 2, :])
    each = -0.5 * ((z[..., None] - means) / spread) ** 2 - jnp.log(spread) - 0.5 * jnp.log(2 * jnp.pi)
    return jax.nn.logsumexp(jax.nn.log_softmax(logits) + each, axis=-1)


def scales(raw: Array) -> Array:
    """Standard deviations between `NARROWEST` and `WIDEST`."""
    return NARROWEST + (WIDEST - NARROWEST) * jax.nn.sigmoid(raw - 1.0)
