"""Covariates whose future is known: what is said once it is given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import one_of
from ceteris.sequence.forecast.frame import Panel
from ceteris.sequence.forecast.heads import LEVELS
from ceteris.sequence.forecast.learning import quantiles_of
from ceteris.sequence.forecast.rolling import Origins, mixed
from ceteris.sequence.forecast.windows import cut


def future_of(panel: Panel, table: Any, horizon: int) -> np.ndarray:
    """Return known covariates with those after the last values, (series, times + horizon, columns).

    Parameters
    ----------
    panel : Panel
    table : data frame
        With columns of the id (where there are several series), the time, and each known covariate.
    horizon : int
        Steps that are needed.
    """
    names: tuple[str, ...] = panel.columns["known"]
    label, stamp, _ = panel.roles
    if table is None:
        raise ValueError(
            f"known is None, but must be a table with the next {horizon} values of {', '.join(names)}; give one."
        )
    import narwhals.stable.v1 as nw

    frame = nw.from_native(table, eager_only=True)
    columns = {name: frame[name].to_numpy() for name in frame.columns}
    for name in (stamp, *names, *((label,) if len(panel.names) > 1 else ())):
        one_of("known", name, columns, kind="a table whose columns are")
    only: Any = next(iter(panel.names))
    own = columns.get(label, np.full(len(columns[stamp]), only, dtype=object))
    found = np.concatenate([panel.known, np.full((len(panel.names), horizon, len(names)), np.nan)], axis=1)
    index = {name: i for i, name in enumerate(panel.names)}
    rows = np.array([index.get(name, -1) for name in own])
    for end in np.unique(panel.last):
        stamps = pd.Index(panel.after(int(end), horizon))
        given = pd.DatetimeIndex(columns[stamp]) if panel.freq else pd.Index(columns[stamp])
        place = stamps.get_indexer(given)
        for i in map(int, np.flatnonzero(panel.last == end)):
            use = (rows == i) & (place >= 0)
            for k, name in enumerate(names):
                found[i, end + 1 + place[use], k] = np.asarray(columns[name], float)[use]
            _refuse_holes(panel, found[i, end + 1 : end + 1 + horizon], i, stamps, names)
    return found


def _refuse_holes(panel: Panel, later: np.ndarray, i: int, stamps: Any, names: tuple[str, ...]) -> None:
    holes = np.argwhere(~np.isfinite(later))
    if len(holes):
        h, k = holes[0]
        called = "the series" if len(panel.names) == 1 else f"series {panel.names[i]!r}"
        raise ValueError(
            f"known: {called} has no {names[k]!r} for {stamps[h]}, but must have the next {len(later)} values of it; "
            "add them."
        )


def with_last(forecaster: Any, known: np.ndarray) -> Origins:
    """Return what is said from past origins and, with this future of covariates, from the last value of each series."""
    panel, origins = forecaster.panel_, forecaster.origins_
    if forecaster.nets_ is None:
        return origins
    windows = cut(panel, origins.base, forecaster.window_, 10**9, int(panel.last.min()), known)
    own = windows.take(np.flatnonzero(windows.origin == panel.last[windows.series]))
    said = quantiles_of(forecaster.nets_, forecaster, own, forecaster.horizon, np.array(LEVELS))
    net, share, point = origins.net.copy(), origins.share.copy(), origins.point.copy()
    net[own.series, own.origin] = said
    share[own.series, own.origin] = origins.earned[own.series, own.origin]
    point[own.series, own.origin] = mixed(
        share[own.series, own.origin], origins.base[own.series, own.origin], said[..., len(LEVELS) // 2]
    )
    return replace(origins, net=net, share=share, point=point)
