"""The workflow of supervised learning in one call: split, cross-validate, choose, refit, test once.

1. A test part is cut off and sealed.
2. Every learner is fitted and judged on the same folds of the rest (equations 7 and 8 of the source).
3. The learner with the best mean over the folds is chosen: by R² for numbers, by log loss for classes.
4. Every learner is refitted on the whole training part.
5. The test part is opened, once, and every refitted learner is measured on it (equation 9), with the
   standard errors of a bootstrap of its rows. The choice is not revised.

References
----------
Nadeau, C. and Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52.
Supervised-learning chapter of the course notes (source 004), section 3.3. Hastie, T., Tibshirani, R. and
Friedman, J. (2009). The Elements of Statistical Learning, 2nd edition, sections 7.2 and 7.10.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import TimeSeriesSplit
from threadpoolctl import threadpool_limits

from ceteris.arguments import Rule, require
from ceteris.learners.blending import BLEND, make_blend
from ceteris.learners.candidates import enter, read_rows
from ceteris.learners.comparison import Comparison
from ceteris.learners.design import take_out
from ceteris.learners.metrics import LOWER_IS_BETTER
from ceteris.learners.splits import Folds, Sealed, TableRows, hold_out, make_folds, splitter
from ceteris.learners.trials import Contest, Trial, judge, learn
from ceteris.learners.verdicts import over_folds, standard_error

YES_OR_NO = Rule("True or False", lambda given: isinstance(given, bool))
SMALL = 1_000_000  # cells of a table that one thread handles best


def compare(
    X: Any,
    y: npt.ArrayLike,
    *,
    task: str = "auto",
    learners: Sequence[str] | Mapping[str, Any] | None = None,
    test_size: float = 0.2,
    cv: Any = "auto",
    groups: Any = None,
    time: Any = None,
    blend: bool = False,
    seed: int = 0,
    sample_weight: npt.ArrayLike | None = None,
) -> Comparison:
    """Compare learners on a table.

    Parameters
    ----------
    X : data frame or array-like of shape (n, columns)
        Columns of numbers, booleans or labels, without missing values.
    y : array-like of shape (n,)
        Target.
    task : {'auto', 'regression', 'classification'}
        'auto' takes for classes whatever is not a number, and whole numbers with at most ten distinct values.
    learners : sequence of str, or mapping of str to estimator, optional
        Names from `ceteris.learners.classical.LEARNERS` and 'neural net'; or scikit-learn estimators under
        names of their own. The baseline is always added. Default: all there are for the task, without the
        support vector machine above 20,000 training rows.
    test_size : float
        Share of rows in the test part: drawn at random (with the class shares of the whole), whole groups drawn at
        random, or the last rows if `cv` is of time series.
    cv : int, 'auto', 'kfold', 'stratified', 'rolling', 'expanding' or splitter
        Folds of the training part; see `ceteris.learners.splits.CV`. The named ones are five. For another
        number of folds in time pass scikit-learn's ``TimeSeriesSplit``.
    groups : str or array-like of shape (n,), optional
        Rows of one group (a firm, a person, a village) are never on both sides of a cut, so that the scores are for new
        groups. A column of X that is named here is taken out of X; an array leaves X as it is.
    time : str or array-like of shape (n,), optional
        Numbers or dates: learners are judged on rows that come later than all they learnt from, those of one moment
        together. Names and arrays as for groups.
    blend : bool
        Whether to add a weighted mean of all learners; see `ceteris.learners.blending`.
    seed : int
        Draws the parts, the folds, the forests and nets, and the bootstrap.
    sample_weight : array-like of shape (n,), optional
        Used in fitting (a learner that cannot says so in its note) and in every measure.

    Returns
    -------
    Comparison
        Its ``table`` has a row per learner, the best first.

    Notes
    -----
    The bootstrap draws test rows independently, or whole groups: with a time series its errors leave out serial
    dependence. Standard errors over the folds, and the verdict on each learner against the best, are corrected for
    what the folds learn from in common (`ceteris.learners.verdicts`); each verdict stands for itself, at 95%. A
    learner that raises is reported with its message and the others go on; warnings are reported too. With two classes
    the second in sorted order is the positive one; ``Comparison.positive`` names it. ``fit seconds`` includes the
    compilation of a net. Learners that choose a setting by folds of their own draw these by rows, even where groups are
    given. While it runs in a terminal a progress bar shows on the error stream.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> comparison = compare(X, y, learners=["linear", "ridge", "tree"])
    >>> comparison.best in ("linear", "ridge"), bool(comparison.table.loc["baseline", "cv r2"] < 0)
    (True, True)
    """
    require("blend", blend, YES_OR_NO)
    X, group, moment = take_out(X, groups, time)
    rows, task = read_rows(X, y, task, sample_weight)
    rows = replace(rows, group=group, moment=moment)
    if moment is not None:
        rows = rows.take(np.argsort(moment, kind="stable"))
    classes = np.unique(rows.y) if task == "classification" else None
    contest = Contest(task, classes, classes[1] if classes is not None and len(classes) == 2 else None, seed)
    cutter = splitter(cv, task, seed, "groups" if groups is not None else "time" if time is not None else None)
    ordered = isinstance(cutter, TimeSeriesSplit) or moment is not None
    train, sealed = hold_out(rows, test_size, task, ordered, seed)
    folds = make_folds(train, cutter, cv == "rolling", classes)
    fewest = min(len(a) for a, _ in folds)
    models = enter(learners, task, train, fewest, {"seed": seed, "ordered": ordered})
    if blend and BLEND in models:
        raise ValueError(f"learners: {BLEND!r} is what the blend is called; call the learner otherwise.")
    design = _describe(cutter, train, sealed, folds, ordered)
    # Threads that share a small table cost more than they give (boosting by a factor of ten on busy cores).
    threads = 1 if train.X.size < SMALL else None
    with threadpool_limits(threads, user_api="openmp"):
        trials = {name: learn(model, contest, train, folds) for name, model in _progress(models)}
    if blend and not all(trial.failed for trial in trials.values()):
        trials[BLEND] = make_blend(trials, contest, train, folds, ordered)
    best = _choose(trials, contest)
    test = sealed.open()  # once; nothing is chosen from here on
    for trial in trials.values():
        judge(trial, contest, test)
    overlap = float(np.mean([len(b) / len(a) for a, b in folds]))
    return _result(trials, best, contest, test, design, overlap, len(rows))


def _choose(trials: dict[str, Trial], contest: Contest) -> str:
    """Step 3: the name of the learner with the best mean over the folds."""
    fit: dict[str, Any] = {name: t.folds for name, t in trials.items() if t.folds is not None and not t.failed}
    means = {name: float(folds[contest.criterion].mean()) for name, folds in fit.items()}
    means = {name: mean for name, mean in means.items() if np.isfinite(mean)}
    if not means:
        raise RuntimeError(f"No learner could be fitted: {' '.join(t.notes[0] for t in trials.values() if t.notes)}")
    return (min if contest.criterion in LOWER_IS_BETTER else max)(means, key=lambda name: means[name])


def _result(
    trials: dict[str, Trial], best: str, contest: Contest, test: TableRows, design: str, overlap: float, count: int
) -> Comparison:
    rows = {
        name: _row(trial, contest, overlap, None if name == best else trials[best]) for name, trial in trials.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table = table.sort_values(f"cv {contest.criterion}", ascending=contest.criterion in LOWER_IS_BETTER)
    ok = [name for name in table.index if name != best and not trials[name].failed]
    table = table.loc[[best, *ok, *table.index.drop([best, *ok])]].rename_axis("learner")
    shown = [name for name in table.index if trials[name].predicted is not None]
    index = pd.Index(test.place, name="row")
    weight = np.ones(len(test)) if test.weight is None else test.weight
    predicted: dict[str, Any] = {name: trials[name].predicted for name in shown}
    probabilities = {
        k: pd.DataFrame(s.probability, index, contest.classes)
        for k, s in predicted.items()
        if contest.classes is not None
    }
    return Comparison(
        task=contest.task,
        positive=contest.positive,
        design=design,
        table=table,
        best=best,
        fitted={name: trials[name].fitted for name in table.index if trials[name].fitted is not None},
        fold_scores=pd.concat(
            {k: t.folds for k, t in trials.items() if t.folds is not None}, names=["learner", "fold"]
        ),
        test_predictions=pd.DataFrame(
            {"y": test.y, "weight": weight} | {k: s.value for k, s in predicted.items()}, index
        ),
        test_probabilities=probabilities,
        test_draws=pd.DataFrame({name: trials[name].draws for name in shown}),
        test_X=test.X,
        rows=count,
        overlap=overlap,
    )


def _row(trial: Trial, contest: Contest, overlap: float, best: Trial | None) -> dict[str, Any]:
    """One row of the table; `best` is the best learner's trial, None for itself."""
    column, row = f"cv {contest.criterion}", {}
    if trial.folds is not None:
        scores = trial.folds[contest.criterion]
        row = {column: scores.mean(), f"{column} se": standard_error(scores, overlap)}
    row["verdict"] = "" if trial.failed else "best" if best is None else _verdict(trial, best, contest, overlap)
    if trial.judged is not None:
        for name, one in trial.judged.iterrows():
            row |= {f"test {name}": one["value"], f"test {name} se": one["se"]}
    return row | {"fit seconds": trial.seconds, "status": trial.status, "note": " ".join(trial.notes)}


def _verdict(trial: Trial, best: Trial, contest: Contest, overlap: float) -> str:
    """Whether a learner is worse than the best over the folds."""
    one: Any = trial.folds
    other: Any = best.folds
    gains = (one[contest.criterion] - other[contest.criterion]).to_numpy()
    return over_folds(-gains if contest.criterion in LOWER_IS_BETTER else gains, overlap).verdict


def _describe(cutter: Any, train: TableRows, sealed: Sealed, folds: Folds, ordered: bool) -> str:
    first, last = len(folds[0][0]), len(folds[-1][0])
    window = f"{first:,}" if first == last else f"{first:,} to {last:,}"
    drawn = "rows drawn at random" if train.group is None else "all of other groups"
    order = "the last rows" if ordered else drawn
    return (
        f"{len(train):,} rows to learn from, in {len(folds)} folds ({type(cutter).__name__}, {window} rows fitted in "
        f"each); {len(sealed):,} rows to test on ({order})."
    )


def _progress(models: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The learners one by one, with a bar on the error stream if that is a terminal."""
    if not sys.stderr.isatty():
        yield from models.items()
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(models))
        for name, model in models.items():
            bar.update(task, description=name)
            yield name, model
            bar.advance(task)
