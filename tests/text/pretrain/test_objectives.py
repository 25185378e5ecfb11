"""Losses against slow routes and closed forms, corruptions against what they promise."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from ceteris.engine import fit
from ceteris.recipe import Descend, Streamed
from ceteris.text.models import Description, LanguageModel
from ceteris.text.pretrain import HeldOutWindows, MaskingRule, NextToken, cross_entropy, language_optimiser, losses
from ceteris.text.pretrain.corruption import masked, paired, span_counts, spans_cut


@pytest.mark.parametrize("at_once", [2**25, 40])  # one block; four, the last of them not full
def test_cross_entropy_and_its_gradients_are_those_of_the_slow_route(at_once, monkeypatch):
    monkeypatch.setattr(losses, "AT_ONCE", at_once)
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x, W, bias, weights = (jnp.array(rng.normal(size=s)) for s in ((13, 6), (11, 6), (11,), (13,)))
        y = jnp.array(rng.integers(0, 11, 13))

        def slow(x, W, bias):
            return 2 * jnp.sum(weights * optax.softmax_cross_entropy_with_integer_labels(x @ W.T + bias, y))

        fast = lambda *given: 2 * cross_entropy(*given, y, weights)[0]
        ours, gradients = jax.value_and_grad(fast, (0, 1, 2))(x, W, bias)
        theirs, slowly = jax.value_and_grad(slow, (0, 1, 2))(x, W, bias)
        # logits are kept in single precision: 24 bits, and a few operations
        np.testing.assert_allclose([ours, fast(x, W, bias)], theirs, rtol=2e-6)
        for a, b in zip(gradients, slowly, strict=True):
            np.testing.assert_allclose(a, b, atol=3e-6)
        right = cross_entropy(x, W, bias, y, jnp.ones(13))[1]
        assert float(right) == float(jnp.sum(jnp.argmax(x @ W.T + bias, -1) == y))


def test_masks_are_as_many_as_promised_and_new_each_time():
    rule = MaskingRule(mask=4, vocabulary=1000, specials=(0, 1, 2, 3, 4))
    tokens = jnp.array(np.random.default_rng(0).integers(5, 1000, (50, 200))).at[:, 0].set(2)
    found = masked(jr.key(0), tokens, rule)
    assert found.targets.shape == (50, 30)
    assert bool((found.weights == 1).all())
    assert not bool((found.at == 0).any()), "a special token is never hidden"
    rows = jnp.arange(50)[:, None]
    assert bool((tokens[rows, found.at] == found.targets).all())
    untouched = jnp.ones_like(tokens, bool).at[rows, found.at].set(False)
    assert bool(((found.tokens == tokens) | ~untouched).all())
    new = found.tokens[rows, found.at]
    hidden, kept = float((new == 4).mean()), float((new == found.targets).mean())
    # 1,500 draws: three standard errors of .8 and of .1 are .031 and .023
    assert abs(hidden - 0.8) < 0.031
    assert abs(kept - 0.1) < 0.023
    assert not bool((masked(jr.key(1), tokens, rule).at == found.at).all())


def test_texts_with_too_little_to_hide_weigh_nothing():
    found = masked(jr.key(0), jnp.array([[0, 1, 2, 9] * 5]), MaskingRule(3, 10, (0, 1, 2, 3), share=0.5))
    assert found.weights.sum() == 5
    assert bool((found.targets[found.weights > 0] == 9).all())


def test_half_of_the_pairs_belong_together():
    tokens = jnp.arange(80).reshape(8, 10) + 10
    pairs, segments, labels = paired(jr.key(0), tokens, 1, 2)
    assert pairs.shape == (8, 13)
    assert labels.tolist().count(1) == 4
    for row, label in enumerate(labels.tolist()):
        A, B = pairs[row, 1:6], pairs[row, 7:12]
        assert (pairs[row, [0, 6, 12]].tolist(), A.tolist()) == ([1, 2, 2], tokens[row, :5].tolist())
        assert B.tolist() == tokens[row - label, 5:].tolist()
    assert segments[0].tolist() == [0] * 7 + [1] * 6


def test_spans_have_the_published_lengths_and_make_the_text_again():
    noise, spans = span_counts(568, 0.15, 3.0)
    assert (568 - noise + spans + 1, noise + spans + 1) == (512, 114)  # T5's inputs and targets
    tokens = jnp.array(np.random.default_rng(0).integers(0, 900, (20, 40)))
    sentinels = tuple(range(999, 979, -1))
    noise, spans = span_counts(40, 0.3, 3.0)
    sources, targets = spans_cut(jr.key(0), tokens, sentinels, 950, 0.3, 3.0)
    assert sources.shape == (20, 40 - noise + spans + 1)
    assert targets.shape == (20, noise + spans + 1)
    for text, left, cut in zip(tokens.tolist(), sources.tolist(), targets.tolist(), strict=True):
        assert (left[-1], cut[-1]) == (950, 950)
        missing, span = {}, []
        for token in cut[:-1]:
            span = missing.setdefault(token, []) if token >= 980 else span
            span += [token] if token < 980 else []
        assert list(missing) == list(sentinels[:spans])
        mended = [one for token in left[:-1] for one in missing.get(token, [token])]
        assert mended == text
    starts = {row.tolist().index(999) for row in sources}
    assert len(starts) > 5, "where the first span is differs from text to text"


TINY = Description(vocabulary=8, width=32, depth=1, heads=2, perceptron=64, length=32)


def test_a_decoder_learns_a_markov_chain_to_its_entropy():
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.full(8, 0.3), 8)
    chain = np.empty(60_000, np.int32)
    chain[0] = 0
    luck, steps = rng.random(len(chain)), P.cumsum(1)
    for t in range(1, len(chain)):
        chain[t] = min(np.searchsorted(steps[chain[t - 1]], luck[t]), 7)
    windows = chain[: len(chain) // 33 * 33].reshape(-1, 33)
    learnt, aside = windows[:1600], windows[1600:].reshape(-1, 1, 33)[:160].reshape(10, 16, 33)
    pi = np.linalg.matrix_power(P, 1000)[0]
    entropy = -np.sum(pi[:, None] * P * np.log(P))
    feed = lambda t, n: {"tokens": learnt[np.arange(t * 16, (t + n) * 16) % 1600].reshape(n, 16, 33)}
    objective = NextToken(apart=False)
    algorithm = Descend(
        lambda key: LanguageModel(TINY, key=key), objective, Streamed(), language_optimiser("muon", 1e-2, 200),
        heldout=HeldOutWindows(objective, {"tokens": aside}),
    )  # fmt: skip
    run = fit(algorithm, jr.key(0), steps=200, every=100, feed=feed)
    # the entropy rate is the floor; 5,120 held-out tokens have a standard error of about .012
    assert abs(run.metrics["heldout"][-1] - entropy) < 0.06
    assert run.metrics["heldout"][0] > run.metrics["heldout"][-1] - 0.05


def test_documents_of_a_window_do_not_see_each_other():
    tokens, documents = jnp.array([[1, 2, 3, 4, 5, 6, 7]]), jnp.array([[0, 0, 0, 0, 1, 1, 1]])
    model = LanguageModel(TINY, key=jr.key(0))
    loss = lambda tokens, apart: NextToken(apart)(model, {"tokens": tokens, "documents": documents}, jr.key(0))[0]
    nats = lambda apart: float(loss(tokens, apart))
    assert nats(True) != nats(False)
    parts = [tokens[:, :5], tokens[:, 4:]]
    read = lambda part, at: model(part[:, :-1], positions=jnp.arange(part.shape[1] - 1) + at)
    logits = [read(part, at) for part, at in zip(parts, (0, 4), strict=True)]
    nll = optax.softmax_cross_entropy_with_integer_labels
    each = [nll(z, part[:, 1:]) for z, part in zip(logits, parts, strict=True)]
    assert abs(nats(True) - float(jnp.concatenate(each, 1).mean())) < 1e-6  # single precision
