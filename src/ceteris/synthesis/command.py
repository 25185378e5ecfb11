"""What ``ceteris synthesize`` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ceteris.arguments import whole
from ceteris.outlets import say
from ceteris.tables import Options, ReadTable, plain
from ceteris.tables.magnitude import refuse_extremes

HELD = 0.2  # share of rows that a synthetic table is judged by


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
    from ceteris.report import Run, command_line, report
    from ceteris.synthesis.gan import TableGAN
    from ceteris.synthesis.quality import compare_tables
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
    words = ["ceteris", "synthesize", path, *(options.words if options else ())]
    command = command_line(words, {"out": out, "seed": seed, "rows": rows, "steps": steps})
    gan = TableGAN(steps, random_state=seed, progress=True)
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
