"""The ``ceteris`` command: a door. Each command imports what it needs when it is called."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceteris.arguments import one_of, probability
from ceteris.outlets import CELL, brief, prose, say, screen
from ceteris.stopping import Stopped, stoppable

if TYPE_CHECKING:
    from ceteris.results import Section
    from ceteris.tables import Options

# Plain help: drawing it with rich would cost more than all the rest of `ceteris --help`.
app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
USER_ERRORS = (ValueError, TypeError, OSError, ImportError, RuntimeError, FloatingPointError)
TASKS = ("auto", "regression", "classification")
NEURAL = "neural net"

Out = Annotated[Path, typer.Option(help="Run folder to write; made if missing.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]
Types = Annotated[
    list[str] | None, typer.Option("--types", help="COLUMN=KIND: number, category, date, text or id; repeat it.")
]
Ignore = Annotated[list[str] | None, typer.Option("--ignore", help="A column to leave out; repeat it.")]
Id = Annotated[list[str] | None, typer.Option("--id", help="A column of identifiers, left out; repeat it.")]
Separator = Annotated[str | None, typer.Option(help="What separates fields, where that cannot be told.")]
Decimal = Annotated[str | None, typer.Option(help="Decimal mark, where it cannot be told: point or comma.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a user's error becomes one line on stderr and exit code 2.

    Parameters
    ----------
    arguments : list of str, optional
        By default those of the process. ``--debug``, anywhere, lets errors through with their traceback.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        with stoppable():
            app(args=[word for word in arguments if word != "--debug"], prog_name="ceteris")
    except Stopped as stop:
        print("\n" + " ".join([stop.sentence, *getattr(stop, "__notes__", ())]), file=sys.stderr)
        raise SystemExit(stop.code) from None
    except USER_ERRORS as error:
        if "--debug" in arguments:
            raise
        print("error:", prose(error), file=sys.stderr)
        raise SystemExit(2) from None


@app.callback()
def door(debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False) -> None:
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
    from ceteris.learners.candidates import read_rows
    from ceteris.report import Run
    from ceteris.tables import read_table, split_target

    one_of("task", task, TASKS)
    probability("test_size", test_size, such_as=0.2)
    options = _options((target,), types, ignore, id_, separator, decimal)
    table = read_table(data, options=options)
    features, y, table = split_target(table, target)
    read_rows(features, y, task, None)  # complains of holes and extremes before a folder is made
    from ceteris.files import free_folder

    out = out or free_folder(Path("runs") / data.stem)
    words = ["ceteris", "fit", data, "--target", target, "--out", out, "--seed", seed, "--task", task]
    command = shlex.join([str(word) for word in [*words, "--test-size", test_size, *options.words]])
    config = {"data": data, "sha256": _digest(data), "target": target, "task": task, "test_size": test_size}
    with Run.create(out, command, config | {"reading": list(table.sentences)}, seed) as run:
        for sentence in table.sentences:
            say(sentence)
        sections, history = _compare(run.folder, features, y, seed=seed, task=task, test_size=test_size)
        run.write([table.section(), *sections], history)
    _done(run.folder)


@app.command()
def gallery(
    name: Annotated[str | None, typer.Argument(help="Which one; without it, their names are listed.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A smaller version, in seconds.")] = False,
    out: Annotated[Path | None, typer.Option(help="Run folder to write.  [default: runs/gallery-NAME]")] = None,
    seed: Seed = 0,
) -> None:
    """Reproduce a table or figure of the literature."""
    from ceteris.gallery import NAMES
    from ceteris.report import Run

    if name is None:
        print("\n".join(NAMES))
        return
    one_of("name", name, NAMES)
    out = out or Path("runs") / f"gallery-{name}"
    words = ["ceteris", "gallery", name, "--out", str(out), "--seed", str(seed)] + ["--quick"] * quick
    with Run.create(out, shlex.join(words), {"name": name, "quick": quick}, seed) as run:
        run.write(_gallery(name, quick=quick, seed=seed))
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
def impute(
    data: Annotated[Path, typer.Argument(help="A table with holes: CSV or Parquet.")],
    m: Annotated[int, typer.Option("-m", help="How many completed tables.")] = 20,
    out: Annotated[Path, typer.Option(help="Folder for the tables and the report.")] = Path("completed"),
    group: Annotated[str | None, typer.Option(help="Column of the unit, in a panel.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of the period, in a panel.")] = None,
    check: Annotated[bool, typer.Option(help="Hide known cells and see how well they are guessed.")] = True,
    seed: Seed = 0,
    types: Types = None,
    ignore: Ignore = None,
    id_: Id = None,
    separator: Separator = None,
    decimal: Decimal = None,
) -> None:
    """Fill the holes of a table several times, and say how well: pool what is estimated on each.

    A Parquet file of more than 500 MB is completed part by part, without a report.
    """
    from ceteris.impute.command import impute_large, impute_table, is_large
    from ceteris.tables import read_table

    needed = tuple(name for name in (group, time) if name is not None)
    options = _options(needed, types, ignore, id_, separator, decimal)
    if is_large(data):
        impute_large(data, m, out, seed, group, time, options)
    else:
        impute_table(read_table(data, options=options), data, m, out, seed, check, group, time, options)


@app.command()
def embed(
    corpus: Annotated[Path, typer.Argument(help="A text file, one document per line.")],
    out: Annotated[Path, typer.Option(help="Run folder for the vectors and the report.")] = Path("vectors"),
    dimensions: Annotated[int, typer.Option(help="Numbers per word.")] = 100,
    window: Annotated[int, typer.Option(help="Words on either side that count as near.")] = 5,
    epochs: Annotated[int, typer.Option(help="Passes over the text.")] = 5,
    least: Annotated[int, typer.Option(help="Words met less often are left out.")] = 5,
    phrases: Annotated[bool, typer.Option("--phrases", help="Join words that are mostly met side by side.")] = False,
    runs_: Annotated[int, typer.Option("--runs", help="Further runs, to see how steady neighbours are.")] = 0,
    seed: Seed = 0,
) -> None:
    """Learn word vectors from a corpus of one's own."""
    from ceteris.text.command import embed

    embed(corpus, out, dimensions, window, epochs, least, phrases, runs_, seed)


