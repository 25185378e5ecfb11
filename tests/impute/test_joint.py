"""Joint tests, contrasts and R² of pooled regressions, against statsmodels table by table and mice's own test."""

import numpy as np
import pandas as pd
import pytest

from ceteris.impute import HotDeck, combine, pool_regression
from ceteris.stats.rubin import rubin
from ceteris.stats.rubin_tests import d1, d2, d3

X = ["school", "region"]


@pytest.fixture(scope="module")
def completed():
    rng = np.random.default_rng(0)
    n = 250
    school, region = rng.integers(8, 20, n).astype(float), rng.choice(["north", "south", "west"], n)
    wage = 5 + school + 0.4 * (region == "south") + 2 * rng.normal(size=n)
    table = pd.DataFrame({"school": school, "region": region, "wage": wage, "town": rng.integers(0, 30, n)})
    table["rich"] = (wage + rng.normal(size=n) > 18).astype(int)
    table["kids"] = rng.poisson(np.exp(1 - 0.05 * school))
    for name in ("school", "region"):
        table[name] = table[name].mask(rng.random(n) < 0.2)
    return HotDeck(random_state=1).fit(table).sample(6)


def designs(tables):
    frames = [pd.DataFrame({"constant": 1.0, "school": t["school"]}) for t in tables]
    for frame, table in zip(frames, tables, strict=True):
        for label in ("south", "west"):
            frame[f"region={label}"] = (table["region"] == label).astype(float)
    return frames


def models(tables, kind):
    """Models of statsmodels, one for each table: given columns, and an offset."""
    sm = pytest.importorskip("statsmodels.api")
    families = {"ols": sm.families.Gaussian, "logit": sm.families.Binomial, "poisson": sm.families.Poisson}
    y = {"ols": "wage", "logit": "rich", "poisson": "kids"}[kind]
    return [
        lambda columns, offset=None, t=t, x=x: sm.GLM(t[y], x[columns], family=families[kind](), offset=offset)
        for t, x in zip(tables, designs(tables), strict=True)
    ]


def log_likelihood(model, kind):
    """At the maximum; of a linear model with the variance that is best there, as R has it."""
    fit = model.fit(tol=1e-13, maxiter=200)
    if kind != "ols":
        return fit, fit.llf
    n = len(fit.model.endog)
    return fit, -n / 2 * (np.log(2 * np.pi * fit.deviance / n) + 1)


@pytest.mark.parametrize(("kind", "y"), [("ols", "wage"), ("logit", "rich"), ("poisson", "kids")])
def test_d1_d2_and_d3_are_those_of_statsmodels_fits_pooled(completed, kind, y):
    """By the definitions of mice: D3 fits the constant again to each table where coefficients are at their means."""
    full, null = [*designs(completed)[0]], ["constant", "school"]
    made, pick = models(completed, kind), slice(2, 4)
    fits = [log_likelihood(model(full), kind) for model in made]
    nulls = [log_likelihood(model(null), kind) for model in made]
    points = np.array([fit.params.to_numpy()[pick] for fit, _ in fits])
    covariances = np.array([fit.cov_params().to_numpy()[pick, pick] for fit, _ in fits])
    wald = np.array([float(p @ np.linalg.solve(V, p)) for p, V in zip(points, covariances, strict=True)])

    def at_means(columns, them):
        mean = np.mean([fit.params.to_numpy() for fit, _ in them], axis=0)
        offsets = [x[columns].to_numpy() @ mean for x in designs(completed)]
        return [log_likelihood(m(["constant"], o), kind)[1] for m, o in zip(made, offsets, strict=True)]

    fitted = 2 * (np.array([ll for _, ll in fits]) - [ll for _, ll in nulls])
    pooled = 2 * (np.array(at_means(full, fits)) - at_means(null, nulls))
    wanted = {"D1": d1(points, covariances, 250 - 4), "D2": d2(wald, 2), "D3": d3(fitted, pooled, 2)}
    ours = pool_regression(completed, y=y, x=X, model=kind, covariance="classic")
    assert ours.details.complete == 246  # n - k, of a logit and of Poisson too
    for method, test in wanted.items():
        found = ours.test("region = 0", method)
        assert (found.statistic, found.dof[1]) == pytest.approx((test.statistic, test.dof[1]), rel=1e-6), method
        assert found.p_value == pytest.approx(test.p_value, abs=1e-8)


@pytest.mark.parametrize("kind", ["ols", "logit"])
def test_restrictions_of_any_kind_are_what_a_model_without_them_says(completed, kind):
    """That school + region=south = 2, by a model of statsmodels with an offset and a column less."""
    y = {"ols": "wage", "logit": "rich"}[kind]
    fits = pool_regression(completed, y=y, x=X, model=kind).details.fits
    fitted, _ = fits.ratios(np.array([[0.0, 1, 1, 0]]), np.array([2.0]))
    changed = [table.assign(school=table["school"] - (table["region"] == "south")) for table in completed]
    for i, (full, null, x) in enumerate(
        zip(models(completed, kind), models(changed, kind), designs(completed), strict=True)
    ):
        least = null(["constant", "school", "region=west"], 2 * x["region=south"])
        wanted = 2 * (log_likelihood(full([*x]), kind)[1] - log_likelihood(least, kind)[1])
        assert fitted[i] == pytest.approx(wanted, rel=1e-7)


