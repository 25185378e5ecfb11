"""Budgets against linear programming, met to the last digit; values against simulation and algebra."""

import numpy as np
import pytest
from scipy.optimize import linprog

from ceteris.causal.policy import arm_scores, budget_curve, out_of_fold, plug_in, policy_value, within_budget


def draw(n=200, seed=0, ties=False):
    rng = np.random.default_rng(seed)
    tau, cost = rng.normal(size=n), rng.uniform(0.5, 2, size=n)
    return (np.round(tau, 1), np.round(cost, 0) + 1) if ties else (tau, cost)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("budget", [0.07, 0.3, 1.0])
@pytest.mark.parametrize("spend_all", [False, True])
def test_the_budget_rule_is_the_solution_of_the_linear_program(budget, ties, spend_all):
    tau, cost = draw(ties=ties)
    found = within_budget(tau, budget, cost=cost, spend_all=spend_all)
    row = cost[None] / cost.sum()
    limit = {"A_eq": row, "b_eq": [budget]} if spend_all else {"A_ub": row, "b_ub": [budget]}
    if spend_all:  # in the order of the ratio, which is not the linear program's where all must be spent
        order = np.argsort(-tau / cost, kind="stable")
        left = np.maximum(budget * cost.sum() - np.r_[0, np.cumsum(cost[order])[:-1]], 0)
        best = np.minimum(left / cost[order], 1) @ tau[order]
    else:
        best = -linprog(-tau, bounds=(0, 1), **limit).fun
    assert found.treat @ tau == pytest.approx(best, rel=1e-9)  # tolerance of the solver
    spent = found.treat @ cost / cost.sum()
    assert found.spent == spent
    if spend_all or budget < 0.4:  # half of the effects are positive
        assert spent == pytest.approx(budget, abs=1e-14)
    else:
        assert (found.treat == (tau > 0)).all()


def test_equal_units_are_treated_equally_and_the_order_of_rows_does_not_matter():
    tau = np.array([1.0, 2.0, 1.0, 1.0, 3.0, 0.5])
    found = within_budget(tau, 0.5)
    assert found.treat.tolist() == pytest.approx([1 / 3, 1, 1 / 3, 1 / 3, 1, 0])
    assert found.treat.mean() == pytest.approx(0.5, abs=1e-15)
    assert (found.threshold, found.at_threshold) == (1.0, pytest.approx(1 / 3))
    assert found.apply(tau[::-1]).tolist() == found.treat[::-1].tolist()
    assert within_budget([-1.0, -2.0], 0.5).treat.tolist() == [0.0, 0.0]
    assert within_budget([-1.0, -2.0], 0.5).apply([-1.5, 3.0]).tolist() == [0.0, 1.0]
    assert within_budget(np.ones(10), 0.3).treat.tolist() == pytest.approx([0.3] * 10)


def test_a_budget_that_pays_for_all_who_gain_sets_no_threshold_above_zero():
    assert within_budget([3.0, 1.0, -1.0], 1.0).apply([0.5, -2.0]).tolist() == [1, 0]  # 0.5 is below all paid for
    assert within_budget([-0.5, -0.1], 0.5).apply([-0.05, -0.3, 2.0]).tolist() == [0, 0, 1]
    assert within_budget([3.0, -1.0], 1.0, spend_all=True).apply([-2.0, 4.0]).tolist() == [1, 1]


def test_a_rule_applies_to_a_single_unit():
    rule = within_budget([3.0, 1.0, 2.0, 0.5], 0.5)
    assert rule.apply([2.5]).tolist() == [1]
    assert rule.apply([2.5], cost=[5.0]).tolist() == [0]


def test_plug_in_compares_with_the_cost():
    assert plug_in([0.1, 0.3], [0.2, 0.2]).tolist() == [0.0, 1.0]


