"""MIDAS: a denoising autoencoder with dropout, as published (003; Lall and Robinson, 2022).

    x̃ = x with holes and a random share of the observed cells set to zero,   z = decoder(encoder(x̃; dropout))
    L = √(Σ r (x - z)² / Σ r) over quantities + mean cross-entropy over labels,   r = 1 where a cell was corrupted

and a completed table is one pass with dropout, so that tables differ by which units are dropped. (The source divides by
the number of columns J; with r that counts cells that carry no loss, so we divide by Σ r. Its cross-entropy for
"categorical" columns is the binary one; several labels take a softmax.) Its draws are fitted values, without the noise
around them: intervals come out too short, which `overimpute` shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd
from jax import Array

from ceteris.arguments import check
from ceteris.engine import precision
from ceteris.impute.base import MultipleImputer
from ceteris.impute.columns import Holes
from ceteris.impute.wide import Spans, learn_wide
from ceteris.nets import Coder
from ceteris.recipe import AbstractObjective, optimiser
from ceteris.training import MemberRows, TrainingPlan, history, train


class Reconstruction(AbstractObjective):
    """The loss at corrupted cells; a batch is (x, seen by column)."""

    spans: Spans = eqx.field(static=True)
    corruption: Array

    def __call__(self, model, batch, key):
        x, seen = batch
        corrupt, drop = jr.split(key)
        r = seen & (jr.uniform(corrupt, seen.shape) < self.corruption)
        repeats = np.array([1] * self.spans.quantities + list(self.spans.levels))
        kept = jnp.repeat(~r, repeats, axis=1, total_repeat_length=int(repeats.sum()))
        raw, divergence = model.training(jnp.where(kept, x, 0.0), drop)
        return losses(raw, x, r, self.spans) + divergence / x.shape[1], {}


def losses(raw: Array, x: Array, r: Array, spans: Spans) -> Array:
    """Root mean squared error of quantities plus mean cross-entropy of labels, at cells marked by r."""
    q = spans.quantities
    total = jnp.zeros(())
    if q:
        square = jnp.sum(r[:, :q] * (raw[:, :q] - x[:, :q]) ** 2) / jnp.maximum(r[:, :q].sum(), 1)
        total += jnp.sqrt(square + 1e-8)  # at zero the root has no slope
    at, entropy = q, jnp.zeros(())
    for j, width in enumerate(spans.levels):
        log_p = jax.nn.log_softmax(raw[:, at : at + width])
        entropy -= jnp.sum(r[:, q + j] * jnp.sum(x[:, at : at + width] * log_p, 1))
        at += width
    return total + entropy / jnp.maximum(r[:, q:].sum(), 1) if spans.levels else total


def probabilities(raw: Array, spans: Spans) -> Array:
    """Outputs with a softmax over the levels of each label."""
    parts, at = [raw[:, : spans.quantities]], spans.quantities
    for width in spans.levels:
        parts.append(jax.nn.softmax(raw[:, at : at + width]))
        at += width
    return jnp.concatenate(parts, 1)


class MIDAS(MultipleImputer):
    """Multiple imputation with a denoising autoencoder, as published; `Imputer` is better calibrated.

    Parameters
    ----------
    widths : tuple of int
        Hidden layers of the encoder; the decoder mirrors them.
    dropout : float
        Share of the units dropped, in training and when drawing.
    corruption : float
        Share of the observed cells set to zero in training.
    latent : int, optional
        Size of a normal code between encoder and decoder: the variational version.
    rate : float
        Learning rate of Adam.
    weight_decay : float
        Decoupled decay of the weight matrices, per unit of learning rate.
    epochs : int
        Passes over the rows; there is no early stopping.
    batch_size : int
        Rows per update.
    types : mapping of column to kind, optional
        "continuous", "binary", "ordinal", "categorical" or "ignore" instead of what the column looks like.
    bounds : mapping of column to (lowest, highest), optional
        Limits of quantities. A quantity that is never negative is never filled with a negative number.
    random_state : int, RandomState or None
        Decides everything random.

    Attributes
    ----------
    history_ : DataFrame
        Columns epoch and loss.

    References
    ----------
    Lall and Robinson (2022), "The MIDAS touch: accurate and scalable missing-data imputation with deep learning",
    Political Analysis 30.

    Examples
    --------
    >>> from ceteris.data.missing import simulate_regression
    >>> done = MIDAS(widths=(16,), epochs=2, random_state=0).fit_transform(simulate_regression(100))
    >>> done.shape, bool(done.isna().any().any())
    ((100, 3), False)
    """

    def __init__(self, *, widths: Sequence[int] = (256, 256, 256), dropout: float = 0.5, corruption: float = 0.2,
                 latent: int | None = None, rate: float = 1e-3, weight_decay: float = 1e-3, epochs: int = 20,
                 batch_size: int = 16, types: Mapping | None = None, bounds: Mapping | None = None,
                 random_state: Any = None):  # fmt: skip
        self.widths, self.dropout, self.corruption, self.latent = widths, dropout, corruption, latent
        self.rate, self.weight_decay, self.epochs, self.batch_size = rate, weight_decay, epochs, batch_size
        self.types, self.bounds, self.random_state = types, bounds, random_state

    def _learn(self, table: pd.DataFrame, holes: Holes, seed: int) -> None:
        check(self)
        self.wide_ = learn_wide(holes)
        x, seen = self.wide_.forward(holes)
        numbers, codes = (self.latent, 2 * self.latent) if self.latent else (self.widths[-1], self.widths[-1])
        builder = eqx.Partial(Coder, x.shape[1], numbers, codes, tuple(self.widths), "elu", self.dropout)
        objective = Reconstruction(self.wide_.spans, jnp.asarray(self.corruption, jnp.float32))
        rule = partial(optimiser, "adamw", self.rate, weight_decay=self.weight_decay)
        plan = TrainingPlan(self.epochs, self.batch_size, rule, looks=1)
        run = train("MIDAS", builder, objective, (x, seen), MemberRows(np.arange(len(x))[None]), plan, seed)
        self.net_, self.status_ = run.member(0), run.sentence
        self.history_ = history(run)[["epoch", "loss"]]

    def _draw(self, table: pd.DataFrame, holes: Holes, m: int, seed: int) -> list[np.ndarray]:
        x, _ = self.wide_.forward(holes)
        with precision("single"):
            outputs = [np.asarray(_pass(self.net_, x, self.wide_.spans, jr.fold_in(jr.key(seed), i))) for i in range(m)]
        return [self.wide_.back(one) for one in outputs]


@eqx.filter_jit
def _pass(net, x, spans, key):
    return probabilities(net.training(x, key)[0], spans)
