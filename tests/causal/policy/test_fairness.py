"""Fairness against pandas; parity constraints met exactly, and optimal against linear programming."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from ceteris.causal.policy import (
    cost_of_fairness,
    fairness_report,
    fairness_section,
    with_opportunity,
    with_parity,
    within_budget,
)


def draw(n=150, seed=0, ties=False, groups=3):
    rng = np.random.default_rng(seed)
    group = rng.choice(list("abcd")[:groups], size=n)
    tau = rng.normal(size=n) + (group == "a") - 0.5 * (group == "b")
    return np.round(tau, 1) if ties else tau, group


def programmed(tau, group, budget, gap, equality):
    """Value of the best policy by a linear program; the last variable is the lowest rate."""
    n, names = len(tau), np.unique(group)
    shares = np.stack([(group == g) / (group == g).sum() for g in names])
    one = np.ones((len(names), 1))
    A = np.vstack([np.hstack([-shares, one]), np.hstack([shares, -one])])
    b = np.r_[np.zeros(len(names)), np.full(len(names), gap)]
    row = np.r_[np.full(n, 1 / n), 0][None]
    limit = {"A_eq": row, "b_eq": [budget]} if equality else {}
    if not equality:
        A, b = np.vstack([A, row]), np.r_[b, budget]
    found = linprog(np.r_[-tau, 0], A_ub=A, b_ub=b, bounds=(0, 1), **limit)
    return -found.fun


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("gap", [0.0, 0.1, 0.35, 1.0])
@pytest.mark.parametrize("budget", [0.13, 0.3, 0.8])
@pytest.mark.parametrize("spend_all", [False, True])
def test_parity_is_exact_and_optimal(seed, gap, budget, spend_all):
    tau, group = draw(seed=seed, ties=seed % 2 == 1, groups=2 + seed % 3)
    found = with_parity(tau, budget, group, gap=gap, spend_all=spend_all)
    rates = pd.Series(found.treat).groupby(group).mean()
    assert rates.max() - rates.min() <= gap + 1e-13
    assert found.treat.mean() <= budget + 1e-13
    if spend_all or budget < 0.3:  # more than that gain in every group
        assert found.treat.mean() == pytest.approx(budget, abs=1e-13)
    best = programmed(tau, group, budget, gap, spend_all)
    assert found.treat @ tau == pytest.approx(best, abs=1e-7)  # tolerance of the solver
    assert dict(rates) == pytest.approx(found.rates, abs=1e-13)
    for name, threshold in found.thresholds.items():
        inside = group == name
        assert (found.treat[inside & (tau > threshold)] == 1).all()
        assert (found.treat[inside & (tau < threshold)] == 0).all()


def test_without_constraint_it_is_the_budget_rule():
    tau, group = draw()
    np.testing.assert_allclose(with_parity(tau, 0.2, group, gap=1).treat, within_budget(tau, 0.2).treat, atol=1e-12)


def test_equal_opportunity_is_exact_among_those_who_deserve():
    tau, group = draw(400)
    found = with_opportunity(tau, 0.2, group)
    rates = pd.Series(found.treat)[tau > 0].groupby(group[tau > 0]).mean()
    assert np.ptp(rates) < 1e-13
    assert found.treat.mean() == pytest.approx(0.2, abs=1e-14)
    assert (found.treat[tau <= 0] == 0).all()
    poor = np.random.default_rng(1).uniform(size=400) < 0.5
    found = with_opportunity(tau, 0.4, group, deserving=poor, gap=0.1)
    rates = pd.Series(found.treat)[poor].groupby(group[poor]).mean()
    assert np.ptp(rates) <= 0.1 + 1e-13
    assert found.treat.mean() == pytest.approx(0.4, abs=1e-14)
    everybody = with_opportunity(tau, 0.9, group, deserving=poor)
    assert (everybody.treat == poor).all()


def test_rates_and_gaps_are_those_of_pandas_and_their_intervals_cover():
    rng = np.random.default_rng(0)
    tau, group = draw(600, groups=2)
    policy, should = (tau > 0.5).astype(float), (tau > 0).astype(float)
    scores = tau + rng.normal(size=600)
    found = fairness_report(policy, group, scores, deserving=should)
    entry = dict(zip(found.names, found.point, strict=True))
    frame = pd.DataFrame({"g": group, "p": policy, "s": scores, "b": should})
    for name, part in frame.groupby("g"):
        assert entry[f"treated: {name}"] == pytest.approx(part["p"].mean())
        assert entry[f"value: {name}"] == pytest.approx((part["p"] * part["s"]).mean())
        assert entry[f"benefit: {name}"] == pytest.approx(part.loc[part["p"] == 1, "s"].mean())
        assert entry[f"opportunity: {name}"] == pytest.approx(part.loc[part["b"] == 1, "p"].mean())
    big, small = frame["g"].value_counts().index
    gap = f"demographic parity: {small} - {big}"
    assert entry[gap] == pytest.approx(entry[f"treated: {small}"] - entry[f"treated: {big}"])
    rate = frame.groupby("g")["p"]
    expected = np.sqrt((rate.mean() * (1 - rate.mean()) / rate.size()).sum())  # of two independent shares
    assert found.se[found.names.index(gap)] == pytest.approx(expected, rel=1e-10)
    named = f"equal opportunity: {small} - {big}"
    assert entry[named] == pytest.approx(entry[f"opportunity: {small}"] - entry[f"opportunity: {big}"])
    section = fairness_section(found)
    assert section.checks[0].passed
    assert len(section.figures[0].data) == 6


def test_a_group_without_treated_is_flagged():
    found = fairness_report([1, 1, 0, 0], ["a", "a", "b", "b"], [1.0, 2.0, 3.0, 4.0])
    assert "benefit: b" not in found.names
    assert found.checks[0].sentence == "Nobody is treated in b, where a benefit of the treated does not exist."
    assert found.checks[0].passed is False


def test_the_cost_of_fairness_falls_to_zero_and_is_drawn():
    from matplotlib.figure import Figure

    tau, group = draw(300)
    section = cost_of_fairness(tau, 0.3, group, tau + np.random.default_rng(2).normal(size=300))
    frame = section.tables[0].frame
    assert len(frame) == 11
    assert frame["cost"].iloc[-1] == 0
    assert (frame["highest rate"] - frame["lowest rate"] <= frame["allowed"] + 1e-12).all()
    believed = cost_of_fairness(tau, 0.3, group).tables[0].frame["cost"]
    assert (np.diff(believed) <= 1e-12).all()
    canvas = Figure()
    section.figures[0].draw(canvas, section.figures[0].data)
    assert canvas.axes[0].has_data()


G = ["a", "a", "b", "b"]
T = np.arange(1.0, 5.0)


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (lambda: with_parity(T, 0.5, G, gap=2), "gap is 2, but must be a number of at least 0 and at most 1"),
        (lambda: with_parity(T, 0, G), "budget is 0, but must be a number above 0 and at most 1"),
        (lambda: with_parity(T, 0.5, ["a"] * 4), "group: everybody is in 'a', but there must be two groups to c"),
        (lambda: with_parity(T, 0.5, ["a", "a", "a", "b"]), "group: 'b' has one member, but must have two at le"),
        (
            lambda: with_parity(T, 0.5, ["a", "b"]),
            r"group has shape \(2,\), but must have \(4,\), one",
        ),
        (lambda: with_opportunity(T - 2.5, 0.5, G), "deserving: nobody in group 'a' is"),
        (lambda: fairness_report(T, G, T), "policy runs from 1 to 4, but must be a number of at least 0 and at most 1"),
        (lambda: fairness_report([1, 0, 1, 0], G, T, deserving=[1, 1, 0, 0]), "deserving: nobody in group 'b' is"),
        (lambda: fairness_report([1, 0, 1, 0], G, T, deserving=T), "deserving runs from 1 to 4, but must be"),
        (lambda: fairness_report([1, 0, 1, 0], G, T, d=[1, 1, 1, 1]), "d: all 4 units are treated"),
        (lambda: with_opportunity(T, 0.5, G, deserving=T), "deserving runs from 1 to 4, but must be 0 or 1"),
        (lambda: with_opportunity(T, 0.5, G, gap=-1), "gap is -1, but must be a number of at least 0 and at most 1"),
        (lambda: fairness_report([1, 0, 1, 0], G, T, d=[1, 0, 1, 1]), "group: 'b' has nobody with d = 0"),
    ],
)
def test_bad_input_is_answered_in_a_sentence(work, sentence):
    with pytest.raises(ValueError, match=sentence):
        work()