def test_value_intervals_cover_and_pairs_are_compared_on_the_same_rows():
    # Γ = τ + noise, τ standard normal: treating τ > 0 is worth φ(0) = 0.3989, treating all 0
    covered, shorter = [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        tau = rng.normal(size=300)
        found = policy_value(tau + rng.normal(size=300), {"some": tau > 0, "all": np.ones(300)})
        gap = found.contrast([1, -1])
        ends = [*found.conf_int(), *gap.conf_int()]
        truth = [1 / np.sqrt(2 * np.pi), 0, 1 / np.sqrt(2 * np.pi)]
        covered.append([low < t < high for (low, high), t in zip(ends, truth, strict=True)])
        shorter.append(gap.se[0] < np.hypot(*found.se))
    assert np.mean(covered, axis=0) == pytest.approx(np.full(3, 0.95), abs=0.045)  # 400 samples: 1.1 %
    assert np.mean(shorter) == 1


def test_scores_of_every_action_give_the_same_gains_as_scores_of_the_effect():
    rng = np.random.default_rng(0)
    n = 500
    y, d, e1 = rng.normal(size=n), rng.integers(2, size=n), rng.uniform(0.3, 0.7, n)
    mu, e = rng.normal(size=(n, 2)), np.stack([1 - e1, e1], axis=1)
    gamma = arm_scores(y, d, mu, e)
    direct = mu[:, 1] - mu[:, 0] + np.where(d == 1, (y - mu[:, 1]) / e1, -(y - mu[:, 0]) / (1 - e1))
    np.testing.assert_allclose(gamma[:, 1] - gamma[:, 0], direct, rtol=1e-10)
    policy = rng.uniform(size=n)
    both = policy_value(gamma, {"policy": policy, "nobody": np.zeros(n)}).contrast([1, -1])
    alone = policy_value(direct, policy)
    assert both.point[0] == pytest.approx(alone.point[0], rel=1e-10)
    assert both.se[0] == pytest.approx(alone.se[0], rel=1e-10)
    table = np.stack([1 - policy, policy], axis=1)
    assert policy_value(gamma, table).point == policy_value(gamma, policy).point
    three = np.column_stack([gamma, direct])
    assert policy_value(three, np.full(n, 2)).point[0] == pytest.approx(direct.mean())
    assert policy_value(direct, policy, cost=0.5).point[0] == pytest.approx(alone.point[0] - 0.5 * policy.mean())


def test_the_budget_curve_ends_at_the_average_and_counts_in_full():
    tau, _ = draw()
    curve = budget_curve(tau, tau, [0.25, 0.5, 1.0])
    top = np.sort(tau)[::-1]
    assert curve.value == pytest.approx([top[:50].sum() / 200, top[:100].sum() / 200, tau.mean()])
    assert curve.se[2] == pytest.approx(tau.std() / np.sqrt(200))


class Memory:
    """Learns the rows by heart: 1 for the rows it has seen."""

    def __init__(self, x, scores):
        self.seen = set(x[:, 0])

    def predict(self, x):
        return np.array([value in self.seen for value in x[:, 0]]).astype(int)


def test_out_of_fold_policies_have_not_seen_their_row():
    x = np.arange(30.0)[:, None]
    assert out_of_fold(Memory, x, x[:, 0], np.arange(30) % 3).tolist() == [0] * 30
    with pytest.raises(ValueError, match="fold: all rows are in one fold"):
        out_of_fold(Memory, x, x[:, 0], np.zeros(30))


T = np.arange(1.0, 5.0)


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (lambda: within_budget(T, 0.0), "budget is 0.0, but must be a number above 0 and at most 1"),
        (lambda: within_budget(T, 1.2), "budget is 1.2, but must be a number above 0 and at most 1"),
        (
            lambda: within_budget(T, 0.5, cost=[1, 0, 1, 1]),
            "cost runs from 0 to 1, but must be a number above 0",
        ),
        (lambda: within_budget(T, 0.5, cost=[1, 1]), r"cost has shape \(2,\), but must have \(4,\)"),
        (lambda: policy_value(T, {}), "policy is empty, but must hold one at least"),
        (lambda: policy_value(T, T), r"policy\['value'\] must hold probabilities of sum one"),
        (
            lambda: policy_value(T, [1, 0]),
            r"policy\['value'\] has shape \(2,\) with values up to 1, but must have \(4,",
        ),
        (lambda: policy_value(np.ones((4, 3)), [0, 1, 2, 3]), "with numbers of actions below 3"),
        (lambda: policy_value(np.ones((4, 2)), [0, 1, 1, 0], cost=1), "cost must be 0 with scores of every action"),
        (lambda: policy_value(T, [1, 0, np.nan, 1]), r"holds 1 missing \(NaN\) and 0 infinite"),
        (lambda: policy_value(np.ones((4, 1)), T), r"scores has one column, but must have one for each of two actions"),
        (
            lambda: arm_scores(T, [0, 1, 2, 0], np.ones((4, 2)), np.ones((4, 2))),
            "with actions up to 2, but must have one column",
        ),
        (
            lambda: arm_scores(T, [0, 1, 1, 0], np.ones((4, 2)), np.zeros((4, 2))),
            "e runs from 0 to 0, but must be a number above 0 and at most 1",
        ),
    ],
)
def test_bad_input_is_answered_in_a_sentence(work, sentence):
    with pytest.raises(ValueError, match=sentence):
        work()
