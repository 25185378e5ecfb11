"""What is run on four devices, forced from one processor, in a process of its own; prints one JSON object."""

import json
import os
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":  # not where it is imported, as pytest does when it looks for doctests
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
sys.path.insert(0, str(Path(__file__).parents[1]))

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import recipes
import transformer
from ceteris.engine import Checkpoint, Ensemble, fit
from ceteris.testing import check_algorithm

MESHES = {"data": ((4,), ("data",)), "weights": ((4,), ("weights",)), "both": ((2, 2), ("data", "weights"))}


def largest_gap(a, b):
    return float(np.max(np.abs(a.history["loss"] - b.history["loss"])))


def parts(tree):
    """Return the largest share of an array of at least 16 rows that one device holds."""
    arrays = [a for a in jax.tree.leaves(eqx.filter(tree, eqx.is_array)) if a.ndim == 2 and min(a.shape) >= 16]
    return max(a.addressable_shards[0].data.size / a.size for a in arrays)


def on_meshes():
    """Losses of one device and of four, shares of weights and of their moments, and checkpoints across both."""
    options = {"steps": 20, "every": 5}
    one = fit(recipes.supervised(), jr.key(0), **options)
    found = {}
    for name, (shape, axes) in MESHES.items():
        mesh = jax.make_mesh(shape, axes)
        many = fit(recipes.supervised(), jr.key(0), **options, mesh=mesh)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run"
            fit(recipes.supervised(), jr.key(0), steps=10, every=5, mesh=mesh, monitors=[Checkpoint(path)])
            down = fit(recipes.supervised(), jr.key(0), **options, resume=path)
            fit(recipes.supervised(), jr.key(0), steps=10, every=5, monitors=[Checkpoint(path)])
            up = fit(recipes.supervised(), jr.key(0), **options, mesh=mesh, resume=path)
        gaps = {what: largest_gap(run, one) for what, run in {"many": many, "down": down, "up": up}.items()}
        found[name] = gaps | {"model": parts(many.model), "moments": parts(many.state.optimiser)}
    return found


def members():
    """The members of an ensemble, two on each device."""
    eight = Ensemble(recipes.supervised(), 8, how="vmap")
    here, there = (fit(eight, jr.key(0), steps=6, every=3, mesh=m) for m in (None, jax.make_mesh((4,), ("members",))))
    weight = jax.tree.leaves(eqx.filter(there.model, eqx.is_array))[0]
    return {"gap": largest_gap(here, there), "per device": weight.addressable_shards[0].data.shape[0]}


def language():
    """The transformer in bfloat16, its weights divided over all four, through the contract of the engine."""
    mesh = jax.make_mesh((4,), ("weights",))
    check_algorithm(transformer.language, feed=transformer.windows, precision="half", mesh=mesh, tolerance=0.05)
    wide, half = (
        fit(transformer.language(), jr.key(0), steps=40, every=20, feed=transformer.windows, precision=p, mesh=mesh)
        for p in ("single", "half")
    )
    kinds = {str(a.dtype) for a in jax.tree.leaves(eqx.filter(half.model, eqx.is_inexact_array))}
    last = {name: float(run.history["loss"][-5:].mean()) for name, run in {"single": wide, "half": half}.items()}
    return {"kinds": sorted(kinds), **last, "share": parts(half.model)}


def refused():
    """Sentences for what cannot be divided."""
    said = {}
    mesh, of_members = jax.make_mesh((4,), ("data",)), jax.make_mesh((4,), ("members",))
    cases = {
        "batch": lambda: fit(recipes.supervised(batch=62), jr.key(0), steps=2, mesh=mesh),
        "feed": lambda: fit(
            recipes.language(), jr.key(0), steps=2, mesh=mesh, feed=lambda step, n: recipes.tokens(step, n, rows=3)
        ),
        "axes": lambda: fit(recipes.supervised(), jr.key(0), steps=2, mesh=jax.make_mesh((4,), ("x",))),
        "members": lambda: fit(Ensemble(recipes.supervised(), 6), jr.key(0), steps=2, mesh=of_members),
        "ensemble": lambda: fit(Ensemble(recipes.supervised(), 4), jr.key(0), steps=2, mesh=mesh),
        "no mesh": lambda: fit(recipes.supervised(), jr.key(0), steps=2, mesh=4),
    }
    for name, case in cases.items():
        try:
            case()
        except (ValueError, TypeError) as error:
            said[name] = str(error)
    return said


def kept_where_they_are():
    """A feed of arrays that lie on the devices already is not moved."""
    mesh = jax.make_mesh((4,), ("data",))
    where = NamedSharding(Mesh(mesh.devices, mesh.axis_names), PartitionSpec(None, "data"))
    feed = lambda step, n: jax.device_put(recipes.tokens(step, n), where)
    with jax.transfer_guard_device_to_device("disallow"):
        there = fit(recipes.language(), jr.key(0), steps=4, every=2, feed=feed, mesh=mesh)
    here = fit(recipes.language(), jr.key(0), steps=4, every=2, feed=recipes.tokens)
    return {"gap": largest_gap(here, there)}


if __name__ == "__main__":
    assert jnp.zeros(1).dtype == jnp.float32
    assert len(jax.devices()) == 4
    print(json.dumps({f.__name__: f() for f in (on_meshes, members, language, refused, kept_where_they_are)}))
