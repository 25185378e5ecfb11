"""The correction for small samples: leaving rows out by brute force, HC3, and Satterthwaite from the full matrix."""

import numpy as np
import pytest
import statsmodels.api as sm

from ceteris.causal import assemble
from ceteris.results import joint
from ceteris.stats.small_sample import effective_rows

RNG = np.random.default_rng(0)
N = 80
V = RNG.standard_t(3, N)
Y = 0.5 * V + (1 + np.abs(V)) * RNG.normal(size=N)
FOLD = np.arange(N) % 2


def least_squares(y=Y, v=V, name="slope"):
    """Regression through the origin as a score."""
    return assemble.solve([(-v * v, v * y)], [name], FOLD, weights=[v])


def test_deviations_are_those_of_leaving_rows_out():
    a, b = -(1 + RNG.random((N, 2))) * [1.0, -2.0], RNG.normal(size=(N, 2))
    a[:9, 1] *= -3  # some rows pull the other way, as with instruments
    found = assemble.solve(list(zip(a.T, b.T, strict=True)), ["one", "two"], FOLD, weights=[a[:, 0], a[:, 1]])
    without = np.array([-np.delete(b, i, 0).sum(0) / np.delete(a, i, 0).sum(0) for i in range(N)])
    np.testing.assert_allclose(found.by_deletion, N * (found.point - without), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.covariance, (found.point - without).T @ (found.point - without), rtol=1e-10)


def test_least_squares_has_hc3():
    fitted = sm.OLS(Y, V).fit(cov_type="HC3")
    np.testing.assert_allclose([least_squares().point[0], least_squares().se[0]], [fitted.params[0], fitted.bse[0]])


def test_degrees_of_freedom_are_those_of_a_sum_of_weighted_chi_squares():
    # With the noise known to be normal of one variance, V = ε'Aε; Satterthwaite's degrees are (tr A)² / tr A².
    A = np.diag(V**2) / np.sum(V**2) ** 2
    expected = np.trace(A) ** 2 / np.trace(A @ A)
    np.testing.assert_allclose(least_squares().degrees, [expected])


def test_degrees_of_freedom_are_those_of_bell_and_mccaffrey_to_first_order():
    # Theirs are (tr G'G)² / tr (G'G)² with G = (I - H) diag(v / √(1 - h)); the difference is of the order of h.
    v = RNG.standard_t(5, 2000)
    h = v**2 / np.sum(v**2)
    G = (np.eye(2000) - np.outer(v, v) / np.sum(v**2)) * (v / np.sqrt(1 - h))
    gram = G.T @ G
    assert effective_rows(v[:, None])[0] == pytest.approx(np.trace(gram) ** 2 / np.sum(gram**2), rel=3 * h.max())


def test_equal_weights_have_as_many_degrees_of_freedom_as_rows():
    np.testing.assert_allclose(effective_rows(np.full((50, 1), -1e200)), [50.0])


def test_contrasts_and_joint_estimates_carry_the_correction():
    other = least_squares(y=Y**2, v=V + 1, name="other")
    both = joint(least_squares(), other)
    np.testing.assert_allclose(both.se, [least_squares().se[0], other.se[0]])
    np.testing.assert_allclose(both.degrees, [least_squares().degrees[0], other.degrees[0]])
    np.testing.assert_allclose(both.contrast([[0, 2]]).conf_int(), 2 * other.conf_int())
    gap = both.by_deletion @ [1.0, -1.0] / N
    np.testing.assert_allclose(both.contrast([1, -1]).se, [np.sqrt(gap @ gap)])


def test_an_estimate_without_the_correction_keeps_its_standard_error_beside_one_that_has_it():
    plain = assemble.solve([(-V * V, V * Y)], ["plain"], FOLD)
    both = joint(plain, least_squares())
    np.testing.assert_allclose(both.conf_int(), np.concatenate([plain.conf_int(), least_squares().conf_int()]))


def test_intervals_bands_p_values_and_the_screen_agree():
    found = least_squares()
    t = found.point[0] / found.se[0]
    level = 1 - found.p_values[0]  # the interval at this level ends at zero
    ends = found.conf_int(level)[0]
    assert min(np.abs(ends)) < 1e-9 * abs(t)
    # 200,000 draws leave the quantile an error of .5 %.
    np.testing.assert_allclose(found.bands(draws=200_000), found.conf_int(), rtol=0, atol=0.015 * found.se[0])
    assert f"n = 80; jackknife standard errors, t with {int(found.degrees[0])} degrees of freedom" in str(found)
    assert found.about.standard_errors.startswith("Jackknife")


def test_without_weights_nothing_is_corrected():
    plain = assemble.solve([(-V * V, V * Y)], ["slope"], FOLD)
    hc0 = sm.OLS(Y, V).fit(cov_type="HC0")
    np.testing.assert_allclose(plain.se, hc0.bse)
    assert plain.degrees is None
    assert str(plain).endswith("n = 80")


def test_clusters_have_their_own_correction():
    found = least_squares().clustered_by(np.arange(N) // 8)
    plain = assemble.solve([(-V * V, V * Y)], ["slope"], FOLD).clustered_by(np.arange(N) // 8)
    np.testing.assert_allclose(found.conf_int(), plain.conf_int(), rtol=1e-12)
    assert found.degrees == 9
    assert found.about.standard_errors.startswith("CR1")


def test_a_row_without_which_nothing_is_left_makes_the_standard_error_infinite():
    v = np.r_[1.0, np.zeros(9)]
    found = assemble.solve([(-v * v, v * np.arange(10.0))], ["slope"], np.arange(10) % 2, weights=[v])
    assert found.se[0] == np.inf
    assert found.degrees[0] == 1
