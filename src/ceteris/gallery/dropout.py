"""Dropout: training and validation loss with and without it, on a small noisy table.

A net with far more weights than the table has rows can learn the noise. Dropping half of the hidden units
at random in every update keeps units from relying on each other; at evaluation nothing is dropped, and with
inverted dropout nothing needs rescaling. What to expect: without dropout the training loss falls faster and
further, while the validation loss turns up again; with dropout both fall more slowly, and the validation
loss ends lower.

References
----------
Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov, R. (2014). Dropout: a simple
way to prevent neural networks from overfitting. Journal of Machine Learning Research 15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.data.housing import housing_mean, simulate_housing
from ceteris.engine import Ensemble, fit
from ceteris.gallery._plots import lines, panels
from ceteris.nets import MLP, squared
from ceteris.recipe import Descend, Loss, Minibatches, optimiser
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

ROWS, FRESH, NOISE = 200, 1_000, 0.5
RATE = 0.5


class HousingSplit(NamedTuple):
    """Training rows, validation rows (x, y standardised), and the loss of the true mean on the latter."""

    train: tuple[Any, Any]
    valid: tuple[Any, Any]
    floor: float


def split_table(seed: int) -> HousingSplit:
    """Draw the table of house values and standardise both parts with the training rows' moments."""
    X, y = simulate_housing(ROWS + FRESH, noise=NOISE, seed=seed)
    x, y, truth = X.to_numpy(), np.log(y.to_numpy()), np.log(housing_mean(X, noise=0.0))
    centre, spread = x[:ROWS].mean(0), x[:ROWS].std(0)
    z, target = (x - centre) / spread, (y - y[:ROWS].mean()) / y[:ROWS].std()
    floor = float(np.mean((y - truth)[ROWS:] ** 2) / y[:ROWS].var())
    parts = [(jnp.asarray(z[rows]), jnp.asarray(target[rows])) for rows in (slice(ROWS), slice(ROWS, None))]
    return HousingSplit(parts[0], parts[1], floor)


def training_loss(model, batch, key):
    """Mean squared error of a batch as in training, with units dropped."""
    x, y = batch
    prediction, _ = model.training(x, key)
    return jnp.mean(squared(prediction, y)), {}


class Losses(eqx.Module):
    """Mean squared error on both parts, nothing dropped."""

    train: tuple[Any, Any]
    valid: tuple[Any, Any]

    def __call__(self, model, key):
        """Evaluate one model."""
        parts = (("training", self.train), ("validation", self.valid))
        return {name: jnp.mean(squared(model(x), y)) for name, (x, y) in parts}


def learn(split: HousingSplit, rate: float, epochs: int, repeats: int, seed: int) -> pd.DataFrame:
    """Train several starts with one dropout rate; mean losses every five epochs, in long form."""
    one = Descend(
        eqx.Partial(MLP, split.train[0].shape[1], 1, widths=(128, 128), activation="relu", dropout=rate),
        Loss(training_loss),
        Minibatches(split.train, batch_size=50),
        optimiser("adam", 1e-3),
        heldout=Losses(split.train, split.valid),
    )
    metrics = fit(Ensemble(one, repeats), jr.key(seed), steps=epochs, every=5).metrics
    label = f"dropout {rate:g}" if rate else "no dropout"
    return pd.concat(
        [
            pd.DataFrame({"net": label, "rows": rows, "epoch": metrics["step"], "loss": metrics[rows].mean(axis=1)})
            for rows in ("training", "validation")
        ],
        ignore_index=True,
    )


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Best and last validation loss and first and last training loss of every net."""
    rows = []
    for net, part in runs.groupby("net", sort=False):
        curves = part.pivot_table(index="epoch", columns="rows", values="loss")
        train, valid = (curves[name].to_numpy() for name in ("training", "validation"))
        rows.append(
            {
                "net": net,
                "training loss, first": train[0],
                "training loss, last": train[-1],
                "validation loss, best": valid.min(),
                "at epoch": int(curves.index[valid.argmin()]),
                "validation loss, last": valid[-1],
            }
        )
    return pd.DataFrame(rows)


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    grid = panels(figure, 1, 2, sharey=True)
    for axes, (net, part) in zip(grid, data.groupby("net", sort=False), strict=True):
        lines(axes, part, "epoch", "loss", by="rows")
        axes.axhline(part["floor"].iloc[0], color="0.5", linewidth=0.8, label="validation loss of the truth")
        axes.set(title=str(net), xlabel="epoch", ylim=(0, 1.4))
    grid[0].set_ylabel("mean squared error")
    grid[0].legend()


def _checks(table: pd.DataFrame) -> tuple[Check, ...]:
    without, with_ = table.to_dict("records")
    best, last = without["validation loss, best"], without["validation loss, last"]
    dropped = with_["validation loss, last"]
    return (
        Check(
            "without dropout the net overfits", last > 1.1 * best,
            f"Its validation loss falls to {best:.2f} and ends at {last:.2f}, while its training loss ends "
            f"at {without['training loss, last']:.2f}.", last / best, 1.1,
        ),
        Check(
            "dropout ends better", dropped < last,
            f"The last validation loss is {dropped:.2f} with dropout and {last:.2f} without.", dropped, last,
        ),
        Check(
            "dropout learns more slowly", with_["training loss, first"] > without["training loss, first"],
            f"After five epochs the training loss is {with_['training loss, first']:.2f} with dropout and "
            f"{without['training loss, first']:.2f} without.",
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Train with and without dropout; see `ceteris.gallery.sections`."""
    split = split_table(seed)
    epochs, repeats = (100, 1) if quick else (400, 5)
    runs = pd.concat([learn(split, rate, epochs, repeats, seed) for rate in (0.0, RATE)], ignore_index=True)
    table = summarise(runs)
    return (
        Section(
            "Dropout",
            f"Nets with two hidden layers of 128 units learn the log of synthetic house values from {ROWS} "
            f"rows; {FRESH:,} further rows are the validation part. Losses are averages over random starts "
            f"({repeats}), computed with nothing dropped.\n\n"
            "Early stopping at the best epoch would also have helped the net without dropout: the table "
            "shows by how much.",
            (Table("Losses", table, f"The true mean has a validation loss of {split.floor:.2f}."),),
            (
                Figure(
                    "Training and validation loss",
                    "Without dropout the training loss goes on falling while the validation loss turns up.",
                    runs.assign(floor=split.floor), _draw, (8.0, 3.8),
                ),
            ),
            _checks(table),
        ),
    )  # fmt: skip
