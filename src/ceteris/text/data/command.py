"""What ``ceteris prepare`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ceteris.outlets import say


def prepare_corpus(
    corpus: Path,
    out: Path,
    tokenizer: Path | None = None,
    vocabulary: int = 8_000,
    kind: str = "bpe",
    column: str = "text",
    unit: str = "file",
    languages: Sequence[str] = (),
    near: float = 0.7,
    unwanted: Path | None = None,
    keep_personal: bool = False,
    test_size: float = 0.01,
) -> None:
    """Prepare a corpus for training: shards of tokens in ``out/shards``, and a report on what became of it.

    Parameters
    ----------
    corpus : Path
        A file or a folder.
    out : Path
        Run folder.
    tokenizer : Path, optional
        A folder with a tokenizer; by default one is trained.
    vocabulary, kind, column, unit, test_size
        See `ceteris.text.data.prepare`.
    languages : sequence of str
        Which are kept; all if none is named.
    near : float
        Similarity from which a document is one that was there before; 1 looks for equal ones only.
    unwanted : Path, optional
        A list of words, one on a line.
    keep_personal : bool
        Whether personal data stay in the text.
    """
    if not corpus.exists():  # before anything is imported that takes seconds
        raise FileNotFoundError(f"corpus: there is nothing at {corpus}; give a file or a folder of texts.")
    for name, path in (("tokenizer", tokenizer), ("unwanted", unwanted)):
        if path is not None and not path.exists():
            raise FileNotFoundError(f"{name}: there is nothing at {path}; give a path that is there, or leave it out.")
    from ceteris.report import Run, command_line, report
    from ceteris.text.data.preparing import prepare
    from ceteris.text.data.writing import MANIFEST, SHARDS

    if (out / SHARDS / MANIFEST).exists():
        raise ValueError(f"out: {out} holds shards already; give another folder, or remove it first.")
    words = () if unwanted is None else unwanted.read_text(encoding="utf-8").split()
    options = {"vocabulary": vocabulary, "kind": kind, "column": column, "unit": unit, "near": near,
               "test-size": test_size, "tokenizer": tokenizer, "unwanted": unwanted,
               "keep-personal": keep_personal}  # fmt: skip
    chosen = [word for language in languages for word in ("--languages", language)]
    command = command_line(["ceteris", "prepare", corpus, *chosen], {"out": out} | options)
    with Run.create(out, command, {"corpus": corpus, "languages": list(languages)} | options, 0) as run:
        shards = prepare(
            corpus, out / SHARDS, tokenizer, vocabulary=vocabulary, kind=kind, column=column, unit=unit,
            languages=languages, unwanted=words, near=near if near < 1 else None,
            redact=() if keep_personal else None, test_size=test_size, progress=True,
        )  # fmt: skip
        run.write(shards.sections())
    say(shards.summary())
    say(f"Report: {report(out)}")
