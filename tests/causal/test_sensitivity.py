"""Bounds under an omitted confounder: DoubleML, the confounder itself put in, published values, and simulation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal import Interactive, PartiallyLinear, benchmarks, confounding, report_sections
from ceteris.causal.linear_sensitivity import linear_benchmark, linear_bias, linear_robustness, strength_of
from ceteris.causal.sensitivity import Elements, benchmark, bounds
from ceteris.results import Estimate, Nuisances
from ceteris.stats.least_squares import covariance_of, ols, partial_out
from peer import TIGHT, doubleml, samples


def sample(n=400, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    d = (rng.uniform(size=n) < 1 / (1 + np.exp(-0.5 * x[:, 0]))).astype(float)
    return 0.5 * d + x @ [1.0, 0.5, 0.2] + rng.normal(size=n), d, x


def both(kind, fold):
    """Our estimator and a function that makes the peer's."""
    peer, logit = doubleml(), LogisticRegression(C=1e9, **TIGHT)
    if kind == "partially linear":
        ours = PartiallyLinear(LinearRegression(), LinearRegression(), folds=[fold])
        return ours, lambda data: peer.DoubleMLPLR(data, LinearRegression(), LinearRegression())
    if kind == "IV-type":
        ours = PartiallyLinear(LinearRegression(), LinearRegression(), score="IV-type", folds=[fold])
        learners = [LinearRegression() for _ in range(3)]
        return ours, lambda data: peer.DoubleMLPLR(data, *learners, score="IV-type")
    ours = Interactive(LinearRegression(), logit, folds=[fold])
    return ours, lambda data: peer.DoubleMLIRM(data, LinearRegression(), logit)


