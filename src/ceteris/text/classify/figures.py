"""Figures of what was learnt from texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ceteris.results import Figure

if TYPE_CHECKING:
    import matplotlib.figure


def course(history: pd.DataFrame) -> Figure:
    """Return the course of a training (`ceteris.training.history`), averaged over members."""
    epochs: Any = history.groupby("epoch")
    epochs = epochs[["loss", "heldout"]].mean().reset_index()
    return Figure("Training", "Loss by epoch, averaged over the nets.", epochs, _draw_course)


def confusion(truth: pd.Series, predicted: pd.Series) -> Figure:
    """Return how often texts of each class were taken for each other one."""
    shares: Any = pd.crosstab(truth, predicted, normalize="index").stack()
    table = shares.rename("share").reset_index()
    table.columns = ["truth", "predicted", "share"]
    caption = (
        "Of the texts of each class (rows), the share taken for each class, by heads that did not learn from them."
    )
    return Figure("What is taken for what", caption, table, _draw_confusion)


def scatter(truth: pd.Series, predicted: pd.Series) -> Figure:
    """Return numbers against what was predicted for them."""
    table = pd.DataFrame({"truth": truth.to_numpy(), "predicted": predicted.to_numpy()})
    return Figure(
        "Predictions", "Each text, by what did not learn from it; the line is equality.", table, _draw_scatter
    )


def _draw_course(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["epoch"], data["loss"], marker="o", label="learnt from")
    seen = data.dropna(subset="heldout")
    axes.plot(seen["epoch"], seen["heldout"], marker="o", label="set aside")
    axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    axes.legend()


def _draw_confusion(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    table = data.pivot(index="truth", columns="predicted", values="share").fillna(0)
    table = table.reindex(columns=sorted(set(table.index) | set(table.columns), key=str), fill_value=0)
    image = axes.imshow(table.to_numpy(), vmin=0, vmax=1, cmap="Blues")
    axes.set_xticks(range(table.shape[1]), [str(name)[:16] for name in table.columns], rotation=60, ha="right")
    axes.set_yticks(range(table.shape[0]), [str(name)[:16] for name in table.index])
    axes.set(xlabel="predicted", ylabel="truth")
    figure.colorbar(image, label="share of the row")


def _draw_scatter(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.scatter(data["truth"], data["predicted"], s=8, alpha=0.5)
    ends = [min(data.min()), max(data.max())]
    axes.plot(ends, ends, color="0.5")
    axes.set(xlabel="truth", ylabel="predicted")
