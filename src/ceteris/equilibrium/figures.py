"""Pictures of a solution, each with the numbers it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.equilibrium.accuracy import Accuracy
from ceteris.equilibrium.impulse import ImpulseResponse
from ceteris.outlets import entry
from ceteris.results import Figure

if TYPE_CHECKING:
    import pandas as pd

MOST_PANELS = 9


def error_figure(accuracy: Accuracy) -> Figure:
    """The distribution of log₁₀ errors by equation."""
    import pandas as pd

    rows = []
    for name, value in accuracy.raw.items():
        e = np.log10(np.maximum(np.abs(value).ravel(), 1e-16))
        counts, edges = np.histogram(e, bins=60)
        rows.append(
            pd.DataFrame({"equation": name, "log10 error": (edges[1:] + edges[:-1]) / 2, "share": counts / e.size})
        )
    caption = "Where the mass lies is the typical error; the right end is the worst. -3 is one thousandth."
    return Figure("Errors on a simulated path", caption, pd.concat(rows, ignore_index=True), draw_errors)


def draw_errors(figure: Any, data: pd.DataFrame) -> None:
    """Draw `error_figure`."""
    axes = figure.subplots()
    for name, part in data.groupby("equation", sort=False):
        axes.fill_between(part["log10 error"], part["share"], step="mid", alpha=0.4, label=entry(name))
    axes.set(xlabel="log₁₀ |error|", ylabel="share of states", ylim=(0, None))
    axes.legend()


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
    return Figure("Ergodic distribution", caption, data, draw_densities, _size(data["variable"].nunique()))


def draw_densities(figure: Any, data: pd.DataFrame) -> None:
    """Draw `ergodic_figure`."""
    for axes, (name, part) in _panels(figure, data):
        axes.fill_between(part["value"], part["density"], step="mid", alpha=0.6)
        axes.set(title=str(name), ylim=(0, None), yticks=[])


def moved(response: ImpulseResponse) -> list[str]:
    """The variables that a shock moves; there may be none."""
    frame: Any = response.frame
    return [name for name, part in frame.groupby("variable", sort=False) if part["mean"].abs().max() > 1e-12]


def response_figure(response: ImpulseResponse) -> Figure:
    """Impulse responses with bands."""
    frame: Any = response.frame
    data: Any = frame[frame["variable"].isin(moved(response)[:MOST_PANELS])].reset_index(drop=True)
    caption = "Mean difference to the path without the shock; the band holds 90 % of the differences over histories."
    return Figure(f"Response to {response.shock}", caption, data, draw_responses, _size(data["variable"].nunique()))


def draw_responses(figure: Any, data: pd.DataFrame) -> None:
    """Draw `response_figure`."""
    for axes, (name, part) in _panels(figure, data):
        axes.axhline(0, linewidth=0.8, color="gray")
        axes.fill_between(part["period"], part["low"], part["high"], alpha=0.25, linewidth=0)
        axes.plot(part["period"], part["mean"])
        axes.set(title=str(name))


def slice_figure(data: Any) -> Figure:
    """Actions along one state, the others where they usually are."""
    actions = list(data["action"].unique())[:MOST_PANELS]
    data = data[data["action"].isin(actions)].reset_index(drop=True)
    state = str(data["state"].iloc[0])
    caption = f"Actions as {state} moves over its simulated range while the other states stay at a typical value."
    return Figure(f"Policies along {state}", caption, data, draw_slices, _size(len(actions)))


def draw_slices(figure: Any, data: pd.DataFrame) -> None:
    """Draw `slice_figure`."""
    for axes, (name, part) in _panels(figure, data, "action"):
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
    return Figure("One simulated path", "As the economy might go.", data, draw_paths, _size(data["variable"].nunique()))


def draw_paths(figure: Any, data: pd.DataFrame) -> None:
    """Draw `path_figure`."""
    for axes, (name, part) in _panels(figure, data):
        axes.plot(part["period"], part["value"], linewidth=1)
        axes.set(title=str(name))


def varying(found: dict[str, np.ndarray]) -> list[str]:
    """The series that move, the first few of them; there may be none in an economy at rest."""
    return [name for name, x in found.items() if np.ptp(x) > 1e-10 * (1 + np.abs(x).max())][:MOST_PANELS]


def _size(panels: int) -> tuple[float, float]:
    return (8.0, 2.2 * -(-panels // min(panels, 3)) + 0.4)


def _panels(figure: Any, data: pd.DataFrame, by: str = "variable") -> Any:
    groups = list(data.groupby(by, sort=False))
    columns = min(len(groups), 3)
    grid = figure.subplots(-(-len(groups) // columns), columns, squeeze=False).ravel()
    for axes in grid[len(groups) :]:
        axes.set_visible(False)
    return zip(grid, groups, strict=False)