@pytest.mark.parametrize("kind", ["partially linear", "IV-type", "interactive"])
@pytest.mark.filterwarnings("ignore")
def test_bounds_and_benchmarks_are_those_of_doubleml(kind):
    y, d, x = sample()
    fold = np.arange(400) % 5
    ours, make = both(kind, fold)
    model = make(doubleml().DoubleMLData.from_arrays(x, y, d))
    model.set_sample_splitting(samples([fold]))
    model.fit()
    model.sensitivity_analysis(cf_y=0.05, cf_d=0.04, rho=0.9)
    theirs = model.sensitivity_params
    estimate = ours.fit(y=y, d=d, x=x)
    found = confounding(estimate, y=y, d=d, cf_y=0.05, cf_d=0.04, rho=0.9)
    # Logits agree to what their solver was asked for.
    assert "cf_y = 0.05, cf_d = 0.04" in str(found)
    assert f"between {found.lower:.4g} and {found.upper:.4g}" in str(found)
    assert found.lower == pytest.approx(theirs["theta"]["lower"][0], rel=1e-7)
    assert found.upper == pytest.approx(theirs["theta"]["upper"][0], rel=1e-7)
    assert found.rv == pytest.approx(theirs["rv"][0], abs=1e-4)  # theirs is a minimiser with tolerance 1e-5
    # Version 0.11 adds the influence of the bias with the wrong sign; turned round, ours are its limits. The test
    # below shows which sign is right.
    turned = replace(found.elements, influence=-found.elements.influence)
    limits = bounds(turned, 0.05, 0.04, 0.9, 0.95, 0.0)
    assert limits.low == pytest.approx(theirs["ci"]["lower"][0], rel=1e-6)
    assert limits.high == pytest.approx(theirs["ci"]["upper"][0], rel=1e-6)
    if kind != "IV-type":
        given = model.sensitivity_benchmark(benchmarking_set=["X1"]).iloc[0]
        left_out = benchmark(estimate, ours.fit(y=y, d=d, x=x[:, 1:]), y=y, d=d)
        for name, value in zip(("cf_y", "cf_d", "rho", "change"), given, strict=True):
            assert left_out[name] == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_standard_errors_of_the_bounds_have_the_right_sign(side):
    found, said, wrong = [], [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        v = rng.binomial(1, 0.2, 2000) - 0.2  # skewed, so that estimate and bias move together
        u = 2 * np.where(v > 0, 1, 0.2) * (rng.binomial(1, 0.2, 2000) - 0.2)
        y, v = (a - a.mean() for a in (0.5 * v + u, v))
        theta = v @ y / (v @ v)
        gap, nu2 = y - theta * v, 1 / np.mean(v**2)
        sigma2 = np.mean(gap**2)
        parts = Elements(theta, v * gap * nu2, sigma2, nu2, gap**2 - sigma2, nu2 - v**2 * nu2**2, (), y)
        point, se = parts.bound(side)
        found.append(point)
        said.append(se)
        wrong.append(replace(parts, influence=-parts.influence).bound(side)[1])
    # 400 draws give a standard deviation to 3.5 %.
    assert np.mean(said) == pytest.approx(np.std(found), rel=0.12)
    assert max(np.mean(wrong) / np.std(found), np.std(found) / np.mean(wrong)) > 3


def test_the_bound_is_met_by_the_confounder_it_is_about():
    # Long and short regressions in the sample: |bias| = |ρ| C_Y C_D S is an identity.
    rng = np.random.default_rng(0)
    x, u = rng.normal(size=(300, 2)), rng.normal(size=300)
    d = x[:, 0] + 0.5 * u + rng.normal(size=300)
    y = d + x @ [1.0, 1.0] + u + rng.normal(size=300)
    X = np.column_stack([np.ones(300), x])
    v_short, v_long = partial_out(d, X), partial_out(d, np.column_stack([X, u]))
    short, long = (ols(np.column_stack([d, X, *more]), y) for more in ([], [u]))
    alpha_short, alpha_long = v_short / np.mean(v_short**2), v_long / np.mean(v_long**2)
    g_gap = short.residuals - long.residuals
    a_gap = alpha_long - alpha_short
    rho = np.mean(g_gap * a_gap) / np.sqrt(np.mean(g_gap**2) * np.mean(a_gap**2))
    cf_y = np.mean(g_gap**2) / np.mean(short.residuals**2)
    cf_d = 1 - np.mean(alpha_short**2) / np.mean(alpha_long**2)
    S = np.sqrt(np.mean(short.residuals**2) * np.mean(alpha_short**2))
    assert abs(short.beta[0] - long.beta[0]) == pytest.approx(abs(rho) * strength_of(cf_y, cf_d) * S, rel=1e-10)
    # ... and in terms of partial R² and the standard error.
    se, dof = np.sqrt(covariance_of(short, "classic")[0, 0]), 300 - 4
    u_y, u_d = partial_out(u, np.column_stack([d, X])), partial_out(u, X)
    r2_y = np.corrcoef(u_y, short.residuals)[0, 1] ** 2
    r2_d = np.corrcoef(u_d, v_short)[0, 1] ** 2
    bias, after = linear_bias(se, dof, r2_y, r2_d)
    assert bias == pytest.approx(abs(short.beta[0] - long.beta[0]), rel=1e-10)
    assert after == pytest.approx(np.sqrt(covariance_of(long, "classic")[0, 0]), rel=1e-10)


def test_at_the_robustness_value_the_bound_is_zero():
    y, d, x = sample()
    estimate = PartiallyLinear(LinearRegression(), LinearRegression(), small_sample=False).fit(y=y, d=d, x=x)
    found = confounding(estimate, y=y, d=d)
    assert confounding(estimate, y=y, d=d, cf_y=found.rv, cf_d=found.rv).lower == pytest.approx(0, abs=1e-9)
    assert confounding(estimate, y=y, d=d, cf_y=found.rva, cf_d=found.rva).low == pytest.approx(0, abs=1e-9)
    assert found.rva < found.rv
    none = confounding(estimate, y=y, d=d, cf_y=0.0, cf_d=0.0)
    assert none.lower == none.upper == estimate.point[0]
    assert none.low == pytest.approx(estimate.point[0] - stats.norm.ppf(0.95) * estimate.se[0], rel=1e-12)
    beyond = confounding(estimate, y=y, d=d, null=float(estimate.point[0]) + 0.01)
    assert beyond.rva == 0.0
    assert beyond.rv > 0


def test_peacemaking_in_darfur():
    # Cinelli and Hazlett (2020), table 1: t = 4.18 with 783 degrees of freedom; robustness values 13.9 % and 7.6 %.
    assert linear_robustness(4.18, 783) == pytest.approx(0.139, abs=5e-4)
    assert linear_robustness(4.18, 783, alpha=0.05) == pytest.approx(0.076, abs=5e-4)
    assert linear_robustness(1.0, 783, alpha=0.05) == 0.0


def test_a_benchmark_is_right_about_a_confounder_like_the_covariate():
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(200_000, 2)), rng.normal(size=200_000)
    d = 0.6 * x[:, 0] + 0.3 * x[:, 1] + 0.6 * z + rng.normal(size=200_000)
    y = d + 0.8 * x[:, 0] - x[:, 1] + 0.8 * z + rng.normal(size=200_000)
    said = linear_benchmark(y, d, x, 0)
    X = np.column_stack([np.ones(200_000), x])
    long = ols(np.column_stack([d, X, z]), y)
    assert said["r2_d"] == pytest.approx(np.corrcoef(partial_out(z, X), partial_out(d, X))[0, 1] ** 2, abs=0.005)
    # The bound of its share in the outcome is sharp for a confounder that pulls in the same direction.
    assert said["estimate"] == pytest.approx(long.beta[0], abs=0.02)
    assert said["std err"] == pytest.approx(np.sqrt(covariance_of(long, "classic")[0, 0]), rel=0.03)


