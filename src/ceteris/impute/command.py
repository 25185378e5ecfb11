"""What ``ceteris impute`` does."""

from __future__ import annotations

import shlex
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ceteris.arguments import listed, whole
from ceteris.impute.columns import learn
from ceteris.impute.methods import METHODS, completed_files, refuse, words_of
from ceteris.impute.missingness import missingness_report
from ceteris.impute.overimputation import overimpute
from ceteris.outlets import say, screen
from ceteris.results import Section
from ceteris.tables import Options, ReadTable, plain, survey_parquet

LARGE = 500 * 2**20  # bytes of a Parquet file from which on it is not read at once


def impute_table(table: pd.DataFrame | ReadTable, path: Any, m: int = 20, out: Any = "completed", seed: int = 0,
                 check: bool = True, group: Any = None, time: Any = None, options: Options | None = None,
                 method: str = "nets", kinds: Mapping[str, str] | None = None,
                 bounds: Mapping[str, tuple[float, float]] | None = None) -> list[Path]:  # fmt: skip
    """Complete a table m times, with a report on what was missing and how well hidden cells are guessed.

    Parameters
    ----------
    table : DataFrame or ReadTable
        Columns that were left out in reading are not used, and are in the completed tables as they were.
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
    options : Options, optional
        How the table was read.
    method : str
        One of `ceteris.impute.methods.METHODS`.
    kinds : mapping of column to kind, optional
        Kinds that only imputers know, beside those of ``options``.
    bounds : mapping of column to (lowest, highest), optional
        Limits of quantities.

    Returns
    -------
    list of paths
    """
    from ceteris.report import Run, report

    path, out = Path(path), Path(out)
    whole("-m", m)
    refuse(method, group, time)
    source = table if isinstance(table, ReadTable) else plain(table, path)
    table, options = source.frame, options or Options()
    kinds, bounds = dict(kinds or {}), dict(bounds or {})
    imputer = imputer_for(method, {**kinds_of(options), **kinds}, bounds, seed, group, time)
    if not table.isna().any().any():
        used = " in the columns that are used" if source.left_out else ""
        raise ValueError(f"{path}: there are no missing values{used}, so that there is nothing to impute.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is warned of is said when it is learnt from
        learn(table, imputer._types(table), bounds)  # complains of what cannot be learnt before a folder is made
    source.whole(table)  # reads what is carried along while the file is what it was
    settings = {"table": str(path), "m": str(m), "check": str(check)}
    settings |= {role: str(name) for role, name in (("group", group), ("time", time)) if name is not None}
    command = command_of(settings, out, seed, [*words_of(method, kinds, bounds), *options.words])
    with Run.create(out, command, settings | {"method": method, "reading": list(source.sentences)}, seed) as run:
        for stale in completed_files(out):
            stale.unlink()  # of a run before this one, which may have made more of them
        sections = [source.section(), *missingness_report(table).sections()]
        for text in (*source.sentences, sections[1].text):
            say(text)
        sections += worked(imputer, table, method, check, seed)
        run.write(tuple(sections))
        say(f"Drawing {m} completed tables.")
        tables = (source.whole(done) for done in imputer.sample(m))
        names = [source.write(done, out / f"{i + 1}{path.suffix}") for i, done in enumerate(tables)]
    for part in sections:
        for verdict in part.checks:
            say(f"{verdict.verdict:>10}  {verdict.name}: {verdict.sentence}")
    if source.dialect is not None and source.dialect.sentence:
        say(f"The tables are written as {path} is, but for thousands, which are not set apart.")
    if source.left_out:
        say(f"In them as they were: {listed(source.left_out)}.")
    say(f"{m} completed tables in {out}; `ceteris pool {out}` pools a regression over them. Report: {report(out)}")
    return names


def worked(imputer: Any, table: pd.DataFrame, method: str, check: bool, seed: int) -> list[Section]:
    """Fit, and over-impute where that is asked for, saying what happens."""
    began = time.monotonic()
    say(f"Fitting {method}: {METHODS[method][1]}.")
    imputer.fit(table)
    say(f"Fitted in {time.monotonic() - began:.1f} s. {getattr(imputer, 'status_', '')}".rstrip())
    if not check:
        return []
    say("Checking: a tenth of the observed cells is hidden, all is fitted again, and the draws are held against them.")
    over = overimpute(imputer, table, seed=seed)
    say(screen(over.scores.drop(columns="epochs"), index=False, na_rep="", float_format="{:.3f}".format))
    return list(over.sections())


def imputer_for(
    method: str, kinds: Mapping[str, str], bounds: Mapping[str, tuple[float, float]], seed: int,
    group: Any = None, time: Any = None,
) -> Any:  # fmt: skip
    """Return the imputer of a name, not fitted.

    Examples
    --------
    >>> imputer_for("hot-deck", {}, {"share": (0.0, 1.0)}, 1)
    HotDeck(bounds={'share': (0.0, 1.0)}, random_state=1)
    """
    from ceteris import impute

    panel = {"group": group, "time": time, "progress": True} if method == "nets" else {}
    kind = getattr(impute, METHODS[method][0])
    return kind(types=dict(kinds) or None, bounds=dict(bounds) or None, random_state=seed, **panel)


def kinds_of(options: Options) -> dict[str, str]:
    """What is said of columns, in the words of an imputer."""
    words = {"number": "continuous", "category": "categorical"}
    return {name: words[kind] for name, kind in options.types.items() if kind in words}


def command_of(settings: dict[str, str], out: Path, seed: int, reading: Sequence[str] = ()) -> str:
    """What to type for the same again.

    Examples
    --------
    >>> settings = {"table": "a b.csv", "m": "5", "check": "False", "group": "firm", "time": "year"}
    >>> command_of(settings, Path("completed"), 0)
    "ceteris impute 'a b.csv' -m 5 --out completed --seed 0 --group firm --time year --no-check"
    """
    words = ["ceteris", "impute", settings["table"], "-m", settings["m"], "--out", str(out), "--seed", str(seed)]
    words += [word for role in ("group", "time") if role in settings for word in (f"--{role}", settings[role])]
    return shlex.join([*words, *reading] if settings["check"] == "True" else [*words, "--no-check", *reading])


def is_large(path: Path) -> bool:
    """Whether a file is a Parquet file that is not read at once."""
    return path.suffix.lower() in (".parquet", ".pq") and path.is_file() and path.stat().st_size > LARGE


def impute_large(path: Path, m: int, out: Any, seed: int = 0, group: Any = None, time: Any = None,
                 options: Options | None = None, method: str = "nets", kinds: Mapping[str, str] | None = None,
                 bounds: Mapping[str, tuple[float, float]] | None = None) -> list[Path]:  # fmt: skip
    """Complete a large Parquet file m times, row group by row group; without a report, and no cells are hidden."""
    from ceteris.impute.stream import impute_parquet

    whole("-m", m)
    refuse(method, group, time)
    if method != "nets":
        raise ValueError(
            f"method is {method}, but must be nets for a file of more than {LARGE / 2**20:.0f} MB, which is completed "
            "row group by row group; leave it out."
        )
    options = options or Options()
    left, sentences = survey_parquet(path, options)
    types = {**kinds_of(options), **(kinds or {}), **dict.fromkeys(left, "ignore")}
    say(
        f"{path} has more than {LARGE / 2**20:.0f} MB: completing it row group by row group, {m} times, without a "
        "report and without hiding known cells."
    )
    for sentence in sentences:
        say(sentence)
    imputer = imputer_for("nets", types, bounds or {}, seed, group, time)
    return impute_parquet(path, out, m, imputer)
