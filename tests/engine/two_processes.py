"""What each of two processes of two devices runs: ``two_processes.py ADDRESS PROCESS FOLDER``; prints one JSON line."""

import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":  # not where it is imported, as pytest does when it looks for doctests
    os.environ["JAX_CPU_COLLECTIVES_IMPLEMENTATION"] = "gloo"
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
sys.path.insert(0, str(Path(__file__).parents[1]))

import equinox as eqx
import jax
import jax.random as jr
from jax.experimental import multihost_utils
from jax.sharding import Mesh

import recipes
from ceteris.engine import Checkpoint, Progress, TensorBoard, fit, save_weights


def of_twenty(mesh, monitors):
    """A run that ends after ten steps and is resumed by the same processes; what it found, and its model."""
    options = {"every": 5, "mesh": mesh, "resume": "if there"}
    half = fit(recipes.supervised(), jr.key(0), steps=10, monitors=monitors(), **options)
    run = fit(recipes.supervised(), jr.key(0), steps=20, monitors=monitors(), **options)
    arrays = [a for a in jax.tree.leaves(eqx.filter(run.model, eqx.is_array)) if a.size >= 512]
    share = max(a.addressable_shards[0].data.size / a.size for a in arrays)
    spread = sum(not a.is_fully_addressable for a in arrays)
    found = {"tick": half.tick, "losses": run.history["loss"].tolist(), "share": share, "spread": spread}
    return found, run.model


def said(error, **options):
    try:
        fit(recipes.supervised(), jr.key(0), **options)
    except error as refused:
        return str(refused)
    return ""


def main(address, process, folder):
    jax.distributed.initialize(coordinator_address=address, num_processes=2, process_id=process)
    multihost_utils.sync_global_devices("begun")  # they meet before one of them compiles for long
    one_each = [next(d for d in jax.devices() if d.process_index == p) for p in range(2)]
    data, weights = Mesh(one_each, ("data",)), jax.make_mesh((4,), ("weights",))
    found = {}
    found["data"], _ = of_twenty(data, lambda: [Checkpoint(folder / "data"), Progress()])
    boards = folder / f"board-{process}"
    on_look = lambda: [Checkpoint(folder / "run", seconds=0), Progress(seconds=0), TensorBoard(boards)]
    found["weights"], model = of_twenty(weights, on_look)
    save_weights(folder / "weights", model)
    found["disagreement"] = said(ValueError, steps=5 + process, mesh=data)
    # the first process cannot write: all are told, and none waits for the others
    found["refused"] = said(OSError, steps=5, every=5, mesh=weights, monitors=[Checkpoint(folder)])
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
