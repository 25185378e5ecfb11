"""Classes by what a language model would write next: no labels at all, or a few in the prompt.

The probability of a class is that of its label word after the text. A model prefers some words whatever the text says;
contextual calibration divides by what it says of a text without content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ceteris.arguments import a_whole_number, as_many, require, shown
from ceteris.engine import precision
from ceteris.fitted import AbstractFitted
from ceteris.learners.classifier import softmax
from ceteris.results import Check, Section, Table
from ceteris.showing import screenful
from ceteris.text.classify.encoder import TextReader, reading_model
from ceteris.text.classify.reading import read_texts
from ceteris.text.models import LanguageModel
from ceteris.text.tokens.encoded import padded

EMPTY = ("N/A", "[MASK]", "")  # texts without content, as the paper has them
READ = 16  # prompts at once


@dataclass(eq=False, repr=False)
class PromptClassifier(ClassifierMixin, AbstractFitted):
    """Classes of texts by the probability of label words, with no labelled text or with a few.

    Parameters
    ----------
    model : str, path or Pretrained
        A decoder, which says how likely each label is to come next; or a model of masked words, which says how likely
        each is to stand in a gap (a label must then be one token of its vocabulary).
    labels : mapping of label to str
        What the model is to write for each class, such as ``{1: "good", 0: "bad"}``; a list where both are the same.
    template : str
        The prompt, with {text} and {label}, such as "{text} It was {label}."; with a decoder nothing behind the label
        is read.
    shots : int
        How many labelled texts, of those given to ``fit``, stand before each text, their classes taking turns.
    calibrate : bool
        Whether to divide by the probabilities for texts without content.
    length : int, optional
        Tokens of a prompt, at most; by default as many as the model reads. A text that does not fit loses its end.

    Attributes
    ----------
    prior_ : array, shape (classes,)
        Probabilities for texts without content, by which others are divided.
    cut_ : int
        Texts of the last call whose end was left out.

    References
    ----------
    Source 004, section 7.3.2. Brown, T. et al. (2020). Language models are few-shot learners. NeurIPS. Schick, T. and
    Schütze, H. (2021). Exploiting cloze questions. EACL. Zhao, Z. et al. (2021). Calibrate before use. ICML.

    Examples
    --------
    >>> from ceteris.text.classify.examples import tiny_model
    >>> classifier = PromptClassifier(tiny_model("decoder"), {"up": "rose", "down": "fell"}, "prices: {text} {label}")
    >>> classifier.fit().predict_proba(["rates rise"]).shape
    (1, 2)
    """

    model: Any
    labels: Any
    template: str = "{text} {label}"
    _: KW_ONLY
    shots: int = 0
    calibrate: bool = True
    length: int | None = None
    classes_: Any = field(init=False)

    def fit(self, X: Any = None, y: Any = None) -> PromptClassifier:
        """Learn what the model prefers whatever a text says; remember examples.

        Parameters
        ----------
        X : list of str, optional
            Labelled texts, of which ``shots`` are shown to the model. None are needed without.
        y : array-like, optional
            Their classes, keys of ``labels``.
        """
        model = reading_model(self.model)
        about = model.model.description
        words = self._words(about.kind)
        self.classes_ = np.array(list(words))
        self.reader_ = TextReader(model.model.apart(), model.tokenizer, str(model.name), model.digest)
        self.length_ = about.length if self.length is None else require("length", self.length, a_whole_number(8))
        self.words_, self.gap_ = list(words.values()), about.kind == "encoder"
        if self.gap_:
            self._refuse_long_words()
        self.examples_ = self._examples(X, y)
        self.cut_, self.prior_ = 0, np.full(len(words), 1 / len(words))
        if self.calibrate:
            self.prior_ = softmax(self._scores(list(EMPTY))).mean(0)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities of the classes, shape (n, classes), in the order of ``classes_``.

        Parameters
        ----------
        X : list of str, or Series
        """
        check_is_fitted(self)
        return softmax(self._scores(read_texts("X", X)) - np.log(np.maximum(self.prior_, np.finfo(float).tiny)))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each text, shape (n,).

        Parameters
        ----------
        X : list of str, or Series
        """
        return self.classes_[self.predict_proba(X).argmax(1)]

    # ------------------------------------------------------------------------------------------------- prompts

    def _scores(self, texts: list[str]) -> np.ndarray:
        """Return the log probability of each label word after, or in, each text's prompt, shape (n, classes)."""
        before, behind = self.template.split("{label}")
        shown_before = "".join(f"{self._filled(before, text)}{word}{behind}\n" for text, word in self.examples_)
        return self._in_gap(texts, shown_before) if self.gap_ else self._continued(texts, shown_before + before)

    def _filled(self, part: str, text: str) -> str:
        return part.replace("{text}", text)

    def _continued(self, texts: list[str], template: str) -> np.ndarray:
        tokenizer = self.reader_.tokenizer
        start = [] if tokenizer.bos is None else [tokenizer.bos]
        glued = template.endswith(" ")  # a space belongs to the word behind it
        template = template.rstrip(" ") if glued else template
        words = tokenizer.ragged([f" {word}" if glued else word for word in self.words_])
        room = self.length_ - len(start) - max(map(len, words))
        prompts = self._fitting(texts, room, lambda some: tokenizer.ragged([self._filled(template, t) for t in some]))
        rows = [start + prompt + word for prompt in prompts for word in words]
        firsts = [len(start) + len(prompt) for prompt in prompts for _ in words]
        found = _log_probabilities(self.reader_.model, rows, firsts, self.reader_.pad)
        return found.reshape(len(texts), len(words))

    def _in_gap(self, texts: list[str], shown_before: str) -> np.ndarray:
        tokenizer = self.reader_.tokenizer
        gap: Any = tokenizer.mask
        template = shown_before + self.template.replace("{label}", tokenizer.tokens([gap])[0])
        prompts = lambda some: tokenizer.ragged([self._filled(template, text) for text in some], special=True)
        rows = self._fitting(texts, self.length_, prompts)
        words = np.array([tokens[0] for tokens in tokenizer.ragged(self.words_)])
        return _log_probabilities_in_gap(self.reader_.model, rows, words, gap, self.reader_.pad)

    def _fitting(self, texts: list[str], room: int, prompts: Callable[[list[str]], list[list[int]]]) -> list[list[int]]:
        """Return the tokens of prompts; a text whose prompt is longer than there is room for loses its end."""
        rows = prompts(texts)
        long = [i for i, row in enumerate(rows) if len(row) > room]
        self.cut_ = len(long)
        for i in long:
            ends = self.reader_.tokenizer.encode([texts[i]], offsets=True, special=False).offsets
            assert ends is not None
            ends = ends[0, ends[0, :, 1] > 0, 1]
            kept = len(ends) - (len(rows[i]) - room)
            while kept > 0 and len(rows[i]) > room:  # tokens may join otherwise at the cut
                rows[i], kept = prompts([texts[i][: ends[kept - 1]]])[0], kept - 1
            if len(rows[i]) > room:
                raise ValueError(
                    f"template: without a text the prompt has more than {room} tokens, all that the model reads; show "
                    "fewer examples, or shorter ones."
                )
        return rows

    # -------------------------------------------------------------------------------------------------- checks

    def _words(self, kind: str) -> dict[Any, str]:
        if kind == "encoder-decoder":
            raise ValueError("model is an encoder-decoder, but must be a decoder or a model of masked words; give one.")
        given = self.labels if isinstance(self.labels, Mapping) else {label: label for label in self.labels}
        if len(given) < 2 or not all(isinstance(word, str) and word for word in given.values()):
            raise ValueError(
                f"labels is {shown(self.labels)}, but must say for two classes or more what the model is to write; "
                "give a mapping, such as {1: 'good', 0: 'bad'}."
            )
        if not isinstance(self.template, str) or self.template.count("{label}") != 1 or "{text}" not in self.template:
            raise ValueError(
                f"template is {shown(self.template)}, but must hold {{text}} and once {{label}}; give one, such as "
                "'{text} It was {label}.'."
            )
        if kind == "decoder" and self.template.index("{text}") > self.template.index("{label}"):
            raise ValueError("template: {label} stands before {text}, but a decoder must have read it; put it behind.")
        return dict(given)

    def _refuse_long_words(self) -> None:
        if self.reader_.tokenizer.mask is None or self.reader_.model.description.head != "masked":
            raise ValueError(
                f"model: {self.reader_.name} has no head for masked words, but must fill in a gap; give a model of "
                "masked words or a decoder."
            )
        for word, tokens in zip(self.words_, self.reader_.tokenizer.ragged(self.words_), strict=True):
            if len(tokens) != 1:
                raise ValueError(
                    f"labels: {word!r} is {len(tokens)} tokens of this model, but must be one that fits the gap; take "
                    "another word."
                )

    def _examples(self, X: Any, y: Any) -> list[tuple[str, str]]:
        require("shots", self.shots, a_whole_number(0), "give a number of examples, such as 4")
        if not self.shots:
            return []
        if X is None or y is None:
            raise ValueError(f"shots is {self.shots}, but fit was given no labelled texts; give as many, or shots=0.")
        texts, labels = read_texts("X", X), list(y)
        as_many("y", labels, len(texts), of="text")
        known = self.classes_.tolist()
        for label in labels:
            if label not in known:
                raise ValueError(f"y holds {shown(label)}, which is no key of labels; add it, or drop these texts.")
        queues = {label: [t for t, own in zip(texts, labels, strict=True) if own == label] for label in known}
        turns = [(text, label) for k in range(self.shots) for label in known for text in queues[label][k : k + 1]]
        if len(turns) < self.shots:
            raise ValueError(f"shots is {self.shots}, but only {len(turns)} labelled texts were given; give more.")
        return [(text, self.words_[known.index(label)]) for text, label in turns[: self.shots]]

    # ------------------------------------------------------------------------------------------------- results

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether the model prefers a word so much that only calibration could tell."""
        check_is_fitted(self)
        most = self.prior_.max()
        said = (
            f"For texts without content the model gives {self.words_[int(self.prior_.argmax())]!r} {most:.0%}"
            f"{', by which it is divided' if self.calibrate else ''}."
        )
        return (Check("even-handed", bool(most < 0.9) if self.calibrate else None, said, float(most), 0.9),)

    def summary(self) -> str:
        """Return one screen: the prompt, the words, what the model prefers."""
        check_is_fitted(self)
        words = ", ".join(f"{label} as {word!r}" for label, word in zip(self.classes_, self.words_, strict=True))
        facts = [
            f"{self.reader_.name} ({self.reader_.digest[:12]}) fills in: {self.template}",
            f"Labels: {words}.",
            f"{len(self.examples_)} examples stand before each text.",
            *(check.sentence for check in self.checks if check.passed is not False),
        ]
        return screenful(f"PromptClassifier: {len(self.classes_)} classes", facts, checks=self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return the prompt and what the model prefers as a part of a report."""
        import pandas as pd

        prior = pd.DataFrame({"class": self.classes_, "word": self.words_, "without content": self.prior_})
        text = self.summary().split("\n", 1)[1]
        return (Section("PromptClassifier", text, (Table("What the model prefers", prior),), (), self.checks),)


