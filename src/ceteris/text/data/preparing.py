"""From a folder of texts to shards of tokens, in one pass: section 7.3.3 of source 004."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ceteris.arguments import INSIDE, SHARE, number, require, whole
from ceteris.files import folder_lock, refuse_unwritable, replace_file
from ceteris.outlets import json_text
from ceteris.text.data.cleaning import Counts, Filters, Judge, cleaned
from ceteris.text.data.documents import Reading, documents, sources_of
from ceteris.text.data.personal import kinds_given
from ceteris.text.data.quality import QualityRule, languages_given, rules_of
from ceteris.text.data.shards import Shards, load_shards
from ceteris.text.data.writing import BEGUN, FORMAT, MANIFEST, SPLITS, ShardWriter, claim, type_for
from ceteris.text.tokens.tokenizer import Tokenizer
from ceteris.text.tokens.training import train

SAMPLE = 50_000_000  # characters that a tokenizer is trained on


def prepare(
    corpus: Any,
    out: str | Path,
    tokenizer: Tokenizer | str | Path | None = None,
    *,
    vocabulary: int = 8_000,
    kind: str = "bpe",
    column: str = "text",
    unit: str = "file",
    languages: str | Sequence[str] | None = None,
    rules: Mapping[str, QualityRule | None] | None = None,
    unwanted: Sequence[str] | Judge = (),
    unwanted_share: float = 0.01,
    near: float | None = 0.7,
    redact: Sequence[str] | None = None,
    test_size: float = 0.01,
    shard: int = 2**25,
    sample: int = SAMPLE,
    progress: bool = False,
) -> Shards:
    """Read a corpus, leave out what is not worth learning from, and write the rest as tokens.

    The corpus is read once, a few megabytes at a time; of each document that is kept some 300 bytes stay in memory, to
    know it again.

    Parameters
    ----------
    corpus : path, sequence of paths, or mapping of source to path
        Files and folders: .txt, .md, .rst, .jsonl, .csv, .tsv, .parquet, and these with .gz. Without a mapping the
        first folder below a path names the source of a document.
    out : path
        A folder, new or empty.
    tokenizer : Tokenizer or path, optional
        By default one is trained on the beginning of what is kept, for which the corpus is read as far twice.
    vocabulary, kind
        Of a tokenizer that is trained; see `ceteris.text.tokens.train`.
    column : str
        Where tables and lines of JSON hold the text.
    unit : {"file", "paragraph", "line"}
        What a document is in plain text.
    languages : str or sequence of str, optional
        Which are kept, such as ("en", "de"); all by default.
    rules : mapping of str to QualityRule or None, optional
        In the place of those of `QUALITY`, or beside them; None takes one out.
    unwanted : sequence of str, or callable
        Words of which a document may have a small share, such as slurs; or a function of its text that says whether
        it is left out.
    unwanted_share : float
        That share.
    near : float, optional
        Jaccard similarity, of runs of five words, from which a document counts as one that was there before; None
        looks for equal texts only.
    redact : sequence of str, optional
        Kinds of personal data that are replaced, of `PERSONAL`; all by default.
    test_size : float
        Share of documents that are set aside to judge a model by. Which these are depends on their text alone.
    shard : int
        Tokens of a file.
    sample : int
        Characters that a tokenizer is trained on.
    progress : bool
        Whether to say what has been read.

    Returns
    -------
    Shards

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> words = "the bank and its firms have no more to say about this than what was in the news".split()
    >>> rng = np.random.default_rng(0)
    >>> for i in range(40):
    ...     _ = (folder / f"{i}.txt").write_text(" ".join(rng.choice(words, 60)))
    >>> shards = prepare(folder, folder / "out", vocabulary=300, test_size=0.1)
    >>> shards.feed(length=16, batch_size=4)(0, 2)["tokens"].shape
    (2, 4, 16)
    """
    filters = Filters(
        rules_of(rules), languages_given(languages), unwanted if callable(unwanted) else tuple(unwanted),
        require("unwanted_share", unwanted_share, SHARE), near if near is None else require("near", near, INSIDE),
        kinds_given(redact),
    )  # fmt: skip
    require("test_size", test_size, SHARE)
    whole("shard", shard)
    number("sample", sample, above=0)
    out = Path(out)
    sources = sources_of(corpus)
    inside = lambda path: out.resolve() in path.resolve().parents
    sources = {name: [path for path in paths if not inside(path)] for name, paths in sources.items()}
    if isinstance(tokenizer, str | Path):
        tokenizer = Tokenizer.load(tokenizer)
    refuse_unwritable(out / MANIFEST)
    with folder_lock(out):
        claim(out)
        texts = lambda reading: documents(sources, reading, column, unit)
        if tokenizer is None:
            reading, counts = Reading(), Counts()
            beginning = _beginning(cleaned(texts(reading), filters, counts), sample)
            first = next(beginning, None)
            if first is None:
                raise ValueError(_nothing_kept(reading, counts))
            tokenizer = train(itertools.chain([first], beginning), vocabulary, kind)
        reading, counts, sizes = Reading(), Counts(), Counter[str]()
        writers = {
            (name, split): ShardWriter(out, name, split, type_for(tokenizer.vocabulary), shard)
            for name in sources
            for split in SPLITS
        }
        for batch in cleaned(_told(texts(reading), reading, progress), filters, counts):
            rows = tokenizer.ragged([document.text for document, _ in batch], special=True)
            for (document, fingerprint), row in zip(batch, rows, strict=True):
                split = "test" if int.from_bytes(fingerprint[:8], "big") < test_size * 2**64 else "train"
                sizes[document.source] += len(document.text.encode())
                writers[document.source, split].add(_ended(row, tokenizer))
        if not counts.kept.total():
            raise ValueError(_nothing_kept(reading, counts))
        for writer in writers.values():
            writer.flush()
        tokenizer.save(out / "tokenizer")
        settings = _settings(filters, column, unit, test_size)
        facts = _facts(reading, counts, sizes)
        replace_file(out / MANIFEST, json_text(_manifest(tokenizer, writers, settings, facts)))
        (out / BEGUN).unlink()
    return load_shards(out)


def _beginning(kept: Iterator[list[Any]], most: int) -> Iterator[str]:
    """Yield texts up to so many characters."""
    held = 0
    for document, _ in itertools.chain.from_iterable(kept):
        yield document.text
        held += len(document.text)
        if held >= most:
            return


def _ended(row: list[int], tokenizer: Tokenizer) -> list[int]:
    """Return the tokens of a document with one at its end that says so."""
    ends = {token for token in (tokenizer.eos, tokenizer.sep) if token is not None}
    if not ends or (row and row[-1] in ends):
        return row
    return [*row, tokenizer.eos if tokenizer.eos is not None else tokenizer.sep]  # pyright: ignore[reportReturnType]


def _told(texts: Iterator[Any], reading: Reading, progress: bool) -> Iterator[Any]:
    from ceteris.outlets import say

    next_ = 2**26
    for count, text in enumerate(texts):
        if progress and reading.size >= next_:
            say(f"{reading.size / 1e6:,.0f} MB in {reading.files:,} files begun, {count:,} documents read.")
            next_ = reading.size + 2**26
        yield text


def _nothing_kept(reading: Reading, counts: Counts) -> str:
    reasons = Counter(reading.unread)
    for (_, reason), count in counts.dropped.items():
        reasons[reason] += count
    why = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common(4)) or "there is no text"
    return (
        f"corpus: of {counts.read.total() + reading.unread.total():,} documents none was kept ({why}), but at "
        "least one must be; change the rules, or what a document is, by unit=."
    )


def _settings(filters: Filters, column: str, unit: str, test_size: float) -> dict[str, Any]:
    finite = lambda limit: limit if np.isfinite(limit) else None
    words = filters.unwanted if isinstance(filters.unwanted, tuple) else ("a function",)
    return {
        "column": column, "unit": unit, "test_size": test_size, "languages": list(filters.languages),
        "near": filters.near, "redact": list(filters.redact), "unwanted words": len(words),
        "unwanted_share": filters.unwanted_share,
        "rules": {k: [rule.measure, finite(rule.least), finite(rule.most)] for k, rule in filters.rules.items()},
    }  # fmt: skip


def _facts(reading: Reading, counts: Counts, sizes: Counter[str]) -> dict[str, Any]:
    dropped: dict[str, dict[str, int]] = {source: {} for source in counts.read}
    for (source, reason), count in counts.dropped.items():
        dropped[source][reason] = count
    return {
        "files": reading.files, "bytes": reading.size, "skipped": dict(reading.skipped), "unread": dict(reading.unread),
        "first": reading.first, "bad_bytes": reading.bad_bytes, "read": dict(counts.read), "kept": dict(counts.kept),
        "characters": dict(counts.size), "kept_bytes": dict(sizes), "dropped": dropped,
        "languages": dict(counts.languages), "personal": dict(counts.personal),
    }  # fmt: skip


def _manifest(
    tokenizer: Tokenizer,
    writers: Mapping[tuple[str, str], ShardWriter],
    settings: dict[str, Any],
    facts: dict[str, Any],
) -> dict[str, Any]:
    kept = [name for name in dict.fromkeys(name for name, _ in writers) if facts["kept"].get(name)]

    def split(shards: list[dict[str, Any]]) -> dict[str, Any]:
        total = lambda what: sum(shard[what] for shard in shards)
        return {"tokens": total("tokens"), "documents": total("documents"), "shards": shards}

    return {
        "format": FORMAT, "tokenizer": tokenizer.digest, "vocabulary": tokenizer.vocabulary,
        "dtype": type_for(tokenizer.vocabulary), "settings": settings, "facts": facts,
        "sources": {name: {one: split(writers[name, one].written) for one in SPLITS} for name in kept},
    }  # fmt: skip
