"""Drawing shared by the gallery. Colours, grid and type come from the style in force, light or dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def panels(figure: Figure, rows: int = 1, columns: int = 1, **options: Any) -> list[Axes]:
    """Return the axes of a grid of panels, row by row."""
    return figure.subplots(rows, columns, squeeze=False, **options).ravel().tolist()


def lines(axes: Axes, data: Any, x: str, y: str, by: str | None = None, **style: Any) -> None:
    """Draw column y of a data frame against x, one line per value of `by` in the order of appearance."""
    if by is None:
        axes.plot(data[x].to_numpy(), data[y].to_numpy(), **style)
        return
    for label, part in data.groupby(by, sort=False):
        axes.plot(part[x].to_numpy(), part[y].to_numpy(), label=str(label), **style)


def ticks_at(axes: Axes, values: Any) -> None:
    """Label a logarithmic x-axis at these values and nowhere else."""
    axes.set_xticks(list(values), [f"{value:,}" for value in values])
    axes.minorticks_off()


def span_decades(axes: Axes, values: np.ndarray) -> None:
    """Let a logarithmic y-axis end at powers of ten, so that at least two of them are labelled."""
    exponents = np.log10(values[values > 0])
    axes.set_ylim(10.0 ** np.floor(exponents.min()), 10.0 ** np.ceil(exponents.max()))
