"""The network for cohorts, and least squares for its last layer."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.engine.precision import precision
from ceteris.equilibrium import Episodes, solve
from ceteris.equilibrium.cohorts import Cohorts, LastLayer, by_output, last_layer
from ceteris.equilibrium.expectation import default_rule
from ceteris.equilibrium.model import start_states, traced
from ceteris.equilibrium.models.olg import OLG
from ceteris.equilibrium.policy import Residuals, blank


def test_the_features_and_the_last_layer_are_the_network():
    net = Cohorts(3, 5, 3, 8, 6, 2, key=jr.key(0))
    change = jr.normal(jr.key(1), (3, 5 + 6 + 1 + 2))
    x = jr.normal(jr.key(2), (4, 5))
    hidden, hinges = net.features(x)
    shared = jnp.concatenate([x, hidden, jnp.ones((4, 1))], 1)
    by_hand = shared @ change[:, :12].T + jnp.einsum("nak,ak->na", hinges, change[:, 12:])
    np.testing.assert_allclose(net.moved(change)(x) - net(x), 10 * by_hand, rtol=1e-4, atol=1e-4)  # single precision


def test_a_round_solves_equations_that_are_linear_in_the_last_layer():
    # residuals y(x) - target, with a target the last layer can reach: slope one, solved at once
    with precision("double"):
        model = traced(OLG(N=5))
        one = jax.tree.map(lambda a: a[0], start_states(model, jr.key(0), 1))
        policy = blank(model, one, (8, 6, 2), "tanh", jr.key(1))
        inputs = jr.normal(jr.key(2), (200, policy.scaling.mean.size))
        target = eqx.tree_at(lambda p: p.net, policy, policy.net.moved(jr.normal(jr.key(3), (4, inputs.shape[1] + 9))))
        r = jax.vmap(policy)(inputs) - jax.vmap(target)(inputs)
        change = last_layer(policy, inputs, r, jnp.ones_like(r), 1e-12)
        found = eqx.tree_at(lambda p: p.net, policy, policy.net.moved(change))
        left = jax.vmap(found)(inputs) - jax.vmap(target)(inputs)
    assert np.abs(left).max() < 1e-4 * np.abs(r).max()  # the network answers in single precision


def test_each_equation_of_the_benchmark_moves_with_its_own_output_alone():
    with precision("double"):
        model = traced(OLG(N=5))
        states = start_states(model, jr.key(0), 6)
        one = jax.tree.map(lambda a: a[0], states)
        policy = blank(model, one, (8, 6, 2), "tanh", jr.key(1))
        residuals = Residuals(model, default_rule(model.shocks())[0])
        _, slope = by_output(residuals, policy, states, jr.key(0))

        class Shifted(eqx.Module):
            shift: jax.Array

            def __call__(self, x):
                return policy(x) + self.shift

        full = jax.jacfwd(lambda shift: residuals(Shifted(shift), one, jr.key(0)))(jnp.zeros(4))
    np.testing.assert_allclose(full, np.diag(slope[0]), atol=1e-12)


def test_a_last_layer_that_was_disturbed_is_solved_again():
    steps = Episodes(steps=300, paths=64, horizon=1, updates=1, rate=2e-3, optimiser="soap", clip=None)
    first = solve(OLG(N=6), phases=[steps], widths=(16, 16, 2))
    net = first.hypothesis.net
    worse = eqx.tree_at(
        lambda p: p.net.out,
        first.hypothesis,
        np.asarray(net.out) + 0.02 * np.random.default_rng(0).normal(size=net.out.shape),
    )
    disturbed = solve(
        OLG(N=6), phases=[LastLayer(rounds=1, share=0.0, states=64)], start=replace(first, hypothesis=worse)
    )
    found = solve(OLG(N=6), phases=[LastLayer(rounds=20, states=500)], start=replace(first, hypothesis=worse))
    assert disturbed.log[-1]["mean"] > 10 * first.log[-1]["mean"]
    assert found.log[-1]["mean"] < 1.05 * first.log[-1]["mean"]
