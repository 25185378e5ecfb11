"""Experiments against closed forms, statsmodels, published numbers, and enumeration of all assignments."""

import itertools

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from ceteris.causal import ClusterRandomised, DifferenceInMeans, Stratified


def sample(n=200, seed=0):
    rng = np.random.default_rng(seed)
    d = (rng.uniform(size=n) < 0.4).astype(float)
    return rng.normal(size=n) * (1 + d) + d, d, rng


def test_the_standard_error_is_that_of_theorem_12_3():
    y, d, _ = sample()
    n, n1, n0 = len(d), d.sum(), (1 - d).sum()
    estimate = DifferenceInMeans().fit(y=y, d=d)
    V = (
        n / n1**2 * ((y - y[d == 1].mean())[d == 1] ** 2).sum()
        + n / n0**2 * ((y - y[d == 0].mean())[d == 0] ** 2).sum()
    )
    assert estimate.se[0] == pytest.approx(np.sqrt(V / n), rel=1e-12)
    assert estimate.point[0] == pytest.approx(y[d == 1].mean() - y[d == 0].mean(), rel=1e-12)


@pytest.mark.parametrize(("variance", "kind"), [("plug-in", "HC0"), ("neyman", "HC2")])
def test_it_is_a_regression_on_a_dummy(variance, kind):
    y, d, _ = sample()
    theirs = sm.OLS(y, sm.add_constant(d)).fit(cov_type=kind)
    estimate = DifferenceInMeans(variance).fit(y=y, d=d)
    assert estimate.se[0] == pytest.approx(theirs.bse[1], rel=1e-10)
    assert estimate.p_values[0] == pytest.approx(theirs.pvalues[1], rel=1e-8)


def test_neymans_variance_is_unbiased_for_constant_effects_over_all_assignments():
    # With a constant effect the true variance over the 252 assignments of five in ten is S²_1/5 + S²_0/5 exactly.
    y0 = np.random.default_rng(1).exponential(size=10)
    points, variances = [], []
    for chosen in itertools.combinations(range(10), 5):
        d = np.isin(np.arange(10), chosen).astype(float)
        estimate = DifferenceInMeans("neyman").fit(y=y0 + 2 * d, d=d)
        points.append(estimate.point[0])
        variances.append(estimate.se[0] ** 2)
    assert np.mean(points) == pytest.approx(2.0, abs=1e-12)
    assert np.mean(variances) == pytest.approx(np.var(points), rel=1e-10)


def test_the_experiment_of_lalonde():
    nsw = pytest.importorskip("causaldata").nsw_mixtape.load_pandas().data.astype({"re78": float})
    estimate = DifferenceInMeans("neyman").fit(nsw, y="re78", d="treat")
    assert estimate.point[0] == pytest.approx(1794.34, abs=0.01)  # published
    welch = stats.ttest_ind(nsw.re78[nsw.treat == 1], nsw.re78[nsw.treat == 0], equal_var=False)
    assert estimate.se[0] == pytest.approx(estimate.point[0] / welch.statistic, rel=1e-10)


def test_strata_are_a_weighted_average_with_neymans_variance():
    y, d, rng = sample()
    s = rng.integers(0, 4, len(y))
    y = y + s * (1 + d)
    share = np.array([(s == k).mean() for k in range(4)])
    effects, variances = [], []
    for k in range(4):
        one, none = y[(s == k) & (d == 1)], y[(s == k) & (d == 0)]
        effects.append(one.mean() - none.mean())
        variances.append(one.var(ddof=1) / len(one) + none.var(ddof=1) / len(none))
    here = Stratified(population=False).fit(y=y, d=d, strata=s)
    assert here.point[0] == pytest.approx(share @ effects, rel=1e-12)
    assert here.se[0] ** 2 == pytest.approx(share**2 @ variances, rel=1e-10)
    everywhere = Stratified().fit(y=y, d=d, strata=s)
    between = share @ (np.array(effects) - share @ effects) ** 2 / len(y)
    assert everywhere.se[0] ** 2 == pytest.approx(share**2 @ variances + between, rel=1e-10)


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATU"])
def test_the_variance_for_the_population_needs_the_spread_of_effects(estimand):
    # Effects 0, 2 and 6 in three strata with shares of treated 0.2, 0.5 and 0.8; the printed variance, given the
    # covariates, covers too seldom.
    p, tau = np.array([0.2, 0.5, 0.8]), np.array([0.0, 2.0, 6.0])
    weight = {"ATE": np.ones(3), "ATT": p, "ATU": 1 - p}[estimand]
    truth = weight @ tau / weight.sum()
    hits = {True: 0, False: 0}
    for seed in range(400):
        rng = np.random.default_rng(seed)
        s = rng.integers(0, 3, 240)
        d = (rng.uniform(size=240) < p[s]).astype(float)
        y = s + tau[s] * d + 0.5 * rng.normal(size=240)
        for population in hits:
            low, high = Stratified(estimand, population).fit(y=y, d=d, strata=s).conf_int()[0]
            hits[population] += low < truth < high
    # 95 % of 400 is 380, with a binomial standard deviation of 4.4.
    assert 363 <= hits[True] <= 396
    assert hits[False] < 300