def normals_of_r(seed, count):
    """What ``set.seed(seed); rnorm(count)`` gives in R: its Mersenne twister and its inversion."""
    from scipy import stats

    state = seed
    for _ in range(50):
        state = (69069 * state + 1) % 2**32
    words = []
    for _ in range(625):
        state = (69069 * state + 1) % 2**32
        words.append(state)
    twister = np.random.MT19937()
    twister.state = {"bit_generator": "MT19937", "state": {"key": np.array(words[1:], np.uint32), "pos": 624}}
    uniform = twister.random_raw(2 * count) * 2.3283064365386963e-10
    return stats.norm.ppf((np.floor(134217728 * uniform[::2]) + uniform[1::2]) / 134217728)


def test_the_complete_data_of_mices_own_test_give_its_statistic():
    """``set.seed(1); A <- rnorm(100); B <- 0.1 * A + rnorm(100)``, five times: mice's test of D3 has what R finds."""
    drawn = normals_of_r(1, 200)
    np.testing.assert_allclose(drawn[:3], [-0.6264538, 0.1836433, -0.8356286], atol=1e-7)  # as every course prints
    table = pd.DataFrame({"A": drawn[:100], "B": 0.1 * drawn[:100] + drawn[100:]})
    pooled = pool_regression([table] * 5, y="B", x="A", covariance="classic")
    assert pooled.test("A = 0", "D3").statistic == pytest.approx(0.857042959888474, rel=1e-9)
    assert pooled.test("A = 0", "D3").p_value == pytest.approx(0.354567523408569, rel=1e-9)


def test_contrasts_are_pooled_anew(completed):
    """Each combination of each table by Rubin's rules: degrees of freedom of its own."""
    pooled = pool_regression(completed, y="wage", x=X)
    W = np.array([[0, 0, 1.0, -1.0], [0, 1, 0, 0]])
    points = np.array([W @ one.point for one in pooled.splits])
    wanted = rubin(points - [0, 1], np.array([W @ one.covariance @ W.T for one in pooled.splits]), 246)
    found = pooled.contrast("region=south = region=west, school = 1")
    assert found.names == ("region=south - region=west", "school - 1")
    for got, want in ((found.point, wanted.point), (found.covariance, wanted.covariance), (found.dof, wanted.dof)):
        np.testing.assert_allclose(got, want, rtol=1e-10)
    np.testing.assert_allclose(found.splits[0].point, points[0] - [0, 1])
    for method in ("D1", "D2", "D3"):  # a test of what is a test already
        direct = pooled.test("region=south = region=west, school = 1", method)
        assert found.test(method=method).p_value == pytest.approx(direct.p_value, rel=1e-9)


def test_r_squared_is_pooled_and_shown(completed):
    sm = pytest.importorskip("statsmodels.api")
    fits = [sm.OLS(t["wage"], x).fit() for t, x in zip(completed, designs(completed), strict=True)]
    ours, theirs = pool_regression(completed, y="wage", x=X), combine(fits)
    np.testing.assert_allclose(ours.details.r_squared, [[fit.rsquared, fit.rsquared_adj] for fit in fits])
    assert theirs.details.pooled_r_squared() == ours.details.pooled_r_squared()
    plain, adjusted = ours.details.pooled_r_squared(), ours.details.pooled_r_squared(adjusted=True)
    assert f"n = 250; t with {np.floor(ours.dof.min()):.0f} to" in str(ours)
    assert f"; R² {plain.estimate:.3f}, adjusted {adjusted.estimate:.3f}" in str(ours)
    with pytest.raises(ValueError, match="pooled_r_squared: R² is not known, but must be that of a linear regression"):
        pool_regression(completed, y="rich", x=X, model="logit").details.pooled_r_squared()


def test_a_report_shows_what_is_missing_and_the_tests(completed):
    pooled = pool_regression(completed, y="wage", x=X, tests=["region = 0", "school = 1"], method="D2")
    (section,) = pooled.sections()
    shown = {table.title: table.frame for table in section.tables}
    assert [*shown] == ["Estimate", "What the holes take", "Fit", "Joint tests"]
    missing = shown["What the holes take"]
    within = np.mean([one.se**2 for one in pooled.splits], axis=0)
    np.testing.assert_allclose(missing["increase in variance"], pooled.se**2 / within - 1)
    np.testing.assert_allclose(missing["share of variance"], 1 - within / pooled.se**2)
    assert shown["Joint tests"].loc["region = 0", "p"] == pooled.test("region = 0", "D2").p_value
    assert section.figures[0].title == "Estimates by table"
    assert pooled.details.tests[1].hypothesis == "school = 1"


