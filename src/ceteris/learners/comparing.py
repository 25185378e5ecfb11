"""The workflow of supervised learning in one call: split, cross-validate, choose, refit, test once.

1. A test part is cut off and sealed.
2. Every learner is fitted and judged on the same folds of the rest (equations 7 and 8 of the source).
3. The learner with the best mean over the folds is chosen: by R² for numbers, by log loss for classes.
4. Every learner is refitted on the whole training part.
5. The test part is opened, once, and every refitted learner is measured on it (equation 9), with the
   standard errors of a bootstrap of its rows. The choice is not revised.

References
----------
Supervised-learning chapter of the course notes (source 004), section 3.3. Hastie, T., Tibshirani, R. and
Friedman, J. (2009). The Elements of Statistical Learning, 2nd edition, sections 7.2 and 7.10.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import TimeSeriesSplit
from threadpoolctl import threadpool_limits

from ceteris.learners.candidates import enter, read_rows
from ceteris.learners.comparison import Comparison
from ceteris.learners.metrics import LOWER_IS_BETTER
from ceteris.learners.splits import Folds, Sealed, TableRows, hold_out, make_folds, splitter
from ceteris.learners.trials import Contest, Trial, judge, learn

SMALL = 1_000_000  # cells of a table that one thread handles best


def compare(
    X: Any,
    y: npt.ArrayLike,
    *,
    task: str = "auto",
    learners: Sequence[str] | Mapping[str, Any] | None = None,
    test_size: float = 0.2,
    cv: Any = "auto",
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
        Share of rows in the test part: drawn at random (with the class shares of the whole), or the last
        rows if `cv` is of time series.
    cv : int, 'auto', 'kfold', 'stratified', 'rolling', 'expanding' or splitter
        Folds of the training part; see `ceteris.learners.splits.CV`. The named ones are five. For another
        number of folds in time pass scikit-learn's ``TimeSeriesSplit``.
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
    The bootstrap draws test rows independently: with a time series its errors leave out serial dependence.
    The standard error over folds takes the folds for independent, which they are not, and is on the small
    side. A learner that raises is reported with its message and the others go on; warnings are reported too.
    With two classes the second in sorted order is the positive one; ``Comparison.positive`` names it. ``fit seconds``
    includes the compilation of a net. While it runs in a terminal a progress bar shows on the error stream.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> comparison = compare(X, y, learners=["linear", "ridge", "tree"])
    >>> comparison.best in ("linear", "ridge"), bool(comparison.table.loc["baseline", "cv r2"] < 0)
    (True, True)
    """
    rows, task = read_rows(X, y, task, sample_weight)
    classes = np.unique(rows.y) if task == "classification" else None
    contest = Contest(task, classes, classes[1] if classes is not None and len(classes) == 2 else None, seed)
    cutter = splitter(cv, task, seed)
    ordered = isinstance(cutter, TimeSeriesSplit)
    train, sealed = hold_out(rows, test_size, task, ordered, seed)
    folds = make_folds(train, cutter, cv == "rolling", classes)
    fewest = min(len(a) for a, _ in folds)
    models = enter(learners, task, train, fewest, {"seed": seed, "ordered": ordered})
    design = _describe(cutter, train, sealed, folds)
    # Threads that share a small table cost more than they give (boosting by a factor of ten on busy cores).
    threads = 1 if train.X.size < SMALL else None
    with threadpool_limits(threads, user_api="openmp"):
        trials = {name: learn(model, contest, train, folds) for name, model in _progress(models)}
    best = _choose(trials, contest)
    test = sealed.open()  # once; nothing is chosen from here on
    for trial in trials.values():
        judge(trial, contest, test)
    return _result(trials, best, contest, test, design)


def _choose(trials: dict[str, Trial], contest: Contest) -> str:
    """Step 3: the name of the learner with the best mean over the folds."""
    fit: dict[str, Any] = {name: t.folds for name, t in trials.items() if t.folds is not None and not t.failed}
    means = {name: float(folds[contest.criterion].mean()) for name, folds in fit.items()}
    means = {name: mean for name, mean in means.items() if np.isfinite(mean)}
    if not means:
        raise RuntimeError(f"No learner could be fitted: {' '.join(t.notes[0] for t in trials.values() if t.notes)}")
    return (min if contest.criterion in LOWER_IS_BETTER else max)(means, key=lambda name: means[name])


def _result(trials: dict[str, Trial], best: str, contest: Contest, test: TableRows, design: str) -> Comparison:
    table = pd.DataFrame.from_dict({name: _row(trial, contest) for name, trial in trials.items()}, orient="index")
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
    )


def _row(trial: Trial, contest: Contest) -> dict[str, Any]:
    """One row of the table."""
    column, row = f"cv {contest.criterion}", {}
    if trial.folds is not None:
        row = {column: trial.folds[contest.criterion].mean(), f"{column} se": trial.folds[contest.criterion].sem()}
    if trial.judged is not None:
        for name, one in trial.judged.iterrows():
            row |= {f"test {name}": one["value"], f"test {name} se": one["se"]}
    return row | {"fit seconds": trial.seconds, "status": trial.status, "note": " ".join(trial.notes)}


def _describe(cutter: Any, train: TableRows, sealed: Sealed, folds: Folds) -> str:
    first, last = len(folds[0][0]), len(folds[-1][0])
    window = f"{first:,}" if first == last else f"{first:,} to {last:,}"
    order = "the last rows" if isinstance(cutter, TimeSeriesSplit) else "rows drawn at random"
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
