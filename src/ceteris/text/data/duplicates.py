"""Documents that were there before, word for word or nearly: MinHash and locality-sensitive hashing.

A document is the set of its runs of five words. Two documents with sets A and B are alike as J = |A ∩ B| / |A ∪ B|. The
least of a random hash over a set is the same for both with probability J, so that the share of K = 128 hashes in which
two documents agree estimates J, with a standard error of √(J (1 - J) / K).

Not all pairs are compared: b = 21 bands of r = 6 hashes each go into a table, and only documents that agree in a whole
band are: with probability 1 - (1 - J^r)^b, which is .998 at J = .8 and .29 at J = .5. Of each hash one byte is kept, so
that a document costs 128 bytes and 21 places in the table; one byte agrees by chance in 1 of 256 cases, which is
taken off.

A document is compared with those that were kept before it: the first of its kind stays.

References
----------
Broder, A. Z. (1997). On the resemblance and containment of documents. Sequences. Indyk, P. and Motwani, R. (1998).
Approximate nearest neighbors. STOC. Li, P. and König, A. C. (2010). b-bit minwise hashing. WWW.
"""

from __future__ import annotations

import hashlib

import numba as nb
import numpy as np

from ceteris.text.data.scan import _letters, decoded, in_word

HASHES, BANDS, ROWS, SHINGLE = 128, 21, 6, 5
CHAIN = 200  # places of one band that are looked at: where thousands of different documents share it, it says nothing
_MIX, _SALT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


