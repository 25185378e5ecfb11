"""Skip-gram with negative sampling: word vectors that tell a word's neighbours from words drawn at random.

For every word w and every word c near it, with K words drawn from P(w') ∝ count(w')^0.75,

    J = -log σ(v_c · u_w) - Σ_k log σ(-v_c · u_{w'_k})

is lowered by one step of gradient descent at a falling rate. One thread, and everything random from the seed: the same
corpus and seed give the same vectors, to the bit.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numba as nb
import numpy as np
import pandas as pd

from ceteris.arguments import NOT_NEGATIVE, check
from ceteris.text.words.corpus import Corpus
from ceteris.text.words.vectors import WordVectors

LANES = 16  # numbers that a vector unit takes at once; rows are filled up with zeros, which stay zeros
EDGE, CELLS = 8.0, 4096  # σ(x) is read from a table on [-EDGE, EDGE]
LOWEST = 1e-4  # share of the rate at which the last word is learnt


@dataclass(frozen=True)
class SkipGram:
    """Word vectors by skip-gram with negative sampling.

    Parameters
    ----------
    dimensions : int
        Length of a vector.
    window : int
        Most words between a word and its context, on either side, plus one; each time 1, ..., window is drawn, so that
        near words count more.
    negative : int
        Words drawn at random per pair, K.
    epochs : int
        Passes over the corpus.
    rate : float
        Learning rate; it falls along a line to almost nothing.
    subsample : float
        A word of relative frequency p is skipped with chance 1 - √(t/p) - t/p, t being this number; 0 skips none.
    combine : bool
        Whether to return v + u less its mean over words, instead of v as word2vec does. All vectors share a large
        common part, which says nothing about meaning and makes all cosines high; and u has learnt as much as v. On
        planted corpora this brings cosines much closer to the truth. Analogies do not gain: of those planted, the
        right word is among the first five slightly less often than by v (`analogy` gives the figures).
    seed : int
        Decides everything random.

    References
    ----------
    Mikolov, T., Sutskever, I., Chen, K., Corrado, G. and Dean, J. (2013). Distributed representations of words and
    phrases and their compositionality. NeurIPS 26. Mu, J. and Viswanath, P. (2018). All-but-the-top: simple and
    effective postprocessing for word representations. ICLR. (The paper of 2013 skips with chance 1 - √(t/p); its
    program, and this one, with the chance above.)

    Examples
    --------
    >>> from ceteris.text import build_corpus
    >>> texts = ["cats drink milk", "dogs drink water", "cats and dogs play", "we drink water and milk"] * 50
    >>> vectors = SkipGram(dimensions=8, window=2, epochs=2).fit(build_corpus(texts))
    >>> vectors.matrix.shape
    (8, 8)
    """

    dimensions: int = 100
    window: int = 5
    negative: int = 5
    epochs: int = 5
    rate: float = 0.025
    subsample: float = 1e-3
    combine: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, subsample=NOT_NEGATIVE)

    def fit(self, corpus: Corpus, progress: bool = False) -> WordVectors:
        """Learn the vectors of a corpus.

        Parameters
        ----------
        corpus : Corpus
            From `build_corpus` or `read_corpus`.
        progress : bool
            Whether to say after each epoch how far it is, on stderr.
        """
        refuse_short(corpus, self.window, "SkipGram")
        rng = np.random.default_rng(self.seed)
        v, u = start_vectors(len(corpus.words), self.dimensions, rng)
        keep, (own, other) = keep_chances(corpus.counts, self.subsample), alias_table(corpus.counts**0.75)
        state, total = rng.integers(1, 2**63, dtype=np.uint64), float(self.epochs * len(corpus.ids))
        losses, began = [], time.perf_counter()
        for epoch in range(self.epochs):
            loss, pairs, state = learn_epoch(
                v, u, corpus.ids, corpus.starts, keep, own, other, SIGMOID, LOG_SIGMOID, self.window, self.negative,
                self.rate, epoch * len(corpus.ids) / total, len(corpus.ids) / total, state,
            )  # fmt: skip
            state = np.uint64(state)
            losses.append(loss / max(pairs, 1))
            if progress:
                speed = (epoch + 1) * len(corpus.ids) / (time.perf_counter() - began)
                print(
                    f"epoch {epoch + 1} of {self.epochs}: loss {losses[-1]:.4f}, {speed:,.0f} words/s", file=sys.stderr
                )
        if not np.isfinite(v).all():
            raise FloatingPointError(f"SkipGram: the vectors became non-finite; lower rate (now {self.rate}).")
        history = pd.DataFrame({"epoch": np.arange(1, self.epochs + 1), "loss": losses})
        matrix = combined(v, u) if self.combine else v
        return WordVectors(corpus.words, np.ascontiguousarray(matrix[:, : self.dimensions]), corpus.counts, history)


def combined(v: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return the sum of both vectors of each word, less its mean over words."""
    both = v + u
    return both - both.mean(0)


