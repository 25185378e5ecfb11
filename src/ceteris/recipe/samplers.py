"""Where the points come from over which the loss is averaged.

``draw`` returns batches with a leading axis of updates: one step of a rule may make several updates, so that one
epoch of shuffled rows, or one simulation of an economy, can serve them all.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from ceteris.arguments import COUNT, check, require, whole


class AbstractSampler(eqx.Module):
    """A source of batches with a memory."""

    @abc.abstractmethod
    def init(self, model: Any, key: PRNGKeyArray) -> Any:
        """Return the memory before the first draw."""

    @abc.abstractmethod
    def draw(self, model: Any, memory: Any, key: PRNGKeyArray, feed: Any) -> tuple[Any, Any]:
        """Return batches, leaves of shape (updates, batch, ...), and the new memory."""

    def report(self, memory: Any) -> dict[str, Any]:
        """Return scalars to log with each step, such as the return of the episodes that ended; none by default."""
        return {}


class Fixed(AbstractSampler):
    """The same batch at every step: full-batch methods, collocation points."""

    data: Any

    def init(self, model, key):
        return ()

    def draw(self, model, memory, key, feed):
        return jax.tree.map(lambda a: a[None], self.data), memory


class Minibatches(AbstractSampler):
    """Shuffled rows of a table in true epochs: every row once per epoch, then reshuffled.

    The stream of epochs is cut into batches of equal size; a batch may hold the last rows of one epoch and the
    first of the next, so that no row is dropped and every epoch holds every row once.

    Parameters
    ----------
    data : pytree of arrays with a leading axis of rows
    batch_size : int
        Rows per batch; all of them if there are fewer.
    rows : int array, optional
        Which rows may be drawn (the training rows of a fold); all by default.
    updates : int, optional
        Batches per step, at most and by default as many as fit into one epoch.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> sampler = Minibatches(jnp.arange(6), batch_size=2)
    >>> memory = sampler.init(None, jax.random.key(0))
    >>> batches, memory = sampler.draw(None, memory, jax.random.key(1), None)
    >>> batches.shape, sorted(batches.ravel().tolist())
    ((3, 2), [0, 1, 2, 3, 4, 5])
    """

    data: Any
    rows: Any
    batch_size: int = eqx.field(static=True)
    updates: int = eqx.field(static=True)

    def __init__(self, data: Any, batch_size: int, rows: Array | None = None, updates: int | None = None):
        whole("Minibatches: batch_size", batch_size)
        require("Minibatches: updates", updates, COUNT.or_none())
        self.data = data
        count = jax.tree.leaves(data)[0].shape[0]
        self.rows = rows if isinstance(rows, jax.Array) else np.arange(count) if rows is None else np.asarray(rows)
        count = self.rows.shape[0]
        if count == 0:
            raise ValueError("Minibatches: there are no rows to draw from; give a table with at least one row.")
        self.batch_size = min(batch_size, count)
        most = count // self.batch_size
        if updates is not None and updates > most:
            raise ValueError(
                f"Minibatches: updates is {updates}, but one step draws from one epoch, and {count} rows make {most} "
                f"batches of {self.batch_size}; ask for at most {most} and take more steps."
            )
        self.updates = updates or most

    def init(self, model, key):
        return jr.permutation(key, self.rows.shape[0]), jnp.array(0)

    def draw(self, model, memory, key, feed):
        order, position = memory
        n, wanted = order.shape[0], self.updates * self.batch_size
        place = position + jnp.arange(wanted)
        through = position + wanted >= n
        shuffle = lambda: jnp.where(through, jr.permutation(key, n), order)
        # small steps through a long table seldom come to its end, and sorting it each time would be most of the work
        following = shuffle() if 2 * wanted > n else jax.lax.cond(through, shuffle, lambda: order)
        drawn = jnp.where(place < n, order[place % n], following[place % n])
        memory = following, jnp.where(through, position + wanted - n, position + wanted)
        rows = jnp.asarray(self.rows)[drawn].reshape(self.updates, self.batch_size)
        return jax.tree.map(lambda a: jnp.asarray(a)[rows], self.data), memory


class Draws(AbstractSampler):
    """Fresh points at every step: ``function(key) -> batch``."""

    function: Callable[[PRNGKeyArray], Any]

    def init(self, model, key):
        return ()

    def draw(self, model, memory, key, feed):
        return jax.tree.map(lambda a: a[None], self.function(key)), memory


class Streamed(AbstractSampler):
    """Batches from the host: what ``feed`` gave for this step, for so many ``updates``."""

    updates: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        whole("Streamed: updates", self.updates)

    def init(self, model, key):
        return ()

    def draw(self, model, memory, key, feed):
        if feed is None:
            raise ValueError(
                "Streamed: no data arrived; call fit(..., feed=function of the step and a number of steps)."
            )
        return jax.tree.map(lambda a: jnp.broadcast_to(a, (self.updates, *jnp.shape(a))), feed), memory


class Together(AbstractSampler):
    """One batch from each of several samplers, as a dictionary: points inside and points at the edge.

    All must make the same number of updates per step. Where the feed is a dictionary, each finds its part by its name.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> inside = Draws(lambda key: jax.random.uniform(key, (100,)))
    >>> sampler = Together({"inside": inside, "edge": Fixed(jnp.array([0.0, 1.0]))})
    >>> batches, _ = sampler.draw(None, sampler.init(None, jax.random.key(0)), jax.random.key(1), None)
    >>> jax.tree.map(jnp.shape, batches)
    {'edge': (1, 2), 'inside': (1, 100)}
    """

    samplers: dict[str, AbstractSampler]

    def __check_init__(self):
        if not self.samplers:
            raise ValueError("Together: samplers is empty; give at least one.")

    def init(self, model, key):
        keys = jr.split(key, len(self.samplers))
        return {name: self.samplers[name].init(model, k) for name, k in zip(sorted(self.samplers), keys, strict=True)}

    def draw(self, model, memory, key, feed):
        batches, memories = {}, {}
        for name, k in zip(sorted(self.samplers), jr.split(key, len(self.samplers)), strict=True):
            part = feed[name] if isinstance(feed, dict) and name in feed else feed
            batches[name], memories[name] = self.samplers[name].draw(model, memory[name], k, part)
        updates = {name: jax.tree.leaves(batch)[0].shape[0] for name, batch in batches.items()}
        if len(set(updates.values())) > 1:
            raise ValueError(
                f"Together: the samplers make different numbers of updates per step, {updates}; give all the same."
            )
        return batches, memories

    def report(self, memory):
        each = {name: sampler.report(memory[name]) for name, sampler in self.samplers.items()}
        return {f"{name}_{entry}": value for name, report in each.items() for entry, value in report.items()}


class Rollout(AbstractSampler):
    """The points that the current model visits (001, Algorithm 1: simulate, then learn on what was simulated).

    Parameters
    ----------
    start : callable
        ``start(key, paths) -> states`` with a leading axis of paths.
    move : callable
        ``move(model, states, key) -> (next states, record)``: one period for all paths; records are what is
        learnt from.
    horizon : int
        Periods simulated per step; the next step goes on where this one ended.
    paths : int
        Paths simulated side by side.
    updates : int
        Batches per step; ``horizon * paths * epochs`` must be a multiple of it.
    epochs : int
        How often each record is used.
    finish : callable, optional
        ``finish(model, last states, records) -> records`` on whole trajectories, such as advantages.
    summary : callable, optional
        ``summary(last states) -> scalars`` to log with each step.
    """

    start: Callable[[PRNGKeyArray, int], Any]
    move: Callable[[Any, Any, PRNGKeyArray], tuple[Any, Any]]
    horizon: int = eqx.field(static=True)
    paths: int = eqx.field(static=True)
    updates: int = eqx.field(static=True, default=1)
    epochs: int = eqx.field(static=True, default=1)
    finish: Callable[[Any, Any, Any], Any] | None = None
    summary: Callable[[Any], dict[str, Any]] | None = None

    def __check_init__(self):
        check(self, horizon=COUNT, paths=COUNT, updates=COUNT)
        if self.horizon * self.paths * self.epochs % self.updates:
            raise ValueError(
                f"Rollout: updates is {self.updates}, but must divide horizon x paths x epochs = "
                f"{self.horizon * self.paths * self.epochs}."
            )

    def init(self, model, key):
        return self.start(key, self.paths)

    def draw(self, model, memory, key, feed):
        model = jax.tree.map(lambda a: jax.lax.stop_gradient(a) if eqx.is_array(a) else a, model)
        simulate, shuffle = jr.split(key)
        period = lambda states, k: self.move(model, states, k)
        memory, records = jax.lax.scan(period, memory, jr.split(simulate, self.horizon))
        if self.finish is not None:
            records = self.finish(model, memory, records)
        count = self.horizon * self.paths
        order = jax.vmap(lambda k: jr.permutation(k, count))(jr.split(shuffle, self.epochs)).ravel()

        def batches(a):
            return a.reshape(count, *a.shape[2:])[order].reshape(self.updates, -1, *a.shape[2:])

        return jax.tree.map(batches, records), memory

    def report(self, memory):
        return {} if self.summary is None else self.summary(memory)


class Replay(AbstractSampler):
    """Remember the last ``capacity`` points of another sampler and draw batches from all of them."""

    inner: AbstractSampler
    capacity: int = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)
    updates: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        if isinstance(self.inner, Streamed):
            raise ValueError(
                "Replay: inner is Streamed, but only points made on the device are remembered; feed batches."
            )

    def init(self, model, key):
        memory = self.inner.init(model, key)
        shapes = eqx.filter_eval_shape(lambda: self.inner.draw(model, memory, key, None)[0])
        if len({leaf.shape[:2] for leaf in jax.tree.leaves(shapes)}) > 1:
            raise ValueError(
                "Replay: inner draws batches of different sizes, but a memory holds whole points; put one around each."
            )
        updates, size = jax.tree.leaves(shapes)[0].shape[:2]
        if updates * size > self.capacity:
            raise ValueError(
                f"Replay: capacity is {self.capacity}, but one draw brings {updates * size} points; make it that large."
            )
        buffer = jax.tree.map(lambda a: jnp.zeros((self.capacity, *a.shape[2:]), a.dtype), shapes)
        return memory, buffer, jnp.array(0)

    def draw(self, model, memory, key, feed):
        inner, buffer, seen = memory
        forward, pick = jr.split(key)
        new, inner = self.inner.draw(model, inner, forward, feed)
        new = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), new)
        count = jax.tree.leaves(new)[0].shape[0]
        places = (seen + jnp.arange(count)) % self.capacity
        buffer = jax.tree.map(lambda old, a: old.at[places].set(a), buffer, new)
        seen = seen + count
        rows = jr.randint(pick, (self.updates, self.batch_size), 0, jnp.minimum(seen, self.capacity))
        return jax.tree.map(lambda a: a[rows], buffer), (inner, buffer, seen)

    def report(self, memory):
        return self.inner.report(memory[0])
