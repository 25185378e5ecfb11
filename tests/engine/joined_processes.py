"""What each of two processes runs: ``python joined_processes.py PROCESS PORT FOLDER``; prints one JSON object."""

import json
import os
import sys
from pathlib import Path

os.environ["JAX_CPU_COLLECTIVES_IMPLEMENTATION"] = "gloo"
sys.path.insert(0, str(Path(__file__).parents[1]))

import equinox as eqx
import jax
import jax.random as jr
from jax.experimental import multihost_utils

import recipes
from ceteris.engine import Checkpoint, Progress, fit


def sentence(**options):
    try:
        fit(recipes.supervised(), jr.key(0), **options)
    except ValueError as error:
        return str(error)
    return ""


def main(process: int, port: str, folder: Path) -> dict:
    jax.distributed.initialize(f"localhost:{port}", 2, process)
    multihost_utils.sync_global_devices("begun")  # they meet before one of them compiles for long
    found = {}
    for axis in ("data", "weights"):
        mesh = jax.make_mesh((2,), (axis,))
        options = {"every": 5, "mesh": mesh, "resume": "if there", "monitors": [Checkpoint(folder / axis), Progress()]}
        fit(recipes.supervised(), jr.key(0), steps=10, **options)
        run = fit(recipes.supervised(), jr.key(0), steps=20, **options)
        weights = [a for a in jax.tree.leaves(eqx.filter(run.model, eqx.is_array)) if a.size >= 512]
        found[axis] = {
            "losses": run.history["loss"].tolist(),
            "share": max(a.addressable_shards[0].data.size / a.size for a in weights),
        }
    said = sentence(steps=5 + process, mesh=mesh)
    return {**found, "disagreement": said}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))))
