"""Sparse attention against loops over queries in double precision, and its limit, full attention."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.text.models import Description, LanguageModel, SparseRule
from ceteris.text.models.attention import apart, attend, sight_of
from ceteris.text.models.sparse import SparseAttention

T, BLOCK, CHOSEN, WINDOW = 26, 4, 2, 5  # the last block is not full, the window no multiple of blocks


def about(**rule) -> Description:
    return Description(
        vocabulary=30, width=16, depth=1, heads=4, key_value_heads=2, perceptron=16, length=64, positions="none",
        sparse=SparseRule(**{"block": BLOCK, "chosen": CHOSEN, "window": WINDOW} | rule),
    )  # fmt: skip


def spread(net):
    """Weights of which attention depends on what is asked, unlike those of a model at its start."""
    leaves, form = jax.tree.flatten(net)
    keys = jr.split(jr.key(7), len(leaves))
    return jax.tree.unflatten(form, [a + jr.normal(k, a.shape) * 0.4 for a, k in zip(leaves, keys, strict=True)])


def softmax(scores):
    e = np.exp(scores - scores.max())
    return e / e.sum()


def by_hand(net, x, there, documents):
    """One query, head and view at a time, as the paper has it."""
    x = np.asarray(x, float)
    f = lambda a: x @ np.asarray(a.weight, float) + np.asarray(a.bias, float)
    n, size = len(x), 4
    q, k, v = (f(a).reshape(n, -1, size) for a in (net.maps.query, net.maps.key, net.maps.value))
    gates = 1 / (1 + np.exp(-f(net.gates).reshape(n, 3, 4)))
    wk, wv = (softmax(np.asarray(a, float)) for a in (net.pool_key, net.pool_value))
    blocks = [range(s, min(s + BLOCK, n)) for s in range(0, n, BLOCK)]
    y = np.zeros((n, 4, size))
    for t in np.flatnonzero(there):
        sees = [there[s] and documents[s] == documents[t] and s <= t for s in range(n)]
        whole = [b for b, slots in enumerate(blocks) if len(slots) == BLOCK and all(sees[s] for s in slots)]
        for group in range(2):
            trust = np.array([0.0 if any(sees[s] for s in slots) else -1.0 for slots in blocks])
            trust[t // BLOCK] += 1e3
            for h in (2 * group, 2 * group + 1):
                if whole:
                    mean = lambda a, w, b, group=group: sum(w[i] * a[s, group] for i, s in enumerate(blocks[b]))
                    weights = softmax(np.array([q[t, h] @ mean(k, wk, b) / 2 for b in whole]))
                    y[t, h] += gates[t, 0, h] * sum(w * mean(v, wv, b) for w, b in zip(weights, whole, strict=True))
                    trust[whole] += weights
            best = np.argsort(-trust, kind="stable")[:CHOSEN]
            for h in (2 * group, 2 * group + 1):
                views = {1: [s for b in best for s in blocks[b]], 2: range(max(0, t - WINDOW + 1), t + 1)}
                for view, slots in views.items():
                    slots = [s for s in slots if sees[s]]
                    weights = softmax(np.array([q[t, h] @ k[s, group] / 2 for s in slots]))
                    y[t, h] += gates[t, view, h] * sum(w * v[s, group] for w, s in zip(weights, slots, strict=True))
    return y.reshape(n, -1) @ np.asarray(net.maps.output.weight, float) + np.asarray(net.maps.output.bias, float)


@pytest.mark.parametrize("case", ["whole", "padded", "packed"])
def test_it_is_what_loops_over_queries_give(case):
    description = about()
    net, x = spread(SparseAttention(description, jr.key(0))), jr.normal(jr.key(1), (2, T, 16))
    there, documents = np.ones((2, T), bool), np.zeros((2, T), int)
    if case == "padded":
        there[0, :6] = False
    if case == "packed":
        documents[0, 9:], documents[1, 14:] = 1, 1
    mask = jnp.array(there) if case == "padded" else None
    packed = jnp.array(documents) if case == "packed" else None
    sight = sight_of(description, jnp.arange(T), mask, 0, T, jnp.arange(T), packed)
    y = eqx.filter_jit(lambda net: net(x, sight, False, None)[0])(net)
    for i in range(2):
        expected = by_hand(net, x[i], there[i], documents[i])
        # Single precision against double, outputs of order one and sums over 26 tokens.
        np.testing.assert_allclose(y[i][there[i]], expected[there[i]], atol=2e-5)


def test_with_all_blocks_chosen_the_second_view_is_full_attention():
    description = about(chosen=7)
    net, x = spread(SparseAttention(description, jr.key(0))), jr.normal(jr.key(1), (2, T, 16))
    q, k, v = apart(net.maps.query(x), 4), apart(net.maps.key(x), 2), apart(net.maps.value(x), 2)
    sight = sight_of(description, jnp.arange(T), None, 0, T, jnp.arange(T))
    _, best = net._compressed(q, k, v, sight)
    np.testing.assert_allclose(
        net._chosen(q, k, v, sight, best), attend(q, k, v, sight.allowed, net.maps.scale), atol=1e-5
    )


def test_a_window_over_many_chunks_is_the_band_of_full_attention():
    description = about(window=4)
    net, x = spread(SparseAttention(description, jr.key(0))), jr.normal(jr.key(1), (1, 30, 16))
    q, k, v = apart(net.maps.query(x), 4), apart(net.maps.key(x), 2), apart(net.maps.value(x), 2)
    sight = sight_of(description, jnp.arange(30), None, 0, 30, jnp.arange(30))
    distance = np.arange(30)[:, None] - np.arange(30)
    band = jnp.array((distance >= 0) & (distance < 4))
    np.testing.assert_allclose(net._window(q, k, v, sight), attend(q, k, v, band, net.maps.scale), atol=1e-5)


def test_read_token_by_token_it_gives_the_same():
    model = spread(LanguageModel(about(), key=jr.key(0)))
    tokens = jr.randint(jr.key(1), (2, T), 0, 30)
    read, cache, out = eqx.filter_jit(lambda m, t, c: m.read(t, c)), model.start(2, 32), []
    for piece in (tokens[:, :20], *jnp.split(tokens[:, 20:], T - 20, axis=1)):
        y, cache = read(model, piece, cache)
        out.append(y)
    np.testing.assert_allclose(jnp.concatenate(out, 1), eqx.filter_jit(model)(tokens), atol=2e-4)
