"""Weighting against statsmodels, published estimates, exact identities for saturated scores, and simulation."""

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.treatment.treatment_effects import TreatmentEffect

from ceteris.causal import DifferenceInMeans, InverseProbabilityWeighting, ScoreStratification, Stratified


def sample(n=500, seed=0, strength=0.7):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    d = (rng.uniform(size=n) < 1 / (1 + np.exp(-strength * x[:, 0]))).astype(int)
    return d * (1 + x[:, 0]) + 1.5 * x[:, 0] + x[:, 1] + rng.normal(size=n), d, x


def saturated(n=600, seed=0):
    """Four cells with shares of treated 0.3, 0.4, 0.5 and 0.6; a logit on dummies fits the shares exactly."""
    rng = np.random.default_rng(seed)
    cell = rng.integers(0, 4, n)
    d = (rng.uniform(size=n) < 0.3 + 0.1 * cell).astype(float)
    return cell + d * cell**2 + rng.normal(size=n), d, (cell[:, None] == np.arange(1, 4)).astype(float), cell


def test_it_is_that_of_statsmodels_standard_error_included():
    y, d, x = sample()
    X = sm.add_constant(x)
    theirs = TreatmentEffect(sm.OLS(y, X), d, sm.Logit(d, X).fit(disp=0, tol=1e-12)).ipw()
    estimate = InverseProbabilityWeighting().fit(y=y, d=d, x=x)
    assert estimate.point[0] == pytest.approx(theirs.effect[0], rel=1e-8)
    assert estimate.details.means == pytest.approx(theirs.effect[1:], rel=1e-8)
    # Its standard errors are those of GMM, whose derivatives are numerical.
    assert estimate.se[0] == pytest.approx(theirs.results_gmm.bse[0], rel=1e-4)


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATU"])
def test_with_a_saturated_score_weighting_is_stratification(estimand):
    y, d, x, cell = saturated()
    weighted = InverseProbabilityWeighting(estimand).fit(y=y, d=d, x=x)
    plain = InverseProbabilityWeighting(estimand, normalised=False).fit(y=y, d=d, x=x)
    strata = Stratified(estimand).fit(y=y, d=d, strata=cell)
    assert weighted.point[0] == pytest.approx(strata.point[0], rel=1e-9)
    assert plain.point[0] == pytest.approx(strata.point[0], rel=1e-9)
    assert plain.se[0] == pytest.approx(weighted.se[0], rel=1e-8)
    # The same variance but for the factors n_w / (n_w - 1) of strata with some 50 rows an arm.
    assert weighted.se[0] == pytest.approx(strata.se[0], rel=0.02)
    assert weighted.se[0] < strata.se[0]


def test_an_estimated_score_is_better_than_the_true_one():
    # Hirano, Imbens and Ridder: weighting by the true score has the larger variance.
    found = []
    for seed in range(200):
        y, d, x, cell = saturated(400, seed)
        known = InverseProbabilityWeighting(normalised=False).fit(y=y, d=d, score=0.3 + 0.1 * cell)
        fitted = InverseProbabilityWeighting(normalised=False).fit(y=y, d=d, x=x)
        found.append((known.point[0], fitted.point[0], known.se[0], fitted.se[0]))
    known, fitted, se_known, se_fitted = np.array(found).T
    # The standard deviation of 200 draws has an error of 5 %.
    assert se_known.mean() == pytest.approx(known.std(), rel=0.17)
    assert se_fitted.mean() == pytest.approx(fitted.std(), rel=0.17)
    assert fitted.std() < 0.8 * known.std()


def test_who_stopped_smoking_gained_weight():
    # Hernán and Robins, What If: 2.54 kg unadjusted, 3.44 by inverse probability weighting.
    nhefs = pytest.importorskip("causaldata").nhefs_complete.load_pandas().data
    table = nhefs[["wt82_71", "qsmk", "sex", "race", "age", "smokeintensity", "smokeyrs", "wt71"]].astype(float)
    for name in ("age", "smokeintensity", "smokeyrs", "wt71"):
        table[f"{name}²"] = table[name] ** 2
    for name in ("education", "exercise", "active"):
        table[name] = "level " + nhefs[name].astype(str)
    x = [name for name in table if name not in ("wt82_71", "qsmk")]
    assert DifferenceInMeans().fit(table, y="wt82_71", d="qsmk").point[0] == pytest.approx(2.54, abs=0.005)
    estimate = InverseProbabilityWeighting().fit(table, y="wt82_71", d="qsmk", x=x)
    assert estimate.point[0] == pytest.approx(3.44, abs=0.005)
    assert estimate.se[0] == pytest.approx(0.48, abs=0.02)  # the book's 0.525 takes the score as known


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATU"])
@pytest.mark.parametrize("normalised", [True, False])
def test_intervals_cover(estimand, normalised):
    big = np.random.default_rng(9).normal(size=400_000)
    e = 1 / (1 + np.exp(-0.7 * big))
    weight = {"ATE": np.ones_like(e), "ATT": e, "ATU": 1 - e}[estimand]
    truth = (weight * (1 + big)).sum() / weight.sum()
    hits = 0
    for seed in range(250):
        y, d, x = sample(500, seed)
        low, high = InverseProbabilityWeighting(estimand, normalised).fit(y=y, d=d, x=x).conf_int()[0]
        hits += low < truth < high
    # 237.5 of 250 expected, binomial standard deviation 3.4.
    assert 225 <= hits <= 248


