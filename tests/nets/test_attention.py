"""Attention and transformers: PyTorch's outputs and gradients, the numbers of the sources, masks, memories, order."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import torch_sequences as truth
from ceteris.engine import precision
from ceteris.nets import (
    SCORES,
    Alignment,
    Embedding,
    MultiHead,
    Transformer,
    TransformerBlock,
    attend,
    attention_weights,
    rotary,
    sinusoidal,
)

HEADS = {"q": "query", "k": "key", "v": "value", "o": "output"}
PIECES = {"W": "weight", "b": "bias"}


def heads_of(w, at=""):
    return {f"{at}{HEADS[h]}__{PIECES[p]}": w[p + h] for h in HEADS for p in PIECES}


@pytest.mark.parametrize("digits", truth.PRECISIONS)
@pytest.mark.parametrize("name", ["self", "cross"])
def test_several_heads_are_torchs(name, digits):
    with precision(digits):
        tolerance, w = truth.PRECISIONS[digits], truth.part(name)
        cross = name == "cross"
        net = MultiHead(8, 2, 3 if cross else None, causal=not cross, key=jr.key(0))
        net = truth.replaced(net, **heads_of(w))
        run = lambda net, x, context: net(x, context if cross else None, w["mask"])
        outputs, d, (dx, dcontext) = truth.gradients(run, net, w["x"], w["context"])
        truth.close(outputs, w["outputs"], tolerance)
        truth.close(net.weights(w["x"], w["context"] if cross else None, w["mask"]), w["weights"], tolerance)
        truth.close(dx, w["dx"], tolerance)
        if cross:
            truth.close(dcontext, w["dcontext"], tolerance)
        for head, part in HEADS.items():
            truth.close(getattr(d, part).weight, w[f"dW{head}"], tolerance)
            truth.close(getattr(d, part).bias, w[f"db{head}"], tolerance)


@pytest.mark.parametrize(("name", "digits"), [("encoder", "double"), ("decoder", "double"), ("decoder", "single")])
def test_a_block_is_torchs_layer_with_normalisation_first(name, digits):
    with precision(digits):
        tolerance, w = truth.PRECISIONS[digits], truth.part(name)
        decoder = name == "decoder"
        parts = {"attention__": truth.part(f"{name}/own")} | (
            {"cross__": truth.part(f"{name}/other")} if decoder else {}
        )
        given = {path: array for at, part in parts.items() for path, array in heads_of(part, at).items()}
        for i in range(3 if decoder else 2):
            norm = truth.part(f"{name}/norm{i}")
            given |= {f"norms__{i}__scale": norm["scale"], f"norms__{i}__shift": norm["shift"]}
        for part in ("up", "down"):
            stored = truth.part(f"{name}/{part}")
            given |= {f"{part}__weight": stored["W"], f"{part}__bias": stored["b"]}
        net = TransformerBlock(8, 2, 12, causal=True, context_size=8 if decoder else None, key=jr.key(0))
        net = truth.replaced(net, **given)
        run = lambda net, x, context: net(x, context=net.remember(context) if decoder else None)
        outputs, d, (dx, dcontext) = truth.gradients(run, net, w["x"], w["context"] if decoder else w["x"])
        truth.close(outputs, w["outputs"], tolerance)
        truth.close(dx, w["dx"], tolerance)
        if decoder:
            truth.close(dcontext, w["dcontext"], tolerance)
        for path in given:
            at, _, piece = path.rpartition("__")
            head = {v: k for k, v in HEADS.items()}.get(at.rpartition("__")[2], "")
            place = {"attention": "own", "cross": "other"}.get(at.split("__")[0], at.replace("norms__", "norm"))
            name_of = {"weight": "W", "bias": "b"}.get(piece, piece)
            truth.close(truth._at(d, path), truth.part(f"{name}/{place}")[f"d{name_of}{head}"], tolerance)


@pytest.mark.parametrize("score", SCORES)
def test_each_of_the_six_scores_is_its_formula_differentiated_by_torch(score):
    with precision("double"):
        w = truth.part("scores")
        net = Alignment(3, 3, score, width=6, length=5, key=jr.key(0))
        if net.weight is not None:
            net = truth.replaced(net, weight=w[f"{score}_W"])
        if net.direction is not None:
            net = truth.replaced(net, direction=w["additive_v"])
        outputs, _, (ds, dh) = truth.gradients(lambda net, s, h: net(s, h)[0], net, w["s"], w["h"])
        for found, name in ((outputs, "outputs"), (ds, "ds"), (dh, "dh")):
            truth.close(found, w[f"{score}_{name}"], 1e-9)  # the cosine's 1e-12 under the root is ours


@pytest.mark.parametrize("score", SCORES)
def test_keys_that_are_masked_have_no_weight_whatever_they_hold(score):
    net = Alignment(3, 3, score, length=9, key=jr.key(0))
    s, h = jr.normal(jr.key(1), (4, 3)), jr.normal(jr.key(2), (6, 3))
    found, weights = net(s, h)
    padded = jnp.concatenate([h, jnp.full((2, 3), jnp.nan)])
    again, more = net(s, padded, mask=jnp.arange(8) < 6)
    truth.close(again, found, 1e-6)
    truth.close(more, jnp.pad(weights, ((0, 0), (0, 2))), 1e-6)
    np.testing.assert_array_equal(net(s, padded, mask=jnp.zeros(8, bool))[0], 0)


def test_the_softmax_that_the_script_works_out():
    # 000, section 1.11.4 prints (0.405, 0.182, 0.448), which sums to 1.035
    weights = attention_weights(jnp.array([0.9, 0.1, 1.0]))
    np.testing.assert_allclose(weights, [0.3915, 0.1759, 0.4326], atol=5e-5)


def test_the_mask_is_a_weight_of_zero_not_a_score():
    # 004, section 6.3.2 prints w = q'k or -∞ for the weights: these are the scores, without their scale
    q, k = jr.normal(jr.key(0), (2, 4, 3))
    _, weights = attend(q, k, k, jnp.tri(4, dtype=bool))
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
    np.testing.assert_array_equal(np.triu(weights, 1), 0)
    np.testing.assert_allclose(weights[3], jax.nn.softmax(q[3] @ k.T / np.sqrt(3)), atol=1e-6)


def test_rotations_are_products_of_complex_numbers_as_torch_has_them():
    with precision("double"):
        w = truth.part("rotary")
        truth.close(rotary(w["x"], w["at"]), w["outputs"], 1e-10)


def test_positional_codes_are_the_formula():
    t, width = np.arange(50)[:, None], 10
    turns = t / 10_000 ** (2 * np.arange(5) / width)
    expected = np.empty((50, 10))
    expected[:, 0::2], expected[:, 1::2] = np.sin(turns), np.cos(turns)
    np.testing.assert_allclose(sinusoidal(jnp.arange(50), width), expected, atol=1e-5)
    # the code of t + 1 is the code of t turned, whatever t is: that is what makes distances readable
    codes = sinusoidal(jnp.arange(51), width)
    np.testing.assert_allclose(rotary(codes[:-1], -jnp.ones(50)), codes[1:], atol=1e-5)


TRANSFORMERS = {p: {"positions": p, "length": 20} for p in ("sinusoidal", "rotary", "learnt", "none")}


def built(positions="sinusoidal", **options):
    return Transformer(3, 8, 2, 2, positions=positions, length=20, key=jr.key(0), **options)


@pytest.mark.parametrize("positions", TRANSFORMERS)
def test_read_with_memory_is_read_without_it(positions):
    net, x = built(positions, causal=True, context_size=5), jr.normal(jr.key(1), (2, 9, 3))
    context, mask = jr.normal(jr.key(2), (2, 4, 5)), jnp.arange(4) < jnp.array([[4], [2]])
    expected = jax.jit(lambda net: net(x, context=context, context_mask=mask))(net)
    read, remembered = eqx.filter_jit(net.read), net.remember(context, mask)
    state, outputs = net.start(9, (2,)), []
    for pieces in range(3):
        y, state = read(x[:, 3 * pieces : 3 * pieces + 3], state, None, remembered)
        outputs.append(y)
    truth.close(jnp.concatenate(outputs, 1), expected, 1e-5)
    y, _ = read(x[:, :3], state, None, remembered)
    assert np.all(np.isnan(y))  # there was room for nine


def test_a_prompt_that_is_masked_in_its_beginning_is_read_as_if_it_were_not_there():
    net, x = built("rotary", causal=True), jr.normal(jr.key(1), (1, 5, 3))
    wide = jnp.full((1, 8, 3), jnp.nan).at[:, 3:].set(x)
    mask = jnp.arange(8)[None] >= 3
    truth.close(net(wide, mask)[:, 3:], net(x), 1e-5)  # rotations know distances only
    y, state = net.read(wide[:, :6], net.start(8, (1,)), mask[:, :6])
    z, _ = net.read(wide[:, 6:], state, mask[:, 6:])
    truth.close(jnp.concatenate([y[:, 3:], z], 1), net(x), 1e-5)


def test_the_future_changes_the_past_by_no_bit():
    x = jr.normal(jr.key(1), (2, 9, 3))
    for positions in ("sinusoidal", "rotary"):
        run = eqx.filter_jit(built(positions, causal=True))
        one, other = run(x), run(x.at[:, 6:].add(100.0))
        np.testing.assert_array_equal(one[:, :6], other[:, :6])
        assert np.all(np.any(one[:, 6:] != other[:, 6:], axis=-1))


def test_without_positions_permuted_elements_give_permuted_outputs_and_with_them_not():
    x, order = jr.normal(jr.key(1), (7, 3)), jr.permutation(jr.key(2), 7)
    run = eqx.filter_jit(built("none"))
    truth.close(run(x[order]), run(x)[order], 2e-6)
    for positions in ("sinusoidal", "rotary", "learnt"):
        run = eqx.filter_jit(built(positions))
        assert np.abs(run(x[order]) - run(x)[order]).max() > 1e-3


def test_padding_changes_nothing_whatever_it_holds():
    net, x = built(), jr.normal(jr.key(1), (5, 3))
    wide = jnp.full((8, 3), jnp.nan).at[:5].set(x)
    run = lambda net, wide: net(wide, jnp.arange(8) < 5)[:5]
    outputs, d, (dx,) = truth.gradients(run, net, wide)
    expected, d_plain, (dx_plain,) = truth.gradients(lambda net, x: net(x), net, x)
    truth.close(outputs, expected, 2e-6)
    truth.close(dx[:5], dx_plain, 2e-6)
    for one, other in zip(jax.tree.leaves(d), jax.tree.leaves(d_plain), strict=True):
        truth.close(one, other, 5e-6)


def test_a_deep_transformer_is_a_program_no_longer_than_a_shallow_one():
    def lines(depth):
        net = Transformer(3, 8, 2, depth, key=jr.key(0))
        return len(jax.jit(lambda net, x: net(x)).lower(net, jnp.ones((1, 4, 3))).as_text().splitlines())

    assert lines(6) == lines(2)


def test_dropout_acts_in_training_only():
    net, x = built(dropout=0.5), jr.normal(jr.key(1), (4, 3))
    assert np.any(net.training(x, jr.key(0))[0] != net.training(x, jr.key(1))[0])
    np.testing.assert_array_equal(net.training(x, None)[0], net(x))


def test_embeddings_are_rows():
    net = Embedding(7, 4, key=jr.key(0))
    np.testing.assert_array_equal(net(jnp.array([[3, 0]])), net.vectors[jnp.array([[3, 0]])])


def test_wrong_settings_are_answered_in_a_sentence():
    key = jr.key(0)
    with pytest.raises(ValueError, match="heads is 3, but must divide the width, 8"):
        MultiHead(8, 3, key=key)
    with pytest.raises(ValueError, match="width is 6, but must be even in each of 2 heads"):
        MultiHead(6, 2, rotary=True, key=key)
    with pytest.raises(ValueError, match="score is 'dots', but must be one of"):
        Alignment(3, 3, "dots", key=key)
    with pytest.raises(ValueError, match="key_size is 4, but must be a whole number of at least 3 and at most 3"):
        Alignment(3, 4, "dot", key=key)
    with pytest.raises(ValueError, match="length is None, but must be a whole number of at least 1"):
        Alignment(3, 3, "location", key=key)
    with pytest.raises(ValueError, match="positions is 'sine', but must be one of"):
        Transformer(3, 8, positions="sine", key=key)
    with pytest.raises(ValueError, match="x has 25 elements, but must have at most 20; raise length"):
        built("learnt")(jnp.ones((25, 3)))
