"""What ``ceteris pool`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ceteris.files import read_json, replace_file
from ceteris.impute.pooling import information_table
from ceteris.impute.regression import pool_regression, read_completed
from ceteris.outlets import json_text, report_csv, say, screen
from ceteris.results import Estimate, Figure, Section, Table
from ceteris.tables import Options, columns_of

ACROSS, MOST = 3, 12  # panels side by side, and all of them
NOTE = (
    "Student's t with the degrees of freedom of Barnard and Rubin. The last column is the share of the information on "
    "a coefficient that the holes have taken."
)


def pool_folder(
    folder: Path, y: str, x: Sequence[str], cluster: Sequence[str] = (), model: str = "ols", level: float = 0.95,
    out: Path | None = None, options: Options | None = None,
) -> Estimate:  # fmt: skip
    """Pool a regression over the completed tables of a folder, print it, and write a report where one is asked for.

    Parameters
    ----------
    folder : Path
        Where ``ceteris impute`` wrote them.
    y : str
    x, cluster : sequence of str
        Columns, several of them with commas between.
    model : {"ols", "logit", "mean"}
    level : float
        Of intervals.
    out : Path, optional
        Run folder for the report, ``estimates.json`` and ``estimates.csv``.
    options : Options, optional
        How the tables are read.
    """
    if out is not None and out.resolve() == folder.resolve():
        raise ValueError(f"out is {out}, but must be another folder than that of the tables; name one.")
    tables = read_completed(folder, (y, *x, *cluster), options)
    columns = list(tables[0])
    x, groups = columns_of("x", x, columns), columns_of("cluster", cluster, columns)
    pooled = pool_regression(tables, y=y, x=x, cluster=groups, model=model)
    table = pooled_table(pooled, level)
    errors = f"by {' and '.join(groups)}" if groups else "robust"
    said = f"{len(tables)} completed tables of {len(tables[0]):,} rows. Standard errors are {errors}."
    for line in (said, *unfinished(folder, len(tables))):
        say(line)
    shown = {"dof": "{:,.0f}".format, "missing information": "{:.0%}".format}
    say(f"\n{pooled.about.method}\n{screen(table, float_format='{:.3f}'.format, formatters=shown)}\n")
    for check in pooled.checks:
        if check.passed is not True or check.name == pooled.checks[-1].name:
            say(f"{check.verdict:>10}  {check.name}: {check.sentence}")
    if out is not None:
        write(out, pooled, table, said, folder, y, x, groups, model, level)
    return pooled


def write(
    out: Path, pooled: Estimate, table: pd.DataFrame, said: str, folder: Path, y: str, x: Sequence[str],
    cluster: Sequence[str], model: str, level: float,
) -> None:  # fmt: skip
    """Write the run folder."""
    from ceteris.report import Run, command_line, report

    options = {"y": y, "x": ",".join(x) or None, "cluster": ",".join(cluster) or None, "model": model, "out": out}
    command = command_line(["ceteris", "pool", folder], {**options, "level": None if level == 0.95 else level})
    with Run.create(out, command, {"folder": folder, **{k: str(v) for k, v in options.items()}}, 0) as run:
        run.write(sections(pooled, table, said))
        replace_file(out / "estimates.json", json_text(pooled.to_dict()))
        replace_file(out / "estimates.csv", report_csv(table.rename_axis("name").reset_index()))
    say(f"Report: {report(out)}")


def pooled_table(pooled: Estimate, level: float) -> pd.DataFrame:
    """The pooled estimates at a level, with degrees of freedom and the share of information that is missing."""
    extra = information_table(pooled)[["dof", "missing information"]]
    return pooled.frame(level).join(extra)


def sections(pooled: Estimate, table: pd.DataFrame, said: str) -> list[Section]:
    """The answer, and how far the completed tables differ."""
    text = f"{pooled.about.estimand}\n\n{said}\n\nPooled by Rubin's rules."
    answer = Section(pooled.about.method, text, (Table("Estimates", table, NOTE),), checks=pooled.checks)
    each = pd.DataFrame([one.point for one in pooled.splits], columns=pd.Index(pooled.names))
    each.index = pd.RangeIndex(1, len(each) + 1, name="table")
    between = Section(
        "Between the tables",
        "What differs from table to table is what the holes leave open.",
        (Table("Estimates by table", each),),
        (by_table(pooled),),
    )
    return [answer, between]


def by_table(pooled: Estimate) -> Figure:
    """Estimates of each completed table, and the pooled ones with their intervals."""
    shown = pooled.names[:MOST]
    low, high = pooled.conf_int().T
    rows = [
        {"name": name, "table": i, "estimate": one.point[k], "pooled": pooled.point[k], "low": low[k], "high": high[k]}
        for k, name in enumerate(shown)
        for i, one in enumerate(pooled.splits, 1)
    ]
    height = 0.8 + 1.9 * -(-len(shown) // ACROSS)
    caption = "Dots: the completed tables. Line and band: the pooled estimate and its 95 % interval."
    return Figure("Estimates by table", caption, pd.DataFrame(rows), _draw, (8.4, height))


def _draw(figure: Any, data: Any) -> None:
    names = list(dict.fromkeys(data["name"]))
    across = min(ACROSS, len(names))
    panels = figure.subplots(-(-len(names) // across), across, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        part = data[data["name"] == name]
        first = part.iloc[0]
        axes.axhspan(first["low"], first["high"], color="C0", alpha=0.15, linewidth=0)
        axes.axhline(first["pooled"], color="C0")
        axes.plot(part["table"], part["estimate"], "o", markersize=3, color="C1")
        axes.set_title(str(name))
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(names) - across) : len(names)]:
        axes.set_xlabel("table")


def unfinished(folder: Path, found: int) -> list[str]:
    """Return a sentence if the run that wrote the tables was to write more of them."""
    path = folder / "run.json"
    if not path.is_file():
        return []
    wanted = str(read_json(path, dict).get("config", {}).get("m", found))
    return [] if wanted == str(found) else [f"{folder} holds {found} tables of {wanted}: its run has not ended."]
