"""What ``ceteris effect`` does."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import listed, one_of
from ceteris.causal.designs import Way, coded, is_binary, ways, with_first_treated
from ceteris.causal.question import DESIGNS, Question
from ceteris.causal.rows import read_rows
from ceteris.causal.sections import report_sections
from ceteris.estimates.words import answer
from ceteris.files import replace_file
from ceteris.outlets import json_text, report_csv, say, screen
from ceteris.report import Run, command_line, report
from ceteris.results import SINGLE, Estimate, Section, Table
from ceteris.tables import Options, ReadTable, columns_of, parts_of, read_table

NUMBERS = ("partially-linear", "regression", "iv")  # designs whose treatment may be any number
FILES = ("estimates.json", "estimates.csv", "effects.csv")  # in the run folder, beside those of the report

OF_THE_TREATMENT = ("Balance", "Sensitivity")  # with an instrument, treatment may depend on anything
BEFORE_AND_AFTER = (
    "From treatment on (0 and later) each period is compared with the last one before treatment, earlier periods with "
    "the one before each."
)


def effect(
    path: Path,
    question: Question,
    out: Path,
    seed: int = 0,
    options: Options | None = None,
    drop_missing: bool = False,
) -> dict[str, Estimate]:
    """Answer a question about an effect from a table, and write the report of it to a run folder.

    ``estimates.json`` and ``estimates.csv`` hold the estimates, ``effects.csv`` the effect of each row where a forest
    is asked for.

    Parameters
    ----------
    path : Path
        Of a CSV or Parquet file.
    question : Question
        Covariates, clusters and instruments as they were typed, several of them with commas between.
    out : Path
        Run folder.
    seed : int
        Of folds and forests.
    options : Options, optional
        How the table is read.
    drop_missing : bool
        Whether rows with holes in the columns used are left out; without it they are refused.

    Returns
    -------
    dict of Estimate
        The one asked for first.
    """
    question.refuse()
    options = options or Options()
    wanted = replace(options, needed=parts_of((*question.needed, *options.needed)))
    source = read_table(path, options=wanted)
    named = with_columns(question, source)
    design, frame, x, sentences = prepared(named, source, drop_missing)
    found = ways(named, design, frame, x, seed)
    refuse(next(iter(found.values())), frame, design)  # before a folder is made
    command = command_line(
        ["ceteris", "effect", path, *words_of(question), *options.words],
        {"drop-missing": drop_missing, "out": out, "seed": seed},
    )
    config = {"data": path, "design": design, "x": list(x), "reading": list(source.sentences)}
    with Run.create(out, command, config, seed) as run:
        for name in FILES:
            (out / name).unlink(missing_ok=True)
        for line in (*source.sentences, *sentences):
            say(line)
        estimates = fitted(found, frame)
        shown = shown_for(estimates, frame, named, x) if named.unit is None else staggered(estimates, named.level)
        say_estimate(next(iter(estimates.values())), named.level)
        say_checks(shown)
        say_others(estimates)
        if named.forest:
            shown, estimates = with_forest(shown, estimates, frame, named, x, seed, out)
        write_estimates(out, estimates, named.level)
        asked = Section("The question", "\n\n".join(sentences))
        run.write([asked, *shown, source.section()])
    say(f"Report: {report(out)}")
    return estimates


def with_columns(question: Question, source: ReadTable) -> Question:
    """Return the question with columns in the place of words, each of them there."""
    for role in ("y", "d", "before", "time", "unit", "strata"):
        if getattr(question, role) is not None:
            one_of(role, getattr(question, role), source.order, kind="a column of the data:")
    several = {role: columns_of(role, getattr(question, role), source.order) for role in ("cluster", "iv")}
    x = None if question.x is None else columns_of("x", question.x, source.order)
    return replace(question, x=x, **several)


def prepared(
    question: Question, source: ReadTable, drop_missing: bool
) -> tuple[str, pd.DataFrame, tuple[str, ...], list[str]]:
    """Return design, rows, covariates, and sentences that say what is asked of which rows."""
    roles = replace(question, x=None).needed
    told = question.design_named
    adjusts = told is None or DESIGNS[told].adjusts
    others = tuple(name for name in source.frame if name not in roles)
    x = question.x if question.x is not None else (others if adjusts else ())
    frame: Any = source.frame[list(dict.fromkeys((*roles, *x)))]
    frame, left_out = without_holes(frame, drop_missing)
    frame, labels = coded(frame, question)
    binary = is_binary(frame[question.d])
    design = told or ("interactive" if binary else "partially-linear")
    if told is None:
        question.refuse_for(design)
    frame = with_first_treated(frame, question) if question.unit is not None else frame
    counted = f"{len(frame):,} rows{left_out}. Outcome {question.y!r}, treatment {question.d!r}"
    ones = int(np.sum(frame[question.d] == 1)) if binary else 0
    counted += f" (1 in {ones:,} rows, 0 in {len(frame) - ones:,})." if binary else " (numbers)."
    taken = "all other columns" if question.x is None and x else "as named"
    covariates = f"Covariates, {taken}: {listed(x)}." if x else "No covariates."
    what = f"Design {design}: {DESIGNS[design].title}, {DESIGNS[design].what}."
    return design, frame, x, [line for line in (counted, labels, covariates, what) if line]


def refuse(way: Way, frame: pd.DataFrame, design: str) -> None:
    """Raise if the rows are not such as the estimator takes."""
    roles = {"d" if role == "group" else role: columns for role, columns in way.roles.items() if columns}
    extra = {role: roles.pop(role) for role in ("before", "time", "unit") if role in roles}
    read_rows(
        frame, **roles, binary=design not in NUMBERS and "unit" not in extra,
        extra={role: name for role, name in extra.items() if role != "unit"},
    )  # fmt: skip


def without_holes(frame: pd.DataFrame, drop: bool) -> tuple[pd.DataFrame, str]:
    """Return the rows without holes and how many were left out, or refuse them."""
    holes: Any = frame.isna().sum()
    if not holes.any():
        return frame, ""
    if not drop:
        where = listed(f"{count} in {name!r}" for name, count in holes[holes > 0].items())
        raise ValueError(
            f"data: {int(frame.isna().any(axis=1).sum())} of {len(frame)} rows have missing values ({where}), but must "
            "have none; leave those rows out by --drop-missing, or fill them by `ceteris impute`."
        )
    kept = frame.dropna().reset_index(drop=True)
    if len(kept) < 2:
        raise ValueError(
            f"data: {len(kept)} of {len(frame)} rows have no missing values, but must be two at least; fill them by "
            "`ceteris impute`."
        )
    return kept, f", {len(frame) - len(kept):,} with missing values left out"


def fitted(found: Mapping[str, Way], frame: pd.DataFrame) -> dict[str, Estimate]:
    """Estimate in each way; what is only to be compared with may fail, and what a check says is not warned of too."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        estimates = in_turn(found, frame)
    known = {check.sentence for estimate in estimates.values() for check in estimate.checks}
    for one in heard:
        if str(one.message) not in known:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return estimates


