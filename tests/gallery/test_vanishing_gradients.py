"""The radii by hand against numerical ones, and what is learnt against what was shown."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.gallery import vanishing_gradients as item


@pytest.mark.parametrize(("kind", "start"), list(item.NAMES))
def test_the_radius_by_hand_is_that_of_the_jacobian_at_rest(kind, start):
    cell = item.FirstSymbol(kind, start, key=jr.key(3)).recurrent.layers[0][0]
    rest, nothing = jnp.concatenate(cell.start()), jnp.zeros(2 * item.SYMBOLS)

    def step(state):
        return jnp.concatenate(cell.step(tuple(jnp.split(state, len(cell.start()))), cell.enter(nothing)))

    numerical = np.abs(np.linalg.eigvals(np.asarray(jax.jacrev(step)(rest), float))).max()
    assert item.radius(cell, kind) == pytest.approx(numerical, abs=1e-5)


def test_the_slope_of_a_linear_net_is_the_log_of_its_radius():
    for seed in range(3):
        table: Any = item.linear_net(seed)
        assert (table["norm of W"] > table["radius"]).all()  # the norm would give another slope
        # the norm of a power is c(n) radius^n, where c is bounded: over 100 steps a factor of e^.25 is allowed
        assert np.allclose(table["slope"], table["log radius"], atol=0.0025)


def test_norms_are_those_of_products_of_the_recurrent_matrix_when_nothing_is_read():
    cell = item.FirstSymbol("elman", 0.9, key=jr.key(0)).recurrent.layers[0][0]
    found = item.norms(cell, np.zeros((5, 2 * item.SYMBOLS), np.float32))
    assert np.allclose(found, 0.9 ** np.arange(6), rtol=1e-4)  # orthogonal, times .9


def test_the_first_symbol_is_shown_once_and_distractors_are_of_another_alphabet():
    x, first = item.symbols(50, 7, jr.key(0))
    assert x.shape == (50, 8, 2 * item.SYMBOLS)
    assert (np.argmax(x[:, 0], -1) == first).all()
    assert not x[:, 1:, : item.SYMBOLS].any()
    assert (x.sum(-1) == 1).all()


def test_a_gated_net_learns_what_came_three_symbols_ago():
    found: Any = item.learnt("gru", 3, 120, 1, 0).set_index("cell")["right"]
    assert found["GRU, half open"] > 0.9  # a guess is right in a quarter
