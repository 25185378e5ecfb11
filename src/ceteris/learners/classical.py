"""The classical learners of the source, from scikit-learn, each ready to take a table as it comes.

Every learner is a pipeline: numeric columns are standardised, columns of labels become indicators (a label not
seen in training becomes none), then the model. A model whose penalty or neighbourhood decides everything picks
it by an inner cross-validation on the rows it is given; the others keep settings that do no harm on small and
middle-sized tables. Log loss punishes certainty without limit, and the class shares in the leaves of a grown
tree are certain. Trees that classify therefore keep five rows or ten in a leaf, and the probabilities of a tree
alone pass through Platt's sigmoid, as those of the support vector machine do.

The source's bagging listing passes ``base_estimator``, which scikit-learn has since renamed ``estimator``.

References
----------
Supervised-learning chapter of the course notes (source 004), section 3.4, Table 6. Pedregosa, F. et al. (2011).
Scikit-learn: machine learning in Python. JMLR 12. Platt, J. (1999). Probabilistic outputs for support vector
machines. In Advances in Large Margin Classifiers, MIT Press.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNetCV, LassoCV, LinearRegression, LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.validation import has_fit_parameter

BASELINE = "baseline"
LEARNERS = {
    "regression": {
        BASELINE: "the mean of y",
        "linear": "ordinary least squares",
        "ridge": "squared penalty, chosen from 25 by cross-validation",
        "lasso": "absolute penalty, chosen by cross-validation",
        "elastic net": "both penalties, their mix and size chosen by cross-validation",
        "k-NN": "the mean of the nearest rows, their number chosen by cross-validation",
        "tree": "one regression tree, its depth chosen by cross-validation",
        "forest": "random forest of 100 trees, a third of the columns tried at each split",
        "boosting": "gradient boosting on binned columns, 100 trees",
        "bagging": "100 trees on bootstrap samples",
        "SVM": "support vectors with a Gaussian kernel, y standardised",
    },
    "classification": {
        BASELINE: "the class shares of y",
        "logistic": "logistic regression with a squared penalty",
        "k-NN": "the classes of the nearest rows, their number chosen by cross-validation",
        "tree": "one tree, at least ten rows in a leaf, probabilities by Platt's sigmoid",
        "forest": "random forest of 100 trees, at least five rows in a leaf",
        "boosting": "gradient boosting on binned columns, 100 steps of 0.05",
        "bagging": "100 trees on bootstrap samples, at least five rows in a leaf",
        "SVM": "support vectors with a Gaussian kernel, probabilities by Platt's sigmoid",
    },
}
"""What there is for each task, and what it does."""

_NEIGHBOURS = [1, 3, 5, 10, 20, 40]
_DEPTHS = {"max_depth": [1, 2, 3, 5, 8]}
_PENALTIES = [10 ** (k / 3) for k in range(-12, 13)]  # 1e-4 to 1e4 for columns of unit variance


def prepare(labelled: Sequence[Any], names: Sequence[Any]) -> Any:
    """Return the transformer that turns a table into a matrix of comparable columns.

    Parameters
    ----------
    labelled : sequence
        Columns of labels: names, or positions for an array.
    names : sequence
        All columns.

    Examples
    --------
    >>> prepare([], ["age"])
    StandardScaler()
    """
    if not labelled:
        return StandardScaler()
    indicators = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numbers = [name for name in names if name not in labelled]
    return ColumnTransformer([("numbers", StandardScaler(), numbers), ("labels", indicators, list(labelled))])


def classical(name: str, task: str, preparation: Any, n: int, seed: int = 0, ordered: bool = False) -> Pipeline:
    """Return one of the learners, unfitted.

    Parameters
    ----------
    name : str
        A key of ``LEARNERS[task]``.
    task : {'regression', 'classification'}
    preparation : transformer
        From `prepare`.
    n : int
        The fewest rows it will be fitted on; bounds the number of neighbours that are tried.
    seed : int
        Of the forests, of the bootstrap and of the inner folds.
    ordered : bool
        Rows are in the order of time: inner folds learn from the past only.

    Returns
    -------
    Pipeline
        With the steps ``prepare`` and ``model``.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> round(classical("ridge", "regression", prepare([], range(10)), 442).fit(X, y).score(X, y), 2)
    0.52
    """
    build = _regressor if task == "regression" else _classifier
    neighbours = [k for k in _NEIGHBOURS if k <= max(n // 4, 1)]  # a quarter: the first inner fold in time
    model = build(name, {"n_neighbors": neighbours}, seed, ordered)
    return Pipeline([("prepare", preparation), ("model", model)])


def _regressor(name: str, neighbours: dict, seed: int, ordered: bool) -> Any:
    inner = TimeSeriesSplit(3) if ordered else KFold(5, shuffle=True, random_state=seed)
    search = lambda model, grid: GridSearchCV(model, grid, scoring="neg_mean_squared_error", cv=inner)
    mixes: Any = [0.1, 0.5, 0.9]
    return {
        BASELINE: lambda: DummyRegressor(),
        "linear": lambda: LinearRegression(),
        "ridge": lambda: RidgeCV(_PENALTIES, cv=inner if ordered else None),  # None: leave-one-out in closed form
        "lasso": lambda: LassoCV(cv=inner, max_iter=10_000),
        "elastic net": lambda: ElasticNetCV(l1_ratio=mixes, cv=inner, max_iter=10_000),
        "k-NN": lambda: search(KNeighborsRegressor(), neighbours),
        "tree": lambda: search(DecisionTreeRegressor(min_samples_leaf=5, random_state=seed), _DEPTHS),
        "forest": lambda: RandomForestRegressor(100, max_features=1 / 3, random_state=seed),
        "boosting": lambda: HistGradientBoostingRegressor(random_state=seed),
        "bagging": lambda: BaggingRegressor(n_estimators=100, random_state=seed),
        "SVM": lambda: TransformedTargetRegressor(SVR(), transformer=StandardScaler()),
    }[name]()


def _classifier(name: str, neighbours: dict, seed: int, ordered: bool) -> Any:
    inner = TimeSeriesSplit(3) if ordered else StratifiedKFold(3, shuffle=True, random_state=seed)
    search = lambda model, grid: GridSearchCV(model, grid, scoring="neg_log_loss", cv=inner)
    # One fit on all rows and a sigmoid of its out-of-fold scores; in time, one of each per inner fold.
    joint: Any = ordered
    sure = lambda model: CalibratedClassifierCV(model, cv=inner, ensemble=joint)
    leaf: Any = {"min_samples_leaf": 5, "random_state": seed}
    return {
        BASELINE: lambda: DummyClassifier(),
        "logistic": lambda: LogisticRegression(max_iter=1000),
        "k-NN": lambda: search(KNeighborsClassifier(), neighbours),
        "tree": lambda: sure(DecisionTreeClassifier(min_samples_leaf=10, random_state=seed)),
        "forest": lambda: RandomForestClassifier(100, **leaf),
        "boosting": lambda: HistGradientBoostingClassifier(learning_rate=0.05, random_state=seed),
        "bagging": lambda: BaggingClassifier(
            DecisionTreeClassifier(min_samples_leaf=5), n_estimators=100, random_state=seed
        ),
        "SVM": lambda: sure(SVC()),
    }[name]()


def takes_weights(estimator: Any) -> bool:
    """Whether the estimator, or the one it wraps, learns with ``sample_weight``.

    Examples
    --------
    >>> takes_weights(LinearRegression()), takes_weights(KNeighborsRegressor())
    (True, False)
    """
    if isinstance(estimator, Pipeline):
        return takes_weights(estimator.steps[-1][1])
    for inner in ("estimator", "regressor"):  # a search, a transformed target
        if isinstance(estimator, GridSearchCV | TransformedTargetRegressor) and hasattr(estimator, inner):
            return takes_weights(getattr(estimator, inner))
    return has_fit_parameter(estimator, "sample_weight")
