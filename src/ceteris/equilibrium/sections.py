"""The report of a solution: the verdict first, then the evidence, then what it says about the economy.

All that a section asks of its solution are the public methods of `ceteris.equilibrium.solution.Solution`.
"""

from __future__ import annotations

from itertools import groupby
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ceteris.equilibrium import figures, moments
from ceteris.equilibrium.accuracy import Accuracy, error_figure
from ceteris.equilibrium.impulse import ImpulseResponse, moved, response_figure
from ceteris.equilibrium.model import parameters
from ceteris.equilibrium.shocks import Markov
from ceteris.equilibrium.simulate import Paths
from ceteris.equilibrium.work import stage
from ceteris.outlets import SCREEN, brief, prose, shorten
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import pandas as pd

PARAMETERS, EQUATIONS, NOTES, WORD, WIDE = 12, 7, 3, 40, 110  # of each on one screen, and characters of a line
NO_LINE = "The state is a distribution: there is no single number along which to draw what is done."
LINES = 3  # entries of a vector drawn as separate lines of a policy slice


def summary(solution: Any) -> str:
    """One screen of a solution: nothing is simulated for it."""
    model, s = solution.model, solution
    values = ", ".join(f"{name} = {brief(value, WORD)}" for name, value in list(parameters(model).items())[:PARAMETERS])
    more = len(parameters(model)) - PARAMETERS
    text = [f"{type(model).__name__}: {values}{f' and {more} more' if more > 0 else ''}", s.sentence]
    if s.errors:
        rows = sorted(s.errors.items(), key=lambda row: -np.nan_to_num(row[1][1], nan=np.inf))
        shown = [*rows[:EQUATIONS], ("wanted of all", s.tolerance)]
        wide = max(10, *(len(brief(name, SCREEN)) for name, _ in shown))
        text += ["", f"{'error of':<{wide}}  {'mean':>8}  {'largest':>8}"]
        text += [f"{brief(name, SCREEN):<{wide}}  {mean:>8.1e}  {top:>8.1e}" for name, (mean, top) in shown]
        text += [f"{len(rows) - EQUATIONS} more equations, with smaller errors"] * (len(rows) > EQUATIONS)
    runs = [(name, len(list(run))) for name, run in groupby(str(entry["phase"]) for entry in s.log)]
    phases = ", ".join(f"{n} x {name}" if n > 1 else name for name, n in runs) or "none ended"
    took = f"{s.seconds:.0f} s on the clock, {s.cpu:.0f} processor seconds"
    text += ["", f"Phases: {phases}; {took}; {s.precision} precision, layers of {', '.join(map(str, s.widths))}."]
    text += [" ".join(s.notes[:NOTES])] if s.notes else []
    text += ["Next: .accuracy(), .checks(), .policy(states), .simulate(), .impulse_response(shock), .report(folder)"]
    return "\n".join(line if len(line) <= WIDE else fill(shorten(prose(line), 5 * WIDE), WIDE) for line in text)


def glance(solution: Any) -> Section:
    """What is known of a solution without simulating it."""
    import pandas as pd

    columns = ["mean error", "largest error"]
    rows: Any = {**solution.errors, "wanted of all": solution.tolerance}
    errors = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    mean = float(solution.log[solution.phase]["mean"]) if solution.log else None
    check = Check("tolerance", solution.met, solution.sentence, value=mean, bar=solution.tolerance[0])
    tables = (Table("Errors by equation on fresh states", errors),)
    return Section("Solution", solution.sentence, tables, _fall(solution), (check,))


def _fall(solution: Any) -> tuple[Figure, ...]:
    """Errors after each phase, where any ended."""
    import pandas as pd

    if not solution.log:
        return ()
    rows = [{"phase": i + 1, "mean": e["mean"], "largest": e["max"]} for i, e in enumerate(solution.log)]
    wanted = dict(zip(("mean wanted", "largest wanted"), solution.tolerance, strict=True))
    caption = "Absolute errors of all equations on fresh states, after each phase; dashed lines are what was asked for."
    return (Figure("Errors after each phase", caption, pd.DataFrame(rows).assign(**wanted), figures.draw_fall),)


class Asked(NamedTuple):
    """What a solution was asked for its report."""

    accuracy: Accuracy
    simulated: Paths
    answers: list[ImpulseResponse]


def ask(solution: Any, quick: bool, progress: bool = False) -> Asked:
    """Errors, a simulation and responses; ``quick`` simulates a tenth as long, ``progress`` says what happens."""
    periods = 100 if quick else 1_000
    with stage(f"Errors on {10 * periods:,} fresh states", progress):
        accuracy = solution.accuracy(periods=10 * periods, burn_in=periods)
    with stage(f"Simulating {periods:,} periods of 50 paths", progress):
        simulated = solution.simulate(periods, 50, 5)
    shocks = list(solution.model.shocks().items())[:3]
    with stage(f"Responses to {', '.join(name for name, _ in shocks) or 'nothing'}", progress):
        answers = [solution.impulse_response(name, **_size(shock, simulated)) for name, shock in shocks]
    return Asked(accuracy, simulated, answers)


