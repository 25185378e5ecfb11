"""Questions asked of the input before any work starts; each answer is one sentence."""

from __future__ import annotations

import numpy as np


def matrix(name: str, given, rows: int | None = None, columns: int | None = None) -> np.ndarray:
    """Return ``given`` as a finite (n, d) float array with at least one row and the stated sizes."""
    array = np.asarray(given, dtype=float)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; give a table of shape (rows, columns), neither zero.")
    if rows is not None and array.shape[0] != rows:
        raise ValueError(f"{name} has {array.shape[0]} rows; give one for each of the {rows} rows of X.")
    if columns is not None and array.shape[1] != columns:
        raise ValueError(f"{name} has {array.shape[1]} columns; {columns} are needed.")
    if bad := int(np.sum(~np.isfinite(array))):
        raise ValueError(f"{name} holds {bad} missing or infinite values; drop or fill them first.")
    return array
