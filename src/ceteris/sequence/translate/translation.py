"""Translation of one sequence into another: an encoder reads, a decoder writes, with attention or without."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
from jax import Array

from ceteris.arguments import as_many, check, one_of, whole
from ceteris.fitted import AbstractFitted
from ceteris.nets.encoder_decoder import END, START, EncoderDecoder, written
from ceteris.programs import keep_programs
from ceteris.recipe import optimiser
from ceteris.results import Section
from ceteris.sequence.translate.shown import about, sections_of, wrong_ones
from ceteris.showing import screenful
from ceteris.training import AbstractRowLoss, MemberRows, TrainingPlan, padded, train

UPDATES = 1500  # aimed at, where epochs are not said
ATTENTION = ("general", "additive", "dot", "scaled", "cosine", None)
JUDGED = 500  # texts set aside that are translated, at most


class SequenceToSequence(AbstractFitted):
    """A translator that is learnt from pairs of texts, letter by letter or word by word.

    It is trained with the right beginning given (teacher forcing), judged on pairs whose source it has not seen, and
    translates by the likeliest next symbol, or by beams.

    Parameters
    ----------
    kind : {"lstm", "transformer"}
        What reads and writes.
    attention : {"general", "additive", "dot", "scaled", "cosine", None}
        How the decoder of LSTMs looks back at the source; with None it knows the encoder's last state only.
    tokens : {"letters", "words"}
        What a text is cut into; words are what stands between spaces.
    width : int
        Numbers in a state.
    depth : int
        Layers of encoder and decoder.
    heads : int
        Of a transformer's attention; divides `width`.
    epochs : int, optional
        Passes over the pairs; by default as many as make about 1,500 updates.
    batch_size : int
        Pairs per update.
    rate : float, optional
        Highest learning rate; by default 0.004, and 0.001 for a transformer.
    validation : float
        Share of the sources set aside, which judge.
    random_state : int
        Decides everything random.

    Attributes
    ----------
    net_ : EncoderDecoder
    symbols_ : tuple of two dict
        Codes of what sources and targets are made of.
    longest_ : tuple of two int
        Symbols of the longest source and target.
    judged_ : DataFrame
        Pairs set aside, what was made of them ("translation") and whether it is right to the last symbol ("exact").
    exact_ : float
        Share of these that are.

    References
    ----------
    Sutskever, Vinyals & Le (2014); Bahdanau, Cho & Bengio (2015); Luong, Pham & Manning (2015); Vaswani et al. (2017);
    004, sections 6.2 and 6.3.

    Examples
    --------
    >>> from ceteris.data import reversals
    >>> sources, targets = zip(*reversals(200, longest=4))
    >>> translator = SequenceToSequence(width=8, epochs=2).fit(sources, targets)
    >>> len(translator.predict(["abc", "cab"])), 0 <= translator.exact_ <= 1
    (2, True)
    """

    def __init__(
        self,
        kind: str = "lstm",
        attention: str | None = "general",
        tokens: str = "letters",
        width: int = 64,
        depth: int = 1,
        heads: int = 4,
        epochs: int | None = None,
        batch_size: int = 64,
        rate: float | None = None,
        validation: float = 0.1,
        random_state: int = 0,
    ):
        self.kind = kind
        self.attention = attention
        self.tokens = tokens
        self.width = width
        self.depth = depth
        self.heads = heads
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.validation = validation
        self.random_state = random_state

    def fit(self, X: Sequence[str], y: Sequence[str]) -> SequenceToSequence:
        """Learn from pairs.

        Parameters
        ----------
        X : sequence of str
            Sources.
        y : sequence of str
            Their translations.
        """
        check(self)
        one_of("SequenceToSequence: kind", self.kind, ("lstm", "transformer"))
        one_of("SequenceToSequence: attention", self.attention, ATTENTION)
        one_of("SequenceToSequence: tokens", self.tokens, ("letters", "words"))
        sources, targets = _texts("X", X), _texts("y", y)
        as_many("y", targets, len(sources), "text of X")
        cut = [[self._cut(text) for text in texts] for texts in (sources, targets)]
        self.symbols_ = tuple(_numbered(side) for side in cut)
        self.longest_ = tuple(max(map(len, side)) for side in cut)
        self._train(cut, *_apart(sources, self.validation, self.random_state))
        return self

    def predict(self, X: Sequence[str], beams: int = 1) -> list[str]:
        """Translate texts.

        Parameters
        ----------
        X : sequence of str
            Sources of symbols that were seen.
        beams : int
            Beginnings followed at the same time; one is the likeliest symbol each time.
        """
        whole("beams", beams)
        cut = [self._cut(text) for text in _texts("X", X)]
        codes, mask = self._coded(cut, 0, max(self.longest_[0], *map(len, cut)))
        longer = codes.shape[1] / self.longest_[0]
        keep_programs()
        found = np.asarray(_write(self.net_, codes, mask, int(np.ceil(self.longest_[1] * longer)) + 1, beams))
        names = {code: symbol for symbol, code in self.symbols_[1].items()}
        joint = "" if self.tokens == "letters" else " "
        return [joint.join(names[code] for code in row.tolist() if code != END) for row in found]

    def score(self, X: Sequence[str], y: Sequence[str], beams: int = 1) -> float:
        """Return the share of texts that are translated right, to the last symbol."""
        targets = _texts("y", y)
        as_many("y", targets, len(X), "text of X")
        return float(np.mean([a == b for a, b in zip(self.predict(X, beams), targets, strict=True)]))

    def align(self, text: str) -> pd.DataFrame:
        """Return where a translation looked: a row for each symbol written, a column for each of the source.

        For LSTMs with attention.
        """
        source = self._cut(_texts("text", [text])[0])
        target = self._cut(self.predict([text])[0])
        codes, mask = self._coded([source], 0, max(len(source), self.longest_[0]))
        given = np.array([[START, *(self.symbols_[1][symbol] for symbol in target)]], np.int32)
        weights = np.asarray(self.net_.alignment(codes, given, mask))[0, :, : len(source)]
        return pd.DataFrame(weights, index=[*target, "end"], columns=source)

    def summary(self) -> str:
        """Return one screen: what was learnt, and how often it is right on texts it has not seen."""
        heading, facts, checks = about(self)
        wrong = wrong_ones(self.judged_, 5)
        return screenful(heading, facts, wrong if len(wrong) else None, checks)

    def sections(self) -> tuple[Section, ...]:
        """Return accuracy against length, an alignment, and what went wrong."""
        return sections_of(self)

    def _cut(self, text: str) -> list[str]:
        return list(text) if self.tokens == "letters" else text.split()

    def _coded(self, cut: list[list[str]], side: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes (texts, length), filled up with END, and which there are."""
        symbols, codes = self.symbols_[side], np.full((len(cut), length), END, np.int32)
        for row, text in zip(codes, cut, strict=True):
            if unknown := next((symbol for symbol in text if symbol not in symbols), None):
                kind = "letters" if self.tokens == "letters" else "words"
                raise ValueError(f"X holds {unknown!r}, but must be made of {kind} that were seen in fit; replace it.")
            row[: len(text)] = [symbols[symbol] for symbol in text]
        return codes, np.arange(length) < np.array([len(text) for text in cut])[:, None]

    def _train(self, cut: list[list[list[str]]], learnt: np.ndarray, aside: np.ndarray) -> None:
        source, there = self._coded(cut[0], 0, self.longest_[0])
        target, _ = self._coded(cut[1], 1, self.longest_[1] + 1)
        data = {"source": source, "there": there, "target": target}
        updates = max(len(learnt) // self.batch_size, 1)
        epochs = self.epochs or int(np.clip(round(UPDATES / updates), 2, 200))
        rate = self.rate or (4e-3 if self.kind == "lstm" else 1e-3)
        plan = TrainingPlan(
            epochs, min(self.batch_size, len(learnt)), partial(optimiser, "adam", rate, schedule="cosine")
        )
        counts = [len(symbols) + 2 for symbols in self.symbols_]
        options = {"kind": self.kind, "score": self.attention, "depth": self.depth, "heads": self.heads}
        builder = eqx.Partial(EncoderDecoder, *counts, self.width, **options)
        rows = MemberRows(learnt[None], aside[None] if len(aside) else None)
        run = train("SequenceToSequence", builder, TranslationLoss(), padded(data), rows, plan, self.random_state)
        self.net_ = jax.tree.map(lambda a: np.asarray(a)[0] if eqx.is_array(a) else a, run.model)
        joint = "" if self.tokens == "letters" else " "
        shown = aside[:JUDGED] if len(aside) else learnt[:JUDGED]
        pairs = [[joint.join(side[i]) for i in shown] for side in cut]
        made = self.predict(pairs[0])
        exact = np.array([a == b for a, b in zip(made, pairs[1], strict=True)])
        self.judged_ = pd.DataFrame({"source": pairs[0], "target": pairs[1], "translation": made, "exact": exact})
        self.exact_, self.aside_ = float(exact.mean()), bool(len(aside))


class TranslationLoss(AbstractRowLoss):
    """The mean over the symbols of a target of -log P(symbol | those before it, source)."""

    def losses(self, model: Any, batch: dict[str, Array], key: Any) -> tuple[Array, dict[str, Any]]:
        """Return the loss of each pair."""
        source, there, target = (batch[name].astype(int) for name in ("source", "there", "target"))
        given = jnp.concatenate([jnp.full_like(target[:, :1], START), target[:, :-1]], axis=1)
        counts = given != END  # the end is written once
        logits = model(source, given, there.astype(bool))
        each = optax.softmax_cross_entropy_with_integer_labels(logits, target)
        return jnp.sum(each * counts, 1) / jnp.sum(counts, 1), {}


@eqx.filter_jit
def _write(net: EncoderDecoder, codes: Any, mask: Any, length: int, beams: int) -> Array:
    return jax.vmap(lambda source, there: written(net, source, there, length, beams)[0])(codes, mask)


def _texts(name: str, given: Any) -> list[str]:
    if isinstance(given, str) or not len(given):
        raise ValueError(f"{name} is {given!r}, but must be a list of one or more texts; give such.")
    texts = list(given)
    for i, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{name} holds {text!r} at place {i}, but must hold texts with something in; drop it.")
    return texts


def _numbered(texts: list[list[str]]) -> dict[str, int]:
    """Codes of all symbols, after START and END."""
    return {symbol: code for code, symbol in enumerate(sorted({s for text in texts for s in text}), start=2)}


def _apart(sources: list[str], share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from, and rows set aside: all pairs of a source are on one side."""
    _, owner = np.unique(np.array(sources, dtype=object).astype(str), return_inverse=True)
    count = owner.max() + 1
    order = np.random.default_rng(seed).permutation(count)
    chosen = np.isin(owner, order[: int(share * count)])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
