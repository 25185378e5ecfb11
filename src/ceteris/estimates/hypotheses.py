"""Linear hypotheses in words: "age = educ = 0" as rows of weights and what they are to be.

A hypothesis is a chain of sums of estimates with "=" between them; several are parted by commas. Names are taken as
they are, the longest first, so that they may hold blanks and signs: "region=south = region=west" compares two of them.
The name of a column of labels stands for all its indicators: "region = 0" is "region=south = region=west = 0".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.arguments import as_many, nearest, shown

NUMBER = re.compile(r"\d+(\.\d*)?([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?")
CONSTANTS = ("constant", "const", "Intercept", "intercept", "(Intercept)")  # what is not tested unless it is named
END = "\0"
FORM = 'write it like "a = b = 0" or "a - 2*b = 1, c = 0"'


@dataclass(frozen=True)
class Combination:
    """Rows of weights W, shape (q, k), constants c, shape (q,), and what Wθ - c is called, q names."""

    weights: np.ndarray
    constants: np.ndarray
    names: tuple[str, ...]


def combination(hypothesis: Any, names: Sequence[str], argument: str = "hypothesis") -> Combination:
    """Read a hypothesis on estimates of these names; Wθ = c is what it says.

    Parameters
    ----------
    hypothesis : str, sequence of str, array of shape (q, k) or (k,), or None
        None says that all are zero, but for a constant.
    names : sequence of str
    argument : str
        What it is called in messages.

    Examples
    --------
    >>> found = combination("a = b = 1", ["constant", "a", "b"])
    >>> found.weights.tolist(), found.constants.tolist(), found.names
    ([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [1.0, 1.0], ('a - 1', 'b - 1'))
    >>> combination("region = 0", ["constant", "region=south", "region=west"]).names
    ('region=south', 'region=west')
    """
    if hypothesis is None:
        chosen = [i for i, name in enumerate(names) if name not in CONSTANTS] or list(range(len(names)))
        return Combination(np.eye(len(names))[chosen], np.zeros(len(chosen)), tuple(names[i] for i in chosen))
    if isinstance(hypothesis, str):
        hypothesis = [hypothesis]
    if len(hypothesis) and all(isinstance(one, str) for one in hypothesis):
        rows = [row for text in hypothesis for row in _Words(text, names, argument).rows()]
        return Combination(np.array([w for w, _, _ in rows]), np.array([c for _, c, _ in rows]), _distinct(rows))
    W = np.atleast_2d(np.asarray(hypothesis, dtype=float))
    as_many(argument, W.T, len(names), of="entry")
    return Combination(W, np.zeros(len(W)), tuple(f"contrast {i}" for i in range(len(W))))


def refuse_redundant(found: Combination, argument: str = "hypothesis") -> None:
    """Raise if a row follows from the others, or contradicts them."""
    for i in range(len(found.weights)):
        if np.linalg.matrix_rank(found.weights[: i + 1]) <= i:
            raise ValueError(
                f"{argument}: that {said(found)[i]} follows from the rest or contradicts it, but each part must say "
                "something of its own; leave it out."
            )


def said(found: Combination) -> tuple[str, ...]:
    """Each row as a sentence.

    Examples
    --------
    >>> said(combination("a = b = 1", ["a", "b"]))
    ('a - 1 = 0', 'b - 1 = 0')
    """
    return tuple(f"{name} = 0" for name in found.names)


def _distinct(rows: list[tuple[np.ndarray, float, str]]) -> tuple[str, ...]:
    texts = [text for _, _, text in rows]
    return tuple(text if text not in texts[:i] else f"{text} ({i + 1})" for i, text in enumerate(texts))


class _Words:
    """Reads one text from left to right."""

    def __init__(self, text: str, names: Sequence[str], argument: str) -> None:
        self.text, self.names, self.argument, self.at = text, list(names), argument, 0
        heads = dict.fromkeys(name.split("=", 1)[0] for name in names if "=" in name)
        self.groups = {head: [n for n in names if n.startswith(f"{head}=")] for head in heads if head not in names}

    def rows(self) -> list[tuple[np.ndarray, float, str]]:
        """Weights, constant and name of each restriction."""
        found = []
        while True:
            chain = [self._sum()]
            while self._takes("==") or self._takes("="):
                chain.append(self._sum())
            flat = [one for side in chain for one in side]
            found += [_restriction(one, flat[-1]) for one in flat[:-1]] if len(chain) > 1 else map(_alone, flat)
            if not self._takes(","):
                break
        if self._peek() != END:
            raise ValueError(
                f"{self.argument} is {shown(self.text)}, but before {shown(self.text[self.at :])} there must be one of "
                f"+ - * = and the comma; {FORM}."
            )
        for weights, _, text in found:
            if not weights.any():
                raise ValueError(
                    f"{self.argument} is {shown(self.text)}, but {text} = 0 holds no estimate; {FORM} with some."
                )
        return found

    def _sum(self) -> list[tuple[np.ndarray, float, str]]:
        """A sum of terms, or the indicators of a column of labels: weights, constant and text of each."""
        self._skip()
        start, group = self.at, self._name([*self.names, *self.groups])
        if group in self.groups:
            eye = np.eye(len(self.names))
            return [(eye[self.names.index(name)], 0.0, name) for name in self.groups[group]]
        self.at = start
        weights, constant, parts = np.zeros(len(self.names)), 0.0, 0
        while parts == 0 or self._peek() in "+-":
            sign = 1.0
            while (c := self._peek()) and c in "+-":
                sign, self.at = sign * (-1.0 if c == "-" else 1.0), self.at + 1
            factor, place = self._term()
            if place is None:
                constant += sign * factor
            else:
                weights[place] += sign * factor
            parts += 1
        return [(weights, constant, " ".join(self.text[start : self.at].split()))]

    def _term(self) -> tuple[float, int | None]:
        """A number, a name, or their product in either order."""
        factor, place = 1.0, None
        while True:
            self._skip()
            name = self._name(self.names)
            number = None if name is not None else NUMBER.match(self.text, self.at)
            if name is not None and place is None:
                place = self.names.index(name)
            elif number:
                factor, self.at = factor * float(number[0]), number.end()
            else:
                self._fail()
            if not self._takes("*"):
                return factor, place

    def _name(self, names: Sequence[str]) -> str | None:
        """The longest of the names that stands here, not as the beginning of a longer word."""
        for name in sorted(names, key=len, reverse=True):
            end = self.at + len(name)
            if self.text.startswith(name, self.at) and not re.match(r"\w", self.text[end : end + 1]):
                self.at = end
                return name
        return None

    def _takes(self, sign: str) -> bool:
        self._skip()
        found = self.text.startswith(sign, self.at)
        self.at += len(sign) * found
        return found

    def _peek(self) -> str:
        self._skip()
        return self.text[self.at : self.at + 1] or END

    def _skip(self) -> None:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1

    def _fail(self) -> None:
        rest = self.text[self.at :].strip()
        if not rest:
            raise ValueError(f"{self.argument} is {shown(self.text)}, but something is missing at its end; {FORM}.")
        word = (re.match(r"[^\s=,+*-]+", rest) or [rest[:1]])[0]
        near = nearest(word, [*self.names, *self.groups])
        do = f"did you mean {near!r}?" if near else f"{FORM} with names of {', '.join(map(repr, self.names[:8]))}."
        raise ValueError(f"{self.argument} is {shown(self.text)}, but {word!r} in it is no estimate; {do}")


def _restriction(one: tuple[np.ndarray, float, str], last: tuple[np.ndarray, float, str]) -> tuple[Any, float, str]:
    """That one side equals the last of the chain."""
    (weights, constant, text), (other, what, words) = one, last
    name = text if not other.any() and what == 0 else f"{text} - {words}" if _is_plain(words) else f"{text} - ({words})"
    return weights - other, what - constant, name


def _alone(one: tuple[np.ndarray, float, str]) -> tuple[np.ndarray, float, str]:
    return one[0], 0.0 - one[1], one[2]


def _is_plain(words: str) -> bool:
    return not re.search(r"[-+]", words)
