"""How far word vectors can be trusted: the same question put to many runs, each on a sample of the documents.

Two runs with other seeds, or on another sample of the same texts, give other neighbours. Each run here draws the
documents again with replacement and starts from its own seed, so that the spread of an answer over runs shows both.

References
----------
Antoniak, M. and Mimno, D. (2018). Evaluating the stability of embedding-based word similarities. Transactions of the
ACL 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from ceteris.arguments import probability, whole
from ceteris.results import Check, Section
from ceteris.showing import AbstractResult
from ceteris.text.words.corpus import Corpus
from ceteris.text.words.glove import GloVe
from ceteris.text.words.shown import ensemble_described, middling, stability, steady
from ceteris.text.words.skip_gram import SkipGram
from ceteris.text.words.vectors import WordVectors


@dataclass(frozen=True, eq=False, repr=False)
class VectorEnsemble(AbstractResult):
    """Word vectors of several runs over one vocabulary.

    Where n nearest words are asked for and the vocabulary has fewer others, it is all others.

    Every answer is a data frame: the mean over runs, its standard deviation, and the interval (low, high) in which a
    further run would lie with the given probability, mean ± t √(1 + 1/R) sd with Student's t of R - 1 degrees.

    Parameters
    ----------
    runs : tuple of WordVectors
        At least two, with the same words in the same order; `fit_many` makes them.

    Examples
    --------
    >>> words, counts = ("cat", "dog", "car"), np.ones(3)
    >>> matrices = [np.array([[1.0, 0.0], [4.0, y], [0.0, 1.0]]) for y in (2.0, 3.0, 5.0)]
    >>> ensemble = VectorEnsemble(tuple(WordVectors(words, matrix, counts) for matrix in matrices))
    >>> found = ensemble.most_similar("dog", n=1)
    >>> found[["similarity", "share of runs in top 1"]].round(2)  # in the third run it is the car
          similarity  share of runs in top 1
    word
    cat         0.77                    0.67
    """

    runs: tuple[WordVectors, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The vocabulary."""
        return self.runs[0].words

    def summary(self) -> str:
        """Return one screen: how steady neighbours are, and some of them."""
        return ensemble_described(self)

    def sections(self) -> tuple[Section, ...]:
        """Return how steady neighbours are over runs."""
        return (stability(self),)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether two runs find the same neighbours."""
        return (steady(self, middling(self)),)

    def _check_loaded(self) -> None:
        """Raise unless what a file says fits together."""
        if len(self.runs) < 2 or any(run.words != self.words for run in self.runs):
            raise ValueError("the runs are not of the same words")

    def similarity(self, pairs: Sequence[tuple[str, str]], level: float = 0.95) -> pd.DataFrame:
        """Return the cosines of pairs of words."""
        values = np.array([[run.similarity(a, b) for a, b in pairs] for run in self.runs])
        index = pd.MultiIndex.from_tuples(pairs, names=["a", "b"])
        return _spread(values, index, "similarity", level)

    def most_similar(self, word: str, n: int = 10, level: float = 0.95) -> pd.DataFrame:
        """Return the n words nearest on average, and the share of runs in which each is among the n nearest."""
        place, n = self.runs[0].place(word), self._most(n)
        cosines = np.stack([run.unit @ run.unit[place] for run in self.runs])
        cosines[:, place] = -np.inf
        best = np.argsort(-cosines.mean(0), kind="stable")[:n]
        rank = np.argsort(np.argsort(-cosines, axis=1, kind="stable"), axis=1)
        index = pd.Index([self.words[i] for i in best], name="word")
        found = _spread(cosines[:, best], index, "similarity", level)
        return found.assign(**{f"share of runs in top {n}": (rank[:, best] < n).mean(0)})

    def project(
        self, words: Sequence[str], *, high: Sequence[str], low: Sequence[str], level: float = 0.95
    ) -> pd.DataFrame:
        """Place words on a scale between two poles; see `WordVectors.project`."""
        values = np.stack([run.project(words, high=high, low=low).to_numpy() for run in self.runs])
        return _spread(values, pd.Index(words, name="word"), "position", level)

    def agreement(self, words: Sequence[str] | None = None, n: int = 10) -> pd.Series:
        """Return, per word, the share of its n nearest words that two runs have in common, on average."""
        words, n = self.words if words is None else words, self._most(n)
        places = [self.runs[0].place(word) for word in words]
        near = [_nearest(run, places, n) for run in self.runs]
        shared = [[len(set(a) & set(b)) / n for a, b in zip(*two, strict=True)] for two in combinations(near, 2)]
        return pd.Series(np.mean(shared, axis=0), pd.Index(words, name="word"), name=f"shared of {n} nearest")

    def _most(self, n: int) -> int:
        whole("n", n)
        return min(n, len(self.words) - 1)


def fit_many(
    model: SkipGram | GloVe, corpus: Corpus, runs: int = 10, resample: bool = True, seed: int = 0
) -> VectorEnsemble:
    """Learn the vectors of a corpus several times.

    Parameters
    ----------
    model : SkipGram or GloVe
        Its own seed counts for nothing.
    corpus : Corpus
    runs : int
        At least 2; 10 give a first idea, 25 good intervals.
    resample : bool
        Whether each run draws the documents again with replacement; otherwise runs differ by their seed only.
    seed : int

    Examples
    --------
    >>> from ceteris.text import SkipGram, build_corpus
    >>> corpus = build_corpus(["cats drink milk", "dogs drink water", "cats and dogs play"] * 50)
    >>> ensemble = fit_many(SkipGram(dimensions=8, window=2), corpus, runs=3)
    >>> list(ensemble.similarity([("cats", "dogs")]).columns)
    ['similarity', 'sd', 'low', 'high']
    """
    whole("runs", runs, least=2)
    if resample and corpus.documents < 20:
        raise ValueError(
            f"corpus: it has {corpus.documents} documents, too few to draw samples of; give the text in more documents "
            "(paragraphs, sentences), or resample=False."
        )
    rng = np.random.default_rng(seed)
    fitted = []
    for number in rng.integers(2**31, size=runs):
        drawn = corpus.take(np.sort(rng.integers(corpus.documents, size=corpus.documents))) if resample else corpus
        fitted.append(replace(model, seed=int(number)).fit(drawn))
    return VectorEnsemble(tuple(fitted))


def _nearest(run: WordVectors, places: Sequence[int], n: int) -> np.ndarray:
    cosines = run.unit[places] @ run.unit.T
    cosines[np.arange(len(places)), places] = -np.inf
    return np.argpartition(-cosines, n, axis=1)[:, :n]


def _spread(values: np.ndarray, index: pd.Index, name: str, level: float) -> pd.DataFrame:
    """Summarise values of shape (runs, answers)."""
    probability("level", level)
    mean, sd = values.mean(0), values.std(0, ddof=1)
    half = stats.t.ppf(0.5 + level / 2, len(values) - 1) * np.sqrt(1 + 1 / len(values)) * sd
    limit = 1.0 if name == "similarity" else np.inf
    low, high = np.clip(mean - half, -limit, limit), np.clip(mean + half, -limit, limit)
    return pd.DataFrame({name: mean, "sd": sd, "low": low, "high": high}, index)
