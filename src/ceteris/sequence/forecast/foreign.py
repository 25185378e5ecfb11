"""Methods of statsforecast and of statsmodels, extras, from the same origins: at each a fit to what was known."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from ceteris.sequence.forecast.frame import Panel

OF_STATSFORECAST = ("AutoARIMA", "AutoETS", "AutoTheta", "AutoCES")
OF_STATSMODELS = ("ARIMA", "ETS")
FOREIGN = (*OF_STATSFORECAST, *OF_STATSMODELS)

ORDERS = ((0, 1), (1, 0), (1, 1), (2, 2))  # p and q, with one difference, and the airline model's season on top
TRENDS: tuple[dict[str, Any], ...] = ({}, {"trend": "add"}, {"trend": "add", "damped_trend": True})

Said = tuple[np.ndarray, np.ndarray]  # forecasts (horizon,) and quantiles (horizon, levels)


def foreign_origins(
    name: str, panel: Panel, horizon: int, places: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return forecasts and quantiles of a method of another package from some origins, each a fit of its own.

    Returns
    -------
    point : array, shape (origins, series, horizon)
    quantiles : array, shape (origins, series, horizon, levels)
    status : str
    """
    package, module = ("statsforecast", "models") if name in OF_STATSFORECAST else ("statsmodels", "tsa.api")
    try:
        importlib.import_module(f"{package}.{module}")
    except ImportError as error:
        raise ValueError(
            f"methods: {name} is of {package}, which could not be imported ({error}); pip install 'ceteris[forecast]'."
        ) from None
    n = len(panel.names)
    point = np.full((len(places), n, horizon), np.nan)
    quantiles = np.full((*point.shape, len(levels)), np.nan)
    fits = failed = 0
    for i in range(n):
        model = None
        for k, at in enumerate(places):
            past = pd.Series(panel.y[i, panel.first[i] : at + 1]).ffill().to_numpy()
            if len(past) < max(2 * panel.season, 8) or panel.last[i] < at:
                continue
            if name in OF_STATSFORECAST:
                point[k, i], quantiles[k, i] = _statsforecast(name, past, panel.season, horizon, levels)
                continue
            with warnings.catch_warnings():  # of starting values, and of fits that do not converge, which are counted
                warnings.simplefilter("ignore")
                try:
                    model = _chosen(name, past, panel.season) if model is None else model
                    (point[k, i], quantiles[k, i]), converged = _statsmodels(name, past, model, horizon, levels)
                except np.linalg.LinAlgError:  # a start from which the filter breaks down; no forecast from this origin
                    converged = False
            fits, failed = fits + 1, failed + (not converged)
    return point, quantiles, f"{failed} of {fits} fits did not converge" if failed else "ok"


def _statsforecast(name: str, past: np.ndarray, season: int, horizon: int, levels: np.ndarray) -> Said:
    from statsforecast import models  # pyright: ignore[reportMissingImports]

    covers = [round(100 * abs(2 * one - 1), 6) for one in levels]
    method = getattr(models, name)(season_length=season)
    found = method.forecast(y=past, h=horizon, level=sorted({*covers} - {0.0}))
    sides = [
        "mean" if cover == 0 else f"{'lo' if one < 0.5 else 'hi'}-{cover}"
        for one, cover in zip(levels, covers, strict=True)
    ]
    return found["mean"], np.stack([found[side] for side in sides], axis=-1)


def _chosen(name: str, past: np.ndarray, season: int) -> dict[str, Any]:
    """Return the settings of the model of lowest AIC, at the first origin of a series."""
    if name == "ARIMA":
        own = {"seasonal_order": (0, 1, 1, season)} if season > 1 else {}
        models = [{"order": (p, 1, q), **own} for p, q in ORDERS]
    else:
        own = {"seasonal": "add", "seasonal_periods": season} if season > 1 else {}
        models = [{**trend, **own} for trend in TRENDS]
    return min(models, key=lambda settings: _fitted(name, past, settings).aic)


def _fitted(name: str, past: np.ndarray, settings: dict[str, Any]) -> Any:
    from statsmodels.tsa.api import SARIMAX, ETSModel

    return {"ARIMA": SARIMAX, "ETS": ETSModel}[name](pd.Series(past), **settings).fit(disp=False, maxiter=500)


def _statsmodels(
    name: str, past: np.ndarray, settings: dict[str, Any], horizon: int, levels: np.ndarray
) -> tuple[Said, bool]:
    """A fit, in units in which optimisers start well, and whether it converged; forecasts of both models are normal."""
    scale = past.std() or 1.0
    fit = _fitted(name, past / scale, settings)
    ahead = fit.get_prediction(len(past), len(past) + horizon - 1)
    spread = ahead.se_mean if name == "ARIMA" else np.sqrt(ahead.forecast_variance)
    mean, spread = scale * np.asarray(ahead.predicted_mean), scale * np.asarray(spread)
    return (mean, mean[:, None] + spread[:, None] * norm.ppf(levels)), bool(fit.mle_retvals.get("converged", True))
