"""What ``ceteris embed`` and ``ceteris synthesize`` do."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd

from ceteris.arguments import whole
from ceteris.outlets import say
from ceteris.tables import Options, ReadTable, plain
from ceteris.tables.magnitude import refuse_extremes

HELD = 0.2  # share of rows that a synthetic table is judged by


def embed(
    path: Path,
    out: Path,
    dimensions: int = 100,
    window: int = 5,
    epochs: int = 5,
    least: int = 5,
    phrases: bool = False,
    runs: int = 0,
    seed: int = 0,
) -> None:
    """Learn word vectors from a text file, one document per line, and write vectors and report to a run folder.

    ``vectors.safetensors`` and ``vectors.txt`` appear whole or not at all.

    Parameters
    ----------
    path : Path
    out : Path
        Run folder.
    dimensions, window, epochs : int
        See `ceteris.represent.SkipGram`.
    least : int
        Words that occur less often are left out.
    phrases : bool
        Whether to join words that are mostly met side by side.
    runs : int
        Further runs on samples of the documents, to see how steady the neighbours are; 0 for none.
    seed : int
    """
    from ceteris.report import Run, report
    from ceteris.represent.words.corpus import join_phrases, read_corpus
    from ceteris.represent.words.sections import word_sections
    from ceteris.represent.words.skip_gram import SkipGram, refuse_short
    from ceteris.represent.words.stability import fit_many

    model = SkipGram(dimensions, window, epochs=epochs, seed=seed)
    if runs < 0 or runs == 1:
        raise ValueError(f"runs: {runs} was given, but a spread needs at least 2 runs; give 0 for none.")
    corpus = read_corpus(path, least)
    corpus = join_phrases(corpus, least=least) if phrases else corpus
    refuse_short(corpus, window, "embed")
    config = {"corpus": path, "dimensions": dimensions, "window": window, "epochs": epochs, "least": least,
              "phrases": phrases, "runs": runs}  # fmt: skip
    command = _command("embed", path, out, seed, config)
    with Run.create(out, command, config, seed) as run:
        vectors = model.fit(corpus, progress=True)
        vectors.save(out / "vectors.safetensors")
        vectors.save_text(out / "vectors.txt")
        ensemble = fit_many(model, corpus, runs, seed=seed) if runs else None
        run.write(word_sections(corpus, vectors, ensemble))
    say(f"{len(vectors):,} vectors of {dimensions} numbers in {out / 'vectors.safetensors'} and {out / 'vectors.txt'}.")
    say(f"Report: {report(out)}")


def synthesize(
    table: pd.DataFrame | ReadTable,
    path: Path,
    out: Path,
    rows: int | None = None,
    steps: int = 3_000,
    seed: int = 0,
    options: Options | None = None,
) -> None:
    """Learn a table, write synthetic rows and say how good they are.

    A fifth of the rows is held out for the judgement, so that the generator never sees it. ``synthetic.csv`` appears
    whole or not at all; it is written as the table is, without the columns that were left out in reading.

    Parameters
    ----------
    table : DataFrame or ReadTable
        Without holes.
    path : Path
        Where it was read from.
    out : Path
        Run folder.
    rows : int, optional
        How many to make; by default as many as were learnt from.
    steps : int
        Rounds of training.
    seed : int
    options : Options, optional
        How the table was read.
    """
    from ceteris.report import Run, report
    from ceteris.represent.tables.gan import TableGAN
    from ceteris.represent.tables.quality import compare_tables
    from ceteris.tables.coding import read

    if rows is not None:
        whole("rows", rows)
    source = table if isinstance(table, ReadTable) else plain(table, path)
    frame = source.frame
    for name, column in zip(frame, read(frame).columns, strict=True):  # complains of holes before a folder is made
        if column.dtype != object:
            refuse_extremes("table", name, column)
    order = np.random.default_rng(seed).permutation(len(frame))
    held = round(HELD * len(frame))
    real, heldout = (frame.iloc[part].reset_index(drop=True) for part in (order[held:], order[:held]))
    config = {"data": path, "rows": rows, "steps": steps}
    command = _command("synthesize", path, out, seed, config)
    command = f"{command} {shlex.join(options.words)}" if options is not None and options.words else command
    gan = TableGAN(steps, random_state=seed, verbose=True)
    with Run.create(out, command, config | {"reading": list(source.sentences)}, seed) as run:
        for sentence in source.sentences:
            say(sentence)
        gan.fit(real)
        source.write_text(gan.sample(rows or len(real), random_state=seed), out / "synthetic.csv")
        comparison = compare_tables(real, gan.sample(len(real), random_state=seed + 1), heldout, seed=seed)
        history = gan.history_.iloc[:: max(1, steps // 200)]  # some 200 rounds are enough for a curve
        run.write([source.section(), *comparison.sections()], history)
    for check in comparison.checks:
        say(f"{check.verdict:>10}  {check.name}: {check.sentence}")
    if source.left_out:
        say(f"Not in the synthetic table: {', '.join(map(str, source.left_out))}.")
    say(f"{rows or len(real):,} synthetic rows in {out / 'synthetic.csv'}. Report: {report(out)}")


def _command(name: str, path: Path, out: Path, seed: int, config: dict) -> str:
    """Return what to type to run it again."""
    words = ["ceteris", name, str(path), "--out", str(out), "--seed", str(seed)]
    for option, value in list(config.items())[1:]:
        if value is True:
            words.append(f"--{option}")
        elif value is not None and value is not False:
            words += [f"--{option}", str(value)]
    return shlex.join(words)
