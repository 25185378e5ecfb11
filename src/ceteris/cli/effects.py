"""The command for effects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ceteris.cli.app import Decimal, Id, Ignore, Seed, Separator, Types, app, reading


@app.command()
def effect(
    data: Annotated[Path, typer.Argument(help="A CSV or Parquet file, one row per unit, or per unit and period.")],
    y: Annotated[str, typer.Option(help="The column of the outcome.")],
    d: Annotated[str, typer.Option(help="The column of the treatment.")],
    x: Annotated[
        list[str] | None,
        typer.Option(help="Covariates, with commas between or repeated.  [default: all other columns]"),
    ] = None,
    cluster: Annotated[list[str] | None, typer.Option(help="A column of clusters; two at most.")] = None,
    design: Annotated[
        str | None,
        typer.Option(help="interactive, partially-linear, regression, matching, weighting, balancing, randomised, iv "
                     "or did.  [default: by the treatment and the other options]"),
    ] = None,
    iv: Annotated[list[str] | None, typer.Option(help="Instruments.")] = None,
    before: Annotated[str | None, typer.Option(help="did: the outcome before treatment.")] = None,
    time: Annotated[str | None, typer.Option(help="did: the period of a row.")] = None,
    unit: Annotated[str | None, typer.Option(help="did: the unit of a row, where there are many periods.")] = None,
    strata: Annotated[str | None, typer.Option(help="randomised: within what treatment was assigned.")] = None,
    estimand: Annotated[str | None, typer.Option(help="ATE, ATT or ATU.")] = None,
    treated: Annotated[str | None, typer.Option(help="The label of the treatment that counts as treated.")] = None,
    forest: Annotated[bool, typer.Option("--forest", help="Ask a causal forest for whom it works.")] = False,
    folds: Annotated[int | None, typer.Option(help="Of cross-fitting.")] = None,
    repeats: Annotated[int | None, typer.Option(help="How often cross-fitting is done with other folds.")] = None,
    level: Annotated[float, typer.Option(help="Of intervals.")] = 0.95,
    drop_missing: Annotated[bool, typer.Option("--drop-missing", help="Leave rows with missing values out.")] = False,
    out: Annotated[Path | None, typer.Option(help="Run folder to write.  [default: runs/NAME-effect]")] = None,
    seed: Seed = 0,
    types: Types = None,
    ignore: Ignore = None,
    id_: Id = None,
    separator: Separator = None,
    decimal: Decimal = None,
) -> None:  # fmt: skip
    """Estimate the effect of a treatment and write a report.

    The report has the evidence too: overlap, balance, fit of what was learnt, sensitivity to what was not measured.
    """
    from ceteris.causal.question import Question
    from ceteris.tables import table_file

    question = Question(
        y, d, None if x is None else tuple(x), tuple(cluster or ()), design, tuple(iv or ()), before, time, unit,
        strata, estimand, folds, repeats, treated, forest, level,
    )  # fmt: skip
    question.refuse()
    path, options = table_file(data), reading((), types, ignore, id_, separator, decimal)
    from ceteris.causal import command
    from ceteris.files import free_folder

    command.effect(
        path, question, out or free_folder(Path("runs") / f"{data.stem}-effect"), seed, options, drop_missing
    )
