"""Effects of combinations never observed: DeDL, the same net without debiasing, and DML, under right and wrong links.

Four binary factors have sixteen combinations; the experiment met six of them: none, each alone, all together. DML
estimates the six by augmented inverse probability weighting and, having no model of how factors combine, adds effects
up for the others. The structured net believes in a generalised sigmoid, G(θ(x), t), and averages it; DeDL corrects that
average by the orthogonal score.

What to expect. Where the link is right, DeDL is the more accurate, by much if the net was stopped too early and by less
if it converged; adding effects up is wrong on a curve. A wrong link is not repaired by debiasing, which may then add to
the error, most of all on combinations never observed; DML, which believes in no link, is right on those that were.

References
----------
Ye, Z., Zhang, Z., Zhang, D. J., Zhang, H. and Zhang, R. (2023). Deep learning based causal inference for large-scale
combinatorial experiments: theory and empirical evidence. 004, sections 13.3 and 13.4.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ceteris.causal.crossfit import cross_fit, make_folds
from ceteris.causal.estimators.dedl import DeDL
from ceteris.causal.rows import Rows, read_rows
from ceteris.data.factorial import FactorialTruth, factorial_truth, simulate_factorial
from ceteris.gallery._plots import panels
from ceteris.results import Check, Figure, Section, Table
from ceteris.training import Net

if TYPE_CHECKING:
    import matplotlib.figure

FACTORS = 4
CASES = {  # what the net believes is always a sigmoid: the design's link, epochs
    "right link, stopped early": ("sigmoid", 4),
    "right link, converged": ("sigmoid", 79),
    "wrong link, converged": ("interacting", 79),
}
ESTIMATORS = ("DeDL", "net without debiasing", "DML, effects added up")


def dml(rows: Rows, truth: FactorialTruth, seed: int) -> np.ndarray:
    """Effects by augmented inverse probability weighting in the observed arms; those of others by adding up, (15,)."""
    from sklearn.linear_model import LinearRegression

    fold = make_folds(rows.n, 5, seed=seed)[0]
    mean = {}
    for arm in np.unique(rows.d, axis=0):
        met = (rows.d == arm).all(axis=1)
        g = cross_fit(LinearRegression(), rows.x, rows.y, fold, among=met)
        mean[tuple(arm.astype(int))] = float(np.mean(g + met / met.mean() * (rows.y - g)))
    none = mean[(0,) * FACTORS]
    alone = np.array([mean[tuple(row)] - none for row in np.eye(FACTORS, dtype=int)])
    return np.array([mean.get(tuple(t), none + t @ alone) - none for t in truth.combinations[1:]])


def run(case: str, replications: int, n: int, net: dict, seed: int) -> pd.DataFrame:
    """Errors of the three estimators, one row for each replication, combination and estimator."""
    link, epochs = CASES[case]
    truth = factorial_truth(FACTORS, link)
    t, x = [f"t{j + 1}" for j in range(FACTORS)], [f"x{j + 1}" for j in range(5)]
    tables = [simulate_factorial(n, FACTORS, link=link, seed=1_000 * seed + r) for r in range(replications)]
    samples = [read_rows(table, y="y", d=t, x=x) for table in tables]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # what DeDL warns of is what this item shows
        found = DeDL("sigmoid", net=Net(epochs=epochs, **net)).fit_many(samples)
    rows = []
    for r, estimate in enumerate(found):
        points = (estimate.point, estimate.details.plug_in.point, dml(samples[r], truth, r))
        for name, point in zip(ESTIMATORS, points, strict=True):
            for label, value, true in zip(estimate.names, point, truth.effect[1:], strict=True):
                seen = "observed" if label in estimate.details.observed else "never observed"
                rows.append((case, name, r, label, seen, value, true))
    columns = ["case", "estimator", "replication", "combination", "seen", "estimate", "truth"]
    return pd.DataFrame(rows, columns=pd.Index(columns))


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Root mean squared errors by case, estimator and whether a combination was observed; share of best arms found."""
    rows = []
    for case in CASES:
        for name in ESTIMATORS:
            part = runs[(runs["case"] == case) & (runs["estimator"] == name)]
            gap = np.asarray(part["estimate"]) - np.asarray(part["truth"])
            seen = np.asarray(part["seen"]) == "observed"
            shape = (-1, 2**FACTORS - 1)  # replications, combinations
            estimate, truth = (np.asarray(part[column]).reshape(shape) for column in ("estimate", "truth"))
            rows.append(
                {
                    "case": case,
                    "estimator": name,
                    "observed": float(np.sqrt(np.mean(gap[seen] ** 2))),
                    "never observed": float(np.sqrt(np.mean(gap[~seen] ** 2))),
                    "all": float(np.sqrt(np.mean(gap**2))),
                    "best arm found": float(np.mean(estimate.argmax(1) == truth.argmax(1))),
                }
            )
    return pd.DataFrame(rows)


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    grid = panels(figure, 1, len(CASES))
    for axes, (case, part) in zip(grid, data.groupby("case", sort=False), strict=True):
        for name, one in part.groupby("estimator", sort=False):
            truth, estimate = (np.asarray(one[c]).reshape(-1, 2**FACTORS - 1).mean(0) for c in ("truth", "estimate"))
            axes.plot(truth, estimate - truth, "o", markersize=3.5, label=str(name))
        axes.axhline(0, color="0.5", linewidth=0.8)
        axes.set(title=str(case), xlabel="true effect")
    grid[0].set_ylabel("mean error of the estimate")
    grid[-1].legend(fontsize=7)


