"""What every algorithm must satisfy, as a function anyone can run on their own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, PRNGKeyArray

from ceteris.engine import AbstractAlgorithm, Checkpoint, Ensemble, Status, fit
from ceteris.engine.devices import Precision
from ceteris.testing.compilation import count_compilations


def check_algorithm(
    build: Callable[[], AbstractAlgorithm],
    *,
    steps: int = 8,
    feed: Callable[[int, int], Any] | None = None,
    tolerance: float = 1e-3,
    every: int | None = None,
    precision: Precision | None = None,
    mesh: Mesh | None = None,
) -> None:
    """Raise an ``AssertionError`` with a sentence if an algorithm breaks a promise of the engine.

    Checked: a run resumed from memory or from a checkpoint gives the same weights to the bit; so does a run in
    chunks of another size; a second fit of the same shapes compiles nothing; a member of an ensemble equals the
    single run with its key (to the bit if looped, to ``tolerance`` relative to the size of the weights if
    batched, where sums are taken in another order); other seeds give other weights; a NaN freezes its member
    with a status and a sentence, and leaves the others alone. With a mesh, the run on it is held against the run
    on one device instead of members against single runs, and a checkpoint of either is resumed on the other.

    Parameters
    ----------
    build : callable
        ``build()`` returns the algorithm; it is called more than once, as a user would.
    steps : int
        Steps of each run; even, at least 4.
    feed : callable, optional
        As for `ceteris.engine.fit`.
    tolerance : float
        Largest difference between batched members and single runs, or between many devices and one.
    every : int, optional
        Steps per chunk where the size of the chunks matters: 1 for a feed that is given the model. Ensembles, whose
        members have different models, are not checked then.
    precision, mesh : optional
        As for `ceteris.engine.fit`.

    Examples
    --------
    >>> import equinox as eqx, jax.numpy as jnp, jax.random as jr, optax
    >>> from ceteris.recipe import Descend, Draws, Loss
    >>> def away(model, batch, key): return jnp.mean((model - batch) ** 2), {}
    >>> def start(key): return jr.normal(key)
    >>> def points(key): return jr.normal(key, (16,))
    >>> check_algorithm(lambda: Descend(start, Loss(away), Draws(points), eqx.Partial(optax.sgd, 0.1)))
    """
    key, half = jr.key(0), steps // 2
    options = {"steps": steps, "every": every or half, "feed": feed, "precision": precision, "mesh": mesh}
    run = lambda algorithm, key=key, **other: fit(algorithm, key, **{**options, **other})
    whole = run(build())
    _check_types(run(build(), steps=0).state, whole.state)
    _check_resume(run, build, whole, half)
    if every is None:
        _same(run(build(), every=1).model, whole.model, "with chunks of one step instead of many the weights")
    with count_compilations() as compiled:
        run(build(), jr.key(1))
    assert not compiled, f"a second fit of the same shapes compiled {len(compiled)} programs: {compiled}"
    other = run(build(), jr.key(1))
    assert not _equal(whole.model, other.model), "two seeds gave the same weights: the key is not used"
    if mesh is not None:
        _check_devices(run, build, whole, half, tolerance)
    elif every is None:
        for how in ("loop", "vmap"):
            members = run(Ensemble(build(), 2, how=how))
            single = run(build(), jr.split(key, 2)[1])
            what = f"a member of an ensemble (how={how!r}) and the single run with its key: the weights"
            _same(members.member(1), single.model, what, 0.0 if how == "loop" else tolerance)
        _check_freezing(run, build, half)
    stopped = run(Poisoned(build(), jnp.array(True), jnp.array(half)))
    assert stopped.status == Status.NONFINITE, f"after a NaN the status was {Status(int(stopped.status)).name}"
    assert _finite(stopped.model), "a frozen run has non-finite weights"


def _check_types(before, after):
    kinds = lambda tree: [(a.shape, a.dtype) for a in _arrays(tree)]
    assert kinds(before) == kinds(after), "a step changed the types or the shapes of the state"


def _check_devices(run, build, whole, half, tolerance):
    one = run(build(), mesh=None)
    _same(whole.model, one.model, "on a mesh and on one device the weights", tolerance)
    for first, second in ((None, "mesh"), ("mesh", None)):
        there = lambda where: {} if where else {"mesh": None}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.safetensors"
            run(build(), steps=half, monitors=[Checkpoint(path)], **there(first))
            resumed = run(build(), resume=path, **there(second))
        _same(resumed.model, one.model, "after a checkpoint of other devices the weights", tolerance)


def _check_resume(run, build, whole, half):
    _same(run(build(), resume=run(build(), steps=half)).model, whole.model, "after a stop and a resume the weights")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.safetensors"
        run(build(), steps=half, monitors=[Checkpoint(path)])
        resumed = run(build(), resume=path)
    _same(resumed.model, whole.model, "after a resume from a checkpoint the weights")
    assert np.array_equal(resumed.history["loss"], whole.history["loss"]), "a resumed run forgot part of its history"


def _check_freezing(run, build, half):
    bad = jnp.array([False, True])
    poisoned = Ensemble(
        Poisoned(build(), jnp.array(False), jnp.array(half)), 2, over=lambda a: a.bad, values=bad, how="vmap"
    )
    mixed, healthy = run(poisoned), run(Ensemble(build(), 2, how="vmap"))
    assert mixed.status.tolist() == [Status.FINISHED, Status.NONFINITE], f"after a NaN the status was {mixed.status}"
    assert "non-finite" in mixed.sentence, f"a NaN is not mentioned in the sentence {mixed.sentence!r}"
    assert _finite(mixed.member(1)), "a frozen member has non-finite weights"
    assert mixed.history["loss"].shape == (2 * half, 2), "a NaN changed the length of the history"
    _same(mixed.member(0), healthy.member(0), "beside a member with a NaN the weights", 1e-5)


class Poisoned(AbstractAlgorithm):
    """An algorithm whose loss becomes NaN at step ``at`` of the sampler's clock where ``bad`` is true."""

    inner: AbstractAlgorithm
    bad: Array
    at: Array

    def init(self, key: PRNGKeyArray, model: Any = None):
        state = self.inner.init(key, model)
        return state._replace(sampler=(jnp.array(0), state.sampler))

    def step(self, state, key, feed):
        clock, sampler = state.sampler
        new, info = self.inner.step(state._replace(sampler=sampler), key, feed)
        poison = jnp.where(self.bad & (clock == self.at), jnp.nan, 0.0)
        return new._replace(sampler=(clock + 1, new.sampler)), {**info, "loss": info["loss"] + poison}

    def evaluate(self, state, key):
        return self.inner.evaluate(state._replace(sampler=state.sampler[1]), key)


def _arrays(tree):
    return jax.tree.leaves(eqx.filter(tree, eqx.is_array))


def _finite(model) -> bool:
    return all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array)))


def _equal(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(_arrays(a), _arrays(b), strict=True))


def _same(a, b, what: str, tolerance: float = 0.0) -> None:
    for x, y in zip(_arrays(a), _arrays(b), strict=True):
        x, y = (np.asarray(a, None if jnp.issubdtype(a.dtype, jnp.integer) else np.float64) for a in (x, y))
        gap = float(np.max(np.abs(x - y), initial=0.0))
        scale = max(float(np.max(np.abs(y), initial=0.0)), 1.0)
        assert gap <= tolerance * scale, f"{what} differ by {gap:.2g} (allowed: {tolerance * scale:.2g})"
