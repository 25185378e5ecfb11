"""What is run in two processes of two devices each: ``two_processes.py ADDRESS PROCESS FOLDER``."""

import json
import os
import sys
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
sys.path.insert(0, str(Path(__file__).parents[1]))

import equinox as eqx
import jax
import jax.random as jr
from jax.experimental import multihost_utils

import recipes
from ceteris.engine import Checkpoint, Progress, TensorBoard, fit, save_weights


def main(address, process, folder):
    jax.distributed.initialize(coordinator_address=address, num_processes=2, process_id=process)
    multihost_utils.sync_global_devices("begun")  # they meet before one of them compiles for long
    mesh = jax.make_mesh((4,), ("weights",))
    path = folder / "run"
    boards = folder / f"board-{process}"
    monitors = lambda: [Checkpoint(path, seconds=0), Progress(seconds=0), TensorBoard(boards)]
    run = fit(recipes.supervised(), jr.key(0), steps=6, every=2, mesh=mesh, monitors=monitors())
    spread = [a for a in jax.tree.leaves(eqx.filter(run.model, eqx.is_array)) if not a.is_fully_addressable]
    again = fit(recipes.supervised(), jr.key(0), steps=10, every=2, mesh=mesh, monitors=monitors(), resume="if there")
    save_weights(folder / "weights", again.model)
    said = {"spread": len(spread), "loss": again.history["loss"].tolist(), "tick": run.tick}
    try:  # the first process cannot write: all are told, and none waits for the others
        fit(recipes.supervised(), jr.key(0), steps=2, every=2, mesh=mesh, monitors=[Checkpoint(folder)])
    except OSError as error:
        said["refused"] = str(error)
    print(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
