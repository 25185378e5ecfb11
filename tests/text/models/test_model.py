"""The transformer against slow ways to the same numbers: one text at a time, without a memory, layer by layer."""

import functools
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.text.files import load
from ceteris.text.models import Description, LanguageModel, LatentRule
from ceteris.text.models.attention import numbers_remembered
from published import folder_of, truth

DECODERS = ["gpt2", "qwen2-window", "qwen3", "mixtral", "deepseek-yarn"]  # learnt places, windows, norms, experts, MLA
T = 8
# The same sums in another order, on numbers of order one: some tens of units in the last place of single precision.
CLOSE = dict(rtol=0, atol=2e-5)


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return functools.cache(lambda name: load(folder_of(name, root), dtype="float32").model)


@eqx.filter_jit
def outputs_of(model, tokens, mask=None, others=None):
    return model(tokens, mask, **(others or {}))


@eqx.filter_jit
def read(model, tokens, cache, mask=None):
    return model.read(tokens, cache, mask)


def texts(model, rows=3, length=T, seed=0):
    return np.random.default_rng(seed).integers(3, model.description.vocabulary, (rows, length))


# ------------------------------------------------------------------------------------------------- padding, packing


@pytest.mark.parametrize("name", ["bert-masked", "roberta-masked", "gpt2", "deepseek-yarn"])
def test_a_padded_text_gives_what_it_gives_alone(named, name):
    model = named(name)
    tokens, short = texts(model), 5
    mask = np.arange(T) < np.array([T, short, 1])[:, None]
    tokens = np.where(mask, tokens, model.description.pad)
    together = outputs_of(model, tokens, mask)
    np.testing.assert_allclose(together[1, :short], outputs_of(model, tokens[1:2, :short])[0], **CLOSE)


def test_a_padded_source_gives_what_it_gives_alone(named):
    model = named("t5-gated")
    tokens, targets, short = texts(model), texts(model, seed=1), 5
    mask = np.arange(T) < np.array([T, short, 1])[:, None]
    together = outputs_of(model, tokens, mask, {"targets": targets})
    alone = outputs_of(model, tokens[1:2, :short], None, {"targets": targets[1:2]})
    np.testing.assert_allclose(together[1], alone[0], **CLOSE)


@pytest.mark.parametrize("name", ["gpt2", "qwen2-window", "bert-masked"])
def test_packed_documents_give_what_they_give_apart(named, name):
    model = named(name)
    tokens = texts(model, rows=1)
    documents, positions = np.array([[0, 0, 0, 1, 1, 1, 1, 1]]), np.array([[0, 1, 2, 0, 1, 2, 3, 4]])
    packed = outputs_of(model, tokens, None, {"documents": documents, "positions": positions})
    apart = [outputs_of(model, tokens[:, part]) for part in (slice(0, 3), slice(3, 8))]
    np.testing.assert_allclose(packed, jnp.concatenate(apart, 1), **CLOSE)


# ---------------------------------------------------------------------------------------------------- what is seen


@pytest.mark.parametrize("name", DECODERS)
def test_what_comes_later_changes_nothing_before(named, name):
    model = named(name)
    tokens = texts(model)
    later = tokens.copy()
    later[:, 5:] = texts(model, seed=1)[:, 5:]
    before, after = outputs_of(model, tokens), outputs_of(model, later)
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert np.abs(before[:, 5:] - after[:, 5:]).max() > 0.1


def test_what_comes_later_in_a_target_changes_nothing_before(named):
    model = named("t5-gated")
    tokens, targets = texts(model), texts(model, seed=1)
    later = targets.copy()
    later[:, 5:] = tokens[:, 5:]
    before, after = (outputs_of(model, tokens, None, {"targets": some}) for some in (targets, later))
    np.testing.assert_array_equal(before[:, :5], after[:, :5])


def test_a_window_of_four_reaches_three_tokens_back_in_each_layer(named):
    model = named("mistral")
    depth, window = model.description.depth, model.description.window
    far = depth * (window - 1)  # a layer hands on what the one below saw
    tokens = texts(model, rows=1)
    other = tokens.copy()
    other[0, 0] = 3 if tokens[0, 0] != 3 else 4
    moved = np.abs(outputs_of(model, tokens) - outputs_of(model, other))[0].max(-1)
    assert (moved[: far + 1] > 0).all()
    assert (moved[far + 1 :] == 0).all()


# --------------------------------------------------------------------------------------------------------- the memory


@pytest.mark.parametrize("name", DECODERS)
def test_what_is_read_bit_by_bit_gives_what_it_gives_at_once(named, name):
    """With latent attention this holds the folded products against the unfolded ones."""
    model = named(name).apart()
    tokens = texts(model)
    cache, found = model.start(3, T), []
    for piece in (tokens[:, :4], tokens[:, 4:5], tokens[:, 5:6], tokens[:, 6:7], tokens[:, 7:]):
        out, cache = read(model, piece, cache)
        found.append(out)
    np.testing.assert_allclose(jnp.concatenate(found, 1), outputs_of(named(name), tokens), **CLOSE)


@pytest.mark.parametrize("name", DECODERS)
def test_texts_filled_up_on_the_left_give_what_they_give_alone(named, name):
    model = named(name).apart()
    tokens, padding = texts(model), np.array([0, 2, 3])
    mask = np.arange(4) >= padding[:, None]
    first, cache = read(model, np.where(mask, tokens[:, :4], 0), model.start(3, T), mask)
    second, _ = read(model, tokens[:, 4:5], cache)
    for row, gap in enumerate(padding):
        alone = outputs_of(named(name), tokens[row : row + 1, gap:5])[0]
        np.testing.assert_allclose(first[row, gap:], alone[:-1], **CLOSE)
        np.testing.assert_allclose(second[row, 0], alone[-1], **CLOSE)