class NearDuplicates:
    """Remembers documents, and finds those that are like one that it remembers.

    Parameters
    ----------
    similarity : float
        The Jaccard similarity from which a document counts as the same.

    Examples
    --------
    >>> from ceteris.text.data.scan import laid_out
    >>> words = [f"w{i}" for i in range(200)]
    >>> same, other = " ".join([*words[:195], "new"]), " ".join(words[::-1])
    >>> NearDuplicates().seen(*laid_out([" ".join(words), same, other])).tolist()
    [-1, 0, -1]
    """

    def __init__(self, similarity: float = 0.7) -> None:
        self.similarity = similarity
        self.count = 0  # documents that were asked about
        self.kept = 0
        self._bytes = np.zeros((1024, HASHES), np.uint8)
        self._numbers = np.zeros(1024, np.int64)  # the number of each that is kept, among all
        self._keys, self._places = np.zeros(2**16, np.uint64), np.zeros(2**16, np.int32)

    def seen(self, data: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Return for each document the number of the earlier one that it is like, -1 for a new one.

        Parameters
        ----------
        data, starts : array
            Documents as `scan.laid_out` gives them. They are numbered in the order in which they come, over all calls.
        """
        signatures = signatures_of(data, starts)
        n = len(signatures)
        self._make_room(n)
        # a byte of the least hash, mixed: its own upper bits are nearly always zeros
        small = ((signatures * np.uint32(0x9E3779B1)) >> np.uint32(24)).astype(np.uint8)
        found, self.kept = _look_up(
            bands_of(signatures), small, self._bytes, self._keys, self._places, self.kept, self.similarity
        )
        fresh = np.flatnonzero(found < 0)
        self._numbers[self.kept - len(fresh) : self.kept] = self.count + fresh
        self.count += n
        return np.where(found < 0, -1, self._numbers[np.maximum(found, 0)])

    def _make_room(self, n: int) -> None:
        while self.kept + n > len(self._bytes):
            self._bytes = np.concatenate([self._bytes, np.zeros_like(self._bytes)])
            self._numbers = np.concatenate([self._numbers, np.zeros_like(self._numbers)])
        while (self.kept + n) * BANDS * 3 > len(self._keys) * 2:  # two thirds full at most
            keys, places = np.zeros(2 * len(self._keys), np.uint64), np.zeros(2 * len(self._keys), np.int32)
            _put_again(self._keys, self._places, keys, places)
            self._keys, self._places = keys, places


def fingerprint_of(text: str) -> bytes:
    r"""Return 16 bytes that are the same for texts that differ in nothing but case and white space.

    Examples
    --------
    >>> fingerprint_of("The  Bank\n") == fingerprint_of("the bank")
    True
    """
    return hashlib.blake2b(" ".join(text.casefold().split()).encode("utf-8", "replace"), digest_size=16).digest()


def signatures_of(data: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the least of each of 128 hashes over the runs of five words of documents, uint32, shape (n, 128)."""
    rng = np.random.default_rng(1997)
    a = rng.integers(0, 2**32, HASHES, np.uint32) | np.uint32(1)
    b = rng.integers(0, 2**32, HASHES, np.uint32)
    return _signatures(data, starts, a, b, *_letters()[:2])


def bands_of(signatures: np.ndarray) -> np.ndarray:
    """Return one number for each band of six hashes, uint64, shape (n, 21)."""
    rows = signatures[:, : BANDS * ROWS].reshape(len(signatures), BANDS, ROWS).astype(np.uint64)
    found = np.arange(1, BANDS + 1, dtype=np.uint64) * _SALT
    found = np.broadcast_to(found, rows.shape[:2]).copy()
    for k in range(ROWS):
        found = (found ^ rows[:, :, k]) * _MIX
        found ^= found >> np.uint64(29)
    return np.maximum(found, np.uint64(1))


@nb.njit(nogil=True, cache=True)
def _signatures(data, starts, a, b, lower, within):  # pragma: no cover
    n = len(starts) - 1
    found = np.full((n, HASHES), np.uint32(0xFFFFFFFF))
    last = np.zeros(SHINGLE, np.uint64)
    for document in range(n):
        row = found[document]
        i, end, words = starts[document], starts[document + 1], 0
        word, is_open = _SALT, False
        while i <= end:
            if i < end:
                point, i = decoded(data, i, end)
                kind = in_word(point, within)
            else:
                point, kind, i = np.uint32(10), 0, i + 1
            turns = (1 if kind != 1 and is_open else 0) + (1 if kind == 2 else 0)
            for turn in range(turns):
                if kind == 2 and turn == turns - 1:
                    word = (_SALT ^ np.uint64(point)) * _MIX
                last[words % SHINGLE] = word
                words += 1
                word, is_open = _SALT, False
                if words >= SHINGLE:
                    _least(row, _run(last, words, SHINGLE), a, b)
            if kind == 1:
                point = lower[point] if point < 0x800 else point
                word, is_open = (word ^ np.uint64(point)) * _MIX, True
        if words < SHINGLE:
            _least(row, _run(last, words, words), a, b)
    return found


@nb.njit(inline="always")
def _run(last, words, length):  # pragma: no cover
    """Return one number for the last words, in order."""
    run = np.uint64(length)
    for k in range(words - length, words):
        run = (run ^ last[k % SHINGLE]) * _MIX
        run ^= run >> np.uint64(31)
    return np.uint32(run >> np.uint64(32))


@nb.njit(inline="always")
def _least(row, run, a, b):  # pragma: no cover
    for k in range(HASHES):
        value = np.uint32(run * a[k] + b[k])
        row[k] = min(row[k], value)


@nb.njit(nogil=True, cache=True)
def _look_up(bands, small, remembered, keys, places, kept, similarity):  # pragma: no cover
    """Return the kept document that each is like, -1 if none, and how many are kept now; new ones are put in."""
    n, full = len(bands), np.uint64(len(keys) - 1)
    found = np.full(n, -1, np.int64)
    # agreements that similarity asks for, those by chance included
    needed = np.ceil(HASHES * (similarity + (1 - similarity) / 256) - 1e-9)
    for document in range(n):
        for band in range(BANDS):
            slot, looked = bands[document, band] & full, 0
            while keys[slot] != 0 and looked < CHAIN and found[document] < 0:
                if keys[slot] == bands[document, band]:
                    agree = 0
                    for k in range(HASHES):
                        agree += small[document, k] == remembered[places[slot], k]
                    if agree >= needed:
                        found[document] = places[slot]
                    looked += 1
                slot = (slot + np.uint64(1)) & full
            if found[document] >= 0:
                break
        if found[document] < 0:
            remembered[kept] = small[document]
            for band in range(BANDS):
                _put(bands[document, band], kept, keys, places)
            kept += 1
    return found, kept


@nb.njit(inline="always")
def _put(key, place, keys, places):  # pragma: no cover
    full, looked = np.uint64(len(keys) - 1), 0
    slot = key & full
    while keys[slot] != 0:
        looked += keys[slot] == key
        if looked > CHAIN:
            return
        slot = (slot + np.uint64(1)) & full
    keys[slot], places[slot] = key, place


@nb.njit(nogil=True, cache=True)
def _put_again(keys, places, new_keys, new_places):  # pragma: no cover
    for slot in range(len(keys)):
        if keys[slot] != 0:
            _put(keys[slot], places[slot], new_keys, new_places)
