"""The way of a document through the filters: quality, language, unwanted words, duplicates, personal data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ceteris.text.data.documents import Document
from ceteris.text.data.duplicates import NearDuplicates, fingerprint_of
from ceteris.text.data.languages import UNKNOWN, recognised
from ceteris.text.data.personal import redacted
from ceteris.text.data.quality import QualityRule, broken
from ceteris.text.data.scan import Scanned, laid_out, scan
from ceteris.text.data.words import LANGUAGES

MOST, LARGEST = 1_000, 2**23  # documents and characters that are looked at together
UNWANTED, EXACT, NEAR = "unwanted words", "exact duplicate", "near duplicate"
Judge = Callable[[str], bool]


@dataclass(frozen=True)
class Filters:
    """What a document has to be, and what is done to it.

    Parameters
    ----------
    rules : mapping of str to QualityRule
        Limits on what is measured.
    languages : tuple of str
        Languages that are kept; empty for all.
    unwanted : tuple of str, or callable
        Words, of which a document may have a share; or ``unwanted(text)``, which says whether it is left out.
    unwanted_share : float
        The share of words that may be unwanted.
    near : float or None
        Similarity from which a document is the same as an earlier one; None compares none.
    redact : tuple of str
        Kinds of personal data that are replaced.
    """

    rules: Mapping[str, QualityRule]
    languages: tuple[str, ...] = ()
    unwanted: tuple[str, ...] | Judge = ()
    unwanted_share: float = 0.0
    near: float | None = 0.7
    redact: tuple[str, ...] = ()


@dataclass
class Counts:
    """What became of documents, by source.

    Attributes
    ----------
    read, kept : Counter of str
        Documents, by source.
    size : Counter of str
        Characters that were read, by source.
    dropped : Counter of (str, str)
        Documents that were left out, by source and reason; each for the first reason that there was.
    languages : Counter of str
        Documents by language, "?" for those of none that is known.
    personal : Counter of str
        Personal data that were replaced, by kind.
    """

    read: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    size: Counter[str] = field(default_factory=Counter)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    personal: Counter[str] = field(default_factory=Counter)


def cleaned(documents: Iterable[Document], filters: Filters, counts: Counts) -> Iterator[list[tuple[Document, bytes]]]:
    """Yield the documents that stay, a few hundred at a time, each with its fingerprint.

    Parameters
    ----------
    documents : iterable of Document
    filters : Filters
    counts : Counts
        Is told what becomes of each.
    """
    listed = filters.unwanted if isinstance(filters.unwanted, tuple) else ()
    known: set[bytes] = set()
    near = None if filters.near is None else NearDuplicates(filters.near)
    for batch in _batches(documents):
        for document in batch:
            counts.read[document.source] += 1
            counts.size[document.source] += len(document.text)
        scanned = scan(*laid_out([document.text for document in batch]), listed)
        reasons = _reasons(batch, scanned, filters, counts)
        kept = []
        for document, reason in zip(batch, reasons, strict=True):
            fingerprint = fingerprint_of(document.text) if reason is None else b""
            if fingerprint in known:
                reason = EXACT
            if reason is not None:
                counts.dropped[document.source, reason] += 1
                continue
            known.add(fingerprint)
            kept.append((document, fingerprint))
        if near is not None and kept:
            kept = _without_near(kept, near, counts)
        yield [(_redacted(document, filters, counts), fingerprint) for document, fingerprint in kept]


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    held = 0
    for document in documents:
        batch.append(document)
        held += len(document.text)
        if len(batch) == MOST or held > LARGEST:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _reasons(batch: Sequence[Document], scanned: Scanned, filters: Filters, counts: Counts) -> list[str | None]:
    """Return why each document is left out, None for those that stay."""
    reasons: list[str | None] = [None] * len(batch)

    def note(which: np.ndarray, reason: Callable[[int], str]) -> None:
        for place in np.flatnonzero(which):
            reasons[place] = reasons[place] or reason(int(place))

    for name, which in broken(scanned, filters.rules).items():
        note(which, lambda _, name=name: name)
    found = recognised(scanned)
    names = [LANGUAGES[place] if place >= 0 else UNKNOWN for place in found]
    counts.languages.update(names)
    if filters.languages:
        note(np.array([name not in filters.languages for name in names]), lambda place: f"language {names[place]}")
    if isinstance(filters.unwanted, tuple):
        shares = scanned.measures["listed words"] / np.maximum(scanned.measures["words"], 1)
        note(shares > filters.unwanted_share, lambda _: UNWANTED)
    else:
        wrong = [reason is None and bool(filters.unwanted(d.text)) for d, reason in zip(batch, reasons, strict=True)]
        note(np.array(wrong), lambda _: UNWANTED)
    return reasons


def _without_near(
    kept: list[tuple[Document, bytes]], near: NearDuplicates, counts: Counts
) -> list[tuple[Document, bytes]]:
    earlier = near.seen(*laid_out([document.text for document, _ in kept]))
    for (document, _), like in zip(kept, earlier, strict=True):
        if like >= 0:
            counts.dropped[document.source, NEAR] += 1
    return [one for one, like in zip(kept, earlier, strict=True) if like < 0]


def _redacted(document: Document, filters: Filters, counts: Counts) -> Document:
    text, found = redacted(document.text, filters.redact)
    counts.personal.update(found)
    counts.kept[document.source] += 1
    return document._replace(text=text)
