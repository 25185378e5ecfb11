"""An economy: the growth model of Brock and Mirman, solved by a network that makes its Euler equation hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.demo.part import Part
from ceteris.evidence import Check, Figure, Section, Table

if TYPE_CHECKING:
    import pandas as pd

    from ceteris.equilibrium.accuracy import Accuracy
    from ceteris.equilibrium.solution import Solution

TITLE = "An economy, solved"
TEXT = (
    "A household saves out of an output that shocks move, and lives for ever (Brock and Mirman, 1972). A network maps "
    "capital and productivity to saving; it was trained until the Euler equation holds on the states that the economy "
    "visits. Nobody knows the solution in closed form, but anybody can see by how much the equation is missed: the "
    "error is the share of consumption that the household gets wrong."
)
TOLERANCE = 1e-6  # mean error on fresh states; one part in a million of consumption
CENT = 1e-4  # an error of so much is a cent in a hundred dollars
TIMES = (("bad times", -2.0), ("normal times", 0.0), ("good times", 2.0))  # in standard deviations of z


def part(seed: int) -> Part:
    """Solve the model and look at its errors on a path it has not seen."""
    from ceteris.equilibrium import named, solve

    solution = solve(named("growth"), tolerance=TOLERANCE, seed=seed)
    accuracy = solution.accuracy(periods=2_000, burn_in=200)
    figure = picture(solution, accuracy)
    errors = accuracy.path[["mean", "median", "p99", "max"]].rename_axis("equation").reset_index()
    answer = (
        f"The Euler equation is missed by {accuracy.mean:.0e} of consumption on average and by {accuracy.max:.0e} at "
        "most on 2,000 fresh states."
    )
    table = Table("Errors of the Euler equation", errors, accuracy.note)
    section = Section(TITLE, TEXT, (table,), (figure,), checks(solution, accuracy))
    return Part("How much is saved, in which state?", answer, figure, (section,), "ceteris solve my_model.py:MyModel")


def checks(solution: Solution, accuracy: Accuracy) -> tuple[Check, ...]:
    """Whether training ended where it should, and how large the worst error is."""
    worst = accuracy.max
    return (
        Check("tolerance", solution.met, solution.sentence, solution.log[solution.phase]["mean"], TOLERANCE),
        Check(
            "worst error", worst < CENT,
            f"The largest error of 2,000 states is {worst:.1e} of consumption"
            + ("." if worst < CENT else "; solve it to a smaller tolerance."),
            worst, CENT,
        ),
    )  # fmt: skip


def picture(solution: Solution, accuracy: Accuracy) -> Figure:
    """Saving along capital, and the distribution of errors."""
    import pandas as pd

    simulated = solution.simulate(500, 20, 7)
    k, z = (simulated.states[name].ravel() for name in ("k", "z"))
    least, most = np.percentile(k, [0.5, 99.5])
    grid = np.linspace(least, most, 60)
    rows = []
    for label, place in TIMES:
        taken = solution.policy({"k": grid, "z": np.full(60, place * z.std())})
        rate = taken["k1"] / (taken["k1"] + taken["c"])
        rows.append(pd.DataFrame({"panel": "saving", "line": label, "x": grid, "y": rate}))
    errors = np.log10(np.maximum(np.abs(accuracy.raw["euler"]).ravel(), 1e-16))
    counts, edges = np.histogram(errors, bins=40)
    middle = (edges[1:] + edges[:-1]) / 2
    rows.append(pd.DataFrame({"panel": "errors", "line": "euler", "x": middle, "y": counts / errors.size}))
    caption = (
        "Left: the share of all resources (output and capital) that is carried over. Right: errors on 2,000 fresh "
        "states; -6 is one dollar in a million, and the dotted line is a cent in a hundred dollars."
    )
    return Figure("What is saved, and how exact that is", caption, pd.concat(rows, ignore_index=True), draw, (8.4, 3.4))


def draw(figure: Any, data: pd.DataFrame) -> None:
    """Draw `picture`."""
    left, right = figure.subplots(1, 2)
    for label, line in data[data["panel"] == "saving"].groupby("line", sort=False):
        left.plot(line["x"], line["y"], label=label)
    left.set(xlabel="capital", ylabel="share saved", title="A policy for every state")
    left.legend()
    errors = data[data["panel"] == "errors"]
    right.fill_between(errors["x"], 100 * errors["y"], step="mid", alpha=0.55)
    right.axvline(np.log10(CENT), color="0.5", linestyle=":")
    right.set(xlabel="log₁₀ of the error, as a share of consumption", ylabel="% of states", ylim=(0, None))
    right.set_title("Its Euler errors")