def report_sections(solution: Any, quick: bool = False, progress: bool = False) -> tuple[Section, ...]:
    """Sections for `ceteris.report`."""
    asked = ask(solution, quick, progress)
    with stage("Whether the economy holds together", progress):
        checks = solution.checks()
    table = Table("Moments", moments.moments(asked.simulated), "se: standard errors between 50 independent paths.")
    still = "" if solution.drawn_along() else NO_LINE
    return (
        _verdict(solution, checks),
        *asked.accuracy.sections(),
        Section("Policies", still, figures=_policies(solution, asked.simulated)),
        Section("The economy", tables=(table,), figures=_economy(asked.simulated)),
        Section("Responses", _unmoved(asked.answers), figures=_responses(asked.answers)),
        Section("Training", tables=(training_table(solution.log),), figures=_fall(solution)),
    )


def all_figures(solution: Any) -> tuple[Figure, ...]:
    """The figures of a report, of shorter simulations."""
    asked = ask(solution, quick=True)
    drawn = (*_policies(solution, asked.simulated), *_economy(asked.simulated), *_responses(asked.answers))
    return (*_fall(solution), error_figure(asked.accuracy), *drawn)


def _policies(solution: Any, simulated: Paths) -> tuple[Figure, ...]:
    names = solution.drawn_along()
    return (slices(solution, names[0], simulated),) if names else ()


def slices(solution: Any, name: str, simulated: Paths, points: int = 100) -> Figure:
    """Policies along one state, the others at a typical value of a simulation."""
    visited = {name: value.reshape(-1, *value.shape[2:]) for name, value in simulated.states.items()}
    if name not in visited:
        wrong = f"{name!r} is not known" if name else "none is a number or a vector of numbers"
        raise ValueError(f"state: {wrong}; choose from {', '.join(visited)}.")
    return figures.slice_figure(policy_slices(solution, name, visited, points))


def _economy(simulated: Paths) -> tuple[Figure, ...]:
    found = moments.series(simulated)
    return (figures.path_figure(found), figures.ergodic_figure(found)) if figures.varying(found) else ()


def _responses(answers: list[ImpulseResponse]) -> tuple[Figure, ...]:
    return tuple(map(response_figure, filter(moved, answers)))


def _verdict(solution: Any, checks: tuple[Check, ...]) -> Section:
    import pandas as pd

    how = f"{' '.join(solution.notes)} {solution.seconds:.0f} s on the clock, {solution.cpu:.0f} processor seconds."
    fields = pd.DataFrame({"value": {k: str(v) for k, v in parameters(solution.model).items()}})
    return Section("Verdict", f"{solution.sentence} {how}", (Table("Parameters", fields),), checks=checks)


def training_table(log: Any) -> Table:
    """What each phase reached."""
    import pandas as pd

    phases = pd.DataFrame([{k: v for k, v in entry.items() if k != "sentence"} for entry in log])
    return Table("Phases", phases, "Errors on fresh states after each phase.")


def _unmoved(answers: list[Any]) -> str:
    return " ".join(f"{answer.shock} moves nothing." for answer in answers if not moved(answer))


def _size(shock: Any, simulated: Any) -> dict[str, Any]:
    """One standard deviation of a normal shock; the least frequent state of a chain."""
    if not isinstance(shock, Markov):
        return {}
    return {"size": int(np.argmin(shock.stationary()))}


def policy_slices(solution: Any, name: str, visited: dict[str, np.ndarray], points: int) -> pd.DataFrame:
    """Actions with one state moved from its 0.5 to its 99.5 percentile, the others at the state nearest the middle."""
    import pandas as pd

    flat = np.column_stack([v.reshape(len(v), -1).astype(float) for v in visited.values()])
    centre = np.argmin((((flat - np.median(flat, 0)) / (flat.std(0) + 1e-12)) ** 2).sum(1))
    moved = visited[name] if visited[name].ndim == 1 else visited[name].reshape(len(flat), -1)[:, 0]
    low, high = np.percentile(moved, [0.5, 99.5])
    grid = np.linspace(low, high, points)
    states = {k: np.repeat(v[centre][None], points, 0) for k, v in visited.items()}
    if visited[name].ndim == 1:
        states[name] = grid.astype(visited[name].dtype)
    else:
        states[name] = states[name].copy()
        states[name].reshape(points, -1)[:, 0] = grid
    rows = []
    for action, value in solution.policy(states).items():
        columns = value.reshape(points, -1)
        chosen = np.unique(np.linspace(0, columns.shape[1] - 1, LINES).astype(int))
        for i in chosen:
            line = f"{action}[{i}]" if columns.shape[1] > 1 else action
            frame = {"state": name, "action": action, "line": line, "value": grid, "taken": columns[:, i]}
            rows.append(pd.DataFrame(frame))
    return pd.concat(rows, ignore_index=True)
