"""Embedding regression: how the meaning of a word differs between groups of documents.

À la carte (Khodak and others, 2018): the vector of a word is nearly a linear map A of the average vector of the words
around it. So one occurrence of a word, in one document, has a vector too, y = A · (mean of the vectors around it), and
these can be regressed on what is known of the document (Rodriguez, Spirling and Stewart, 2023),

    Y = X β + E,        Y: (occurrences, dimensions)

The length ‖β_j‖ says how far the meaning moves with covariate j. It is positive even where nothing moves, because noise
has a length too: its square exceeds the truth by the trace of the covariance of β̂_j, which is taken off (Green and
others, 2024), and whether it exceeds what chance gives is tested by permuting the covariate over documents.

References
----------
Khodak, M., Saunshi, N., Liang, Y., Ma, T., Stewart, B. and Arora, S. (2018). A la carte embedding: cheap but effective
induction of semantic feature vectors. ACL. Rodriguez, P. L., Spirling, A. and Stewart, B. M. (2023). Embedding
regression: models for context-specific description and inference. American Political Science Review 117. Green, B.,
Hobbs, W., Avila, S., Rodriguez, P. L., Spirling, A. and Stewart, B. M. (2024). Measuring distances in high dimensional
spaces. Winkler, A. M. and others (2014). Permutation inference for the general linear model. NeuroImage 92.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import check
from ceteris.results import Section
from ceteris.showing import AbstractResult
from ceteris.text.words.cooccurrence import count_pairs
from ceteris.text.words.corpus import Corpus
from ceteris.text.words.shown import regression_described, regression_section
from ceteris.text.words.vectors import WordVectors

_DRAWS_AT_ONCE = 200


@dataclass(frozen=True)
class EmbeddingRegression:
    """Regress the vectors of a word's occurrences on covariates of their documents.

    Parameters
    ----------
    vectors : WordVectors
        Learnt from this corpus or from a larger one.
    window : int
        Words on either side that make the context of an occurrence.
    draws : int
        For the p-values.
    seed : int
        Decides everything random.

    Examples
    --------
    >>> from ceteris.text import SkipGram, build_corpus
    >>> texts = ["the bank lent money to firms", "the bank of the river was green"] * 60
    >>> corpus = build_corpus(texts)
    >>> vectors = SkipGram(dimensions=8, window=3, epochs=20, rate=0.05).fit(corpus)
    >>> groups = pd.DataFrame({"river": [0, 1] * 60})
    >>> result = EmbeddingRegression(vectors, draws=99).fit(corpus, "bank", groups)
    >>> float(result.table().loc["river", "p-value"])
    0.01
    """

    vectors: WordVectors
    window: int = 6
    draws: int = 999
    seed: int = 0

    def fit(self, corpus: Corpus, word: str, X: Any) -> ContextRegression:
        """Fit.

        Parameters
        ----------
        corpus : Corpus
        word : str
            Whose meaning is looked at.
        X : DataFrame or array of shape (documents, covariates)
            Numbers or zeros and ones, one row per document of the corpus; a constant is added.
        """
        X = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X)).add_prefix("x")
        self._refuse(corpus, word, X)
        known = np.array([self.vectors.index.get(name, -1) for name in corpus.words])
        A = transformation(corpus, self.vectors, known, self.window)
        places = np.flatnonzero(corpus.ids == corpus.words.index(word))
        contexts, found = context_means(corpus, self.vectors, known, places, self.window)
        Y, documents = contexts[found] @ A, corpus.owner[places[found]]
        # all occurrences in one document share its covariates: sums per document are all that is needed
        present, place = np.unique(documents, return_inverse=True)
        design = np.column_stack([np.ones(len(present)), X.to_numpy(float)[present]])
        if np.linalg.matrix_rank(design) < design.shape[1] or len(present) <= design.shape[1]:
            raise ValueError(
                f"X: its columns do not all vary, independently of each other, over the {len(present)} documents in "
                "which "
                f"{word!r} occurs; drop a column or choose a more frequent word."
            )
        count = np.bincount(place).astype(float)
        sums = np.zeros((len(present), Y.shape[1]))
        np.add.at(sums, place, Y)
        beta, variance = regress(design, sums, count)
        rng = np.random.default_rng(self.seed)
        p = [permutation_p(design, sums, count, j, self.draws, rng) for j in range(1, design.shape[1])]
        return ContextRegression(word, ("(constant)", *map(str, X)), beta, variance, np.array([np.nan, *p]),
                                 int(count.sum()), len(present), self.vectors)  # fmt: skip

    def _refuse(self, corpus: Corpus, word: str, X: pd.DataFrame) -> None:
        check(self)
        if word not in corpus.words:
            raise KeyError(f"word: {word!r} does not occur often enough in the corpus; choose one of its .words.")
        if len(X) != corpus.documents:
            raise ValueError(
                f"X: {len(X)} rows were given, but the corpus has {corpus.documents} documents; give one row for each."
            )
        for name, column in X.items():
            if not _is_numeric(column):
                raise TypeError(
                    f"X: column {name!r} does not hold numbers; turn groups into zeros and ones, as "
                    "pd.get_dummies(X, drop_first=True) does."
                )
        if not np.isfinite(X.to_numpy(float)).all():
            raise ValueError("X: there are missing or infinite values; drop these documents or fill the values in.")


def _is_numeric(column: pd.Series) -> bool:
    try:
        column.to_numpy(float)
    except (TypeError, ValueError):
        return False
    return True


@dataclass(frozen=True, eq=False, repr=False)
class ContextRegression(AbstractResult):
    """What a word means, by covariates of its documents.

    Attributes
    ----------
    word : str
    names : tuple of str
        The constant and the covariates.
    beta : array, shape (covariates + 1, dimensions)
    variance : array of the same shape
        Of each element, robust to dependence within documents.
    p : array, shape (covariates + 1,)
        By permutation; NaN for the constant.
    occurrences, documents : int
        Of the word.
    vectors : WordVectors
    """

    word: str
    names: tuple[str, ...]
    beta: np.ndarray
    variance: np.ndarray
    p: np.ndarray
    occurrences: int
    documents: int
    vectors: WordVectors

    def summary(self) -> str:
        """Return one screen: lengths of coefficients and p-values."""
        return regression_described(self)

    def sections(self) -> tuple[Section, ...]:
        """Return lengths of coefficients, and the nearest words with and without each covariate."""
        return (regression_section(self),)

    def _check_loaded(self) -> None:
        """Raise unless what a file says fits together."""
        shape = (len(self.names), self.vectors.matrix.shape[1])
        if self.beta.shape != shape or self.variance.shape != shape or self.p.shape != shape[:1]:
            raise ValueError("names, coefficients and vectors do not fit together")

    def table(self) -> pd.DataFrame:
        """Return the length of each coefficient, the length with the bias of noise taken off, and the p-value."""
        squares = (self.beta**2).sum(1)
        columns = {
            "length": np.sqrt(squares),
            "length less noise": np.sqrt(np.maximum(squares - self.variance.sum(1), 0)),
        }
        return pd.DataFrame(columns | {"p-value": self.p}, pd.Index(self.names, name="covariate"))

    def vector(self, **covariates: float) -> np.ndarray:
        """Return the vector of the word at these values of the covariates (0 where one is not named)."""
        unknown = set(covariates) - set(self.names[1:])
        if unknown:
            raise ValueError(f"covariates: {sorted(unknown)} are not among {list(self.names[1:])}; name one of these.")
        return self.beta[0] + sum(self.beta[self.names.index(name)] * value for name, value in covariates.items())

    def most_similar(self, n: int = 10, **covariates: float) -> pd.DataFrame:
        """Return the words nearest to the word as it is used at these values of the covariates, itself left out."""
        near = self.vectors.most_similar(self.vector(**covariates), n + 1)
        return near.loc[near["word"] != self.word].iloc[:n].reset_index(drop=True)


def transformation(corpus: Corpus, vectors: WordVectors, known: np.ndarray, window: int) -> np.ndarray:
    """Return A, (dimensions, dimensions), with v_w ≈ c_w A, by least squares weighted by the logs of the words' counts.

    ``c_w`` is the average vector of all words within the window of w; ``known`` is the row of each word of the corpus
    in ``vectors``, -1 where it has none.
    """
    pairs = count_pairs(corpus, window, harmonic=False)[:, known >= 0]
    near = np.asarray(pairs.sum(1)).ravel()
    used = (known >= 0) & (near > 0) & (corpus.counts > 1)
    means = (pairs @ vectors.matrix[known[known >= 0]])[used] / near[used, None]
    weight = np.sqrt(np.log(corpus.counts[used]))[:, None]
    return np.linalg.lstsq(weight * means, weight * vectors.matrix[known[used]].astype(float), rcond=None)[0]


def context_means(
    corpus: Corpus, vectors: WordVectors, known: np.ndarray, places: np.ndarray, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean vector around each place in the corpus, (places, dimensions), and where there is one (bool)."""
    owner, total = corpus.owner, np.zeros((len(places), vectors.matrix.shape[1]))
    count = np.zeros(len(places))
    for step in (*range(-window, 0), *range(1, window + 1)):
        there = np.clip(places + step, 0, len(corpus.ids) - 1)
        row = known[corpus.ids[there]]
        counts = (there == places + step) & (owner[there] == owner[places]) & (row >= 0)
        total[counts] += vectors.matrix[row[counts]]
        count += counts
    return total / np.maximum(count, 1)[:, None], count > 0


