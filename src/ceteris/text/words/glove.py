"""GloVe: word vectors whose products are the logarithms of how often words meet.

With X_ij the (harmonically weighted) number of times that words i and j stand within a window,

    J = Σ f(X_ij) (v_i · u_j + b_i + c_j - log X_ij)²,        f(x) = min(1, (x / x_max)^0.75)

is minimised over all pairs that were seen, one pair at a time in random order, by AdaGrad. The vectors are v + u.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import pandas as pd

from ceteris.arguments import POSITIVE, check
from ceteris.text.words.cooccurrence import count_pairs
from ceteris.text.words.corpus import Corpus
from ceteris.text.words.skip_gram import combined, refuse_short
from ceteris.text.words.vectors import WordVectors


@dataclass(frozen=True)
class GloVe:
    """Word vectors from global co-occurrence.

    Parameters
    ----------
    dimensions : int
        Length of a vector.
    window : int
        Most words between a word and its context, plus one.
    epochs : int
        Passes over all pairs of words that were seen together.
    rate : float
        Learning rate of AdaGrad.
    most : float
        x_max: pairs that meet more often than this all count alike.
    combine : bool
        Whether to take out of v + u its mean over words, as in `SkipGram`: for cosines, not for analogies.
    seed : int
        Decides everything random.

    References
    ----------
    Pennington, J., Socher, R. and Manning, C. D. (2014). GloVe: global vectors for word representation. EMNLP.

    Examples
    --------
    >>> from ceteris.text import build_corpus
    >>> texts = ["cats drink milk", "dogs drink water", "cats and dogs play", "we drink water and milk"] * 50
    >>> GloVe(dimensions=8, window=2, epochs=5).fit(build_corpus(texts)).matrix.shape
    (8, 8)
    """

    dimensions: int = 100
    window: int = 5
    epochs: int = 25
    rate: float = 0.05
    most: float = 100.0
    combine: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, most=POSITIVE)

    def fit(self, corpus: Corpus) -> WordVectors:
        """Learn the vectors of a corpus."""
        refuse_short(corpus, self.window, "GloVe")
        pairs = count_pairs(corpus, self.window, harmonic=True).tocoo()
        rng = np.random.default_rng(self.seed)
        shape = (len(corpus.words), self.dimensions + 1)  # the last column holds the biases
        v, u = (((rng.random(shape) - 0.5) / self.dimensions).astype(np.float32) for _ in range(2))
        past = np.ones(shape, np.float32), np.ones(shape, np.float32)
        times = np.asarray(pairs.data, float)
        log, weight = np.log(times), np.minimum(1.0, (times / self.most) ** 0.75)
        losses = [
            learn_pairs(v, u, *past, pairs.row, pairs.col, log, weight, rng.permutation(pairs.nnz), self.rate)
            / pairs.nnz
            for _ in range(self.epochs)
        ]
        if not np.isfinite(v).all():
            raise FloatingPointError(f"GloVe: the vectors became non-finite; lower rate (now {self.rate}).")
        matrix = combined(v, u) if self.combine else v + u
        history = pd.DataFrame({"epoch": np.arange(1, self.epochs + 1), "loss": losses})
        return WordVectors(corpus.words, np.ascontiguousarray(matrix[:, :-1]), corpus.counts, history)


@nb.njit(fastmath=True, nogil=True, cache=True)
def learn_pairs(v, u, past_v, past_u, rows, columns, log, weight, order, rate):
    """Make one step for every pair, changing vectors, biases (in the last column) and sums of squared gradients."""
    d, loss, alpha = v.shape[1] - 1, 0.0, np.float32(rate)
    for place in order:
        i, j = rows[place], columns[place]
        gap = np.float64(v[i, d] + u[j, d]) - log[place]
        for k in range(d):
            gap += v[i, k] * u[j, k]
        loss += weight[place] * gap**2
        g = np.float32(weight[place] * gap)
        for k in range(d):
            gv, gu = g * u[j, k], g * v[i, k]
            v[i, k] -= alpha * gv / np.sqrt(past_v[i, k])
            u[j, k] -= alpha * gu / np.sqrt(past_u[j, k])
            past_v[i, k] += gv * gv
            past_u[j, k] += gu * gu
        v[i, d] -= alpha * g / np.sqrt(past_v[i, d])
        u[j, d] -= alpha * g / np.sqrt(past_u[j, d])
        past_v[i, d] += g * g
        past_u[j, d] += g * g
    return loss
