"""Commands for tables with holes: fill them, and pool what is estimated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ceteris.cli.app import Decimal, Id, Ignore, Seed, Separator, Types, app, reading


@app.command()
def impute(
    data: Annotated[Path, typer.Argument(help="A table with holes: CSV or Parquet.")],
    m: Annotated[int, typer.Option("-m", help="How many completed tables.")] = 20,
    out: Annotated[Path, typer.Option(help="Folder for the tables and the report.")] = Path("completed"),
    method: Annotated[
        str, typer.Option(help="nets, chained, iterative, hot-deck, midas, adversarial or mean.")
    ] = "nets",
    group: Annotated[str | None, typer.Option(help="Column of the unit, in a panel.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of the period, in a panel.")] = None,
    check: Annotated[bool, typer.Option(help="Hide known cells and see how well they are guessed.")] = True,
    bounds: Annotated[
        list[str] | None, typer.Option(help="COLUMN=LOW:HIGH, limits of a quantity; either may be left out; repeat it.")
    ] = None,
    seed: Seed = 0,
    types: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=KIND: number, category, binary, ordinal, date, text or id; repeat it."),
    ] = None,
    ignore: Ignore = None,
    id_: Id = None,
    separator: Separator = None,
    decimal: Decimal = None,
) -> None:
    """Fill the holes of a table several times, and say how well.

    `ceteris pool` estimates on each of the completed tables and pools.

    A Parquet file of more than 500 MB is completed part by part, without a report.
    """
    from ceteris.impute.methods import parse_bounds, refuse, split_types
    from ceteris.tables import table_file

    refuse(method, group, time)
    limits, (told, kinds) = parse_bounds(bounds or ()), split_types(types or ())
    needed = (*(name for name in (group, time) if name is not None), *kinds, *limits)
    options = reading(needed, told, ignore, id_, separator, decimal)
    table_file(data)  # before anything is imported that takes seconds
    from ceteris.impute.command import impute_large, impute_table, is_large
    from ceteris.tables import read_table

    rest = (group, time, options, method, kinds, limits)
    if is_large(data):
        impute_large(data, m, out, seed, *rest)
    else:
        impute_table(read_table(data, options=options), data, m, out, seed, check, *rest)


@app.command()
def pool(
    folder: Annotated[Path, typer.Argument(help="Where `ceteris impute` wrote its completed tables.")],
    y: Annotated[str, typer.Option(help="The column of the outcome.")],
    x: Annotated[list[str] | None, typer.Option(help="Columns it is regressed on, with commas between.")] = None,
    cluster: Annotated[list[str] | None, typer.Option(help="A column of clusters; two at most.")] = None,
    model: Annotated[str, typer.Option(help="ols, logit, poisson or mean.")] = "ols",
    covariance: Annotated[str, typer.Option(help="Standard errors: robust or classic.")] = "robust",
    test: Annotated[
        list[str] | None, typer.Option(help='A joint hypothesis, such as "age = educ = 0"; repeat it.')
    ] = None,
    method: Annotated[str, typer.Option(help="Of these tests: D1, D2 or D3.")] = "D1",
    level: Annotated[float, typer.Option(help="Of intervals.")] = 0.95,
    out: Annotated[Path | None, typer.Option(help="Run folder for a report; none is written without it.")] = None,
    types: Types = None,
    separator: Separator = None,
    decimal: Decimal = None,
) -> None:
    """Pool a regression over completed tables.

    It is fitted on each of them, and the results are pooled by Rubin's rules.
    """
    from ceteris.impute.methods import refuse_pool, refuse_tests

    refuse_pool(folder, x, model, level)
    refuse_tests(covariance, method, bool(test), bool(cluster))
    from ceteris.impute.pool_command import pool_folder

    options = reading((), types, None, None, separator, decimal)
    rest = (covariance, tuple(test or ()), method)
    pool_folder(folder, y, tuple(x or ()), tuple(cluster or ()), model, level, out, options, *rest)