@app.command()
def synthesize(
    data: Annotated[Path, typer.Argument(help="A table without holes: CSV or Parquet.")],
    out: Annotated[Path | None, typer.Option(help="Run folder.  [default: runs/NAME-synthetic]")] = None,
    rows: Annotated[int | None, typer.Option(help="How many rows; by default as many as were learnt from.")] = None,
    steps: Annotated[int, typer.Option(help="Rounds of training.")] = 3_000,
    seed: Seed = 0,
    types: Types = None,
    ignore: Ignore = None,
    id_: Id = None,
    separator: Separator = None,
    decimal: Decimal = None,
) -> None:
    """Write a table like this one whose rows are nobody's, and say how like it is and how safe."""
    from ceteris.synthesis.command import synthesize
    from ceteris.tables import read_table

    options = _options((), types, ignore, id_, separator, decimal)
    out = out or Path("runs") / f"{data.stem}-synthetic"
    synthesize(read_table(data, options=options), data, out, rows, steps, seed, options)


@app.command()
def report(run: Annotated[Path, typer.Argument(help="A run folder.")]) -> None:
    """Write the report of a run again."""
    _done(run)


@app.command()
def runs(root: Annotated[Path, typer.Argument(help="A folder with run folders in it.")] = Path("runs")) -> None:
    """List runs and how they ended."""
    from rich.console import Console
    from rich.table import Table

    from ceteris.report import list_runs

    table = Table(box=None, header_style="bold")
    for column in ("run", "started", "status", "checks", "command"):
        table.add_column(column, no_wrap=column in ("run", "started"))
    for run in list_runs(root):
        started = str(run.facts.get("started", ""))[:16].replace("T", " ")
        cells = (run.folder, started, run.facts.get("status", ""), _tally(run), run.facts.get("command", ""))
        table.add_row(*(_plain(cell) for cell in cells))
    if table.row_count:
        Console().print(table)
    else:
        say(f"No runs in {root}; `ceteris demo` makes one.")


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


def _options(
    needed: tuple[str, ...],
    types: list[str] | None,
    ignore: list[str] | None,
    id_: list[str] | None,
    separator: str | None,
    decimal: str | None,
) -> Options:
    """What the command line says about a table."""
    from ceteris.tables import Options, parse_types

    return Options(parse_types(types or ()), tuple(ignore or ()), tuple(id_ or ()), needed, separator, decimal)


def _compare(folder: Path, features: Any, target: Any, **options: Any) -> tuple[tuple[Section, ...], Any]:
    """Compare learners, save the network's weights, and return the sections and its history."""
    from ceteris.learners import compare

    comparison = compare(features, target, **options)
    say(screen(_headlines(comparison.table), float_format="{:.4g}".format))
    net = comparison.fitted[NEURAL]
    net.save(folder / "model")
    return comparison.sections(), net.history_


def _headlines(table: Any) -> Any:
    """Return the columns of a comparison that fit a terminal; the report has them all."""
    wanted = ("test r2", "test mae", "test rmse", "test accuracy", "test auc", "test f1", "fit seconds", "note")
    return table[[column for column in table if column.startswith("cv ") or column in wanted]]


def _gallery(name: str, quick: bool, seed: int) -> tuple[Section, ...]:
    from ceteris import gallery

    return gallery.sections(name, quick=quick, seed=seed)


def _done(folder: Path) -> None:
    from ceteris.report import report

    say(f"Report: {report(folder)}")


def _tally(run: Any) -> str:
    """Count a run's checks; a damaged list of sections is said, not raised, so that the others are listed."""
    try:
        passed = [check["passed"] is True for section in run.sections for check in section["checks"]]
    except (ValueError, TypeError, KeyError):
        return "unreadable"
    return f"{sum(passed)}/{len(passed)} passed" if passed else ""


def _plain(text: object) -> Any:
    """One line that steers no screen; rich would read square brackets as mark-up."""
    from rich.text import Text

    return Text(brief(text, CELL))


def _digest(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
