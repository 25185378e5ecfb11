"""The result of a comparison: who was best, how good, how surely, and the evidence as report sections."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.metrics import auc, confusion_matrix, roc_curve

from ceteris.learners.candidates import NEURAL
from ceteris.learners.classical import BASELINE, LEARNERS
from ceteris.learners.metrics import LOWER_IS_BETTER
from ceteris.learners.trials import CRITERION
from ceteris.outlets import entry
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

NAMES = {
    "r2": "R²",
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    "auc": "AUC",
    "f1": "F1",
    "log_loss": "log loss",
    "brier": "Brier score",
    "fpr": "FPR",
    "fnr": "FNR",
    "tpr": "TPR",
    "tnr": "TNR",
}
"""Measures whose written name is not their name in the table."""
_LINES = 6  # as many as the house style has colours
_BINS = 10


@dataclass(frozen=True)
class Comparison:
    """What `ceteris.learners.comparing.compare` found.

    Attributes
    ----------
    task : {'regression', 'classification'}
    positive : scalar or None
        The class that counts as positive; None in a regression and with more than two classes, where the
        rates are macro averages.
    design : str
        A sentence on the parts and the folds.
    table : DataFrame
        A row per learner, the best first and failures last: the mean of the criterion over the folds and its
        standard error (``cv r2`` and ``cv r2 se``, or ``cv log_loss``), every measure on the test part with its
        bootstrap standard error (``test auc``, ``test auc se``), ``fit seconds`` on the whole training part,
        ``status`` ('ok', 'warned' or 'failed') and ``note``.
    best : str
        The learner with the best criterion over the folds; the test part had no say.
    fitted : dict of str to estimator
        Refitted on the whole training part.
    fold_scores : DataFrame
        Every measure by learner and fold.
    test_predictions : DataFrame
        ``y``, ``weight`` and a column per learner; the index is the place of the row in the whole table.
    test_probabilities : dict of str to DataFrame
        Per learner a column per class; empty in a regression.
    test_draws : DataFrame of shape (draws, learners)
        The criterion on the bootstrap resamples of the test part, the same for all learners.
    """

    task: str
    positive: Any
    design: str
    table: pd.DataFrame
    best: str
    fitted: dict[str, Any]
    fold_scores: pd.DataFrame
    test_predictions: pd.DataFrame
    test_probabilities: dict[str, pd.DataFrame]
    test_draws: pd.DataFrame

    @property
    def criterion(self) -> str:
        """The measure that chose the best learner: 'r2' or 'log_loss'."""
        return CRITERION[self.task]

    def checks(self) -> tuple[Check, ...]:
        """Whether the best beats the baseline, the net keeps up, and nobody failed."""
        return beats_baseline(self), net_keeps_up(self), none_failed(self.table)

    def sections(self) -> tuple[Section, ...]:
        """Return the evidence as sections of a report."""
        return choosing(self), judging(self)


def gain(table: pd.DataFrame, column: str, a: str, b: str) -> float:
    """Return by how much learner a is better than learner b in a column of the table."""
    values: Any = table[column]
    return float(values[b] - values[a] if column.split()[1] in LOWER_IS_BETTER else values[a] - values[b])


def beats_baseline(c: Comparison) -> Check:
    """Whether the best learner beats the baseline on the test part by more than two standard errors.

    The error is that of the difference, from resamples drawn alike for both.
    """
    name, written = "the best learner beats the baseline", NAMES[c.criterion]
    if c.best == BASELINE:
        return Check(name, False, "No learner beat the baseline over the folds: X may say little about y.")
    if not {c.best, BASELINE} <= set(c.test_draws):
        return Check(name, None, f"{c.best} or the baseline has no predictions on the test part.")
    difference = gain(c.table, f"test {c.criterion}", c.best, BASELINE)
    draws: Any = c.test_draws
    se = float((draws[c.best] - draws[BASELINE]).std(ddof=1))
    passed = None if np.isnan(difference + se) else difference > 2 * se
    than = "worse" if difference < 0 else "better"
    advice = "" if passed else " More rows or better columns are needed before this is relied on."
    sentence = (
        f"On the test part the {written} of {c.best} is {than} than the baseline's by {abs(difference):.3g} "
        f"(bootstrap standard error {se:.2g}).{advice}"
    )
    return Check(name, passed, sentence, difference, 2 * se)


def net_keeps_up(c: Comparison) -> Check:
    """Whether the neural net is within one standard error of the best classical learner over the folds."""
    name, column = "the neural net keeps up", f"cv {c.criterion}"
    running: Any = c.table[c.table["status"] != "failed"]
    classical = [k for k in running.index if k in LEARNERS[c.task] and k != BASELINE]
    if NEURAL not in running.index or not classical:
        return Check(name, None, "There is no neural net and classical learner to compare.")
    rival = classical[0]
    difference, se = gain(running, column, NEURAL, rival), float(running[f"{column} se"][rival])
    than = "better" if difference >= 0 else "worse"
    sentence = (
        f"Over the folds the {NAMES[c.criterion]} of the neural net is {than} than that of the best classical learner, "
        f"{rival}, by {abs(difference):.3g} (standard error {se:.2g})."
    )
    return Check(name, difference >= -se, sentence, difference, -se)


def none_failed(table: Any) -> Check:
    """Whether every learner could be fitted and judged; warnings are told but do not fail it."""
    failed, warned = (table.index[table["status"] == status].tolist() for status in ("failed", "warned"))
    told = [f"{name}: {table.loc[name, 'note']}" for name in [*failed, *warned]]
    return Check(
        "no learner failed",
        not failed,
        " ".join(told) or "All were fitted without a warning.",
        len(failed),
        0,
    )


def choosing(c: Comparison) -> Section:
    """Return the section on the folds."""
    written = NAMES[c.criterion]
    better = "lower" if c.criterion in LOWER_IS_BETTER else "higher"
    text = (
        f"{c.design}\n\nEvery learner was fitted on the same folds. {c.best} has the best mean {written} over them "
        f"({better} is better) and was chosen for it, before the test part was opened."
    )
    frame = c.table[[f"cv {c.criterion}", f"cv {c.criterion} se", "fit seconds", "status", "note"]].reset_index()
    frame.columns = [
        "learner",
        f"{written} over the folds",
        "standard error",
        "seconds to fit",
        "status",
        "note",
    ]
    note = "The standard error takes the folds for independent and is on the small side."
    return Section(
        "Choosing a learner",
        text,
        (Table("Cross-validation", frame, note),),
        (scores(c, written),),
        c.checks()[1:],
    )


def judging(c: Comparison) -> Section:
    """Return the section on the test part."""
    tested = c.table.loc[c.table.index.isin(c.test_draws.columns)]
    measures = [name[5:-3] for name in tested.columns if name.startswith("test ") and name.endswith(" se")]
    values = tested[[f"test {m}" for m in measures]].set_axis([NAMES.get(m, m) for m in measures], axis=1)
    errors = tested[[f"test {m} se" for m in measures]].set_axis(values.columns, axis=1)
    text = "The test part was opened once, after the choice: these figures are not those that chose the learner."
    if c.task == "classification":
        text += " " + (
            "Precision, recall, F1, specificity, the rates and AUC are macro averages: the plain mean over the "
            "classes, each against the rest."
            if c.positive is None
            else f"The positive class is {c.positive!s}."
        )
    note = "Bootstrap of the test rows with the predictions as they are."
    tables = Table("Test part", values.reset_index()), Table("Standard errors", errors.reset_index(), note)
    return Section("How good it is", text, tables, pictures(c), c.checks()[:1])


def pictures(c: Comparison) -> tuple[Figure, ...]:
    """Return the figures of the test part; without one that needs predictions of a best learner that failed there."""
    if c.best not in c.test_draws:
        return ()
    if c.task == "regression":
        return (fit(c),)
    if c.positive is None:
        return roc_by_class(c), confusion(c)
    return roc(c), calibration(c), confusion(c)


# -------------------------------------------------------- figures: each makes the frame that it shows, then draws it


def scores(c: Comparison, written: str) -> Figure:
    """Dots of the criterion over the folds, with one standard error either way."""
    columns = {f"cv {c.criterion}": "mean", f"cv {c.criterion} se": "se"}
    data = c.table[list(columns)].set_axis(list(columns.values()), axis=1).dropna().reset_index()
    lower = c.criterion in LOWER_IS_BETTER
    caption = (
        f"Mean over the folds and one standard error either way; {'lower' if lower else 'higher'} is better. The band "
        "is one standard error around the best; an arrow at the edge stands for a learner much worse than the baseline."
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
    axes.axvspan(mean[0] - se[0], mean[0] + se[0], color="C0", alpha=0.15, linewidth=0)
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


def _edge(data: pd.DataFrame, lower: bool) -> float:
    """The value beyond which a learner is drawn at the edge: half as far again as the baseline is from the best."""
    baseline, best = data.loc[data["learner"] == BASELINE, "mean"], float(data["mean"].iloc[0])
    if baseline.empty or np.isclose(baseline.iloc[0], best):
        return np.inf if lower else -np.inf
    return float(baseline.iloc[0] + 0.5 * (baseline.iloc[0] - best))


def roc(c: Comparison) -> Figure:
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


def roc_by_class(c: Comparison) -> Figure:
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


def calibration(c: Comparison) -> Figure:
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


def confusion(c: Comparison) -> Figure:
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


def fit(c: Comparison) -> Figure:
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
