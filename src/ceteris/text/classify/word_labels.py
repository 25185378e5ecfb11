"""Classes of words in their texts: names of firms, places and people; parts of speech; claims."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ceteris.arguments import POSITIVE, as_many, check, one_of, shown
from ceteris.fitted import AbstractFitted
from ceteris.learners.classifier import softmax
from ceteris.learners.target import class_weights
from ceteris.results import Check, Figure, Section
from ceteris.showing import screenful
from ceteris.text.classify.base import RATES, TRAIN, in_single
from ceteris.text.classify.embedding import unit
from ceteris.text.classify.encoder import DEFAULT, Pieces, TextReader, most_tokens, reading_model
from ceteris.text.classify.figures import confusion, course
from ceteris.text.classify.heads import fit_head, refit
from ceteris.text.classify.reading import as_list
from ceteris.text.classify.targets import read_classes
from ceteris.text.classify.tuning import TextLoss, TunedText, TuningPlan, columns_of, divided, outputs, tune
from ceteris.training import history, split

PENALTIES, FOLDS = (1.0, 10.0, 100.0), 3


@dataclass(eq=False, repr=False)
class TokenClassifier(ClassifierMixin, AbstractFitted):
    """Tell the class of each word of a text, by what a model makes of it where it stands.

    Texts are lists of words, and y has a list of as many labels for each. Texts longer than the model reads are read in
    pieces; no word is left out.

    Parameters
    ----------
    model : str, path or Pretrained
        As for `TextClassifier`; models of masked words know more of single words than models of sentences.
    train : {"head", "last", "all"}
        A head on the vectors of words (of its first token, where a word is several); or layers too.
    depth : int
        With "last": how many layers.
    length : int, optional
        Tokens that are read at once.
    class_weight : None, "balanced" or dict
        Weight of each class.
    members : int
        Nets that are trained, each with other texts set aside, and averaged.
    rate : float, optional
        Highest learning rate of the layers.
    epochs : int
        Passes over the texts, at most.
    batch_size : int
        Texts, or pieces of long ones, per update.
    patience : int, optional
        Epochs without improvement on the texts set aside after which a net stops.
    validation : float
        Share of the texts that are set aside.
    random_state : int or RandomState, optional
        Decides everything random.
    progress : bool
        Whether to show the progress of layers that are trained.

    Attributes
    ----------
    classes_, head_, history_
        As for `TextClassifier`.

    References
    ----------
    Source 004, section 7.2. Devlin, J. et al. (2019). BERT. NAACL.

    Examples
    --------
    >>> from ceteris.text.classify.examples import CORPUS, tiny_model
    >>> texts = [text.split() for text in CORPUS] * 3
    >>> labels = [["noun" if word in ("bank", "team", "prices") else "other" for word in text] for text in texts]
    >>> classifier = TokenClassifier(tiny_model(), class_weight="balanced", random_state=0).fit(texts, labels)
    >>> classifier.predict([["the", "bank", "won"]])
    [['other', 'noun', 'other']]
    """

    model: Any = DEFAULT
    _: KW_ONLY
    train: str = "head"
    depth: int = 2
    length: int | None = None
    class_weight: Any = None
    members: int = 1
    rate: float | None = None
    epochs: int = 4
    batch_size: int = 16
    patience: int | None = None
    validation: float = 0.15
    random_state: Any = None
    progress: bool = False
    tuned_: Any = field(init=False)
    history_: Any = field(init=False)
    classes_: Any = field(init=False)

    def fit(self, X: Any, y: Any) -> TokenClassifier:
        """Learn from labelled words.

        Parameters
        ----------
        X : list of lists of str
        y : list of lists of labels
        """
        start = time.perf_counter()
        check(self, rate=POSITIVE)
        one_of("TokenClassifier: train", self.train, TRAIN)
        texts = _read_words("X", X)
        labels = _read_labels(y, texts)
        model = reading_model(self.model)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self.reader_, self.length_, self.tuned_, self.history_, self.status_ = (
            TextReader.of(model), most_tokens(model, self.length), None, None, "",
        )  # fmt: skip
        self.target_, (column,) = read_classes(labels, len(labels))
        self.classes_, self.texts_, self.answers_ = self.target_.tasks[0].labels, len(texts), column
        codes, w = self.target_.coded([column]), class_weights(self.class_weight, column)[:, None]
        owner = np.repeat(np.arange(len(texts)), [len(words) for words in texts])
        folds = (np.random.default_rng(seed).permutation(len(texts)) % min(FOLDS, len(texts)))[owner]
        found = _spread(self.reader_, texts, self.length_)
        vectors = self._vectors(found, len(labels))
        self.head_ = fit_head(vectors, None, codes, self.target_, w, seed, folds, PENALTIES)
        self.outside_, self.judged_ = self.head_.outside, np.arange(len(labels))
        if self.train != "head":
            self._tune(found, (vectors, codes, w, owner), seed)
        self.seconds_ = time.perf_counter() - start
        return self

    def _vectors(self, found: tuple[Pieces, np.ndarray], count: int) -> np.ndarray:
        pieces, words = found
        columns = columns_of(pieces, self.reader_.model, None, self.reader_.pad)
        vectors = np.empty((count, columns["vectors"].shape[-1]), np.float32)
        there = words >= 0
        vectors[words[there]] = columns["vectors"][there]
        return unit(vectors)

    def _tune(self, found: tuple[Pieces, np.ndarray], known: tuple, seed: int) -> None:
        (pieces, words), (vectors, codes, w, owner) = found, known
        below, above = divided(self.reader_.model, self.depth if self.train == "last" else None)
        columns = columns_of(pieces, below, None, self.reader_.pad)
        there = (words >= 0)[..., None]
        weight = np.where(there, w[words], 0)
        columns |= {"y": np.where(there, codes[words], 0), "known": weight / weight.sum((1, 2)).mean()}
        columns["w"] = np.ones(len(pieces.tokens))
        rows = split(np.zeros(self.texts_), self.members, self.validation, np.random.default_rng(seed))
        own = [np.isin(owner, texts) for texts in rows.train]
        heads = [refit(self.head_, (vectors[at], None), codes[at], self.target_, w[at]) for at in own]
        starts = np.stack([weight for weight, _ in heads]), np.stack([bias for _, bias in heads])
        net = TunedText(above, jnp.zeros(starts[0].shape[1:]), jnp.zeros(starts[1].shape[1:]), "none")
        patience = self.patience or max(self.epochs // 2, 1)
        how = TuningPlan(self.rate or RATES[self.train], self.epochs, self.batch_size, patience)
        loss, columns = TextLoss(self.target_.sizes, False), in_single(columns)
        run = tune("TokenClassifier", net, starts, loss, columns, pieces.owner, rows, how, seed, self.progress)
        self.reader_ = self.reader_.with_model(below)
        self.tuned_, self.history_, self.status_ = run.model, history(run), run.sentence
        self.outside_, self.judged_ = np.empty((0, len(self.classes_))), np.arange(0)
        if rows.heldout is not None:
            z = self._tuned_outputs(found, len(owner))
            held = [np.flatnonzero(np.isin(owner, texts)) for texts in rows.heldout]
            self.judged_ = np.concatenate(held)
            self.outside_ = np.concatenate([z[m, at] for m, at in enumerate(held)])

    def _tuned_outputs(self, found: tuple[Pieces, np.ndarray], count: int) -> np.ndarray:
        pieces, words = found
        each = outputs(self.tuned_, columns_of(pieces, self.reader_.model, None, self.reader_.pad))
        z, there = np.empty((len(each), count, each.shape[-1])), words >= 0
        z[:, words[there]] = each[:, there]
        return z

    def predict_proba(self, X: Any) -> list[np.ndarray]:
        """Return the probabilities of each word's classes, for each text an array of shape (words, classes).

        Parameters
        ----------
        X : list of lists of str
        """
        check_is_fitted(self)
        texts = _read_words("X", X)
        lengths = [len(words) for words in texts]
        found = _spread(self.reader_, texts, self.length_)
        if self.tuned_ is None:
            z = self.head_(self._vectors(found, sum(lengths)))
        else:
            z = self._tuned_outputs(found, sum(lengths)).mean(0)
        return np.split(softmax(z), np.cumsum(lengths)[:-1])

    def predict(self, X: Any) -> list[list[Any]]:
        """Return the most probable class of each word, a list for each text.

        Parameters
        ----------
        X : list of lists of str
        """
        return [self.classes_[p.argmax(1)].tolist() for p in self.predict_proba(X)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of words whose class is right.

        Parameters
        ----------
        X : list of lists of str
        y : list of lists of labels
        sample_weight : array-like, optional
            A weight for each word of all texts, one after the other.
        """
        truth = _read_labels(y, _read_words("X", X))
        predicted = [label for text in self.predict(X) for label in text]
        return float(np.average([a == b for a, b in zip(truth, predicted, strict=True)], weights=sample_weight))

    # ------------------------------------------------------------------------------------------------- results

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether it beats always saying the largest class."""
        check_is_fitted(self)
        if not len(self.judged_):
            return (Check("better than the largest class", None, "No texts were set aside."),)
        y = self.answers_[self.judged_]
        right = float((self.classes_[self.outside_.argmax(1)] == y).mean())
        largest = float(pd.Series(y).value_counts(normalize=True).max())
        said = (
            f"Of the words of texts it did not learn from, {right:.1%} are right; the largest class alone would give "
            f"{largest:.1%}."
        )
        return (Check("better than the largest class", right > largest, said, right, largest),)

    def summary(self) -> str:
        """Return one screen: what was read by which model, what was trained, how good it is."""
        check_is_fitted(self)
        facts = [
            f"{len(self.answers_):,} words of {self.texts_:,} texts, read by {self.reader_.name} "
            f"({self.reader_.digest[:12]}), {self.length_} tokens at a time.",
            f"What was trained: {self.train}. {self.seconds_:.1f} seconds. {self.status_}".rstrip(),
            *(found.sentence for found in self.checks if found.passed is not False),
        ]
        return screenful(f"TokenClassifier, fitted: {len(self.classes_)} classes of words", facts, checks=self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return what was learnt, and how good it is, as a part of a report."""
        figures: list[Figure] = [] if self.history_ is None else [course(self.history_)]
        if len(self.judged_):
            predicted = pd.Series(self.classes_[self.outside_.argmax(1)])
            figures.insert(0, confusion(pd.Series(self.answers_[self.judged_]), predicted))
        return (Section("TokenClassifier", self.summary().split("\n", 1)[1], (), tuple(figures), self.checks),)


