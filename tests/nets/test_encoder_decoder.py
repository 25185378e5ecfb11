"""Encoder and decoder: what is written step by step is what teacher forcing says, and beams find the likeliest."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from ceteris.nets import EncoderDecoder
from ceteris.nets.encoder_decoder import END, START, written

SORTS = {"lstm": {}, "without": {"score": None}, "transformer": {"kind": "transformer", "heads": 2}}


def built(sort, sources=6, targets=5, width=8):
    net = EncoderDecoder(sources, targets, width, key=jr.key(0), **SORTS[sort])
    # sharper than at first, so that beginnings differ in what follows
    return jax.tree.map(lambda a: a + 0.7 * jr.normal(jr.key(9), a.shape, a.dtype), net)


@pytest.mark.parametrize("sort", ["lstm", "transformer"])
def test_beams_find_the_likeliest_of_all_targets_and_one_beam_is_greedy(sort):
    net, source, mask = built(sort), jnp.array([2, 5, 4, 0]), jnp.array([True, True, True, False])
    length, words = 3, [2, 3, 4]
    # every target of at most three codes, END included where it fits
    targets = [t for n in range(length) for t in itertools.product(words, repeat=n)]
    whole = [(*t, END) for t in targets] + list(itertools.product(words, repeat=length))
    padded = jnp.array([[*t, *(END,) * (length - len(t))] for t in whole])
    sizes = jnp.array([len(t) for t in whole])
    inputs = jnp.concatenate([jnp.full((len(whole), 1), START), padded[:, :-1]], 1)
    repeat = lambda a: jnp.broadcast_to(a, (len(whole), *a.shape))
    logits = eqx.filter_jit(net)(repeat(source), inputs, repeat(mask))
    each = jnp.take_along_axis(jax.nn.log_softmax(logits), padded[..., None], -1)[..., 0]
    likelihoods = np.asarray(jnp.sum(jnp.where(jnp.arange(length) < sizes[:, None], each, 0), 1))
    write = eqx.filter_jit(written)
    codes, likelihood = write(net, source, mask, length, 45)
    best = int(np.argmax(likelihoods))
    np.testing.assert_array_equal(codes, padded[best])
    assert likelihood == pytest.approx(likelihoods[best], abs=1e-4)
    greedy, likelihood = write(net, source, mask, length, 1)
    at = next(i for i, t in enumerate(padded) if np.array_equal(t, greedy))
    assert likelihood == pytest.approx(likelihoods[at], abs=1e-4)
    first = np.asarray(jax.nn.log_softmax(logits[0, 0]).at[START].set(-jnp.inf))
    assert greedy[0] == np.argmax(first)


@pytest.mark.parametrize("sort", ["lstm", "transformer"])
def test_padding_of_the_source_changes_nothing(sort):
    net, target = built(sort), jnp.array([[START, 3, 2]])
    run = eqx.filter_jit(net)
    short = run(jnp.array([[2, 5]]), target, jnp.ones((1, 2), bool))
    long = run(jnp.array([[2, 5, 4, 3]]), target, jnp.array([[True, True, False, False]]))
    np.testing.assert_allclose(long, short, atol=3e-5)


def test_without_attention_there_is_nothing_to_align_and_with_it_weights_sum_to_one():
    source, target = jnp.array([[2, 5, 3]]), jnp.array([[START, 3]])
    weights = built("lstm").alignment(source, target, jnp.array([[True, True, False]]))
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
    np.testing.assert_array_equal(weights[..., 2], 0)
    with pytest.raises(ValueError, match="but must be LSTMs with attention"):
        built("without").alignment(source, target)


def test_wrong_settings_are_answered_in_a_sentence():
    with pytest.raises(ValueError, match="kind is 'rnn', but must be one of lstm, transformer"):
        EncoderDecoder(5, 5, kind="rnn", key=jr.key(0))
    with pytest.raises(ValueError, match="targets is 2, but must be a whole number of at least 3"):
        EncoderDecoder(5, 2, key=jr.key(0))


@pytest.mark.slow
def test_it_learns_to_turn_round_what_it_reads_and_looks_where_it_should():
    n, S = 64, 6
    net, adam = EncoderDecoder(10, 10, 32, key=jr.key(0)), optax.adam(5e-3)

    def drawn(key):
        source = jr.randint(key, (n, S), 2, 10)
        back = source[:, ::-1]
        return (
            source,
            jnp.concatenate([jnp.full((n, 1), START), back], 1),
            jnp.concatenate([back, jnp.full((n, 1), END)], 1),
        )

    def loss(net, key):
        source, given, wanted = drawn(key)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(net(source, given), wanted))

    @jax.jit
    def train(net, state):
        def step(carry, key):
            net, state = carry
            moves, state = adam.update(jax.grad(loss)(net, key), state)
            return (optax.apply_updates(net, moves), state), None

        return jax.lax.scan(step, (net, state), jr.split(jr.key(1), 800))[0]

    net, _ = train(net, adam.init(net))
    source, given, wanted = drawn(jr.key(2))
    codes, _ = jax.jit(jax.vmap(lambda s: written(net, s, jnp.ones(S, bool), S + 1, 2)))(source)
    assert np.mean(np.all(codes == wanted, axis=1)) > 0.97
    weights = net.alignment(source, given)[:, :S]
    assert np.mean(np.argmax(weights, -1) == np.arange(S)[::-1]) > 0.5  # the encoder's neighbours know as well
