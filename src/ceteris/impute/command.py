"""What ``ceteris impute`` does."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from ceteris.impute.imputer import Imputer
from ceteris.impute.missingness import missingness_report
from ceteris.impute.overimputation import overimpute
from ceteris.outlets import data_csv, say, screen

LARGE = 500 * 2**20  # bytes of a Parquet file from which on it is not read at once


def impute_table(table: pd.DataFrame, path: Any, m: int = 20, out: Any = "completed", seed: int = 0, check: bool = True,
                 group: Any = None, time: Any = None) -> list[Path]:  # fmt: skip
    """Complete a table m times, with a report on what was missing and how well hidden cells are guessed.

    Parameters
    ----------
    table : DataFrame
    path : path of the CSV or Parquet file that it was read from
    m : int
        Completed tables.
    out : path of a folder
        Gets 1.csv (or .parquet) to m.csv and report.html; a file appears under its name when it is whole.
    seed : int
    check : bool
        Whether to over-impute, which takes as long as the imputation.
    group, time : str, optional
        Unit and period of a panel.

    Returns
    -------
    list of paths
    """
    from ceteris.report import Run, report

    path, out = Path(path), Path(out)
    _refuse_none(m)
    imputer = Imputer(seed=seed, group=group, time=time)
    if not table.isna().any().any():
        raise ValueError(f"{path}: there are no missing values, so that there is nothing to impute.")
    settings = {"table": str(path), "m": str(m), "check": str(check)}
    settings |= {role: str(name) for role, name in (("group", group), ("time", time)) if name is not None}
    with Run.create(out, command_of(settings, out, seed), settings, seed) as run:
        sections = [missingness_report(table)]
        say(f"{sections[0].text}\nFitting {imputer.members} nets.")
        imputer.fit(table)
        say(imputer.status_)
        if check:
            over = overimpute(imputer, table, seed=seed)
            sections += over.sections()
            say(screen(over.scores.drop(columns="epochs"), index=False, float_format="{:.3f}".format))
        run.write(tuple(sections))
        names = [write_table(done, out / f"{i + 1}{path.suffix}") for i, done in enumerate(imputer.sample(m))]
    for part in sections:
        for verdict in part.checks:
            say(f"{verdict.verdict:>10}  {verdict.name}: {verdict.sentence}")
    say(f"{m} completed tables in {out}. Report: {report(out)}")
    return names


def command_of(settings: dict[str, str], out: Path, seed: int) -> str:
    """What to type for the same again.

    Examples
    --------
    >>> settings = {"table": "a b.csv", "m": "5", "check": "False", "group": "firm", "time": "year"}
    >>> command_of(settings, Path("completed"), 0)
    "ceteris impute 'a b.csv' -m 5 --out completed --seed 0 --group firm --time year --no-check"
    """
    words = ["ceteris", "impute", settings["table"], "-m", settings["m"], "--out", str(out), "--seed", str(seed)]
    words += [word for role in ("group", "time") if role in settings for word in (f"--{role}", settings[role])]
    return shlex.join(words if settings["check"] == "True" else [*words, "--no-check"])


def is_large(path: Path) -> bool:
    """Whether a file is a Parquet file that is not read at once."""
    return path.suffix.lower() in (".parquet", ".pq") and path.is_file() and path.stat().st_size > LARGE


def impute_large(path: Path, m: int, out: Any, seed: int = 0, group: Any = None, time: Any = None) -> list[Path]:
    """Complete a large Parquet file m times, row group by row group; without a report, and no cells are hidden."""
    from ceteris.impute.stream import impute_parquet

    _refuse_none(m)
    say(
        f"{path} has more than {LARGE / 2**20:.0f} MB: completing it row group by row group, {m} times, without a "
        "report and without hiding known cells.",
    )
    return impute_parquet(path, out, m, Imputer(seed=seed, group=group, time=time))


def write_table(table: pd.DataFrame, path: Path) -> Path:
    """Write a table beside its name, then give it that name: a killed run leaves whole files or none."""
    partial = path.with_name(path.name + ".partial")
    try:
        data_csv(table, partial) if path.suffix.lower() == ".csv" else table.to_parquet(partial)
        return partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _refuse_none(m: int) -> None:
    if m < 1:
        raise ValueError(f"-m: {m} was given, but at least one completed table is needed.")
