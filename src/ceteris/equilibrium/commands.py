"""What ``ceteris solve``, ``ceteris models`` and ``ceteris check`` do."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ceteris.equilibrium.declared import settings
from ceteris.equilibrium.library import LIBRARY, declared_by_name, named
from ceteris.outlets import say, screen

if TYPE_CHECKING:
    from ceteris.equilibrium.model import Model


def solve_and_report(
    name: str, words: list[str], digits: Any, tolerance: float | None, out: Path | None, seed: int, fresh: bool = False
) -> bool:
    """Solve, print the accuracy, write the run folder; returns whether all is well.

    A killed run is continued, from what is kept in the folder ``work`` within the run folder; ``fresh`` forgets it.
    """
    model = model_named(name, words)
    from ceteris.equilibrium.model import parameters
    from ceteris.equilibrium.solver import fingerprint, solve
    from ceteris.equilibrium.work import clear_work, has_work, read_clock, refuse_another, stage
    from ceteris.report import Run, report

    out = out or Path("runs") / name.rpartition(":")[2]
    command = ["ceteris", "solve", name, *(part for word in words for part in ("--set", word))]
    command += ["--precision", digits, "--seed", str(seed), "--out", str(out)]
    command += [] if tolerance is None else ["--tolerance", str(tolerance)]
    config = {"model": name, "precision": digits, "tolerance": str(tolerance), **parameters(model)}
    folder = out / "work"
    if fresh and folder.is_dir():
        clear_work(folder)
    refuse_another(folder, fingerprint(model, seed=seed, precision=digits, tolerance=tolerance))
    say(f"{'Going on with' if has_work(folder) else 'Solving'} {type(model).__name__}; everything is kept in {out}.")
    facts, earlier = {k: str(v) for k, v in config.items()}, read_clock(folder)[0]
    with Run.create(out, shlex.join(command), facts, seed, earlier) as run:
        try:
            solution = solve(model, seed=seed, precision=digits, tolerance=tolerance, out=folder, progress=True)
            sections = solution.sections(progress=True)
            run.write(sections)
            solution.save(out)
        except (KeyboardInterrupt, SystemExit) as stop:
            stop.add_note(f"Call the same command again to go on; what has been done is in {out}.")
            raise
    say(solution.sentence)
    say(screen(sections[1].tables[0].frame, float_format="{:.2e}".format))
    checks = sections[0].checks
    for check in checks:
        say(f"{check.verdict:>10}  {check.name}: {check.sentence}")
    say(f"Solving took {solution.seconds:.0f} s, {solution.cpu:.0f} of them of one processor.")
    with stage("Writing the report", progress=True):
        page = report(out)
    say(f"Report: {page}")
    return all(check.passed for check in checks)


def model_named(name: str, words: list[str]) -> Model:
    """The model of this name with parameters from ``name=value`` words; a typing error is refused without JAX."""
    kind, found = declared_by_name(name)
    settings(kind, found or {}, words if found is not None else ())
    from ceteris.equilibrium.model import parameters

    default = named(name)
    return named(name, **settings(type(default).__name__, parameters(default), words))


def list_models() -> None:
    """Print names, numbers of states and outputs, and typical times."""
    say(f"{'name':<22}{'states':>7}{'unknowns':>9}  {'time':<8}what")
    for name, entry in LIBRARY.items():
        say(f"{name:<22}{entry.states:>7}{entry.unknowns:>9}  {entry.typical:<8}{entry.what}")
    say("\nTo solve one: ceteris solve growth --set beta=0.95")


def sizes(model: Model) -> tuple[int, int]:
    """Numbers of states and of unknown outputs: those that `LIBRARY` tells of a model as it is."""
    import jax
    import numpy as np

    from ceteris import keys
    from ceteris.engine import precision
    from ceteris.equilibrium.model import count_outputs, start_states, traced

    with precision("double"):
        shapes = jax.eval_shape(lambda: start_states(traced(model), keys.key(0), 1))
        rows = jax.eval_shape(lambda s: model.inputs(jax.tree.map(lambda a: a[0], s)), shapes)
    agents = int(np.prod(jax.tree.leaves(rows)[0].shape[:-1]))
    return sum(int(np.prod(leaf.shape[1:])) for leaf in jax.tree.leaves(shapes)), agents * count_outputs(model)


def check_and_say(name: str) -> bool:
    """Print what `check_model` finds; returns whether the model may be solved."""
    model = model_named(name, [])
    from ceteris.equilibrium.contract import check_model

    checks = check_model(model)
    for check in checks:
        say(f"{_VERDICTS[check.passed]}  {check.name}: {check.sentence}")
    notes = " There are notes above." if any(check.passed is None for check in checks) else ""
    good = all(check.passed is not False for check in checks)
    say(f"\nThe model can be solved.{notes}" if good else "\nMend what failed, then check again.")
    return good


_VERDICTS = {True: "pass", False: "fail", None: "note"}
