"""Weighted terms on domains of different size, against the same sums written by hand and a differential equation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris import nets
from ceteris.engine import fit, precision
from ceteris.recipe import (
    BatchResiduals,
    Descend,
    Draws,
    Fixed,
    LevenbergMarquardt,
    Loss,
    Minibatches,
    PointResiduals,
    Replay,
    Streamed,
    Together,
    optimiser,
    weighted_sum,
)
from ceteris.recipe.objectives import AbstractResiduals
from ceteris.testing import check_algorithm, count_compilations

KEY = jr.key(0)
step = eqx.filter_jit(lambda rule, state, feed=None: rule.step(state, KEY, feed))

# -------------------------------------------- u'' = -π² sin πx on [0, 1], u(0) = 0, u(1) = 1: u = sin πx + x (truth)


def curvature(model, x, key):
    u = lambda x: model(x[None])[0]
    return jax.grad(jax.grad(u))(x) + jnp.pi**2 * jnp.sin(jnp.pi * x)


def edge(model, x, key):
    return model(x[None])[0] - x


def tenth(model, batch, key):
    return jnp.mean(jax.vmap(lambda x: model(x[None])[0])(batch) ** 2), {"largest": jnp.abs(batch).max()}


def inside(key):
    return jr.uniform(key, (40,))


EDGE = np.array([0.0, 1.0])
build = eqx.Partial(nets.MLP, 1, 1, widths=(16,), activation="tanh")
poisson = weighted_sum({"inside": PointResiduals(curvature), "edge": PointResiduals(edge)}, weights={"edge": 10.0})
points = Together({"inside": Draws(inside), "edge": Fixed(EDGE)})


def by_hand(model, batch, key):
    interior = jax.vmap(lambda x: curvature(model, x, None))(batch["inside"])
    boundary = jax.vmap(lambda x: edge(model, x, None))(batch["edge"])
    return jnp.mean(interior**2) + 10 * jnp.mean(boundary**2)


def rows_by_hand(model, batch, key):
    """42 residuals whose mean square is the sum: those inside count 42/40, those at the edge 10 x 42/2."""
    interior = jax.vmap(lambda x: curvature(model, x, None))(batch["inside"])
    boundary = jax.vmap(lambda x: edge(model, x, None))(batch["edge"])
    return jnp.concatenate([boundary * np.sqrt(210.0), interior * np.sqrt(42 / 40)])


@pytest.fixture
def net_and_batch():
    with jax.enable_x64(True):
        net = jax.tree.map(lambda a: a.astype(float) if eqx.is_inexact_array(a) else a, build(key=KEY))
        yield net, {"inside": inside(KEY).astype(float), "edge": jnp.asarray(EDGE)}


def test_the_sum_and_its_gradient_are_those_written_by_hand(net_and_batch):
    net, batch = net_and_batch
    (loss, parts), gradient = eqx.filter_value_and_grad(lambda m: poisson(m, batch, KEY), has_aux=True)(net)
    truth, slope = eqx.filter_value_and_grad(by_hand)(net, batch, KEY)
    np.testing.assert_allclose(loss, truth, rtol=1e-13)
    np.testing.assert_allclose(parts["inside"] + 10 * parts["edge"], truth, rtol=1e-13)
    assert sorted(parts) == ["edge", "inside"]
    for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(slope), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_the_residuals_and_their_jacobian_are_those_written_by_hand(net_and_batch):
    net, batch = net_and_batch
    weights, rest = eqx.partition(net, eqx.is_inexact_array)
    hand = BatchResiduals(rows_by_hand)
    np.testing.assert_allclose(poisson.residuals(net, batch, KEY), hand.residuals(net, batch, KEY), rtol=1e-12)
    ours, theirs = (objective.linearised(weights, rest, batch, KEY) for objective in (poisson, hand))
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(jnp.mean(poisson.residuals(net, batch, KEY) ** 2), by_hand(net, batch, KEY), rtol=1e-13)


def test_poissons_equation_is_solved():
    rule = LevenbergMarquardt(build, poisson, points)
    run = fit(rule, jr.key(1), steps=150, precision="double")
    x = np.linspace(0, 1, 101)
    with precision("double"):
        off = np.abs(np.asarray(run.model(x[:, None])[:, 0]) - np.sin(np.pi * x) - x)
    assert off.max() < 1e-4
    # Green's function of u'' has a norm of at most 1/√48 = 0.14: twice that, as 40 points stand for the interval
    assert off.max() < np.sqrt(2 * run.history["edge"][-1]) + 0.3 * np.sqrt(run.history["inside"][-1])
    total = run.history["inside"][-1] + 10 * run.history["edge"][-1]
    np.testing.assert_allclose(run.history["loss"][-1], total, rtol=1e-9)


def test_residuals_and_losses_mix():
    mixed = weighted_sum({"inside": PointResiduals(curvature), "small": Loss(tenth)}, weights={"small": 0.1})
    assert not isinstance(mixed, AbstractResiduals)
    batch = {"inside": jnp.array([0.2, 0.7]), "small": jnp.array([0.5])}
    net = build(key=KEY)
    loss, parts = mixed(net, batch, KEY)
    assert np.isclose(loss, parts["inside"] + 0.1 * parts["small"])
    assert parts["small_largest"] == 0.5
    with pytest.raises(TypeError, match=r"LevenbergMarquardt: objective is .* a weighted_sum of such, or use Descend"):
        LevenbergMarquardt(build, mixed, Fixed(batch))


def test_another_weight_compiles_nothing():
    def rule(weight):
        terms = {"inside": PointResiduals(curvature), "edge": PointResiduals(edge)}
        return Descend(build, weighted_sum(terms, weights={"edge": weight}), points, optimiser("adam"))

    one = fit(rule(1.0), KEY, steps=2)
    two = rule(5.0)
    with count_compilations() as compiled:
        other = fit(two, KEY, steps=2)
    assert not compiled
    assert other.history["loss"][0] > one.history["loss"][0]


def unchanged(model, updates):
    return model


@pytest.mark.slow
@pytest.mark.parametrize("second", [False, True])
def test_terms_and_samplers_keep_the_promises_of_an_algorithm(second):
    def rule():
        sampler = Together({"inside": Minibatches(jnp.linspace(0, 1, 12), 4, updates=1), "edge": Fixed(EDGE)})
        if second:
            return LevenbergMarquardt(build, poisson, sampler, geodesic=True)
        grouped = optimiser("adam", betas=(0.9, 0.95), groups={"bias": optimiser("sgd", 1e-4)})
        return Descend(build, poisson, sampler, grouped, project=unchanged)

    check_algorithm(rule)


def test_special_entries_pass_through():
    """Running statistics of two nets, of which each term knows one; and a word to stop."""
    one = Loss(lambda m, b, k: (m["a"] ** 2, {"buffers": {"a": None, "b": None, "seen": b, "last": None}}))
    two = Loss(
        lambda m, b, k: (m["b"] ** 2, {"buffers": {"a": None, "b": None, "seen": None, "last": b}, "stop": b > 5})
    )
    start = lambda key: {"a": jnp.array(1.0), "b": jnp.array(1.0), "seen": jnp.array(0), "last": jnp.array(0)}
    both = weighted_sum({"one": one, "two": two})
    rule = Descend(start, both, Fixed({"one": jnp.array(3), "two": jnp.array(4)}), optimiser("sgd", 0.1))
    state, info = step(rule, rule.init(KEY))
    assert (state.model["seen"], state.model["last"], info["updates"]) == (3, 4, 1)
    rule = eqx.tree_at(lambda r: r.sampler.data["two"], rule, jnp.array(9))
    state, info = step(rule, rule.init(KEY))
    assert (state.model["seen"], state.model["last"], info["updates"]) == (0, 0, 0)


# ------------------------------------------------------------------------------------------- samplers, together


def test_each_sampler_gets_its_part_of_the_feed_and_its_own_key():
    sampler = Together({"a": Streamed(), "b": Streamed(), "c": Draws(inside), "d": Draws(inside)})
    batches, _ = sampler.draw(None, sampler.init(None, KEY), KEY, {"a": jnp.zeros(3), "b": jnp.ones((2, 2))})
    assert batches["a"].tolist() == [[0, 0, 0]]
    assert batches["b"].shape == (1, 2, 2)
    assert not np.allclose(batches["c"], batches["d"])


class Growing(Draws):
    def report(self, memory):
        return {"size": jnp.array(3.0)}


def test_reports_carry_the_name_of_their_sampler():
    sampler = Together({"a": Growing(inside), "b": Growing(inside), "c": Draws(inside)})
    assert sorted(sampler.report(sampler.init(None, KEY))) == ["a_size", "b_size"]


# ---------------------------------------------------------------------------------------------------- messages

TERMS = {"inside": PointResiduals(curvature), "edge": PointResiduals(edge)}


@pytest.mark.parametrize(
    ("terms", "weights", "message"),
    [
        ({}, {}, "objectives is empty; give at least one term"),
        ({"loss": PointResiduals(edge)}, {}, "a term is called 'loss', a name of the log; choose another"),
        (TERMS, {"egde": 1.0}, "weights names 'egde', but the terms are edge, inside; give weights to these"),
        (TERMS, {"edge": -1.0}, "the weight of 'edge' is -1.0, but must be finite and at least 0"),
        (TERMS, {"edge": float("nan")}, "the weight of 'edge' is nan, but must be finite and at least 0"),
    ],
)
def test_bad_terms(terms, weights, message):
    with pytest.raises(ValueError, match=f"weighted_sum: {message}"):
        weighted_sum(terms, weights)


@pytest.mark.parametrize("batch", [{"inside": jnp.zeros(2)}, jnp.zeros(2)])
def test_a_batch_without_the_names_of_the_terms(batch):
    with pytest.raises(ValueError, match=r"the terms are \['edge', 'inside'\], but the batch is .*; draw a dictionary"):
        poisson(build(key=KEY), batch, KEY)


def test_bad_samplers():
    with pytest.raises(ValueError, match="Together: samplers is empty; give at least one"):
        Together({})
    unequal = Together({"a": Minibatches(jnp.zeros(4), 2), "b": Fixed(jnp.zeros(4))})
    with pytest.raises(ValueError, match=r"Together: the samplers make different numbers of updates .*'a': 2, 'b': 1"):
        unequal.draw(None, unequal.init(None, KEY), KEY, None)
    with pytest.raises(ValueError, match=r"Replay: inner draws batches of different sizes, .*; put one around each"):
        Replay(points, 100, 2).init(None, KEY)
