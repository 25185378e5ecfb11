"""What autoencoders and table GANs say of themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ceteris.outlets import entry
from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import screenful

ROUNDS = 400  # of a game, that its figure shows


# ----------------------------------------------------------------------------------------------------- autoencoders


def described(coder: Any) -> str:
    """Return one screen about a fitted autoencoder."""
    return screenful(_heading(coder), [coder.status_, *(check.sentence for check in coder.checks)], checks=coder.checks)


def better_than_means(error: float, constant: float) -> Check:
    """Whether rows are reconstructed better than by the means of the columns."""
    sentence = f"The mean squared error is {error:.3f}; that of the column means is {constant:.3f}."
    better = bool(error < constant)
    advice = "" if better else " Raise latent, or epochs."
    return Check("better than the column means", better, sentence + advice, error, constant)


def training(coder: Any) -> Section:
    """Return the training, judged on the rows set aside."""
    facts = {"latent numbers": coder.latent, "mean squared error": coder.reconstruction_error_,
             "  of the column means": coder.constant_error_}  # fmt: skip
    table = pd.DataFrame({"quantity": list(facts), "value": list(facts.values())})
    note = "On the rows set aside, where there are any; columns are standardised."
    tables, figures = (Table("Reconstruction", table, note),), (_curve(coder.history_),)
    return Section(_heading(coder).rstrip("."), coder.status_, tables, figures, coder.checks)


def on_rows(coder: Any, z: np.ndarray, error: np.ndarray, constant: float, label: Any) -> Section:
    """Return what an autoencoder makes of rows.

    Parameters
    ----------
    coder : Autoencoder or VariationalAutoencoder
    z : array, shape (rows, latent)
    error : array, shape (rows,)
    constant : float
        The error of the column means.
    label : sequence, optional
        One value per row.
    """
    points = pd.DataFrame({"first": z[:, 0], "second": z[:, min(1, coder.latent - 1)], "label": "rows"})
    if label is not None:
        points["label"] = [str(value) for value in label]
    figures = (
        Figure("Latent numbers", "Each point is a row: its first two latent numbers.", points, _draw_latent),
        _curve(coder.history_),
    )
    facts = pd.DataFrame(
        {"quantity": ["rows", "latent numbers", "mean squared error", "  of the column means"],
         "value": [len(z), coder.latent, error.mean(), constant]}
    )  # fmt: skip
    check = better_than_means(float(error.mean()), constant)
    return Section(type(coder).__name__, coder.status_, (Table("Reconstruction", facts),), figures, (check,))


def _heading(coder: Any) -> str:
    columns, numbers = coder.n_features_in_, coder.latent
    return f"{type(coder).__name__}: {columns} columns in {numbers} number{'s' * (numbers > 1)} per row."


def _curve(history: pd.DataFrame) -> Figure:
    return Figure("Learning curve", "Loss by epoch; dashed: on rows set aside.", history, _draw_curve)


def _draw_latent(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    for label, part in data.groupby("label", sort=True):
        axes.plot(part["first"], part["second"], ".", markersize=3, alpha=0.7, label=entry(label))
    axes.set(xlabel="first latent number", ylabel="second latent number")
    if 1 < data["label"].nunique() <= 12:
        axes.legend(markerscale=3)


def _draw_curve(figure: Any, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["epoch"], data["loss"], label="training")
    held = data.dropna(subset="heldout")
    if len(held):
        axes.plot(held["epoch"], held["heldout"], "--", label="set aside")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.legend()


# ------------------------------------------------------------------------------------------------------- table GANs


def gan_described(gan: Any) -> str:
    """Return one screen about a fitted table GAN."""
    return screenful(_gan_heading(gan), [gan.status_, ADVICE], gan_columns(gan))


ADVICE = "compare_tables(real, gan.sample(n), heldout) says how good its rows are."


def gan_columns(gan: Any) -> pd.DataFrame:
    """Return how each column was taken."""
    rows = [
        {"column": str(column.name), "taken as": "labels" if column.spans[0][0] == "labels" else "numbers",
         "labels or modes": next(width for kind, width in column.spans if kind != "number")}
        for column in gan.columns_
    ]  # fmt: skip
    return pd.DataFrame(rows)


def game(gan: Any) -> Section:
    """Return the game: losses of both players, and the critic's distance between real and synthetic rows."""
    shown = gan.history_.iloc[:: max(1, len(gan.history_) // ROUNDS)].reset_index(drop=True)
    caption = (
        "What both players minimise, and the critic's estimate of the distance between real and synthetic rows, which "
        "falls as these become alike. A game does not fall steadily, as one player's gain is the other's loss."
    )
    figure = Figure("The game", caption, shown, _draw_game, (6.4, 4.6))
    table = Table("Columns", gan_columns(gan))
    return Section(_gan_heading(gan).rstrip("."), f"{gan.status_}\n\n{ADVICE}", (table,), (figure,))


def _gan_heading(gan: Any) -> str:
    return f"TableGAN: a table of {len(gan.columns_)} columns, learnt in {len(gan.history_):,} rounds."


def _draw_game(figure: Any, data: pd.DataFrame) -> None:
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(data["round"], data["distance"], color="C0", linewidth=0.9)
    above.set_ylabel("distance")
    for name in ("generator", "critic"):
        below.plot(data["round"], data[name], linewidth=0.9, label=name)
    below.set(xlabel="round", ylabel="loss")
    below.legend()
