"""Byte-pair encoding: the commonest pair of neighbours becomes a sign of its own, again and again.

[004], section 7.3.4, in four lines: count all pairs of neighbouring signs; join the most frequent one; add it to the
vocabulary; repeat until the vocabulary is as large as wanted. What was joined, in order, is all there is to learn: a
new text is split into signs, and the same pairs are joined in the same order.

The DNA of [004], Figure 7.3.3, as it should read (as printed, the two middle rows have TA and AC in the vocabulary
where they still stand apart in the corpus; the last row is right):

>>> for joined, corpus, vocabulary in history("AACGCACTATATA", merges=2):
...     print(f"{joined or '-':2}  {' '.join(corpus):25}  {{{','.join(vocabulary)}}}")
-   A A C G C A C T A T A T A  {A,C,G,T}
TA  A A C G C A C TA TA TA     {A,C,G,T,TA}
AC  A AC G C AC TA TA TA       {A,C,G,T,TA,AC}

Two pairs are met equally often before the last row: A C and TA TA, twice each. Something must decide. Here it is the
pair whose signs have been in the vocabulary longest, which is also the rule of the package ``tokenizers``; with this
rule both learn the same merges.

Words are learnt from apart: no pair reaches over the end of a word, so that a word and how often it is met is all that
need be known of a corpus.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ceteris.arguments import whole

Pair = tuple[str, str]


def learn(words: str | Iterable[str] | Mapping[str, int], merges: int, least: int = 1) -> list[Pair]:
    """Return the pairs that are joined, the first one first.

    Parameters
    ----------
    words : str, iterable of str, or mapping of word to how often it is met
        One string is a corpus of one word.
    merges : int
        How many pairs to join; fewer where none is left.
    least : int
        A pair met less often is not joined.

    Examples
    --------
    >>> learn({"low": 5, "lower": 2, "newest": 6, "widest": 3}, merges=4)
    [('e', 's'), ('es', 't'), ('l', 'o'), ('lo', 'w')]
    """
    return [pair for pair, _, _ in _joined(_counted(words), whole("merges", merges, least=0), whole("least", least))]


def history(words: str | Iterable[str] | Mapping[str, int], merges: int) -> list[tuple[str, list[str], list[str]]]:
    """Return what was joined, the corpus and the vocabulary after each step, from before the first on."""
    counts = _counted(words)
    alphabet = sorted({sign for word in counts for sign in word})
    rows = [("", [sign for word in counts for sign in word], alphabet)]
    for pair, corpus, vocabulary in _joined(counts, whole("merges", merges, least=0), 1):
        rows.append(("".join(pair), [sign for signs in corpus for sign in signs], list(vocabulary)))
    return rows


def split(word: str, merges: Iterable[Pair]) -> list[str]:
    """Return a word as the signs that the merges make of it.

    Examples
    --------
    >>> split("lowest", learn({"low": 5, "lower": 2, "newest": 6, "widest": 3}, merges=4))
    ['low', 'est']
    """
    signs = list(word)
    for pair in merges:
        signs = join(signs, pair)
    return signs


def join(signs: list[str], pair: Pair) -> list[str]:
    """Return signs with every occurrence of a pair made one, from left to right.

    Examples
    --------
    >>> join(list("TATATAT"), ("T", "A"))
    ['TA', 'TA', 'TA', 'T']
    """
    joined, place = [], 0
    while place < len(signs):
        met = tuple(signs[place : place + 2]) == pair
        joined.append("".join(pair) if met else signs[place])
        place += 2 if met else 1
    return joined


def pairs(corpus: Sequence[Sequence[str]], counts: Iterable[int]) -> Counter[Pair]:
    """Return how often each pair of neighbours is met in words, each met so many times.

    Examples
    --------
    >>> pairs(["TATA", "GA"], [2, 1])
    Counter({('T', 'A'): 4, ('A', 'T'): 2, ('G', 'A'): 1})
    """
    found: Counter[Pair] = Counter()
    for signs, count in zip(corpus, counts, strict=True):
        for pair in itertools.pairwise(signs):
            found[pair] += count
    return found


def _joined(counts: Mapping[str, int], merges: int, least: int) -> Iterator[tuple[Pair, list[list[str]], list[str]]]:
    """Yield each pair, and the corpus and the vocabulary once it is joined."""
    corpus = [list(word) for word in counts]
    vocabulary = {sign: number for number, sign in enumerate(sorted({sign for word in counts for sign in word}))}
    for _ in range(merges):
        met = pairs(corpus, counts.values())
        if not met:
            return
        best = max(met, key=lambda pair: (met[pair], -vocabulary[pair[0]], -vocabulary[pair[1]]))
        if met[best] < least:
            return
        corpus = [join(signs, best) for signs in corpus]
        vocabulary.setdefault("".join(best), len(vocabulary))
        yield best, corpus, list(vocabulary)


def _counted(words: str | Iterable[str] | Mapping[str, int]) -> Mapping[str, int]:
    counts = words if isinstance(words, Mapping) else Counter([words] if isinstance(words, str) else words)
    if not any(counts):
        raise ValueError("words holds no sign, but must hold at least one word to learn from; give some.")
    return counts
