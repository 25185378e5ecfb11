"""Which language a text is in, by its alphabet, its function words and the letters that only some languages use.

33 languages, no model and no file: every word of the lists votes for the languages that use it, the more the fewer they
are. On single messages of software in 24 languages (`benchmarks/text_pipeline.py`) the share that is right is stated
with the results; texts of a hundred words are nearly always right, those of five often not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ceteris.text.data.scan import Scanned, laid_out, scan
from ceteris.text.data.words import ALPHABET, BLOCKS, FUNCTION_WORDS, LANGUAGES

UNKNOWN = "?"
LEAST = 0.15  # votes per word below which nothing is said: code, tables, lists of names, languages not known here
MOSTLY = 0.5  # share of letters that a text has in the alphabet of its language,
DENSE = 0.25  # and where a sign is a syllable or a word: one says as much as some three letters


def languages_of(texts: Sequence[str]) -> list[str]:
    """Return the language of each text, "?" where none of those known here speaks from it.

    Parameters
    ----------
    texts : sequence of str

    Examples
    --------
    >>> languages_of(["Die Preise sind gestiegen.", "Los precios han subido mucho.", "価格が上がった", "x = f(1)"])
    ['de', 'es', 'ja', '?']
    """
    return [LANGUAGES[place] if place >= 0 else UNKNOWN for place in recognised(scan(*laid_out(texts)))]


def recognised(scanned: Scanned) -> np.ndarray:
    """Return the place of each document's language in `LANGUAGES`, -1 where it is not known."""
    votes = scanned.votes.copy()
    names = list(BLOCKS)
    shares = {name: scanned.blocks[:, place] for place, name in enumerate(names)}
    shares["kana"] = np.where(shares["kana"] > 0.05, shares["kana"] + shares["han"], 0)  # Japanese has Chinese signs
    for place, language in enumerate(LANGUAGES):
        share = shares[ALPHABET[language]]
        if language in FUNCTION_WORDS:
            votes[:, place] *= share > MOSTLY
        else:
            votes[:, place] = np.where(share > DENSE, 10 * share, 0)
    votes[:, LANGUAGES.index("zh")] *= shares["kana"] == 0
    found = votes.argmax(axis=1)
    return np.where(votes.max(axis=1) >= LEAST, found, -1)