def regress(design: np.ndarray, sums: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return least squares over occurrences from sums per document, and variances robust to dependence within them.

    Parameters
    ----------
    design : array, shape (documents, covariates)
    sums : array, shape (documents, dimensions)
        Of the outcome over the occurrences in each document.
    count : array, shape (documents,)
        Occurrences in each.

    Returns
    -------
    beta, variance : arrays, shape (covariates, dimensions)
    """
    inverse = np.linalg.inv(design.T @ (count[:, None] * design))
    beta = inverse @ design.T @ sums
    scores = design @ inverse  # (documents, covariates)
    residual = sums - count[:, None] * (design @ beta)
    n, k = design.shape
    return beta, (scores**2).T @ residual**2 * n / (n - k)


def permutation_p(
    design: np.ndarray, sums: np.ndarray, count: np.ndarray, j: int, draws: int, rng: np.random.Generator
) -> float:
    """Return the p-value of ‖β_j‖ when what the other covariates leave of covariate j is permuted over documents."""
    others = np.delete(design, j, axis=1)
    inverse = np.linalg.inv(others.T @ (count[:, None] * others))
    left = lambda x: x - others @ (inverse @ (others.T @ (count[:, None] * x)))
    own = left(design[:, [j]])

    def length(x):
        x = left(x)
        return np.linalg.norm(x.T @ sums, axis=1) / (count @ x**2)

    hits, observed = 0, length(own)[0]
    for start in range(0, draws, _DRAWS_AT_ONCE):
        drawn = np.repeat(own, min(_DRAWS_AT_ONCE, draws - start), axis=1)
        hits += int((length(rng.permuted(drawn, axis=0)) >= observed * (1 - 1e-12)).sum())
    return (1 + hits) / (1 + draws)
