"""The ``ceteris`` command: a door. Each command imports what it needs when it is called."""

from __future__ import annotations

import logging
import shlex
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceteris.arguments import one_of, probability
from ceteris.cli import effects, holes, others, series, texts
from ceteris.cli.app import Decimal, Id, Ignore, Out, Seed, Separator, Types, app, reading
from ceteris.outlets import prose, say, screen
from ceteris.stopping import Stopped, stoppable

if TYPE_CHECKING:
    from ceteris.results import Section

USER_ERRORS = (ValueError, TypeError, OSError, ImportError, RuntimeError, FloatingPointError)
TASKS = ("auto", "regression", "classification")
NEURAL = "neural net"


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a user's error becomes one line on stderr and exit code 2.

    Parameters
    ----------
    arguments : list of str, optional
        By default those of the process. ``--debug``, anywhere, lets errors through with their traceback.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        with stoppable(), warnings.catch_warnings():
            if "--debug" not in arguments:
                quiet()
            app(args=[word for word in arguments if word != "--debug"], prog_name="ceteris")
    except Stopped as stop:
        print("\n" + " ".join([stop.sentence, *getattr(stop, "__notes__", ())]), file=sys.stderr)
        raise SystemExit(stop.code) from None
    except USER_ERRORS as error:
        if "--debug" in arguments:
            raise
        print("error:", prose(error), file=sys.stderr)
        raise SystemExit(2) from None


