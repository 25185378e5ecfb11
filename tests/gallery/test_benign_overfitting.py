"""Effective ranks, the deterministic equivalent and the exact risk against closed forms and slow routes."""

import numpy as np
import pytest

from ceteris.gallery import benign_overfitting as bo
from ceteris.gallery.double_descent import excess_risk_limit


def test_ranks_are_those_of_the_definition():
    n, values = 10, 1 / np.arange(1, 400) ** 1.2
    r = [values[k:].sum() / values[k] for k in range(len(values))]
    k = next(k for k in range(len(values)) if r[k] >= n)
    R = values[k:].sum() ** 2 / (values[k:] ** 2).sum()
    assert bo.ranks(bo.Spectrum(values, np.ones(len(values))), n) == (k, pytest.approx(R))


def test_without_a_tail_there_is_no_such_rank():
    values = np.exp(-np.arange(400) / 5)
    assert bo.ranks(bo.Spectrum(values, np.ones(400)), 50) == (np.inf, np.inf)


@pytest.mark.parametrize("p", [300, 800, 3_000])
def test_the_equivalent_is_the_known_limit_where_all_eigenvalues_are_equal(p):
    # r² (1 - n/p) + s² / (p/n - 1), of Hastie et al.; only the first SIGNAL of the equal values carry coefficients.
    bias, variance = bo.equivalent(bo.Spectrum(np.ones(p), np.ones(p)), 200)
    assert bias + variance == pytest.approx(excess_risk_limit(p, 200, r2=1.0, s2=bo.S2), rel=1e-6)


@pytest.mark.parametrize("alpha", [2.0, 3.0])
def test_a_power_tail_is_tempered_at_alpha_minus_one(alpha):
    # sum i^-a / (i^-a + c) tends to an integral, and E to a, with an error of order 1/n; what is cut off is 1e-5.
    i = np.arange(1, 200_000, dtype=float)
    _, variance = bo.equivalent(bo.Spectrum(i**-alpha, np.ones_like(i)), 500)
    assert variance == pytest.approx(alpha - 1, rel=0.02)


def test_groups_of_the_grid_add_up_to_the_endless_sum():
    power = bo.spectrum("power", 100)
    assert power.values @ power.counts == pytest.approx(np.pi**2 / 6, rel=1e-6)


def test_the_exact_risk_is_that_of_the_shortest_fit():
    # A slow route: the fit by the pseudo-inverse and its risk over many draws of the noise, on the same design.
    n, values = 8, 1 / np.arange(1, 41)
    told = bo.one_design(n, values, bo.Tail(0.0, 0.0), np.random.default_rng(0))
    X = np.random.default_rng(0).normal(size=(n, 40)) * np.sqrt(values)
    pinv, b = np.linalg.pinv(X), np.r_[np.full(bo.SIGNAL, bo.SIGNAL**-0.5), np.zeros(40 - bo.SIGNAL)]
    assert told["bias"] == pytest.approx(values @ (pinv @ X @ b - b) ** 2, rel=1e-8)
    assert told["variance"] == pytest.approx(bo.S2 * np.trace(pinv.T * values @ pinv), rel=1e-8)
    assert told["simulated"] == pytest.approx(told["bias"] + told["variance"], abs=5 * told["noise error"])


def test_a_tail_that_enters_by_its_mean_is_the_tail_drawn():
    # 4,000 small equal eigenvalues, drawn or replaced by their sum: the error is of order (n / R)^1/2 = 7 %.
    n, head, small = 20, np.ones(5), np.full(4_000, 1e-3)
    rng = np.random.default_rng(0)
    risk = lambda values, tail: np.mean(
        [(one := bo.one_design(n, values, tail, rng))["bias"] + one["variance"] for _ in range(40)]
    )
    drawn = risk(np.r_[head, small], bo.Tail(0.0, 0.0))
    assert risk(head, bo.Tail(small.sum(), small @ small)) == pytest.approx(drawn, rel=0.15)


def test_what_is_split_off_is_not_lost():
    given = bo.spectrum("inverse, logs", 100)
    values, tail = bo.split(given, 1_000)
    assert len(values) == 1_000
    assert values.sum() + tail.total == pytest.approx(given.values @ given.counts)
    flat, none = bo.split(bo.spectrum("flat tail", 100), 20_000)
    assert (len(flat), none) == (10 + 1_000, bo.Tail(0.0, 0.0))
