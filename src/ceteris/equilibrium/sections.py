"""The report of a solution: the verdict first, then the evidence, then what it says about the economy.

All that a section asks of its solution are the public methods of `ceteris.equilibrium.solution.Solution`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.equilibrium import figures, moments
from ceteris.equilibrium.model import parameters
from ceteris.equilibrium.shocks import Markov
from ceteris.results import Figure, Section, Table

if TYPE_CHECKING:
    import pandas as pd

LINES = 3  # entries of a vector drawn as separate lines of a policy slice


def report_sections(solution: Any, quick: bool = False) -> tuple[Section, ...]:
    """Sections for `ceteris.report`; ``quick`` simulates a tenth as long."""
    import pandas as pd

    share = 0.1 if quick else 1.0
    accuracy = solution.accuracy(periods=int(10_000 * share), burn_in=int(1_000 * share))
    simulated = solution.simulate(int(1_000 * share), 50, 5)
    found = moments.series(simulated)
    path: Any = accuracy.path
    errors = path[["mean", "median", "p99", "p99.9", "max"]]
    digits = path[[c for c in path if str(c).startswith("log10")]]
    tables = [
        Table("Errors on a simulated path", errors, accuracy.note),
        Table("The same as powers of ten", digits, "log₁₀ of the column; of the mean, not mean of the log₁₀."),
    ]
    box: Any = accuracy.box
    if box is not None:
        tables.append(Table("Errors on the box", box[["mean", "median", "p99", "p99.9", "max"]]))
    if accuracy.truth is not None:
        tables.append(Table("Distance to the closed form", accuracy.truth, "Relative to the mean size of the action."))
    note = "A p-value near zero says that forecast errors can be predicted from the state; blank: no surprises to test."
    tables.append(Table("Den Haan-Marcet test", accuracy.den_haan_marcet, note))
    how = f"{' '.join(solution.notes)} {solution.seconds:.0f} s on the clock, {solution.cpu:.0f} processor seconds."
    phases = pd.DataFrame([{k: v for k, v in e.items() if k != "sentence"} for e in solution.log])
    fields = pd.DataFrame({"value": {k: str(v) for k, v in parameters(solution.model).items()}})
    shocks = solution.model.shocks()
    answers = [solution.impulse_response(name, **_size(shock, simulated)) for name, shock in list(shocks.items())[:3]]
    drawn = map(figures.response_figure, filter(figures.moved, answers))
    moving = (figures.path_figure(found), figures.ergodic_figure(found)) if figures.varying(found) else ()
    return (
        Section(
            "Verdict", f"{solution.sentence} {how}", checks=solution.checks(), tables=(Table("Parameters", fields),)
        ),
        Section("Accuracy", "On states that training has not seen.", tuple(tables), (figures.error_figure(accuracy),)),
        Section("Policies", *_policies(solution)),
        Section(
            "The economy",
            tables=(Table("Moments", moments.moments(simulated), "se: standard errors between 50 independent paths."),),
            figures=moving,
        ),
        Section("Responses", _unmoved(answers), figures=tuple(drawn)),
        Section("Training", tables=(Table("Phases", phases, "Errors on fresh states after each phase."),)),
    )


def _policies(solution: Any) -> tuple[str, tuple[Table, ...], tuple[Figure, ...]]:
    if solution.drawn_along():
        return "", (), (solution.slices(),)
    return "The state is a distribution: there is no single number along which to draw what is done.", (), ()


def _unmoved(answers: list[Any]) -> str:
    return " ".join(f"{answer.shock} moves nothing." for answer in answers if not figures.moved(answer))


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
