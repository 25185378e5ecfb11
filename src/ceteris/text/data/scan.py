"""One pass over the bytes of documents: what is measured of each, for filters and for recognising its language.

Documents are given as one array of bytes in UTF-8. A word is a run of letters and digits; of languages that are written
without spaces each sign is one. Words are known by a hash of their letters in lower case, so that nothing is kept.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numba as nb
import numpy as np

from ceteris.text.data.words import BLOCKS, FUNCTION_WORDS, LANGUAGES, LETTERS

MEASURES = (
    "characters", "words", "word length", "symbols", "letters", "bullets", "ellipses", "repeated lines",
    "repeated phrases", "commonest pair", "listed words",
)  # fmt: skip
PHRASE = 5  # words of a phrase that may be repeated
SLOTS = 2**20  # of the table of what a document has had: the repetitions of longer ones are those of their beginning
_NARROW = 0x800  # code points of at most two bytes: what they are is looked up
_SEED, _PRIME = np.uint64(2166136261), np.uint64(16777619)
_LISTS, _LANGUAGES = len(FUNCTION_WORDS), len(LANGUAGES)
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Scanned(NamedTuple):
    """What was measured of n documents.

    Attributes
    ----------
    measures : dict of array, shape (n,)
        By the names of `MEASURES`; shares are of words, of lines or of signs.
    votes : array, shape (n, languages)
        How much words and letters speak for each language, per word.
    hits : array, shape (n, languages)
        Share of words that are function words of each.
    blocks : array, shape (n, alphabets)
        Share of letters in each alphabet.
    """

    measures: dict[str, np.ndarray]
    votes: np.ndarray
    hits: np.ndarray
    blocks: np.ndarray


def laid_out(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return texts as bytes one after the other, and where each starts and the last one ends.

    Examples
    --------
    >>> data, starts = laid_out(["ab", "é"])
    >>> data.tolist(), starts.tolist()
    ([97, 98, 195, 169], [0, 2, 4])
    """
    encoded = [text.encode("utf-8", "replace") for text in texts]
    starts = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(one) for one in encoded], out=starts[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), starts


def scan(data: np.ndarray, starts: np.ndarray, listed: Sequence[str] = ()) -> Scanned:
    """Measure documents.

    Parameters
    ----------
    data, starts : array
        As `laid_out` gives them.
    listed : sequence of str
        Words to be counted.

    Examples
    --------
    >>> found = scan(*laid_out(["The cat and the dog.", "Der Hund und die Katze."]))
    >>> found.measures["words"].tolist(), [LANGUAGES[i] for i in found.votes.argmax(1)]
    ([5.0, 5.0], ['en', 'de'])
    """
    keys, masks, weights = _words(tuple(listed))
    sizes = np.diff(starts)
    slots = 1 << int(np.clip(int(sizes.max(initial=1)) * 2, 64, SLOTS) - 1).bit_length()
    scratch = np.zeros(slots, np.uint64), np.zeros(slots, np.int32), np.full(slots, -1, np.int32)
    measures, votes, hits, blocks = _scan(data, starts, keys, masks, weights, *_letters(), *scratch)
    return Scanned(dict(zip(MEASURES, measures.T, strict=True)), votes, hits, blocks)


# ------------------------------------------------------------------------------------------------ what is looked up


