"""The command for time series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ceteris.cli.app import Decimal, Ignore, Seed, Separator, Types, app, reading


@app.command()
def forecast(
    data: Annotated[Path, typer.Argument(help="A long table, a row for each series and time: CSV or Parquet.")],
    time: Annotated[str, typer.Option(help="The column of the time.")],
    target: Annotated[str, typer.Option(help="The column to forecast.")],
    id_: Annotated[str | None, typer.Option("--id", help="The column that names the series; none for one.")] = None,
    horizon: Annotated[int, typer.Option(help="Steps ahead.")] = 12,
    out: Annotated[Path | None, typer.Option(help="Run folder.  [default: runs/NAME-forecast]")] = None,
    net: Annotated[str, typer.Option(help="mlp, linear, nhits, lstm, gru, tcn, transformer, or none.")] = "mlp",
    origins: Annotated[int, typer.Option(help="Past origins to compare methods from; 0 compares none.")] = 12,
    season: Annotated[int | None, typer.Option(help="Steps after which the season comes again.")] = None,
    freq: Annotated[str | None, typer.Option(help="Frequency, such as MS, where it cannot be told.")] = None,
    static: Annotated[list[str] | None, typer.Option(help="A column that is constant in a series; repeat it.")] = None,
    known: Annotated[list[str] | None, typer.Option(help="A column whose future is known; repeat it.")] = None,
    past: Annotated[list[str] | None, typer.Option(help="A column whose future is not known; repeat it.")] = None,
    future: Annotated[Path | None, typer.Option(help="A table with the future of the known columns.")] = None,
    seed: Seed = 0,
    types: Types = None,
    ignore: Ignore = None,
    separator: Separator = None,
    decimal: Decimal = None,
) -> None:
    """Forecast one or many time series, with intervals.

    The report compares methods from past origins, the naive ones among them.
    """
    from ceteris.tables import table_file

    if known and future is None:
        raise ValueError("future is None, but must be a table with the future of the known columns; give --future.")
    roles = tuple(name for name in (id_, time, target) if name is not None)
    covariates = {"static": tuple(static or ()), "known": tuple(known or ()), "past": tuple(past or ())}
    needed = (*roles, *(name for names in covariates.values() for name in names))
    options = reading(needed, types, ignore, None, separator, decimal)
    table_file(data)
    if future is not None:
        table_file(future)
    from ceteris.sequence.forecast.command import forecast_table
    from ceteris.tables import read_table

    later = None
    if future is not None:
        kept = (*(name for name in (id_, time) if name is not None), *covariates["known"])
        later = read_table(future, options=reading(kept, None, None, None, separator, decimal)).frame
    forecast_table(
        read_table(data, options=options), data, out or Path("runs") / f"{data.stem}-forecast", time, target, id_,
        horizon, net, origins, season, freq, covariates, later, seed, options,
    )  # fmt: skip
