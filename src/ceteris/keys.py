"""Random keys whose numbers are JAX's own, to the bit, from code that compiles and runs in a fraction of the time.

JAX draws by the cipher Threefry-2x32 (Salmon et al. 2011), which it writes as a loop of twenty rounds. On a CPU each
place that draws then costs a fifth of a second of compiling, and the loop a memory pass per round. Written out, the
rounds are one fused pass: a place costs a third of that to compile, and a million numbers a seventh of the time. A key
that holds a value, outside of compiled code, is split and folded in NumPy and compiles nothing. JAX's numbers are meant
as they are by default; where its flag ``jax_threefry_partitionable`` is off, JAX's own keys give others.

References
----------
Salmon, J. K., Moraes, M. A., Dror, R. O. and Shaw, D. E. (2011). Parallel random numbers: as easy as 1, 2, 3.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.extend.random import define_prng_impl
from jaxtyping import PRNGKeyArray

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
WORDS: dict[int, Any] = {8: jnp.uint8, 16: jnp.uint16, 32: jnp.uint32, 64: jnp.uint64}


def key(seed: int) -> PRNGKeyArray:
    """Return the key of a seed: `jax.random.key`'s, in the form that compiles fast.

    Examples
    --------
    >>> import jax
    >>> bool((jax.random.normal(key(3), (2,)) == jax.random.normal(jax.random.key(3), (2,))).all())
    True
    """
    wide = jax.config.read("jax_enable_x64")  # as JAX does: in single precision a seed is one word
    words = np.array([seed >> 32 if wide else 0, seed]) & 0xFFFFFFFF
    return jr.wrap_key_data(jax.device_put(words.astype(np.uint32)), impl=UNROLLED)


def fast(key: PRNGKeyArray) -> PRNGKeyArray:
    """Return the same key in the form that compiles fast; keys of another cipher than JAX's default stay as they are.

    Examples
    --------
    >>> import jax
    >>> a = jax.random.key(0)
    >>> bool((jax.random.bits(fast(a), (5,)) == jax.random.bits(a, (5,))).all())
    True
    """
    return jr.wrap_key_data(jr.key_data(key), impl=UNROLLED) if str(jr.key_impl(key)) == "threefry2x32" else key


def apart(key: PRNGKeyArray, n: int) -> list[PRNGKeyArray]:
    """Return the ``n`` keys of `jax.random.split` in a list, outside compiled code and without compiling.

    Examples
    --------
    >>> import jax
    >>> first, second = apart(key(3), 2)
    >>> bool(jax.random.bits(second) == jax.random.bits(jax.random.split(jax.random.key(3))[1]))
    True
    """
    words = np.asarray(jr.key_data(jr.split(key, n)))
    return [jr.wrap_key_data(jax.device_put(row), impl=jr.key_impl(key)) for row in words]


def folded(key: PRNGKeyArray, number: int) -> PRNGKeyArray:
    """Return `jax.random.fold_in` of a key, outside compiled code and without compiling.

    Examples
    --------
    >>> import jax
    >>> bool(jax.random.bits(folded(key(3), 7)) == jax.random.bits(jax.random.fold_in(jax.random.key(3), 7)))
    True
    """
    return jr.wrap_key_data(_fold_in(jr.key_data(fast(key)), np.uint32(number)), impl=UNROLLED)


# ------------------------------------------------------------------------------------------------- the cipher


def threefry(key: Any, high: Any, low: Any) -> tuple[Any, Any]:
    """Encrypt pairs of 32-bit words under a key of two words, in NumPy or in JAX, whichever the words are in."""
    # JAX's operators on arrays are functions of their own, each traced and lowered; its primitives are not
    host = isinstance(high, np.ndarray)
    add, xor, either = (np.add, np.bitwise_xor, np.bitwise_or) if host else (lax.add, lax.bitwise_xor, lax.bitwise_or)
    left, right = (np.left_shift, np.right_shift) if host else (lax.shift_left, lax.shift_right_logical)
    spread = (lambda word: word) if host else (lambda word: lax.broadcast(word, high.shape))
    turned = lambda x, by: either(left(x, np.uint32(by)), right(x, np.uint32(32 - by)))
    first, second = (key[i : i + 1] if host else lax.index_in_dim(key, i, keepdims=False) for i in (0, 1))
    words = first, second, xor(xor(first, second), np.uint32(PARITY))
    high, low = add(high, spread(words[0])), add(low, spread(words[1]))
    for group in range(5):
        for by in ROTATIONS[group % 2]:
            high = add(high, low)
            low = xor(turned(low, by), high)
        high = add(high, spread(words[(group + 1) % 3]))
        low = add(low, spread(add(words[(group + 2) % 3], np.uint32(group + 1))))
    return high, low


def _seed(seed: Any) -> Any:
    high = seed >> 32 if seed.dtype.itemsize == 8 else jnp.zeros_like(seed)
    return jnp.stack([high.astype(jnp.uint32), seed.astype(jnp.uint32)])


def _split(key: Any, shape: tuple[int, ...]) -> Any:
    xp: Any = np if not isinstance(key, Tracer) else jnp
    high, low = threefry(xp.asarray(key), *_counts(xp, shape))
    return _apart(xp.stack([high, low], axis=-1))


def _fold_in(key: Any, number: Any) -> Any:
    traced = isinstance(key, Tracer) or isinstance(number, Tracer)
    xp: Any = jnp if traced else np
    number = xp.asarray(number).astype(np.uint32).reshape(1)
    high, low = threefry(xp.asarray(key), xp.zeros_like(number), number)
    return _apart(xp.concatenate([high, low]))


def _bits(key: Any, width: int, shape: tuple[int, ...]) -> Any:
    if math.prod(shape) >= 2**32:  # positions no longer fit into one word: JAX's own loop, the same bits
        return jr.bits(jr.wrap_key_data(key, impl="threefry2x32"), shape, WORDS[width])
    high, low = threefry(key, *_counts(jnp, shape))
    if width == 64:
        return (high.astype(jnp.uint64) << jnp.uint64(32)) | low.astype(jnp.uint64)
    return (high ^ low).astype(WORDS[width])


def _counts(xp: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the position of every entry as two words."""
    low = xp.arange(math.prod(shape), dtype=np.uint32).reshape(shape)
    return xp.zeros_like(low), low


def _apart(key: Any) -> Any:
    """Keep the compiler from working out a new key again wherever it is used."""
    return jax.device_put(key) if isinstance(key, np.ndarray) else lax.optimization_barrier(key)


UNROLLED = define_prng_impl(
    key_shape=(2,),
    seed=_seed,
    split=_split,
    random_bits=_bits,
    fold_in=_fold_in,
    name="threefry2x32_unrolled",
    tag="3u",
)