def _checks(table: pd.DataFrame) -> tuple[Check, ...]:
    def of(column: str) -> dict[tuple[str, str], float]:
        keys = zip(table["case"].tolist(), table["estimator"].tolist(), strict=True)
        return dict(zip(keys, table[column].tolist(), strict=True))

    error, seen = of("all"), of("observed")
    ratio = {case: (error[case, ESTIMATORS[0]] / error[case, ESTIMATORS[1]]) ** 2 for case in CASES}
    early, done, wrong = CASES
    dml_seen, dedl_seen = seen[wrong, ESTIMATORS[2]], seen[wrong, "DeDL"]
    loss = error[wrong, "DeDL"] / error[done, "DeDL"]
    return (
        Check(
            "debiasing halves the error of a net stopped early", ratio[early] <= 0.5,
            f"DeDL's mean squared error is {ratio[early]:.2f} times that of the net.", ratio[early], 0.5,
        ),
        Check(
            "debiasing does no harm to a converged net", ratio[done] <= 1,
            f"DeDL's mean squared error is {ratio[done]:.2f} times that of the net.", ratio[done], 1.0,
        ),
        Check(
            "a wrong link is not repaired", loss > 2,
            f"DeDL's error is {loss:.1f} times that under the right link.", loss, 2.0,
        ),
        Check(
            "without a link observed combinations are safe", dml_seen < dedl_seen,
            f"Under the wrong link DML's error on them is {dml_seen:.2f}, DeDL's {dedl_seen:.2f}.", dml_seen, dedl_seen,
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Run the three cases; see `ceteris.gallery.sections`."""
    # with three samples the ratio of errors is anything from a quarter to above one
    replications, n = (12 if quick else 40), 3_000
    net = {"widths": (16,), "members": 1} if quick else {"members": 1}
    runs = pd.concat([run(case, replications, n, net, seed) for case in CASES], ignore_index=True)
    table = summarise(runs)
    return (
        Section(
            "Combinations never observed",
            f"Six of the sixteen combinations of four factors were observed, {n:,} units in each of {replications} "
            "samples. All nets of all samples and folds train as one ensemble.\n\n"
            "A wrong link cannot be seen with as many combinations as parameters: observe more, and DeDL tests it.",
            (Table("Root mean squared errors of effects", table, "Over combinations and samples."),),
            (
                Figure(
                    "Mean errors by true effect",
                    "On the line: unbiased. Each point is a combination; each panel has its own scale.",
                    runs, _draw, (9.0, 3.6),
                ),
            ),
            _checks(table),
        ),
    )  # fmt: skip
