"""Off-policy values against a design whose truth is known, and the algebra of the weights."""

import warnings

import numpy as np
import pytest

from ceteris.causal.policy import off_policy_value


def log(n=1000, seed=0):
    """Three actions; the log prefers one by x, the new policy another. The new one is worth 0.8 on average."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=n)
    logged = np.stack([0.5 - 0.3 * x, 0.2 + 0 * x, 0.3 + 0.3 * x], axis=1)
    action = (rng.uniform(size=n)[:, None] > np.cumsum(logged, axis=1)).sum(1)
    mean = np.stack([x, 1 - x, 1 + 0 * x], axis=1)
    policy = np.tile([0.2, 0.2, 0.6], (n, 1))
    return mean[np.arange(n), action] + rng.normal(size=n), action, logged, policy, mean


@pytest.mark.parametrize("method", ["IPS", "SNIPS", "DR"])
def test_intervals_cover_the_truth(method):
    covered, errors = [], []
    for seed in range(300):
        y, action, logged, policy, mean = log(seed=seed)
        found = off_policy_value(y, action, logged, policy, method=method, q=mean if method == "DR" else None)
        low, high = found.conf_int()[0]
        covered.append(low < 0.8 < high)
        errors.append((found.point[0] - 0.8) / found.se[0])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.05)  # 300 samples: 1.3 %
    assert abs(np.mean(errors)) < 0.2
    assert found.checks[0].passed


def test_following_the_log_is_the_mean_and_snips_moves_with_the_outcome():
    y, action, logged, policy, mean = log()
    assert off_policy_value(y, action, logged, logged, method="IPS").point[0] == pytest.approx(y.mean())
    one = off_policy_value(y, action, logged, policy)
    assert one.about.method.endswith("SNIPS")
    shifted = off_policy_value(y + 10, action, logged, policy)
    assert shifted.point[0] == pytest.approx(one.point[0] + 10)
    assert shifted.se[0] == pytest.approx(one.se[0])
    assert off_policy_value(y, action, logged[np.arange(1000), action], policy).point == one.point
    assert off_policy_value(y, action, logged, policy, q=mean).about.method.endswith("DR")


def test_few_effective_rows_are_warned_of():
    y, action, logged, _, _ = log(120)
    with pytest.warns(RuntimeWarning, match="effective rows of 120, .* the interval is not to be trusted"):
        found = off_policy_value(y, action, logged, np.ones(120, dtype=int))
    assert found.checks[0].passed is False
    assert found.checks[0].value == pytest.approx((action == 1).sum())  # equal weights


Y, A, P = [1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1], np.full((4, 2), 0.5)


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (lambda: off_policy_value(Y, A, P, P, method="TMLE"), "method is 'TMLE', but must be one of IPS, SNIPS, DR"),
        (lambda: off_policy_value(Y, A, P, P, method="DR"), "q: none given for DR"),
        (lambda: off_policy_value(Y, A, P, P, q=np.ones((4, 3))), r"q has shape \(4, 3\), but must have \(4, 2\)"),
        (lambda: off_policy_value(Y, A, P, P, q=P * np.nan), r"q holds 8 missing \(NaN\)"),
        (lambda: off_policy_value(Y, A, P * [1.0, 0.6], P), "logged: the probabilities of row 0 sum to 0.8, but must"),
        (
            lambda: off_policy_value(Y, [0, 1, 0, 5], P, P),
            "action runs from 0 to 5, but must be a whole number from 0 to 1",
        ),
        (
            lambda: off_policy_value(Y, A, [1, 0.5, 0, 1], P),
            "logged runs from 0 to 1, but must be a number above 0 and at most 1",
        ),
        (lambda: off_policy_value(Y, A, np.full((3, 2), 0.5), P), r"logged has shape \(3, 2\), but must have \(4, 2\)"),
        (lambda: off_policy_value(Y, A, P, [1 - a for a in A]), "policy: it never does what the log did"),
        (lambda: off_policy_value(Y, [0] * 4, np.eye(2)[[0] * 4], P), "in 4 rows it may do what the log never does"),
        (lambda: off_policy_value(Y, A, P * np.nan, P), r"logged holds 8 missing \(NaN\)"),
    ],
)
def test_bad_input_is_answered_in_a_sentence(work, sentence):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(ValueError, match=sentence):
            work()