@functools.cache
def _words(listed: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Function words by their hash: an open table of hashes, the languages of each as bits, and its weight.

    The weight of a word is the logarithm of how many languages there are over how many use it.
    """
    owners: dict[int, int] = {}
    for place, words in enumerate(FUNCTION_WORDS.values()):
        for word in words.split():
            owners[_hash(word)] = owners.get(_hash(word), 0) | 1 << place
    for word in listed:
        owners[_hash(word)] = owners.get(_hash(word), 0) | 1 << 63
    slots = 1 << (2 * len(owners)).bit_length()
    keys, masks, weights = np.zeros(slots, np.uint64), np.zeros(slots, np.uint64), np.zeros(slots, np.float32)
    for key, mask in owners.items():
        slot = key & (slots - 1)
        while keys[slot]:
            slot = (slot + 1) & (slots - 1)
        languages = (mask & (2**63 - 1)).bit_count()
        keys[slot], masks[slot] = key, mask
        weights[slot] = np.log((1 + len(FUNCTION_WORDS)) / languages) if languages else 0
    return keys, masks, weights


def _hash(word: str) -> int:
    found = int(_SEED)
    for sign in word.lower():
        found = (found ^ ord(sign)) * int(_PRIME) % 2**32
    return found or 1


@functools.cache
def _letters() -> tuple[np.ndarray, ...]:
    """Of every code point of at most two bytes: in lower case, whether part of a word, its alphabet, its languages."""
    signs = [chr(point) for point in range(_NARROW)]
    lower = np.array([ord(sign.lower()) if len(sign.lower()) == 1 else ord(sign) for sign in signs], np.uint32)
    within = np.array([sign.isalnum() or "\u0300" <= sign <= "\u036f" for sign in signs])
    block = np.full(_NARROW, -1, np.int8)
    for place, ranges in enumerate(BLOCKS.values()):
        for first, last in ranges:
            if first < _NARROW:
                block[first : min(last, _NARROW - 1) + 1] = place
    block[[i for i in range(_NARROW) if not signs[i].isalpha()]] = -1
    masks = np.zeros(_NARROW, np.uint64)
    for language, letters in LETTERS.items():
        for letter in {*letters, *letters.upper()}:
            if ord(letter) < _NARROW:
                masks[ord(letter)] |= np.uint64(1 << LANGUAGES.index(language))
    weights = np.array(
        [np.log(len(LANGUAGES) / max(int(mask).bit_count(), 1)) if mask else 0 for mask in masks], np.float32
    )
    return lower, within, block, masks, weights


# ------------------------------------------------------------------------------------------------------ the pass


@nb.njit(inline="always")
def decoded(data, i, end):  # pragma: no cover
    """Return the code point at a place, and where the next one starts."""
    b = data[i]
    if b < 0x80:
        return np.uint32(b), i + 1
    if b < 0xE0 and i + 1 < end:
        return np.uint32((b & 0x1F) << 6 | data[i + 1] & 0x3F), i + 2
    if b < 0xF0 and i + 2 < end:
        return np.uint32((b & 0x0F) << 12 | (data[i + 1] & 0x3F) << 6 | data[i + 2] & 0x3F), i + 3
    if i + 3 < end:
        wide = (b & 0x07) << 18 | (data[i + 1] & 0x3F) << 12 | (data[i + 2] & 0x3F) << 6 | data[i + 3] & 0x3F
        return np.uint32(wide), i + 4
    return np.uint32(0xFFFD), end


@nb.njit(inline="always")
def block_of(point):  # pragma: no cover
    """Return the alphabet of a code point of three bytes; the numbers are places in `BLOCKS`."""
    if 0x4E00 <= point <= 0x9FFF or 0x3400 <= point <= 0x4DBF:
        return 8
    if 0xAC00 <= point <= 0xD7AF:
        return 9
    if 0x3040 <= point <= 0x30FF:
        return 7
    if 0x900 <= point <= 0x97F:
        return 5
    if 0xE00 <= point <= 0xE7F:
        return 6
    if 0x1E00 <= point <= 0x1EFF:
        return 0
    if 0x1F00 <= point <= 0x1FFF:
        return 1
    return -1


@nb.njit(inline="always")
def in_word(point, within):  # pragma: no cover
    """Return 0 for what stands between words, 1 for what belongs to one, 2 for a sign that is a word by itself."""
    if point < 0x800:
        return 1 if within[point] else 0
    block = block_of(point)
    if block == 8 or block == 7 or block == 9 or block == 6:
        return 2
    if block >= 0:
        return 1
    if 0x2000 <= point <= 0x2BFF or 0x3000 <= point <= 0x303F or 0xFE00 <= point <= 0xFFFF or point >= 0x1F000:
        return 0
    return 1


@nb.njit(inline="always")
def _met(key, salt, keys, counts, stamps, slots, document):  # pragma: no cover
    """Count a key in the table of a document; return how often it has been met, this time included."""
    key = (key + salt) * _MIX
    key ^= key >> np.uint64(29)
    slot = np.int64(key & np.uint64(slots - 1))
    while stamps[slot] == document and keys[slot] != key:
        slot = (slot + 1) & (slots - 1)
    if stamps[slot] != document:
        stamps[slot], keys[slot], counts[slot] = document, key, 0
    counts[slot] += 1
    return counts[slot]


@nb.njit(nogil=True, cache=True)
def _scan(
    data, starts, known, masks, weights, lower, within, block, letter_masks, letter_weights, keys, counts, stamps
):  # pragma: no cover
    n, languages, full = len(starts) - 1, _LANGUAGES, len(known) - 1
    measures = np.zeros((n, 11))
    votes, hits, blocks = np.zeros((n, languages)), np.zeros((n, languages)), np.zeros((n, 10))
    vote, hit = np.zeros(64, np.float32), np.zeros(64, np.float32)
    last = np.zeros(PHRASE, np.uint64)
    for document in range(n):
        vote[:], hit[:] = 0, 0
        i, end = starts[document], starts[document + 1]
        slots = 64
        while slots < 2 * (end - i) and slots < len(keys):
            slots *= 2
        room = slots // 2
        signs = words = inside = symbols = lettered = lines = bullets = ellipses = twice = again = most = listed = 0
        letters = entries = covered = 0
        word, has_letter, open_word = _SEED, False, False
        line, line_signs, first, dots = _SEED, 0, np.uint32(0), 0
        while i <= end:
            if i < end:
                point, i = decoded(data, i, end)
                kind = in_word(point, within)
                signs += 1
            else:  # a line's end after the last one
                point, kind, i = np.uint32(10), 0, i + 1
            if (kind != 1 and open_word) or kind == 2:
                repeat = 2 if kind == 2 and open_word else 1
                for turn in range(repeat):  # a word ends, and a sign that is one follows it
                    if turn == repeat - 1 and kind == 2:
                        word, has_letter = (_SEED ^ np.uint64(point)) * _PRIME & np.uint64(0xFFFFFFFF), True
                        inside += 1
                    words += 1
                    lettered += has_letter
                    slot = np.int64(word & np.uint64(full))
                    while known[slot] != 0 and known[slot] != word:
                        slot = (slot + 1) & full
                    if known[slot] == word and word != 0:
                        mask = masks[slot]
                        listed += np.int64(mask >> np.uint64(63))
                        for k in range(_LISTS):
                            bit = np.float32((mask >> np.uint64(k)) & np.uint64(1))
                            vote[k] += bit * weights[slot]
                            hit[k] += bit
                    before = last[(words - 2) % PHRASE] if words > 1 else np.uint64(0)
                    last[(words - 1) % PHRASE] = word
                    if words > 1 and entries < room:
                        met = _met(before * _PRIME ^ word, np.uint64(1), keys, counts, stamps, slots, document)
                        entries += met == 1
                        most = max(most, met)
                    if words >= PHRASE and entries < room:
                        phrase = np.uint64(0)
                        for k in range(PHRASE):
                            phrase = (phrase ^ last[(words + k) % PHRASE]) * _MIX
                        met = _met(phrase, np.uint64(2), keys, counts, stamps, slots, document)
                        entries += met == 1
                        if met > 1:
                            again += min(PHRASE, words - covered)
                            covered = words
                    word, has_letter = _SEED, False
                open_word = False
            if kind == 1:
                open_word = True
                inside += 1
                if point < 0x800:
                    word = (word ^ np.uint64(lower[point])) * _PRIME & np.uint64(0xFFFFFFFF)
                    where = block[point]
                    if point >= 0x80 and letter_masks[point] != 0:
                        for k in range(_LISTS):
                            bit = np.float32((letter_masks[point] >> np.uint64(k)) & np.uint64(1))
                            vote[k] += bit * letter_weights[point] * np.float32(0.5)
                else:
                    word = (word ^ np.uint64(point)) * _PRIME & np.uint64(0xFFFFFFFF)
                    where = block_of(point)
                if where >= 0:
                    has_letter = True
                    letters += 1
                    blocks[document, where] += 1
            elif kind == 2:
                letters += 1
                blocks[document, block_of(point)] += 1
            elif point == 10:
                if line_signs > 0:
                    lines += 1
                    bullets += first == 42 or first == 45 or first == 0x2022 or first == 0xB7
                    ellipses += dots >= 3
                    if line_signs > 3 and entries < room:  # brackets and rules are no lines worth counting
                        met = _met(line, np.uint64(3), keys, counts, stamps, slots, document)
                        entries += met == 1
                        twice += met > 1
                line, line_signs, dots = _SEED, 0, 0
            elif point > 32 and point != 0xA0:
                symbols += 1
            if point > 32:
                if line_signs == 0:
                    first = point
                line = (line ^ np.uint64(point)) * _MIX
                line_signs += 1
                dots = 3 if point == 0x2026 else dots + 1 if point == 46 else 0
        row = measures[document]
        row[0], row[1], row[2] = signs, words, inside / max(words, 1)
        row[3], row[4] = symbols / max(symbols + inside, 1), lettered / max(words, 1)
        row[5], row[6], row[7] = bullets / max(lines, 1), ellipses / max(lines, 1), twice / max(lines, 1)
        row[8], row[9], row[10] = again / max(words, 1), 2 * most / max(words, 1) if most > 1 else 0, listed
        for k in range(languages):
            votes[document, k], hits[document, k] = vote[k] / max(words, 1), hit[k] / max(words, 1)
        for k in range(10):
            blocks[document, k] /= max(letters, 1)
    return measures, votes, hits, blocks
