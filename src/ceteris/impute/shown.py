"""What a fitted imputer says of itself: the holes, the training, and what it draws against what was observed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ceteris.impute.columns import Column, Holes
from ceteris.impute.figures import curve_figure, drawn_figure, pattern_figure
from ceteris.impute.missingness import MOST_PATTERNS, pattern_table, share_table
from ceteris.results import Section, Table
from ceteris.showing import screenful

SHOWN = 2_000  # rows with holes that are completed to be shown
BINS, LABELS = 20, 8  # of a quantity, and of a column of labels


def described(imputer: Any) -> str:
    """Return one screen about a fitted imputer."""
    holes = imputer.holes_
    shares = share_table(holes)
    shares["missing"] = shares["missing"].map("{:.1%}".format)
    return screenful(_heading(imputer), [*_status(imputer), _how(holes)], shares, imputer.checks)


def _heading(imputer: Any) -> str:
    rows, columns = imputer.holes_.values.shape
    return f"{type(imputer).__name__}, fitted to {rows:,} rows and {columns:,} columns."


def _status(imputer: Any) -> list[str]:
    return [imputer.status_] if hasattr(imputer, "status_") else []


def _how(holes: Holes) -> str:
    complete = float((~holes.missing.any(1)).mean())
    return (
        f"{holes.missing.mean():.1%} of {holes.values.size:,} cells are missing; {complete:.1%} of rows are complete."
    )


def holes_of(imputer: Any) -> Section:
    """Return the section on the table learnt from."""
    patterns = pattern_table(imputer.holes_)
    text = "\n\n".join([*_status(imputer), _how(imputer.holes_)])
    tables = (Table("Missing cells by column", share_table(imputer.holes_)),)
    figures = (pattern_figure(patterns.head(MOST_PATTERNS)),)
    return Section(_heading(imputer).rstrip("."), text, tables, figures, imputer.checks)


def training(imputer: Any) -> Section | None:
    """Return the section on the training; none where nothing is trained in epochs."""
    history = getattr(imputer, "history_", None)
    if history is None:
        return None
    return Section("Training", imputer.status_, (), (curve_figure(history),))


def drawing(holes: Holes, drawn: list[np.ndarray]) -> Section | None:
    """Return the section that holds what is drawn against what was observed, column by column.

    Parameters
    ----------
    holes : Holes
        The table learnt from.
    drawn : list of arrays, shape (rows, columns)
        Completed rows, NaN but in holes; none if there are no holes.
    """
    parts = []
    for j, column in enumerate(holes.columns):
        values = np.concatenate([one[:, j] for one in drawn]) if drawn else np.empty(0)
        groups = (("observed", holes.values[:, j]), ("drawn", values))
        seen = {name: group[~np.isnan(group)] for name, group in groups}
        if len(seen["drawn"]):
            parts += _shares(column, seen)
    if not parts:
        return None
    text = (
        "Rows with holes are completed three times. Where holes depend on what is observed, what is drawn rightly "
        "differs from what was observed; a shape that the column cannot have points to a poor fit."
    )
    return Section("Observed and drawn", text, (), (drawn_figure(pd.concat(parts, ignore_index=True)),))


def _shares(column: Column, seen: dict[str, np.ndarray]) -> list[pd.DataFrame]:
    """Shares of values by bin or by label, the most frequent ones, of what was observed and of what was drawn."""
    levels = column.levels
    if column.continuous:
        low, high = np.quantile(np.concatenate(list(seen.values())), [0.005, 0.995])
        step = (high - low) / BINS or 1.0
        step, low = (np.ceil(step), np.floor(low) - 0.5) if column.whole else (step, low)
        edges = np.arange(low, high + step, step)
        places, labels = (edges[:-1] + edges[1:]) / 2, [None] * (len(edges) - 1)
        count = lambda x: np.histogram(np.clip(x, edges[0], edges[-1]), edges)[0]
    else:
        counts = np.bincount(seen["observed"].astype(int), minlength=len(levels))
        kept = np.sort(np.argsort(-counts, kind="stable")[:LABELS])
        places, labels = np.arange(len(kept)), [str(levels[k]) for k in kept]
        count = lambda x: np.bincount(x.astype(int), minlength=len(levels))[kept]
    return [
        pd.DataFrame(
            {"column": str(column.name), "which": which, "place": places, "label": labels, "share": count(x) / len(x)}
        )
        for which, x in seen.items()
    ]
