"""Trends in a panel with holes and over-imputation: what is drawn, and how far off it is.

Robinson shows imputations of World Development Indicators that follow the trends of each country. Here the panel is
made, so that the truth is known: five-year holes in smooth trends, imputed with and without the panel's features, and
by MIDAS as published.

References
----------
Robinson (2025), Neural networks (Oxford Spring School), figure 16. Lall and Robinson (2022).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from ceteris.gallery._plots import panels
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

SHOWN, RUN = 6, 5  # countries drawn; years that a hole lasts
VARIABLES = ("life", "growth")


def holed_panel(units: int, periods: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A panel, and the same with two runs of years gone per country, one for each variable."""
    from ceteris.data.missing import simulate_trends

    truth, rng = simulate_trends(units, periods, seed), np.random.default_rng([seed, 2])
    holes = truth.copy()
    for unit in range(units):
        for name in VARIABLES:
            start = unit * periods + rng.integers(1, periods - RUN)
            holes.loc[start : start + RUN - 1, name] = np.nan
    return truth, holes


def draw_all(holes: pd.DataFrame, m: int, quick: bool, seed: int) -> dict[str, list[pd.DataFrame]]:
    """Completed panels by imputer."""
    from ceteris.impute import MIDAS, Imputer

    size: Any = {"members": 2, "width": 32, "epochs": 30} if quick else {}
    midas = MIDAS(
        widths=(64, 64), rate=3e-3, epochs=10 if quick else 60, random_state=seed, types={"country": "categorical"}
    )
    return {
        "with unit and time": Imputer(group="country", time="year", random_state=seed, **size).fit(holes).sample(m),
        "without": Imputer(random_state=seed, types={"country": "ignore"}, **size).fit(holes).sample(m),
        "MIDAS": midas.fit(holes).sample(m),
    }


def trends(truth: pd.DataFrame, holes: pd.DataFrame, drawn: dict[str, list[pd.DataFrame]]) -> pd.DataFrame:
    """Truth, mean and 90 % interval of every missing year, by imputer."""
    from ceteris.impute.metrics import interval

    parts = []
    for rule, tables in drawn.items():
        for name in VARIABLES:
            gone = holes[name].isna()
            draws = np.array([table[name][gone] for table in tables])
            low, high = interval(draws)
            cells = {"truth": truth[name][gone], "mean": draws.mean(0), "low": low, "high": high}
            parts.append(truth.loc[gone, ["country", "year"]].assign(imputer=rule, variable=name, **cells))
    return pd.concat(parts, ignore_index=True)


def errors(cells: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Error of the mean over the standard deviation, and coverage of 90 % intervals."""
    rows, groups = [], cast(Any, cells.groupby(["imputer", "variable"], sort=False))
    for (rule, name), part in groups:
        error = np.sqrt(np.mean((part["mean"] - part["truth"]) ** 2)) / truth[name].std()
        inside = ((part["low"] <= part["truth"]) & (part["truth"] <= part["high"])).mean()
        rows.append({"imputer": rule, "variable": name, "NRMSE": error, "coverage": inside})
    return pd.DataFrame(rows)


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Impute the panel, and over-impute a survey; see `ceteris.gallery.sections`."""
    from ceteris.data.missing import amputate, simulate_mixed
    from ceteris.impute import Imputer, overimpute

    truth, holes = holed_panel(10 if quick else 40, 30, seed)
    cells = trends(truth, holes, draw_all(holes, 20, quick, seed))
    table = errors(cells, truth)
    survey = amputate(simulate_mixed(400 if quick else 2000, seed), 0.3, "MAR", keep=["age", "urban"], seed=seed)
    size: Any = {"members": 2, "width": 32, "epochs": 30} if quick else {}
    over = overimpute(Imputer(random_state=seed, **size), survey, seed=seed)
    return (
        Section(
            "Trends in a panel",
            f"In each of {truth['country'].nunique()} countries, {RUN} consecutive years of two series are missing. "
            "With the country and the year as unit and time, draws follow the trend between the years before and "
            "after; without, only the other series of the same year are known.",
            (Table("Errors in the missing years", table, "NRMSE: of the mean of 20 draws, in standard deviations."),),
            (Figure("Life expectancy in six countries",
                    "Lines: what is observed. Dots: what was taken out. Bands: 90 % of the draws with unit and time.",
                    _series(truth, holes, cells), _draw, (9.0, 4.6)),),
            _checks(table),
        ),
        *over.sections(),
    )  # fmt: skip


def _series(truth: pd.DataFrame, holes: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    own: Any = cells[(cells["imputer"] == "with unit and time") & (cells["variable"] == "life")]
    frame: Any = truth[["country", "year"]].assign(observed=holes["life"], truth=truth["life"])
    frame = frame.merge(own[["country", "year", "mean", "low", "high"]], how="left", on=["country", "year"])
    return frame[frame["country"].isin(frame["country"].unique()[:SHOWN])].reset_index(drop=True)


def _draw(figure: Canvas, data: pd.DataFrame) -> None:
    countries: Any = data.groupby("country", sort=False)
    for axes, (name, part) in zip(panels(figure, 2, 3, sharex=True), countries, strict=True):
        gone = part[part["observed"].isna()]
        axes.plot(part["year"], part["observed"], color="C0")
        axes.fill_between(gone["year"], gone["low"], gone["high"], color="C1", alpha=0.35, linewidth=0)
        axes.plot(gone["year"], gone["mean"], color="C1")
        axes.plot(gone["year"], gone["truth"], ".", color="C3", markersize=4)
        axes.set_title(name, fontsize="medium")
    figure.supylabel("life expectancy", fontsize="medium")


def _checks(table: pd.DataFrame) -> tuple[Check, ...]:
    means: Any = table.groupby("imputer")[["NRMSE", "coverage"]].mean()
    best, without = means.loc["with unit and time"], means.loc["without"]
    return (
        Check(
            "trends are continued", bool(best["NRMSE"] < 0.5 * without["NRMSE"]),
            f"The NRMSE is {best['NRMSE']:.3f} with unit and time and {without['NRMSE']:.3f} without.",
            float(best["NRMSE"]), float(0.5 * without["NRMSE"]),
        ),
        Check(
            "intervals cover", bool(0.8 <= best["coverage"] <= 0.98),
            f"90 % intervals hold {best['coverage']:.0%} of the missing years with unit and time, and "
            f"{means.loc['MIDAS', 'coverage']:.0%} with MIDAS as published.", float(best["coverage"]), 0.8,
        ),
    )  # fmt: skip