@pytest.mark.parametrize("form", ["apart", "together"])
def test_a_target_read_token_by_token_gives_what_it_gives_at_once(named, form):
    model = named("t5-gated")
    model = model.apart() if form == "apart" else model
    tokens, targets = texts(model), texts(model, seed=1, length=4)
    mask = np.arange(T) < np.array([T, 5, 1])[:, None]
    at_once = outputs_of(named("t5-gated"), tokens, mask, {"targets": targets})
    cache, found = eqx.filter_jit(type(model).start)(model, 3, 4, tokens, mask), []
    for t in range(4):
        out, cache = read(model, targets[:, t : t + 1], cache)
        found.append(out)
    np.testing.assert_allclose(jnp.concatenate(found, 1), at_once, **CLOSE)


def test_more_than_there_is_room_for_is_no_number(named):
    model = named("gpt2").apart()
    first, cache = read(model, texts(model, length=4), model.start(3, 6))
    second, _ = read(model, texts(model, length=4), cache)
    assert np.isfinite(first).all()
    assert np.isnan(second).all()


def test_figures_of_what_is_remembered():
    """004, section 6.3: 2 n d for all heads, 9/2 d in DeepSeek's latent attention, in elements and not in bytes."""
    deepseek = Description(
        vocabulary=9, width=7168, depth=1, heads=128, perceptron=9, length=9, positions="rotary",
        latent=LatentRule(rank=512, query_rank=1536, plain=128, turned=64, value=128),
    )  # fmt: skip
    assert numbers_remembered(deepseek) == 9 / 2 * 128 == 576
    every = Description(vocabulary=9, width=4096, depth=1, heads=32, perceptron=9, length=9)
    assert numbers_remembered(every) == 8192
    small = replace(deepseek, width=32, heads=4, latent=LatentRule(16, None, 8, 4, 8))
    memory = eqx.filter_eval_shape(lambda: LanguageModel(small, key=jax.random.key(0)).start(1, 1)).memories
    assert sum(leaf.size for leaf in jax.tree.leaves(memory)) == 16 + 4


# -------------------------------------------------------------------------------------------- forms of one model


@pytest.mark.parametrize("name", ["qwen2-window", "deepseek-yarn", "t5-gated"])
def test_layers_apart_are_the_layers_together(named, name):
    model = named(name)
    tokens = texts(model)
    others = {"targets": tokens} if name.startswith("t5") else {}
    for one, other in zip(jax.tree.leaves(model), jax.tree.leaves(model.apart().together()), strict=True):
        np.testing.assert_array_equal(one, other)
    # Not to the bit: the compiler joins other operations when it sees all layers at once.
    apart = outputs_of(model.apart(), tokens, None, others)
    np.testing.assert_allclose(apart, outputs_of(model, tokens, None, others), **CLOSE)


@eqx.filter_jit
def slope_of(model, tokens, frugal):
    return eqx.filter_value_and_grad(lambda m: jnp.mean(jnp.sin(m(tokens, frugal=frugal))))(model)


def test_frugal_is_the_same_function(named):
    model = named("gpt2")
    tokens = texts(model)
    for one, other in zip(*(jax.tree.leaves(slope_of(model, tokens, frugal)) for frugal in (False, True)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["gpt2", "deepseek-yarn"])
def test_half_precision_is_near(named, name):
    """Eight bits behind the leading one: relative errors of 1/256 per operation, on logits of order one to three."""
    model = named(name)
    half = jax.tree.map(lambda a: a.astype(jnp.bfloat16), model)
    tokens = texts(model)
    full, rough = outputs_of(model, tokens), outputs_of(half, tokens)
    assert rough.dtype == jnp.bfloat16
    errors = np.sqrt(np.mean((full - rough.astype(np.float32)) ** 2, -1))
    assert np.median(errors) < 0.05 * full.std()  # the median: where two experts score alike, another may be chosen


def test_dropping_needs_a_key_and_keeps_the_mean(named):
    model = named("bert")
    tokens = texts(model, rows=1)
    plain = outputs_of(model, tokens)
    np.testing.assert_array_equal(plain, outputs_of(model, tokens))
    drawn = jnp.stack([outputs_of(model, tokens, None, {"key": jax.random.key(i)}) for i in range(50)])
    error = np.abs(drawn.mean(0) - plain).mean() / drawn.std(0).mean()
    assert 0 < error < 0.5  # of an average of 50, whose error is .14; a net is not linear, so that some bias is left


def test_an_encoder_decoder_reads_two_texts_and_others_one(named):
    with pytest.raises(ValueError, match=r"targets is None, but must be an array of tokens"):
        named("t5-gated")(texts(named("t5-gated")))
    with pytest.raises(ValueError, match=r"targets is given, but must be None"):
        named("gpt2")(texts(named("gpt2")), targets=texts(named("gpt2")))


def test_the_last_vectors_are_those_after_the_final_norm(named):
    """What the family calls its last hidden state is what its head reads."""
    model = named("llama-bare")
    found = outputs_of(model, truth("llama-bare", "tokens"), truth("llama-bare", "mask") == 1)
    np.testing.assert_allclose(found[0], truth("llama-bare", "logits")[0], rtol=0, atol=2e-5)
