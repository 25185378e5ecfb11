"""What a comparison starts from: the table as rows, the task, and the learners that take part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v1 as nw
import numpy as np
from sklearn.base import clone

from ceteris.arguments import as_many, one_of
from ceteris.learners.classical import BASELINE, LEARNERS, classical, prepare
from ceteris.learners.splits import TableRows
from ceteris.learners.target import classes, numbers, refuse_one_class, weights
from ceteris.tables.coding import read
from ceteris.tables.frames import refuse_own_labels
from ceteris.tables.magnitude import refuse_extremes

NEURAL = "neural net"
TASKS = {
    "auto": "classes if y is not numeric or holds few distinct whole numbers",
    "regression": "y is a number",
    "classification": "y is a class",
}
FEW = 10  # whole numbers with no more distinct values than this are taken for classes
SLOW = {"SVM": 20_000}  # the cost of this learner grows with the square of the rows: above so many only by name


def read_rows(X: Any, y: Any, task: str, sample_weight: Any) -> tuple[TableRows, str]:
    """Check a table and its target and settle the task.

    Parameters
    ----------
    X, y, task, sample_weight
        As in `ceteris.learners.comparing.compare`.

    Returns
    -------
    rows : TableRows
        X a pandas frame, or an array if it was one; y of float64, or of labels.
    task : {'regression', 'classification'}

    Examples
    --------
    >>> rows, task = read_rows([[1.0], [2.0]], ["no", "yes"], "auto", None)
    >>> len(rows), task
    (2, 'classification')
    """
    one_of("task", task, TASKS)
    frame = read(X)  # says what is wrong with X
    n = frame.rows
    for name, column in zip(frame.names, frame.columns, strict=True):
        if column.dtype == object:
            refuse_own_labels("X", name, column)
        else:
            refuse_extremes("X", name, column)
    if np.asarray(y).dtype.kind in "iuf":
        refuse_extremes("y", None, y)
    if task == "auto":
        task = "classification" if looks_like_classes(y) else "regression"
    if task == "regression":
        y = numbers(y, n, several=False)[:, 0]
    else:
        y = classes(y, n)
        refuse_one_class(np.unique(y))
    native = nw.from_native(X, eager_only=True, pass_through=True)
    X = native.to_pandas() if isinstance(native, nw.DataFrame) else np.asarray(X)
    weight = None if sample_weight is None else weights(sample_weight, n)
    return TableRows(X, y, weight, np.arange(n)), task


def read_labels(argument: str, given: Any, X: Any, place: Any, rows: int) -> np.ndarray:
    """Return labels of some rows: a column of theirs, or those at their places among the labels of all rows."""
    if isinstance(given, str):
        if not hasattr(X, "columns"):
            raise TypeError(
                f"{argument} is a name, {given!r}, but X has no names of columns; give the labels of all rows."
            )
        return X[one_of(argument, given, X.columns, kind="a column of X:")].to_numpy()
    as_many(argument, given, rows, of="row of the table")
    return np.asarray(given)[place]


def looks_like_classes(y: Any) -> bool:
    """Whether a target is taken for classes when nobody says.

    Examples
    --------
    >>> looks_like_classes(["a", "b"]), looks_like_classes([1, 2, 2]), looks_like_classes([1.5, 2.0])
    (True, True, False)
    """
    y = np.asarray(y)
    if y.dtype.kind not in "iuf":
        return True
    found = np.unique(y[np.isfinite(y)])
    return len(found) <= FEW and bool((found == np.round(found)).all())


def enter(learners: Any, task: str, train: TableRows, fewest: int, options: dict[str, Any]) -> dict[str, Any]:
    """Return the learners of a comparison, unfitted, under their names, the baseline first.

    Parameters
    ----------
    learners : sequence of str, mapping of str to estimator, or None
    task : {'regression', 'classification'}
    train : TableRows
        The training part.
    fewest : int
        Rows of the smallest fold to learn from.
    options : dict
        ``seed`` and ``ordered``, handed to `ceteris.learners.classical.classical`.

    Examples
    --------
    >>> rows = TableRows(np.zeros((9, 1)), np.zeros(9), None, np.arange(9))
    >>> list(enter(["ridge"], "regression", rows, 6, {"seed": 0, "ordered": False}))
    ['baseline', 'ridge']
    """
    frame = read(train.X)
    columns = list(train.X.columns) if hasattr(train.X, "columns") else list(range(train.X.shape[1]))
    labelled = [name for name, column in zip(columns, frame.columns, strict=True) if column.dtype == object]
    build = lambda name: (
        neural(task, options["seed"])
        if name == NEURAL
        else classical(name, task, prepare(labelled, columns), fewest, **options)
    )
    known = {**LEARNERS[task], NEURAL: "a neural network of this library"}
    if isinstance(learners, Mapping):
        own = {BASELINE: build(BASELINE)} | {name: _checked(name, one, task) for name, one in learners.items()}
        return own
    if isinstance(learners, str):
        learners = [learners]
    if learners is None:
        learners = [name for name in known if len(train) <= SLOW.get(name, np.inf)]
    for name in learners:
        one_of("learners", name, known)
    return {name: build(name) for name in [BASELINE, *learners]}


def neural(task: str, seed: int) -> Any:
    """Return the library's own learner with its defaults; labels unseen in training count as none."""
    # JAX: only when a net takes part
    from ceteris.learners.classifier import NeuralClassifier
    from ceteris.learners.regressor import NeuralRegressor

    kind = NeuralRegressor if task == "regression" else NeuralClassifier
    return kind(random_state=seed, unseen="ignore")


def _checked(name: str, estimator: Any, task: str) -> Any:
    """A learner of the caller's, unfitted."""
    if name in ("y", "weight"):
        raise ValueError(f"learners: {name!r} is the name of a column of the predictions: call the learner otherwise.")
    needed = ["fit", "predict"] + ["predict_proba"] * (task == "classification")
    for method in needed:
        if not hasattr(estimator, method):
            raise TypeError(
                f"learners[{name!r}] is a {type(estimator).__name__} without {method}, which {task} needs: give an "
                "estimator that has it, for instance inside CalibratedClassifierCV."
            )
    return clone(estimator)
