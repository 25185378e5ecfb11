"""What a forecaster shows: who forecasts and why, fans, and how good past forecasts were."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ceteris.results import Check, Figure, Section, Table
from ceteris.sequence.forecast.frame import Panel
from ceteris.sequence.forecast.rolling import Origins

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

SMALL = 0.1  # a share below which nets have no say worth a word
SHOWN = 6  # series of a figure
FANS = (0.5, 0.8, 0.95)
LOOKED = 24  # past origins at which coverage is counted


def who_forecasts(origins: Origins, panel: Panel, net: str | None) -> str:
    """Return a sentence on who forecasts, and why."""
    rows, last = np.arange(len(panel.names)), panel.last
    shares = origins.weights[:, rows, last].mean(1)
    order = [i for i in np.argsort(-shares) if shares[i] >= 0.05]
    simple = ", ".join(f"{origins.names[i]} {shares[i]:.0%}" for i in order)
    if net is None:
        return f"The forecast is a mean of simple methods, weighted by their past errors: {simple}."
    if origins.net is None:
        return f"There are too few windows for a net; the forecast is a mean of simple methods: {simple}."
    share = float(origins.earned[rows, last].mean())
    of_net, of_base = past_errors(origins)
    figures = f"errors at past origins {of_net:.3g} times those of the naive forecast, {of_base:.3g} without it"
    if share < SMALL:
        return f"The net ({net}) does not help ({figures}): the forecast is a mean of simple methods: {simple}."
    which = "carries" if share > 1 - SMALL else "has a weight of"
    many = "" if share > 1 - SMALL else f" {share:.0%} in"
    return f"The net ({net}) {which}{many} the forecast ({figures}); it corrects simple methods: {simple}."


def past_errors(origins: Origins) -> tuple[float, float]:
    """Mean absolute errors of the nets and of the simple methods at origins of both, in those of the naive forecast."""
    assert origins.net is not None
    actual = origins.errors + origins.point
    middle = origins.net.shape[3] // 2
    gaps = [np.abs(actual - origins.net[..., middle]), np.abs(actual - origins.base)]
    naive = np.abs(actual - origins.simple[0]) if origins.names[0] == "naive" else gaps[1]
    both = np.isfinite(gaps[0] + gaps[1] + naive)
    each = [np.where(both, gap, 0.0).sum((1, 2)) for gap in (*gaps, naive)]
    some = each[2] > 0
    if not some.any():
        return np.nan, np.nan
    return float(np.mean(each[0][some] / each[2][some])), float(np.mean(each[1][some] / each[2][some]))


def helped(origins: Origins, net: str | None, fallback: bool) -> Check:
    """Judge whether nets do better than the simple methods at past origins."""
    if net is None or origins.net is None:
        return Check("net helps", None, "There is no net.")
    of_net, of_base = past_errors(origins)
    if not np.isfinite(of_net):
        return Check("net helps", None, "There are no past origins to judge it at.")
    gain = 1 - of_net / of_base
    told = f"Its error at past origins is {abs(gain):.1%} {'less' if gain >= 0 else 'more'} than that of simple methods"
    if gain >= 0 or fallback:  # where they take over, a poor net does no harm
        rest = "." if gain >= 0 else "; its weight is the less for it, and net=None is quicker."
        return Check("net helps", True if gain >= 0 else None, told + rest, gain, 0.0)
    return Check("net helps", False, f"{told}; let these take over by fallback=True.", gain, 0.0)


def covered(origins: Origins, panel: Panel, intervals: str, cover: float = 0.8) -> Check:
    """Judge whether intervals from past origins held what came."""
    levels = np.array([(1 - cover) / 2, (1 + cover) / 2])
    horizon, times = origins.errors.shape[2], panel.shape[1]
    inside = []
    for at in range(max(times - horizon - LOOKED, 1), times - 1):
        actual = origins.errors[:, at] + origins.point[:, at]
        if np.isfinite(actual).any() and np.isfinite(origins.sigma[:, at]).any():
            q = origins.quantiles(at, levels, "rolling" if intervals == "adaptive" else intervals)
            hit = (actual >= q[..., 0]) & (actual <= q[..., 1])
            inside.append(hit[np.isfinite(actual) & np.isfinite(origins.sigma[:, at])])
    found = np.concatenate(inside) if inside else np.zeros(0)
    if len(found) < 20:
        return Check("intervals cover", None, "There are too few past origins to count.")
    share = float(found.mean())
    independent = max(len(inside) / horizon, 1) * min(len(panel.names), 20)
    return covering(f"{cover:.0%} intervals held {share:.1%} of {len(found):,} past values", share, cover, independent)


def covering(told: str, share: float, cover: float, independent: float) -> Check:
    """Judge a share of targets in intervals: within five points, or surely not; in between it cannot be told.

    Horizons overlap, so that there are about as many independent targets as origins over the horizon, for each series.
    """
    room = max(0.05, 2 * float(np.sqrt(cover * (1 - cover) / independent)))
    off = abs(share - cover)
    if 0.05 < off <= room:
        return Check("intervals cover", None, f"{told}, but overlap: there are too few to tell.", share, cover)
    do = "" if off <= 0.05 else "; try intervals='adaptive', or more data"
    return Check("intervals cover", off <= 0.05, f"{told}{do}.", share, cover)


def forecaster_sections(f: Any) -> tuple[Section, ...]:
    """Return the sections of a fitted forecaster."""
    panel, origins = f.panel_, f.origins_
    rows = np.arange(len(panel.names))
    text = f"{f.status_}\n\nIntervals are {WORDS[f.intervals]}"
    tables, figures = (), ()
    if not panel.columns["known"]:
        frame = f.predict()
        tables = (Table("Forecasts", frame.head(200), "" if len(frame) <= 200 else "The first 200 rows."),)
        figures = (fan(panel, origins, f.intervals),)
    else:
        text += "\n\nForecasts need the future of covariates: predict(known=...)."
    shares = origins.weights[:, rows, panel.last].mean(1)
    table = pd.DataFrame({"method": origins.names, "weight": shares}).sort_values(
        "weight", ascending=False, ignore_index=True
    )
    by_step = steps_of(origins)
    past = Section(
        "Past origins",
        "What was forecast from past origins, with what was known there.",
        (Table("Weights of simple methods", table, "Means over series, at the last value of each."),),
        (errors_by_step(by_step),) if len(by_step) else (),
        f.checks,
    )
    return Section("Forecasts", text, tables, figures), past


WORDS = {
    "rolling": "from errors at past origins, of all steps together, scaled by step.",
    "split": "from errors at past origins, of each step by itself.",
    "adaptive": "from errors at past origins, at a level that adapts to misses.",
    "head": "what the net says they are.",
}


def steps_of(origins: Origins) -> pd.DataFrame:
    """Root mean squared errors by step, of the forecast and of the naive one."""
    actual = origins.errors + origins.point
    parts = {"forecast": origins.errors}
    parts |= {name: actual - origins.simple[i] for i, name in enumerate(origins.names) if "naive" in name}
    scale = np.nanmean(np.abs(parts["forecast"][..., :1]), axis=(1, 2))[:, None, None]
    common = np.isfinite(sum(parts.values()))
    found = {
        name: np.sqrt(np.where(common, (e / scale) ** 2, 0).sum((0, 1)) / np.maximum(common.sum((0, 1)), 1))
        for name, e in parts.items()
    }
    return pd.DataFrame({"step": np.arange(1, actual.shape[2] + 1), **found})


def errors_by_step(data: pd.DataFrame) -> Figure:
    """Lines of errors by step ahead."""
    caption = "Root mean squared errors at past origins by steps ahead, in mean absolute errors one step ahead."
    return Figure("Errors by step ahead", caption, data, _draw_steps, (6.4, 3.4))


def _draw_steps(figure: Canvas, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for name in data.columns[1:]:
        axes.plot(data["step"], data[name], marker="o", label=name)
    axes.set_xlabel("steps ahead")
    axes.set_ylabel("error")
    axes.set_ylim(bottom=0)
    axes.legend()


def fan(panel: Panel, origins: Origins, intervals: str) -> Figure:
    """Fans of the first series: what was, the forecast, and intervals of 50, 80 and 95 %."""
    levels = np.array(sorted({s for c in FANS for s in ((1 - c) / 2, (1 + c) / 2)}))
    horizon, parts = origins.point.shape[2], []
    for i in range(min(SHOWN, len(panel.names))):
        end = int(panel.last[i])
        start = max(end + 1 - max(4 * horizon, 3 * panel.season), int(panel.first[i]))
        q = origins.quantiles(end, levels, intervals)[i]
        past = pd.DataFrame({"series": str(panel.names[i]), "time": panel.times[start : end + 1],
                             "value": panel.y[i, start : end + 1]})  # fmt: skip
        last = panel.y[i, end]  # where the fan begins
        stamps = [panel.times[end], *panel.after(end, horizon)]
        later = {"series": str(panel.names[i]), "time": stamps, "forecast": [last, *origins.point[i, end]]}
        later |= {f"q{100 * one:g}": [last, *q[:, k]] for k, one in enumerate(levels)}
        parts += [past, pd.DataFrame(later)]
    data = pd.concat(parts, ignore_index=True)
    more = len(panel.names) - SHOWN
    caption = "The past, the forecast, and intervals that hold 50, 80 and 95 % of what comes."
    caption += f" The first {SHOWN} of {len(panel.names):,} series." if more > 0 else ""
    count = min(SHOWN, len(panel.names))
    size = (6.8, 3.6) if count == 1 else (9.0, 2.6 * -(-count // 2))
    return Figure("Forecasts", caption, data, partial(draw_fans, panels=count), size)


def draw_fans(figure: Canvas, data: pd.DataFrame, *, panels: int) -> None:
    """Draw a panel for each series."""
    columns = 1 if panels == 1 else 2
    grid = figure.subplots(-(-panels // columns), columns, squeeze=False).ravel()
    for axes in grid[panels:]:
        axes.set_visible(False)
    for axes, (name, part) in zip(grid, data.groupby("series", sort=False), strict=False):
        past, later = part[part["value"].notna()], part[part["forecast"].notna()]
        axes.plot(past["time"], past["value"], color="C5")
        for low, high, depth in (("q2.5", "q97.5", 0.18), ("q10", "q90", 0.3), ("q25", "q75", 0.45)):
            axes.fill_between(later["time"], later[low], later[high], color="C0", alpha=depth, linewidth=0)
        axes.plot(later["time"], later["forecast"], color="C0")
        if panels > 1:
            axes.set_title(str(name))
        axes.tick_params(axis="x", rotation=30)
