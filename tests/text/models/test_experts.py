"""Mixtures of experts: grouped products against a loop, routing by hand, balance at its limits."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.text.models import Description, ExpertRule
from ceteris.text.models.experts import ExpertMixture, Load, _in_blocks, balance_loss, balanced_bias, route

SIZES = [33, 0, 36, 1]  # more than a block, none, a block and a bit, one


def one_by_one(rows, maps):
    ends = np.cumsum(SIZES)
    return jnp.concatenate([rows[end - n : end] @ maps[e] for e, (end, n) in enumerate(zip(ends, SIZES, strict=True))])


def test_blocks_are_the_products_of_each_group_and_so_are_their_slopes():
    rows, maps = jr.normal(jr.key(0), (sum(SIZES), 5)), jr.normal(jr.key(1), (4, 5, 3))
    fast = lambda rows, maps: _in_blocks(rows, maps, jnp.array(SIZES))
    # The same products in another order of summation: some units in the last place of single precision.
    np.testing.assert_allclose(fast(rows, maps), one_by_one(rows, maps), atol=1e-5)
    for argument in (0, 1):
        slope = [jax.grad(lambda *a, f=f: jnp.sin(f(*a)).sum(), argument)(rows, maps) for f in (fast, one_by_one)]
        np.testing.assert_allclose(*slope, atol=1e-5)


def test_all_experts_active_are_their_weighted_sum():
    rule = ExpertRule(count=3, active=3, width=8, scale=2.0)
    about = Description(
        vocabulary=9, width=6, depth=1, heads=1, perceptron=8, length=4, activation="silu", experts=rule
    )
    mixture, x = ExpertMixture(about, jr.key(0)), jr.normal(jr.key(1), (2, 4, 6))
    weights = jax.nn.softmax(x @ mixture.router, -1) * 2
    parts = [(jax.nn.silu(x @ mixture.gate[e]) * (x @ mixture.up[e])) @ mixture.down[e] for e in range(3)]
    expected = sum(weights[..., e, None] * part for e, part in enumerate(parts))
    np.testing.assert_allclose(mixture(x)[0], expected, rtol=1e-4, atol=1e-9)


def test_the_bias_chooses_and_does_not_weigh():
    rule = ExpertRule(count=4, active=2, width=8, router="sigmoid", groups=2, best_groups=1, scale=2.5)
    logits = jnp.array([[2.0, 1.0, 1.5, 1.4]])
    chosen, weights, _ = route(logits, jnp.array([0.0, 0.0, 0.1, 0.1]), rule)
    # Groups score .88 + .73 and .92 + .90: the second wins, though the best expert is in the first.
    assert sorted(chosen[0].tolist()) == [2, 3]
    scores = 1 / (1 + np.exp(-np.array([1.5, 1.4])))
    np.testing.assert_allclose(weights[0], 2.5 * scores / scores.sum(), rtol=1e-6)
    assert route(logits, None, rule)[0].tolist() == [[2, 3]]


@pytest.mark.parametrize(("share", "loss"), [([0.25] * 4, 1.0), ([1.0, 0, 0, 0], 4.0)])
def test_the_balance_loss_runs_from_one_to_the_number_of_experts(share, loss):
    assert float(balance_loss(Load(jnp.array(share), jnp.array(share)))) == pytest.approx(loss)


def test_the_bias_moves_against_the_load_until_experts_are_used_alike():
    rule, bias = ExpertRule(count=4, active=1, width=8, router="sigmoid"), jnp.zeros(4)
    logits = jr.normal(jr.key(0), (2000, 4)) + jnp.array([1.0, 0.0, 0.0, -1.0])
    first = route(logits, bias, rule)[2].share
    for _ in range(120):
        bias = balanced_bias(bias, route(logits, bias, rule)[2], step=0.01)
    last = route(logits, bias, rule)[2].share
    # Steps of .01 leave the shares within a few hundredths of one another; they were .4 apart and more.
    assert np.ptp(first) > 0.4
    assert np.ptp(last) < 0.05
