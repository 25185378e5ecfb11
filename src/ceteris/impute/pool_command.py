"""What ``ceteris pool`` does."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ceteris.estimates.words import answer
from ceteris.files import read_json, replace_file
from ceteris.impute.regression import pool_regression, read_completed
from ceteris.outlets import json_text, report_csv, say, screen
from ceteris.results import Estimate, Section, Table
from ceteris.tables import Options, columns_of

LEFT_OUT = ("increase in variance", "share of variance")  # of a screen, for room


def pool_folder(
    folder: Path, y: str, x: Sequence[str], cluster: Sequence[str] = (), model: str = "ols", level: float = 0.95,
    out: Path | None = None, options: Options | None = None, covariance: str = "robust", tests: Sequence[str] = (),
    method: str = "D1",
) -> Estimate:  # fmt: skip
    """Pool a regression over the completed tables of a folder, print it, and write a report where one is asked for.

    Parameters
    ----------
    folder : Path
        Where ``ceteris impute`` wrote them.
    y : str
    x, cluster : sequence of str
        Columns, several of them with commas between.
    model : {"ols", "logit", "poisson", "mean"}
    level : float
        Of intervals.
    out : Path, optional
        Run folder for the report, ``estimates.json`` and ``estimates.csv``.
    options : Options, optional
        How the tables are read.
    covariance : {"robust", "classic"}
    tests : sequence of str
        Joint hypotheses.
    method : {"D1", "D2", "D3"}
        Of these tests.
    """
    if out is not None and out.resolve() == folder.resolve():
        raise ValueError(f"out is {out}, but must be another folder than that of the tables; name one.")
    tables = read_completed(folder, (y, *x, *cluster), options)
    columns = list(tables[0])
    x, groups = columns_of("x", x, columns), columns_of("cluster", cluster, columns)
    pooled = pool_regression(
        tables, y=y, x=x, cluster=groups, model=model, covariance=covariance, tests=tests, method=method
    )
    table = pooled_table(pooled, level)
    errors = f"by {' and '.join(groups)}" if groups else covariance
    said = f"{len(tables)} completed tables of {len(tables[0]):,} rows. Standard errors are {errors}."
    for line in (said, *unfinished(folder, len(tables))):
        say(line)
    shown = {"dof": "{:,.0f}".format, "missing information": "{:.0%}".format}
    brief = table.drop(columns=[*LEFT_OUT])
    say(f"\n{pooled.about.method}\n{screen(brief, float_format='{:.3f}'.format, formatters=shown)}")
    say(f"n = {pooled.n}{pooled.details.foot()}\n")
    for test in pooled.details.tests:
        say(f"{test.method:>10}  {test.hypothesis}: {test.words()}")
    for check in pooled.checks:
        if check.passed is not True or check.name == pooled.checks[-1].name:
            say(f"{check.verdict:>10}  {check.name}: {check.sentence}")
    if out is not None:
        asked = {"covariance": covariance if covariance != "robust" else None}
        asked |= {"method": method if tests and method != "D1" else None, "level": None if level == 0.95 else level}
        chosen = {"y": y, "x": ",".join(x) or None, "cluster": ",".join(groups) or None, "model": model, "out": out}
        write(out, pooled, table, said, folder, chosen | asked, level)
    return pooled


def write(
    out: Path, pooled: Estimate, table: pd.DataFrame, said: str, folder: Path, options: dict[str, Any], level: float
) -> None:
    """Write the run folder."""
    from ceteris.report import Run, command_line, report

    tests = "".join(f" --test {shlex.quote(test.hypothesis)}" for test in pooled.details.tests)
    command = command_line(["ceteris", "pool", folder], options) + tests
    with Run.create(out, command, {"folder": folder, **{k: str(v) for k, v in options.items()}}, 0) as run:
        run.write(sections(pooled, said, level))
        replace_file(out / "estimates.json", json_text(pooled.to_dict() | {"tests": tests_of(pooled)}))
        replace_file(out / "estimates.csv", report_csv(table.rename_axis("name").reset_index()))
    say(f"Report: {report(out)}")


def tests_of(pooled: Estimate) -> list[dict[str, Any]]:
    """The joint tests as plain numbers and strings."""
    of = lambda test: {"hypothesis": test.hypothesis, "method": test.method, "statistic": test.statistic}
    dof = lambda test: [value if math.isfinite(value) else None for value in test.dof]
    return [of(test) | {"dof": dof(test), "p_value": test.p_value} for test in pooled.details.tests]


def pooled_table(pooled: Estimate, level: float) -> pd.DataFrame:
    """The pooled estimates at a level, with degrees of freedom and what is missing."""
    return pooled.frame(level).join(pooled.details.information())


def sections(pooled: Estimate, said: str, level: float) -> list[Section]:
    """The answer, and how far the completed tables differ."""
    found = answer(pooled, level)
    text = f"{found.text}\n\n{said}\n\nPooled by Rubin's rules."
    each = pd.DataFrame(pooled.details.points, columns=pd.Index(pooled.names))
    each.index = pd.RangeIndex(1, len(each) + 1, name="table")
    told = "What differs from table to table is what the holes leave open."
    return [replace(found, text=text), Section("Between the tables", told, (Table("Estimates by table", each),))]


def unfinished(folder: Path, found: int) -> list[str]:
    """Return a sentence if the run that wrote the tables was to write more of them."""
    path = folder / "run.json"
    if not path.is_file():
        return []
    wanted = str(read_json(path, dict).get("config", {}).get("m", found))
    return [] if wanted == str(found) else [f"{folder} holds {found} tables of {wanted}: its run has not ended."]
