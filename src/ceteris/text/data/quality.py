"""Which documents are text worth learning from: rules on what was measured, each with a name and a count.

The measures are those of the rules for MassiveText and C4; each is cheap, and each says in one number why a document is
left out. The limits are defaults for prose: change one by giving a rule of the same name.

References
----------
Rae, J. W. et al. (2021). Scaling language models: methods, analysis and insights from training Gopher. arXiv
2112.11446, appendix A. Raffel, C. et al. (2020). Exploring the limits of transfer learning with a unified text-to-text
transformer. JMLR 21, section 2.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ceteris.arguments import one_of
from ceteris.text.data.languages import recognised
from ceteris.text.data.scan import MEASURES, Scanned
from ceteris.text.data.words import ALPHABET, FUNCTION_WORDS, LANGUAGES

MEASURED = (*(name for name in MEASURES if name != "listed words"), "function words")


@dataclass(frozen=True)
class QualityRule:
    """A document stays if what was measured lies between two limits, both included.

    Parameters
    ----------
    measure : str
        characters, words, word length, symbols (share of signs that are no letter, digit or space), letters (share of
        words with a letter in them), bullets and ellipses (share of lines that begin or end so, where there are three
        at least), repeated lines, repeated phrases (share of words in a run of five that was there before), commonest
        pair (share of words in it), or function words (share of words that are such in the document's language).
    least : float
        The lower limit.
    most : float
        The upper one.

    Examples
    --------
    >>> QualityRule("words", least=50)
    QualityRule(measure='words', least=50, most=inf)
    """

    measure: str
    least: float = -np.inf
    most: float = np.inf

    def __post_init__(self) -> None:
        one_of("QualityRule: measure", self.measure, MEASURED)
        if not self.least <= self.most:
            raise ValueError(
                f"QualityRule: least is {self.least}, but must be at most {self.most}, the most; exchange the two."
            )


QUALITY: Mapping[str, QualityRule] = {
    "too short": QualityRule("words", least=10),
    "too long": QualityRule("words", most=1_000_000),
    "length of words": QualityRule("word length", 2, 12),
    "symbols": QualityRule("symbols", most=0.25),
    "words without letters": QualityRule("letters", least=0.7),
    "bullets": QualityRule("bullets", most=0.9),
    "ellipses": QualityRule("ellipses", most=0.3),
    "repeated lines": QualityRule("repeated lines", most=0.3),
    "repeated phrases": QualityRule("repeated phrases", most=0.3),
    "one pair of words": QualityRule("commonest pair", most=0.2),
    "few function words": QualityRule("function words", least=0.06),
}


def rules_of(given: Mapping[str, QualityRule | None] | None) -> dict[str, QualityRule]:
    """Return the rules of the house with those given in their place or beside them; None takes one out."""
    rules = {**QUALITY, **(given or {})}
    for name, rule in rules.items():
        if rule is not None and not isinstance(rule, QualityRule):
            raise TypeError(f"rules: {name!r} is {rule!r}, but must be a QualityRule or None; give one.")
    return {name: rule for name, rule in rules.items() if rule is not None}


def broken(scanned: Scanned, rules: Mapping[str, QualityRule]) -> dict[str, np.ndarray]:
    """Return which documents break each rule, arrays of shape (n,).

    Examples
    --------
    >>> from ceteris.text.data.scan import laid_out, scan
    >>> found = broken(scan(*laid_out(["Best offers! " * 30, "Rates of interest were raised again."])), QUALITY)
    >>> [name for name, which in found.items() if which[0]]
    ['repeated phrases', 'one pair of words', 'few function words']
    >>> [name for name, which in found.items() if which[1]]
    ['too short']
    """
    measures = scanned.measures | {"function words": _function_words(scanned)}
    outside = lambda rule: (measures[rule.measure] < rule.least) | (measures[rule.measure] > rule.most)
    return {name: outside(rule) for name, rule in rules.items()}


def _function_words(scanned: Scanned) -> np.ndarray:
    """Share of function words in the language of each; NaN, which breaks no rule, where signs are words."""
    found = recognised(scanned)
    share = scanned.hits[np.arange(len(found)), np.maximum(found, 0)]
    share = np.where(found < 0, scanned.hits.max(axis=1, initial=0), share)
    signs = np.isin(found, [LANGUAGES.index(name) for name in LANGUAGES if name not in FUNCTION_WORDS])
    return np.where(signs, np.nan, share)


def languages_given(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return languages that are to be kept; none for all."""
    names = () if given is None else (given,) if isinstance(given, str) else tuple(given)
    return tuple(one_of("languages", name, (*ALPHABET,)) for name in names)
