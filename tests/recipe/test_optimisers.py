"""Optimisers by name against Optax itself, schedules against Optax's, and the promises around them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from ceteris.recipe import KINDS, Schedule, optimiser
from ceteris.recipe.optimisers import matrices
from ceteris.recipe.soap import soap
from ceteris.testing import count_compilations

STEPS = 300
CURVATURE = np.array([[1.0, 30.0], [5.0, 10.0]], np.float32)
TRUTH = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)


def quadratic(theta):
    """Condition number 30, minimum 0 at `TRUTH`."""
    return 0.5 * jnp.sum(CURVATURE * (theta - TRUTH) ** 2)


def descend(transform):
    transform = optax.with_extra_args_support(transform)
    theta = jnp.zeros((2, 2))

    @jax.jit
    def path(theta):
        def step(carry, _):
            theta, memory = carry
            loss, gradient = jax.value_and_grad(quadratic)(theta)
            move, memory = transform.update(gradient, memory, theta, value=loss, grad=gradient, value_fn=quadratic)
            theta = optax.apply_updates(theta, move)
            return (theta, memory), theta

        return jax.lax.scan(step, (theta, transform.init(theta)), length=STEPS)[1]

    return np.asarray(path(theta))


def cosine(rate):
    return optax.cosine_decay_schedule(rate, STEPS, 0.0)


RATES = {"gradient_descent": 0.05, "sgd": 0.05, "momentum": 0.01, "nesterov": 0.01, "adagrad": 1.0, "rmsprop": 0.1}
RATES |= {"adam": 0.1, "adamw": 0.1, "muon": 0.1, "soap": 0.3, "lbfgs": 1.0}
SAME = {
    "gradient_descent": lambda: optax.sgd(cosine(0.05)),
    "sgd": lambda: optax.sgd(cosine(0.05)),
    "momentum": lambda: optax.sgd(cosine(0.01), momentum=0.9),
    "nesterov": lambda: optax.sgd(cosine(0.01), momentum=0.9, nesterov=True),
    "adagrad": lambda: optax.adagrad(cosine(1.0)),
    "rmsprop": lambda: optax.rmsprop(cosine(0.1)),
    "adam": lambda: optax.adam(cosine(0.1)),
    "adamw": lambda: optax.adamw(cosine(0.1), weight_decay=0.0),
    "muon": lambda: optax.contrib.muon(cosine(0.1)),
    "soap": lambda: soap(cosine(0.3)),  # not in Optax; held to its paper in test_soap.py
    "lbfgs": lambda: optax.lbfgs(),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_named_rule_is_that_of_optax_and_finds_the_minimum(name):
    falling = {"rate": RATES[name], "schedule": "cosine", "updates": STEPS, "floor": 0.0}
    ours = descend(optimiser(name, **({} if name == "lbfgs" else falling))())
    # two formulas of one schedule differ by an ulp (1e-7); a few steps multiply it by less than a hundred
    np.testing.assert_allclose(ours[:10], descend(SAME[name]())[:10], rtol=1e-5, atol=1e-6)
    # it starts at 156; with a rate that falls to zero, what is left is the tail of the slowest rule
    assert quadratic(ours[-1]) < 1e-3
    assert np.abs(ours[-1] - TRUTH).max() < 0.03


def test_adam_is_adam():
    """Kingma and Ba (2015), Algorithm 1, in NumPy."""
    theta, m, v = np.zeros((2, 2)), 0.0, 0.0
    path = descend(optimiser("adam", 0.1)())
    for t in range(1, 6):
        g = CURVATURE * (theta - TRUTH)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        theta = theta - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(path[t - 1], theta, rtol=1e-5)  # single precision


# -------------------------------------------------------------------------------------------------- schedules


def schedule(kind, rate=0.3, updates=50, floor=0.1):
    return Schedule(kind, *(jnp.asarray(a, float) for a in (rate, updates, floor)))


@pytest.mark.parametrize(
    ("kind", "truth"),
    [
        ("constant", optax.constant_schedule(0.3)),
        ("exponential", optax.exponential_decay(0.3, 50, 0.1, end_value=0.03)),
        ("cosine", optax.cosine_decay_schedule(0.3, 50, 0.1)),
        ("warmup_cosine", optax.warmup_cosine_decay_schedule(0.0, 0.3, 5, 50, 0.03)),
    ],
)
def test_schedules_are_those_of_optax(kind, truth):
    t = jnp.arange(70)
    rates = jax.vmap(schedule(kind))(t)
    np.testing.assert_allclose(rates, jax.vmap(truth)(t), rtol=1e-5, atol=1e-8)


def test_clipping_is_that_of_optax_and_bites():
    ours = descend(optimiser("sgd", 0.05, clip=1.0)())
    np.testing.assert_allclose(
        ours[:20], descend(optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.05)))[:20], rtol=1e-5
    )
    assert np.isclose(np.linalg.norm(ours[0]), 0.05 * 1.0)  # a gradient of norm 69, shortened to 1


# --------------------------------------------------------------------------------- accumulation, decay, sharing


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_accumulating_is_one_step_with_the_mean_gradient(name):
    gradients = jr.normal(jr.key(0), (6, 3))
    slow, plain = optimiser(name, 0.1, accumulate=3)(), optimiser(name, 0.1)()
    theta = other = jnp.ones(3)
    memory, memo = slow.init(theta), plain.init(other)
    for t in range(6):
        move, memory = slow.update(gradients[t], memory, theta)
        theta = theta + move
        if t % 3 < 2:
            assert not move.any()
            continue
        move, memo = plain.update(gradients[t - 2 : t + 1].mean(0), memo, other)
        other = other + move
        np.testing.assert_allclose(theta, other, rtol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_decay_touches_matrices_only(name):
    weights = {"matrix": jnp.full((3, 2), 2.0), "bias": jnp.full(2, 2.0), "nothing": None}
    none = jax.tree.map(jnp.zeros_like, weights)  # without a gradient only the decay moves
    rule = optimiser(name, 0.1, weight_decay=0.5)()
    move, _ = rule.update(none, rule.init(weights), weights)
    np.testing.assert_allclose(move["matrix"], np.full((3, 2), -0.1 * 0.5 * 2.0), rtol=1e-6)  # -rate * decay * weight
    assert not move["bias"].any()
    assert matrices(weights) == {"matrix": True, "bias": False, "nothing": None}


@eqx.filter_jit
def first_move(builder, gradient):
    rule = builder()
    return rule.update(gradient, rule.init(gradient), gradient)[0]


def test_other_numbers_share_one_program():
    def builder(x):
        return optimiser(
            "adamw", 0.1 * x, schedule="cosine", updates=int(10 * x), floor=0.1 * x, clip=x, weight_decay=0.1 * x
        )

    gradient = jnp.ones((2, 2))
    one = first_move(builder(1.0), gradient)
    another = builder(2.0)
    with count_compilations() as compiled:
        two = first_move(another, gradient)
    assert compiled == []
    assert not np.allclose(one, two), "the rate is ignored"
    with count_compilations() as compiled:
        first_move(optimiser("sgd"), gradient)
    assert compiled, "a program of another rule must be counted"


# ------------------------------------------------------------------------------------------- betas and groups

BETAS = {
    "adam": lambda: optax.adam(0.1, 0.8, 0.9),
    "adamw": lambda: optax.adamw(0.1, 0.8, 0.9, weight_decay=0.0),
    "soap": lambda: soap(0.1, b1=0.8, b2=0.9),
}


@pytest.mark.parametrize("name", BETAS)
def test_betas_are_those_of_optax(name):
    ours, plain = descend(optimiser(name, 0.1, betas=(0.8, 0.9))()), descend(optimiser(name, 0.1)())
    np.testing.assert_allclose(ours[:20], descend(BETAS[name]())[:20], rtol=1e-5)
    assert not np.allclose(ours[:20], plain[:20], rtol=1e-3)


def labels(net):
    label = lambda path, _: "bias" if path[-1].name == "bias" else "first" if path[1].idx == 0 else "rest"
    flat = jax.tree_util.tree_flatten_with_path(net)[0]
    return {i: label(path, leaf) for i, (path, leaf) in enumerate(flat) if eqx.is_inexact_array(leaf)}


def test_groups_move_as_a_partition_of_optax():
    net = eqx.nn.MLP(3, 2, 4, 2, key=jr.key(0))
    weights = eqx.filter(net, eqx.is_inexact_array)
    numbered = dict(enumerate(jax.tree.leaves(weights)))
    truth = optax.partition(
        {"bias": optax.sgd(0.5), "first": optax.adam(0.01), "rest": optax.adam(0.1, 0.8, 0.9)}, labels(weights)
    )
    truth = optax.chain(optax.clip_by_global_norm(1.0), truth)  # the norm of all weights
    groups = {r"bias$": optimiser("sgd", 0.5), r"layers\.0": optimiser("adam", 0.01)}  # the first bias is a bias
    ours = optimiser("adam", 0.1, betas=(0.8, 0.9), clip=1.0, groups=groups)()
    memory, memo = ours.init(weights), truth.init(numbered)
    for t in range(3):
        keys = jr.split(jr.key(t), len(numbered))
        gradients = {i: jr.normal(keys[i], leaf.shape) for i, leaf in numbered.items()}
        move, memory = ours.update(jax.tree.unflatten(jax.tree.structure(weights), gradients.values()), memory, weights)
        other, memo = truth.update(gradients, memo, numbered)
        for a, b in zip(jax.tree.leaves(move), other.values(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5)
    assert jax.tree.structure(move) == jax.tree.structure(weights)


def test_groups_are_compared_by_value():
    def rule(rate):
        groups = {"weight": optimiser("adam", rate), "scale": eqx.Partial(optax.sgd, 0.1)}
        return optimiser("sgd", 0.1, betas=None, groups=groups, accumulate=2)

    weights = {"weight": jnp.ones((2, 2)), "scale": jnp.ones(2), "bias": jnp.ones(2)}
    first_move(rule(0.1), weights)
    again = rule(0.2)
    with count_compilations() as compiled:
        first_move(again, weights)
    assert not compiled


def test_a_pattern_that_finds_nothing_is_refused():
    weights = {f"w{i}": jnp.ones(2) for i in range(2)}
    for pattern, others in (("embed", {}), ("w1", {"w": optimiser("sgd")})):
        rule = optimiser("adam", groups={**others, pattern: optimiser("sgd")})()
        message = f"groups holds '{pattern}', which is found in no path .*; the paths of the weights are w0, w1"
        with pytest.raises(ValueError, match=message):
            rule.init(weights)


# --------------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "adamm"}, r"name is 'adamm', but must be one of gradient_descent, .*lbfgs; did you mean 'adam'\?"),
        ({"name": "zzz"}, r"name is 'zzz', but must be one of gradient_descent, .*lbfgs; choose one of them\.$"),
        ({"schedule": "linear"}, "schedule is 'linear', but must be one of constant, exponential, cosine, warmup_cosi"),
        ({"schedule": "cosine"}, "schedule 'cosine' needs updates, the number of updates over which the rate falls"),
        (
            {"name": "sgd", "betas": (0.9, 0.99)},
            r"betas is \(0.9, 0.99\), but sgd has none to set; use adam, adamw or so",
        ),
        ({"betas": (0.9, 1.0)}, r"betas is \(0.9, 1.0\), but must be two numbers of at least 0 and below 1"),
        ({"groups": {"(": optimiser()}}, r"groups holds '\(', which is no regular expression: missing \)"),
        ({"groups": {"b": optimiser("lbfgs")}}, "groups holds 'b', but lbfgs moves all weights or none; take another"),
        ({"name": "lbfgs", "groups": {"b": optimiser()}}, "groups holds 'b', but lbfgs moves all weights or none"),
        ({"weight_decay": 0.1}, "weight_decay is 0.1, but adam has no decoupled decay; use adamw or muon"),
    ],
)
def test_bad_arguments_of_optimiser(options, message):
    with pytest.raises(ValueError, match=f"optimiser: {message}"):
        optimiser(**options)
