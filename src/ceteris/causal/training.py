"""Nets of causal estimators: folds, repeated splits and replications train side by side as one ensemble.

An objective is a loss per row of a table; a member of the ensemble learns from its own rows of that table and is judged
on others. Replications of a Monte Carlo study are further rows of the same table.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.engine import EarlyStopping, Ensemble, Fit, Status, fit, precision
from ceteris.learners import network
from ceteris.nets import linear_plus, trainable, weighted_mean
from ceteris.recipe import KINDS, AbstractObjective, Descend, Minibatches, optimiser
from ceteris.stats import centring

FEWEST = 20  # with fewer rows nothing is set aside
PREDICTED = 32  # predicted rows are padded to a multiple of this


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
        if self.optimiser not in KINDS or self.optimiser == "lbfgs":
            allowed = ", ".join(name for name in KINDS if name != "lbfgs")
            raise ValueError(f"optimiser: {self.optimiser!r} given; {allowed} are allowed.")
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation: {self.validation} given; a share of at least 0 and below 1 is allowed.")
        for name in ("batch_size", "epochs", "patience", "members"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}: {value} given; at least 1 is needed.")

    def epochs_for(self, n: int) -> int:
        """Return the number of epochs on n rows."""
        return self.epochs or int(np.clip(100 * (1_600 / max(n, 1)) ** 0.5, 20, 200))

    def batch_for(self, n: int) -> int:
        """Return the number of rows per update."""
        return min(n, self.batch_size or int(2 ** np.clip(np.round(np.log2(max(n, 2) / 16)), 5, 8)))


class RowObjective(AbstractObjective):
    """The weighted mean of a loss per row; a batch is a dictionary of columns, "w" among them."""

    @abc.abstractmethod
    def losses(self, net: Callable[[Array], Array], batch: dict[str, Array]) -> Array:
        """Return the loss of each row, shape (rows,)."""

    def __call__(self, model, batch, key):
        return jnp.mean(batch["w"] * self.losses(model, batch)), {}


class Judge(eqx.Module):
    """The mean loss on the rows set aside."""

    objective: RowObjective
    data: Any
    rows: Array

    def __call__(self, model, key):
        batch = jax.tree.map(lambda a: a[self.rows], self.data)
        return {"heldout": weighted_mean(self.objective.losses(model, batch), batch["w"])}


class Rows(NamedTuple):
    """Which rows each member learns from and which it is judged on, integer arrays (members, rows)."""

    train: np.ndarray
    heldout: np.ndarray | None


class Trained(NamedTuple):
    """Stacked nets, one per member, and how their training went."""

    nets: Any
    run: Fit


def deal(jobs: Sequence[np.ndarray], net: Net, empty: int, seed: int) -> Rows:
    """Set rows aside for every net of every job.

    Parameters
    ----------
    jobs : sequence of int arrays
        The rows that the nets of a job may learn from.
    net : Net
        For ``validation`` and ``members``.
    empty : int
        A row of weight zero, for padding.
    seed : int

    Returns
    -------
    Rows
        Of len(jobs) * members nets, those of one job next to each other. All learn from equally many rows: the number
        is rounded down (`ceteris.learners.network.rounded`), so that folds which differ by a row have the same shapes,
        and what that leaves is held out as well.
    """
    least, most = min(map(len, jobs)), max(map(len, jobs))
    if least < FEWEST or net.validation == 0:
        count = least if least < FEWEST else network.rounded(least)
        held = None
    else:
        count = network.rounded(least - max(round(least * net.validation), 1))
        held = np.full((len(jobs) * net.members, -(-(most - count) // 8) * 8 + 8), empty)
    train = np.empty((len(jobs) * net.members, count), int)
    for j, rows in enumerate(jobs):
        shuffled = np.random.default_rng((seed, j)).permutation(rows)
        for m in range(net.members):
            turned = np.roll(shuffled, m * len(rows) // net.members)  # so that members set other rows aside
            train[j * net.members + m] = np.sort(turned[:count])
            if held is not None:
                held[j * net.members + m, : len(rows) - count] = np.sort(turned[count:])
    return Rows(train, held)


def table(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add weights of one, and rows of zeros (so of weight zero) up to a multiple of a few rows."""
    n = len(next(iter(columns.values())))
    return network.padded({"w": np.ones(n), **columns}, n)


