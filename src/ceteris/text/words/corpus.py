"""A corpus as numbers: words counted, rare ones left out, phrases joined."""

from __future__ import annotations

import itertools
import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ceteris.arguments import whole
from ceteris.results import Section
from ceteris.showing import AbstractResult
from ceteris.text.words.file import text_file
from ceteris.text.words.shown import corpus_described, corpus_section

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, eq=False, repr=False)
class Corpus(AbstractResult):
    """Documents, each a run of words by their number.

    Attributes
    ----------
    ids : int32 array, shape (tokens,)
        The words of all documents, one after the other; words that were too rare are left out.
    starts : int64 array, shape (documents + 1,)
        Where each document starts, and where the last one ends.
    words : tuple of str
        The vocabulary, most frequent first.
    counts : int64 array, shape (words,)
        How often each occurs.
    raw : int
        Words read, rare ones included.

    Examples
    --------
    >>> corpus = build_corpus(["Cats drink milk.", "Dogs drink water.", "Dogs bark."], least=2)
    >>> corpus.words, corpus.counts.tolist(), corpus.raw
    (('dogs', 'drink'), [2, 2], 8)
    >>> corpus.documents, corpus.owner.tolist()
    (3, [0, 1, 1, 2])
    """

    ids: np.ndarray
    starts: np.ndarray
    words: tuple[str, ...]
    counts: np.ndarray
    raw: int

    @property
    def documents(self) -> int:
        """Number of documents."""
        return len(self.starts) - 1

    @property
    def owner(self) -> np.ndarray:
        """The document of each word, shape (tokens,)."""
        return np.repeat(np.arange(self.documents), np.diff(self.starts))

    def summary(self) -> str:
        """Return one screen: how much text, and the commonest words."""
        return corpus_described(self)

    def sections(self) -> tuple[Section, ...]:
        """Return the commonest words, how frequencies fall with rank, and how long documents are."""
        return (corpus_section(self),)

    def _check_loaded(self) -> None:
        """Raise unless what a file says fits together."""
        words, starts = len(self.words), self.starts
        if self.counts.shape != (words,) or len(starts) < 1 or starts[0] != 0 or starts[-1] != len(self.ids):
            raise ValueError("words, counts and documents do not fit together")
        if (np.diff(starts) < 0).any() or (len(self.ids) and not 0 <= self.ids.min() <= self.ids.max() < words):
            raise ValueError("documents do not follow each other, or hold words that are not there")

    def take(self, documents: np.ndarray) -> Corpus:
        """Return the corpus of these documents (some perhaps several times), with the same vocabulary."""
        lengths = np.diff(self.starts)[documents]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(starts[-1]) + np.repeat(self.starts[:-1][documents] - starts[:-1], lengths)
        ids = self.ids[places]
        return Corpus(ids, starts, self.words, np.bincount(ids, minlength=len(self.words)), len(ids))