@eqx.filter_jit
def _next(model: LanguageModel, tokens: Array, mask: Array) -> Array:
    """Log probability of each token after those before it, shape (B, T - 1)."""
    logits = model(tokens, mask)[:, :-1]
    own = jnp.take_along_axis(logits, tokens[:, 1:, None], axis=-1)[..., 0]
    return own - jax.nn.logsumexp(logits, axis=-1)


def _log_probabilities(model: LanguageModel, rows: Sequence[list[int]], firsts: Sequence[int], pad: int) -> np.ndarray:
    """Return the sum of log probabilities of each row's tokens from a place on."""
    found = np.zeros(len(rows))
    for at, batch in _batched(rows, pad):
        with precision("single"):
            each = np.asarray(_next(model, jax.device_put(batch.tokens), jax.device_put(batch.mask)), float)
        for k, row in enumerate(at):
            found[row] = each[k, firsts[row] - 1 : len(rows[row]) - 1].sum()
    return found


@eqx.filter_jit
def _gap(model: LanguageModel, tokens: Array, mask: Array, place: Array, words: Array) -> Array:
    logits = jnp.take_along_axis(model(tokens, mask), place[:, None, None], axis=1)[:, 0]
    return jax.nn.log_softmax(logits)[:, words]


def _log_probabilities_in_gap(
    model: LanguageModel, rows: Sequence[list[int]], words: np.ndarray, gap: int, pad: int
) -> np.ndarray:
    """Return log probabilities of words in each row's last gap, shape (rows, words)."""
    found = np.zeros((len(rows), len(words)))
    for at, batch in _batched(rows, pad):
        place = np.array([len(rows[i]) - 1 - rows[i][::-1].index(gap) for i in at], np.int32)
        given = [jax.device_put(a) for a in (batch.tokens, batch.mask, place, words.astype(np.int32))]
        with precision("single"):
            found[at] = np.asarray(_gap(model, *given), float)
    return found


def _batched(rows: Sequence[list[int]], pad: int):
    return padded(rows, pad).batches(READ)
