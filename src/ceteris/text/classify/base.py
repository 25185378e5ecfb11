"""What learners of texts share: settings, texts to features, a frozen head or trained layers, what a screen says."""

from __future__ import annotations

import abc
import time
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ceteris.arguments import POSITIVE, check, one_of
from ceteris.fitted import AbstractFitted
from ceteris.learners.target import weights
from ceteris.results import Check, Figure, Section
from ceteris.showing import screenful
from ceteris.text.classify.encoder import DEFAULT, LONG, TextReader, most_tokens, reading_model
from ceteris.text.classify.figures import course
from ceteris.text.classify.heads import fit_head, learn_words, refit, temperature
from ceteris.text.classify.inputs import Read, TextPairs
from ceteris.text.classify.targets import TextTarget
from ceteris.text.classify.tuning import TextLoss, TunedText, TuningPlan, columns_of, divided, outputs, tune
from ceteris.training import history, split

TRAIN = ("head", "last", "all")
RATES = {"last": 1e-4, "all": 3e-5}  # highest rates: what was learnt before must not be thrown away


# a dataclass, so that a learner is its settings: scikit-learn reads them off the __init__ that this writes
@dataclass(eq=False, repr=False)
class TextLearner(AbstractFitted):
    """A model that reads, and a head. A learner adds what it reads, how its target is read and what it predicts."""

    _inputs: ClassVar[Any]

    model: Any = DEFAULT
    _: KW_ONLY
    train: str = "head"
    depth: int = 2
    words: bool = True
    length: int | None = None
    long: str = "chunk"
    members: int = 1
    rate: float | None = None
    epochs: int = 4
    batch_size: int = 16
    patience: int | None = None
    validation: float = 0.15
    cache: Any = None
    random_state: Any = None
    progress: bool = False
    tuned_: Any = field(init=False)
    history_: Any = field(init=False)
    judged_: Any = field(init=False)
    outside_: Any = field(init=False)

    def fit(self, X: Any, y: Any, sample_weight: Any = None):
        """Learn from labelled texts.

        Parameters
        ----------
        X : list of str, Series, or data frame of one column
            Texts.
        y : array-like
            What is to be learnt of each.
        sample_weight : array-like of shape (n,), optional
            Weight of each text; those of weight zero are left out.

        Returns
        -------
        self
        """
        start = time.perf_counter()
        self._check()
        texts = self._inputs.read(X)
        w = weights(sample_weight, len(texts))
        if (w == 0).any():
            kept = np.flatnonzero(w > 0)
            texts, w = [texts[i] for i in kept], w[kept]
            y = y.iloc[kept] if hasattr(y, "iloc") else np.asarray(y)[kept]
        target, columns = self._read_target(y, len(texts))
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        model = reading_model(self.model)
        self.length_, self.target_, self.texts_ = most_tokens(model, self.length), target, len(texts)
        self.reader_ = TextReader.of(model)
        w = np.stack([w * self._class_weights(column) for column in columns], axis=1)
        y, w = target.coded(columns), w / w.mean(0)
        self.cut_ = int(self._inputs.pieces(texts, self._how())[0].cut.sum()) if self._may_cut() else 0
        self.words_ = learn_words(self._inputs.words(texts), seed) if self.words else None
        beside = self._beside(texts)
        vectors = self._inputs.vectors(texts, self._how())
        self.head_ = fit_head(vectors, beside, y, target, w, seed)
        self.tuned_, self.history_, self.status_ = None, None, ""
        if self.train != "head":
            self._tune(texts, (vectors, beside), y, w, seed)
        self.seconds_ = time.perf_counter() - start
        return self

    def _tune(self, texts: Any, features: tuple, y: np.ndarray, w: np.ndarray, seed: int) -> None:
        """Train layers; each member starts from a head that has not seen the texts that judge it."""
        below, above = divided(self.reader_.model, self.depth if self.train == "last" else None)
        pieces, segments = self._inputs.pieces(texts, self._how())
        columns = columns_of(pieces, below, segments, self.reader_.pad)
        own, share = pieces.owner, 1 / np.bincount(pieces.owner)[pieces.owner]
        columns |= {"y": y[own], "known": w[own], "w": share / share.mean()}
        if features[1] is not None:
            columns["words"] = features[1][own]
        rows = split(y[:, 0], self.members, self.validation, np.random.default_rng(seed))
        some = lambda at: (features[0][at], None if features[1] is None else features[1][at])
        if isinstance(self._inputs, TextPairs):  # read as one text, whose vector no head knows yet
            features = (np.zeros((len(texts), above.description.width)), features[1])
        heads = [refit(self.head_, some(at), y[at], self.target_, w[at]) for at in rows.train]
        starts = np.stack([weight for weight, _ in heads]), np.stack([bias for _, bias in heads])
        net = TunedText(above, jnp.zeros(starts[0].shape[1:]), jnp.zeros(starts[1].shape[1:]), self.reader_.pooling)
        loss = TextLoss(self.target_.sizes, self.target_.kind == "numbers")
        patience = self.patience or max(self.epochs // 2, 1)
        how = TuningPlan(self.rate or RATES[self.train], self.epochs, self.batch_size, patience)
        name, columns = type(self).__name__, in_single(columns)
        run = tune(name, net, starts, loss, columns, own, rows, how, seed, self.progress)
        self.reader_ = self.reader_.with_model(below)
        self.tuned_, self.history_, self.status_ = run.model, history(run), run.sentence
        self._judge(texts, y, w, rows)

    def _judge(self, texts: Any, y: np.ndarray, w: np.ndarray, rows: Any) -> None:
        """Learn from the texts set aside how sure the trained layers may be: a temperature, and what they got right."""
        self.heats_ = np.ones(len(self.target_.tasks))
        self.outside_ = self.judged_ = None
        if rows.heldout is None:
            return
        z = self._tuned_outputs(texts, mean=False)
        parts = [(m, own[own < len(y)]) for m, own in enumerate(rows.heldout)]
        outside = np.concatenate([z[m, own] for m, own in parts])
        self.judged_ = np.concatenate([own for _, own in parts])
        if self.target_.kind != "numbers":
            at, each = self.judged_, self.target_.split(outside)
            self.heats_ = np.array([max(temperature(z, y[at, k], w[at, k]), 1.0) for k, z in enumerate(each)])
        self.outside_ = outside / np.repeat(self.heats_, self.target_.sizes)

    def _outputs(self, X: Any) -> np.ndarray:
        """Return outputs of all tasks, shape (n, outputs)."""
        check_is_fitted(self)
        texts = self._inputs.read(X)
        if self.tuned_ is not None:
            return self._tuned_outputs(texts) / np.repeat(self.heats_, self.target_.sizes)
        vectors, beside = self._inputs.vectors(texts, self._how()), self._beside(texts)
        return self.head_(vectors if beside is None else np.hstack([vectors, beside]))

    def _tuned_outputs(self, texts: Any, mean: bool = True) -> np.ndarray:
        pieces, segments = self._inputs.pieces(texts, self._how())
        columns = columns_of(pieces, self.reader_.model, segments, self.reader_.pad)
        beside = self._beside(texts)
        if beside is not None:
            columns["words"] = beside[pieces.owner].astype(np.float32)
        z = outputs(self.tuned_, columns)
        total = np.zeros((len(z), len(texts), z.shape[-1]))
        for member, own in zip(total, z, strict=True):
            np.add.at(member, pieces.owner, own)
        total /= np.bincount(pieces.owner)[:, None]
        return total.mean(0) if mean else total

    # -------------------------------------------------------------------------------------------------- the rest

    def _check(self) -> None:
        name = type(self).__name__
        check(self, rate=POSITIVE)
        one_of(f"{name}: train", self.train, TRAIN)
        one_of(f"{name}: long", self.long, LONG)

    def _may_cut(self) -> bool:
        return self.long == "cut" or (isinstance(self._inputs, TextPairs) and self.train != "head")

    def _how(self) -> Read:
        return self.reader_, self.length_, self.long, self.cache

    def _beside(self, texts: Any) -> np.ndarray | None:
        return None if self.words_ is None else self.words_.transform(self._inputs.words(texts))

    @abc.abstractmethod
    def _read_target(self, y: Any, rows: int) -> tuple[TextTarget, list[np.ndarray]]:
        """Return what is asked, and the answers to each question."""

    def _class_weights(self, column: np.ndarray) -> np.ndarray:
        return np.ones(len(column))

    @abc.abstractmethod
    def _quality(self) -> list[Check]:
        """Return how good it is at texts that it did not learn from."""

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether it beats a guess that reads nothing, and whether texts were read to their end."""
        check_is_fitted(self)
        cut = Check("read to the end", not self.cut_, self._cut_sentence())
        return (*self._quality(), cut)

    def _cut_sentence(self) -> str:
        if not self.cut_:
            return "All texts were read to their end."
        return (
            f"{self.cut_:,} of {self.texts_:,} texts are longer than {self.length_} tokens, and their ends were not "
            "read; take a larger length, or long='chunk'."
        )

    def sections(self) -> tuple[Section, ...]:
        """Return what was learnt, and how good it is, as parts of a report."""
        check_is_fitted(self)
        figures = [] if self.history_ is None else [course(self.history_)]
        text = self.summary().split("\n", 1)[1]
        return (Section(type(self).__name__, text, (), (*self._figures(), *figures), self.checks),)

    def summary(self) -> str:
        """Return one screen: what was read by which model, what was trained, how good it is."""
        check_is_fitted(self)
        how = {
            "head": "A head on its vectors, which stay as they are",
            "last": f"Its last {self.depth} layers and a head were trained",
            "all": "All its layers and a head were trained",
        }[self.train]
        beside = "" if self.words_ is None else ", beside the words (TF-IDF)"
        facts = [
            f"{self.texts_:,} texts, read by {self.reader_.name} ({self.reader_.digest[:12]}), {self.length_} tokens "
            "at a time.",
            f"{how}{beside}. {self.seconds_:.1f} seconds. {self.status_}".rstrip(),
            *(check.sentence for check in self._quality() if check.passed is not False),
        ]
        return screenful(f"{type(self).__name__}, fitted: {self._asked()}", facts, checks=self.checks)

    @abc.abstractmethod
    def _asked(self) -> str:
        """Return in a few words what is predicted."""

    def _figures(self) -> tuple[Figure, ...]:
        return ()

    def _seen_from_outside(self) -> tuple[np.ndarray, np.ndarray]:
        """Return texts, by their number, and the outputs for each by heads or layers that did not learn from it."""
        if self.tuned_ is None:
            return np.arange(self.texts_), self.head_.outside
        if self.judged_ is None:
            return np.arange(0), np.empty((0, len(self.head_.bias)))
        return self.judged_, self.outside_


def in_single(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return columns with broken numbers in single precision."""
    return {name: a.astype(np.float32) if a.dtype.kind == "f" else a for name, a in columns.items()}
