"""Forecasters compared from the same past origins, with nothing known that came later, and naive ones beside them."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from ceteris.arguments import one_of, whole
from ceteris.sequence.forecast import conformal
from ceteris.sequence.forecast.comparison import ForecastComparison
from ceteris.sequence.forecast.forecaster import Forecaster, calibration, window_of
from ceteris.sequence.forecast.foreign import FOREIGN, foreign_origins
from ceteris.sequence.forecast.frame import Panel, read_panel
from ceteris.sequence.forecast.rolling import HISTORY, Origins, run_origins
from ceteris.sequence.forecast.scores import CRPS_LEVELS
from ceteris.sequence.forecast.simple import NAIVE, SEASONAL, SIMPLE, ahead, all_origins, usable
from ceteris.sequence.forecast.table import standings
from ceteris.sequence.forecast.window_net import NETS

COMBINATION, FORECASTER = "combination", "forecaster"
LEVELS = np.array(sorted({*CRPS_LEVELS.round(10), 0.025, 0.975}))
MOST = 12  # origins by default


class Tried(NamedTuple):
    """What one method said from each origin, (origins, series, horizon), and how long all of it took."""

    point: np.ndarray
    quantiles: np.ndarray
    seconds: float
    status: str


def compare_forecasts(
    data: Any,
    horizon: int = 12,
    methods: Sequence[str] | Mapping[str, Any] | None = None,
    *,
    id: str | None = None,
    time: str | None = None,
    target: str | None = None,
    origins: int = MOST,
    step: int = 1,
    refit: int | None = None,
    season: int | None = None,
    freq: str | None = None,
    static: Sequence[str] = (),
    known: Sequence[str] = (),
    past: Sequence[str] = (),
    scaler: Any = None,
    seed: int = 0,
) -> ForecastComparison:
    """Compare methods of forecasting from the same past origins.

    From each origin every method forecasts with what was known there: simple methods are fitted to the data up to it,
    nets to the data up to the last origin at which they were fitted, and intervals come from errors made before.

    Parameters
    ----------
    data : data frame, Series or array
        A long table; or a Series, a wide table with the time as its index, an array.
    horizon : int
        Steps ahead.
    methods : sequence of str, or mapping of str to Forecaster, optional
        Simple methods (`ceteris.sequence.SIMPLE`), "combination" of them, "forecaster" (the default one),
        names of nets, which then forecast alone, "AutoARIMA", "AutoETS", "AutoTheta" and "AutoCES" of statsforecast,
        "ARIMA" and "ETS" of statsmodels, where these are installed. By default all simple ones, the combination and the
        forecaster. The naive methods are always added.
    id, time, target : str, optional
        Columns of a long table; by default "unique_id", "ds" and "y".
    origins : int
        How many; the last one is ``horizon`` steps before the end.
    step : int
        Steps between two origins.
    refit : int, optional
        Fit nets anew at every so many origins; by default they are fitted once, before the first. All fits are one
        program.
    season, freq : optional
        As in `Forecaster`.
    static, known, past : sequences of str
        Columns of covariates, as in `Forecaster.fit`.
    scaler : fitted scaler of scikit-learn, optional
        What the target was scaled with. One that saw rows after the first origin is refused, as is a target that has
        mean zero and standard deviation one over all rows: such forecasts know the future.
    seed : int

    Returns
    -------
    ForecastComparison

    Examples
    --------
    >>> months = np.arange(96)
    >>> sales = 100 + months + 10 * np.sin(np.pi * months / 6) + np.random.default_rng(0).normal(size=96)
    >>> found = compare_forecasts(sales, 6, ["theta", "drift"], season=12, origins=6)
    >>> found.best, list(found.table.index)
    ('theta', ['theta', 'naive', 'drift', 'seasonal naive'])
    """
    whole("horizon", horizon)
    entered = enter(methods, horizon, season, freq, seed)
    return read_and_compare(
        data, entered, id=id, time=time, target=target, origins=origins, step=step, refit=refit, season=season,
        freq=freq, static=static, known=known, past=past, scaler=scaler, horizon=horizon,
    )  # fmt: skip


def enter(methods: Any, horizon: int, season: int | None, freq: str | None, seed: int) -> dict[str, Any]:
    """Return methods by name: a Forecaster, or None for what is known by its name."""
    options = {"horizon": horizon, "season": season, "freq": freq, "random_state": seed}
    if isinstance(methods, Mapping):
        for name, one in methods.items():
            if not isinstance(one, Forecaster):
                raise TypeError(
                    f"methods: {name!r} is a {type(one).__name__}, but must be a Forecaster; give names in a list for "
                    "other methods."
                )
            if one.horizon != horizon:
                raise ValueError(
                    f"methods: {name!r} forecasts {one.horizon} steps, but must forecast the horizon, {horizon}; give "
                    "it the same."
                )
        return dict(methods)
    names = (*SIMPLE, COMBINATION, FORECASTER) if methods is None else methods
    if isinstance(names, str):
        names = [names]
    allowed = (*SIMPLE, COMBINATION, FORECASTER, *NETS, *FOREIGN)
    found: dict[str, Any] = {}
    for name in names:
        one_of("methods", name, allowed, kind="some of")
        own = {COMBINATION: {"net": None}, FORECASTER: {}} | {net: {"net": net, "fallback": False} for net in NETS}
        found[name] = Forecaster(**own[name], **options) if name in own else None
    return found


def read_and_compare(
    data: Any, entered: dict[str, Any], *, id: str | None = None, time: str | None = None, target: str | None = None,
    origins: int = MOST, step: int = 1, refit: int | None = None, season: int | None = None, freq: str | None = None,
    static: Sequence[str] = (), known: Sequence[str] = (), past: Sequence[str] = (), scaler: Any = None,
    horizon: int | None = None,
) -> ForecastComparison:  # fmt: skip
    """Read a table and compare methods on it."""
    panel = read_panel(data, id, time, target, season=season, freq=freq, static=static, known=known, past=past)
    return compare_panel(panel, entered, origins=origins, step=step, refit=refit, scaler=scaler, horizon=horizon)


def compare_panel(
    panel: Panel, entered: dict[str, Any], *, origins: int = MOST, step: int = 1, refit: int | None = None,
    scaler: Any = None, horizon: int | None = None,
) -> ForecastComparison:  # fmt: skip
    """Compare methods on series that have been read; see `compare_forecasts`."""
    horizon = int(horizon or next(one.horizon for one in entered.values() if one is not None))
    places = origins_of(panel, horizon, origins, step)
    if refit is not None:
        whole("refit", refit)
    refuse_leaks(panel, scaler, places)
    tried: dict[str, Tried] = {}
    names = list(dict.fromkeys([*entered, *usable((NAIVE, SEASONAL), panel.season)]))
    for name in names:
        if name in SIMPLE and name not in usable([name], panel.season):
            continue
        began = clock.process_time()
        if entered.get(name) is not None:
            point, quantiles, status = _forecaster(name, entered[name], panel, places, refit)
        elif name in FOREIGN:
            point, quantiles, status = foreign_origins(name, panel, horizon, places, LEVELS)
        else:
            point, quantiles, status = _simple(name, panel, horizon, places)
        tried[name] = Tried(point, quantiles, clock.process_time() - began, status)
    return standings(panel, tried, places, horizon, LEVELS)


def origins_of(panel: Panel, horizon: int, origins: int, step: int) -> np.ndarray:
    """Return the places of the last known values at each origin; the last is a horizon before the end."""
    whole("origins", origins)
    whole("step", step)
    times = panel.shape[1]
    places = times - 1 - horizon - step * np.arange(origins)[::-1]
    need = max(2 * horizon, 2 * panel.season if panel.season < 50 else panel.season + 1, 12) - 1
    longest = int((panel.last - panel.first).max()) + 1
    if places[0] - int(panel.first.min()) < need:
        most = max((times - 1 - horizon - need - int(panel.first.min())) // step + 1, 0)
        raise ValueError(
            f"origins is {origins}, but with {longest} times and a horizon of {horizon} must be at most {most}; take "
            "fewer, or a shorter horizon."
        )
    return places


def refuse_leaks(panel: Panel, scaler: Any, places: np.ndarray) -> None:
    """Raise if the target was scaled with what came after the first origin."""
    rows = panel.y[:, : places[0] + 1]
    before = int((~np.isnan(rows)).sum())
    if scaler is not None:
        seen = getattr(scaler, "n_samples_seen_", None)
        if seen is None:
            raise ValueError(
                f"scaler is {scaler!r}, which does not say how many rows it has seen, but must be a fitted scaler of "
                "scikit-learn; give none, as windows are scaled by themselves."
            )
        if int(np.max(seen)) > before:
            raise ValueError(
                f"scaler has seen {int(np.max(seen)):,} values, but must have seen at most the {before:,} up to the "
                "first origin; fit it on those, or give unscaled data, as windows are scaled by themselves."
            )
    values = panel.y[~np.isnan(panel.y)]
    moved = abs(values.mean()) < 1e-9 and min(abs(values.std() - 1), abs(values.std(ddof=1) - 1)) < 1e-9
    if moved and len(values) >= 20:
        raise ValueError(
            f"target: {panel.roles[2]!r} has mean 0 and standard deviation 1 over all rows, so that its scaler saw the "
            "test part, but must not know it; give unscaled data, as windows are scaled by themselves."
        )


def _simple(name: str, panel: Panel, horizon: int, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    found = all_origins(panel, [name], horizon, max(0, int(places[0]) - HISTORY))[0]
    return (*with_intervals(found, panel, places), "ok")


def with_intervals(found: np.ndarray, panel: Panel, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return forecasts from some origins, and quantiles by the errors made before them."""
    errors = ahead(panel.y, found.shape[2]) - found
    sigma = conformal.spread(errors)
    quantiles = [conformal.rolling(errors, int(at), LEVELS, sigma[:, at]) + found[:, at, :, None] for at in places]
    return found[:, places].swapaxes(0, 1), np.stack(quantiles)


def _forecaster(
    name: str, given: Forecaster, panel: Panel, places: np.ndarray, refit: int | None
) -> tuple[np.ndarray, np.ndarray, str]:
    settings: Any = clone(given)
    settings._refuse()
    first = panel.upto(int(places[0]))
    window = window_of(settings, panel)
    start = int(places[0]) - calibration(first, settings.horizon)
    every = len(places) if refit is None else refit
    cutoffs = (
        [start, *(int(at) for at in places[::every])] if settings.fallback else [int(at) for at in places[::every]]
    )
    origins, learnt = run_origins(name, settings, panel, window, cutoffs)
    quantiles = np.stack([origins.quantiles(int(at), LEVELS, settings.intervals) for at in places])
    return origins.point[:, places].swapaxes(0, 1), quantiles, said_of(origins, settings, learnt, places)


def said_of(origins: Origins, settings: Forecaster, learnt: Any, places: np.ndarray) -> str:
    """Return in a few words who forecast."""
    if settings.net is None:
        return "ok"
    if learnt is None:
        return "no net: too few windows"
    share = float(origins.share[:, places].mean())
    return "ok" if not settings.fallback else f"{settings.net} has a weight of {share:.0%}"