@pytest.mark.parametrize("estimand", ["ATT", "ATU"])
def test_a_binary_confounder_moves_the_effect_in_one_arm_by_exactly_the_bound(estimand):
    # With nothing but a binary U, both errors are functions of U that average to zero in the arm: their correlation is
    # one, the bound holds with equality, and every expectation is a sum over four cells with these numbers of rows.
    cells = {(0, 0): 30, (0, 1): 10, (1, 0): 20, (1, 1): 60}
    u, d, sign = (np.concatenate([np.tile([[*cell, 1], [*cell, -1]], (n, 1)) for cell, n in cells.items()]).T).astype(
        float
    )
    y = d + 2 * u + sign
    arm, other = (d == 1, 0) if estimand == "ATT" else (d == 0, 1)

    def estimate(groups):
        e, g = np.zeros(len(y)), np.zeros(len(y))
        for value in np.unique(groups):
            inside = groups == value
            e[inside], g[inside] = d[inside].mean(), y[inside & (d == other)].mean()
        gain = (y - g if estimand == "ATT" else g - y)[arm].mean()
        learnt = Nuisances(e=e, **{f"mu{other}": g})
        return Estimate(np.array([gain]), np.zeros((len(y), 1)), (estimand,), nuisances=learnt)

    short, long = (confounding(estimate(groups), y=y, d=d) for groups in (np.zeros(len(y)), u))
    cf_y = 1 - long.elements.sigma2 / short.elements.sigma2
    cf_d = 1 - short.elements.nu2 / long.elements.nu2
    assert long.elements.point == pytest.approx(1.0)
    moved = confounding(estimate(np.zeros(len(y))), y=y, d=d, cf_y=cf_y, cf_d=cf_d)
    assert short.elements.point > 1.5
    assert moved.lower == pytest.approx(1.0, abs=1e-12)


def test_the_effect_on_the_treated_has_bounds_too():
    y, d, x = sample()
    for estimand in ("ATT", "ATU"):
        estimate = Interactive(LinearRegression(), LogisticRegression(), estimand=estimand).fit(y=y, d=d, x=x)
        found = confounding(estimate, y=y, d=d)
        assert found.low < found.lower < estimate.point[0] < found.upper < found.high
        assert 0 < found.rva < found.rv < 1


def test_the_section_draws_and_judges():
    from matplotlib.figure import Figure

    y, d, x = sample()
    estimator = PartiallyLinear(LinearRegression(), LinearRegression())
    table = benchmarks(estimator, y=y, d=d, x=x, groups={"first two": ["x0", "x1"], "last": ["x2"]})
    assert table.loc["first two", "cf_y"] > table.loc["last", "cf_y"]
    estimate = estimator.fit(y=y, d=d, x=x)
    weak = confounding(estimate, y=y, d=d).section(table)
    strong = confounding(estimate, y=y, d=d, cf_y=0.5, cf_d=0.5).section()
    assert (weak.checks[0].passed, strong.checks[0].passed) == (True, False)
    assert "the strength asked about is enough for that" in strong.checks[0].sentence
    for section in (weak, strong):
        canvas = Figure()
        section.figures[0].draw(canvas, section.figures[0].data)
        assert canvas.axes[0].has_data()


def test_bad_input_is_answered():
    y, d, x = sample(100)
    estimate = PartiallyLinear(LinearRegression(), LinearRegression()).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="cf_y is 1, but must be a number of at least 0 and below 1"):
        confounding(estimate, y=y, d=d, cf_y=1)
    with pytest.raises(ValueError, match="rho is 2, but must be a number of at least -1 and at most 1"):
        confounding(estimate, y=y, d=d, rho=2)
    with pytest.raises(ValueError, match="level is 1, but must be a number above 0 and below 1"):
        confounding(estimate, y=y, d=d, level=1)
    with pytest.raises(ValueError, match="estimate: 1 effects on 100 rows given with 90 outcomes"):
        confounding(estimate, y=y[:90], d=d[:90])
    with pytest.raises(ValueError, match="estimate has the nuisances none, but PartiallyLinear and Interactive "):
        confounding(replace(estimate, nuisances=Nuisances()), y=y, d=d)
    with pytest.raises(ValueError, match="groups: 'age' is no covariate; x0, x1, x2 are"):
        benchmarks(PartiallyLinear(), y=y, d=d, x=x, groups={"a": ["age"]})
    with pytest.raises(ValueError, match="dof is 1, but must be above 1"):
        linear_robustness(2.0, 1)
    with pytest.raises(ValueError, match="times is 500, but no confounder is so strong, as it would explain all"):
        linear_benchmark(y, d, x, 0, times=500)


def test_where_scores_come_too_close_to_one_bounds_are_not_judged():
    """What estimates ν², 2 E[1/e + 1/(1 - e)] - E[(D/e - (1 - D)/(1 - e))²], may be negative where e is wrong."""
    n = 200
    d = np.tile([0.0, 1.0], n // 2)
    e = np.where(d == 1, 0.02, 0.98)  # every row is the unlikely one
    y = np.arange(n) / n
    zero = np.zeros(n)
    learnt = Nuisances(e=e, mu0=zero, mu1=zero)
    found = Estimate(np.ones(1), (y - y.mean())[:, None], ("ATE",), nuisances=learnt)
    with pytest.raises(
        FloatingPointError, match=r"mean square of its weights, ν², is found to be -2.4e.03, but must be"
    ):
        confounding(found, y=y, d=d)
    section = next(s for s in report_sections(found, y=y, d=d) if s.title == "Sensitivity")
    assert [check.passed for check in section.checks] == [None]
