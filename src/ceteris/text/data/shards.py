"""Shards of tokens: what `prepare` wrote, opened again."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ceteris.arguments import one_of, whole
from ceteris.results import Check, Section
from ceteris.showing import AbstractResult
from ceteris.text.data.feed import TokenFeed, TokenRow
from ceteris.text.data.shown import shards_checks, shards_described, shards_sections
from ceteris.text.data.writing import MANIFEST, SHARDS, SPLITS, mapped, read_manifest, verify
from ceteris.text.tokens.tokenizer import Tokenizer


@dataclass(frozen=True, eq=False, repr=False)
class Shards(AbstractResult):
    """A corpus as tokens on disk, and what became of its documents on the way.

    Attributes
    ----------
    folder : str
        Where the files are. Saving a `Shards` saves what is known of them, not the files.
    manifest : dict
        What ``manifest.json`` says: ``sources``, each with the files of its two splits; ``vocabulary``; ``tokenizer``,
        its digest; ``settings``; and ``facts``, what was read, left out and replaced.
    """

    folder: str
    manifest: dict[str, Any]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the parts of the corpus."""
        return tuple(self.manifest["sources"])

    @property
    def vocabulary(self) -> int:
        """Rows that an embedding of the tokens needs."""
        return self.manifest["vocabulary"]

    def tokens(self, split: str = "train") -> dict[str, int]:
        """Return how many tokens of each source there are."""
        one_of("split", split, SPLITS)
        return {name: splits[split]["tokens"] for name, splits in self.manifest["sources"].items()}

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that wrote them."""
        found = Tokenizer.load(Path(self.folder) / "tokenizer")
        if found.digest != self.manifest["tokenizer"]:
            raise ValueError(
                f"folder: the tokenizer in {self.folder} is not the one that wrote the shards; restore it."
            )
        return found

    @property
    def checks(self) -> tuple[Check, ...]:
        """What was looked at, with a verdict each."""
        return shards_checks(self)

    def rows(self, split: str = "train") -> tuple[TokenRow, ...]:
        """Return the tokens of each source as one long row, mapped into memory."""
        one_of("split", split, SPLITS)
        read_manifest(Path(self.folder))  # the files may have changed since
        return tuple(TokenRow(name, *mapped(Path(self.folder), self.manifest, name, split)) for name in self.sources)

    def feed(
        self,
        length: int,
        batch_size: int,
        weights: Mapping[str, float] | None = None,
        seed: int = 0,
        split: str = "train",
    ) -> TokenFeed:
        """Return what to give `ceteris.engine.fit` as its ``feed``; see `TokenFeed`.

        Parameters
        ----------
        length, batch_size : int
            Tokens of a window, windows of a step.
        weights : mapping of str to float, optional
            How much of each source; by default as much as there is of it.
        seed : int
            Decides the order.
        split : {"train", "test"}
            Which documents.
        """
        return TokenFeed(self.rows(split), length, batch_size, weights, seed, self.vocabulary)

    def windows(self, length: int, split: str = "test", most: int | None = None) -> dict[str, np.ndarray]:
        """Return windows of all sources that do not overlap, in order: to judge a model by.

        Parameters
        ----------
        length : int
        split : {"train", "test"}
        most : int, optional
            Of each source, spread evenly.

        Returns
        -------
        dict
            ``tokens`` and ``documents``, int32, shape (n, length); ``source``, shape (n,), its place in `sources`.
        """
        whole("length", length, least=2)
        tokens, owners, sources = [], [], []
        for place, row in enumerate(self.rows(split)):
            starts = range(0, len(row) - length + 1, length)
            if most is not None and len(starts) > most:
                starts = [starts[i] for i in np.linspace(0, len(starts) - 1, whole("most", most)).astype(int)]
            tokens += [row.between(start, start + length) for start in starts]
            owners += [row.owners(start, start + length) for start in starts]
            sources += [place] * len(starts)
        if not tokens:
            raise ValueError(
                f"length is {length}, but no source of the split {split!r} has as many tokens; give a smaller one, or "
                "prepare the shards with a larger test_size."
            )
        return {
            "tokens": np.array(tokens, np.int32),
            "documents": np.array(owners, np.int32),
            "source": np.array(sources),
        }

    def texts(self, split: str = "train", most: int = 3) -> list[str]:
        """Return the first documents of each source as they were tokenised, to look at."""
        found = []
        for row in self.rows(split):
            bounds = [0, *row.ends[:most].tolist()]
            found += [self.tokenizer.decode(row.between(a, b)) for a, b in itertools.pairwise(bounds)]
        return found

    def summary(self) -> str:
        """Return one screen: how much there is, and what was left out and why."""
        return shards_described(self)

    def sections(self) -> tuple[Section, ...]:
        """Return sources, what was left out and replaced, languages, and lengths of documents."""
        return shards_sections(self)

    def _settings(self) -> Mapping[str, Any]:
        return self.manifest["settings"]

    def _check_loaded(self) -> None:
        """Raise unless what a file says fits together."""
        from ceteris.text.data.writing import _check

        _check(self.manifest)


def load_shards(folder: str | Path, check: bool = False) -> Shards:
    """Open the shards in a folder that `prepare`, or the command ``ceteris prepare``, wrote.

    Parameters
    ----------
    folder : path
    check : bool
        Whether to read every file and hold it against its digest; sizes are always looked at.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).exists() and (folder / SHARDS / MANIFEST).exists():
        folder = folder / SHARDS
    manifest = read_manifest(folder)
    if check:
        verify(folder, manifest)
    return Shards(str(folder), manifest)