def quiet() -> None:
    """Let no other library speak to the user: neither by a warning nor by what it logs, short of an error."""
    warnings.showwarning = _say_warning
    for name in ("absl", "jax", "matplotlib", "numba"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _say_warning(message: object, category: object, filename: str, *where: object) -> None:
    """Print a warning of ours as one line; what other libraries warn their callers of is nothing to a user."""
    if {"ceteris", "typer"} & set(Path(filename).parts) and str(message).endswith("."):  # ours are sentences
        print("warning:", prose(message), file=sys.stderr)


def _version(asked: bool) -> None:
    if asked:
        from ceteris.version import __version__

        print(f"ceteris {__version__}")
        raise typer.Exit


@app.callback()
def door(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """Neural networks for economics, business research and social science, with the evidence."""


@app.command()
def demo(out: Out = Path("runs/demo"), seed: Seed = 0) -> None:
    """Run five small real jobs and write one report.

    An economy is solved, an effect estimated, a survey imputed, a text read and a table predicted.
    """
    from ceteris.demo import run_demo

    say(f"Report: {run_demo(out, seed)}")


@app.command()
def fit(
    data: Annotated[Path, typer.Argument(help="A CSV or Parquet file, one row per observation.")],
    target: Annotated[str, typer.Option(help="The column to predict.")],
    out: Annotated[Path | None, typer.Option(help="Run folder to write.  [default: runs/NAME]")] = None,
    seed: Seed = 0,
    task: Annotated[str, typer.Option(help="auto, regression or classification.")] = "auto",
    test_size: Annotated[float, typer.Option(help="Share of rows set aside and used once.")] = 0.2,
    groups: Annotated[str | None, typer.Option(help="A column of groups: judged on groups not learnt from.")] = None,
    time: Annotated[str | None, typer.Option(help="A column of time: judged on what comes later.")] = None,
    blend: Annotated[bool, typer.Option("--blend", help="Add a weighted mean of all learners.")] = False,
    types: Types = None,
    ignore: Ignore = None,
    id_: Id = None,
    separator: Separator = None,
    decimal: Decimal = None,
) -> None:
    """Train on a table and write a report.

    The network is compared with the classical learners on rows that none of them has seen, and its weights
    are saved in the run folder.
    """
    from ceteris.tables import table_file

    one_of("task", task, TASKS)
    probability("test_size", test_size, such_as=0.2)
    table_file(data)  # before anything is imported that takes seconds
    from ceteris.files import free_folder
    from ceteris.learners.candidates import read_rows
    from ceteris.learners.design import take_out
    from ceteris.report import Run
    from ceteris.tables import read_table, split_target

    cut = {"groups": groups, "time": time}
    options = reading((target, *filter(None, cut.values())), types, ignore, id_, separator, decimal)
    table = read_table(data, options=options)
    features, y, table = split_target(table, target)
    read_rows(take_out(features, **cut)[0], y, task, None)  # complains of holes and extremes before a folder is made
    out = out or free_folder(Path("runs") / data.stem)
    words = ["ceteris", "fit", data, "--target", target, "--out", out, "--seed", seed, "--task", task]
    words += [word for name, column in cut.items() if column for word in (f"--{name}", column)] + ["--blend"] * blend
    command = shlex.join([str(word) for word in [*words, "--test-size", test_size, *options.words]])
    config = {"data": data, "sha256": _digest(data), "target": target, "task": task, "test_size": test_size}
    with Run.create(out, command, config | {"reading": list(table.sentences)}, seed) as run:
        for sentence in table.sentences:
            say(sentence)
        asked = {"seed": seed, "task": task, "test_size": test_size, "blend": blend, **cut}
        sections, history = _compare(run.folder, features, y, **asked)
        run.write([table.section(), *sections], history)
    _done(run.folder)


@app.command()
def gallery(
    name: Annotated[
        str | None, typer.Argument(help="Which one; without it, all are listed with their sources.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A smaller version, which says what it leaves out.")] = False,
    out: Annotated[Path | None, typer.Option(help="Run folder to write.  [default: runs/gallery-NAME]")] = None,
    seed: Seed = 0,
) -> None:
    """Reproduce a table or figure of the literature, and show what was published beside it."""
    from ceteris.gallery import NAMES
    from ceteris.gallery.items import ITEMS
    from ceteris.gallery.listing import begun, judged, listing

    if name is None:
        say(listing())
        return
    item = ITEMS[one_of("name", name, NAMES)]
    from ceteris.report import Run

    out = out or Path("runs") / f"gallery-{name}"
    words = ["ceteris", "gallery", name, "--out", str(out), "--seed", str(seed)] + ["--quick"] * quick
    config = {"title": item.title, "name": name, "quick": quick}
    with Run.create(out, shlex.join(words), config, seed) as run:
        say(begun(item, quick))
        found = _gallery(name, quick=quick, seed=seed)
        run.write(found)
    say(judged(found))
    _done(run.folder)


@app.command()
def solve(
    model: Annotated[str, typer.Argument(help="A name that `ceteris models` lists, or FILE.py:CLASS.")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="A parameter, such as --set beta=0.95.")] = None,
    precision: Annotated[str, typer.Option(help="double or single.")] = "double",
    tolerance: Annotated[float | None, typer.Option(help="Mean error wanted on fresh states.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; a killed run is continued.  [default: runs/NAME]")
    ] = None,
    seed: Seed = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what an earlier run left in the folder.")] = False,
) -> None:
    """Solve a dynamic equilibrium model and write a report; kill it at any time and call it again to go on."""
    from ceteris.equilibrium.commands import solve_and_report

    one_of("precision", precision, ("double", "single"))
    raise typer.Exit(0 if solve_and_report(model, set_ or [], precision, tolerance, out, seed, fresh) else 1)


@app.command()
def models() -> None:
    """List the models of the library."""
    from ceteris.equilibrium.commands import list_models

    list_models()


@app.command()
def check(model: Annotated[str, typer.Argument(help="FILE.py:CLASS, or a name that `ceteris models` lists.")]) -> None:
    """Examine a model before it is solved, and say what is wrong in the model's own words."""
    from ceteris.equilibrium.commands import check_and_say

    raise typer.Exit(0 if check_and_say(model) else 1)


@app.command()
def report(run: Annotated[Path, typer.Argument(help="A run folder.")]) -> None:
    """Write the report of a run again."""
    _done(run)


@app.command()
def runs(
    root: Annotated[Path, typer.Argument(help="A folder with run folders in it.")] = Path("runs"),
    every: Annotated[bool, typer.Option("--all", help="All of them, not the newest twenty.")] = False,
) -> None:
    """List runs and how they ended, the newest first."""
    from ceteris.report import runs_table
    from ceteris.report.listing import MOST

    say(runs_table(root, None if every else MOST))


@app.command()
def doctor() -> None:
    """Say what is installed and what is missing, and whether compiled programs are kept."""
    from ceteris.doctor import examine

    broken = []
    for finding in examine():
        say(finding.line)
        broken += [finding] if finding.cure else []
    if broken:
        names = ", ".join(finding.name for finding in broken)
        say(f"\nBroken: {names}. To mend it, {'; '.join(dict.fromkeys(finding.cure for finding in broken))}.")
        raise typer.Exit(1)
    say("\nEverything needed works.")


def _compare(folder: Path, features: Any, target: Any, **options: Any) -> tuple[tuple[Section, ...], Any]:
    """Compare learners, save the network's weights, and return the sections and its history."""
    from ceteris.learners import compare

    comparison = compare(features, target, **options)
    say(screen(_headlines(comparison.table), float_format="{:.4g}".format))
    for check in comparison.checks:
        say(check)
    net = comparison.fitted[NEURAL]
    net.save(folder / "model")
    return comparison.sections(), net.history_


def _headlines(table: Any) -> Any:
    """Return the columns of a comparison that fit a terminal; the report has them all."""
    wanted = ("test r2", "test mae", "test rmse", "test accuracy", "test auc", "test f1", "fit seconds", "note")
    return table[[column for column in table if column.startswith("cv ") or column in ("verdict", *wanted)]]


def _gallery(name: str, quick: bool, seed: int) -> tuple[Section, ...]:
    from ceteris import gallery

    return gallery.sections(name, quick=quick, seed=seed)


def _done(folder: Path) -> None:
    from ceteris.report import report

    say(f"Report: {report(folder)}")


def _digest(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
