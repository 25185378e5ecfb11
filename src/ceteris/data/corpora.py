"""Texts with a planted meaning: words have known vectors, and documents speak of what their words point at.

Document i has a topic c_i ~ N(0, I) of few dimensions, and its words are independent draws with

    P(word w | c_i)  ∝  f_w exp(v_w · c_i),        f_w from Zipf's law

The pointwise mutual information of two words in a document is then about v_w · v_w', so that the cosines of the v are
what word vectors learnt from the text should have.

References
----------
Arora, S., Li, Y., Liang, Y., Ma, T. and Risteski, A. (2016). A latent variable model approach to PMI-based word
embeddings. Transactions of the ACL 4. Their topic walks slowly through a text; ours stays for a document.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ceteris.arguments import whole

_BLOCK = 2_000  # documents whose chances are worked out at once
_OFFSET = 0.6  # how far the two words of a pair lie from their middle, along the common direction


@dataclass(frozen=True)
class PlantedCorpus:
    """A text and what is known of it.

    Attributes
    ----------
    tokens : int array, shape (documents, length)
        Words by their number.
    words : tuple of str
        Their names: w0, w1, ... and where pairs were asked for, low0, high0, low1, high1, ... before them.
    vectors : array, shape (words, dimensions)
        The planted v (of group 0, where a word was turned).
    groups : int array, shape (documents,)
        0 or 1.
    """

    tokens: np.ndarray
    words: tuple[str, ...]
    vectors: np.ndarray
    groups: np.ndarray

    @property
    def documents(self) -> list[list[str]]:
        """The text, one list of words per document."""
        names = np.array(self.words, object)
        return [names[row].tolist() for row in self.tokens]

    @property
    def cosines(self) -> np.ndarray:
        """True similarity of any two words, shape (words, words)."""
        unit = self.vectors / np.linalg.norm(self.vectors, axis=1, keepdims=True)
        return unit @ unit.T


def simulate_corpus(
    documents: int = 20_000,
    length: int = 25,
    words: int = 1_000,
    dimensions: int = 8,
    strength: float = 1.3,
    pairs: int = 0,
    turn: float = 0.0,
    seed: int = 0,
) -> PlantedCorpus:
    """Draw a text with planted co-occurrence.

    Parameters
    ----------
    documents, length : int
        Documents, and words in each.
    words, dimensions : int
        Different words, and dimensions of their planted vectors.
    strength : float
        Expected norm of a vector: how much a topic says about its words.
    pairs : int
        So many pairs of words differ along one common direction, as king and queen do: low_k and high_k.
    turn : float
        Angle in radians between the vectors that word "w0" has in the two groups of documents.
    seed : int

    Returns
    -------
    PlantedCorpus

    Examples
    --------
    >>> corpus = simulate_corpus(documents=100, words=50, pairs=2)
    >>> corpus.tokens.shape, corpus.words[:5]
    ((100, 25), ('low0', 'high0', 'low1', 'high1', 'w0'))
    """
    whole("documents", documents, least=1)
    whole("length", length, least=2)
    whole("dimensions", dimensions, least=2)
    whole("pairs", pairs, least=0)
    whole("words", words, least=2 * pairs + 2)
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((words, dimensions)) * strength / np.sqrt(dimensions)
    vectors[: 2 * pairs] = _paired(vectors[:pairs])
    others = _rotated(vectors, 2 * pairs, turn)
    frequency = 1.0 / (rng.permutation(words) + 10.0)  # Zipf-Mandelbrot: the first ranks are flattened
    frequency[: 2 * pairs] = np.median(frequency)
    frequency[2 * pairs] = np.quantile(frequency, 0.9)
    groups = rng.integers(2, size=documents)
    tokens = np.concatenate(
        [
            _draw_words(part, (vectors, others), frequency, length, rng)
            for part in np.split(groups, range(_BLOCK, documents, _BLOCK))
        ]
    )
    paired = [f"{end}{k}" for k in range(pairs) for end in ("low", "high")]
    names = (*paired, *(f"w{k}" for k in range(words - 2 * pairs)))
    return PlantedCorpus(tokens, names, vectors, groups)


def _paired(middles: np.ndarray) -> np.ndarray:
    """Two vectors for each middle, on either side of it along the last dimension."""
    middles = middles.copy()
    middles[:, -1] = 0.0
    step = np.zeros(middles.shape[1])
    step[-1] = _OFFSET
    return np.stack([middles - step, middles + step], axis=1).reshape(-1, middles.shape[1])


def _rotated(vectors: np.ndarray, word: int, angle: float) -> np.ndarray:
    """The vectors with that of one word turned by an angle, towards a direction orthogonal to it."""
    v = vectors[word]
    across = np.roll(v, 1) - (np.roll(v, 1) @ v) / (v @ v) * v
    across *= np.linalg.norm(v) / np.linalg.norm(across)
    others = vectors.copy()
    others[word] = np.cos(angle) * v + np.sin(angle) * across
    return others


def _draw_words(
    groups: np.ndarray, vectors: tuple[np.ndarray, np.ndarray], frequency: np.ndarray, length: int, rng
) -> np.ndarray:
    """Draw the words of some documents, int32 (documents, length)."""
    topics = rng.standard_normal((len(groups), vectors[0].shape[1]))
    scores = np.where(groups[:, None] == 0, topics @ vectors[0].T, topics @ vectors[1].T)
    chances = frequency * np.exp(scores)
    ladder = np.cumsum(chances, axis=1)
    ladder = ladder / ladder[:, -1:] + np.arange(len(groups))[:, None]  # one ladder for all documents
    drawn = rng.random((len(groups), length)) + np.arange(len(groups))[:, None]
    places = np.searchsorted(ladder.ravel(), drawn.ravel(), side="right").reshape(drawn.shape)
    return np.minimum(places - np.arange(len(groups))[:, None] * len(frequency), len(frequency) - 1).astype(np.int32)
