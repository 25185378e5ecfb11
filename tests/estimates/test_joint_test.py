"""Wald tests of any estimate, against those of statsmodels."""

import numpy as np
import pytest

from ceteris import table
from ceteris.causal import DifferenceInMeans
from ceteris.results import Estimate
from ceteris.stats.least_squares import covariance_of, ols

NAMES = ("constant", "x", "z", "w")


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(80), rng.normal(size=(80, 3))])
    return x, x @ [1.0, 0.3, 0.3, 0.0] + rng.normal(size=80) * (1 + np.abs(x[:, 1]))


@pytest.fixture(scope="module")
def estimate(rows):
    fit = ols(*rows)
    return Estimate(fit.beta, fit.influence("HC1"), NAMES, dof=76)


@pytest.mark.parametrize("text", [None, "x = z = w = 0", "x = z", "x - 2*z = 1, w = 0"])
def test_the_test_is_that_of_statsmodels(rows, estimate, text):
    sm = pytest.importorskip("statsmodels.api")
    x, y = rows
    theirs = sm.OLS(y, x, hasconst=True).fit(cov_type="HC1", use_t=True)
    theirs.model.exog_names[:] = NAMES
    wanted = theirs.f_test("x = z = w = 0" if text is None else text)
    found = estimate.test(text)
    assert found.method == "Wald"
    assert (found.statistic, found.p_value) == pytest.approx((float(wanted.fvalue), float(wanted.pvalue)), rel=1e-8)
    assert found.dof == (wanted.df_num, 76)


def test_without_degrees_of_freedom_it_is_chi_squared(rows):
    from scipy import stats

    fit = ols(*rows)
    found = Estimate(fit.beta, None, NAMES, given=covariance_of(fit)).test("x = z = 0")
    wald = fit.beta[1:3] @ np.linalg.inv(covariance_of(fit)[1:3, 1:3]) @ fit.beta[1:3]
    assert found.p_value == pytest.approx(stats.chi2.sf(wald, 2))
    assert found.words() == f"χ²(2) = {wald:.2f}, p = {found.p_value:.3f}"


def test_a_contrast_in_words_is_that_of_its_matrix(estimate):
    words, matrix = estimate.contrast("x = 1, z - w"), estimate.contrast([[0, 1, 0, 0], [0, 0, 1, -1]])
    np.testing.assert_allclose(words.point, matrix.point - [1, 0])
    np.testing.assert_allclose(words.covariance, matrix.covariance)
    assert words.names == ("x - 1", "z - w")
    assert words.test().p_value == pytest.approx(estimate.test("x = 1, z = w").p_value)


def test_what_cannot_be_tested_is_refused(estimate):
    with pytest.raises(ValueError, match="method is 'D1', but must be one of Wald"):
        estimate.test("x = 0", method="D1")
    twice = Estimate(np.ones(2), np.array([[1.0, 1.0], [-1.0, -1.0], [0.0, 0.0]]), ("a", "b"))
    with pytest.raises(
        ValueError, match="hypothesis: the covariance of its 2 parts has rank 1, but must have full rank"
    ):
        twice.test("a = b = 0")
    with pytest.raises(ValueError, match="names holds 1, but must hold 2, one for each combination"):
        estimate.contrast("x = z = 0", ["one"])


def test_a_table_has_tests_at_its_foot_where_they_can_be_made(estimate):
    other = DifferenceInMeans().fit(y=[1.0, 3.0, 6.0, 8.0], d=[0, 0, 1, 1])
    made = table(estimate, other, tests=["x = z = 0"])
    test = estimate.test("x = z = 0")
    assert dict(made.foot)["x = z = 0"] == (f"F(2, 76.0) = {test.statistic:.2f}", "")
    assert dict(made.foot)["p-value"] == (f"{test.p_value:.3f}", "")
    for text in (made.text(), made.latex(), made.markdown(), made.html()):
        assert "x = z = 0" in text
    with pytest.raises(ValueError, match="tests is 'q = 0', but 'q' in it is no estimate"):
        table(estimate, other, tests=["q = 0"])
