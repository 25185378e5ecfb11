"""Small tables that come with scikit-learn, as data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.arguments import one_of

if TYPE_CHECKING:
    import pandas as pd

_LOADERS: dict[str, tuple[str, dict[str, bool]]] = {
    "diabetes": ("load_diabetes", {"scaled": False}),  # in natural units: years, kg/m², mmHg, ...
    "breast_cancer": ("load_breast_cancer", {}),
    "wine": ("load_wine", {}),
    "digits": ("load_digits", {}),
    "iris": ("load_iris", {}),
}

TABLES: tuple[str, ...] = tuple(_LOADERS)
"""Names of the bundled tables: one regression (diabetes), then four classifications."""


def load_table(name: str) -> tuple[pd.DataFrame, pd.Series]:
    """Load one of the tables that come with scikit-learn.

    Parameters
    ----------
    name : str
        One of `TABLES`. Diabetes (442 rows, 10 columns, progression of the disease after a year) is a
        regression; breast cancer (569, 30, two classes), wine (178, 13, three), digits (1,797, 64, ten) and
        iris (150, 4, three) are classifications with classes coded 0, 1, ... as scikit-learn codes them.

    Returns
    -------
    X : DataFrame, shape (n, columns)
        Covariates in natural units; no missing values.
    y : Series, shape (n,)
        Target.

    References
    ----------
    scikit-learn's user guide, "Toy datasets", gives the origin of each table. Diabetes: Efron, B., Hastie,
    T., Johnstone, I. and Tibshirani, R. (2004). Least angle regression. Annals of Statistics 32. The others
    come from the UCI Machine Learning Repository.

    Examples
    --------
    >>> X, y = load_table("iris")
    >>> X.shape, sorted(y.unique().tolist())
    ((150, 4), [0, 1, 2])
    """
    loader, options = _LOADERS[one_of("name", name, TABLES)]
    from sklearn import datasets  # a second to import: only when a table is asked for

    return getattr(datasets, loader)(as_frame=True, return_X_y=True, **options)
