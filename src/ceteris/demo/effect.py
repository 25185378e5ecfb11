"""An effect: a programme that some join more often, estimated naively, by regression, and by debiased learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.demo.part import Part
from ceteris.evidence import Check, Figure, Section

if TYPE_CHECKING:
    import pandas as pd

    from ceteris.results import Estimate

TITLE = "An effect, estimated"
TRUTH, ROWS = 0.5, 3_000
TEXT = (
    "3,000 simulated persons, some of whom took part in a programme that raises the outcome by 0.5. Those around 40, "
    "and those who did well before, take part more often and would do better anyway. A comparison of means takes "
    "all of this for an effect. A regression takes out what is linear in age, which is next to nothing, and is sure of "
    "a wrong answer. The last estimate learns outcome and participation from other rows than it is used on "
    "(cross-fitting), and is right if either is learnt well. Its diagnostics follow; nothing in them knows the truth."
)
NAIVE, REGRESSION, DEBIASED = "difference in means", "linear regression", "debiased learning"


def part(seed: int) -> Part:
    """Estimate the effect in three ways and show the diagnostics of the last."""
    from ceteris.causal import DifferenceInMeans, Interactive, RegressionAdjustment
    from ceteris.causal.sections import report_sections
    from ceteris.data import simulate_programme

    data = simulate_programme(ROWS, theta=TRUTH, seed=seed)
    roles: dict[str, Any] = {"y": "outcome", "d": "took_part", "x": list(data.columns[:5])}
    methods = {NAIVE: DifferenceInMeans(), REGRESSION: RegressionAdjustment(), DEBIASED: Interactive(seed=seed)}
    found = {name: method.fit(data, **roles) for name, method in methods.items()}
    figure = picture(data, found)
    low, high = found[DEBIASED].conf_int()[0]
    at = {name: float(estimate.point[0]) for name, estimate in found.items()}
    answer = (
        f"Debiased learning finds {at[DEBIASED]:.2f} ({low:.2f} to {high:.2f}) where the truth is {TRUTH}; a linear "
        f"regression finds {at[REGRESSION]:.2f}, the difference in means is {at[NAIVE]:.2f}."
    )
    first = Section(TITLE, TEXT, figures=(figure,), checks=(covers(found[DEBIASED]),))
    evidence = report_sections(found[DEBIASED], data, **roles)
    own = "ceteris effect data.csv --y outcome --d treatment"
    return Part("What does taking part change?", answer, figure, (first, *evidence), own)


def covers(estimate: Estimate) -> Check:
    """Whether the interval holds the effect that the data were drawn with; 19 in 20 should."""
    low, high = estimate.conf_int()[0]
    inside = bool(low <= TRUTH <= high)
    sentence = (
        f"The interval from {low:.2f} to {high:.2f} {'holds' if inside else 'does not hold'} the effect of {TRUTH} "
        f"that the rows were drawn with{'.' if inside else '; one sample in twenty is like that.'}"
    )
    return Check("the truth is inside", inside, sentence)


def picture(data: pd.DataFrame, found: Mapping[str, Estimate]) -> Figure:
    """Who takes part, and the estimates against the truth."""
    import pandas as pd

    ages = data.groupby(pd.cut(data["age"], np.arange(20, 61, 4)), observed=True)
    shares = pd.DataFrame({"x": ages["age"].mean(), "value": ages["took_part"].mean()}).assign(panel="age")
    rows = [(name, float(e.point[0]), *map(float, e.conf_int()[0])) for name, e in found.items()]
    estimates = pd.DataFrame(rows, columns=["method", "value", "low", "high"]).assign(panel="effect", truth=TRUTH)
    shown = pd.concat([shares, estimates], ignore_index=True)
    caption = (
        "Left: those in the middle of their lives take part more often; they would do better anyway. Right: estimates "
        "with intervals of 95 %; the line is the effect that the data were drawn with."
    )
    return Figure("One effect, three answers", caption, shown, draw, (8.4, 2.9))


def draw(figure: Any, data: pd.DataFrame) -> None:
    """Draw `picture`."""
    left, right = figure.subplots(1, 2, width_ratios=(2, 3))
    shares, rows = data[data["panel"] == "age"], data[data["panel"] == "effect"]
    left.plot(shares["x"], 100 * shares["value"], "o-")
    left.set(xlabel="age", ylabel="% who take part", ylim=(0, None), title="Who takes part")
    place = np.arange(len(rows))[::-1]
    right.axvline(rows["truth"].iloc[0], color="C1", linestyle="--", label="truth")
    sides = np.array([rows["value"] - rows["low"], rows["high"] - rows["value"]])
    right.errorbar(rows["value"], place, xerr=sides, fmt="o", color="C0", capsize=4)
    right.set_yticks(place, rows["method"].tolist())
    right.set(xlabel="effect on the outcome", ylim=(-0.6, len(rows) - 0.4), xlim=(0, None), title="What it changes")
    right.legend(loc="lower right")
