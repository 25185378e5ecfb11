"""A survey with holes: completed many times by an ensemble of nets, and a regression pooled over the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.demo.part import Part
from ceteris.evidence import Check, Figure, Section, Table

if TYPE_CHECKING:
    import pandas as pd

    from ceteris.impute import OverImputation
    from ceteris.results import Estimate

TITLE = "A survey, imputed"
ROWS, TABLES, HOLES = 1_000, 20, 0.3
COLUMNS = ["age", "urban", "schooling", "income", "score", "sector"]
COMPLETE, CASES, POOLED = "no holes (the truth)", "complete rows only", "imputed and pooled"
TEXT = (
    "1,000 simulated respondents. Three in ten answers on schooling, score, sector and place are missing, more often "
    "for some ages and incomes than for others. An ensemble of nets completes the table twenty times. The regression "
    "of log income is fitted on each and pooled by Rubin's rules, whose intervals hold what is not known about the "
    "holes. Beside it: the same regression on the rows without a hole, and on the table before it had any. Then known "
    "answers are hidden and guessed, to see how good the guesses are."
)


def part(seed: int) -> Part:
    """Impute, pool, and compare with what was taken out."""
    from ceteris.data import amputate, simulate_mixed
    from ceteris.impute import Imputer, overimpute, pool

    whole: pd.DataFrame = simulate_mixed(ROWS, seed=seed).rename(columns={"ability": "score"}).filter(COLUMNS)
    holes = amputate(whole, share=HOLES, mechanism="MAR", keep=["age", "income"], seed=seed)
    imputer = Imputer(members=4, width=32, random_state=seed).fit(holes)
    pooled = pool(returns, imputer.sample(TABLES))
    found = {COMPLETE: returns(whole), CASES: returns(holes.dropna()), POOLED: pooled}
    hidden = overimpute(imputer, holes, seed=seed)
    figure = picture(found, hidden)
    rows = {name: e.n for name, e in found.items()}
    at = {name: float(e.point[1]) for name, e in found.items()}
    answer = (
        f"A year of schooling goes with {at[POOLED]:.1%} more income when imputed, {at[COMPLETE]:.1%} without holes; "
        f"the {rows[CASES]:,} complete rows of {ROWS:,} say {at[CASES]:.1%}."
    )
    first = Section(TITLE, TEXT, (Table("Log income regressed", frame(found)),), (figure,), (holds(found),))
    return Part("What if a third of the answers are missing?", answer, figure, (first, *hidden.sections()),
                "ceteris impute survey.csv")  # fmt: skip


def returns(table: pd.DataFrame) -> Estimate:
    """Regress log income on schooling and age, with robust standard errors."""
    from ceteris.results import About, Estimate

    y = np.log(table["income"].to_numpy(float))
    X = np.column_stack([np.ones(len(table)), table["schooling"], table["age"]]).astype(float)
    inverse = np.linalg.inv(X.T @ X / len(X))
    beta = inverse @ (X.T @ y) / len(X)
    influence = (X * (y - X @ beta)[:, None]) @ inverse
    return Estimate(
        beta,
        influence,
        ("(constant)", "schooling", "age"),
        About("Least squares", standard_errors="Robust to unequal variances."),
    )


def frame(found: dict[str, Estimate]) -> pd.DataFrame:
    """Coefficients of schooling and age, their standard errors, and the rows they are from."""
    import pandas as pd

    rows = [
        {"table": name, "rows": e.n} | {f"{v}{w}": x[i] for i, v in ((1, "schooling"), (2, "age"))
                                       for w, x in (("", e.point), (" (se)", e.se))}
        for name, e in found.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def holds(found: dict[str, Estimate]) -> Check:
    """Whether the pooled interval holds the coefficient that the table without holes gives."""
    truth, (low, high) = float(found[COMPLETE].point[1]), found[POOLED].conf_int()[1]
    inside = bool(low <= truth <= high)
    return Check(
        "the coefficient without holes is inside", inside,
        f"The pooled interval from {low:.3f} to {high:.3f} {'holds' if inside else 'does not hold'} {truth:.3f}"
        + ("." if inside else "; the holes may not be at random given what is observed."),
    )  # fmt: skip


def picture(found: dict[str, Estimate], hidden: OverImputation) -> Figure:
    """The coefficient of schooling on three tables, and guesses of scores that were hidden."""
    import pandas as pd

    rows = [("schooling", name, e.point[1], *e.conf_int()[1], np.nan) for name, e in found.items()]
    cells = hidden.cells[hidden.cells["column"] == "score"].head(80)
    rows += [("score", "", *cell) for cell in cells[["mean", "low", "high", "truth"]].itertuples(index=False)]
    data = pd.DataFrame(rows, columns=["panel", "table", "value", "low", "high", "truth"])
    caption = (
        "Left: what a year of schooling goes with, and intervals of 95 %. Right: scores that were hidden, and "
        "intervals of 90 % of the guesses; nine in ten should cross the diagonal."
    )
    return Figure("What holes do, and what filling them gives back", caption, data, draw, (8.4, 3.4))


def draw(figure: Any, data: pd.DataFrame) -> None:
    """Draw `picture`."""
    left, right = figure.subplots(1, 2)
    lines = data[data["panel"] == "schooling"].reset_index(drop=True)
    place = np.arange(len(lines))[::-1]
    left.axvspan(lines["low"][0], lines["high"][0], color="C0", alpha=0.12, linewidth=0)
    for i, (value, low, high) in enumerate(lines[["value", "low", "high"]].to_numpy(float)):
        left.errorbar([value], [place[i]], xerr=[[value - low], [high - value]], fmt="o", color=f"C{i}", capsize=4)
    left.set_yticks(place, [str(name).replace(" (", "\n(") for name in lines["table"]])
    left.set(xlabel="log income per year of schooling", ylim=(-0.6, 2.6), title="The same regression on three tables")
    cells = data[data["panel"] == "score"]
    right.vlines(cells["truth"], cells["low"], cells["high"], alpha=0.45, linewidth=1.2)
    right.plot(cells["truth"], cells["value"], ".")
    ends = [cells["truth"].min(), cells["truth"].max()]
    right.plot(ends, ends, color="0.5", linewidth=1)
    right.set(xlabel="test score that was hidden", ylabel="what is drawn", title="Hidden answers, guessed")
