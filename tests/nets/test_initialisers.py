"""Moments of the draws against their formulas, and second moments kept through twenty layers."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.nets import ACTIVATIONS, INITIALISERS, activation, default_initialiser, initialiser

# name -> (variance, largest absolute value where bounded), for 300 inputs and 200 outputs
VARIANCES = {
    "glorot_uniform": (2 / 500, np.sqrt(6 / 500)),
    "glorot_normal": (2 / 500, np.inf),
    "he_normal": (2 / 300, np.inf),
    "he_uniform": (2 / 300, np.sqrt(6 / 300)),
    "lecun_normal": (1 / 300, np.inf),
}


@pytest.mark.parametrize("name", VARIANCES)
def test_variance_of_the_weights(name):
    variance, bound = VARIANCES[name]
    w = np.asarray(initialiser(name)(jr.key(0), (300, 200)))
    # 60,000 draws: the relative standard error of a variance is at most sqrt(2 / 60,000) = 0.6 %; five of them.
    assert w.var() == pytest.approx(variance, rel=0.03)
    assert abs(w.mean()) < 5 * np.sqrt(variance / w.size)
    assert np.abs(w).max() <= bound
    if np.isfinite(bound):
        assert np.abs(w).max() > 0.999 * bound


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_orthogonal(shape):
    w = np.asarray(initialiser("orthogonal")(jr.key(0), shape))
    gram = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-6)


def second_moment_ratio(rule, g, size, scale=1.0, depth=20, members=8):
    """E[z²] in the last of `depth` square layers over E[z²] in the first, averaged over nets."""

    def one(key):
        start, *keys = jr.split(key, depth + 1)
        first = scale * jr.normal(start, (size, size))
        z, _ = jax.lax.scan(lambda z, k: (g(z) @ rule(k, (size, size)), None), first, jnp.stack(keys))
        return jnp.mean(z**2) / jnp.mean(first**2)

    return float(jnp.mean(jax.jit(jax.vmap(one))(jr.split(jr.key(1), members))))


@pytest.mark.parametrize(
    ("rule", "g", "scale"),
    [
        ("glorot_uniform", "tanh", 1e-3),  # the near-linear regime, which Glorot's argument assumes
        ("glorot_normal", "tanh", 1e-3),
        ("he_normal", "relu", 1.0),
        ("he_uniform", "relu", 1.0),
        ("lecun_normal", "identity", 1.0),
    ],
)
def test_second_moment_is_kept_through_twenty_layers(rule, g, scale):
    ratio = second_moment_ratio(initialiser(rule), activation(g), 128, scale)
    # Over nets of width 128 the ratio's standard deviation is at most about 0.9 (ReLU: sqrt(exp(20 · 5/128) - 1) = 1.1
    # bounds it), so the mean of 8 has at most 0.4; a rule off by a factor 2 per layer would miss by 2^20.
    assert 0.4 < ratio < 2.5


def test_the_wrong_rule_dies_out():
    # Glorot under ReLU halves the second moment in each layer: 2^-20, up to the sampling factor above.
    ratio = second_moment_ratio(initialiser("glorot_normal"), activation("relu"), 128)
    assert 0.4 < ratio * 2**20 < 2.5


def test_orthogonal_keeps_every_length_exactly():
    ratio = second_moment_ratio(initialiser("orthogonal"), activation("identity"), 32, members=1)
    assert ratio == pytest.approx(1, rel=1e-4)  # float32 rounding over twenty products


def test_defaults():
    chosen = {name: default_initialiser(name).__name__ for name in ACTIVATIONS}
    assert {name for name, rule in chosen.items() if rule == "glorot_uniform"} == {"tanh", "sigmoid"}
    assert {name for name, rule in chosen.items() if rule == "lecun_normal"} == {"identity", "softplus"}
    assert default_initialiser(jnp.sin).__name__ == "lecun_normal"


@pytest.mark.parametrize("name", INITIALISERS)
def test_dtype_follows_the_default(name):
    assert initialiser(name)(jr.key(0), (3, 2)).dtype == jnp.float32
    with jax.enable_x64(True):
        assert initialiser(name)(jr.key(0), (3, 2)).dtype == jnp.float64


def test_unknown_name():
    with pytest.raises(ValueError, match=r"initialiser is 'xavier', but must be one of glorot_uniform, "):
        initialiser("xavier")
