"""The step rule: what decays, what Muon moves, and how; and the scaling law."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from ceteris.text.models import Description, LanguageModel
from ceteris.text.pretrain import described, language_optimiser, power_law
from ceteris.text.pretrain.rules import LAYERS

TINY = Description(vocabulary=9, width=8, depth=3, heads=2, perceptron=16, length=8)


def moved(name, gradients, **others):
    """How the weights move from the second update on, when the rate is no longer zero."""
    model = eqx.filter(LanguageModel(TINY, key=jr.key(0)), eqx.is_inexact_array)
    rule = language_optimiser(name, 0.1, 10, clip=None, **others)()
    memory = rule.init(model)
    for _ in range(2):
        moves, memory = rule.update(gradients(model), memory, model)
    leaves = jax.tree_util.tree_leaves_with_path(moves)
    weights = jax.tree_util.tree_leaves_with_path(model)
    names = [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in leaves]
    return {name: (a, w) for name, (_, a), (_, w) in zip(names, leaves, weights, strict=True)}


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_matrices_decay_and_vectors_do_not(name):
    for path, (move, weight) in moved(name, lambda m: jax.tree.map(jnp.zeros_like, m), weight_decay=0.5).items():
        vector = path.endswith(("bias", "scale", "shift"))
        expected = jnp.zeros_like(weight) if vector else -0.1 * 0.5 * weight
        np.testing.assert_allclose(move, expected, atol=1e-7, err_msg=path)  # single precision


def test_muon_moves_the_matrix_of_each_layer_along_an_orthogonal_one():
    keys = iter(jr.split(jr.key(1), 100))
    draw = lambda m: jax.tree.map(lambda a: jr.normal(jr.key(a.size), a.shape), m)
    del keys
    found = moved("muon", draw, weight_decay=0.0)
    plain = optax.contrib.muon(0.1, consistent_rms=0.2)
    move, weight = found["decoder.groups.0.forward.up.weight"]
    gradient = jr.normal(jr.key(weight.size), weight.shape)
    for layer in range(3):
        memory = plain.init(weight[layer])
        for _ in range(2):
            alone, memory = plain.update(gradient[layer], memory, weight[layer])
        np.testing.assert_allclose(move[layer], alone, atol=2e-6)  # sums in another order
        sizes = np.linalg.svd(move[layer], compute_uv=False)
        assert sizes.max() / sizes.min() < 2, "five Newton-Schulz steps leave singular values between .7 and 1.2"
    move, _ = found["tokens"]  # Adam's second move with one gradient is its sign, times the rate
    np.testing.assert_allclose(jnp.abs(move), 0.1, rtol=1e-3)


def test_a_rule_is_compared_by_value():
    a, b = (language_optimiser("muon", 1e-3, 100) for _ in range(2))
    assert eqx.tree_equal(a, b)
    assert LAYERS


@pytest.mark.parametrize(("size", "weights"), [("tiny", 1.0e6), ("small", 1.0e7), ("gpt2", 1.24e8)])
def test_sizes_are_what_they_say(size, weights):
    about = described(size, "decoder", {"tiny": 2_000, "small": 8_000, "gpt2": 50_257}[size], 256)
    model = jax.eval_shape(lambda: eqx.filter(LanguageModel(about, key=jr.key(0)), eqx.is_array))
    count = sum(leaf.size for leaf in jax.tree.leaves(model))
    assert abs(count / weights - 1) < 0.1


def test_the_law_is_found_again_and_foretells():
    t = np.linspace(50, 1000, 20)
    luck = np.random.default_rng(0).normal(size=20) * 0.002
    law = power_law(t, 2 + 30 * t**-0.6 + luck)
    # at twice the steps, with noise of .002 at each look, the law of 20 looks is known to about that much
    assert abs(float(law(2000)) - (2 + 30 * 2000**-0.6)) < 0.02
    exact = power_law(t, 1.5 + 7 * t**-0.31)
    np.testing.assert_allclose(exact, (1.5, 7, 0.31), rtol=1e-2)  # the grid of exponents is fine, not endless
    flat = power_law(t, np.full(20, 2.0))
    assert abs(float(flat(5000)) - 2) < 1e-9
    with pytest.raises(ValueError, match="t holds 2 steps, but must hold at least 3"):
        power_law(t[:2], t[:2])
