"""BLEU, chrF and ROUGE: how much of what was written is in a reference, counted in the way of the reference packages.

Each score is a function of counts that add up over texts. A text has a row of counts; the score of a corpus is that of
the sum of rows, and of a bootstrap sample that of a weighted sum, so that one formula serves the corpus, each text
alone and a thousand resamples at once.

    BLEU    100 min(1, e^(1 - r/c)) exp(¼ Σ_n log p_n),  p_n the share of n-grams that some reference has
    chrF    100 (1 + β²) P R / (β² P + R), P and R averaged over character n-grams of 1 to 6, β = 2
    ROUGE   F = 2 P R / (P + R) of n-grams, or of the longest common subsequence; the mean over texts

BLEU and chrF equal those of sacrebleu at its defaults (tokens as mteval-v13a makes them, exponential smoothing), ROUGE
that of rouge-score without stemming. BLEU and chrF are out of 100, ROUGE out of 1, as theirs are.

References
----------
Papineni et al. (2002); Popović (2015); Lin (2004); Post (2018) on why BLEU is comparable only where tokens are made in
one way; 004, sections 6.3 and 10.3.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

ORDERS = 4  # n-grams of words in BLEU
LETTERS = 6  # n-grams of characters in chrF
BETA = 2  # recall counts so much more than precision
_STEPS = (  # of mteval-v13a: signs stand alone, full stops and commas but within numbers, hyphens behind numbers
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")
_SIGNS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def bleu(written: Sequence[str], references: Sequence[Any]) -> float:
    """Return the BLEU of a corpus, from 0 to 100.

    Parameters
    ----------
    written : sequence of str
    references : sequence of str, or of sequences of str
        For each text the reference, or several.

    Examples
    --------
    >>> round(bleu(["the cat sat on the mat"], ["the cat sat on a mat"]), 2)
    53.73
    """
    return float(bleu_of(bleu_counts(*paired(written, references)).sum(0)))


def chrf(written: Sequence[str], references: Sequence[Any], words: int = 0) -> float:
    """Return the chrF of a corpus, from 0 to 100.

    Parameters
    ----------
    written, references
        As in `bleu`.
    words : int
        N-grams of words up to this length count too; with 2 it is chrF++.

    Examples
    --------
    >>> round(chrf(["the cat sat on the mat"], ["the cat sat on a mat"]), 2)
    72.08
    """
    return float(chrf_of(chrf_counts(*paired(written, references), words).sum(0)))


def rouge(written: Sequence[str], references: Sequence[Any], kind: str = "rougeL") -> np.ndarray:
    """Return precision, recall and F of each text, shape (n, 3), from 0 to 1; of several references the best.

    Parameters
    ----------
    written, references
        As in `bleu`.
    kind : str
        "rouge1" to "rouge9" count n-grams, "rougeL" the longest common subsequence.

    Examples
    --------
    >>> rouge(["the cat sat"], ["the dog sat down"], "rouge1").round(2)
    array([[0.67, 0.5 , 0.57]])
    """
    written, several = paired(written, references)
    if not re.fullmatch(r"rouge[1-9L]", kind):
        raise ValueError(f"kind is {kind!r}, but must be rouge1 to rouge9 or rougeL; give one, such as 'rougeL'.")
    found = []
    for text, own in zip(written, several, strict=True):
        tokens = plain_words(text)
        each = [_overlap(tokens, plain_words(reference), kind) for reference in own]
        found.append(max(each, key=lambda scores: scores[2]))
    return np.array(found, float).reshape(-1, 3)


def paired(written: Sequence[str], references: Sequence[Any]) -> tuple[list[str], list[list[str]]]:
    """Return texts, and a list of references for each; anything else is refused."""
    if isinstance(written, str) or isinstance(references, str):
        raise TypeError("written and references must be sequences of texts, but one is a text; put it into a list.")
    texts, own = list(written), [[one] if isinstance(one, str) else list(one) for one in references]
    if len(texts) != len(own):
        raise ValueError(
            f"references holds {len(own)}, but must hold {len(texts)}, one for each text written; give as many."
        )
    if not texts:
        raise ValueError("written holds no text, but must hold one at least; give what is to be judged.")
    for i, (text, several) in enumerate(zip(texts, own, strict=True)):
        if not isinstance(text, str) or not several or not all(isinstance(one, str) for one in several):
            raise TypeError(
                f"written and references: number {i} (from 0) is not a text with one reference or more; drop it or "
                "give both."
            )
    return texts, own


# ------------------------------------------------------------------------------------------------------------- BLEU


def bleu_counts(written: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """Return tokens, tokens of the nearest reference, then n-grams that are right and all, for n = 1 to 4: (n, 10)."""
    rows = []
    for text, several in zip(written, references, strict=True):
        tokens, others = mteval_tokens(text), [mteval_tokens(one) for one in several]
        nearest = min((abs(len(one) - len(tokens)), len(one)) for one in others)[1]
        right, total = [], []
        for n in range(1, ORDERS + 1):
            own, known = _grams(tokens, n), Counter()
            for one in others:
                known |= _grams(one, n)
            right.append((own & known).total())
            total.append(own.total())
        rows.append([len(tokens), nearest, *right, *total])
    return np.array(rows, float)


def bleu_of(counts: np.ndarray, effective: bool = False) -> np.ndarray:
    """Return BLEU from counts of shape (..., 10); with `effective`, as for one text, only from n-grams that it has."""
    written, wanted = counts[..., 0], counts[..., 1]
    right, total = counts[..., 2 : 2 + ORDERS], counts[..., 2 + ORDERS :]
    with np.errstate(divide="ignore", invalid="ignore"):
        shortness = np.where(written < wanted, np.exp(1 - wanted / written), 1.0)
        halvings = np.cumsum(right == 0, axis=-1)  # the k-th order without a match counts as half of the one before
        log_p = np.log(np.where(right == 0, 0.5**halvings, right) / total)
    there = total > 0
    orders = there.sum(-1) if effective else ORDERS
    mean = np.where(there, log_p, 0.0 if effective else -np.inf).sum(-1) / np.maximum(orders, 1)
    return np.where(right.sum(-1) > 0, 100 * shortness * np.exp(mean), 0.0)


def mteval_tokens(text: str) -> list[str]:
    """Return the tokens of mteval-v13a: words, and each sign by itself.

    Examples
    --------
    >>> mteval_tokens("It rose 3.5%, to $1,200.")
    ['It', 'rose', '3.5', '%', ',', 'to', '$', '1,200', '.']
    """
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for name, sign in _ENTITIES:
        text = text.replace(name, sign)
    text = f" {text} "
    for pattern, apart in _STEPS:
        text = pattern.sub(apart, text)
    return text.split()


# ------------------------------------------------------------------------------------------------------------- chrF


def chrf_counts(written: Sequence[str], references: Sequence[Sequence[str]], words: int = 0) -> np.ndarray:
    """Return n-grams of the text, of its best reference, and in both, for each order: (n, 3 (6 + words))."""
    rows = []
    for text, several in zip(written, references, strict=True):
        own = _letters_and_words(text, words)
        each = [np.concatenate([_shared(*two) for two in zip(own, _letters_and_words(one, words), strict=True)])
                for one in several]  # fmt: skip
        rows.append(max(each, key=chrf_of))
    return np.array(rows, float)


def chrf_of(counts: np.ndarray) -> np.ndarray:
    """Return chrF from counts of shape (..., 3 orders), averaged over the orders that text and reference have."""
    own, known, both = counts[..., 0::3], counts[..., 1::3], counts[..., 2::3]
    there = (own > 0) & (known > 0)
    orders = np.maximum(there.sum(-1), 1)
    precision = np.where(there, both / np.where(there, own, 1), 0).sum(-1) / orders
    recall = np.where(there, both / np.where(there, known, 1), 0).sum(-1) / orders
    weighed = BETA**2 * precision + recall
    return 100 * (1 + BETA**2) * precision * recall / np.where(weighed > 0, weighed, 1)


def _letters_and_words(text: str, words: int) -> list[Counter]:
    letters = "".join(text.split())
    found = [Counter(letters[i : i + n] for i in range(len(letters) - n + 1)) for n in range(1, LETTERS + 1)]
    apart = [part for word in text.split() for part in _sign_apart(word)] if words else []
    return found + [_grams(apart, n) for n in range(1, words + 1)]


def _sign_apart(word: str) -> list[str]:
    """A word without the sign at its end, or else at its beginning, and that sign."""
    if len(word) > 1 and word[-1] in _SIGNS:
        return [word[:-1], word[-1]]
    return [word[0], word[1:]] if len(word) > 1 and word[0] in _SIGNS else [word]


def _shared(own: Counter, known: Counter) -> list[int]:
    return [own.total() if known else 0, known.total(), (own & known).total()]


# ------------------------------------------------------------------------------------------------------------ ROUGE


def plain_words(text: str) -> list[str]:
    """Return what lies between all that is not a to z or a digit, in small letters.

    Examples
    --------
    >>> plain_words("The cat's 3 naïve friends")
    ['the', 'cat', 's', '3', 'na', 've', 'friends']
    """
    return _NOT_PLAIN.sub(" ", text.lower()).split()


def longest_common(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Return the length of the longest common subsequence; a row of the table is one integer, a bit per element of a.

    Examples
    --------
    >>> longest_common("police killed the gunman".split(), "the gunman police killed".split())
    2
    """
    places: dict[Any, int] = {}
    for i, x in enumerate(a):
        places[x] = places.get(x, 0) | 1 << i
    full = (1 << len(a)) - 1
    row = full
    for y in b:
        met = row & places.get(y, 0)
        row = ((row + met) | (row - met)) & full
    return len(a) - row.bit_count()


def _overlap(tokens: list[str], reference: list[str], kind: str) -> tuple[float, float, float]:
    if kind == "rougeL":
        own, known, both = len(tokens), len(reference), longest_common(tokens, reference)
    else:
        a, b = _grams(tokens, int(kind[5:])), _grams(reference, int(kind[5:]))
        own, known, both = a.total(), b.total(), (a & b).total()
    precision, recall = both / max(own, 1), both / max(known, 1)
    return precision, recall, 2 * precision * recall / (precision + recall) if both else 0.0


def _grams(tokens: Sequence[str], n: int) -> Counter:
    return Counter(zip(*(tokens[i:] for i in range(n)), strict=False))
