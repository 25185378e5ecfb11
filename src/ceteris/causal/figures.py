"""Pictures of causal estimates, as functions of the numbers they show."""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.results import Figure


def score_histogram(e: np.ndarray, d: np.ndarray, eta: float) -> Figure:
    """Propensity scores of treated and control rows, the control ones downwards."""
    import pandas as pd

    edges = np.linspace(0, 1, 41)
    counts = {who: np.histogram(e[d == arm], edges)[0] for who, arm in (("treated", 1), ("control", 0))}
    data = pd.DataFrame({"from": edges[:-1], "to": edges[1:], **counts, "eta": eta})
    caption = "Treated above, controls below; dotted: the bounds. Where one side is empty, nobody can be compared."
    return Figure("Propensity score", caption, data, _draw_scores)


def _draw_scores(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    width = data["to"] - data["from"]
    axes.bar(data["from"], data["treated"], width, align="edge", label="treated")
    axes.bar(data["from"], -data["control"], width, align="edge", label="control")
    for edge in (data["eta"][0], 1 - data["eta"][0]):
        axes.axvline(edge, color="0.5", linestyle=":")
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.set(xlabel="propensity score", ylabel="rows")
    axes.legend()


def love_plot(frame: Any) -> Figure:
    """Absolute standardised differences of the covariates before and after, the largest on top."""
    shown = frame[[c for c in ("before", "after") if c in frame]].abs()
    data = shown.sort_values("before").rename_axis("covariate").reset_index()
    height = 1.2 + 0.24 * len(data)
    caption = "Absolute standardised differences of means; the dotted line, 0.1, is the usual bar."
    return Figure("Love plot", caption, data, _draw_love, (6.4, min(max(height, 2.4), 12.0)))


def _draw_love(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    for column, marker in (("before", "o"), ("after", "D")):
        if column in data:
            axes.plot(data[column], data["covariate"].astype(str), marker, label=column)
    axes.axvline(0.1, color="0.5", linestyle=":")
    axes.set(xlabel="absolute standardised difference", xlim=(0, None))
    axes.legend()


def gains(frame: Any) -> Figure:
    """Gain of each nuisance over a constant."""
    data = frame[["nuisance", "gain"]]
    caption = "Share of a constant's loss that the out-of-fold predictions take off; R² for means."
    return Figure("Fit of the nuisances", caption, data, _draw_gains, (6.4, 1.2 + 0.4 * len(data)))


def _draw_gains(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    axes.barh(data["nuisance"].astype(str), data["gain"])
    axes.axvline(0, color="0.5", linewidth=0.8)
    axes.set(xlabel="gain over a constant")


def calibration(frame: Any, name: str) -> Figure:
    """Mean target against mean prediction, in quantile groups of the prediction."""
    caption = "Each point is a group of rows with similar predictions, with two standard errors."
    return Figure(f"Calibration of {name}", caption, frame, _draw_calibration)


def _draw_calibration(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    axes.errorbar(data["predicted"], data["observed"], yerr=2 * data["se"].fillna(0), fmt="o")
    ends = [data["predicted"].min(), data["predicted"].max()]
    axes.plot(ends, ends, "--", color="0.5")
    axes.set(xlabel="predicted", ylabel="observed")


def influence(phi: np.ndarray) -> Figure:
    """Share of the variance by share of the rows, the most influential first."""
    import pandas as pd

    squares = np.sort(phi**2)[::-1]
    at = np.unique(np.linspace(1, len(phi), 200).astype(int))
    total = max(float(squares.sum()), 1e-300)
    data = pd.DataFrame({"rows": at / len(phi), "variance": squares.cumsum()[at - 1] / total})
    return Figure("Concentration", "Share of the variance that the most influential rows have.", data, _draw_influence)


def _draw_influence(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    axes.plot(data["rows"], data["variance"])
    axes.plot([0, 1], [0, 1], "--", color="0.5")
    axes.set(xlabel="share of the rows", ylabel="share of the variance", xlim=(0, 1), ylim=(0, 1))


def by_split(frame: Any, point: float) -> Figure:
    """Estimate and 95 % interval by split; the line is the estimate that sums them up."""
    data = frame.assign(point=point)
    return Figure("Estimates by split", "Intervals of 95 %; the line is their summary.", data, _draw_splits)


def _draw_splits(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    axes.errorbar(data["split"], data["estimate"], yerr=1.96 * data["std err"], fmt="o")
    axes.axhline(data["point"][0], color="0.5")
    axes.set(xlabel="split", ylabel="estimate")


def contours(grid: Any, null: float, benchmarks: Any = None) -> Figure:
    """Estimate by strength of a confounder; the dashed line is where it reaches the null hypothesis."""
    data = grid.assign(kind="grid", label="", null=null)
    if benchmarks is not None:
        import pandas as pd

        points = benchmarks[["cf_d", "cf_y"]].assign(kind="benchmark", label=benchmarks.index.astype(str), null=null)
        data = pd.concat([data, points.assign(estimate=np.nan)], ignore_index=True)
    caption = "Lines: the estimate in the worst case. Dashed: the null hypothesis. Crosses: covariates left out."
    return Figure("Confounding", caption, data, _draw_contours)


def _draw_contours(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    grid = data[data["kind"] == "grid"]
    side = round(len(grid) ** 0.5)
    d, y, z = (grid[c].to_numpy().reshape(side, side) for c in ("cf_d", "cf_y", "estimate"))
    null = data["null"].iloc[0]
    axes.clabel(axes.contour(d, y, z, levels=8, linewidths=0.8), fontsize=7)
    if z.min() < null < z.max():
        axes.contour(d, y, z, levels=[null], linestyles="--", colors="C3")
    for _, point in data[data["kind"] == "benchmark"].iterrows():
        axes.plot(point["cf_d"], point["cf_y"], "x", color="C1")
        axes.annotate(point["label"], (point["cf_d"], point["cf_y"]), fontsize=7)
    axes.set(xlabel="strength with the treatment, cf_d", ylabel="strength with the outcome, cf_y")


def histogram(
    values: np.ndarray, observed: float, title: str, caption: str, label: str, line: str = "observed"
) -> Figure:
    """Values as a histogram, and the observed one, or whatever ``line`` calls it, as a line."""
    import pandas as pd

    counts, edges = np.histogram(values, 40)
    data = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "count": counts, "observed": observed, "label": label})
    data["line"] = line
    return Figure(title, caption, data, _draw_histogram)


def _draw_histogram(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    axes.bar(data["from"], data["count"], data["to"] - data["from"], align="edge")
    axes.axvline(data["observed"][0], color="C3", label=data["line"][0])
    axes.set(xlabel=data["label"][0], ylabel="count")
    axes.legend()


def line(frame: Any, x: str, y: str, title: str, bar: float) -> Figure:
    """One column against another, with a dotted bar."""
    data = frame[[x, y]].assign(bar=bar)
    return Figure(title, f"Dotted: {bar:g}.", data, _draw_line)


def _draw_line(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    x, y = data.columns[:2]
    axes.plot(data[x], data[y], "o-")
    axes.axhline(data["bar"][0], color="0.5", linestyle=":")
    axes.set(xlabel=str(x), ylabel=str(y))