def refuse_short(corpus: Corpus, window: int, method: str) -> None:
    """Raise if no document is long enough for one full window."""
    longest = int(np.diff(corpus.starts).max())
    if longest <= window:
        raise ValueError(
            f"{method}: window is {window}, but the longest document has {longest} words that are frequent enough; "
            "give "
            "longer documents or a smaller window."
        )


def start_vectors(words: int, dimensions: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return v, uniform on ±1/(2 dimensions), and u, zero: float32 (words, dimensions filled up to whole lanes)."""
    v = np.zeros((words, -(-dimensions // LANES) * LANES), np.float32)
    v[:, :dimensions] = (rng.random((words, dimensions), np.float32) - 0.5) / dimensions
    return v, np.zeros_like(v)


def keep_chances(counts: np.ndarray, subsample: float) -> np.ndarray:
    """Return the chance that an occurrence of each word is learnt from, in units of 2^-24, uint64."""
    if subsample == 0:
        return np.full(len(counts), 2**24, np.uint64)
    odds = subsample * counts.sum() / np.maximum(counts, 1)
    return (np.minimum(1.0, np.sqrt(odds) + odds) * 2**24).astype(np.uint64)


def alias_table(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a table for draws in proportion to weights, at two look-ups each (Walker, 1977).

    Draw i evenly; with chance ``own[i]`` (in units of 2^-24, uint32) keep it, else take ``other[i]`` (int32).

    Examples
    --------
    >>> own, other = alias_table(np.array([3.0, 1.0]))
    >>> (own / 2**24).tolist(), other[1].item()
    ([1.0, 0.5], 0)
    """
    n = len(weights)
    own, other = np.ones(n), np.arange(n, dtype=np.int32)
    share = weights / weights.mean()
    poor, rich = list(np.flatnonzero(share < 1)), list(np.flatnonzero(share >= 1))
    while poor and rich:
        i, j = poor.pop(), rich[-1]
        own[i], other[i] = share[i], j
        share[j] -= 1 - share[i]
        if share[j] < 1:
            poor.append(rich.pop())
    return (own * 2**24).astype(np.uint32), other


_MIDDLES = (np.arange(CELLS) + 0.5) * (2 * EDGE / CELLS) - EDGE
SIGMOID = (1 / (1 + np.exp(-_MIDDLES))).astype(np.float32)
LOG_SIGMOID = np.log(SIGMOID)


@nb.njit(inline="always")
def _next(state):  # xorshift: fast, and good enough to draw words with
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    return state ^ (state << np.uint64(17))


@nb.njit(fastmath=True, nogil=True, cache=True)
def learn_epoch(v, u, ids, starts, keep, own, other, sigmoid, log_sigmoid, window, negative, rate, begun, share, state):
    """Make one pass over the corpus, changing v and u; return the summed loss, the number of pairs and the state.

    ``begun`` is the share of all words that were learnt from before, ``share`` that of this pass.
    """
    width, words = v.shape[1], np.uint64(len(own))
    scale, edge = np.float32(len(sigmoid) / (2 * EDGE)), np.float32(EDGE)
    longest = 0
    for s in range(len(starts) - 1):
        longest = max(longest, starts[s + 1] - starts[s])
    text, move, targets = np.empty(longest, np.int32), np.empty(width, np.float32), np.empty(negative + 1, np.int32)
    loss, pairs = 0.0, 0
    for s in range(len(starts) - 1):
        n = 0
        for i in range(starts[s], starts[s + 1]):
            state = _next(state)
            if (state >> np.uint64(40)) < keep[ids[i]]:
                text[n] = ids[i]
                n += 1
        alpha = np.float32(rate * max(LOWEST, 1 - begun - share * starts[s] / len(ids)))
        for i in range(n):
            state = _next(state)
            reach = window - np.int64((state >> np.uint64(33)) % np.uint64(window))
            w = text[i]
            for p in range(max(0, i - reach), min(n, i + reach + 1)):
                if p == i:
                    continue
                c = text[p]
                pairs += 1
                for k in range(width):
                    move[k] = 0
                targets[0] = w
                for j in range(1, negative + 1):  # drawn ahead, so that memory answers all of them at once
                    state = _next(state)
                    t = ((state >> np.uint64(32)) * words) >> np.uint64(32)
                    targets[j] = t if (state & np.uint64(0xFFFFFF)) < own[t] else other[t]
                for j in range(negative + 1):
                    t = targets[j]
                    if j > 0 and t == w:
                        continue
                    dot = np.float32(0)
                    for k in range(width):
                        dot += v[c, k] * u[t, k]
                    dot = min(max(dot, -edge), edge * np.float32(0.9999))
                    g = -sigmoid[np.int64((dot + edge) * scale)]
                    if j == 0:
                        g += np.float32(1)
                        loss -= log_sigmoid[np.int64((dot + edge) * scale)]
                    else:
                        loss -= log_sigmoid[np.int64((edge * np.float32(0.9999) - dot) * scale)]
                    g *= alpha
                    for k in range(width):
                        move[k] += g * u[t, k]
                        u[t, k] += g * v[c, k]
                for k in range(width):
                    v[c, k] += move[k]
    return loss, pairs, state
