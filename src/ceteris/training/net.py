"""Settings of small nets, and the rules of thumb for what is left open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import numpy as np

from ceteris.arguments import COUNT, check, one_of
from ceteris.engine import Fit
from ceteris.nets import linear_plus
from ceteris.recipe import KINDS, optimiser
from ceteris.training.ensemble import AbstractRowLoss, TrainingPlan, train
from ceteris.training.rows import padded, split


def passes_for(n: int, most: float, rows: float, least: int, highest: int = 200) -> int:
    """Return a number of epochs that falls with the root of the number of rows: ``most`` at so many ``rows``.

    Examples
    --------
    >>> [passes_for(n, 200, 2_000, least=20) for n in (500, 2_000, 8_000, 10**6)]
    [200, 200, 100, 20]
    """
    return int(np.clip(most * (rows / max(n, 1)) ** 0.5, least, highest))


def batch_for(n: int, updates: int, least: int = 32, most: int = 256) -> int:
    """Return a number of rows per update: a power of two, about ``updates`` of which make an epoch.

    Examples
    --------
    >>> [batch_for(n, 16) for n in (10, 1_000, 10**6)]
    [10, 64, 256]
    """
    return min(n, int(np.clip(2.0 ** np.round(np.log2(max(n, 2) / updates)), least, most)))


@dataclass(frozen=True)
class Net:
    """How nets are built and trained: a linear map plus a perceptron that starts at zero, stopped on rows set aside.

    Parameters
    ----------
    widths : int or tuple of int
        Hidden layers; see `ceteris.nets.MLP`.
    activation : str
        See `ceteris.nets.ACTIVATIONS`.
    optimiser : str
        See `ceteris.recipe.optimiser`.
    rate : float, optional
        Highest learning rate; it falls along a half cosine. The default depends on the optimiser.
    weight_decay : float
        Decoupled decay of the weight matrices per unit of rate ("adamw" and "muon" only).
    batch_size : int, optional
        Rows per update; by default a sixteenth of the rows, between 32 and 256.
    epochs : int, optional
        Passes over the rows, at most; by default fewer for longer tables.
    patience : int, optional
        Epochs without improvement on the rows set aside after which a net stops; its best weights are kept. By default
        a quarter of the epochs.
    validation : float
        Share of a net's rows that are set aside; 0 sets nothing aside, and every net takes all epochs.
    members : int
        Nets per fold, which start from other weights and set other rows aside; their outputs are averaged.
    """

    widths: int | tuple[int, ...] = (32, 32)
    activation: str = "swish"
    optimiser: str = "adamw"
    rate: float | None = None
    weight_decay: float = 0.3
    batch_size: int | None = None
    epochs: int | None = None
    patience: int | None = None
    validation: float = 0.2
    members: int = 2

    def __post_init__(self) -> None:
        one_of("Net: optimiser", self.optimiser, [name for name in KINDS if name != "lbfgs"])
        check(self, widths=COUNT.or_several("hidden layer"))

    def builder(self, inputs: int, outputs: int) -> Callable[..., Any]:
        """Return what builds a net."""
        return eqx.Partial(linear_plus, inputs, outputs, (("widths", self.widths), ("activation", self.activation)))

    def plan(self, n: int) -> TrainingPlan:
        """Return how nets are trained that learn from n rows each."""
        epochs = self.epochs or passes_for(n, 100, 1_600, least=20)
        batch_size = min(n, self.batch_size or batch_for(n, 16))
        decay = self.weight_decay if KINDS[self.optimiser].decays else 0.0
        rule = partial(optimiser, self.optimiser, self.rate, schedule="cosine", weight_decay=decay)
        return TrainingPlan(epochs, batch_size, rule, self.patience or max(epochs // 4, 1))


def learn(
    who: str,
    net: Net,
    objective: AbstractRowLoss,
    columns: dict[str, np.ndarray],
    groups: Sequence[np.ndarray],
    sizes: tuple[int, int],
    seed: int,
) -> Fit:
    """Train ``net.members`` nets of so many inputs and outputs on each group of rows, such as all but those of a fold.

    See `ceteris.training.train`, and `ceteris.training.padded` for the columns; the nets of a group are next to each
    other.
    """
    nothing = np.zeros(len(next(iter(columns.values()))))
    rows = split(nothing, net.members, net.validation, np.random.default_rng(seed), groups)
    return train(who, net.builder(*sizes), objective, padded(columns), rows, net.plan(rows.train.shape[1]), seed)
