"""Figures of a comparison: each function makes the frame that it shows, and another draws it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.metrics import auc, confusion_matrix, roc_curve

from ceteris.learners.candidates import NEURAL
from ceteris.learners.classical import BASELINE
from ceteris.learners.metrics import LOWER_IS_BETTER
from ceteris.outlets import entry
from ceteris.results import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_LINES = 6  # as many as the house style has colours
_BINS = 10


def scores(c: Any, written: str) -> Figure:
    """Dots of the criterion over the folds, with one standard error either way."""
    columns = {f"cv {c.criterion}": "mean", f"cv {c.criterion} se": "se"}
    data = c.table[list(columns)].set_axis(list(columns.values()), axis=1).dropna().reset_index()
    lower = c.criterion in LOWER_IS_BETTER
    caption = (
        f"Mean over the folds and one standard error either way; {'lower' if lower else 'higher'} is better. An arrow "
        "at the edge stands for a learner much worse than the baseline. Whether two differ is in the next figure."
    )
    height = 1.2 + 0.3 * len(data)
    return Figure(
        "Scores over the folds",
        caption,
        data,
        partial(_draw_scores, written=written, lower=lower),
        (6.4, height),
    )


def _draw_scores(figure: Canvas, data: pd.DataFrame, *, written: str, lower: bool) -> None:
    axes, place = figure.subplots(), np.arange(len(data))[::-1]
    mean, se = data["mean"].to_numpy(float), data["se"].to_numpy(float)
    edge = _edge(data, lower)
    inside = mean <= edge if lower else mean >= edge
    axes.errorbar(mean[inside], place[inside], xerr=se[inside], fmt="o", color="C0", capsize=3)
    for value, height in zip(mean[~inside], place[~inside], strict=True):
        axes.plot(edge, height, marker=">" if lower else "<", color="C1", linestyle="none", clip_on=False)
        axes.annotate(f"{value:.3g}", (edge, height), (-10 if lower else 10, 0), textcoords="offset points",
                      ha="right" if lower else "left", va="center")  # fmt: skip
    if not inside.all():
        axes.set_xlim(right=edge) if lower else axes.set_xlim(left=edge)
    axes.set_yticks(place, data["learner"].tolist())
    axes.set_ylim(-0.6, len(data) - 0.4)
    axes.set_xlabel(f"{written} over the folds")


def differences(c: Any, written: str) -> Figure:
    """Intervals of the paired differences to the best learner over the folds."""
    data = c.differences()[["gain", "low", "high", "verdict"]].reset_index()
    caption = (
        f"Mean difference to {c.best} over the folds and its 95% interval, corrected for what the folds learn from in "
        "common; left of the line is worse. Open circles: the interval holds zero, so there is no difference. An arrow "
        "at the edge stands for the baseline, and for what is no better."
    )
    draw = partial(_draw_differences, written=written)
    return Figure("Differences to the best learner", caption, data, draw, (6.4, 1.2 + 0.3 * len(data)))


def _draw_differences(figure: Canvas, data: pd.DataFrame, *, written: str) -> None:
    axes, place = figure.subplots(), np.arange(len(data))[::-1]
    tied, gain = (data["verdict"] == "no difference").to_numpy(), data["gain"].to_numpy(float)
    around = np.abs(np.stack([gain - data["low"], data["high"] - gain]))
    baseline = data.loc[data["learner"] == BASELINE, "gain"]
    floor = float(baseline.iloc[0]) if len(baseline) else -np.inf
    inside = (gain > floor) | (gain >= 0) | (len(data) == 1)
    for which, fill in ((tied & inside, "none"), (~tied & inside, "C0")):
        axes.errorbar(gain[which], place[which], xerr=around[:, which], fmt="o", color="C0", capsize=3,
                      markerfacecolor=fill)  # fmt: skip
    axes.axvline(0.0, color="gray", linestyle=":", linewidth=1)
    for value, height in zip(gain[~inside], place[~inside], strict=True):
        edge = axes.get_xlim()[0]
        axes.plot(edge, height, marker="<", color="C1", linestyle="none", clip_on=False)
        axes.annotate(f"{value:.3g}", (edge, height), (10, 0), textcoords="offset points", va="center")
        axes.set_xlim(left=edge)
    axes.set_yticks(place, data["learner"].tolist())
    axes.set_ylim(-0.6, len(data) - 0.4)
    axes.set_xlabel(f"gain in {written}")


def by_group(found: Any, measures: list[str]) -> Figure:
    """A panel per measure: a dot per group, with two standard errors either way."""
    shown = [measure for measure in measures if measure in found.table]
    parts = [found.table[[m, f"{m} se"]].set_axis(["value", "se"], axis=1).assign(measure=m) for m in shown]
    data: Any = pd.concat(parts).reset_index()
    is_rate = np.array([name.endswith("rate") for name in data["measure"]])
    data["low"] = np.where(is_rate, np.maximum(data["value"] - 2 * data["se"], 0), data["value"] - 2 * data["se"])
    data["high"] = np.where(is_rate, np.minimum(data["value"] + 2 * data["se"], 1), data["value"] + 2 * data["se"])
    data = data[["measure", "group", "value", "se", "low", "high"]]
    caption = (
        "Each group, and two standard errors either way; the dotted line is the reference, " + f"{found.reference!s}."
    )
    size = 1.4 + 1.9 * len(shown), 1.3 + 0.3 * len(found.table)
    return Figure("Measures by group", caption, data, partial(_draw_groups, reference=found.reference), size)


def _draw_groups(figure: Canvas, data: pd.DataFrame, *, reference: Any) -> None:
    shown = data["measure"].drop_duplicates().tolist()
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, (measure, part) in zip(panels, data.groupby("measure", sort=False), strict=True):
        place = np.arange(len(part))[::-1]
        around = np.stack([part["value"] - part["low"], part["high"] - part["value"]])
        axes.errorbar(part["value"], place, xerr=around, fmt="o", color="C0", capsize=3)
        axes.axvline(part.loc[part["group"] == reference, "value"].iloc[0], color="gray", linestyle=":", linewidth=1)
        axes.set_yticks(place, [entry(name) for name in part["group"]])
        axes.set_ylim(-0.6, len(part) - 0.4)
        axes.set_xlabel(measure)


def _edge(data: pd.DataFrame, lower: bool) -> float:
    """The value beyond which a learner is drawn at the edge: half as far again as the baseline is from the best."""
    baseline, best = data.loc[data["learner"] == BASELINE, "mean"], float(data["mean"].iloc[0])
    if baseline.empty or np.isclose(baseline.iloc[0], best):
        return np.inf if lower else -np.inf
    return float(baseline.iloc[0] + 0.5 * (baseline.iloc[0] - best))


def roc(c: Any) -> Figure:
    """ROC curves of the first learners, the neural net always among them."""
    shown = [name for name in c.table.index if name in c.test_probabilities and name != BASELINE]
    kept = [name for i, name in enumerate(shown) if i < _LINES - (NEURAL in shown[_LINES - 1 :]) or name == NEURAL]
    truth, weight = c.test_predictions["y"] == c.positive, c.test_predictions["weight"]
    parts = [_curve(name, truth, c.test_probabilities[name][c.positive], weight) for name in kept or [c.best]]
    caption = (
        "True against false positive rate on the test part as the threshold moves. The diagonal is a guess. "
        f"At most {_LINES} learners, the best over the folds first."
    )
    return Figure("ROC curves", caption, pd.concat(parts, ignore_index=True), _draw_roc, (5.4, 4.8))


def roc_by_class(c: Any) -> Figure:
    """ROC curves of the best learner, each class against the rest."""
    probability, y = c.test_probabilities[c.best], c.test_predictions["y"]
    weight = c.test_predictions["weight"]
    parts = [_curve(str(k), y == k, probability[k], weight) for k in probability.columns]
    caption = f"{c.best} on the test part: true against false positive rate of each class against the rest."
    return Figure("ROC curves by class", caption, pd.concat(parts, ignore_index=True), _draw_roc, (5.4, 4.8))


def _curve(label: str, truth: Any, score: Any, weight: Any) -> pd.DataFrame:
    if truth.nunique() < 2:
        return pd.DataFrame({"curve": [label], "fpr": [np.nan], "tpr": [np.nan], "auc": [np.nan]})
    fpr, tpr, _ = roc_curve(truth, score, sample_weight=weight)
    return pd.DataFrame({"curve": label, "fpr": fpr, "tpr": tpr, "auc": auc(fpr, tpr)})


def _draw_roc(figure: Canvas, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for label, part in data.groupby("curve", sort=False):
        axes.plot(part["fpr"], part["tpr"], label=f"{entry(label)} ({part['auc'].iloc[0]:.3f})")
    _diagonal(axes, 0, 1)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    axes.legend(loc="lower right", title="AUC in brackets")


def calibration(c: Any) -> Figure:
    """Shares observed against probabilities predicted, in bins of equal numbers of rows."""
    shown = dict.fromkeys([c.best, NEURAL if NEURAL in c.test_probabilities else c.best])
    truth, weight = c.test_predictions["y"] == c.positive, c.test_predictions["weight"]
    parts = [
        _bins(name, truth.to_numpy(), c.test_probabilities[name][c.positive].to_numpy(), weight.to_numpy())
        for name in shown
    ]
    caption = (
        f"Share of {c.positive!s} among test rows of like predicted probability, with one binomial standard error "
        "either way. On the diagonal a forecast of 30% comes true three times in ten."
    )
    return Figure("Calibration", caption, pd.concat(parts, ignore_index=True), _draw_calibration, (5.4, 4.6))


def _bins(name: str, truth: np.ndarray, p: np.ndarray, weight: np.ndarray) -> pd.DataFrame:
    """Weighted means of forecast and outcome over bins of about equal numbers of rows, ten at most."""
    groups = np.array_split(np.argsort(p, kind="stable"), int(np.clip(len(p) // 10, 1, _BINS)))
    groups = [rows for rows in groups if weight[rows].sum() > 0]
    predicted = [np.average(p[rows], weights=weight[rows]) for rows in groups]
    observed = np.array([np.average(truth[rows], weights=weight[rows]) for rows in groups])
    effective = np.array([weight[rows].sum() ** 2 / (weight[rows] ** 2).sum() for rows in groups])  # Kish (1965)
    columns = {"learner": name, "predicted": predicted, "observed": observed}
    return pd.DataFrame(
        columns | {"se": np.sqrt(observed * (1 - observed) / effective), "rows": [len(rows) for rows in groups]}
    )


def _draw_calibration(figure: Canvas, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    _diagonal(axes, 0, 1)
    for i, (label, part) in enumerate(data.groupby("learner", sort=False)):
        axes.errorbar(
            part["predicted"],
            part["observed"],
            part["se"],
            fmt="os"[i % 2] + "-",
            color=f"C{i}",
            capsize=3,
            label=entry(label),
        )
    axes.set(
        xlabel="predicted probability",
        ylabel="observed share",
        aspect="equal",
        xlim=(-0.03, 1.03),
        ylim=(-0.03, 1.03),
    )
    axes.legend(loc="upper left")


def confusion(c: Any) -> Figure:
    """Confusion matrix of the best learner."""
    classes = c.test_probabilities[c.best].columns.tolist()
    test = c.test_predictions
    matrix = confusion_matrix(test["y"], test[c.best], labels=classes, sample_weight=test["weight"])
    data = pd.DataFrame([(a, b, matrix[i, j]) for i, a in enumerate(classes) for j, b in enumerate(classes)],
                        columns=["observed", "predicted", "rows"])  # fmt: skip
    data["share"] = data["rows"] / data.groupby("observed")["rows"].transform("sum")
    caption = (
        f"{c.best} on the test part. The shade is the share of the observed class; rows count by their weight, if they "
        "have one."
    )
    side = 2.2 + 0.5 * len(classes)
    return Figure(
        f"Confusion matrix of {c.best}",
        caption,
        data,
        _draw_confusion,
        (max(side + 0.6, 4.0), max(side, 3.2)),
    )


def _draw_confusion(figure: Canvas, data: pd.DataFrame) -> None:
    axes, names = figure.subplots(), data["observed"].drop_duplicates().tolist()
    from matplotlib.patches import Rectangle

    cells = data[["rows", "share"]].fillna(0.0).to_numpy(float)
    for i, (rows, share) in enumerate(cells):
        y, x = divmod(i, len(names))
        # Transparent shades, so that the ink of a light or a dark page stays legible on all of them.
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="C0", alpha=0.55 * share, linewidth=0))
        axes.text(x, y, f"{rows:.4g}", ha="center", va="center")
    ticks = range(len(names))
    axes.set_xticks(ticks, [str(name) for name in names])
    axes.set_yticks(ticks, [str(name) for name in names])
    axes.set(
        xlim=(-0.5, len(names) - 0.5),
        ylim=(len(names) - 0.5, -0.5),
        xlabel="predicted",
        ylabel="observed",
        aspect="equal",
    )
    axes.grid(False)
    axes.tick_params(length=0)


def fit(c: Any) -> Figure:
    """Observed against predicted values of the best learner."""
    data = c.test_predictions[["y", c.best]].set_axis(["observed", "predicted"], axis=1).reset_index()
    caption = f"{c.best} on the test part. On the diagonal a prediction is exact."
    return Figure(f"Observed and predicted, {c.best}", caption, data, _draw_fit, (5.0, 4.6))


def _draw_fit(figure: Canvas, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    both = data[["observed", "predicted"]].to_numpy(float)
    axes.plot(both[:, 1], both[:, 0], "o", color="C0", alpha=0.6, markeredgewidth=0, rasterized=len(both) > 2000)
    _diagonal(axes, both.min(), both.max())
    axes.set(xlabel="predicted", ylabel="observed")


def _diagonal(axes: Any, low: float, high: float) -> None:
    axes.plot([low, high], [low, high], linestyle=":", color="gray", linewidth=1)
