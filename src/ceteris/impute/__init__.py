"""Missing data: multiple imputation with honest uncertainty, checked by over-imputation, pooled by Rubin's rules.

Every imputer follows scikit-learn's contract: ``fit``, ``transform`` (one completed table) and ``sample(m)`` (m of
them). Names are imported when first used.

Examples
--------
>>> from ceteris.data.missing import simulate_regression
>>> from ceteris.impute import HotDeck, pool
>>> from ceteris.stats import covariance_of, ols
>>> tables = HotDeck(random_state=0).fit(simulate_regression(300)).sample(5)
>>> pooled = pool(lambda t: (t[["x"]].mean(), t[["x"]].sem().to_frame() ** 2), tables)
>>> pooled.details.imputations
5
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "MIDAS", "Adversarial", "Chained", "HotDeck", "Imputer", "Iterative", "JointTest", "MeanMode", "OverImputation",
    "combine", "impute_parquet", "information_table", "little_test", "missingness_report", "overimpute", "pool",
    "pool_regression", "read_completed", "sample_each",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.estimates.joint_test import JointTest
    from ceteris.impute.adversarial import Adversarial
    from ceteris.impute.chained import Chained
    from ceteris.impute.imputer import Imputer, sample_each
    from ceteris.impute.little import little_test
    from ceteris.impute.midas import MIDAS
    from ceteris.impute.missingness import missingness_report
    from ceteris.impute.overimputation import OverImputation, overimpute
    from ceteris.impute.pooling import combine, information_table, pool
    from ceteris.impute.regression import pool_regression, read_completed
    from ceteris.impute.simple import HotDeck, Iterative, MeanMode
    from ceteris.impute.stream import impute_parquet

__getattr__, __dir__ = lazily(__name__, __file__)
