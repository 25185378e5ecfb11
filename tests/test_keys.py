"""Fast keys draw what JAX's own draw, to the bit, and compile less."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.engine import precision
from ceteris.keys import fast, key
from ceteris.testing import count_compilations


def scanned(k):
    return jax.lax.scan(lambda total, k: (total + jr.normal(k, (3,)), None), jnp.zeros(3), jr.split(k, 5))[0]


DRAWS = {
    "normal": lambda k: jr.normal(k, (33, 7)),
    "scalar": lambda k: jr.normal(k),
    "empty": lambda k: jr.normal(k, (0, 3)),
    "uniform": lambda k: jr.uniform(k, (5,)),
    "permutation": lambda k: jr.permutation(k, 100),
    "choice": lambda k: jr.choice(k, 50, (9,), replace=False),
    "integers": lambda k: jr.randint(k, (40,), 0, 7),
    "bernoulli": lambda k: jr.bernoulli(k, 0.3, (8, 2)),
    "gamma": lambda k: jr.gamma(k, 2.0, (6,)),
    "bytes": lambda k: jr.bits(k, (9,), jnp.uint8),
    "short words": lambda k: jr.bits(k, (9,), jnp.uint16),
    "split and folded": lambda k: jr.bits(jr.fold_in(jr.split(k, (2, 3))[1, 2], 5), (4,)),
    "negative number folded": lambda k: jr.bits(jr.fold_in(k, jnp.int32(-7)), (4,)),
    "many keys": lambda k: jax.vmap(lambda k: jr.normal(k, (3,)))(jr.split(k, 50)),
    "in a loop": scanned,
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("digits", ["single", "double"])
@pytest.mark.parametrize("compiled", [True, False])
def test_the_bits_are_those_of_jax(name, digits, compiled):
    draw = jax.jit(DRAWS[name]) if compiled else DRAWS[name]
    with precision(digits):
        for seed in (0, 123456789):
            np.testing.assert_array_equal(draw(key(seed)), draw(jr.key(seed)))


@pytest.mark.parametrize("seed", [0, -1, 2**31 - 1, 2**40 + 3])
def test_a_seed_gives_the_key_of_jax(seed):
    with precision("double"):
        np.testing.assert_array_equal(jr.key_data(key(seed)), jr.key_data(jr.key(seed)))


def test_keys_of_another_cipher_stay_as_they_are():
    other = jr.key(0, impl="rbg")
    assert fast(other) is other
    once = fast(jr.key(0))
    assert fast(once) is once


def test_splitting_and_folding_outside_of_compiled_code_compiles_nothing():
    k = key(11)
    with count_compilations() as compiled:
        children = jr.split(k, 3)
        jr.fold_in(k, 17)
    assert not compiled
    np.testing.assert_array_equal(jr.key_data(children), jr.key_data(jr.split(jr.key(11), 3)))
