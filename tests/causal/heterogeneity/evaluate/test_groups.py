"""Groups, regressions and losses against pandas, statsmodels and the algebra of the losses; coverage on a design."""

import numpy as np
import pandas as pd
import pytest

from ceteris.causal.assemble import median_of
from ceteris.causal.heterogeneity.evaluate.groups import clan, gates, quantile_groups
from ceteris.causal.heterogeneity.evaluate.linear import best_linear_predictor, calibration_test
from ceteris.causal.heterogeneity.evaluate.losses import dr_loss, effect_mse, r_loss
from ceteris.causal.heterogeneity.evaluate.sections import evaluation_sections


def design(n=500, seed=0):
    rng = np.random.default_rng(seed)
    tau = rng.normal(size=n)
    return tau + rng.normal(size=n), tau


def test_groups_are_those_of_pandas_where_there_are_no_ties():
    tau = design(503)[1]
    expected = pd.qcut(tau, 5, labels=False)
    assert (quantile_groups(tau) != expected).mean() < 0.01  # edges by interpolation there


def test_equal_values_share_a_group_and_folds_are_ranked_apart():
    values = np.array([1, 1, 1, 2, 2, 3, 3, 3, 3, 3.0])
    groups = quantile_groups(values, 2)
    assert groups.tolist() == [0] * 5 + [1] * 5
    tau = np.r_[np.arange(10.0), 100 + np.arange(10.0)]
    assert quantile_groups(tau, 2, within=np.arange(20) // 10).tolist() == ([0] * 5 + [1] * 5) * 2


def test_group_means_and_their_errors_are_those_of_pandas():
    scores, tau = design()
    found = gates(scores, tau)
    by = pd.Series(scores).groupby(quantile_groups(tau))
    np.testing.assert_allclose(found.point[:5], by.mean(), rtol=1e-12)
    np.testing.assert_allclose(found.se[:5], by.std(ddof=0) / np.sqrt(by.size()), rtol=1e-12)
    assert found.se[5] == pytest.approx(np.hypot(found.se[0], found.se[4]), rel=1e-12)
    assert found.checks[0].passed
    noise = np.random.default_rng(5).normal(size=500)
    assert gates(scores, noise).checks[0].passed is False
    assert "no evidence that the estimated effects sort" in gates(scores, noise).checks[0].sentence


def test_group_means_cover_the_truth_and_splits_can_be_summed_up():
    # τ uniform on (0, 1), known: group means 0.1, 0.3, ...
    inside = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        tau = rng.uniform(size=400)
        interval = gates(tau + rng.normal(size=400), tau).conf_int()[:5]
        inside.append((interval[:, 0] < np.arange(0.1, 1, 0.2)) & (np.arange(0.1, 1, 0.2) < interval[:, 1]))
    assert np.mean(inside) == pytest.approx(0.95, abs=0.025)  # 1,500 intervals: 0.6 %; groups of 80
    scores, tau = design()
    splits = [gates(scores, tau + 0.1 * np.random.default_rng(s).normal(size=500)) for s in range(3)]
    assert median_of(splits).point == pytest.approx(np.median([s.point for s in splits], axis=0))


def test_who_they_are_is_a_welch_test():
    from scipy.stats import ttest_ind

    tau = design()[1]
    x = pd.DataFrame({"age": tau + np.random.default_rng(1).normal(size=500), "place": np.where(tau > 0, "n", "s")})
    found = clan(x, tau)
    groups = quantile_groups(tau)
    most, least = (x["age"][groups == k] for k in (4, 0))
    assert found.names == ("age", "place=s")
    assert found.point[0] == pytest.approx(most.mean() - least.mean(), rel=1e-12)
    assert found.point[0] / found.se[0] == pytest.approx(ttest_ind(most, least, equal_var=False).statistic, rel=0.02)
    assert found.point[1] == -1.0
    assert found.details.most[0] == pytest.approx(most.mean())


def test_regressions_equal_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    scores, tau = design()
    found = best_linear_predictor(scores, tau)
    other = sm.OLS(scores, sm.add_constant(tau - tau.mean())).fit(cov_type="HC3")
    np.testing.assert_allclose(found.point, other.params, rtol=1e-10)
    np.testing.assert_allclose(found.se, other.bse, rtol=1e-10)
    rng = np.random.default_rng(2)
    d, e = rng.integers(2, size=500).astype(float), np.full(500, 0.5)
    y = d * (1 + tau) + rng.normal(size=500)
    test = calibration_test(y, d, (1 + tau) / 2, e, 1 + tau / 2)
    v, hat = d - e, 1 + tau / 2
    design_matrix = np.column_stack([v * hat.mean(), v * (hat - hat.mean())])
    other = sm.OLS(y - (1 + tau) / 2, design_matrix).fit(cov_type="HC3")
    np.testing.assert_allclose(test.point, other.params, rtol=1e-10)
    np.testing.assert_allclose(test.se, other.bse, rtol=1e-10)
    assert test.point[1] == pytest.approx(2, abs=4 * test.se[1])  # it varies by half as much as it should
    assert test.checks[0].passed
    blind = calibration_test(y, d, (1 + tau) / 2, e, 1 + rng.normal(size=500) / 2)
    assert blind.checks[0].passed is False


def test_losses_differ_by_what_the_effects_are_wrong_by():
    # with the true m, e: E R-loss(τ̂) - E R-loss(τ) = E (d - e)² (τ̂ - τ)², and of the DR-loss E (τ̂ - τ)²
    rng = np.random.default_rng(0)
    n = 20_000
    tau, wrong = rng.normal(size=(2, n))
    d = rng.integers(2, size=n).astype(float)
    y = d * tau + rng.normal(size=n)
    m, e = tau / 2, np.full(n, 0.5)
    hats = {"wrong": wrong, "true": tau}
    excess = r_loss(y, d, m, e, hats).contrast([1, -1])
    assert excess.point[0] == pytest.approx(np.mean((wrong - tau) ** 2) / 4, abs=4 * excess.se[0])
    assert excess.se[0] < 0.02
    scores = tau + (d - e) / 0.25 * (y - m - (d - e) * tau)
    excess = dr_loss(scores, hats).contrast([1, -1])
    assert excess.point[0] == pytest.approx(np.mean((wrong - tau) ** 2), abs=4 * excess.se[0])
    mse = effect_mse(tau, hats)
    assert mse.point == pytest.approx([np.mean((wrong - tau) ** 2), 0.0], rel=1e-12)
    assert mse.se[0] == pytest.approx(((wrong - tau) ** 2).std() / np.sqrt(n))


def test_sections_draw_and_say_so_where_nothing_varies():
    from matplotlib.figure import Figure

    scores, tau = design()
    sections = evaluation_sections(scores, tau, pd.DataFrame({"age": tau}))
    assert [check.passed for section in sections for check in section.checks] == [True, True, True]
    for figure in (figure for section in sections for figure in section.figures):
        canvas = Figure()
        figure.draw(canvas, figure.data)
        assert canvas.axes[0].has_data()
    (only,) = evaluation_sections(scores, np.full(500, 0.3))
    assert not only.figures
    assert "The estimated effect is 0.3 for everybody: there is no ranking to judge" in only.text


def test_the_figure_of_the_sections_shows_the_groups_of_the_table():
    scores, tau = design()
    fold, town = np.arange(500) % 5, np.arange(500) // 10
    tau = tau + 10 * fold  # not comparable between folds
    found = gates(scores, tau, within=fold, cluster=town)
    shown = evaluation_sections(scores, tau, within=fold, cluster=town)[1].figures[0].data
    np.testing.assert_array_equal(shown["observed"], found.point[:5])
    np.testing.assert_array_equal(shown["se"], found.se[:5])
    by_group = pd.Series(tau).groupby(quantile_groups(tau, 5, fold)).mean()
    np.testing.assert_allclose(shown["predicted"], by_group, rtol=1e-12)


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (lambda s, t: gates(s, t, 1), "groups is 1, but must be a whole number of at least 2 and at most 250"),
        (lambda s, t: gates(s, 0 * t), "tau_hat: it is 0 for all 500 units, and without variation there are no groups"),
        (lambda s, t: gates(s, t > 0, 5), "groups is 5, but ties leave 0 units in group 1"),
        (lambda s, t: clan(t[:9], t), r"tau_hat has shape \(500,\), but must have \(9,\)"),
        (lambda s, t: clan(pd.DataFrame(index=range(500)), t), "x is empty, but must have one column at least"),
        (lambda s, t: clan(np.where(t > 2, np.nan, t), t), "there are missing or infinite values"),
        (lambda s, t: best_linear_predictor(s, 0 * t), "without variation there is no slope"),
        (lambda s, t: calibration_test(s, s > 0, s, s, t - t.mean()), "tau_hat: its mean is zero"),
        (lambda s, t: dr_loss(s, t[:3]), "has 3 rows, but must have those of target, 500"),
    ],
)
def test_bad_input_is_answered_in_a_sentence(work, sentence):
    with pytest.raises(ValueError, match=sentence):
        work(*design())