def _read_words(name: str, given: Any) -> list[list[str]]:
    """Return texts as lists of words, checked."""
    texts = as_list(name, given, "lists of words")
    for place, words in enumerate(texts):
        if isinstance(words, str) or not isinstance(words, list | tuple | np.ndarray):
            raise TypeError(
                f"{name}: number {place} (from 0) is {shown(words)}, but must be a list of words; split it, such as "
                "text.split()."
            )
        bad = next((word for word in words if not isinstance(word, str) or not word.strip()), None)
        if bad is not None or not len(words):
            what = "no words" if not len(words) else f"the word {shown(bad)}"
            raise ValueError(
                f"{name}: number {place} (from 0) holds {what}, but must hold words; drop it or fill it in."
            )
    return [list(words) for words in texts]


def _read_labels(y: Any, texts: Sequence[Sequence[str]]) -> list[Any]:
    """Return the labels of all words, one after the other."""
    labels = as_list("y", y, "lists of labels")
    as_many("y", labels, len(texts), of="text")
    for place, (own, words) in enumerate(zip(labels, texts, strict=True)):
        if isinstance(own, str) or len(own) != len(words):
            raise ValueError(
                f"y: number {place} (from 0) holds {len(own)} labels, but must hold {len(words)}, one for each word of "
                "its text; give as many."
            )
    return [label for own in labels for label in own]