def train(
    objective: RowObjective,
    columns: dict[str, np.ndarray],
    rows: Rows,
    net: Net,
    sizes: tuple[int, int],
    seed: int,
    over: Callable[[Any], Any] | None = None,
    values: Any = None,
    who: str = "nets",
) -> Trained:
    """Train one net for each row of ``rows``.

    Parameters
    ----------
    objective : RowObjective
    columns : dict of arrays
        As `table` gave them.
    rows : Rows
    net : Net
    sizes : (int, int)
        Inputs and outputs.
    seed : int
    over, values : optional
        ``over(objective)`` names leaves that differ by member; see `ceteris.engine.Ensemble`.
    who : str
        For messages.
    """
    members, count = rows.train.shape
    epochs = net.epochs_for(count)
    every = max(1, epochs // 40)
    with precision("single"):
        data = {name: jnp.asarray(column, jnp.float32) for name, column in columns.items()}
        sampler = Minibatches(data, net.batch_for(count), rows=jnp.asarray(rows.train[0]))
        decay = net.weight_decay if KINDS[net.optimiser].decays else 0.0
        rule = optimiser(
            net.optimiser, net.rate, schedule="cosine", updates=epochs * sampler.updates, weight_decay=decay
        )
        options = (("widths", net.widths), ("activation", net.activation))
        builder = eqx.Partial(linear_plus, *sizes, options)
        parts: dict[str, Any] = {"trainable": trainable}
        leaves, replaced, monitors = [_train_rows], [rows.train], []
        if over is not None:
            leaves.append(eqx.Partial(_of_objective, over))
            replaced.append(values)
        if rows.heldout is not None:
            parts["heldout"] = Judge(objective, data, jnp.asarray(rows.heldout[0]))
            leaves.append(_held_rows)
            replaced.append(rows.heldout)
            if over is not None:
                leaves.append(eqx.Partial(_of_judge, over))
                replaced.append(values)
            patience = net.patience or max(epochs // 4, 1)
            monitors.append(EarlyStopping("heldout", patience=-(-patience // every)))
        how = "vmap" if network.weights_of(builder) <= network.SIDE_BY_SIDE else "auto"
        ensemble = Ensemble(
            Descend(builder, objective, sampler, rule, **parts),
            members,
            over=lambda a: tuple(leaf(a) for leaf in leaves),
            values=tuple(replaced),
            how=how,
        )
        run = fit(ensemble, jr.key(seed), steps=epochs, every=every, monitors=monitors)
    if np.any(run.status == Status.NONFINITE):
        raise FloatingPointError(
            f"{who}: {run.sentence} Lower the rate of the net (now {net.rate or KINDS[net.optimiser].rate}), or look "
            f"for "
            "extreme values in the data."
        )
    return Trained(run.model, run)


def _train_rows(a):
    return a.sampler.rows


def _held_rows(a):
    return a.heldout.rows


def _of_objective(over, a):
    return over(a.objective)


def _of_judge(over, a):
    return over(a.heldout.objective)


@eqx.filter_jit
def _outputs(nets: Any, x: Array, rows: Array) -> Array:
    return eqx.filter_vmap(lambda net, rows: net(x[rows]))(nets, rows)


def predict(nets: Any, x: np.ndarray, jobs: Sequence[np.ndarray], members: int) -> list[np.ndarray]:
    """Return each job's outputs at its own rows of ``x``, shape (rows, outputs) each, averaged over its nets."""
    longest = -(-max(map(len, jobs)) // PREDICTED) * PREDICTED
    index = np.zeros((len(jobs), longest), int)
    for j, rows in enumerate(jobs):
        index[j, : len(rows)] = rows
    with precision("single"):
        raw = np.asarray(_outputs(nets, jnp.asarray(x, jnp.float32), jnp.asarray(np.repeat(index, members, axis=0))))
    mean = raw.reshape(len(jobs), members, longest, -1).astype(float).mean(1)
    return [mean[j, : len(rows)] for j, rows in enumerate(jobs)]


def standardised(x: np.ndarray) -> np.ndarray:
    """Return columns of mean zero and variance one; constant columns become zero."""
    return centring.standardised(x)[0]
