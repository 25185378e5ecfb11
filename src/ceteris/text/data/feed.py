"""What a model in training reads at each step: a function of the step, so that a killed run goes on as it would have.

The tokens of a source are one long row, cut into windows of equal length, which are taken in a random order, anew in
each pass over them. Several sources are mixed in blocks of 1,024 windows, each with as many of each source as the
weights say, to the last one.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ceteris.arguments import NOT_NEGATIVE, one_of, require, whole

BLOCK = 1024


@dataclass(frozen=True, eq=False)
class TokenRow:
    """All tokens of one source, in one long row that lies in several files.

    Parameters
    ----------
    name : str
        Which source.
    parts : sequence of arrays
        The tokens, as many as each file holds, mapped into memory.
    ends : int64 array
        Where each document ends, counted over all files.
    """

    name: str
    parts: Sequence[np.ndarray]
    ends: np.ndarray

    @functools.cached_property
    def starts(self) -> np.ndarray:
        """Where each file starts, and the last one ends."""
        return np.concatenate([[0], np.cumsum([len(part) for part in self.parts])]).astype(np.int64)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def between(self, start: int, stop: int) -> np.ndarray:
        """Return tokens from one place up to another."""
        first = int(np.searchsorted(self.starts, start, "right")) - 1
        found = []
        while start < stop:
            inside = self.parts[first][start - self.starts[first] : stop - self.starts[first]]
            found.append(inside)
            start, first = start + len(inside), first + 1
        return found[0] if len(found) == 1 else np.concatenate(found)

    def owners(self, start: int, stop: int) -> np.ndarray:
        """Return which document each token between two places is of: 0 for the first of them, and on."""
        first, last = np.searchsorted(self.ends, [start, stop], "right")
        return np.searchsorted(self.ends[first:last], np.arange(start, stop), "right")


@dataclass(frozen=True, eq=False)
class TokenFeed:
    """Batches of windows; ``feed(t, n)`` returns those of n steps from step t on, as `ceteris.engine.fit` asks.

    Parameters
    ----------
    rows : sequence of TokenRow
        The sources.
    length : int
        Tokens of a window. A model that foretells the next token reads one less: ask for one more.
    batch_size : int
        Windows per step.
    weights : mapping of str to float, optional
        How much of each source, in tokens read; by default as much as there is of it. Sources without a weight are
        not read.
    seed : int
        Decides the order.
    vocabulary : int, optional
        Numbers from here on are no tokens; a file that holds one is damaged.

    Examples
    --------
    >>> row = TokenRow("news", [np.arange(100, dtype=np.uint16)], np.array([7, 40, 100]))
    >>> batch = TokenFeed([row], length=8, batch_size=2)(0, 3)
    >>> batch["tokens"].shape, batch["documents"].shape
    ((3, 2, 8), (3, 2, 8))
    """

    rows: Sequence[TokenRow]
    length: int
    batch_size: int
    weights: Mapping[str, float] | None = None
    seed: int = 0
    vocabulary: int | None = None

    def __post_init__(self) -> None:
        whole("length", self.length, least=2)
        whole("batch_size", self.batch_size)
        whole("seed", self.seed, least=0)
        names = [row.name for row in self.rows]
        for name, weight in (self.weights or {}).items():
            one_of("weights: source", name, names)
            require(f"weights: {name}", weight, NOT_NEGATIVE)
        if self.weights is not None and not sum(self.weights.values()) > 0:
            raise ValueError("weights are all 0, but at least one must be above 0; give one.")
        tokens, needed = sum(len(row) for row in self.used), self.length * self.batch_size
        if tokens < needed:
            raise ValueError(
                f"corpus: it has {tokens:,} tokens, but must have at least {needed:,}, one batch of {self.batch_size} "
                f"windows of {self.length}; give more text, or smaller windows and batches."
            )
        short = next((row for row in self.used if len(row) < 2 * self.length), None)
        if short is not None:
            raise ValueError(
                f"corpus: source {short.name!r} has {len(short):,} tokens, but must have at least {2 * self.length:,}, "
                "two windows; give more of it, smaller windows, or no weight to it."
            )

    @functools.cached_property
    def used(self) -> tuple[TokenRow, ...]:
        """The sources that have a weight."""
        if self.weights is None:
            return tuple(row for row in self.rows if len(row))
        return tuple(row for row in self.rows if self.weights.get(row.name, 0) > 0)

    @functools.cached_property
    def shares(self) -> tuple[float, ...]:
        """How much of each source that is used, adding up to 1."""
        weight = lambda row: len(row) if self.weights is None else self.weights[row.name]
        total = sum(weight(row) for row in self.used)
        return tuple(weight(row) / total for row in self.used)

    def windows(self, row: TokenRow) -> int:
        """Return how many windows one pass over a source has."""
        return (len(row) - self.length + 1) // self.length

    def passes(self, steps: int) -> dict[str, float]:
        """Return how often each source is read in so many steps."""
        windows = steps * self.batch_size
        return {r.name: windows * share / self.windows(r) for r, share in zip(self.used, self.shares, strict=True)}

    def __call__(self, t: int, n: int) -> dict[str, np.ndarray]:
        shape = (n, self.batch_size, self.length)
        tokens, owners = np.empty((n * self.batch_size, self.length), np.int32), np.empty(shape, np.int32)
        flat = owners.reshape(tokens.shape)
        for place in range(n * self.batch_size):
            row, start = self._where(t * self.batch_size + place)
            tokens[place] = row.between(start, start + self.length)
            flat[place] = row.owners(start, start + self.length)
        if self.vocabulary is not None and tokens.size and tokens.max() >= self.vocabulary:
            raise ValueError(
                f"corpus: a shard holds {tokens.max()}, but must hold numbers below {self.vocabulary}, those of "
                "tokens; it is damaged: prepare it again."
            )
        return {"tokens": tokens.reshape(shape), "documents": owners}

    def _where(self, sample: int) -> tuple[TokenRow, int]:
        """Return the source of the i-th window of a run, and where in it the window starts."""
        block, inside = divmod(sample, BLOCK)
        sources, ranks = _block(self.shares, block, self.seed)
        source = int(sources[inside])
        row = self.used[source]
        windows = self.windows(row)
        epoch, rank = divmod(int(_before(self.shares, block)[source] + ranks[inside]), windows)
        order, shift = _pass(windows, self.length, self.seed, source, epoch)
        return row, shift + int(order[rank]) * self.length


@functools.lru_cache(maxsize=64)
def _before(shares: tuple[float, ...], blocks: int) -> np.ndarray:
    """Return how many windows of each source the first blocks hold: what the shares say, rounded."""
    counts = np.floor(np.array(shares) * blocks * BLOCK + 0.5).astype(np.int64)
    most = int(np.argmax(shares))
    counts[most] += blocks * BLOCK - counts.sum()
    return counts


@functools.lru_cache(maxsize=64)
def _block(shares: tuple[float, ...], block: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the source of each window of a block, and how many of that source stand before it in the block."""
    counts = _before(shares, block + 1) - _before(shares, block)
    sources = np.random.default_rng([seed, 1, block]).permutation(np.repeat(np.arange(len(counts)), counts))
    ranks = np.zeros(BLOCK, np.int64)
    for source in range(len(counts)):
        own = sources == source
        ranks[own] = np.arange(own.sum())
    return sources, ranks


@functools.lru_cache(maxsize=16)
def _pass(windows: int, length: int, seed: int, source: int, epoch: int) -> tuple[np.ndarray, int]:
    """Return the order of windows in one pass over a source, and by how much its windows are shifted."""
    rng = np.random.default_rng([seed, 2, source, epoch])
    return rng.permutation(windows), int(rng.integers(length))