def test_trimming_is_fitting_the_rest_and_winsorising_keeps_them():
    y, d, x = sample(strength=2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        everybody = InverseProbabilityWeighting().fit(y=y, d=d, x=x)
        e = everybody.nuisances.e
        keep = (e >= 0.1) & (e <= 0.9)
        rest = InverseProbabilityWeighting().fit(y=y[keep], d=d[keep], x=x[keep])
        trimmed = InverseProbabilityWeighting(trim=0.1).fit(y=y, d=d, x=x)
        capped = InverseProbabilityWeighting(winsorise=0.1).fit(y=y, d=d, x=x)
    assert 0.1 < keep.mean() < 0.9
    assert trimmed.point[0] == pytest.approx(rest.point[0], rel=1e-10)
    assert trimmed.se[0] == pytest.approx(rest.se[0], rel=1e-10)
    assert trimmed.n == len(d)
    assert (trimmed.details.kept == keep).all()
    assert "among rows with a score from 0.1 to 0.9" in trimmed.about.estimand
    inside = np.clip(e, 0.1, 0.9)
    one, none = d / inside, (1 - d) / (1 - inside)
    assert capped.point[0] == pytest.approx(one @ y / one.sum() - none @ y / none.sum(), rel=1e-10)
    assert capped.checks[1].name == "few capped scores"
    assert capped.checks[1].passed is False


def test_no_overlap_warns_and_names_the_region():
    y, d, x = sample(strength=5.0)
    with pytest.warns(
        RuntimeWarning,
        match=r"outside \[0.01, 0.99\]: below, where 'x0' is -\S+ and less; above, where 'x0' is \S+ and more",
    ):
        estimate = InverseProbabilityWeighting().fit(y=y, d=d, x=x)
    assert estimate.checks[0].passed is False


def test_clusters_widen_the_interval_where_rows_are_copies():
    y, d, x = sample(200)
    copies = np.repeat(np.arange(200), 4)
    once = InverseProbabilityWeighting().fit(y=y, d=d, x=x)
    many = InverseProbabilityWeighting().fit(y=y[copies], d=d[copies], x=x[copies], cluster=copies)
    assert many.point[0] == pytest.approx(once.point[0], rel=1e-9)
    assert many.se[0] == pytest.approx(once.se[0] * np.sqrt(200 / 199), rel=1e-7)


def test_strata_of_the_score():
    y, d, _, cell = saturated()
    estimate = ScoreStratification(strata=4, draws=50).fit(y=y, d=d, score=0.3 + 0.1 * cell)
    groups = estimate.details.strata
    manual = Stratified().fit(y=y, d=d, strata=groups)
    assert estimate.point[0] == pytest.approx(manual.point[0], rel=1e-10)
    # Fifty draws: the bootstrap's standard error has an error of 10 %, and the two differ as in the test above.
    assert estimate.se[0] == pytest.approx(manual.se[0], rel=0.35)


def test_more_strata_remove_more_of_the_bias():
    y, d, x = sample(20_000, seed=3)
    y = 3 * x[:, 0] + d
    gaps = [abs(ScoreStratification(strata=k, draws=20).fit(y=y, d=d, x=x).point[0] - 1) for k in (2, 5, 20)]
    naive = abs(DifferenceInMeans().fit(y=y, d=d).point[0] - 1)
    assert gaps[1] < 0.15 * naive  # Cochran: five strata remove over nine tenths
    assert gaps[2] < gaps[1] < gaps[0] < naive


def test_the_bootstrap_of_strata_covers():
    hits = 0
    for seed in range(40):
        y, d, x = sample(300, seed)
        low, high = ScoreStratification(draws=40, seed=seed).fit(y=y, d=d, x=x).conf_int()[0]
        hits += low < 1 < high
    # 38 of 40 expected, binomial standard deviation 1.4; a tenth of the bias is left, and forty draws are few.
    assert hits >= 32


def test_bad_input_is_answered():
    y, d, x = sample(60)
    with pytest.raises(ValueError, match="x is empty, but must name a covariate at least"):
        InverseProbabilityWeighting().fit(y=y, d=d)
    with pytest.raises(ValueError, match=r"score runs from 0 to 0.5, but must be a number above 0 and below 1"):
        InverseProbabilityWeighting().fit(y=y, d=d, score=np.linspace(0, 0.5, 60))
    with pytest.raises(ValueError, match=r"trim is 0.5, but must be a number of at least 0 and below 0.5"):
        InverseProbabilityWeighting(trim=0.5).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match=r"trim is 0.4999, which leaves 0 treated and 0 control rows"):
        InverseProbabilityWeighting(trim=0.4999).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match=r"winsorise is 0.7, but must be a number of at least 0 and below 0.5"):
        InverseProbabilityWeighting(winsorise=0.7).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="strata: group 3 of 30 by the propensity score has no"):
        ScoreStratification(strata=30).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="strata is 1, but must be a whole number of at least 2"):
        ScoreStratification(strata=1).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="a combination of the covariates separates the treated"):
        InverseProbabilityWeighting().fit(y=y, d=(x.sum(axis=1) > 0).astype(float), x=x)
