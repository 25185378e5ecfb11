"""Commands for raw text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ceteris.cli.app import Seed, app


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


@app.command()
def pretrain(
    corpus: Annotated[Path, typer.Argument(help="A file or folder of text, or shards of `ceteris prepare`.")],
    out: Annotated[Path, typer.Option(help="Run folder for the model and the report.")] = Path("pretrained"),
    size: Annotated[str, typer.Option(help="tiny, small or gpt2: 1, 10 or 124 million weights.")] = "tiny",
    objective: Annotated[str, typer.Option(help="causal, masked, next_sentence, joint or spans.")] = "causal",
    steps: Annotated[int, typer.Option(help="Batches to learn from.")] = 1_000,
    length: Annotated[int | None, typer.Option(help="Tokens of a window; by default as the size says.")] = None,
    batch_size: Annotated[int, typer.Option(help="Windows of a batch.")] = 16,
    rate: Annotated[float | None, typer.Option(help="Highest learning rate; by default as the size says.")] = None,
    optimiser: Annotated[str, typer.Option(help="adamw or muon.")] = "adamw",
    tokenizer: Annotated[Path | None, typer.Option(help="A folder with a tokenizer; without, one is trained.")] = None,
    precision: Annotated[str | None, typer.Option(help="single, or mixed for bfloat16 compute.")] = None,
    frugal: Annotated[bool, typer.Option("--frugal", help="Less memory for more work.")] = False,
    seed: Seed = 0,
) -> None:
    """Train a language model from scratch.

    Stopped and called again with the same settings, it goes on where it was.
    """
    from ceteris.text.pretrain.command import pretrain

    pretrain(
        corpus, out, size, objective, steps, length, batch_size, rate, optimiser, tokenizer, precision, frugal, seed
    )
