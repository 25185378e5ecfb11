"""The demonstration: an economy, an effect, a survey, a text and a table, each small and real, in one report."""

from __future__ import annotations

import importlib
import shlex
import time
from dataclasses import replace
from pathlib import Path

from ceteris.demo.part import Part
from ceteris.evidence import Section, Table
from ceteris.outlets import say

PARTS = ("economy", "effect", "survey", "words", "table")
INTRODUCTION = (
    "Five small jobs, one per kind of work: an economy is solved, an effect estimated, a survey imputed, a text read, "
    "a table predicted. What is fitted differs, what is done does not: a hypothesis is chosen, a loss defined and "
    "minimised, and then it is said how good the answer is. In three of the five the data were simulated, so that the "
    "truth is known; it is shown beside the answer. An economy's equations can be put to the test, and a table has "
    "rows that were set aside.\n\n"
    "The last column says how to do the same with data or a model of one's own."
)


def run_demo(out: Path, seed: int = 0) -> Path:
    """Run the five jobs and write one report.

    Parameters
    ----------
    out : Path
        Run folder to write.
    seed : int
        Seed of all random numbers.

    Returns
    -------
    Path
        The HTML page.
    """
    from ceteris.report import Run, report

    command = f"ceteris demo --out {shlex.quote(str(out))} --seed {seed}"
    with Run.create(out, command, {"title": "Five small jobs", "parts": list(PARTS)}, seed) as run:
        run.write(sections(seed))
    return report(out)


def sections(seed: int = 0, names: tuple[str, ...] = PARTS) -> tuple[Section, ...]:
    """Do the jobs one after the other, saying what comes out, and return what the report shows."""
    parts = {}
    for number, name in enumerate(names, 1):
        module = importlib.import_module(f"ceteris.demo.{name}")
        say(f"{number} of {len(names)}  {module.TITLE} …")
        start = time.perf_counter()
        parts[f"{number}. {module.TITLE}"] = found = module.part(seed)
        say(f"        {found.answer} ({time.perf_counter() - start:.0f} s)")
    return (overview(parts), *(section for title, part in parts.items() for section in group(title, part)))


def overview(parts: dict[str, Part]) -> Section:
    """What was asked and what came out, a row per job."""
    import pandas as pd

    rows = [(title, part.question, part.answer, part.own) for title, part in parts.items()]
    frame = pd.DataFrame(rows, columns=["job", "question", "answer", "with your own"])
    return Section("What this shows", INTRODUCTION, (Table("Five jobs", frame),))


def group(title: str, part: Part) -> tuple[Section, ...]:
    """The sections of a job: its answer first, the evidence under titles with its number."""
    number = title.split(".")[0]
    first, *others = part.sections
    text = f"{part.question} {part.answer}\n\n{first.text}\n\nWith your own: {part.own}"
    return replace(first, title=title, text=text), *(
        replace(section, title=f"{number}.{i} {section.title}") for i, section in enumerate(others, 1)
    )