def tokenise(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation.

    Examples
    --------
    >>> tokenise("The king's horse -- it was 3 years old.")
    ['the', "king's", 'horse', 'it', 'was', '3', 'years', 'old']
    """
    return _WORD.findall(text.lower())


def build_corpus(documents: Iterable[str | Sequence[str]], least: int = 5) -> Corpus:
    """Turn documents into a corpus.

    Parameters
    ----------
    documents : iterable of str or of lists of str
        Texts, which are tokenised here, or lists of words. No context reaches over the end of a document.
    least : int
        Words that occur less often are left out.

    Returns
    -------
    Corpus

    Examples
    --------
    >>> corpus = build_corpus(["The king rules.", "The queen rules."], least=2)
    >>> corpus.words, corpus.ids.tolist(), corpus.starts.tolist()
    (('rules', 'the'), [1, 0, 1, 0], [0, 2, 4])
    """
    if isinstance(documents, str):
        raise TypeError("documents: one string was given, but a list of documents is needed; put it into a list.")
    whole("least", least)
    number: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    ids, starts = array("i"), array("q", [0])
    for place, document in enumerate(documents):
        if not isinstance(document, Iterable):
            raise TypeError(
                f"documents: number {place} (from 0) is {document!r}, but each must be a text or a list of words; "
                'drop it, or give "".'
            )
        ids.extend(map(number.__getitem__, tokenise(document) if isinstance(document, str) else document))
        starts.append(len(ids))
    tokens = np.frombuffer(ids, np.int32) if len(ids) else np.empty(0, np.int32)
    return _ranked(tokens, np.frombuffer(starts, np.int64), tuple(number), least, len(ids))


def read_corpus(path: str | Path, least: int = 5) -> Corpus:
    r"""Read a text file, UTF-8 with one document (a sentence, a speech) per line; the rest is as in `build_corpus`.

    Lines of nothing but white space are no documents.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "speeches.txt")
    ...     _ = path.write_text("The king rules.\n\nThe queen rules.\n", encoding="utf-8")
    ...     corpus = read_corpus(path, least=2)
    >>> corpus.words, corpus.documents
    (('rules', 'the'), 2)
    """
    return build_corpus(_lines(text_file(path)), least)


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from (line for line in file if not line.isspace())
    except UnicodeDecodeError as error:
        raise ValueError(
            f"path: {path} is not a text in UTF-8 (byte {error.start} of a block); convert it to UTF-8."
        ) from None


def join_phrases(corpus: Corpus, threshold: float = 10.0, least: int = 5) -> Corpus:
    """Join words that are met side by side far more often than apart: new, york -> new_york.

    Two words a, b become one where (n_ab - least) · tokens / (n_a n_b) exceeds the threshold, from left to right. Call
    it again for phrases of up to four words.

    Parameters
    ----------
    corpus : Corpus
    threshold : float
        Higher for fewer phrases.
    least : int
        Pairs that occur no more often are left apart; also the least count of a word afterwards.

    References
    ----------
    Mikolov, T., Sutskever, I., Chen, K., Corrado, G. and Dean, J. (2013). Distributed representations of words and
    phrases and their compositionality. NeurIPS 26. (There the score lacks the number of tokens, so that a threshold
    would depend on the length of the corpus.)

    Examples
    --------
    >>> texts = ["we saw new york", "new york is big", "a big day we saw", "it is a day"] * 10
    >>> sorted(set(join_phrases(build_corpus(texts), threshold=3).words) - set(build_corpus(texts).words))
    ['it_is', 'new_york', 'we_saw']
    """
    V = len(corpus.words)
    pairs = corpus.ids[:-1].astype(np.int64) * V + corpus.ids[1:]
    inside = np.ones(len(pairs), bool)
    ends = corpus.starts[1:-1]
    inside[ends[(ends > 0) & (ends < len(corpus.ids))] - 1] = False
    found, times = np.unique(pairs[inside], return_counts=True)
    apart = corpus.counts[found // V].astype(float) * corpus.counts[found % V]
    phrases = found[(times - least) * len(corpus.ids) > threshold * apart]
    joined = np.flatnonzero(np.isin(pairs, phrases) & inside)
    # of neighbours that overlap (a b, b c) the first is joined: every other one of a run
    breaks = np.flatnonzero(np.diff(joined, prepend=-2) > 1)
    rank = np.arange(len(joined)) - np.repeat(breaks, np.diff(np.append(breaks, len(joined))))
    joined = joined[rank % 2 == 0]
    ids = corpus.ids.copy()
    ids[joined] = V + np.searchsorted(phrases, pairs[joined])
    kept = np.ones(len(ids), bool)
    kept[joined + 1] = False
    starts = np.concatenate([[0], np.cumsum(kept)])[corpus.starts]
    names = (f"{corpus.words[p // V]}_{corpus.words[p % V]}" for p in phrases.tolist())
    return _ranked(ids[kept], starts, (*corpus.words, *names), least, corpus.raw)


def _ranked(ids: np.ndarray, starts: np.ndarray, words: tuple[str, ...], least: int, raw: int) -> Corpus:
    """Leave out rare words and number the others by their frequency; equal ones by the alphabet."""
    counts = np.bincount(ids, minlength=len(words))
    order = sorted(np.flatnonzero(counts >= least).tolist(), key=lambda i: (-counts[i], words[i]))
    if len(order) < 2:
        raise ValueError(
            f"documents: {raw} words were read and {len(order)} different ones occur at least {least} times, but two "
            "are "
            "needed; give more text or a lower least."
        )
    new = np.full(len(words), -1, np.int32)
    new[order] = np.arange(len(order))
    fresh = new[ids]
    ends = np.concatenate([[0], np.cumsum(fresh >= 0)])[starts]
    return Corpus(fresh[fresh >= 0], ends, tuple(words[i] for i in order), counts[order], raw)
