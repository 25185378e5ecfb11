"""Verdicts: how often two learners of equal merit are told apart, and the formula by hand."""

import numpy as np
import pytest
from scipy import stats
from sklearn.model_selection import RepeatedKFold

from ceteris.learners.verdicts import Gain, over_folds, over_rows, standard_error


def test_the_interval_is_that_of_nadeau_and_bengio():
    gains = np.array([0.03, -0.01, 0.02, 0.05, 0.01])
    found = over_folds(gains, 0.25)
    se = np.sqrt((1 / 5 + 1 / 4) * gains.var(ddof=1))
    assert found.se == pytest.approx(se, rel=1e-12)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 4, gains.mean(), se), rel=1e-12)
    assert standard_error(gains, 0.0) == pytest.approx(stats.sem(gains), rel=1e-12)


def test_learners_of_equal_merit_are_told_apart_once_in_twenty_times():
    """A regression on x1 against one on x2, which say equally much about y, over five folds drawn ten times.

    Taken for independent, the fifty differences would find a winner in most tables.
    """
    rng, wrong, naive, runs, n = np.random.default_rng(0), 0, 0, 200, 60
    folds = list(RepeatedKFold(n_splits=5, n_repeats=10, random_state=0).split(np.zeros(n)))
    for _ in range(runs):
        x = rng.normal(size=(n, 2))
        y = x.sum(1) + rng.normal(size=n)
        errors = np.array([[mse(x[:, j], y, a, b) for j in (0, 1)] for a, b in folds])
        gains = errors[:, 1] - errors[:, 0]
        wrong += over_folds(gains, 12 / 48).verdict != "no difference"
        naive += over_folds(gains, 0.0).verdict != "no difference"
    # The share is known to ±.015 here; the correction is a rule of thumb, meant to err on the careful side.
    assert wrong / runs < 0.08
    assert naive / runs > 0.3


def mse(x, y, a, b):
    centred = x[a] - x[a].mean()
    slope = centred @ y[a] / (centred @ centred)
    return ((y[b] - y[a].mean() - slope * (x[b] - x[a].mean())) ** 2).mean()


def test_what_has_no_error_has_no_verdict():
    assert over_folds([0.1], 0.25).verdict == "not known"
    assert over_rows(0.1, [np.nan, np.nan]).verdict == "not known"
    assert over_folds([0.0, 0.0, 0.0], 0.25).verdict == "no difference"


def test_words_turn_with_the_sign():
    assert Gain(-0.2, 0.05, -0.3, -0.1).words == "worse by 0.2 (95% interval 0.1 to 0.3)"
    assert Gain(-0.2, 0.05, -0.3, -0.1).verdict == "worse"
    assert Gain(0.2, 0.2, -0.2, 0.6).words == "better by 0.2 (95% interval -0.2 to 0.6)"
    assert Gain(0.0, 0.0, 0.0, 0.0).words == "the same"
    assert Gain(0.2, np.nan, np.nan, np.nan).words == "better by 0.2 (no interval)"
