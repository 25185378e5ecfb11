"""Attention by hand: JAX's, kernel regression, and what the lectures say of both."""

import jax
import numpy as np
import pytest

from ceteris.engine import precision
from ceteris.nets import attend
from ceteris.scratch import attention


@pytest.mark.parametrize("causal", [False, True])
def test_attention_equals_jax_and_the_librarys(causal):
    Q, K, V = np.random.default_rng(0).normal(size=(3, 6, 4))
    found, weights = attention.attend(Q, K, V, causal)
    with precision("double"):
        expected = jax.nn.dot_product_attention(*(a[None, :, None] for a in (Q, K, V)), is_causal=causal)[0, :, 0]
        np.testing.assert_allclose(found, expected, atol=1e-6)  # JAX's own rounds to single inside
        ours = attend(Q, K, V, np.tri(6, dtype=bool) if causal else None)
        np.testing.assert_allclose(found, ours[0], atol=1e-12)
        np.testing.assert_allclose(weights, ours[1], atol=1e-12)


def test_the_scripts_worked_softmax_sums_to_one():
    _, weights = attention.attend(np.sqrt(2) * np.array([[1.0, 0]]), [[0.9, 0.1], [0.1, 0.8], [1.0, 0]], np.eye(3))
    np.testing.assert_allclose(weights[0], [0.3915, 0.1759, 0.4326], atol=5e-5)
    assert np.sum([0.405, 0.182, 0.448]) == pytest.approx(1.035)  # as printed


def test_kernel_regression_is_attention_to_keys_that_know_their_length():
    rng = np.random.default_rng(1)
    x, X, y = rng.normal(size=(5, 3)), rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    by_distance = attention.kernel_regression(x, X, y, 0.7)
    np.testing.assert_allclose(attention.as_attention(x, X, y, 0.7), by_distance, atol=1e-12)
    # keys of equal length need no such entry
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    plain, _ = attention.attend(x * np.sqrt(3) / 0.49, X, y)
    np.testing.assert_allclose(plain, attention.kernel_regression(x, X, y, 0.7), atol=1e-12)


@pytest.mark.parametrize(("rho", "sigma"), [(0.3, 0.5), (0.6, 1.0), (0.6, 0.8)])
def test_the_kernel_of_products_forecasts_rho_times_the_variance(rho, sigma):
    # the script says rho: right for the third pair only, whose variance is one
    rng = np.random.default_rng(2)
    lag = rng.normal(scale=sigma / np.sqrt(1 - rho**2), size=200_000)
    following = rho * lag + sigma * rng.normal(size=lag.size)
    at = np.linspace(-0.5, 0.5, 11)[:, None]
    forecasts, _ = attention.attend(at, lag[:, None], following[:, None])
    slope = np.sum(at * forecasts) / np.sum(at**2)
    # the standard error of the slope is about sd(following) / √200,000 / .32 = .008 at most
    assert slope == pytest.approx(attention.limit_of_products(rho, sigma), abs=0.03)
    assert (abs(slope - rho) < 0.03) == (sigma == 0.8)
    near = attention.kernel_regression(at, lag[:20_000, None], following[:20_000, None], 0.1)
    assert np.sum(at * near) / np.sum(at**2) == pytest.approx(rho, abs=0.06)


def test_bad_inputs_are_answered_in_a_sentence():
    with pytest.raises(ValueError, match="K has 3 columns; 2 are needed"):
        attention.attend(np.ones((1, 2)), np.ones((4, 3)), np.ones((4, 1)))
    with pytest.raises(ValueError, match="bandwidth is 0, but must be a number above 0"):
        attention.kernel_regression([[0.0]], [[0.0]], [[0.0]], 0)
    with pytest.raises(ValueError, match="rho is 1, but must be a number above -1 and below 1"):
        attention.limit_of_products(1, 1.0)
