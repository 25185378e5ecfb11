"""One page for an estimate: the question in words and as a formula, what has to be believed, the answer, the evidence.

`report_sections` returns the sections and `write_report` the page. What can be shown depends on what the estimator
keeps: a propensity score gives overlap and balance, out-of-fold nuisances their fit, repeated splits their spread, and
partially linear and interactive models the sensitivity to unmeasured confounders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ceteris.causal import diagnostics, figures
from ceteris.causal.rows import Rows, read_rows
from ceteris.causal.sensitivity import confounding
from ceteris.estimates.figures import coefficients
from ceteris.estimates.words import answer
from ceteris.results import Check, Estimate, Nuisances, Section, Table

SENSITIVE = (("m", "e"), ("mu0", "mu1", "e"))  # of partially linear and of interactive models


def report_sections(
    estimates: Estimate | Mapping[str, Estimate],
    data: Any = None,
    *,
    y: Any,
    d: Any,
    x: Any = None,
    level: float = 0.95,
) -> tuple[Section, ...]:
    """Sections for `ceteris.report`.

    Parameters
    ----------
    estimates : Estimate, or mapping of name to Estimate
        The first is the one the page is about; all are compared in a table.
    data, y, d, x : as for ``fit``
        The rows that the estimates were fitted on.
    level : float
        Of the intervals of the estimates.

    Examples
    --------
    >>> from ceteris.causal.estimators.randomised import DifferenceInMeans
    >>> y, d = [1.0, 3.0, 6.0, 8.0], [0, 0, 1, 1]
    >>> [section.title for section in report_sections(DifferenceInMeans().fit(y=y, d=d), y=y, d=d)]
    ['Difference in means', 'Single rows']
    """
    named = {_method(estimates): estimates} if isinstance(estimates, Estimate) else dict(estimates)
    if not named:
        raise ValueError("estimates: none given; give an estimate, or a dictionary of them.")
    rows = read_rows(data, y=y, d=d, x=x)
    name, first = next(iter(named.items()))
    if first.n != rows.n:
        raise ValueError(
            f"estimates: {name!r} has {first.n} rows and the data {rows.n}; give the rows it was fitted on."
        )
    found = [replace(answer(first, level), title=name)]
    if len(named) > 1:
        found.append(compared(named, level))
    found += evidence(first, rows)
    return tuple(found)


def write_report(
    folder: str | Path,
    estimates: Estimate | Mapping[str, Estimate],
    data: Any = None,
    *,
    y: Any,
    d: Any,
    x: Any = None,
) -> Path:
    """Write the page into a folder; returns the HTML file."""
    from ceteris.report import Run, report

    shown = report_sections(estimates, data, y=y, d=d, x=x)
    with Run.create(folder, "causal.write_report(...)", {"method": shown[0].title}, 0) as run:
        run.write(shown)
    return report(folder)


def compared(estimates: Mapping[str, Estimate], level: float = 0.95) -> Section:
    """A table and a picture over estimators; their estimands differ, and the table says how.

    Examples
    --------
    >>> e = Estimate(np.array([1.0]), np.array([[1.0], [-1.0]]), ("ATE",))
    >>> compared({"one": e, "two": e}).tables[0].frame["estimate"].tolist()
    [1.0, 1.0]
    """
    import pandas as pd

    rows = []
    for name, estimate in estimates.items():
        low, high = estimate.conf_int(level).T
        for i, entry in enumerate(estimate.names):
            label = name if len(estimate.names) == 1 else f"{name}: {entry}"
            failed = "; ".join(check.name for check in estimate.checks if check.passed is False)
            rows.append(
                {
                    "label": label,
                    "estimate": estimate.point[i],
                    "std err": estimate.se[i],
                    "low": low[i],
                    "high": high[i],
                    "what": estimate.about.estimand or entry,
                    "checks failed": failed,
                }
            )
    frame = pd.DataFrame(rows)
    drawn = coefficients(pd.DataFrame(frame, columns=["label", "estimate", "low", "high"]), level=level)
    return Section("Estimators", "", (Table("Estimates", frame),), (drawn,))


def evidence(estimate: Estimate, rows: Rows) -> list[Section]:
    """Overlap, balance, nuisances, single rows, splits and sensitivity, as far as the estimate has what they need."""
    kept = estimate.nuisances
    binary = rows.d.ndim == 1 and set(np.unique(rows.d)) == {0.0, 1.0}
    found = []
    e = kept.e if kept.raw is None else kept.raw
    if binary and e is not None and kept.h is None and kept.m is None:  # a propensity score of the treatment
        inside = np.isfinite(e) & (e > 0) & (e < 1)
        found.append(diagnostics.overlap(e[inside], rows.d[inside], rows.x[inside], rows.names))
    weights = weights_of(estimate, rows.d) if binary else None
    if binary and rows.x.shape[1]:
        found.append(diagnostics.balance(rows.x, rows.d, weights, rows.names))
    if kept.folds:
        fits = fits_of(kept, rows)
        if fits:
            section = diagnostics.nuisances(fits)
            if binary and kept.raw is not None and kept.e is not None:
                table = diagnostics.calibration_table(rows.d, kept.e)
                section = replace(section, figures=(*section.figures, figures.calibration(table, "the propensity")))
            found.append(section)
    if estimate.influence is not None:
        found.append(diagnostics.single_rows(estimate))
    if len(estimate.splits) > 1:
        found.append(diagnostics.splits(estimate))
    if (
        len(estimate.names) == 1
        and rows.d.ndim == 1
        and kept.h is None
        and any(set(need) <= set(kept.known) for need in SENSITIVE)
    ):
        found.append(_bounds(estimate, rows))
    return found


def _bounds(estimate: Estimate, rows: Rows) -> Section:
    """Sensitivity to a confounder, or why it cannot be judged."""
    try:
        return confounding(estimate, y=rows.y, d=rows.d).section()
    except FloatingPointError as error:
        return Section("Sensitivity", checks=(Check("sensitivity to a confounder", None, str(error)),))


def weights_of(estimate: Estimate, d: np.ndarray) -> np.ndarray | None:
    """Weights of the rows, zero where they were not used; inverse probabilities where only a score was kept.

    Examples
    --------
    >>> learnt = Nuisances(e=np.array([0.25, 0.5]))
    >>> weights_of(Estimate(np.zeros(1), np.zeros((2, 1)), ("ATE",), nuisances=learnt), np.array([1.0, 0.0]))
    array([4., 2.])
    """
    kept = estimate.nuisances
    if kept.weights is not None:
        return np.nan_to_num(kept.weights)
    if kept.e is None or estimate.names[0] not in ("ATE", "ATT", "ATU"):
        return None
    e = kept.e
    h = {"ATE": np.ones_like(e), "ATT": e, "ATU": 1 - e}[estimate.names[0]]
    return np.where(d == 1, h / e, h / (1 - e))


def fits_of(kept: Nuisances, rows: Rows) -> list[dict[str, Any]]:
    """`nuisance_fit` of the nuisances that are known to predict the outcome or the treatment."""
    if rows.d.ndim > 1:
        return []
    everybody = np.ones(rows.n, dtype=bool)
    targets = (
        ("outcome", kept.m, rows.y, everybody),
        ("outcome, given the treatment", kept.fitted, rows.y, everybody),
        ("treatment" if kept.raw is None else "propensity", kept.e, rows.d, everybody),
        ("outcome of the controls", kept.mu0, rows.y, rows.d == 0),
        ("outcome of the treated", kept.mu1, rows.y, rows.d == 1),
    )
    return [
        diagnostics.nuisance_fit(target[among], learnt[among], name)
        for name, learnt, target, among in targets
        if learnt is not None and learnt.ndim == 1
    ]


def _method(estimate: Estimate) -> str:
    return estimate.about.method or "Estimate"
