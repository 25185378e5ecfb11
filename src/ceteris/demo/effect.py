"""An effect: a programme that the able join more often, estimated naively, by regression, and by debiased learning."""

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
TRUTH, ROWS = 0.5, 2_000
TEXT = (
    "2,000 simulated persons, some of whom took part in a programme that raises the outcome by 0.5. Those who would "
    "have done well anyway took part more often, so that a comparison of means finds too much. The last estimate "
    "predicts outcome and participation by learners that have not seen the row (cross-fitting), and is right if "
    "either of the two is; its diagnostics follow, and nothing in them knows the truth."
)
NAIVE, REGRESSION, DEBIASED = "difference in means", "regression", "debiased machine learning"


def part(seed: int) -> Part:
    """Estimate the effect in three ways and show the diagnostics of the last."""
    from ceteris.causal import DifferenceInMeans, Interactive, RegressionAdjustment
    from ceteris.causal.sections import report_sections

    data = programme(seed)
    roles: dict[str, Any] = {"y": "y", "d": "d", "x": [name for name in data if name.startswith("x")]}
    methods = {NAIVE: DifferenceInMeans(), REGRESSION: RegressionAdjustment(), DEBIASED: Interactive(seed=seed)}
    found = {name: method.fit(data, **roles) for name, method in methods.items()}
    figure = picture(found)
    low, high = found[DEBIASED].conf_int()[0]
    answer = (
        f"Debiased machine learning finds {found[DEBIASED].point[0]:.2f} ({low:.2f} to {high:.2f}) where the truth is "
        f"{TRUTH}; the difference in means is {found[NAIVE].point[0]:.2f}."
    )
    first = Section(TITLE, TEXT, figures=(figure,), checks=(covers(found[DEBIASED]),))
    evidence = report_sections(found[DEBIASED], data, **roles)
    own = "ceteris effect data.csv --y outcome --d treatment"
    return Part("What does taking part change?", answer, figure, (first, *evidence), own)


def programme(seed: int) -> pd.DataFrame:
    """Simulate persons: outcome y, participation d, covariates x0 to x9 that move both."""
    import pandas as pd

    from ceteris.data import InteractiveDesign

    drawn = InteractiveDesign(TRUTH, p=10, r2_d=0.25).draw(np.random.default_rng(seed), ROWS)
    table = pd.DataFrame(drawn["x"][0], columns=[f"x{i}" for i in range(10)])
    return table.assign(y=drawn["y"][0], d=drawn["d"][0])


def covers(estimate: Estimate) -> Check:
    """Whether the interval holds the effect that the data were drawn with; 19 in 20 should."""
    low, high = estimate.conf_int()[0]
    inside = bool(low <= TRUTH <= high)
    sentence = (
        f"The interval from {low:.2f} to {high:.2f} {'holds' if inside else 'does not hold'} the effect of {TRUTH} "
        f"that the rows were drawn with{'.' if inside else '; one sample in twenty is like that.'}"
    )
    return Check("the truth is inside", inside, sentence)


def picture(found: Mapping[str, Estimate]) -> Figure:
    """The estimates against the truth."""
    import pandas as pd

    rows = [(name, float(e.point[0]), *map(float, e.conf_int()[0])) for name, e in found.items()]
    data = pd.DataFrame(rows, columns=["method", "estimate", "low", "high"]).assign(truth=TRUTH)
    caption = "Estimates with intervals of 95 %; the line is the effect that the data were drawn with."
    return Figure("One effect, three answers", caption, data, draw, (8.4, 2.4))


def draw(figure: Any, data: pd.DataFrame) -> None:
    """Draw `picture`."""
    axes = figure.subplots()
    place = np.arange(len(data))[::-1]
    axes.axvline(data["truth"].iloc[0], color="C1", linestyle="--", label="truth")
    sides = np.array([data["estimate"] - data["low"], data["high"] - data["estimate"]])
    axes.errorbar(data["estimate"], place, xerr=sides, fmt="o", color="C0", capsize=4)
    axes.set_yticks(place, data["method"].tolist())
    axes.set(xlabel="effect on the outcome", ylim=(-0.6, len(data) - 0.4), xlim=(0, None))
    axes.legend(loc="upper left")
