"""Scores of methods that forecast from the same origins, and who is best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ceteris.sequence.forecast.comparison import ForecastComparison
from ceteris.sequence.forecast.frame import Panel
from ceteris.sequence.forecast.scores import crps, diebold_mariano
from ceteris.sequence.forecast.simple import NAIVE

CERTAIN = 0.05  # p-values below which two methods differ
KEPT = 400_000  # rows of forecasts that a comparison keeps


def standings(
    panel: Panel, tried: Mapping[str, Any], places: np.ndarray, horizon: int, levels: np.ndarray
) -> ForecastComparison:
    """Return the comparison of what methods said from the same origins.

    A target counts where all methods that said anything have a forecast, so that all are judged by the same.
    """
    y = np.stack([panel.y[:, at + 1 : at + 1 + horizon] for at in places])  # (origins, series, horizon)
    scale = np.stack([naive_scales(panel, int(at)) for at in places])[..., None]
    if not np.isfinite(scale).any():
        raise ValueError(
            f"target: {panel.roles[2]!r} is the same in every season, but must vary in some series up to the origins; "
            "without it there is nothing to forecast."
        )
    common = np.isfinite(y) & np.isfinite(scale)
    said = {name: one for name, one in tried.items() if np.isfinite(one.point).any()}
    for one in said.values():
        common &= np.isfinite(one.point) & np.isfinite(one.quantiles).all(3)
    if not common.any():
        raise ValueError(
            "origins: no series is long enough for all methods at these origins, but one must be; take fewer origins, "
            "or a shorter horizon."
        )
    scored = {name: _scores(y, scale, one, levels, common) for name, one in said.items()}
    losses = pd.DataFrame({name: _by_origin(parts["mase"], common) for name, parts in scored.items()})
    rows = {}
    for name, parts in scored.items():
        row = {measure: _mean(value, common) for measure, value in parts.items()}
        row["rmse"] = float(np.sqrt(row["rmse"]))
        rows[name] = row | {"seconds": tried[name].seconds, "status": tried[name].status}
    table = pd.DataFrame.from_dict(rows, orient="index").sort_values("crps")
    best = str(table.index[0])
    tests = {name: diebold_mariano(losses[name], losses[best], horizon) for name in table.index}
    table.insert(1, "p", [np.nan if name == best else tests[name].p_value for name in table.index])
    table.insert(1, "verdict", [_verdict(name, best, tests[name], len(places)) for name in table.index])
    steps = [
        {"method": name, "step": h + 1, **{key: _mean(value[..., h], common[..., h]) for key, value in parts.items()}}
        for name, parts in scored.items() for h in range(horizon)
    ]  # fmt: skip
    by_step = pd.DataFrame(steps)
    by_step["rmse"] = np.sqrt(by_step["rmse"])
    skills = pd.DataFrame(
        {name: skill(panel, y, one.point, scale, places, common, said[NAIVE].point) for name, one in said.items()}
    ).T
    return ForecastComparison(
        table.rename_axis("method"), best, by_step, losses.set_axis(panel.times[places], axis=0),
        forecasts_frame(panel, said, y, places, levels), skills, panel, horizon, places,
    )  # fmt: skip


def naive_scales(panel: Panel, at: int) -> np.ndarray:
    """Mean absolute error of the seasonal naive forecast up to an origin, per series; NaN where that is nought."""
    y, lag = panel.y[:, : at + 1], panel.season
    change = np.abs(y[:, lag:] - y[:, :-lag])
    count = (~np.isnan(change)).sum(1)
    found = np.where(count > 0, np.nansum(change, axis=1) / np.maximum(count, 1), np.nan)
    return np.where(found > 0, found, np.nan)


def _scores(
    y: np.ndarray, scale: np.ndarray, one: Any, levels: np.ndarray, common: np.ndarray
) -> dict[str, np.ndarray]:
    error, q = y - one.point, one.quantiles
    inner = [k for k, level in enumerate(levels) if round(20 * level, 6) % 1 == 0]
    low, high, wide_low, wide_high = (int(np.argmin(np.abs(levels - one))) for one in (0.1, 0.9, 0.025, 0.975))
    size = np.abs(y) + np.abs(one.point)
    return {
        "mase": np.abs(error) / scale,
        "crps": crps(y, q[..., inner], levels[inner]) / scale,
        "rmse": error**2,
        "smape": 200 * np.abs(error) / np.where(size > 0, size, 1),
        "cover 80": ((y >= q[..., low]) & (y <= q[..., high])).astype(float),
        "cover 95": ((y >= q[..., wide_low]) & (y <= q[..., wide_high])).astype(float),
        "width 80": (q[..., high] - q[..., low]) / scale,
    }


def _mean(values: np.ndarray, common: np.ndarray) -> float:
    return float(np.where(common, values, 0.0).sum() / max(common.sum(), 1))


def _by_origin(values: np.ndarray, common: np.ndarray) -> np.ndarray:
    count = common.sum((1, 2))
    return np.where(count > 0, np.where(common, values, 0.0).sum((1, 2)) / np.maximum(count, 1), np.nan)


def _verdict(name: str, best: str, test: Any, origins: int) -> str:
    if name == best:
        return "best"
    if origins < 8:
        return "not judged"
    if test.p_value < CERTAIN:
        return "worse" if test.difference > 0 else "smaller error"
    return "no difference"


def skill(
    panel: Panel, y: np.ndarray, point: np.ndarray, scale: np.ndarray, places: np.ndarray, common: np.ndarray,
    naive: np.ndarray,
) -> pd.Series:  # fmt: skip
    """R² of levels, R² of the changes from the origin, and the gain in squared error over the last value.

    A high R² of levels is what any forecast has that follows the last value; that of changes is what it knows besides.
    """
    last = np.stack([panel.y[:, at] for at in places])[..., None]
    own = np.isfinite(last) & common
    error = np.where(own, (y - point) / scale, 0.0)
    plain = np.where(own, (y - naive) / scale, 0.0)
    levels, changes = np.where(own, y / scale, 0.0), np.where(own, (y - last) / scale, 0.0)
    total = lambda values: float((np.where(own, (values - _centre(values, own)) ** 2, 0.0)).sum())
    share = lambda of: 1 - float((error**2).sum()) / of if of > 0 else np.nan
    return pd.Series({
        "R² of levels": share(total(levels)), "R² of changes": share(total(changes)),
        "gain over naive": share(float((plain**2).sum())),
    })  # fmt: skip


def _centre(values: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The mean of each series over origins and steps."""
    return (values * own).sum((0, 2), keepdims=True) / np.maximum(own.sum((0, 2), keepdims=True), 1)


