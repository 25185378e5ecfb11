"""The perceptron against NumPy, its training mode, its cost, and what it refuses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.test_util import check_grads

from ceteris.nets import MLP, BatchNorm, Dense, Layer, trainable

X = jr.normal(jr.key(9), (11, 3))


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def test_forward_pass_by_hand():
    net = MLP(3, 2, widths=(5, 5), activation="tanh", residual=True, key=jr.key(0))
    w = [(np.asarray(d.weight), np.asarray(d.bias)) for d in (net.hidden[0].dense, net.hidden[1].dense, net.output)]
    a = np.tanh(X @ w[0][0] + w[0][1])
    a = a + np.tanh(a @ w[1][0] + w[1][1])  # residual only where hidden widths agree
    np.testing.assert_allclose(net(X), a @ w[2][0] + w[2][1], atol=1e-6)


def test_order_is_affine_norm_activation():
    # With scale 1, shift -10 and ReLU every activation is zero if the norm comes before it; else it is not.
    layer = MLP(3, 1, widths=4, activation="relu", normalise="layer", key=jr.key(0)).hidden[0]
    layer = eqx.tree_at(lambda one: one.norm.shift, layer, jnp.full(4, -10.0))
    np.testing.assert_array_equal(layer(X), 0)


def test_biases_start_at_zero_and_weights_differ():
    net = MLP(3, 2, widths=(4, 4), key=jr.key(0))
    dense = [layer.dense for layer in net.hidden] + [net.output]
    assert all((d.bias == 0).all() for d in dense)
    assert [d.weight.shape for d in dense] == [(3, 4), (4, 4), (4, 2)]
    other = MLP(3, 2, widths=(4, 4), key=jr.key(1))
    assert not np.array_equal(net.output.weight, other.output.weight)
    square = MLP(4, 4, widths=(4, 4), initialiser="lecun_normal", key=jr.key(0))
    assert not np.array_equal(square.hidden[0].dense.weight, square.hidden[1].dense.weight)


def test_a_point_a_batch_and_a_batch_of_batches():
    net = MLP(3, 2, widths=(8, 8), key=jr.key(0))
    one = np.stack([net(x) for x in X])
    np.testing.assert_allclose(net(X), one, atol=1e-6)
    np.testing.assert_allclose(net(X[:10].reshape(2, 5, 3)), one[:10].reshape(2, 5, 2), atol=1e-6)


def test_no_hidden_layer_is_a_linear_model():
    net = MLP(3, 2, widths=(), key=jr.key(0))
    np.testing.assert_allclose(net(X), X @ net.output.weight, atol=1e-6)
    y, buffers = net.training(X, None)
    np.testing.assert_array_equal(y, net(X))
    assert leaves(buffers) == []


def test_forward_is_one_product_per_layer():
    net = MLP(3, 2, widths=(8, 8, 8), key=jr.key(0))
    assert str(jax.make_jaxpr(net)(X)).count("dot_general") == 4


@pytest.mark.parametrize("normalise", [None, "layer", "rms", "group"])
def test_training_equals_evaluation_where_nothing_is_random_or_pooled(normalise):
    net = MLP(3, 2, widths=(16, 16), normalise=normalise, key=jr.key(0))
    y, buffers = net.training(X, None)
    np.testing.assert_array_equal(y, net(X))
    assert leaves(buffers) == []
    assert eqx.tree_equal(eqx.combine(buffers, net), net)


def test_buffers_hold_running_statistics_only():
    net = MLP(3, 2, widths=(4, 5), normalise="batch", key=jr.key(0))
    y, buffers = jax.jit(lambda net, x: net.training(x, None))(net, X)
    assert [leaf.shape for leaf in leaves(buffers)] == [(4,), (4,), (), (5,), (5,), ()]
    merged = eqx.combine(buffers, net)
    assert jax.tree.structure(merged) == jax.tree.structure(net)
    z = net.hidden[0].dense(X)
    np.testing.assert_allclose(merged.hidden[0].norm.running.mean, z.mean(0), atol=1e-6)
    np.testing.assert_allclose(merged.hidden[0].norm.running.variance, z.var(0, ddof=1), rtol=1e-5)
    a = net.hidden[0].training(X, None)[0]
    np.testing.assert_allclose(y, net.hidden[1].training(a, None)[0] @ net.output.weight, atol=1e-6)


def test_trainable_mask():
    net = MLP(3, 2, widths=(4,), normalise="batch", key=jr.key(0))
    theta, rest = eqx.partition({"a": net, "b": 3}, trainable({"a": net, "b": 3}))
    assert [leaf.shape for leaf in leaves(theta)] == [(3, 4), (4,), (4,), (4,), (4, 2), (2,)]
    assert eqx.tree_equal(eqx.combine(theta, rest)["a"], net)


def test_dropout_is_inverted():
    ones = Layer(Dense(1, 100_000, lambda key, shape: jnp.ones(shape), key=jr.key(0)), None, jax.nn.relu, 0.2, False)
    a, _ = ones.training(jnp.ones(1), jr.key(1))
    assert set(np.unique(a)) == {np.float32(0), np.float32(1.25)}
    # The share kept has standard deviation sqrt(0.16 / 100,000) = 0.0013; five of them.
    assert float((a > 0).mean()) == pytest.approx(0.8, abs=0.0065)
    np.testing.assert_array_equal(ones(jnp.ones(1)), 1)


def test_dropout_draws_differ_by_key_row_and_layer():
    net = MLP(3, 1, widths=(64, 64), dropout=0.5, residual=True, key=jr.key(0))
    same = jnp.ones((2, 3))
    first, _ = net.training(same, jr.key(0))
    again, _ = net.training(same, jr.key(0))
    other, _ = net.training(same, jr.key(1))
    np.testing.assert_array_equal(first, again)
    assert first[0] != first[1]
    assert first[0] != other[0]
    plain = Layer(Dense(64, 64, lambda key, shape: jnp.eye(*shape), key=jr.key(0)), None, lambda z: z, 0.5, False)
    twice = eqx.tree_at(lambda n: n.hidden, net, (plain, plain))
    twice = eqx.tree_at(lambda n: (n.output.weight, n.output.bias), twice, (jnp.eye(64), jnp.zeros(64)))
    kept = twice.training(jnp.ones((500, 64)), jr.key(2))[0] > 0
    # Two independent masks keep a quarter; a shared one a half. Standard deviation sqrt(3/16 / 32,000) = 0.0024.
    assert float(kept.mean()) == pytest.approx(0.25, abs=0.012)


def test_dropout_without_a_key():
    with pytest.raises(ValueError, match=r"key=None cannot drive dropout"):
        MLP(3, 1, dropout=0.1, key=jr.key(0)).training(X, None)


def test_gradient_against_finite_differences():
    with jax.enable_x64(True):
        net = MLP(3, 2, widths=(6, 6), normalise="batch", residual=True, key=jr.key(0))
        theta, rest = eqx.partition(net, trainable(net))
        x = jnp.asarray(np.random.default_rng(0).normal(size=(7, 3)))

        def loss(theta):
            return (eqx.combine(theta, rest).training(x, None)[0] ** 2).sum()

        # Central differences in double precision: relative error about 1e-8 at the default step.
        check_grads(jax.jit(loss), (theta,), order=1, modes=("fwd", "rev"), atol=1e-5, rtol=1e-5)


def test_members_under_vmap_are_the_single_nets():
    keys = jr.split(jr.key(0), 3)

    def one(key):
        net = MLP(3, 1, widths=(8,), normalise="batch", dropout=0.3, key=key)
        y, buffers = net.training(X, key)
        return y, eqx.combine(buffers, net)

    together, alone = eqx.filter_jit(eqx.filter_vmap(one))(keys), eqx.filter_jit(one)
    for i, key in enumerate(keys):
        for got, truth in zip(leaves(together), leaves(alone(key)), strict=True):
            np.testing.assert_allclose(got[i], truth, atol=1e-5)


def test_equal_builders_share_one_compilation():
    traces = []

    @eqx.filter_jit
    def init(build, key):
        traces.append(1)
        return build(key=key)

    for seed in range(2):
        init(eqx.Partial(MLP, 3, 1, widths=(8, 8), activation="tanh", dropout=0.1), jr.key(seed))
    assert len(traces) == 1


def test_dtype_follows_the_arrays():
    def dtypes():
        net = eqx.filter_eval_shape(MLP, 3, 1, normalise="batch", dropout=0.1, key=jr.key(0))
        return {
            leaf.dtype for leaf in jax.tree.leaves(eqx.filter_eval_shape(net.training, jnp.ones((4, 3)), jr.key(1)))
        }

    assert dtypes() == {jnp.dtype("float32"), jnp.dtype("int32")}  # int32: the number of batches seen
    with jax.enable_x64(True):
        assert dtypes() == {jnp.dtype("float64"), jnp.dtype("int64")}


def test_refusals():
    key = jr.key(0)
    with pytest.raises(ValueError, match=r"widths is \(8, 0\), but must be a whole number of at least 1"):
        MLP(3, 1, widths=(8, 0), key=key)
    with pytest.raises(ValueError, match=r"dropout is 1.0, but must be a number of at least 0 and below 1"):
        MLP(3, 1, dropout=1.0, key=key)
    with pytest.raises(ValueError, match=r"widths is \(8, 4\), but residual=True needs two equal ones in a row"):
        MLP(3, 1, widths=(8, 4), residual=True, key=key)
    with pytest.raises(ValueError, match=r"normalise is 'bach', but must be one of .*; did you mean 'batch'\?"):
        MLP(3, 1, normalise="bach", key=key)
    with pytest.raises(ValueError, match=r"normalise is 'instance', but must be one of"):
        MLP(3, 1, normalise="instance", key=key)
    with pytest.raises(ValueError, match=r"x has shape \(5, 4\) but its last axis must have the net's 3 inputs"):
        MLP(3, 1, key=key)(jnp.ones((5, 4)))
    with pytest.raises(ValueError, match=r"x has shape \(\) but"):
        MLP(1, 1, key=key)(1.0)


def test_normalisation_is_chosen_by_name():
    assert isinstance(MLP(3, 1, normalise="batch", key=jr.key(0)).hidden[0].norm, BatchNorm)
