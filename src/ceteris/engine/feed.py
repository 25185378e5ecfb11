"""What comes from the host: the data of the next steps, asked for while the device works, and checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from ceteris.engine.devices import placed
from ceteris.engine.run import Fit

Feed = Callable[..., Any]


class Feeding:
    """Calls a feed chunk after chunk, one chunk ahead unless the feed asks for the model.

    Parameters
    ----------
    feed : callable, optional
        ``feed(step, n)`` or ``feed(step, n, model)``.
    every : int
        Steps per chunk.
    steps : int
        Steps in all.
    mesh : Mesh, optional
        Where the data go.
    """

    def __init__(self, feed: Feed | None, every: int, steps: int, mesh: Mesh | None):
        self._feed, self._every, self._steps, self._mesh = feed, every, steps, mesh
        self._sees_model = feed is not None and _arguments(feed) > 2
        self._ahead: tuple[int, Any] | None = None
        self._like: Any = None

    def between(self, tick: int, stop: int, run: Fit) -> Any:
        """Return the data of the steps from ``tick`` up to ``stop``, padded to a whole chunk."""
        if self._feed is None:
            return None
        if self._sees_model:
            given = self._read(tick, stop, run.state.model)
        elif self._ahead is not None and self._ahead[0] == tick:
            given = self._ahead[1]
        else:
            given = self._read(tick, stop)
        self._ahead = None
        if isinstance(given, Exception):
            raise given
        self._refuse_unfit(given, tick, stop - tick)
        return placed(jax.tree.map(self._padded, given), self._mesh, "feed")

    def prepare(self, tick: int) -> None:
        """Ask for the chunk after next; what goes wrong is raised when it is needed."""
        if self._feed is not None and not self._sees_model and tick < self._steps:
            self._ahead = tick, self._read(tick, min(tick + self._every, self._steps))

    def _read(self, tick: int, stop: int, *model: Any) -> Any:
        assert self._feed is not None
        try:
            return self._feed(tick, stop - tick, *model)
        except StopIteration:
            return None
        except Exception as error:
            return error

    def _refuse_unfit(self, given: Any, tick: int, n: int) -> None:
        shapes = [(np.shape(a)[:1], np.shape(a)[1:], jnp.result_type(a)) for a in jax.tree.leaves(given)]
        if not shapes:
            raise ValueError(f"feed: it ended at step {tick} of {self._steps}; give it more data, or take fewer steps.")
        short = [count for count, _, _ in shapes if count != (n,)]
        if short:
            raise ValueError(
                f"feed: an array with {short[0][0] if short[0] else 'no'} entries was given for the {n} steps from "
                f"step {tick} on; return arrays with one entry per step, or take fewer steps."
            )
        kinds = jax.tree.structure(given), [shape[1:] for shape in shapes]
        if self._like is not None and kinds != self._like:
            said = lambda kinds: ", ".join(f"{kind}{list(shape)}" for shape, kind in kinds[1])
            raise ValueError(
                f"feed: from step {tick} on it gives {said(kinds)} per step where it gave {said(self._like)} before; "
                "types and shapes have to stay the same."
            )
        self._like = kinds

    def _padded(self, a: Any) -> Any:
        missing = self._every - len(a)
        if not missing:  # whoever feeds may fill the same array again, while the device still reads
            return a if isinstance(a, jax.Array) else np.array(a)
        xp: Any = jnp if isinstance(a, jax.Array) else np
        return xp.concatenate([a, xp.repeat(a[-1:], missing, axis=0)])


def _arguments(feed: Feed) -> int:
    try:
        kinds = [p.kind for p in inspect.signature(feed).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):  # a builtin
        return 2
    return sum(kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds)
