"""A tokenizer: text to numbers and back, as its files say. The package ``tokenizers`` does the work."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ceteris.arguments import as_many, one_of, shown, whole
from ceteris.files import replace_file
from ceteris.outlets import json_text
from ceteris.text.tokens.encoded import Encoded, padded
from ceteris.text.tokens.reading import compiled, read_tokenizer

SIDES = ("right", "left")
SLICE = 1024  # texts that are encoded at once: what the package says about each is large
_TRUNCATING = threading.Lock()  # where to cut is a setting of the package's object: one thread at a time


@dataclass(frozen=True)
class Tokenizer:
    """Splits texts into tokens and numbers them.

    Parameters
    ----------
    definition : str
        What ``tokenizer.json`` holds: normalisation, splitting, vocabulary, merges, special tokens.
    config : mapping
        What ``tokenizer_config.json`` holds: which tokens are special, and how; where to pad.

    Examples
    --------
    >>> from ceteris.text.tokens import train
    >>> tokenizer = train(["the bank lent money", "the bank of the river"] * 9, 300)
    >>> encoded = tokenizer.encode(["the bank", "the bank of the money"])
    >>> encoded.tokens.shape, encoded.lengths.tolist()
    ((2, 8), [2, 5])
    >>> tokenizer.decode(encoded.tokens)
    ['the bank', 'the bank of the money']
    """

    definition: str = field(repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Read a tokenizer.

        Parameters
        ----------
        path : path
            A ``tokenizer.json``, or a folder that holds one; where there is none, ``vocab.txt`` (WordPiece) or
            ``vocab.json`` and ``merges.txt`` (byte-level byte pairs). Which tokens are special is read from
            ``tokenizer_config.json`` and ``special_tokens_map.json``.
        """
        return cls(*read_tokenizer(Path(path)))

    def save(self, folder: str | Path) -> Path:
        """Write ``tokenizer.json`` and ``tokenizer_config.json`` into a folder, for us and for other packages."""
        folder = Path(folder)
        config = {"tokenizer_class": "PreTrainedTokenizerFast", **self.config}
        replace_file(folder / "tokenizer_config.json", json_text(config))
        replace_file(folder / "tokenizer.json", self.definition)
        return folder

    # ------------------------------------------------------------------------------------------- what it is

    @functools.cached_property
    def _inside(self) -> Any:
        return compiled(self.definition)

    @functools.cached_property
    def digest(self) -> str:
        """What it is, in 64 hexadecimal digits: the same for the same definition."""
        return hashlib.sha256(self.definition.encode()).hexdigest()

    @functools.cached_property
    def kind(self) -> str:
        """Return bpe, wordpiece, unigram or wordlevel."""
        return type(self._inside.model).__name__.lower()

    @functools.cached_property
    def vocabulary(self) -> int:
        """How many rows an embedding of its tokens needs: the largest number of a token, and one."""
        return max(self._inside.get_vocab(True).values(), default=-1) + 1

    def special(self, role: str) -> int | None:
        """Return the number of the token that plays a role, such as "sep_token"; None if there is none.

        Parameters
        ----------
        role : str
            A name of ``tokenizer_config.json``.
        """
        token = self.config.get(role)
        token = token.get("content") if isinstance(token, Mapping) else token
        return self._inside.token_to_id(token) if isinstance(token, str) else None

    pad = property(lambda self: self.special("pad_token"), doc="Number of the token to fill up with, or None.")
    bos = property(lambda self: self.special("bos_token"), doc="Number of the token a text begins with, or None.")
    eos = property(lambda self: self.special("eos_token"), doc="Number of the token a text ends with, or None.")
    mask = property(lambda self: self.special("mask_token"), doc="Number of the token that hides another, or None.")
    unk = property(lambda self: self.special("unk_token"), doc="Number of the token for what is unknown, or None.")
    cls = property(lambda self: self.special("cls_token"), doc="Number of the token that stands for a text, or None.")
    sep = property(lambda self: self.special("sep_token"), doc="Number of the token between texts, or None.")

    @property
    def specials(self) -> np.ndarray:
        """Numbers of all tokens that are no text, in order."""
        added = self._inside.get_added_tokens_decoder()
        return np.array(sorted(number for number, token in added.items() if token.special), np.int32)

    @property
    def length(self) -> int | None:
        """Most tokens its model reads at once, as its files say; None where they do not."""
        most = self.config.get("model_max_length")
        return most if isinstance(most, int) and 0 < most < 10**9 else None

    @property
    def side(self) -> str:
        """Where shorter rows are filled up: "right", after the text, or "left"."""
        return "left" if self.config.get("padding_side") == "left" else "right"

    def number(self, token: str) -> int | None:
        """Return the number of a token, None if it is in no vocabulary."""
        return self._inside.token_to_id(token)

    def refuse_unfit(self, vocabulary: int) -> None:
        """Raise if a model with an embedding of so many rows cannot read what this writes.

        Parameters
        ----------
        vocabulary : int

        Examples
        --------
        >>> from ceteris.text.tokens import train
        >>> train(["to be or not to be"], 260).refuse_unfit(100)
        Traceback (most recent call last):
        ValueError: tokenizer: its vocabulary is 260, but must be at most 100, the rows of the model's embedding; ...
        """
        if self.vocabulary > vocabulary:
            raise ValueError(
                f"tokenizer: its vocabulary is {self.vocabulary:,}, but must be at most {vocabulary:,}, the rows of "
                "the model's embedding; give the tokenizer that the model was trained with."
            )

    # ---------------------------------------------------------------------------------------- text to numbers

    def encode(
        self,
        texts: str | Sequence[Any],
        length: int | None = None,
        pairs: Sequence[str] | None = None,
        *,
        offsets: bool = False,
        side: str | None = None,
        special: bool = True,
    ) -> Encoded:
        """Return texts as rows of tokens.

        Parameters
        ----------
        texts : str or sequence of str
            Or of lists of words, where they are split already.
        length : int, optional
            The most tokens of a row, special ones included; what is longer is cut at its end (of a pair the longer
            text), and ``cut`` of what is returned says so. By default nothing is cut.
        pairs : sequence of str, optional
            A second text for each.
        offsets : bool
            Whether to say where each token stands in its text, and in which word.
        side : {"right", "left"}, optional
            Where shorter rows are filled up; by default as the tokenizer's files say.
        special : bool
            Whether to add the tokens that its model expects at the beginning and the end.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        given = self._given(texts, pairs)
        rows = self._encodings(given, length, 0, special, offsets)
        rows = [(owner, encoding, bool(encoding.overflowing)) for owner, encoding in enumerate(rows)]
        return self._padded(rows, length, offsets, side)

    def chunks(
        self,
        texts: str | Sequence[str],
        length: int,
        overlap: int = 0,
        *,
        offsets: bool = False,
        side: str | None = None,
    ) -> Encoded:
        """Return texts in pieces that a model can read, each with its special tokens; ``owner`` says whose each is.

        Parameters
        ----------
        texts : str or sequence of str
        length : int
            The most tokens of a piece, special ones included.
        overlap : int
            Tokens that a piece shares with the one before it.
        offsets : bool
            As in `encode`.
        side : {"right", "left"}, optional
            As in `encode`.

        Examples
        --------
        >>> from ceteris.text.tokens import train
        >>> tokenizer = train(["a b c d e f g", "a b c d e f g"], 300)
        >>> pieces = tokenizer.chunks(["a b c d e", "f g"], length=4, overlap=2)
        >>> pieces.owner.tolist(), tokenizer.decode(pieces.tokens)
        ([0, 0, 1], ['a b c d', ' c d e', 'f g'])
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        whole("length", length, least=2)
        room = length - self._inside.num_special_tokens_to_add(False)
        whole("overlap", overlap, least=0, most=max(room - 1, 0))
        found = self._encodings(self._given(texts, None), length, overlap, True, offsets)
        rows = [(owner, one, False) for owner, first in enumerate(found) for one in (first, *first.overflowing)]
        return self._padded(rows, length, offsets, side)

    def ragged(self, texts: Sequence[str], special: bool = False) -> list[list[int]]:
        """Return texts as lists of tokens of their own lengths, neither cut nor filled up."""
        return [encoding.ids for encoding in self._inside.encode_batch_fast(list(texts), add_special_tokens=special)]

    def _given(self, texts: list[Any], pairs: Sequence[str] | None) -> list[Any]:
        if not texts:
            raise ValueError("texts holds none, but must hold at least one text; give one.")
        if pairs is not None:
            pairs = list(pairs)
            as_many("pairs", pairs, len(texts), of="text")
        for name, every in (("texts", texts), ("pairs", pairs or ())):
            split = bool(every) and isinstance(every[0], list | tuple)
            wrong = next((i for i, one in enumerate(every) if not _is_text(one, split)), None)
            if wrong is not None:
                what = "a list of words, as the first is" if split else "a text"
                raise TypeError(
                    f"{name}: number {wrong} (from 0) is {shown(every[wrong])}, but must be {what}; drop it or "
                    "fill it in."
                )
        if pairs is None:
            return [list(text) if isinstance(text, tuple) else text for text in texts]
        return list(zip(texts, pairs, strict=True))

    def _encodings(self, given: list[Any], length: int | None, overlap: int, special: bool, offsets: bool) -> list[Any]:
        words = isinstance(given[0], list) or (isinstance(given[0], tuple) and isinstance(given[0][0], list))
        pair = isinstance(given[0], tuple)
        added = self._inside.num_special_tokens_to_add(pair) if special else 0
        if length is not None:
            whole("length", length, least=added + 1)
        encode = self._inside.encode_batch if offsets or words else self._inside.encode_batch_fast
        found = []
        with _TRUNCATING:
            if length is None:
                self._inside.no_truncation()
            else:
                self._inside.enable_truncation(length, stride=overlap)
            try:
                for start in range(0, len(given), SLICE):
                    part = given[start : start + SLICE]
                    found += encode(part, is_pretokenized=words, add_special_tokens=special)
            except TypeError:
                raise _halves(given) from None
            finally:
                self._inside.no_truncation()
        return found

    def _padded(self, rows: list[Any], length: int | None, offsets: bool, side: str | None) -> Encoded:
        one_of("side", side or self.side, SIDES)
        empty = next((owner for owner, encoding, _ in rows if not encoding.ids), None)
        if empty is not None:
            raise ValueError(
                f"texts: number {empty} (from 0) has no token at all, but must have at least one; drop it, or give a "
                "text that is not empty."
            )
        fill = next(token for token in (self.pad, self.eos, 0) if token is not None)
        each = [encoding for _, encoding, _ in rows]
        more: dict[str, Any] = {}
        if offsets:
            more["offsets"] = [encoding.offsets for encoding in each]
            more["words"] = [[-1 if word is None else word for word in encoding.word_ids] for encoding in each]
        return padded(
            [encoding.ids for encoding in each], fill, length, (side or self.side) == "left",
            segments=[encoding.type_ids for encoding in each], owner=[owner for owner, _, _ in rows],
            cut=[cut for _, _, cut in rows], **more,
        )  # fmt: skip

    # ---------------------------------------------------------------------------------------- numbers to text

    def decode(self, ids: Any, special: bool = False) -> Any:
        """Return the text of a row of tokens, or the texts of several.

        Parameters
        ----------
        ids : array of int, shape (T,) or (B, T), or a list of rows
        special : bool
            Whether to write special tokens too.
        """
        rows = [np.asarray(row) for row in ids] if len(np.shape(ids[0] if len(ids) else 0)) else [np.asarray(ids)]
        rows = [row.astype(np.int64).tolist() for row in rows]
        worst = max((max(row, default=0) for row in rows), default=0)
        least = min((min(row, default=0) for row in rows), default=0)
        if least < 0 or worst >= self.vocabulary:
            raise ValueError(
                f"ids holds {least if least < 0 else worst}, but must hold numbers from 0 to {self.vocabulary - 1:,}, "
                "those of tokens; leave out what is padding."
            )
        texts = self._inside.decode_batch(rows, skip_special_tokens=not special)
        return texts if len(np.shape(ids[0] if len(ids) else 0)) else texts[0]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return tokens as the vocabulary spells them."""
        return [self._inside.id_to_token(int(number)) for number in ids]

    def __repr__(self) -> str:
        return f"Tokenizer({self.kind}, {self.vocabulary:,} tokens, {self.digest[:12]})"


def _halves(given: list[Any]) -> ValueError:
    """Say which text cannot be written in UTF-8: all else was asked before."""
    bad = next((i for i, one in enumerate(given) if any("\ud800" <= sign <= "\udfff" for sign in str(one))), 0)
    return ValueError(
        f"texts: number {bad} (from 0) holds half of a surrogate pair, but must hold whole signs; read it anew in its "
        "encoding."
    )


def _is_text(given: Any, split: bool) -> bool:
    if split:
        return isinstance(given, list | tuple) and len(given) > 0 and all(isinstance(word, str) for word in given)
    return isinstance(given, str)
