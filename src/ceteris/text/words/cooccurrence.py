"""How often words meet within a window."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ceteris.text.words.corpus import Corpus

_BLOCK = 5_000_000  # tokens whose pairs are held at once


def count_pairs(corpus: Corpus, window: int, harmonic: bool) -> sparse.csr_matrix:
    """Return the symmetric matrix of how often words stand within a window of each other, (words, words).

    Parameters
    ----------
    corpus : Corpus
    window : int
        Most words between a word and its context, plus one. None reaches over the end of a document.
    harmonic : bool
        Whether a pair at distance o counts 1/o instead of 1.

    Examples
    --------
    >>> from ceteris.text import build_corpus
    >>> corpus = build_corpus(["a b c", "b a"], least=1)
    >>> count_pairs(corpus, 2, harmonic=True).toarray()  # of a, b, c
    array([[0. , 2. , 0.5],
           [2. , 0. , 1. ],
           [0.5, 1. , 0. ]])
    """
    V, ids, owner = len(corpus.words), corpus.ids, corpus.owner
    total = sparse.csr_matrix((V, V))
    for distance in range(1, window + 1):
        for start in range(0, max(len(ids) - distance, 0), _BLOCK):
            stop = min(start + _BLOCK, len(ids) - distance)
            here, there = slice(start, stop), slice(start + distance, stop + distance)
            together = owner[here] == owner[there]
            pairs = ids[here][together], ids[there][together]
            weight = np.full(len(pairs[0]), 1 / distance if harmonic else 1.0)
            total = total + sparse.coo_matrix((weight, pairs), (V, V)).tocsr()
    return (total + total.T).tocsr()
