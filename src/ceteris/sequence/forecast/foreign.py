"""Methods of statsforecast, an extra, from the same origins."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ceteris.sequence.forecast.frame import Panel

FOREIGN = ("AutoARIMA", "AutoETS", "AutoTheta", "AutoCES")


def foreign_origins(
    name: str, panel: Panel, horizon: int, places: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return forecasts and quantiles of a method of statsforecast from some origins, each a fit of its own.

    Returns
    -------
    point : array, shape (origins, series, horizon)
    quantiles : array, shape (origins, series, horizon, levels)
    status : str
    """
    try:
        from statsforecast import models  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ValueError(
            f"methods: {name} is of statsforecast, which could not be imported ({error}); pip install "
            "'ceteris[forecast]'."
        ) from None
    n = len(panel.names)
    point = np.full((len(places), n, horizon), np.nan)
    quantiles = np.full((*point.shape, len(levels)), np.nan)
    covers = sorted({round(100 * abs(2 * one - 1), 6) for one in levels} - {0.0})
    for i in range(n):
        for k, at in enumerate(places):
            past = pd.Series(panel.y[i, panel.first[i] : at + 1]).ffill().to_numpy()
            if len(past) < max(2 * panel.season, 8) or panel.last[i] < at:
                continue
            found = getattr(models, name)(season_length=panel.season).forecast(y=past, h=horizon, level=covers)
            point[k, i] = found["mean"]
            for j, one in enumerate(levels):
                cover = round(100 * abs(2 * one - 1), 6)
                side = "lo" if one < 0.5 else "hi"
                quantiles[k, i, :, j] = found["mean"] if cover == 0 else found[f"{side}-{cover}"]
    return point, quantiles, "ok"
