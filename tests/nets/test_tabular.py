import jax
import jax.numpy as jnp
import numpy as np

from ceteris.nets import TabularNet, tabular_net, trainable

OPTIONS = (("widths", (8,)), ("dropout", 0.5))


def net(columns=2, steps=3, extra=1):
    low = np.tile(np.arange(steps, dtype=np.float32), (columns, 1))
    return tabular_net(low, np.ones_like(low), columns + extra, 2, OPTIONS, key=jax.random.key(0))


def test_places_among_knots_are_those_of_numpy():
    x = np.random.default_rng(0).normal(1, 2, (50, 3)).astype(np.float32)
    one = net()
    seen = one._seen(x)
    # np.interp between two knots is the same ramp from zero to one
    for column in range(2):
        for step in range(3):
            ramp = np.interp(x[:, column], [step, step + 1], [0, 1]) - 0.5
            np.testing.assert_allclose(seen[:, 3 + 3 * column + step], ramp, atol=1e-6)


def test_a_step_that_is_none_says_nothing():
    one = tabular_net([[0.0, 0.0]], [[1.0, 0.0]], 1, 1, OPTIONS, key=jax.random.key(0))
    assert (one._seen(jnp.linspace(-3, 3, 7)[:, None])[:, 2] == 0).all()


def test_it_starts_at_zero_and_dropout_is_for_training_only():
    one, x = net(), jnp.ones((4, 3))
    assert (one(x) == 0).all()
    moved = jax.tree.map(lambda a: a + 0.1, one)
    assert (moved(x) == moved(x)).all()
    drawn = [moved.training(x, jax.random.key(k))[0] for k in (0, 1)]
    assert not jnp.allclose(*drawn)


def test_knots_are_not_trained_and_slopes_are_no_matrix():
    mask = trainable(net())
    assert isinstance(mask, TabularNet)
    assert not mask.knots.low
    assert mask.slopes
    assert net().slopes.ndim == 1  # weight decay is for matrices


def test_without_knots_it_is_linear_plus_a_perceptron():
    one = tabular_net(np.zeros((0, 4)), np.zeros((0, 4)), 3, 1, OPTIONS, key=jax.random.key(0))
    assert one(jnp.ones((2, 3))).shape == (2, 1)