def forecasts_frame(
    panel: Panel, said: Mapping[str, Any], y: np.ndarray, places: np.ndarray, levels: np.ndarray
) -> pd.DataFrame:
    """All forecasts as a long table: id, cutoff, time, step, y, and of each method its name, lo-80 and hi-80."""
    origins, n, horizon = y.shape
    keep = np.arange(origins)
    if y.size > KEPT:
        keep = keep[-max(KEPT // (n * horizon), 1) :]
    label, stamp, target = panel.roles
    names = np.empty(n, object)
    names[:] = panel.names
    times = [np.asarray(panel.times[places[k] + 1 : places[k] + 1 + horizon]) for k in keep]
    frame: dict[str, Any] = {
        label: np.tile(np.repeat(names, horizon), len(keep)),
        "cutoff": np.repeat(np.asarray(panel.times[places[keep]]), n * horizon),
        stamp: np.concatenate([np.tile(one, n) for one in times]),
        "step": np.tile(np.arange(1, horizon + 1), n * len(keep)),
        target: y[keep].ravel(),
    }
    low, high = (int(np.argmin(np.abs(levels - one))) for one in (0.1, 0.9))
    for name, one in said.items():
        frame[name] = one.point[keep].ravel()
        frame[f"{name}-lo-80"] = one.quantiles[keep][..., low].ravel()
        frame[f"{name}-hi-80"] = one.quantiles[keep][..., high].ravel()
    return pd.DataFrame(frame)
