"""Many devices, forced from one processor, give what one gives; fewer digits are a choice, kept to the letter."""

import json
import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import recipes
import transformer
from ceteris.engine import Checkpoint, Digits, fit
from ceteris.engine.devices import Setting, at_work, computing
from ceteris.testing import check_algorithm


@pytest.fixture(scope="module")
def four():
    """What four_devices.py found, in a process in which JAX sees four devices."""
    script = Path(__file__).with_name("four_devices.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_what_belongs_to_processes_of_their_own_is_not_set_in_this_one():
    """Looking for doctests imports their scripts: all tests once ran on two devices forced from one processor."""
    assert "device_count" not in os.environ.get("XLA_FLAGS", "")
    assert "JAX_CPU_COLLECTIVES_IMPLEMENTATION" not in os.environ


# sums of 64 losses of order 1 in another order: a few units in the last place of single precision
ROUNDING = 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(("axes", "share"), [("data", 1.0), ("weights", 0.25), ("both", 0.5)])
def test_four_devices_give_the_losses_of_one_and_hold_their_share(four, axes, share):
    found = four["on_meshes"][axes]
    assert max(found["many"], found["down"], found["up"]) < ROUNDING
    assert found["model"] == found["moments"] == share


@pytest.mark.slow
def test_members_are_divided_among_devices(four):
    assert four["members"]["gap"] < ROUNDING
    assert four["members"]["per device"] == 2


@pytest.mark.slow
def test_a_transformer_in_bfloat16_divided_among_four_devices(four):
    found = four["language"]
    assert found["kinds"] == ["bfloat16"]
    assert found["share"] == 0.25
    # forty steps from log(21) = 3.0; rounding weights to eight bits costs little this early
    assert found["single"] < 1.8
    assert found["half"] < 1.1 * found["single"]


@pytest.mark.slow
def test_data_that_lie_on_the_devices_stay_there(four):
    assert four["kept_where_they_are"]["gap"] < ROUNDING


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("batch", "mesh: a batch of 62 points cannot be divided among 4 devices; take a multiple of 4."),
        ("feed", "mesh: a batch of 3 points cannot be divided among 4 devices; take a multiple of 4."),
        ("axes", "mesh: its axes are 'x', but for one run they may be 'data' and 'weights'; call jax.make_mesh"),
        ("members", "mesh: 6 members cannot be divided among 4 devices; take a multiple of 4."),
        ("ensemble", "mesh: its axes are 'data', but for an ensemble they may be 'members'; call jax.make_mesh"),
        ("no mesh", "mesh: int was given, but a Mesh of devices is needed; call jax.make_mesh."),
    ],
)
def test_what_cannot_be_divided_is_refused(four, case, sentence):
    assert four["refused"][case].startswith(sentence)


# ---------------------------------------------------------------------------------------------------- precision


def products(function, *arguments):
    """Return the types of the factors of every matrix product of a function, loops and calls included."""

    def inside(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "dot_general":
                yield from (str(v.aval.dtype) for v in equation.invars)
            for inner in jax.tree.leaves(
                list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns") or hasattr(x, "jaxpr")
            ):
                if hasattr(inner, "eqns") or hasattr(inner, "jaxpr"):
                    yield from inside(getattr(inner, "jaxpr", inner))

    return set(inside(jax.make_jaxpr(function)(*arguments).jaxpr))


@pytest.mark.parametrize(
    ("policy", "kept", "used"),
    [
        pytest.param("single", "float32", "float32", marks=pytest.mark.slow),
        ("mixed", "float32", "bfloat16"),
        ("half", "bfloat16", "bfloat16"),
        pytest.param(Digits("float32", "float16"), "float32", "float16", marks=pytest.mark.slow),
    ],
)
def test_a_policy_says_in_what_weights_are_kept_and_products_taken(policy, kept, used):
    run = fit(transformer.language(), jr.key(0), steps=2, feed=transformer.windows, precision=policy)
    weights = jax.tree.leaves(eqx.filter(run.model, eqx.is_inexact_array))
    assert {str(a.dtype) for a in weights} == {kept}
    moments = jax.tree.leaves(eqx.filter(run.state.optimiser, eqx.is_inexact_array))
    assert {str(a.dtype) for a in moments} == {"float32"}, "moments of eight bits do not move"
    assert run.history["loss"].dtype == np.float32
    model, optimiser, sampler = (eqx.filter(part, eqx.is_array) for part in run.state)
    static = eqx.filter(run.state, eqx.is_array, inverse=True)
    rule = transformer.language()

    def step(arrays, key, feed):
        from ceteris.engine.devices import digits_of

        with at_work(Setting(digits_of(policy))):
            state, info = rule.step(eqx.combine(arrays, static), key, feed)
        return eqx.filter(state, eqx.is_array), info

    state = type(run.state)(model, optimiser, sampler)
    assert products(step, state, jr.key(0), jnp.asarray(transformer.windows(0, 1)[0])) == {used}


def test_a_run_is_resumed_in_the_precision_it_began_with(tmp_path):
    begin = lambda **options: fit(recipes.supervised(), jr.key(0), every=2, **options)
    half = begin(steps=2, precision="single", monitors=[Checkpoint(tmp_path / "run")])
    sentence = (
        r"precision is Digits\(params='float32', compute='bfloat16'\), but the run to resume has Digits\(params='f"
    )
    for resume in (half, tmp_path / "run"):
        with pytest.raises(ValueError, match=sentence):
            begin(steps=4, precision="mixed", resume=resume)
        assert begin(steps=4, precision="single", resume=resume).tick == 4


def test_what_is_no_policy_is_refused():
    with pytest.raises(ValueError, match=r"params: 'int8' was given, but it must be one of float64, float32"):
        Digits("int8", "float32")


@pytest.mark.slow
def test_mixed_precision_through_the_contract():
    # products in eight bits, taken in another order under vmap: 2^-8 relative, amplified by Adam's first steps
    check_algorithm(transformer.language, steps=4, feed=transformer.windows, precision="mixed", tolerance=0.05)


def test_outside_of_a_run_nothing_is_rounded():
    model = recipes.mlp(3, 1)(key=jr.key(0))
    assert computing(model) is model
