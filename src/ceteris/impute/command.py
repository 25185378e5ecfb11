"""What ``ceteris impute`` does."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from ceteris.impute.imputer import Imputer
from ceteris.impute.missingness import missingness_report
from ceteris.impute.overimputation import overimpute

LARGE = 500 * 2**20  # bytes of a Parquet file from which on it is not read at once


def impute_table(path: Any, m: int = 20, out: Any = "completed", seed: int = 0, check: bool = True, group: Any = None,
                 time: Any = None) -> list[Path]:  # fmt: skip
    """Complete a table m times, with a report on what was missing and how well hidden cells are guessed.

    Parameters
    ----------
    path : path of a CSV or Parquet file
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
    if m < 1:
        raise ValueError(f"-m: {m} was given, but at least one completed table is needed.")
    imputer = Imputer(seed=seed, group=group, time=time)
    if path.suffix == ".parquet" and path.is_file() and path.stat().st_size > LARGE:
        from ceteris.impute.stream import impute_parquet

        print(f"Completing {path} row group by row group, {m} times.", flush=True)
        return impute_parquet(path, out, m, imputer)
    table = read_table(path)
    if not table.isna().any().any():
        raise ValueError(f"{path}: there are no missing values, so that there is nothing to impute.")
    settings = {"table": str(path), "m": str(m)}
    command = shlex.join(["ceteris", "impute", str(path), "-m", str(m), "--out", str(out), "--seed", str(seed)])
    with Run.create(out, command, settings, seed) as run:
        sections = [missingness_report(table)]
        print(f"{sections[0].text}\nFitting {imputer.members} nets.", flush=True)
        imputer.fit(table)
        print(imputer.status_, flush=True)
        if check:
            over = overimpute(imputer, table, seed=seed)
            sections += over.sections()
            print(over.scores.drop(columns="epochs").to_string(index=False, float_format="{:.3f}".format))
        run.write(tuple(sections))
        names = [write_table(done, out / f"{i + 1}{path.suffix}") for i, done in enumerate(imputer.sample(m))]
    for part in sections:
        for verdict in part.checks:
            print(f"{verdict.verdict:>10}  {verdict.name}: {verdict.sentence}")
    print(f"{m} completed tables in {out}. Report: {report(out)}")
    return names


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file.

    Examples
    --------
    >>> read_table(Path("survey.sav"))
    Traceback (most recent call last):
    ...
    ValueError: survey.sav: a file ending in .sav was given, but .csv and .parquet are allowed; convert it.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise ValueError(
            f"{path}: a file ending in {path.suffix} was given, but .csv and .parquet are allowed; convert it."
        )
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file.")
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def write_table(table: pd.DataFrame, path: Path) -> Path:
    """Write a table beside its name, then give it that name: a killed run leaves whole files or none."""
    partial = path.with_name(path.name + ".partial")
    table.to_csv(partial, index=False) if path.suffix == ".csv" else table.to_parquet(partial)
    return partial.replace(path)
