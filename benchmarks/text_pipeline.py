"""From raw text to shards: memory and speed on a gigabyte, planted duplicates, languages; datatrove beside it.

The corpus is made of documentation found on this machine, varied so that no two documents are alike: see
`text_pipeline_one`. The peer's filters and MinHash (one task) run on 20 MB of it where ``CETERIS_PEER_DATATROVE`` names
a Python that has ``datatrove[processing]``; messages of software in many languages are read from the wheel of Django
where ``CETERIS_DJANGO`` names a folder in which it is unpacked.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import bench

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MEGABYTES = int(os.environ.get("CETERIS_PIPELINE_MB", "1000"))


def one(*arguments):
    return bench.in_fresh_process("text_pipeline_one.py", *map(str, arguments), environment=ONE_THREAD)


def gigabyte():
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        one("corpus", MEGABYTES, corpus)
        found = one("ours", corpus)
    size = f"{found['MB']:,.0f} MB, {found['documents']:,} documents"
    yield bench.at_most(f"{size}: peak memory", found["memory"], "GiB", 2.0)
    said = f"{found['wall']:,.0f} s; {found['tokens'] / 1e6:,.0f} M tokens"
    yield bench.Row("  filters, duplicates, redaction, tokenising", found["MB"] / found["cpu"], "MB/CPU-s", peer=said)
    said = f"{found['planted']:,} planted at a Jaccard similarity of {found['jaccard']:.3f}"
    yield bench.at_least("  near duplicates: recall", found["recall"], "share", 0.95, said)
    yield bench.at_least("  near duplicates: precision", found["precision"], "share", 0.95, f"{found['false']} others")


def stages():
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        one("corpus", 60, corpus)
        for name, speed in one("stages", corpus).items():
            yield bench.Row(f"stage alone: {name}", speed, "MB/CPU-s")
        yield from _peer(corpus)


def _peer(corpus):
    python = os.environ.get("CETERIS_PEER_DATATROVE")
    if not python:
        return
    command = [python, str(Path(__file__).parent / "peers" / "datatrove_filters.py"), str(corpus), "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    said = f"{found['dropped']} dropped of {found['planted']} planted"
    near = sum(seconds for name, seconds in found["seconds"].items() if name != "filters")
    yield bench.Row("datatrove: Gopher's filters", found["MB"] / found["seconds"]["filters"], "MB/CPU-s")
    yield bench.Row("datatrove: MinHash and removal", found["MB"] / near, "MB/CPU-s", peer=said)


def languages():
    folder = os.environ.get("CETERIS_DJANGO")
    if not folder:
        return
    found = one("languages", folder)
    for name, value in found["right"].items():
        yield bench.Row(f"language of {name}: right", value, "share", peer=f"{found['count'][name]:,} texts")
    said = f"{found['others']:,} texts in languages that are not known"
    yield bench.Row("language that is not known, taken for one that is", found["taken"], "share", peer=said)


if __name__ == "__main__":
    bench.main({"gigabyte": gigabyte, "stages": stages, "languages": languages}, __file__)
