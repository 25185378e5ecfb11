"""Commands for text and for synthetic tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ceteris.cli.app import Decimal, Id, Ignore, Seed, Separator, Types, app, reading


@app.command()
def embed(
    corpus: Annotated[Path, typer.Argument(help="A text file, one document per line.")],
    out: Annotated[Path, typer.Option(help="Run folder for the vectors and the report.")] = Path("vectors"),
    dimensions: Annotated[int, typer.Option(help="Numbers per word.")] = 100,
    window: Annotated[int, typer.Option(help="Words on either side that count as near.")] = 5,
    epochs: Annotated[int, typer.Option(help="Passes over the text.")] = 5,
    least: Annotated[int, typer.Option(help="Words met less often are left out.")] = 5,
    phrases: Annotated[bool, typer.Option("--phrases", help="Join words that are mostly met side by side.")] = False,
    runs_: Annotated[int, typer.Option("--runs", help="Further runs, to see how steady neighbours are.")] = 0,
    seed: Seed = 0,
) -> None:
    """Learn word vectors from a corpus of one's own."""
    from ceteris.text.words.command import embed

    embed(corpus, out, dimensions, window, epochs, least, phrases, runs_, seed)


@app.command()
def synthesize(
    data: Annotated[Path, typer.Argument(help="A table without holes: CSV or Parquet.")],
    out: Annotated[Path | None, typer.Option(help="Run folder.  [default: runs/NAME-synthetic]")] = None,
    rows: Annotated[int | None, typer.Option(help="How many rows; by default as many as were learnt from.")] = None,
    steps: Annotated[int, typer.Option(help="Rounds of training.")] = 3_000,
    seed: Seed = 0,
    types: Types = None,
    ignore: Ignore = None,
    id_: Id = None,
    separator: Separator = None,
    decimal: Decimal = None,
) -> None:
    """Write a table like this one of rows that are nobody's.

    The report says how like it is, and how safe.
    """
    from ceteris.tables import table_file

    table_file(data)
    from ceteris.synthesis.command import synthesize
    from ceteris.tables import read_table

    options = reading((), types, ignore, id_, separator, decimal)
    out = out or Path("runs") / f"{data.stem}-synthetic"
    synthesize(read_table(data, options=options), data, out, rows, steps, seed, options)
