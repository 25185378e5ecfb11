"""The report on holes, and Little's test against its distribution and a slow route."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ceteris.data.missing import amputate, simulate_mixed, simulate_regression
from ceteris.impute import HotDeck, little_test, missingness_report, overimpute
from ceteris.impute.little import normal_moments, patterns_of
from ceteris.impute.missingness import _welch
from ceteris.impute.scales import _skewness


def test_em_finds_the_maximum_of_the_likelihood():
    """Against a general optimiser of the observed-data likelihood of a bivariate normal."""
    from scipy import optimize, stats

    rng = np.random.default_rng(0)
    a = rng.normal(size=80)
    values = np.column_stack([a, 0.7 * a + rng.normal(size=80)])
    values[a > 0.3, 1] = np.nan
    values[:5, 0] = np.nan
    values = values[~np.isnan(values).all(1)]

    def minus_log(theta):
        root = np.array([[np.exp(theta[2]), 0], [theta[3], np.exp(theta[4])]])
        mean, covariance = theta[:2], root @ root.T
        groups = patterns_of(values)
        parts = [
            stats.multivariate_normal(mean[s], covariance[np.ix_(s, s)]).logpdf(values[np.ix_(r, s)]) for s, r in groups
        ]
        return -sum(part.sum() for part in parts)

    best = optimize.minimize(minus_log, np.zeros(5), method="BFGS").x
    root = np.array([[np.exp(best[2]), 0], [best[3], np.exp(best[4])]])
    mean, covariance = normal_moments(values, patterns_of(values))
    np.testing.assert_allclose(mean, best[:2], atol=1e-4)
    np.testing.assert_allclose(covariance, root @ root.T, atol=1e-4)


def test_littles_test_rejects_at_its_level_and_has_power():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(200):
        values = rng.multivariate_normal([0, 0, 0], 0.5 + 0.5 * np.eye(3), size=150)
        values[rng.random(values.shape) < 0.15] = np.nan
        p.append(little_test(pd.DataFrame(values, columns=list("abc"))).p_value)
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.1  # three standard errors of a share of 0.05 in 200
    assert little_test(simulate_regression(300)).p_value < 1e-6
    with pytest.raises(ValueError, match=r"X: the test needs at least two columns .* but 1 given with 0 holes"):
        little_test(pd.DataFrame({"x": [1.5, 2.5, 3.5, 4.5], "y": ["a", None, "b", "c"]}))
    lonely = pd.DataFrame({"x": [1.5, 2.5, None, 4.5], "y": ["a", None, "b", "c"]})
    with pytest.raises(ValueError, match="but 1 given with 1 holes"):
        little_test(lonely)
    assert "at least two numeric columns" in missingness_report(lonely).checks[0].sentence


def test_the_report_names_what_predicts_holes():
    holes = amputate(simulate_mixed(800, seed=0), 0.3, "MNAR", seed=0).assign(age=simulate_mixed(800, seed=0)["age"])
    holes["owner"] = holes["owner"].mask(holes["age"] > 50)
    section = missingness_report(holes)
    shares, patterns, predictors = (table.frame for table in section.tables)
    assert shares.loc[shares["column"] == "age", "cells"].item() == 0
    np.testing.assert_allclose(shares.set_index("column")["missing"].sort_index(), holes.isna().mean().sort_index())
    assert patterns["rows"].is_monotonic_decreasing
    first = predictors.iloc[0]
    assert (first["hole in"], first["column"]) == ("owner", "age")
    assert [check.verdict for check in section.checks] == ["fail", "pass"]


def test_welchs_test_is_scipys_and_says_nothing_of_groups_without_spread():
    rng = np.random.default_rng(0)
    for a, b in ((rng.normal(size=30), rng.normal(0.3, 2, 50)), (rng.normal(1e6, 1, 9), np.full(5, 1e6))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "catastrophic cancellation", which must not reach the user from us
            theirs = stats.ttest_ind(a, b, equal_var=False).pvalue
        assert _welch(a, b) == pytest.approx(theirs, rel=1e-6)
    tenth = np.full(7, 0.1)  # whose mean is not exactly 0.1
    assert (_welch(tenth, tenth[:3]), _welch(tenth, 2 * tenth)) == (1.0, 0.0)


def test_a_column_that_is_constant_where_another_has_holes_is_reported_without_a_warning():
    x = np.r_[np.full(20, 0.1), np.linspace(0.1, 0.2, 80)]
    table = pd.DataFrame({"x": x, "y": np.where(np.arange(100) < 20, np.nan, np.arange(100.0))})
    predictors = missingness_report(table).tables[2].frame
    assert predictors["column"].tolist() == ["x"]


def test_skewness_is_scipys_and_zero_where_values_are_equal_but_for_rounding():
    draws = np.exp(np.random.default_rng(0).standard_normal(500))
    assert _skewness(draws) == pytest.approx(stats.skew(draws))
    assert _skewness(1.0 + np.arange(40) * np.finfo(float).eps / 4) == 0.0


def test_figures_draw():
    import matplotlib.figure

    table = simulate_regression(120)
    over = overimpute(HotDeck(random_state=0), table)
    for figure in (*missingness_report(table).figures, *over.figures):
        canvas = matplotlib.figure.Figure(figure.size)
        figure.draw(canvas, figure.data)
        assert canvas.axes


def test_scores_are_those_of_the_definitions():
    from ceteris.impute import metrics

    rng = np.random.default_rng(0)
    draws, truth = rng.normal(size=(19, 4000)), rng.normal(size=4000)
    assert metrics.coverage(draws, truth) == pytest.approx(0.9, abs=0.015)  # three standard errors in 4,000 cells
    assert np.isnan(metrics.coverage(draws[:18], truth))
    assert metrics.nrmse(draws, truth, 1.0) == pytest.approx(np.sqrt(1 + 1 / 19), abs=0.04)
    slow = np.mean(
        [
            np.abs(draws[:, i] - truth[i]).mean() - np.abs(draws[:, None, i] - draws[None, :, i]).sum() / (2 * 19 * 18)
            for i in range(50)
        ]
    )
    assert metrics.crps(draws[:, :50], truth[:50], 1.0) == pytest.approx(slow)
    shares = metrics.shares(np.array([[0, 1], [0, 2], [1, 2], [0, 2]]), 3)
    assert metrics.accuracy(shares, np.array([0, 1])) == 0.5
    # shares (3/4, 1/4, 0) for a truth of 0: 1/16 + 1/16; (0, 1/4, 3/4) for a truth of 1: 9/16 + 9/16
    assert metrics.brier(shares, np.array([0, 1])) == pytest.approx((2 / 16 + 18 / 16) / 2)


def test_columns_that_are_copies_are_said():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=80), "town": rng.choice(["x", "y", "z"], 80), "b": rng.normal(size=80)})
    assert all(check.name != "no column twice" for check in missingness_report(table.mask(table["b"] > 1)).checks)
    table["same"], table["village"] = table["a"].mask(rng.random(80) < 0.2), table["town"]
    table["nearly"] = table["b"].where(np.arange(80) < 79, 0.0)
    table["still"], table["constant"] = 1.0, 1.0  # copies of nothing
    table["a"] = table["a"].mask(rng.random(80) < 0.2)
    found = missingness_report(table)
    assert found.copies == (("same", "a"), ("village", "town"))
    assert found.checks[-1].sentence == (
        "Wherever both are observed, column 'same' holds the same as 'a', column 'village' holds the same as 'town'. "
        "Drop one of each."
    )
