"""The measures of one group and the gaps between two, for `ceteris.learners.fairness`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ceteris.arguments import as_many
from ceteris.learners.metrics import bootstrap, ratio

FEW = 30  # rows, below which a group is flagged
MANY = 50  # groups, above which a column is none of groups
SIGNED = ("calibration gap", "mean error", "mean of y", "mean predicted")  # of either sign: without a ratio


class GroupRows(NamedTuple):
    """What is judged by group: y and its prediction.

    Of classes that is whether a row is positive, whether it is selected, and its probability or None.
    """

    y: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray | None
    of_classes: bool

    def take(self, rows: np.ndarray) -> GroupRows:
        """Return some rows."""
        probability = None if self.probability is None else self.probability[rows]
        return GroupRows(self.y[rows], self.predicted[rows], probability, self.of_classes)


def members_of(group: Any, n: int) -> tuple[dict[Any, np.ndarray], list[Any]]:
    """Return who is in which group, and the levels of a category that nobody is in."""
    as_many("group", group, n, of="row of y")
    labels = pd.Series(group).reset_index(drop=True)
    if labels.isna().any():
        raise ValueError(
            f"group: {int(labels.isna().sum())} of {n} rows have no label; give them one, such as 'unknown', or drop "
            "these rows."
        )
    found = {label: np.asarray(rows) for label, rows in labels.groupby(labels, observed=True).indices.items()}
    if len(found) < 2:
        raise ValueError(
            f"group: all rows are in {next(iter(found))!s}, but there must be two groups at least; give more."
        )
    if len(found) > MANY:
        raise ValueError(
            f"group holds {len(found)} different values, but must hold {MANY} groups at most; cut numbers into bands, "
            "merge labels."
        )
    single = [label for label, rows in found.items() if len(rows) < 2]
    if single:
        raise ValueError(f"group: {single[0]!s} has one row, but must have two at least; merge it with another group.")
    levels = labels.cat.categories.tolist() if isinstance(labels.dtype, pd.CategoricalDtype) else []
    return found, [level for level in levels if level not in found]


def _rates(part: GroupRows) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The rates of a group: which rows count (n,), among which (n,)."""
    y, chosen, everyone = part.y, part.predicted, np.ones(len(part.y), bool)
    return {
        "base rate": (y, everyone),
        "selection rate": (chosen, everyone),
        "true positive rate": (chosen, y),
        "false positive rate": (chosen, ~y),
        "predictive value": (y, chosen),
    }


def drawn_of(part: GroupRows, weight: np.ndarray, draws: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return draws of all measures of one group, shape (draws, measures)."""
    found = bootstrap(lambda w: measures_of(part, w), len(part.y), rng, draws, weight)
    for name, (rows, among) in _rates(part).items() if part.of_classes else ():
        own = weight[among]
        count = own.sum() ** 2 / (own**2).sum() if own.any() else 0.0  # Kish (1965)
        positive = count * float(ratio(own @ rows[among], own.sum())) if count else 0.0
        found[name] = rng.beta(positive + 0.5, count - positive + 0.5, draws) if count else np.nan
    return found


def measures_of(part: GroupRows, w: np.ndarray) -> dict[str, Any]:
    """Return all measures of one group, for weights of shape (..., n)."""
    total = w.sum(-1)
    if not part.of_classes:
        error = part.predicted - part.y
        return {
            "mean of y": ratio(w @ part.y, total),
            "mean predicted": ratio(w @ part.predicted, total),
            "mean error": ratio(w @ error, total),
            "RMSE": np.sqrt(ratio(w @ error**2, total)),
            "MAE": ratio(w @ np.abs(error), total),
        }
    share = lambda rows, among: ratio(w @ (rows & among).astype(float), w @ among.astype(float))
    found = {name: share(*rows) for name, rows in _rates(part).items()}
    y = part.y
    if part.probability is not None:
        p = np.clip(part.probability, np.finfo(float).eps, 1 - np.finfo(float).eps)
        surprise = -np.log(np.where(y, p, 1 - p))
        found["mean probability"] = ratio(w @ part.probability, total)
        found["calibration gap"] = ratio(w @ (y - part.probability), total)
        found["log loss"] = ratio(w @ surprise, total)
        found["Brier score"] = ratio(w @ (y - part.probability) ** 2, total)
    return found


def row_of(n: int, values: dict[str, Any], drawn: Any) -> dict[str, Any]:
    """Return the row of the table: each measure with its standard error, and what to mind."""
    row: dict[str, Any] = {"n": n}
    for measure, value in values.items():
        row |= {
            measure: float(value),
            f"{measure} se": float(drawn[measure].std(ddof=1)) if np.isfinite(value) else np.nan,
        }
    undefined = [measure for measure, value in values.items() if not np.isfinite(value)]
    notes = [f"Fewer than {FEW} rows."] * (n < FEW) + [f"Undefined: {', '.join(undefined)}."] * bool(undefined)
    return row | {"note": " ".join(notes)}


def gap_of(
    measure: str,
    label: Any,
    values: dict[Any, dict[str, Any]],
    drawn: dict[Any, pd.DataFrame],
    reference: Any,
    level: float,
) -> dict[str, Any]:
    """Return the difference and the ratio of a group to the reference, with bootstrap intervals."""
    one, other = float(values[label][measure]), float(values[reference][measure])
    a, b = drawn[label][measure].to_numpy(), drawn[reference][measure].to_numpy()
    low, high = _interval(a - b, one - other, level)
    verdict = "higher" if low > 0 else "lower" if high < 0 else "no difference"
    row = {"measure": measure, "group": label, "difference": one - other, "low": low, "high": high}
    if measure in SIGNED:
        return row | {"verdict": verdict if np.isfinite(low) else "not known"}
    quotient = float(ratio(one, other))
    low, high = _interval(ratio(a, b), quotient, level)
    row |= {"ratio": quotient, "ratio low": low, "ratio high": high}
    return row | {"verdict": verdict if np.isfinite(row["low"]) else "not known"}


def _interval(draws: np.ndarray, value: float, level: float) -> tuple[float, float]:
    """The quantiles of the resamples; none where the value, or half of them, is undefined."""
    known = draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(known) < len(draws) / 2:
        return np.nan, np.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
