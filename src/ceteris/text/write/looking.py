"""Texts while they are written: where one ends, whether it holds a stop string, and what of it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ceteris.outlets import say_on
from ceteris.text.tokens import Encoded
from ceteris.text.write.choosing import ChoiceRule
from ceteris.text.write.prompts import Writer


class Stops:
    """Looks at texts while they are written: whether one holds a stop string, and what of it is to be shown."""

    def __init__(self, writer: Writer, batch: Encoded, rule: ChoiceRule, stop: tuple[str, ...], stream: bool):
        self.prompts = [row[there].tolist() for row, there in zip(batch.tokens, batch.mask, strict=True)]
        self.tokenizer, self.ends, self.stop, self.stream = writer.tokenizer, rule.ends, stop, stream
        self.behind = writer.model.encoder is None  # whether what is written follows the prompt
        self.shown = 0

    def look(self, tokens: np.ndarray) -> np.ndarray:
        """Return which texts are to end; show the text where it is to be."""
        texts = [self.text(i, self.own(row)) for i, row in enumerate(tokens)]
        found = [first_of(text, self.stop) is not None for text in texts]
        if self.stream:
            self._show(self.until_stop(texts[0]), hold=0 if found[0] else max(map(len, self.stop), default=1) - 1)
        return np.array(found)

    def finish(self, place: int, tokens: np.ndarray, log_p: np.ndarray) -> tuple[Any, str, np.ndarray, np.ndarray]:
        """Return text, why it ended, tokens without the one that ends it, and all log probabilities."""
        own = self.own(tokens)
        ended = len(own) < len(tokens) and tokens[len(own)] in self.ends
        text = self.text(place, own) if self.tokenizer is not None else own.tolist()
        why = "end" if ended else "length"
        if self.stop and first_of(text, self.stop) is not None:
            kept = self.until_stop(text)
            count = next(n for n in range(len(own) + 1) if len(self.text(place, own[:n])) >= len(kept))
            text, why, own = kept, "stop", own[:count]
        if self.stream:
            say_on(text[self.shown :])
        return text, why, own, log_p[: len(own) + (why == "end")]

    def own(self, tokens: np.ndarray) -> np.ndarray:
        """Tokens before the one that ends the text."""
        ends = np.flatnonzero(np.isin(tokens, self.ends))
        return tokens[: ends[0]] if len(ends) else tokens

    def text(self, place: int, tokens: np.ndarray) -> str:
        """What tokens say behind their prompt: decoded with it, since many a tokenizer drops a first space."""
        if self.tokenizer is None:
            return ""
        if not self.behind:
            return self.tokenizer.decode(tokens) if len(tokens) else ""
        prompt = self.prompts[place]
        before, both = self.tokenizer.decode(prompt), self.tokenizer.decode([*prompt, *tokens.tolist()])
        return both[len(before) :] if both.startswith(before) else self.tokenizer.decode(tokens)

    def until_stop(self, text: str) -> str:
        """The text before the first stop string."""
        return text[: first_of(text, self.stop)]

    def _show(self, text: str, hold: int) -> None:
        """Show what is new, but for signs that may be the beginning of a stop string or of a sign of several bytes."""
        text = text[: len(text) - hold].rstrip("\N{REPLACEMENT CHARACTER}")
        say_on(text[self.shown :])
        self.shown = max(self.shown, len(text))


def first_of(text: str, stop: Sequence[str]) -> int | None:
    r"""Return where the first of several strings begins in a text, None where there is none.

    Examples
    --------
    >>> first_of("one. two\n", ["\n", "."]), first_of("one", ["."])
    (3, None)
    """
    places = [text.find(one) for one in stop]
    return min((place for place in places if place >= 0), default=None)
