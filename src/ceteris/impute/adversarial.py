"""Adversarial imputation: a generator fills holes, a discriminator tells filled cells from observed ones (GAIN).

    x̂ = m x + (1 - m) G(m x + (1 - m) noise, m),   D(x̂, hint) guesses m cell by cell
    D minimises the cross-entropy of its guess,   G minimises -(1 - m) log D(x̂, hint) + α · (reconstruction at m = 1)

A hint shows D the marks of most cells; the others it must guess.

References
----------
Yoon, Jordon and van der Schaar (2018), "GAIN: missing data imputation using generative adversarial nets", ICML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd
from jax import Array

from ceteris.arguments import check
from ceteris.engine import fit, precision
from ceteris.impute.base import MultipleImputer
from ceteris.impute.columns import Holes
from ceteris.impute.midas import losses, probabilities
from ceteris.impute.wide import Spans, learn_wide, spread
from ceteris.nets import MLP
from ceteris.recipe import AbstractObjective, Minibatches, Play, optimiser
from ceteris.training import refuse_non_finite

HINT = 0.9  # share of the cells whose mark the discriminator sees


class Guess(AbstractObjective):
    """The loss of the discriminator, or of the generator; a batch is (x, marks by column of x, marks by column)."""

    spans: Spans = eqx.field(static=True)
    alpha: Array
    of_generator: bool = eqx.field(static=True)

    def __call__(self, model, batch, key):
        x, mask, seen = batch
        noise, hint = jr.split(key)
        m = mask.astype(x.dtype)
        raw = generate(model["generator"], x, m, noise)
        filled = m * x + (1 - m) * probabilities(raw, self.spans)
        shown = jr.uniform(hint, m.shape) < HINT
        logits = model["discriminator"](jnp.concatenate([filled, jnp.where(shown, m, 0.5)], 1))
        if self.of_generator:
            fooling = jnp.sum((1 - m) * jax.nn.softplus(-logits)) / jnp.maximum((1 - m).sum(), 1)
            return fooling + self.alpha * losses(raw, x, seen, self.spans), {}
        return jnp.mean(jax.nn.softplus(jnp.where(mask, -logits, logits))), {}


class Adversarial(MultipleImputer):
    """Imputation by a game between a generator and a discriminator: a baseline.

    Parameters
    ----------
    widths : tuple of int
        Hidden layers of both players.
    alpha : float
        Weight of the reconstruction of observed cells.
    rate : float
        Learning rate of Adam, the same for both players.
    epochs : int
        Passes over the rows.
    batch_size : int
        Rows per update.
    types : mapping of column to kind, optional
        "continuous", "binary", "ordinal", "categorical" or "ignore" instead of what the column looks like.
    bounds : mapping of column to (lowest, highest), optional
        Limits of quantities. A quantity that is never negative is never filled with a negative number.
    random_state : int, RandomState or None
        Decides everything random.

    Examples
    --------
    >>> from ceteris.data.missing import simulate_regression
    >>> done = Adversarial(widths=(16,), epochs=2, random_state=0).fit_transform(simulate_regression(100))
    >>> done.shape, bool(done.isna().any().any())
    ((100, 3), False)
    """

    def __init__(self, *, widths: Sequence[int] = (64, 64), alpha: float = 10.0, rate: float = 1e-3, epochs: int = 100,
                 batch_size: int = 128, types: Mapping | None = None, bounds: Mapping | None = None,
                 random_state: Any = None):  # fmt: skip
        self.widths, self.alpha, self.rate, self.epochs, self.batch_size = widths, alpha, rate, epochs, batch_size
        self.types, self.bounds, self.random_state = types, bounds, random_state

    def _learn(self, table: pd.DataFrame, holes: Holes, seed: int) -> None:
        check(self)
        self.wide_ = learn_wide(holes)
        x, seen = self.wide_.forward(holes)
        spans = self.wide_.spans
        with precision("single"):
            data = tuple(jnp.asarray(a) for a in (x, spread(seen, spans), seen))
            alpha = jnp.asarray(self.alpha, jnp.float32)
            game = Play(
                eqx.Partial(players, x.shape[1], tuple(self.widths)),
                {"discriminator": Guess(spans, alpha, False), "generator": Guess(spans, alpha, True)},
                dict.fromkeys(("discriminator", "generator"), optimiser("adam", self.rate)),
                Minibatches(data, self.batch_size),
                turns=("discriminator", "generator"),
            )
            run = fit(game, jr.key(seed), steps=self.epochs, every=self.epochs)
        refuse_non_finite("Adversarial", run, self.rate)
        self.generator_, self.status_ = run.model["generator"], run.sentence

    def _draw(self, table: pd.DataFrame, holes: Holes, m: int, seed: int) -> list[np.ndarray]:
        x, seen = self.wide_.forward(holes)
        marks, rng = spread(seen, self.wide_.spans).astype(np.float32), np.random.default_rng(seed)
        with precision("single"):
            keys = [jr.fold_in(jr.key(seed), i) for i in range(m)]
            outputs = [np.asarray(_outputs(self.generator_, x, marks, self.wide_.spans, key)) for key in keys]
        return [self.wide_.back(one, rng) for one in outputs]


def players(size: int, widths: tuple[int, ...], *, key: Array) -> dict[str, MLP]:
    """Generator and discriminator, both (cells and marks) -> cells."""
    names = ("discriminator", "generator")
    return {name: MLP(2 * size, size, widths, "relu", key=k) for name, k in zip(names, jr.split(key), strict=True)}


def generate(generator: MLP, x: Array, m: Array, key: Array) -> Array:
    """Raw outputs, from the observed cells and noise in the holes."""
    noise = 0.1 * jr.normal(key, x.shape)
    return generator(jnp.concatenate([m * x + (1 - m) * noise, m], 1))


@eqx.filter_jit
def _outputs(generator, x, m, spans, key):
    return probabilities(generate(generator, x, m, key), spans)
