"""The game against its published figures, against slow routes, and against a formula that is no equilibrium."""

import itertools

import numpy as np
import pytest

from ceteris.gallery.edgeworth import derived, quoted
from ceteris.sequence import AlternatingDuopoly, edgeworth_cycle, kinked_demand
from ceteris.sequence.cycles.edgeworth import CYCLE, strategy


@pytest.mark.parametrize(("discount", "a", "profit", "price"), [
    (0.9, 0.213, 0.0664, 0.399), (0.95, 0.256, 0.0657, 0.394), (0.99, 0.291, 0.0650, 0.390),
])  # fmt: skip
def test_the_cycle_has_the_figures_found_by_a_grid_of_probabilities(discount, a, profit, price):
    cycle = edgeworth_cycle(discount)
    assert cycle.mixing == pytest.approx(a, abs=5e-4)
    assert cycle.mixing == pytest.approx(derived(discount), abs=1e-12)  # by hand from the indifference at zero
    assert cycle.long_run["profit per firm"] == pytest.approx(profit, abs=6e-5)
    assert cycle.long_run["mean price"] == pytest.approx(price, abs=5e-4)
    assert cycle.gain < 1e-12


@pytest.mark.parametrize(("discount", "b"), [(0.9, 0.500), (0.95, 0.538), (0.99, 0.565)])
def test_the_focal_price_has_the_figures_found_before(discount, b):
    kink = kinked_demand(discount)
    assert kink.mixing == pytest.approx(b, abs=5e-4)
    assert kink.long_run["profit per firm"] == pytest.approx(0.125)
    assert kink.gain < 1e-12


@pytest.mark.parametrize(("discount", "gain"), [(0.9, 0.09), (0.99, 0.30)])
def test_the_formula_that_is_often_printed_is_no_equilibrium(discount, gain):
    share = quoted(discount)
    game = AlternatingDuopoly(discount)
    found = game.deviation_gains(strategy({**CYCLE, 0: {0: share, 5: 1 - share}})).max()
    assert found == pytest.approx(gain, abs=0.006)


def test_a_reset_to_the_highest_price_is_an_equilibrium_too():
    share = edgeworth_cycle(0.95).mixing
    reaction = strategy({**CYCLE, 0: {0: share, 6: 1 - share}})
    assert AlternatingDuopoly(0.95).deviation_gains(reaction).max() < 1e-12


def test_values_are_those_of_iterating_them():
    game, reaction = AlternatingDuopoly(0.9), edgeworth_cycle(0.9).reaction
    V = W = np.zeros(7)
    for _ in range(600):  # 0.9^600 is nothing
        V, W = (
            (reaction * (game.profits.T + 0.9 * W)).sum(1),
            (reaction * (game.profits + 0.9 * V)).sum(1),
        )
    assert np.allclose(game.values(reaction), [V, W], atol=1e-12)


def test_the_best_reply_is_the_best_of_all_strategies():
    game, rng = AlternatingDuopoly(0.8, steps=2), np.random.default_rng(0)
    rival = rng.dirichlet(np.ones(3), 3)
    waiting = (rival * game.profits).sum(1)
    every = []
    for answers in itertools.product(range(3), repeat=3):  # all 27, each valued by solving for it
        own = np.eye(3)[list(answers)]
        now = (own * game.profits.T).sum(1) + 0.8 * own @ waiting
        every.append(np.linalg.solve(np.eye(3) - 0.64 * own @ rival, now))
    assert np.allclose(game.best_reply(rival)[1], np.max(every, 0))


def test_a_long_simulation_has_the_long_run():
    cycle = edgeworth_cycle(0.95)
    prices = cycle.simulate(20_000, seed=0)[10:]
    # Prices repeat about every seven periods: the mean of 20,000 is known to a few thousandths.
    assert prices.mean() == pytest.approx(cycle.long_run["mean price"], abs=0.005)
    assert prices.min(1).mean() == pytest.approx(cycle.long_run["mean price paid"], abs=0.005)
    assert np.array_equal(cycle.simulate(50, 3), cycle.simulate(50, 3))


@pytest.mark.parametrize(("make", "words"), [
    (lambda: edgeworth_cycle(1.0), "discount is 1.0, but must be a number above 0 and below 1"),
    (lambda: edgeworth_cycle(0.3), "discount is 0.3, but must be nearer to 1 for the Edgeworth cycle"),
    (lambda: AlternatingDuopoly(steps=1), "AlternatingDuopoly: steps is 1, but must be a whole number of at least 2"),
    (lambda: edgeworth_cycle().simulate(0), "periods is 0, but must be a whole number of at least 1"),
])  # fmt: skip
def test_bad_input_is_answered(make, words):
    with pytest.raises(ValueError, match=words):
        make()