def test_pairs_are_recognised():
    rng = np.random.default_rng(2)
    pair = np.repeat(np.arange(30), 2)
    d = np.tile([1.0, 0.0], 30)
    y = rng.normal(size=30)[pair] + d + 0.1 * rng.normal(size=60)
    difference = y[d == 1] - y[d == 0]
    estimate = Stratified().fit(y=y, d=d, strata=[f"pair {k}" for k in pair])
    assert estimate.point[0] == pytest.approx(difference.mean(), rel=1e-12)
    assert estimate.se[0] == pytest.approx(difference.std(ddof=1) / np.sqrt(30), rel=1e-10)


def test_whole_clusters_of_equal_size_are_a_t_test_of_their_means():
    rng = np.random.default_rng(3)
    school = np.repeat(np.arange(12), 7)
    d = (school % 3 == 0).astype(float)
    y = rng.normal(size=12)[school] + d + rng.normal(size=84)
    means = np.array([y[school == k].mean() for k in range(12)])
    arm = np.arange(12) % 3 == 0
    welch = stats.ttest_ind(means[arm], means[~arm], equal_var=False)
    for weight in ("unit", "cluster"):
        estimate = ClusterRandomised(weight).fit(y=y, d=d, cluster=school)
        assert estimate.point[0] == pytest.approx(means[arm].mean() - means[~arm].mean(), rel=1e-12)
        assert estimate.point[0] / estimate.se[0] == pytest.approx(welch.statistic, rel=1e-10)
        assert estimate.dof == 10


def test_clusters_of_unequal_size_cover():
    hits = {"unit": 0, "cluster": 0, "ignored": 0}
    for seed in range(300):
        rng = np.random.default_rng(seed)
        size = rng.integers(2, 20, 30)
        cluster = np.repeat(np.arange(30), size)
        d = rng.permutation(np.repeat([0.0, 1.0], 15))[cluster]
        y = rng.normal(size=30)[cluster] + rng.normal(size=len(cluster))
        for weight in ("unit", "cluster"):
            low, high = ClusterRandomised(weight).fit(y=y, d=d, cluster=cluster).conf_int()[0]
            hits[weight] += low < 0 < high
        low, high = DifferenceInMeans().fit(y=y, d=d).conf_int()[0]
        hits["ignored"] += low < 0 < high
    # 285 of 300 expected, binomial standard deviation 3.8; thirty unequal clusters lose about one per cent.
    assert 270 <= hits["unit"] <= 297
    assert 270 <= hits["cluster"] <= 297
    assert hits["ignored"] < 210


def test_bad_input_is_answered():
    y, d = [1.0, 2.0, 3.0, 4.0, 5.0, 7.0], [1, 1, 0, 0, 1, 0]
    with pytest.raises(ValueError, match="variance is 'hc9', but must be one of plug-in, neyman"):
        DifferenceInMeans("hc9").fit(y=y, d=d)
    with pytest.raises(ValueError, match="only one treated row in 4"):
        DifferenceInMeans().fit(y=y[:4], d=[1, 0, 0, 0])
    with pytest.raises(ValueError, match="strata: 1 of 2 have no control row, the first being number 0"):
        Stratified().fit(y=y, d=d, strata=[1, 1, 2, 2, 2, 2])
    with pytest.raises(ValueError, match="strata: 1 of 2 have a single treated or a single control row"):
        Stratified().fit(y=[*y, 1.0], d=[*d, 0], strata=[1, 1, 1, 1, 2, 2, 2])
    with pytest.raises(ValueError, match="the treatment varies within cluster number 1"):
        ClusterRandomised().fit(y=y, d=d, cluster=["a", "a", "b", "b", "b", "c"])
    with pytest.raises(ValueError, match="cluster: 1 treated and 2 control clusters were found, but there must "):
        ClusterRandomised().fit(y=y, d=[1, 1, 0, 0, 0, 0], cluster=[1, 1, 2, 2, 3, 3])
    with pytest.raises(ValueError, match="cluster names 2 sets, but must name one"):
        ClusterRandomised().fit(y=y, d=d, cluster=[[1, 1, 2, 2, 3, 3], [1, 2, 3, 4, 5, 6]])
    with pytest.raises(ValueError, match="weight is 'size', but must be one of unit, cluster"):
        ClusterRandomised("size").fit(y=y, d=d, cluster=d)
    with pytest.raises(ValueError, match="estimand is 'LATE', but must be one of ATE, ATT, ATU"):
        Stratified("LATE").fit(y=y, d=d, strata=d)
