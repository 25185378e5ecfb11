"""What a translator shows: how often it is right, against length, and where it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ENOUGH = 0.95  # share of exact translations below which it is said
BINS = 5


def about(model: Any) -> tuple[str, list[str], list[Check]]:
    """Return a heading, sentences and the check of a fitted translator."""
    how = (
        "a transformer"
        if model.kind == "transformer"
        else "LSTMs " + ("with" if model.attention else "without") + " attention"
    )
    sizes = " and ".join(str(len(symbols)) for symbols in model.symbols_)
    heading = f"SequenceToSequence: {how}, {model.tokens} ({sizes} of them)"
    where = "texts set aside" if model.aside_ else "texts it has learnt from (none were set aside)"
    share = f"{model.exact_:.1%} of {len(model.judged_):,} {where} are translated right, to the last symbol."
    longest = f"The longest source has {model.longest_[0]} symbols, the longest target {model.longest_[1]}."
    good = Check(
        "exact",
        model.exact_ >= ENOUGH,
        f"{model.exact_:.1%} are right; give more pairs, or more epochs or a larger width.",
    )
    return heading, [share, longest], [good]


def by_length(judged: pd.DataFrame) -> pd.DataFrame:
    """Return the share that is right by length of the source: "length" (the middle one), "exact", "texts"."""
    lengths = judged["source"].str.len()
    edges = np.unique(np.quantile(lengths, np.arange(1, BINS) / BINS))
    parts = np.searchsorted(edges, lengths.to_numpy())
    grouped = pd.DataFrame({"length": lengths, "exact": judged["exact"].astype(float)}).groupby(parts)
    table = grouped.agg(length=("length", "median"), exact=("exact", "mean"), texts=("exact", "size"))
    return table.reset_index(drop=True)


def wrong_ones(judged: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the first pairs that were not translated right: source, target and translation."""
    wrong = np.flatnonzero(~judged["exact"].to_numpy(bool))[:most]
    return judged[["source", "target", "translation"]].iloc[wrong].reset_index(drop=True)


def sections_of(model: Any) -> tuple[Section, ...]:
    """Return the report of a fitted translator."""
    heading, facts, checks = about(model)
    table = by_length(model.judged_)
    length = Figure(
        "Accuracy against length", "Share of texts translated right, by letters of the source.", table, _draw_length
    )
    figures = [length]
    if model.kind == "lstm" and model.attention:
        figures.append(_alignment(model))
    wrong = wrong_ones(model.judged_, 20)
    tables = [Table("Share right by length of the source", table)]
    tables += [Table("What went wrong", wrong)] if len(wrong) else []
    return (Section(heading, "\n\n".join(facts), tuple(tables), tuple(figures), tuple(checks)),)


def _alignment(model: Any) -> Figure:
    """Where the first text set aside was looked at."""
    weights = model.align(str(model.judged_["source"].iloc[0]))
    rows, columns = weights.shape
    long = pd.DataFrame(
        {
            "row": np.repeat(np.arange(rows), columns),
            "column": np.tile(np.arange(columns), rows),
            "written": np.repeat(weights.index.astype(str), columns),
            "source": np.tile(weights.columns.astype(str), rows),
            "weight": weights.to_numpy().ravel(),
        }
    )
    said = "Each row is a symbol that is written; dark is where the decoder looked in the source."
    return Figure("Alignment", said, long, _draw_alignment)


def _draw_length(figure: Canvas, data: pd.DataFrame) -> None:
    axes: Any = figure.subplots()
    axes.plot(data["length"], data["exact"], marker="o")
    axes.set(xlabel="letters of the source", ylabel="share translated right", ylim=(-0.03, 1.03))


def _draw_alignment(figure: Canvas, data: pd.DataFrame) -> None:
    axes: Any = figure.subplots()
    rows, columns = data["row"].to_numpy().max() + 1, data["column"].to_numpy().max() + 1
    axes.grid(False)
    axes.imshow(data["weight"].to_numpy().reshape(rows, columns), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(columns), data["source"][:columns])
    axes.set_yticks(range(rows), data["written"][::columns])
    axes.set(xlabel="source", ylabel="written")
