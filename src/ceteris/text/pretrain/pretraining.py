"""Pre-training by one call: a corpus goes in, a model and the evidence of what it has learnt come out."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from time import process_time
from typing import Any, Literal

import equinox as eqx
import jax
import numpy as np

from ceteris.arguments import COUNT, NOT_NEGATIVE, POSITIVE, a_whole_number, check, choose, one_of, require, shown
from ceteris.engine import Checkpoint, Progress, fit
from ceteris.engine.devices import digits_of
from ceteris.files import replace_file
from ceteris.outlets import json_text
from ceteris.recipe import AbstractObjective, Descend, Streamed
from ceteris.text.data import QUALITY, Shards, TokenFeed, load_shards, prepare
from ceteris.text.data.writing import MANIFEST, SHARDS
from ceteris.text.files import Pretrained
from ceteris.text.models import Description, LanguageModel
from ceteris.text.pretrain.corruption import MaskingRule, span_counts
from ceteris.text.pretrain.objectives import HeldOutWindows, MaskedTokens, NextToken, PairedTexts, SpanCorruption
from ceteris.text.pretrain.rules import SIZES, described, language_optimiser
from ceteris.text.pretrain.run import PretrainedRun
from ceteris.text.tokens import Tokenizer, train

OBJECTIVES = {
    "causal": ("decoder", "bpe"),
    "masked": ("encoder", "wordpiece"),
    "next_sentence": ("encoder", "wordpiece"),
    "joint": ("encoder", "wordpiece"),
    "spans": ("encoder-decoder", "unigram"),
}
SENTINELS = tuple(f"<extra_id_{i}>" for i in range(100))
JUDGED = 2**17  # tokens set aside that are read at each look, at most
TEST = 0.05  # share of documents set aside where the corpus is prepared here
QUESTION, CHECKPOINT = "pretraining.json", "checkpoint"
SECONDS = 30.0  # between two checkpoints


@dataclass(frozen=True)
class Pretraining:
    """How a language model is trained from its first weights.

    Parameters
    ----------
    size : {"tiny", "small", "gpt2"} or Description
        About 1, 10 or 124 million weights, or a model of one's own.
    objective : {"causal", "masked", "next_sentence", "joint", "spans"}
        The next token (GPT); 15 % hidden tokens, drawn anew each time (BERT, RoBERTa); whether one text follows
        another; both of these; spans that were cut out (T5).
    length : int, optional
        Tokens of a window; by default as the size says.
    batch_size : int
        Windows per batch.
    steps : int
        Batches.
    rate : float, optional
        Highest learning rate, after a tenth of the steps; it falls along a cosine. By default as the size says.
    optimiser : {"adamw", "muon"}
        See `language_optimiser`.
    weight_decay : float
        Of matrices only.
    clip : float, optional
        Norm that a gradient has at most.
    accumulate : int
        Batches for one update.
    apart : bool
        Whether tokens see their own document only.
    frugal : bool
        Whether layers are computed again in the backward pass: less memory, a third more work.
    precision : {"single", "mixed"} or Digits, optional
        "mixed" computes in bfloat16 with weights and losses in single precision.
    every : int, optional
        Steps between two looks at text set aside; by default a fortieth of all.
    seed : int
        Decides everything random.

    Examples
    --------
    >>> words = "the bank lent money to firms and the firms paid it back with interest in the next year".split()
    >>> rng = np.random.default_rng(0)
    >>> texts = [" ".join(rng.choice(words, 40)) for _ in range(200)]
    >>> run = Pretraining("tiny", length=16, batch_size=4, steps=4).fit(texts)
    >>> run.history["loss"].shape
    (4,)
    """

    size: str | Description = "tiny"
    objective: Literal["causal", "masked", "next_sentence", "joint", "spans"] = "causal"
    length: int | None = None
    batch_size: int = 16
    steps: int = 1_000
    rate: float | None = None
    optimiser: Literal["adamw", "muon"] = "adamw"
    weight_decay: float = 0.1
    clip: float | None = 1.0
    accumulate: int = 1
    apart: bool = True
    frugal: bool = False
    precision: Any = None
    every: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check(
            self, batch_size=COUNT, steps=COUNT, rate=POSITIVE.or_none(), accumulate=COUNT,
            weight_decay=NOT_NEGATIVE, clip=POSITIVE.or_none(), every=COUNT.or_none(),
        )  # fmt: skip
        one_of("Pretraining: objective", self.objective, OBJECTIVES)
        one_of("Pretraining: optimiser", self.optimiser, ("adamw", "muon"))
        digits_of(self.precision)
        if isinstance(self.size, str):
            choose("Pretraining: size", self.size, SIZES)
        elif self.size.kind != self._kind:
            raise ValueError(
                f"Pretraining: size describes a model of kind {self.size.kind!r}, but must describe one of kind "
                f"{self._kind!r} for the objective {self.objective!r}; give such a Description."
            )
        most = self.size.length if isinstance(self.size, Description) else self.length
        require("Pretraining: length", self.length, a_whole_number(8, most or np.inf).or_none())
        if self.objective in ("next_sentence", "joint") and self.batch_size < 2:
            raise ValueError(
                f"Pretraining: batch_size is {self.batch_size}, but must be at least 2 for pairs of texts; give more."
            )

    def fit(
        self,
        corpus: Any,
        folder: str | Path | None = None,
        tokenizer: Tokenizer | str | Path | None = None,
        *,
        start: LanguageModel | None = None,
        progress: bool = False,
    ) -> PretrainedRun:
        """Train on a corpus.

        Parameters
        ----------
        corpus : Shards, path, or sequence of str
            Shards that `ceteris.text.data.prepare` wrote, or their folder; a file or folder of text, which is prepared
            with that function's settings; or documents.
        folder : path, optional
            Where shards and checkpoints are kept. A run that was killed goes on from there, to the bit, when it is
            called again with the same settings.
        tokenizer : Tokenizer or path, optional
            By default one is trained on the corpus.
        start : LanguageModel, optional
            Weights to go on from, of the model that `size` describes; see `adapt`.
        progress : bool
            Whether to show it.
        """
        if folder is None:
            with tempfile.TemporaryDirectory() as place:
                return self._fit(shards_of(corpus, Path(place), tokenizer, self), None, start, progress)
        return self._fit(shards_of(corpus, Path(folder), tokenizer, self), Path(folder), start, progress)

    def slots(self, shards: Shards) -> tuple[Descend, TokenFeed, dict[str, np.ndarray]]:
        """Return what `ceteris.engine.fit` iterates, its feed, and the windows that are set aside.

        Parameters
        ----------
        shards : Shards
            The corpus.
        """
        tokenizer = shards.tokenizer
        about = self.description(tokenizer)
        tokenizer.refuse_unfit(about.vocabulary)
        objective, window = self._objective(tokenizer, about), self._window(about)
        feed = shards.feed(window, self.batch_size, seed=self.seed)
        aside = _set_aside(shards, window, self.batch_size)
        heldout = HeldOutWindows(objective, _batches(aside, self.batch_size))
        hypothesis = eqx.Partial(LanguageModel, about)
        return Descend(hypothesis, objective, Streamed(), self._rule(), heldout=heldout), feed, aside

    def _fit(self, shards: Shards, folder: Path | None, start: Any, progress: bool) -> PretrainedRun:
        algorithm, feed, aside = self.slots(shards)
        monitors: list[Any] = [Progress("pre-training")] if progress else []
        if folder is not None:
            _claim(folder, self, shards, start)
            monitors.append(Checkpoint(folder / CHECKPOINT, SECONDS))
        begun = process_time()
        run = fit(
            algorithm, jax.random.key(self.seed), steps=self.steps, every=self.looks, monitors=monitors, feed=feed,
            model=start, resume="if there" if folder is not None else None, precision=self.precision,
        )  # fmt: skip
        return PretrainedRun(
            settings=self,
            model=jax.tree.map(lambda a: np.asarray(a) if eqx.is_array(a) else a, run.model),
            tokenizer=shards.tokenizer,
            history=run.history,
            metrics=run.metrics,
            bytes_per_token=_bytes_per_token(aside["tokens"], shards.tokenizer),
            batch_tokens=feed.batch_size * feed.length,
            epochs=feed.passes(run.tick),
            seconds=process_time() - begun,
            status=run.sentence,
            ok=run.ok,
            corpus=digest_of(shards),
        )

    # --------------------------------------------------------------------------------------------- what follows

    @property
    def looks(self) -> int:
        """Steps between two looks at text set aside."""
        return min(self.every or max(self.steps // 40, 1), self.steps)

    def description(self, tokenizer: Tokenizer) -> Description:
        """Return the model that these settings ask for with a tokenizer.

        Parameters
        ----------
        tokenizer : Tokenizer
            Says how many tokens there are, and which begin, end and fill up.
        """
        if isinstance(self.size, Description):
            return self.size
        marks: dict[str, Any] = {"pad": tokenizer.pad, "end": () if tokenizer.eos is None else (tokenizer.eos,)}
        if self.objective == "spans":
            marks["start"] = tokenizer.pad
        if self.objective in ("next_sentence", "joint"):
            marks |= {"pooler": True, "next_sentence": True}
        length = self.length or SIZES[self.size].length
        return described(self.size, self._kind, tokenizer.vocabulary, length, **marks)

    @property
    def _kind(self) -> str:
        return OBJECTIVES[self.objective][0]

    def _window(self, about: Description) -> int:
        """Tokens of a window of the corpus: one more where the next is foretold, three fewer where pairs are marked."""
        return (self.length or about.length) + {"causal": 1, "joint": -3, "next_sentence": -3}.get(self.objective, 0)

    def _rule(self) -> Any:
        rate = self.rate or (SIZES[self.size].rate if isinstance(self.size, str) else 1e-3)
        updates = max(self.steps // self.accumulate, 1)
        return language_optimiser(
            self.optimiser, rate, updates, weight_decay=self.weight_decay, clip=self.clip, accumulate=self.accumulate
        )

    def _objective(self, tokenizer: Tokenizer, about: Description) -> AbstractObjective:
        if self.objective == "causal":
            return NextToken(self.apart, self.frugal)
        if self.objective == "spans":
            return self._spans(tokenizer, about)
        rule = MaskingRule(
            _needed(tokenizer, "mask_token"), tokenizer.vocabulary, tuple(int(token) for token in tokenizer.specials)
        )
        if self.objective == "masked":
            return MaskedTokens(rule, self.apart, self.frugal)
        first, between = _needed(tokenizer, "cls_token"), _needed(tokenizer, "sep_token")
        return PairedTexts(rule, first, between, self.objective == "joint", self.frugal)

    def _spans(self, tokenizer: Tokenizer, about: Description) -> AbstractObjective:
        _, spans = span_counts(self._window(about), 0.15, 3.0)
        sentinels = [tokenizer.number(name) for name in SENTINELS]
        there = tuple(number for number in sentinels if number is not None)
        if len(there) < spans:
            raise ValueError(
                f"tokenizer: it has {len(there)} sentinels such as {SENTINELS[0]}, but must have {spans} for the "
                "objective 'spans'; give windows that are shorter, or let a tokenizer be trained."
            )
        return SpanCorruption(there, _needed(tokenizer, "pad_token"), _needed(tokenizer, "eos_token"),
                              frugal=self.frugal)  # fmt: skip


def shards_of(corpus: Any, folder: Path, tokenizer: Any, settings: Pretraining) -> Shards:
    """Return a corpus as shards of tokens, written into a folder unless there are such already.

    Parameters
    ----------
    corpus : Shards, path, or sequence of str
        What to learn from.
    folder : path
        Where to put them, below ``shards``.
    tokenizer : Tokenizer or path, optional
        Otherwise one is trained.
    settings : Pretraining
        Say what kind of tokenizer.
    """
    if isinstance(corpus, Shards):
        return _same_tokens(corpus, tokenizer)
    places = [Path(corpus), Path(corpus) / SHARDS] if isinstance(corpus, str | Path) else []
    for place in (*places, folder / SHARDS):  # those in the folder are of a run that was stopped
        if (place / MANIFEST).is_file():
            return _same_tokens(load_shards(place), tokenizer)
    kind, size = OBJECTIVES[settings.objective][1], settings.size
    made: dict[str, Any] = {
        "kind": kind, "test_size": TEST, "vocabulary": size.vocabulary if isinstance(size, Description) else
        SIZES[size].vocabulary, "unit": "paragraph" if _one_file(corpus) else "file",
    }  # fmt: skip
    if not isinstance(corpus, str | Path):  # given by hand, so that nothing but repetitions is left out
        texts, corpus = _texts(corpus), folder / "corpus.jsonl"
        replace_file(corpus, "\n".join(json.dumps({"text": text}) for text in texts))
        made |= {"rules": dict.fromkeys(QUALITY), "near": None, "redact": ()}
        tokenizer = tokenizer or train(texts, made["vocabulary"], kind, SENTINELS if kind == "unigram" else ())
    elif kind == "unigram" and tokenizer is None:
        raise ValueError(
            "tokenizer is None, but must be one with sentinels for the objective 'spans'; train one by "
            f"ceteris.text.tokens.train(texts, kind='unigram', specials=['{SENTINELS[0]}', …])."
        )
    return prepare(corpus, folder / SHARDS, tokenizer, **made)


def _one_file(corpus: Any) -> bool:
    return isinstance(corpus, str | Path) and Path(corpus).is_file()


def _texts(corpus: Any) -> list[str]:
    texts = list(corpus)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"corpus: number {place} (from 0) is {shown(text)}, but must be a text; drop it.")
    if not any(text.strip() for text in texts):
        raise ValueError("corpus holds no sign, but must hold text to learn from; give some.")
    return texts


def _same_tokens(shards: Shards, tokenizer: Any) -> Shards:
    """Return shards, unless another tokenizer is asked for than wrote them."""
    if tokenizer is not None:
        given = tokenizer if isinstance(tokenizer, Tokenizer) else Tokenizer.load(tokenizer)
        if given.digest != shards.tokenizer.digest:
            raise ValueError(
                "tokenizer is not the one that wrote the shards, but must be; leave it out, or prepare the corpus anew."
            )
    return shards


def _needed(tokenizer: Tokenizer, role: str) -> int:
    """Return the number of a special token that an objective cannot do without."""
    found = tokenizer.special(role)
    if found is None:
        raise ValueError(
            f"tokenizer: it has no {role}, but must have one for this objective; give another tokenizer, or let one be "
            "trained."
        )
    return found


def _set_aside(shards: Shards, window: int, batch_size: int) -> dict[str, np.ndarray]:
    """Return windows that are not learnt from: whole batches, one at least."""
    most = max(JUDGED // window // len(shards.sources), 1)
    found = shards.windows(window, "test", most)
    count = len(found["tokens"])
    rows = np.arange(max(count // batch_size, 1) * batch_size) % count  # of few, some are read twice
    return {name: found[name][rows] for name in ("tokens", "documents")}


def _batches(windows: dict[str, np.ndarray], batch_size: int) -> dict[str, np.ndarray]:
    return {name: a.reshape(-1, batch_size, a.shape[1]) for name, a in windows.items()}


def _bytes_per_token(tokens: np.ndarray, tokenizer: Tokenizer) -> float:
    """Return how many bytes of text a token that is foretold stands for, on average."""
    foretold = tokens[:, 1:]
    if tokenizer.kind == "bpe":  # each sign of a byte-level token is a byte, also where letters are cut in two
        text = np.ones(tokenizer.vocabulary, bool)
        text[tokenizer.specials] = False
        sizes = np.array([len(token or "") for token in tokenizer.tokens(range(tokenizer.vocabulary))]) * text
        return float(sizes[foretold].mean())
    texts = tokenizer.decode(foretold)
    return sum(len(text.encode()) for text in texts) / foretold.size


def _claim(folder: Path, settings: Pretraining, shards: Shards, start: Any) -> None:
    """Say in a folder which question its checkpoint answers; raise if that is another one."""
    asked = {field.name: repr(getattr(settings, field.name)) for field in fields(settings)}
    asked["corpus"] = digest_of(shards)
    asked["start"] = "" if start is None else Pretrained(start).digest
    if (folder / QUESTION).is_file():
        before = json.loads((folder / QUESTION).read_text("utf-8"))
        other = sorted(name for name in asked if not isinstance(before, dict) or before.get(name) != asked[name])
        if other:
            raise ValueError(
                f"folder: {folder} holds a run with another {' and '.join(other)}; give another folder, or the "
                "settings that it was begun with."
            )
    replace_file(folder / QUESTION, json_text(asked))


def digest_of(shards: Shards) -> str:
    """Return 64 digits that say what a corpus is, tokenizer included."""
    return hashlib.sha256(json_text(shards.manifest).encode()).hexdigest()
