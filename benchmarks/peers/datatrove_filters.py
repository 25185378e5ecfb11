"""datatrove's filters and MinHash on the same documents, one task; prints JSON. It needs datatrove[processing].

python benchmarks/peers/datatrove_filters.py FOLDER MEGABYTES
"""

import json
import shutil
import sys
import time
from pathlib import Path

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter


def part(folder: Path, out: Path, megabytes: float) -> float:
    """Copy the first megabytes of the planted corpus and of what it was planted in."""
    out.mkdir(parents=True)
    size = 0
    for source in ("base", "planted"):
        lines = (folder / source / "0000.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        lines = lines[: int(len(lines) * min(1, megabytes / 52))]
        (out / f"{source}.jsonl").write_text("".join(lines), encoding="utf-8")
        size += sum(map(len, lines))
    return size / 1e6


def main(folder: str, megabytes: str) -> None:
    work = Path(f"{folder}-datatrove")
    shutil.rmtree(work, ignore_errors=True)
    size = part(Path(folder), work / "in", float(megabytes))
    run = lambda *steps: LocalPipelineExecutor(list(steps), tasks=1, logging_dir=None, skip_completed=False).run()
    config, seconds = MinhashConfig(num_buckets=14, hashes_per_bucket=8), {}
    steps = {
        "filters": lambda: run(
            JsonlReader(str(work / "in")), GopherRepetitionFilter(), GopherQualityFilter(),
            JsonlWriter(str(work / "kept"), compression=None),
        ),
        "signatures": lambda: run(
            JsonlReader(str(work / "in")), MinhashDedupSignature(output_folder=str(work / "sig"), config=config)
        ),
        "buckets": lambda: [
            LocalPipelineExecutor(
                [MinhashDedupBuckets(str(work / "sig"), str(work / "buckets"), config=config)], tasks=14,
                workers=1, skip_completed=False,
            ).run()
        ],
        "cluster": lambda: run(MinhashDedupCluster(str(work / "buckets"), str(work / "remove"), config=config)),
        "removal": lambda: run(
            JsonlReader(str(work / "in")), MinhashDedupFilter(str(work / "remove")),
            JsonlWriter(str(work / "out"), compression=None),
        ),
    }  # fmt: skip
    for name, step in steps.items():
        start = time.process_time()
        step()
        seconds[name] = time.process_time() - start
    count = lambda path: sum(line.count("\n") for one in path.glob("*.jsonl") for line in [one.read_text("utf-8")])
    documents, planted = count(work / "in"), (work / "in" / "planted.jsonl").read_text("utf-8").count("\n")
    dropped = documents - count(work / "out")
    shutil.rmtree(work)
    print(json.dumps({"MB": size, "seconds": seconds, "planted": planted, "dropped": dropped}))


if __name__ == "__main__":
    main(*sys.argv[1:])