def _spread(reader: TextReader, texts: list[list[str]], length: int) -> tuple[Pieces, np.ndarray]:
    """Return texts as tokens, and which word, counted through all texts, begins at each; -1 where none does."""
    found = reader.tokenizer.chunks(texts, length, offsets=True)  # pyright: ignore[reportArgumentType]
    tokens = [row[there] for row, there in zip(found.tokens, found.mask, strict=True)]
    first = np.concatenate([[0], np.cumsum([len(words) for words in texts])])
    places = np.full(found.mask.shape, -1)
    met: set[int] = set()
    assert found.words is not None
    for p, (own, there) in enumerate(zip(found.words, found.mask, strict=True)):
        for t, word in enumerate(own[there].tolist()):
            number = int(first[found.owner[p]]) + word
            if word >= 0 and number not in met:
                places[p, t] = number
                met.add(number)
    if len(met) < first[-1]:
        missing = next(i for i in range(first[-1]) if i not in met)
        text = int(np.searchsorted(first, missing, side="right")) - 1
        raise ValueError(
            f"X: number {text} (from 0) holds the word {shown(texts[text][missing - first[text]])}, which the model's "
            "tokenizer knows no token for; write it otherwise."
        )
    return Pieces(tokens, found.owner, np.zeros(len(texts), bool)), places
