"""The target of a table: there, complete and finite, and not among the features under another name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import one_of
from ceteris.tables.table import ReadTable


def split_target(table: ReadTable, target: str) -> tuple[pd.DataFrame, pd.Series, ReadTable]:
    r"""Take the target out of a table, or say why it cannot be predicted.

    Parameters
    ----------
    table : ReadTable
        Read with the target among the columns that are needed.
    target : str

    Returns
    -------
    features : DataFrame
        Without columns that are copies of the target.
    target : Series
    table : ReadTable
        With a sentence about each copy.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ceteris.tables import read_table
    >>> path = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_text("x,y,again\n1,2,2\n3,4,4\n")
    >>> features, y, table = split_target(read_table(path, needed=["y"]), "y")
    >>> list(features), table.sentences
    (['x'], ("Column 'again' is left out: it holds a copy of the target.",))
    """
    one_of("target", target, table.order, kind="a column of the data:")
    if target in table.doubts or target in table.left_out:
        reason = {**table.left_out, **table.doubts}[target]
        raise ValueError(
            f"target: column {target!r} holds {reason}, which cannot be predicted; correct it, or say what it is by "
            f"types (--types {target}=number or {target}=category)."
        )
    y: Any = table.frame[target]
    _refuse_holes(target, y)
    features = table.frame.drop(columns=target)
    if features.shape[1] == 0:
        hint = f" ({' '.join(table.sentences)})" if table.left_out else ""
        raise ValueError(f"data: {target!r} is the only column; give at least one other to predict it from{hint}.")
    copies = [name for name in features if _same(features[name], y)]
    if len(copies) == features.shape[1]:
        raise ValueError(f"data: every other column is a copy of {target!r}; give one to predict it from.")
    return features.drop(columns=copies), y, table.without(copies, "a copy of the target")


def _refuse_holes(target: str, y: Any) -> None:
    missing = int(y.isna().sum())
    infinite = int(np.isinf(y).sum()) if y.dtype.kind == "f" else 0
    if missing or infinite:
        bad = " and ".join(f"{n} {what}" for n, what in ((missing, "missing"), (infinite, "infinite")) if n)
        raise ValueError(
            f"target: column {target!r} has {bad} values in {len(y)} rows; remove those rows or fill them in."
        )


def _same(column: Any, y: Any) -> bool:
    """Whether two columns hold the same values; a constant column is a copy of nothing."""
    numeric = [one.dtype.kind in "iuf" for one in (column, y)]
    if numeric[0] != numeric[1] or column.iloc[0] != y.iloc[0]:
        return False
    return bool(y.nunique() > 1 and (column.to_numpy() == y.to_numpy()).all())
