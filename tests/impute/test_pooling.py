"""Pooling, against statsmodels' own of its chained equations; names and degrees of freedom of what is given."""

import numpy as np
import pandas as pd
import pytest

from ceteris.data.missing import simulate_regression
from ceteris.impute import HotDeck, combine, information_table, pool
from ceteris.results import Check, Estimate


def test_statsmodels_pools_its_own_fits_to_the_same_numbers():
    mice = pytest.importorskip("statsmodels.imputation.mice")
    sm = pytest.importorskip("statsmodels.api")
    np.random.seed(0)  # noqa: NPY002 -- statsmodels draws from the global stream
    fitted = mice.MICE("y ~ x + z", sm.OLS, mice.MICEData(simulate_regression(200)))
    theirs = fitted.fit(n_burnin=1, n_imputations=4)
    ours = combine([result._results if hasattr(result, "_results") else result for result in fitted.results_list])
    np.testing.assert_allclose(ours.point, theirs.params, rtol=1e-10)
    np.testing.assert_allclose(ours.se, theirs.bse, rtol=1e-8)


def test_results_of_statsmodels_bring_names_and_degrees_of_freedom():
    sm = pytest.importorskip("statsmodels.api")
    tables = HotDeck(random_state=0).fit(simulate_regression(150)).sample(5)
    pooled = pool(lambda t: sm.OLS(t["y"], sm.add_constant(t[["x", "z"]])).fit(), tables)
    assert pooled.names == ("const", "x", "z")
    assert pooled.n == 150
    assert (np.asarray(pooled.dof) < 147).all()  # of complete data 150 - 3; holes leave fewer
    assert information_table(pooled)["missing information"].between(0, 1).all()


def test_estimates_of_causal_effects_are_pooled_in_three_lines():
    from sklearn.linear_model import LinearRegression

    from ceteris.causal import PartiallyLinear

    tables = HotDeck(random_state=0).fit(simulate_regression(200)).sample(3)
    learner = LinearRegression()
    pooled = pool(lambda t: PartiallyLinear(learner, learner).fit(t, y="y", d="z", x=["x"]), tables)
    within = np.mean([split.covariance[0, 0] for split in pooled.splits])
    between = np.var([split.point[0] for split in pooled.splits], ddof=1)
    assert pooled.se[0] == pytest.approx(np.sqrt(within + 4 / 3 * between))
    assert (pooled.n, len(pooled.splits), pooled.details.imputations) == (200, 3, 3)


def test_a_t_interval_has_the_degrees_of_freedom_of_its_own_coefficient():
    from scipy import stats

    pooled = combine([(np.array([a, 1.0]), np.eye(2), 30) for a in (0.0, 2.0, 4.0)])
    half = (pooled.conf_int()[:, 1] - pooled.point) / pooled.se
    np.testing.assert_allclose(half, stats.t(pooled.dof).ppf(0.975))
    assert half[0] > half[1]


def test_a_check_that_fails_on_one_table_fails():
    def fit(passed):
        checks = (Check("overlap", passed, "words"), Check("fit", True, "words"))
        return Estimate(np.ones(1), None, ("a",), given=np.eye(1), checks=checks)

    pooled = combine([fit(True), fit(False), fit(True)])
    assert [check.verdict for check in pooled.checks] == ["fail", "pass"]


def test_what_cannot_be_pooled_is_refused():
    with pytest.raises(TypeError, match="estimates holds float, but an Estimate, results of statsmodels, or a p"):
        combine([1.0, 2.0])
    with pytest.raises(ValueError, match="estimates is empty, but must hold 2 at least"):
        combine([])
    a, b = (pd.Series([1.0], index=[name]) for name in "ab")
    with pytest.raises(ValueError, match="the completed tables gave different coefficients"):
        combine([(a, np.eye(1)), (b, np.eye(1))])
    with pytest.raises(ValueError, match=r"points holds 1 data set\(s\), but must hold 2 at least, as they differ"):
        combine([Estimate(np.ones(1), None, ("a",), given=np.eye(1))])


def test_a_contrast_of_pooled_pairs_is_pooled_anew():
    from ceteris.stats.rubin import rubin

    points = np.array([[0.9, 1.2], [1.0, 1.0], [1.1, 1.1]])
    pooled = combine([(point, np.eye(2) / 50, 20) for point in points])
    wanted = rubin(points @ [[1.0], [-1.0]], np.full((3, 1, 1), 2 / 50), 20)
    found = pooled.contrast([1, -1])
    assert (found.point[0], found.dof[0]) == pytest.approx((wanted.point[0], wanted.dof[0]))
    assert found.details.missing_information == pytest.approx(wanted.missing_information)


def test_what_was_not_pooled_has_no_missing_information():
    with pytest.raises(
        TypeError, match="pooled is an estimate of one table, but must be what combine, pool or pool_re"
    ):
        information_table(Estimate(np.ones(1), None, ("a",), given=np.eye(1)))
