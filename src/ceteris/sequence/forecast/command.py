"""What ``ceteris forecast`` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ceteris.files import replace_file
from ceteris.outlets import data_csv, say, screen
from ceteris.results import Section
from ceteris.sequence.forecast.comparing import COMBINATION, FORECASTER, compare_panel, enter
from ceteris.sequence.forecast.forecaster import Forecaster
from ceteris.sequence.forecast.simple import SIMPLE
from ceteris.tables import Options, ReadTable, plain


def forecast_table(
    table: pd.DataFrame | ReadTable, path: Path, out: Path, time: str, target: str, id: str | None = None,
    horizon: int = 12, net: str = "mlp", origins: int = 12, season: int | None = None, freq: str | None = None,
    covariates: Mapping[str, Sequence[str]] | None = None, future: pd.DataFrame | None = None, seed: int = 0,
    options: Options | None = None,
) -> None:  # fmt: skip
    """Forecast the series of a table, and compare methods from past origins.

    ``forecasts.csv`` appears whole or not at all.

    Parameters
    ----------
    table : DataFrame or ReadTable
    path : Path
        Where it was read from.
    out : Path
        Run folder.
    time, target, id : str
        Columns; without an id there is one series.
    horizon : int
    net : str
        See `ceteris.sequence.Forecaster`; "none" for simple methods alone.
    origins : int
        Past origins; 0 compares nothing.
    season, freq : optional
        As in `ceteris.sequence.Forecaster`.
    covariates : mapping of "static", "known" and "past" to columns, optional
    future : DataFrame, optional
        The future of the known ones.
    seed : int
    options : Options, optional
        How the table was read.
    """
    from ceteris.report import Run, command_line, report

    source = table if isinstance(table, ReadTable) else plain(table, path)
    used = None if net == "none" else net
    forecaster = Forecaster(horizon, used, season=season, freq=freq, random_state=seed)
    forecaster._refuse()
    words = ["ceteris", "forecast", path, *(options.words if options else ())]
    settings = {"time": time, "target": target, "id": id, "horizon": horizon, "net": net, "origins": origins}
    settings |= {"season": season, "freq": freq}
    roles: Any = {name: tuple(columns) for name, columns in (covariates or {}).items()}
    command = command_line(words, {"out": out, "seed": seed} | {k: v for k, v in settings.items() if v is not None})
    forecaster.fit(source.frame, id, time, target, **roles)  # complains of the table before a folder is made
    found = forecaster.predict(known=future)
    compared = None
    if origins:
        methods = enter((*SIMPLE, COMBINATION, FORECASTER), horizon, season, freq, seed)
        compared = compare_panel(forecaster.panel_, methods | {FORECASTER: forecaster}, origins=origins)
    with Run.create(out, command, {"data": path, **settings, "reading": list(source.sentences)}, seed) as run:
        for sentence in source.sentences:
            say(sentence)
        replace_file(out / "forecasts.csv", str(data_csv(found)))
        parts: list[Section] = [source.section(), *forecaster.sections()]
        parts += [] if compared is None else compared.sections()
        run.write(tuple(parts))
    say(forecaster.status_)
    say(screen(found.head(12), index=False, float_format="{:.4g}".format))
    if compared is not None:
        say("")
        say(compared.summary())
    say(f"{len(found):,} forecasts in {out / 'forecasts.csv'}. Report: {report(out)}")
