"""Numbers so large or so close together that their powers cannot be held."""

from __future__ import annotations

from typing import Any

import numpy as np

LARGEST, CLOSEST = 1e75, 1e-75  # fourth powers, as a kurtosis takes them, neither overflow nor vanish


def refuse_extremes(argument: str, name: Any, values: Any) -> None:
    """Raise if the powers of numbers overflow, or those of their differences vanish.

    Parameters
    ----------
    argument : str
        Begins the complaint.
    name : str or None
        Of the column.
    values : array of numbers
        Missing values do not count.

    Examples
    --------
    >>> refuse_extremes("target", "y", np.array([1e300, 2e300]))
    Traceback (most recent call last):
    ValueError: target: column 'y' holds 2e+300, whose powers overflow; divide it by a power of ten, or take logarithms.
    """
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if not len(values):
        return
    low, high = float(values.min()), float(values.max())
    column = f"column {name!r}" if name is not None else "it"
    if max(-low, high) > LARGEST:
        raise ValueError(
            f"{argument}: {column} holds {high if high > -low else low:g}, whose powers overflow; divide it by a power "
            "of ten, or take logarithms."
        )
    if 0 < high - low < CLOSEST:
        raise ValueError(
            f"{argument}: {column} runs from {low:g} to {high:g}, and the powers of such a difference vanish; multiply "
            "it by a power of ten."
        )
