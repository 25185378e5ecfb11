"""SOAP: what makes it more than Adam is that it does not care which way the axes point."""

import jax
import jax.numpy as jnp
import jax.random as jr
import optax
import pytest
from scipy.stats import ortho_group

from ceteris.recipe import optimiser
from ceteris.recipe.soap import scale_by_soap, soap


def descend(rule, loss, weights, steps):
    def step(carry, _):
        w, memory = carry
        move, memory = rule.update(jax.grad(loss)(w), memory, w)
        return (optax.apply_updates(w, move), memory), None

    return jax.lax.scan(step, (weights, rule.init(weights)), length=steps)[0][0]


def bowl(turn_left, turn_right):
    """½ ‖D U W V E‖² with scales from 1 to 100 on both sides, in rotated axes."""
    left, right = 10 ** jnp.linspace(0, 1, 6), 10 ** jnp.linspace(0, 1, 4)
    return lambda W: 0.5 * jnp.sum((left[:, None] * (turn_left @ W @ turn_right) * right) ** 2)


def turns():
    return tuple(jnp.asarray(ortho_group.rvs(n, random_state=n), jnp.float32) for n in (6, 4))


def test_rotated_axes_cost_soap_nothing_and_adam_much():
    U, V = turns()
    start = jr.normal(jr.key(0), (6, 4))
    rate = optax.cosine_decay_schedule(0.05, 600)
    after = lambda rule, loss, w: float(loss(descend(rule, loss, w, 600)))
    plain, turned = bowl(jnp.eye(6), jnp.eye(4)), bowl(U, V)
    ours = after(optax.chain(scale_by_soap(warmup=1), optax.scale_by_learning_rate(rate)), turned, U.T @ start @ V.T)
    same = after(optax.chain(scale_by_soap(warmup=1), optax.scale_by_learning_rate(rate)), plain, start)
    adam = after(optax.adam(rate), turned, U.T @ start @ V.T)
    assert ours < 0.1 * adam
    assert ours < 1e-2 * float(turned(U.T @ start @ V.T))
    assert same < 1e-2 * float(plain(start))


def test_what_is_not_a_matrix_moves_as_under_adam():
    loss = lambda w: jnp.sum(jnp.arange(1.0, 4.0) * w**2)
    start = jnp.ones(3)
    rule = optax.chain(scale_by_soap(b1=0.9, b2=0.999, eps=1e-8, warmup=1), optax.scale_by_learning_rate(0.01))
    # the first update only measures, so that 41 of ours are 40 of Adam's but for bias correction
    assert jnp.allclose(descend(rule, loss, start, 41), descend(optax.adam(0.01), loss, start, 40), atol=5e-3)


def test_a_side_that_is_too_long_keeps_its_axes():
    state = scale_by_soap(largest=5).init({"W": jnp.zeros((6, 4))})
    left, right = state[1][0]["bases"]
    assert left is None
    assert right.shape == (4, 4)


def test_it_is_in_the_list_of_optimisers():
    assert isinstance(optimiser("soap")(), optax.GradientTransformation)
    assert isinstance(soap(1e-3), optax.GradientTransformation)
    with pytest.raises(ValueError, match="soap"):
        optimiser("sopa")
