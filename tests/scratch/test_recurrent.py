"""Backpropagation through time by hand against JAX, and the library's own cells against these."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.engine import precision
from ceteris.nets import LSTM, Elman, Recurrent
from ceteris.scratch import recurrent
from ceteris.scratch.recurrent import ReadingNet

NAMES = ("W_xh", "W_hh", "b", "W_hy", "c")


def example(T=7):
    rng = np.random.default_rng(4)
    net = recurrent.initialise(rng, 2, 4, 3)
    return net, rng.normal(size=(T, 2)), rng.normal(size=(T, 3))


def jax_loss(weights, X, targets, K):
    W_xh, W_hh, b, W_hy, c = weights
    h, total = jnp.zeros(4), 0.0
    for t, x in enumerate(X):
        h = jax.lax.stop_gradient(h) if t % K == 0 else h
        h = jnp.tanh(W_hh @ h + W_xh @ x + b)
        total += jnp.sum((W_hy @ h + c - targets[t]) ** 2) / 2
    return total / len(X)


@pytest.mark.parametrize("steps", [None, 1, 3, 7, 70])
def test_backpropagation_through_time_equals_jax(steps):
    net, X, targets = example()
    with precision("double"):
        weights = tuple(jnp.asarray(getattr(net, name)) for name in NAMES)
        value, expected = jax.jit(jax.value_and_grad(lambda w: jax_loss(w, X, targets, steps or 7)))(weights)
        np.testing.assert_allclose(recurrent.loss(net, X, targets), value, rtol=1e-12)
        found = recurrent.through_time(net, X, targets, steps)
        for name, d in zip(NAMES, expected, strict=True):
            np.testing.assert_allclose(getattr(found, name), d, atol=1e-14)


def test_the_librarys_cell_reads_the_same():
    net, X, _ = example()
    with precision("double"):
        ours = Recurrent(2, 4, "elman", key=jax.random.key(0))
        assert isinstance(ours.layers[0][0], Elman)
        ours = jax.tree.unflatten(jax.tree.structure(ours), [jnp.asarray(a) for a in (net.W_xh.T, net.b, net.W_hh.T)])
        np.testing.assert_allclose(ours(jnp.asarray(X)), recurrent.read(net, X)[0][1:], atol=1e-12)


def test_an_lstm_goes_forward_and_back_as_jax_and_as_the_librarys():
    rng = np.random.default_rng(2)
    W, b, xs = rng.normal(size=(12, 5)), rng.normal(size=12), rng.normal(size=(6, 2))
    h, C, kept = np.zeros(3), np.zeros(3), []
    for x in xs:
        h, C, step = recurrent.lstm(W, b, x, h, C)
        kept.append(step)
    dW, db, dx, dh, dC = np.zeros_like(W), np.zeros_like(b), np.zeros_like(xs), np.cos(h), np.zeros(3)  # of Σ sin h_T
    for t in range(5, -1, -1):
        one, two, dx[t], dh, dC = recurrent.lstm_back(W, kept[t], dh, dC)
        dW, db = dW + one, db + two
    with precision("double"):
        net = Recurrent(2, 3, "lstm", key=jax.random.key(0))
        assert isinstance(net.layers[0][0], LSTM)
        put = lambda W, b: jax.tree.unflatten(jax.tree.structure(net), [W[:, 3:].T, b, W[:, :3].T])
        end = lambda W, b, xs: jnp.sum(jnp.sin(put(W, b)(xs)[-1]))
        given = (jnp.asarray(W), jnp.asarray(b), jnp.asarray(xs))
        value, expected = jax.jit(jax.value_and_grad(end, (0, 1, 2)))(*given)
        np.testing.assert_allclose(np.sum(np.sin(h)), value, atol=1e-12)
        for found, d in zip((dW, db, dx), expected, strict=True):
            np.testing.assert_allclose(found, d, atol=1e-12)


@pytest.mark.parametrize("radius", [0.7, 1.2])
def test_a_linear_nets_gradients_reach_as_far_as_the_spectral_radius_lets_them(radius):
    W = np.random.default_rng(1).normal(size=(5, 5))
    W = W * radius / np.abs(np.linalg.eigvals(W)).max()
    net = ReadingNet(np.zeros((5, 1)), W, np.zeros(5), np.zeros((1, 5)), np.zeros(1))
    norms = recurrent.reach(net, np.zeros((60, 1)))  # at zero, tanh is linear
    slope = -np.polyfit(np.arange(41), np.log(norms[:41]), 1)[0]
    assert slope == pytest.approx(np.log(radius), abs=0.02)


def test_bad_inputs_are_answered_in_a_sentence():
    net, X, targets = example()
    with pytest.raises(ValueError, match="X has 3 columns; 2 are needed"):
        recurrent.read(net, np.ones((4, 3)))
    with pytest.raises(ValueError, match="targets has 6 rows; give one for each of the 7"):
        recurrent.through_time(net, X, targets[:6])
    with pytest.raises(ValueError, match="steps is 0, but must be a whole number of at least 1"):
        recurrent.through_time(net, X, targets, steps=0)