def test_logits_of_statsmodels_have_the_degrees_of_freedom_of_mice(completed):
    sm = pytest.importorskip("statsmodels.api")
    fits = [sm.Logit(t["rich"], x).fit(disp=0) for t, x in zip(completed, designs(completed), strict=True)]
    ours = pool_regression(completed, y="rich", x=X, model="logit", covariance="classic")
    np.testing.assert_allclose(combine(fits).dof, ours.dof, rtol=1e-5)
    assert (ours.dof < 246).all()


@pytest.mark.parametrize("kind", ["logit", "poisson"])
def test_both_kinds_of_standard_errors_are_those_of_statsmodels_pooled(completed, kind):
    y = {"logit": "rich", "poisson": "kids"}[kind]
    for covariance, errors in (("robust", "HC0"), ("classic", "nonrobust")):
        fits = [m([*designs(completed)[0]]).fit(cov_type=errors, tol=1e-13) for m in models(completed, kind)]
        theirs = combine([(fit.params, fit.cov_params(), 246) for fit in fits])
        ours = pool_regression(completed, y=y, x=X, model=kind, covariance=covariance)
        np.testing.assert_allclose(ours.point, theirs.point, rtol=1e-7)
        np.testing.assert_allclose(ours.se, theirs.se, rtol=1e-6)
        np.testing.assert_allclose(ours.dof, theirs.dof, rtol=1e-5)


def test_few_tables_for_a_joint_test_are_said(completed):
    pooled = pool_regression(completed[:3], y="wage", x=X, tests=["region = 0", "school = 0"])
    found = {check.name: check for check in pooled.checks}["tables for a joint test"]
    assert found.verdict == "fail"
    assert found.bar == 6  # k (m - 1) is to be above 4
    assert found.sentence.startswith("3 tables are too few for a joint test of 1: its degrees of freedom are rough")
    assert not pool_regression(completed, y="wage", x=X).test("region = 0").checks


BAD = [
    ({"covariance": "HC4"}, "covariance is 'HC4', but must be one of robust, classic"),
    ({"method": "D4"}, "method is 'D4', but must be one of D1, D2, D3"),
    ({"cluster": "town", "covariance": "classic"}, "covariance is 'classic', but must be robust with clusters"),
    ({"cluster": "town", "tests": "school = 0", "method": "D3"}, "method is 'D3', but must be D1 or D2 with clusters"),
    ({"tests": "skool = 0"}, "tests is 'skool = 0', but 'skool' in it is no estimate; did you mean 'school'"),
    ({"tests": ["school = 0, school = 1"]}, "tests: that school - 1 = 0 follows from the rest or contradicts it"),
    ({"x": ["school", "again"]}, "x: 'again' is a copy of the outcome 'wage', but must not be one; leave it out"),
    ({"x": "many"}, "x: 'many' holds 1,001 labels, but must hold 1,000 at most, as each takes a column; merge labels"),
    ({"x": "dates"}, "x: column 'dates' is of type Datetime.*, but must hold numbers, booleans or labels"),
    ({"x": "lists"}, "x: column 'lists' holds a list in a cell, but each must hold one number or one label"),
    ({"model": "poisson", "y": "minus"}, "y: 'minus' holds .*, but must hold counts of at least 0, not all of them 0"),
]


@pytest.mark.parametrize(("settings", "sentence"), BAD)
def test_what_does_not_go_together_is_refused(completed, settings, sentence):
    table = pd.concat([completed[0]] * 9, ignore_index=True)
    rows = np.arange(len(table))
    table = table.assign(
        minus=-table["wage"], again=table["wage"], dates=pd.Timestamp("2020-01-01"), lists=[[1]] * len(table)
    )
    tables = [table.assign(many=[f"label {row % 1001}" for row in rows])] * 2
    with pytest.raises((ValueError, TypeError), match=sentence):
        pool_regression(tables, **{"y": "wage", "x": X} | settings)


def test_what_has_no_likelihood_or_no_maximum_is_refused(completed):
    with pytest.raises(ValueError, match="method is 'D3', but must be D1 or D2 where no likelihood is known"):
        combine([(np.array([b]), np.eye(1)) for b in (0.9, 1.0, 1.1)]).test(method="D3")
    with pytest.raises(ValueError, match="method is 'D3', but must be D1 or D2 where no likelihood is known"):
        pool_regression(completed, y="wage", x=X, cluster="town").test("region = 0", "D3")
    tables = [
        table.assign(none=table["kids"] * (table["school"] > 12), few=table["school"] > 12) for table in completed
    ]
    tables = [table.assign(few=table["few"].astype(float)) for table in tables]
    with pytest.raises(
        ValueError, match="x: in table 1 a combination of the columns tells rows where 'none' is always 0"
    ):
        pool_regression(tables, y="none", x="few", model="poisson")
