"""Volatility against the package arch, against simulated variances, and against tables of tests of risk."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, t

from ceteris.sequence import Volatility, backtest, simulate_garch
from ceteris.sequence.volatility.value_at_risk import independence, kupiec, tail_of
from truth import arch_volatility

ARCH = json.loads(Path(arch_volatility.__file__).with_suffix(".json").read_text())
R = arch_volatility.returns()
EACH = [(kind, errors) for kind in ("garch", "gjr", "egarch") for errors in ("normal", "student")]


@pytest.mark.parametrize(("kind", "errors"), EACH)
def test_estimates_are_those_of_arch(kind, errors):
    theirs, ours = ARCH[f"{kind} {errors}"], Volatility(kind, errors).fit(R)
    assert ours.log_likelihood == pytest.approx(theirs["log_likelihood"], abs=1e-4)
    table = ours.parameters
    assert set(table.index) == set(theirs["parameters"])
    for name, value in theirs["parameters"].items():
        # Degrees of freedom are ten times as large as the others, and known ten times less well.
        assert table.loc[name, "estimate"] == pytest.approx(value, abs=1e-3 if name == "nu" else 1e-4)
        # Both take second derivatives numerically, by other steps.
        assert table.loc[name, "standard error"] == pytest.approx(theirs["standard errors"][name], rel=0.03)
    assert ours.filter(R)["variance"].iloc[-1] == pytest.approx(theirs["last variance"], rel=1e-3)
    if theirs["ahead"]:
        assert ours.forecast(5)["variance"].tolist() == pytest.approx(theirs["ahead"], rel=1e-3)
    assert ours.maximum.converged


@pytest.mark.parametrize("kind", ["gjr", "egarch"])
def test_the_unit_of_returns_does_not_matter(kind):
    small, large = (Volatility(kind).fit(scale * R) for scale in (0.01, 1.0))
    assert small.log_likelihood == pytest.approx(large.log_likelihood + len(R) * np.log(100), abs=1e-5)
    assert np.allclose(small.filter(0.01 * R)["variance"] * 1e4, large.filter(R)["variance"], rtol=1e-4)
    left, right = (fit.parameters.loc[["alpha", "beta"]].to_numpy() for fit in (small, large))
    assert np.allclose(left, right, rtol=2e-3)


def test_simulated_variances_are_found():
    r, h = simulate_garch(4_000, 0.05, 0.08, 0.85, gamma=0.08, nu=8, seed=1)
    found = Volatility("gjr").fit(r)
    assert np.corrcoef(np.log(found.filter(r)["variance"]), np.log(h))[0, 1] > 0.99
    table = found.parameters.drop("mean")
    truth = pd.Series({"omega": 0.05, "alpha": 0.08, "gamma": 0.08, "beta": 0.85, "nu": 8.0})
    away = (table["estimate"] - truth) / table["standard error"]
    assert (away.abs() < 3.5).all()


def test_variance_ahead_is_that_of_simulated_paths():
    r, _ = simulate_garch(1_000, seed=2)
    for kind in ("gjr", "egarch"):
        found = Volatility(kind, "normal").fit(r)
        p, last = found.maximum.parameters, found.filter(r).iloc[-1]
        rng, h = np.random.default_rng(0), np.full(200_000, last["variance"])
        e = np.full(200_000, r.iloc[-1] - last["mean"])
        for step in range(4):
            if kind == "gjr":
                h = p[1] + (p[2] + p[3] * (e < 0)) * e**2 + p[4] * h
            else:
                z = e / np.sqrt(h)
                h = np.exp(p[1] + p[2] * (abs(z) - np.sqrt(2 / np.pi)) + p[3] * z + p[4] * np.log(h))
            # Means of 200,000 draws of variances, which vary by their own size: a percent is four errors or more.
            assert found.forecast(4)["variance"].iloc[step] == pytest.approx(h.mean(), rel=0.01)
            e = rng.normal(size=h.size) * np.sqrt(h)


def test_what_comes_later_changes_no_variance_before_it():
    fit = Volatility("egarch").fit(R[:2_000])
    changed = R.copy()
    changed[2_500:] *= 3
    both = [fit.filter(r)["variance"].to_numpy() for r in (R, changed)]
    assert np.array_equal(both[0][:2_501], both[1][:2_501])
    assert not np.allclose(both[0][2_501:], both[1][2_501:])


def test_the_tail_of_student_errors_is_that_of_integration():
    unit = np.sqrt(6 / 8)
    q, mean = tail_of(0.05, 8.0)
    assert q == pytest.approx(t.ppf(0.05, 8) * unit)
    below = quad(lambda x: x * t.pdf(x, 8), -np.inf, t.ppf(0.05, 8))[0] / 0.05
    assert mean == pytest.approx(below * unit, rel=1e-6)


@pytest.mark.parametrize(("level", "days", "fewest", "most"), [
    (0.01, 255, 1, 6), (0.05, 255, 7, 20), (0.01, 1_000, 5, 16), (0.05, 1_000, 38, 64), (0.025, 510, 7, 20),
])  # fmt: skip
def test_the_regions_of_kupiec_are_those_of_his_table(level, days, fewest, most):
    # Kupiec (1995), table: failures at which a model is not rejected at 95 % confidence; of the first case it prints
    # the upper end only.
    inside = [n for n in range(days // 5) if kupiec(np.arange(days) < n, level) < chi2.ppf(0.95, 1)]
    assert (min(inside), max(inside)) == (fewest, most)


def test_independence_by_hand():
    hit = np.array([0, 1, 1, 0, 0, 0, 1, 0], bool)  # pairs: 00 twice, 01 twice, 11 once, 10 twice
    by_hand = 2 * (np.log(0.5**4) + np.log(1 / 3 * (2 / 3) ** 2) - np.log((3 / 7) ** 3 * (4 / 7) ** 4))
    assert independence(hit) == pytest.approx(by_hand)


def test_the_tests_of_risk_have_their_size_and_find_clusters():
    rng = np.random.default_rng(0)
    found = np.array([backtest(rng.normal(size=1_000), np.full(1_000, 1.6449)).tests["p-value"] for _ in range(300)])
    # 300 draws of a rate of .05 have a standard error of .0126; that of independence is off by what is discrete.
    assert np.all(np.abs((found < 0.05).mean(0) - 0.05) < 0.04)
    clustered = np.repeat(rng.normal(size=200), 5)
    assert backtest(clustered, np.full(1_000, 1.6449)).tests.loc["independence (Christoffersen)", "p-value"] < 1e-6


def test_expected_shortfall_that_is_too_low_is_found():
    r = np.random.default_rng(0).standard_t(4, 4_000)
    var = np.full(len(r), -t.ppf(0.05, 4))
    right = -quad(lambda x: x * t.pdf(x, 4), -np.inf, t.ppf(0.05, 4))[0] / 0.05
    p = [backtest(r, var, 0.05, np.full(len(r), es)).tests["p-value"].iloc[-1] for es in (right, 0.8 * right)]
    assert p[0] > 0.05 > 0.001 > p[1]


def test_the_risk_that_fits_promise_is_what_comes():
    hits = []
    for seed in range(8):
        r, _ = simulate_garch(3_000, seed=seed)
        judged = Volatility("garch", "normal").fit(r[:2_000]).backtest(r, 0.05, after=2_000)
        assert judged.forecasts.index[0] == 2_000
        hits.append(judged.hits)
    # 8,000 days of a rate of .05 give it a standard error of .0024, and estimated parameters add to it.
    assert np.sum(hits) / 8_000 == pytest.approx(0.05, abs=0.01)


SHORT = simulate_garch(200)[0]
DAYS = pd.date_range("2020-01-01", periods=200)


@pytest.mark.parametrize(("make", "words"), [
    (lambda: Volatility("arch"), "Volatility: model is 'arch', but must be one of garch, gjr, egarch; did you mean"),
    (lambda: Volatility(errors="cauchy"), "Volatility: errors is 'cauchy', but must be one of normal, student"),
    (lambda: Volatility(mean="ar"), "Volatility: mean is 'ar', but must be one of constant, zero"),
    (lambda: Volatility().fit(SHORT[:50]), "returns: how many is 50, but must be a whole number of at least 100"),
    (lambda: Volatility().fit(np.ones(200)), "returns is 1 throughout, but must vary"),
    (lambda: Volatility().fit(SHORT.replace(SHORT[3], np.inf)), "returns holds 0 missing .* and 1 infinite"),
    (lambda: Volatility().fit(pd.Series(SHORT.to_numpy(), DAYS[::-1])), "returns has time stamps out of order"),
    (lambda: Volatility().fit(pd.Series(SHORT.to_numpy(), DAYS[[0] * 200])), "returns has two values for one time"),
    (lambda: Volatility().fit(SHORT).forecast(0), "horizon is 0, but must be a whole number of at least 1"),
    (lambda: Volatility().fit(SHORT).value_at_risk(SHORT, 1.5), "level is 1.5, but must be a number above 0"),
    (lambda: Volatility().fit(SHORT).backtest(SHORT, after=200), "after is 200, but must be a whole number"),
    (lambda: backtest(SHORT, np.ones(9)), "value_at_risk holds 9, but must hold 200, one for each return"),
    (lambda: simulate_garch(alpha=0.2), r"alpha \+ gamma / 2 \+ beta is 1.05, but must be a number below 1"),
    (lambda: simulate_garch(nu=1.5), "nu is 1.5, but must be a number above 2"),
])  # fmt: skip
def test_bad_input_is_answered(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_normal_errors_are_found_at_the_edge_of_students_and_said():
    returns, _ = simulate_garch(2_000, 0.05, 0.1, 0.85, seed=1)
    fit = Volatility().fit(returns)
    check = next(c for c in fit.checks if c.name == "no parameter is on its bound")
    assert check.passed is None
    assert "nu is 500, its largest value: the errors are normal; fit with errors='normal'" in check.sentence
    assert fit.nu == 500
    assert np.isnan(fit.parameters.loc["nu", "standard error"])
    assert fit.parameters.loc["beta", "standard error"] > 0
