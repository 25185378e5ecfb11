"""Pictures of policies and simulations, each with the numbers it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.outlets import entry
from ceteris.results import Figure

if TYPE_CHECKING:
    import pandas as pd

MOST_PANELS = 9


def ergodic_figure(found: dict[str, np.ndarray]) -> Figure:
    """Densities of the simulated series."""
    import pandas as pd

    rows = []
    for name in varying(found):
        x = found[name].ravel()
        low, high = np.percentile(x, [0.1, 99.9])
        counts, edges = np.histogram(x, bins=50, range=(low, high) if high > low else None, density=True)
        rows.append(pd.DataFrame({"variable": name, "value": (edges[1:] + edges[:-1]) / 2, "density": counts}))
    caption = "How often the economy is where, in a long simulation (0.1 % cut off on each side)."
    data: Any = pd.concat(rows, ignore_index=True)
    return Figure("Ergodic distribution", caption, data, draw_densities, panel_size(data["variable"].nunique()))


def draw_densities(figure: Any, data: pd.DataFrame) -> None:
    """Draw `ergodic_figure`."""
    for axes, (name, part) in panels(figure, data):
        axes.fill_between(part["value"], part["density"], step="mid", alpha=0.6)
        axes.set(title=str(name), ylim=(0, None), yticks=[])


def draw_fall(figure: Any, data: pd.DataFrame) -> None:
    """Draw errors after each phase beside what was wanted."""
    axes = figure.subplots()
    for name in ("mean", "largest"):
        (line,) = axes.plot(data["phase"], data[name], marker="o", label=name)
        axes.axhline(data[f"{name} wanted"].iloc[0], color=line.get_color(), linestyle="--", linewidth=1)
    axes.set(xlabel="phase", ylabel="absolute error", yscale="log", xticks=data["phase"])
    axes.legend()


def slice_figure(data: Any) -> Figure:
    """Actions along one state, the others where they usually are."""
    actions = list(data["action"].unique())[:MOST_PANELS]
    data = data[data["action"].isin(actions)].reset_index(drop=True)
    state = str(data["state"].iloc[0])
    caption = f"Actions as {state} moves over its simulated range while the other states stay at a typical value."
    return Figure(f"Policies along {state}", caption, data, draw_slices, panel_size(len(actions)))


def draw_slices(figure: Any, data: pd.DataFrame) -> None:
    """Draw `slice_figure`."""
    for axes, (name, part) in panels(figure, data, "action"):
        for label, line in part.groupby("line", sort=False):
            axes.plot(line["value"], line["taken"], label=entry(label))
        axes.set(title=str(name), xlabel=str(part["state"].iloc[0]))
        if part["line"].nunique() > 1:
            axes.legend()


def path_figure(found: dict[str, np.ndarray], periods: int = 200) -> Figure:
    """One simulated path."""
    import pandas as pd

    rows = [
        pd.DataFrame({"variable": name, "period": np.arange(len(x[:periods])), "value": x[:periods, 0]})
        for name, x in found.items()
        if name in varying(found)
    ]
    data: Any = pd.concat(rows, ignore_index=True)
    return Figure(
        "One simulated path", "As the economy might go.", data, draw_paths, panel_size(data["variable"].nunique())
    )


def draw_paths(figure: Any, data: pd.DataFrame) -> None:
    """Draw `path_figure`."""
    for axes, (name, part) in panels(figure, data):
        axes.plot(part["period"], part["value"], linewidth=1)
        axes.set(title=str(name))


def varying(found: dict[str, np.ndarray]) -> list[str]:
    """The series that move, the first few of them; there may be none in an economy at rest."""
    return [name for name, x in found.items() if np.ptp(x) > 1e-10 * (1 + np.abs(x).max())][:MOST_PANELS]


def panel_size(panels: int) -> tuple[float, float]:
    """Inches of a figure of so many panels."""
    return (8.0, 2.2 * -(-panels // min(panels, 3)) + 0.4)


def panels(figure: Any, data: pd.DataFrame, by: str = "variable") -> Any:
    """One panel for each group of the data: axes and (name, part)."""
    groups = list(data.groupby(by, sort=False))
    columns = min(len(groups), 3)
    grid = figure.subplots(-(-len(groups) // columns), columns, squeeze=False).ravel()
    for axes in grid[len(groups) :]:
        axes.set_visible(False)
    return zip(grid, groups, strict=False)
