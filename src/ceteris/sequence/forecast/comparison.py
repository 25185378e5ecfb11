"""The result of a comparison of forecasts: who is best, whether the naive wins, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ceteris.arguments import listed
from ceteris.results import Check, Figure, Section, Table
from ceteris.sequence.forecast.frame import Panel
from ceteris.sequence.forecast.shown import covering
from ceteris.showing import AbstractResult, screenful

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

NAIVE = ("naive", "seasonal naive")
SHOWN = 6


@dataclass(frozen=True, eq=False, repr=False)
class ForecastComparison(AbstractResult):
    """What `ceteris.sequence.compare_forecasts` found.

    Attributes
    ----------
    table : DataFrame
        A row per method, the best first: ``mase`` and ``crps`` in the mean absolute error of the seasonal naive
        forecast up to each origin; ``verdict`` against the best, with the ``p`` of a Diebold-Mariano test of the scaled
        absolute errors; ``rmse``, ``smape``, the share of targets in intervals of 80 and 95 % (``cover 80``), the
        ``width 80``, CPU ``seconds`` for all origins, ``status``.
    best : str
        The method with the lowest CRPS.
    by_step : DataFrame
        The same measures by method and step ahead.
    losses : DataFrame
        The mean scaled absolute error of each method at each origin.
    forecasts : DataFrame
        All forecasts: id, cutoff, time, step, target, then each method with its ``-lo-80`` and ``-hi-80``.
    skill : DataFrame
        R² of levels, R² of the changes from the origin, and the gain in squared error over the last value.
    panel : Panel
        The series.
    horizon : int
    origins : int array
        Places of the origins on the calendar.
    """

    table: pd.DataFrame
    best: str
    by_step: pd.DataFrame
    losses: pd.DataFrame
    forecasts: pd.DataFrame
    skill: pd.DataFrame
    panel: Panel
    horizon: int
    origins: np.ndarray

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether the best beats naive forecasts, knows more than the last value, and whether its intervals cover."""
        return beats_naive(self), has_skill(self), covers(self)

    def summary(self) -> str:
        """Return one screen: the best method, those that do not differ from it, and the table."""
        return screenful(f"{self._what()}.", [leading(self)], self.table, self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return the evidence as sections of a report."""
        return self.glance(), skills(self), by_steps(self)

    def glance(self) -> Section:
        """Return what a notebook shows: the table, and fans of the best."""
        note = (
            "MASE, CRPS and width in mean absolute errors of the seasonal naive forecast up to each origin. p: "
            "Diebold-Mariano test against the best, with the correction for small samples."
        )
        text = f"{leading(self)}\n\nAll methods forecast from the same origins, with what was known there."
        return Section(
            self._what(), text, (Table("Methods", self.table.reset_index(), note),), (scores(self), past_fans(self)),
            (beats_naive(self), covers(self)),
        )  # fmt: skip

    def _what(self) -> str:
        n, k = len(self.panel.names), len(self.origins)
        many = "one series" if n == 1 else f"{n:,} series"
        return f"{len(self.table)} methods on {many}, {self.horizon} steps ahead from {k} origin{'s' * (k > 1)}"


def leading(c: ForecastComparison) -> str:
    """Return a sentence on who leads, and who does not differ."""
    tied = [str(name) for name, verdict in dict(c.table["verdict"]).items() if str(verdict) == "no difference"]
    text = f"{c.best} has the lowest CRPS"
    if c.best in NAIVE:
        text += ": no method is better than a naive one"
    text = text[0].upper() + text[1:]
    return text + (f"; no difference in error from {listed(tied)}." if tied else ".")


def beats_naive(c: ForecastComparison) -> Check:
    """Judge whether the best method is better than the naive ones, and surely so."""
    rivals: Any = [name for name in NAIVE if name in c.table.index]
    rival = str(c.table.loc[rivals, "crps"].idxmin())
    gain = float(1 - c.table.loc[c.best, "crps"] / c.table.loc[rival, "crps"])
    if c.best == rival:
        return Check("beats naive forecasts", False, f"The {rival} forecast is the best; use it.", 0.0, 0.0)
    verdict = c.table.loc[rival, "verdict"]
    if verdict == "no difference":
        text = (
            f"{c.best} has a CRPS {gain:.1%} below that of the {rival} forecast, but their errors do not differ surely."
        )
        return Check("beats naive forecasts", None, text, gain, 0.0)
    return Check(
        "beats naive forecasts", True, f"{c.best} has a CRPS {gain:.1%} below that of the {rival} forecast.", gain, 0.0
    )


def has_skill(c: ForecastComparison) -> Check:
    """Judge whether the best method knows more than the last value."""
    levels, changes, gain = (float(c.skill.loc[c.best, name]) for name in c.skill.columns)
    sure = c.best == "naive" or _p_against_naive(c)
    figures = f"R² of levels is {levels:.3f}, of changes {changes:.3f}"
    if changes <= 0 or gain <= 0 or sure is False or c.best == "naive":
        return Check(
            "skill", False, f"No skill: {figures}; the last value is as good, whatever R² of levels says.", changes, 0.0
        )
    return Check(
        "skill", True, f"{figures}; squared errors are {gain:.1%} below those of the last value.", changes, 0.0
    )


def _p_against_naive(c: ForecastComparison) -> bool:
    """Whether the best differs from the naive forecast; where there are few origins this is taken for granted."""
    from ceteris.sequence.forecast.scores import diebold_mariano

    if "naive" not in c.losses or len(c.losses) < 8:
        return True
    return diebold_mariano(c.losses["naive"], c.losses[c.best], c.horizon).p_value < 0.05


def covers(c: ForecastComparison) -> Check:
    """Judge whether the intervals of the best method hold what they say."""
    share = float(c.table.loc[c.best, "cover 80"])
    independent = max(len(c.origins) / c.horizon, 1) * min(len(c.panel.names), 20)
    return covering(f"80% intervals of {c.best} held {share:.1%} of the targets", share, 0.8, independent)


def skills(c: ForecastComparison) -> Section:
    """Return the section on levels and changes."""
    text = (
        "A forecast that repeats the last value has a high R² of levels on any series that wanders, and knows nothing. "
        "R² of changes from the origin tells the two apart; a forecast with skill has one above zero."
    )
    table = Table("Skill", c.skill.loc[list(c.table.index)].rename_axis("method").reset_index())
    return Section("Levels and changes", text, (table,), (), (has_skill(c),))


def by_steps(c: ForecastComparison) -> Section:
    """Return the section on steps ahead."""
    shown = [*c.table.index[:5], *(name for name in NAIVE if name in c.table.index[5:])][:SHOWN]
    data: Any = c.by_step[c.by_step["method"].isin(shown)]
    parts = []
    for measure, title in (("crps", "CRPS by step ahead"), ("cover 80", "Coverage by step ahead")):
        wide = data.pivot(index="step", columns="method", values=measure)[shown].reset_index()
        caption = "Of the best methods and the naive ones." + (" 80% is aimed at." if measure == "cover 80" else "")
        parts.append(Figure(title, caption, wide, partial(_draw_steps, measure=measure), (6.4, 3.6)))
    table = Table("By step ahead", c.by_step.head(400))
    return Section("Steps ahead", "How good each method is by steps ahead.", (table,), tuple(parts))


def _draw_steps(figure: Canvas, data: pd.DataFrame, *, measure: str) -> None:
    axes = figure.subplots()
    for name in data.columns[1:]:
        axes.plot(data["step"], data[name], marker="o", label=name)
    if measure == "cover 80":
        axes.axhline(0.8, color="gray", linestyle=":", linewidth=1)
        axes.set_ylim(0, 1.02)
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlabel("steps ahead")
    axes.set_ylabel("share in 80% intervals" if measure == "cover 80" else measure.upper())
    figure.legend(loc="outside right upper")


def scores(c: ForecastComparison) -> Figure:
    """Dots of CRPS and MASE of each method."""
    data = c.table[["crps", "mase"]].reset_index()
    caption = "In mean absolute errors of the seasonal naive forecast; lower is better."
    return Figure("Scores", caption, data, _draw_scores, (6.4, 1.4 + 0.28 * len(data)))


def _draw_scores(figure: Canvas, data: pd.DataFrame) -> None:
    axes, place = figure.subplots(), np.arange(len(data))[::-1]
    best = float(data["mase"].to_numpy().min())
    edge = max(3.5 * best, 1.2)
    for column, marker in (("mase", "s"), ("crps", "o")):
        axes.plot(np.minimum(data[column], edge), place, marker, label=column.upper())
    for value, height in zip(data["mase"], place, strict=True):
        if value > edge:
            axes.annotate(f"{value:.3g} →", (edge, height), (6, 0), textcoords="offset points", va="center")
    axes.set_yticks(place, data["method"].tolist())
    axes.set_xlim(0, edge * 1.02)
    figure.legend(loc="outside right upper")


def past_fans(c: ForecastComparison) -> Figure:
    """The past of the first series, and what the best method said from some origins."""
    label, stamp, _ = c.panel.roles
    parts = []
    for i, name in enumerate(c.panel.names[:SHOWN]):
        own: Any = c.forecasts[c.forecasts[label] == name]
        cutoffs = own["cutoff"].drop_duplicates().tolist()
        kept = cutoffs[:: -max(c.horizon, 1)][:3]
        start = max(int(c.origins[0]) - 2 * c.horizon, int(c.panel.first[i]))
        seen = slice(start, int(c.panel.last[i]) + 1)
        parts.append(pd.DataFrame({"series": str(name), "time": c.panel.times[seen], "value": c.panel.y[i, seen]}))
        for cutoff in kept:
            said: Any = own[own["cutoff"] == cutoff]
            parts.append(pd.DataFrame({
                "series": str(name), "time": said[stamp], "cutoff": cutoff, "forecast": said[c.best],
                "low": said[f"{c.best}-lo-80"], "high": said[f"{c.best}-hi-80"],
            }))  # fmt: skip
    data = pd.concat(parts, ignore_index=True)
    count = min(SHOWN, len(c.panel.names))
    size = (6.8, 3.6) if count == 1 else (9.0, 2.6 * -(-count // 2))
    caption = f"What {c.best} said from some origins, with intervals of 80 %, and what came."
    return Figure("Past forecasts", caption, data, partial(_draw_past, panels=count), size)


def _draw_past(figure: Canvas, data: pd.DataFrame, *, panels: int) -> None:
    columns = 1 if panels == 1 else 2
    grid = figure.subplots(-(-panels // columns), columns, squeeze=False).ravel()
    for axes in grid[panels:]:
        axes.set_visible(False)
    for axes, (name, part) in zip(grid, data.groupby("series", sort=False), strict=False):
        past: Any = part[part["forecast"].isna()]
        axes.plot(past["time"], past["value"], color="C5")
        for _, said in part[part["forecast"].notna()].groupby("cutoff"):
            axes.fill_between(said["time"], said["low"], said["high"], color="C0", alpha=0.25, linewidth=0)
            axes.plot(said["time"], said["forecast"], color="C0")
        if panels > 1:
            axes.set_title(str(name))
        axes.tick_params(axis="x", rotation=30)
