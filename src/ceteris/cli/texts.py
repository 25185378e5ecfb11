"""Commands for raw text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ceteris.cli.app import app


@app.command()
def prepare(
    corpus: Annotated[Path, typer.Argument(help="A file or folder: txt, md, jsonl, csv, parquet; also with .gz.")],
    out: Annotated[Path, typer.Option(help="Run folder for the shards and the report.")] = Path("prepared"),
    tokenizer: Annotated[Path | None, typer.Option(help="A folder with a tokenizer; without, one is trained.")] = None,
    vocabulary: Annotated[int, typer.Option(help="Tokens of one that is trained.")] = 8_000,
    kind: Annotated[str, typer.Option(help="bpe, wordpiece or unigram.")] = "bpe",
    column: Annotated[str, typer.Option(help="Where tables and JSON hold the text.")] = "text",
    unit: Annotated[str, typer.Option(help="What is a document in plain text: file, paragraph or line.")] = "file",
    languages: Annotated[list[str] | None, typer.Option(help="A language to keep, such as en; repeat it.")] = None,
    near: Annotated[float, typer.Option(help="Similarity of near duplicates; 1 looks for equal texts.")] = 0.7,
    unwanted: Annotated[Path | None, typer.Option(help="A list of unwanted words, one on a line.")] = None,
    keep_personal: Annotated[bool, typer.Option("--keep-personal", help="Replace no personal data.")] = False,
    test_size: Annotated[float, typer.Option(help="Share of documents set aside.")] = 0.01,
) -> None:
    """Make a corpus ready to train on, and say what was left out.

    Filters, duplicates, personal data; then tokens in files that are mapped into memory.
    """
    from ceteris.text.data.command import prepare_corpus

    prepare_corpus(
        corpus,
        out,
        tokenizer,
        vocabulary,
        kind,
        column,
        unit,
        languages or (),
        near,
        unwanted,
        keep_personal,
        test_size,
    )
