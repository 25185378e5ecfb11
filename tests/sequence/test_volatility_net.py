"""The net starts at GARCH, finds what GARCH misses, stays GARCH where there is nothing to find."""

import numpy as np
import pytest

from ceteris.sequence import Volatility, VolatilityNet, compare_volatility, simulate_garch
from ceteris.sequence.volatility.net import VolatilityNetFit

LEANING, _ = simulate_garch(4_000, 0.05, 0.0, 0.8, gamma=0.35, nu=8, seed=1)
N = 3_000
SMALL = {"members": 2, "steps": 60}


@pytest.fixture(scope="module")
def learnt() -> VolatilityNetFit:
    return VolatilityNet("garch", members=2, steps=140).fit(LEANING[:N])


@pytest.mark.parametrize(("kind", "errors"), [("garch", "student"), ("gjr", "normal"), ("egarch", "student")])
def test_before_any_step_it_is_the_model_it_starts_from(kind, errors):
    settings = VolatilityNet(kind, errors, members=1, steps=1)
    base = Volatility(kind, errors).fit(LEANING[:1_000])
    nets = settings._train(base, LEANING[:1_000], (0, 1_000), None, 0).model
    found = VolatilityNetFit(settings, base, base, nets, base.nu, None, 0.0, 0.0, 1, 0)  # type: ignore
    # The net computes in single precision.
    assert np.allclose(found.filter(LEANING)["variance"], base.filter(LEANING)["variance"], rtol=2e-4)
    assert np.allclose(found.filter(LEANING)["nll"], base.filter(LEANING)["nll"], atol=2e-4)


def test_what_garch_misses_is_found(learnt):
    # Falls alone raise the variance here: GARCH has no term for that, GJR is the truth.
    after = [each.filter(LEANING)["nll"][N:].mean() for each in
             (learnt, learnt.base, Volatility("gjr").fit(LEANING[:N]))]  # fmt: skip
    assert learnt.stop > 0
    assert "is kept" in learnt.status
    assert after[1] - after[0] > 0.5 * (after[1] - after[2])


def test_it_answers_what_any_model_of_volatility_does(learnt):
    judged = learnt.backtest(LEANING, 0.05, after=N)
    assert judged.hits / 1_000 == pytest.approx(0.05, abs=0.03)
    assert (learnt.value_at_risk(LEANING)["expected shortfall"] > learnt.value_at_risk(LEANING)["value at risk"]).all()


def test_what_comes_later_changes_nothing_before_it(learnt):
    changed = LEANING.copy()
    changed[3_500:] *= 3
    both = [learnt.filter(r)["variance"].to_numpy()[:3_501] for r in (LEANING, changed)]
    assert np.array_equal(*both)
    short = learnt.filter(LEANING[:1_000])["variance"].to_numpy()  # another compiled length
    assert np.allclose(short, both[0][:1_000], rtol=1e-5)


def test_where_there_is_nothing_to_find_the_answer_is_garch():
    r, _ = simulate_garch(1_000, nu=7, seed=4)
    found = VolatilityNet(**SMALL).fit(r)
    assert found.stop == 0
    assert found.status.startswith("Nothing is gained over GARCH(1,1), Student errors")
    assert found.filter(r).equals(Volatility().fit(r).filter(r))
    assert found.nu == found.base.nu


def test_a_comparison_ranks_by_what_came():
    r, h = simulate_garch(3_000, 0.05, 0.0, 0.8, gamma=0.3, nu=6, seed=0)
    found = compare_volatility(r, 0.3, net=None)
    assert found.table["nll"].is_monotonic_increasing
    order = found.table["model"].tolist()
    assert order.index("GJR, Student") < order.index("GARCH, Student") < order.index("constant")
    # QLIKE of the true variances is the least that can be had, up to chance over 900 days.
    truth = float((np.log(h) + r**2 / h)[2_100:].mean())
    assert found.table.set_index("model").loc["GJR, Student", "QLIKE"] == pytest.approx(truth, abs=0.02)
    assert found.learnt == 2_100


@pytest.mark.parametrize(("make", "words"), [
    (lambda: VolatilityNet("arch"), "Volatility: model is 'arch', but must be one of garch, gjr, egarch"),
    (lambda: VolatilityNet(width=0), "VolatilityNet: width is 0, but must be a whole number of at least 1"),
    (lambda: VolatilityNet(validation=0.0), "VolatilityNet: validation is 0.0, but must be a number above 0 and below"),
    (lambda: VolatilityNet(seed=-1), "VolatilityNet: seed is -1, but must be a whole number of at least 0"),
    (lambda: VolatilityNet().fit(LEANING[:300]), "returns: how many is 300, but must be a whole number of"),
    (lambda: compare_volatility(LEANING, 1.0), "test_size is 1.0, but must be a number above 0 and below 1"),
    (lambda: compare_volatility(LEANING[:600], 0.01), "test_size: returns to judge by is 6, but must be a whole"),
])  # fmt: skip
def test_bad_input_is_answered(make, words):
    with pytest.raises(ValueError, match=words):
        make()
