"""MIDAS: a denoising autoencoder with dropout, as published (Lall and Robinson, 2022) and as MIDASpy has it.

    z = decoder(encoder(x̃)),   x̃ = x with zeros in holes and in a random share of the columns of each row
    L = Σ_j s_j √mean_j (x - z)² over quantities + Σ_j s_j mean_j cross-entropy over labels

with means over the observed cells of a column in the batch, and s_j the share of its cells that is observed. Quantities
are scaled to [0, 1]. A completed table is one pass with units and inputs dropped as in training, labels drawn from the
probabilities that come out. A quantity is a fitted value, without the noise around it: intervals come out too short,
which `overimpute` shows.

The article, and the source after it, count corrupted cells only, divide by the number of columns and have one root for
all quantities. The package, which the article's results were made with, counts all observed cells, column by column;
this is what is done here. (One loss for all labels in the mean let those with many levels learn nothing but their most
frequent one.)
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
from ceteris.nets import MLP, Coder
from ceteris.nets.mlp import dropped
from ceteris.recipe import AbstractObjective, optimiser
from ceteris.training import MemberRows, TrainingPlan, history, train


class Reconstruction(AbstractObjective):
    """The loss at observed cells; a batch is (x, seen by column)."""

    spans: Spans = eqx.field(static=True)
    corruption: Array

    def __call__(self, model, batch, key):
        x, seen = batch
        raw, divergence = reconstruct(model, x, self.corruption, key)
        return losses(raw, x, seen, self.spans) + divergence, {}


def reconstruct(model: MLP | Coder, x: Array, corruption: Any, key: Array) -> tuple[Array, Any]:
    """Rows again after inputs and units were dropped, and the divergence of a variational code from a normal."""
    corrupt, drop = jr.split(key)
    raw, rest = model.training(dropped(x, corruption, corrupt), drop)
    return raw, rest if isinstance(model, Coder) else 0.0


def losses(raw: Array, x: Array, seen: Array, spans: Spans) -> Array:
    """Sum over columns of root mean squared error or mean cross-entropy, each times the share that is observed."""
    q, n = spans.quantities, len(x)
    count = seen.sum(0)
    share, count = count / n, jnp.maximum(count, 1)
    square = jnp.sum(seen[:, :q] * (raw[:, :q] - x[:, :q]) ** 2, 0) / count[:q]
    total, at = jnp.sum(share[:q] * jnp.sqrt(square + 1e-8)), q  # at zero the root has no slope
    for j, width in enumerate(spans.levels):
        log_p = jax.nn.log_softmax(raw[:, at : at + width])
        total -= jnp.sum(seen[:, q + j] * jnp.sum(x[:, at : at + width] * log_p, 1)) / n
        at += width
    return total


def probabilities(raw: Array, spans: Spans) -> Array:
    """Outputs with a softmax over the levels of each label."""
    parts, at = [raw[:, : spans.quantities]], spans.quantities
    for width in spans.levels:
        parts.append(jax.nn.softmax(raw[:, at : at + width]))
        at += width
    return jnp.concatenate(parts, 1)


def small_normal(key: Array, shape: tuple[int, ...]) -> Array:
    """Starting weights of variance 1/(n_in + n_out), the half of Glorot's."""
    return jax.nn.initializers.variance_scaling(0.5, "fan_avg", "truncated_normal")(key, shape)


class MIDAS(MultipleImputer):
    """Multiple imputation with a denoising autoencoder, as published; `Imputer` is better calibrated.

    Parameters
    ----------
    widths : tuple of int
        Hidden layers of the encoder; the decoder mirrors them.
    dropout : float
        Share of the units dropped, in training and when drawing.
    corruption : float
        Share of the inputs set to zero, in training and when drawing.
    latent : int, optional
        Size of a normal code between encoder and decoder: the variational version.
    rate : float
        Learning rate of Adam.
    weight_decay : float, optional
        Decoupled decay of the weight matrices, per unit of learning rate; by default an update takes 1/n of each weight
        away, with n rows.
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
                 latent: int | None = None, rate: float = 1e-4, weight_decay: float | None = None, epochs: int = 20,
                 batch_size: int = 16, types: Mapping | None = None, bounds: Mapping | None = None,
                 random_state: Any = None):  # fmt: skip
        self.widths, self.dropout, self.corruption, self.latent = widths, dropout, corruption, latent
        self.rate, self.weight_decay, self.epochs, self.batch_size = rate, weight_decay, epochs, batch_size
        self.types, self.bounds, self.random_state = types, bounds, random_state

    def _learn(self, table: pd.DataFrame, holes: Holes, seed: int) -> None:
        check(self)
        self.wide_ = learn_wide(holes, unit=True)
        x, seen = self.wide_.forward(holes)
        decay = 1 / (len(x) * self.rate) if self.weight_decay is None else self.weight_decay
        rule = partial(optimiser, "adamw", self.rate, weight_decay=decay)
        plan = TrainingPlan(self.epochs, self.batch_size, rule, looks=1)
        objective = Reconstruction(self.wide_.spans, self._corruption())
        run = train("MIDAS", self._builder(x.shape[1]), objective, (x, seen), MemberRows(np.arange(len(x))[None]), plan,
                    seed)  # fmt: skip
        self.net_, self.status_ = run.member(0), run.sentence
        self.history_ = history(run)[["epoch", "loss"]]

    def _builder(self, columns: int) -> Any:
        widths = tuple(self.widths)
        if self.latent:
            return eqx.Partial(Coder, columns, self.latent, 2 * self.latent, widths, "elu", self.dropout)
        return eqx.Partial(MLP, columns, columns, widths + widths[-2::-1], "elu", small_normal, dropout=self.dropout)

    def _corruption(self) -> Array:
        return jnp.asarray(self.corruption, jnp.float32)

    def _draw(self, table: pd.DataFrame, holes: Holes, m: int, seed: int) -> list[np.ndarray]:
        x, _ = self.wide_.forward(holes)
        given = self.net_, x, self.wide_.spans, self._corruption()
        with precision("single"):
            outputs = [np.asarray(_pass(*given, jr.fold_in(jr.key(seed), i))) for i in range(m)]
        rng = np.random.default_rng(seed)
        return [self.wide_.back(one, rng) for one in outputs]


@eqx.filter_jit
def _pass(net, x, spans, corruption, key):
    return probabilities(reconstruct(net, jnp.asarray(x), corruption, key)[0], spans)