def in_turn(found: Mapping[str, Way], frame: pd.DataFrame) -> dict[str, Estimate]:
    """Estimate in one way after the other."""
    estimates = {}
    for name, way in found.items():
        if not estimates:
            say(f"Estimating: {name}.")
        try:
            estimates[name] = way.fit(frame)
        except (ValueError, RuntimeError) as error:
            if not estimates:
                raise
            say(f"{name} is left out: {error}")
    return estimates


def shown_for(
    estimates: Mapping[str, Estimate], frame: pd.DataFrame, question: Question, x: Sequence[str]
) -> list[Section]:
    """The answer, the others, and the evidence for it."""
    say("Looking at overlap, balance, fit and sensitivity.")
    roles = {"y": question.y, "d": question.d, "x": list(x) or None}
    found = report_sections(estimates, frame, **roles, level=question.level)
    return [section for section in found if not (question.iv and section.title in OF_THE_TREATMENT)]


def staggered(estimates: dict[str, Estimate], level: float) -> list[Section]:
    """Group-time effects summed up: one number, by periods since treatment, and by group."""
    from ceteris.causal.estimators.group_time import by_group, event_study, overall

    ((name, every),) = estimates.items()
    study, groups = event_study(every), by_group(every)
    estimates |= {name: overall(every), "By periods since treatment": study, "By group": groups}
    said = f"{BEFORE_AND_AFTER}\n\n{study.about.estimand}"
    return [
        replace(answer(estimates[name], level), title=name),
        replace(answer(study, level), title="By periods since treatment", text=said),
        Section("By group", "Averages over periods from treatment on.", (Table("Groups", groups.frame(level)),)),
    ]


def with_forest(
    shown: list[Section], estimates: dict[str, Estimate], frame: pd.DataFrame, question: Question, x: Sequence[str],
    seed: int, out: Path,
) -> tuple[list[Section], dict[str, Estimate]]:  # fmt: skip
    """Add what a causal forest finds; the effect of each row goes into a file."""
    from ceteris.causal.heterogeneity.for_whom import for_whom

    say("")
    found = for_whom(
        frame, y=question.y, d=question.d, x=list(x), cluster=question.cluster[0] if question.cluster else None,
        level=question.level, seed=seed, say=say,
    )  # fmt: skip
    replace_file(out / "effects.csv", report_csv(found.effects.frame(question.level)))
    say_estimate(found.projection, question.level)
    say_checks(found.sections)
    return [*shown, *found.sections], {
        **estimates,
        "Causal forest": found.average,
        "Best linear projection": found.projection,
    }


def say_estimate(estimate: Estimate, level: float) -> None:
    """Print the table of an estimate; its checks follow with those of the sections."""
    lines = estimate.summary(level=level).split("\n")
    say("\n" + "\n".join(line for line in lines if not line.startswith("! ")) + "\n")


def say_others(estimates: Mapping[str, Estimate]) -> None:
    """Print what the first estimate is to be compared with."""
    rows = {name: (one.point[0], one.se[0]) for name, one in list(estimates.items())[1:] if len(one.names) == 1}
    if rows:
        frame = pd.DataFrame(rows, index=pd.Index(["estimate", "std err"])).T
        say("\nTo compare with:\n" + screen(frame, float_format="{:.3f}".format))


def say_checks(sections: Sequence[Section]) -> None:
    """Print the checks of sections, of each kind those of one; that no single row decides is said if it is not so."""
    known: set[str] = set()
    for section in sections:
        kind = lambda check: check.name if check.name.startswith("no ") else check.name.split()[0]
        new = [check for check in section.checks if kind(check) not in known]
        known |= set(map(kind, new))
        for check in new:
            if check.name != SINGLE or check.passed is False:
                say(f"{check.verdict:>10}  {check.name}: {check.sentence}")


def write_estimates(out: Path, estimates: Mapping[str, Estimate], level: float) -> None:
    """Write all estimates as JSON, and as one table."""
    replace_file(out / "estimates.json", json_text({name: one.to_dict() for name, one in estimates.items()}))
    parts = []
    for name, one in estimates.items():
        part = one.frame(level).assign(n=one.n).rename_axis("of").reset_index()
        part.insert(0, "estimate of", name)
        parts.append(part)
    replace_file(out / "estimates.csv", report_csv(pd.concat(parts, ignore_index=True)))


def words_of(question: Question) -> list[str]:
    """What to type for the same question.

    Examples
    --------
    >>> words_of(Question("wage", "training", x=("age,town",), forest=True))
    ['--y', 'wage', '--d', 'training', '--x', 'age,town', '--forest']
    """
    words = ["--y", question.y, "--d", question.d]
    for name in ("x", "cluster", "iv"):
        words += [word for given in getattr(question, name) or () for word in (f"--{name}", given)]
    for name in ("design", "before", "time", "unit", "strata", "estimand", "folds", "repeats", "treated"):
        value: Any = getattr(question, name)
        words += [] if value is None else [f"--{name}", str(value)]
    return words + ["--forest"] * question.forest + ([] if question.level == 0.95 else ["--level", str(question.level)])
