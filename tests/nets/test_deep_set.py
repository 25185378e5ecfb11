"""Deep sets: blind to the numbering of agents and to their number, and able to say what is claimed of them."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.engine import precision
from ceteris.nets import DeepSet, Powers, attended, pooled_mean

KINDS = {
    "network": {},
    "identity": {"inner": "identity"},
    "moments": {"inner": "moments"},
    "vector states": {"in_size": 3},
    "attention": {"pooling": "attention"},
    "common": {"common": 2},
}


def built(key=0, **options):
    net = DeepSet(**{"in_size": 1, "out_size": 2, "widths": (8, 8), "inner": (8,), **options}, key=jr.key(key))
    if net.scores is None:
        return net
    # scores start at zero, where attention is the mean: tilt them
    tilted = jax.tree.map(lambda a: a + jr.normal(jr.key(9), a.shape), net.scores)
    return eqx.tree_at(lambda n: n.scores, net, tilted)


def given(net_options, n, key=1):
    x = jr.normal(jr.key(key), (n, net_options.get("in_size", 1)))
    return {"set": x, "common": jnp.ones(2)} if "common" in net_options else {"set": x}


@pytest.mark.parametrize("name", KINDS)
def test_every_order_of_five_agents_gives_the_same(name):
    net, x = built(**KINDS[name]), given(KINDS[name], 5)
    orders = jnp.array(list(itertools.permutations(range(5))))
    values = jax.vmap(lambda order: net({**x, "set": x["set"][order]}))(orders)
    # a sum of five in another order: a few units in the last of seven digits
    np.testing.assert_allclose(values, np.broadcast_to(values[0], values.shape), atol=2e-6)
    assert np.std(np.asarray(net(given(KINDS[name], 5, key=2)) - values[0])) > 1e-4  # not blind to the set itself


@pytest.mark.parametrize("name", KINDS)
def test_every_agent_twice_is_the_same_set(name):
    net, x = built(**KINDS[name]), given(KINDS[name], 6)
    np.testing.assert_allclose(net({**x, "set": jnp.tile(x["set"], (2, 1))}), net(x), atol=2e-6)


def test_permuted_agents_are_answered_in_the_new_order():
    net = built(in_size=2, agent=2)
    X, order = jr.normal(jr.key(1), (7, 2)), jr.permutation(jr.key(2), 7)
    answers = net({"agent": X, "set": X})
    assert answers.shape == (7, 2)
    np.testing.assert_allclose(net({"agent": X[order], "set": X[order]}), answers[order], atol=2e-6)


def test_two_groups_are_kept_apart():
    net = built(in_size=(1, 2))
    a, b = jr.normal(jr.key(1), (4, 1)), jr.normal(jr.key(2), (5, 2))
    np.testing.assert_allclose(net((a[::-1], b[::-1])), net((a, b)), atol=2e-6)
    twins = built(in_size=(1, 1))
    assert np.abs(twins((a, b[:, :1])) - twins((b[:, :1], a))).max() > 1e-3


@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_a_weight_of_two_is_an_agent_twice_and_zero_is_none(pooling):
    net, x = built(pooling=pooling), jr.normal(jr.key(1), (4, 1))
    weighted = net(x, jnp.array([2.0, 1.0, 1.0, 0.0]))
    np.testing.assert_allclose(weighted, net(x[jnp.array([0, 0, 1, 2])]), atol=2e-6)


def test_the_identity_is_the_mean_and_powers_are_moments():
    x = np.random.default_rng(0).normal(2.0, 1.0, (50, 1)).astype(np.float32)
    linear = DeepSet(1, 1, inner="identity", widths=(), key=jr.key(0))
    W, b = linear.outer.output.weight, linear.outer.output.bias
    np.testing.assert_allclose(linear(x), W.T @ x.mean(0) + b, rtol=1e-5)
    moments = DeepSet(1, 1, inner="moments", degrees=(1, 2, 3, 4), key=jr.key(0))
    np.testing.assert_allclose(moments.pooled(0, x), [(x**k).mean() for k in (1, 2, 3, 4)], rtol=1e-5)


def test_blocks_change_neither_value_nor_gradient():
    with precision("double"):
        net, x = built(), jr.normal(jr.key(1), (23, 1))
        w = jr.uniform(jr.key(2), (23,))
        at = lambda block, w: lambda x: pooled_mean(net.inner[0], x, w, block).sum()
        for weights in (None, w):
            whole, cut = at(23, weights), at(5, weights)
            assert float(cut(x)) == pytest.approx(float(whole(x)), rel=1e-13)
            np.testing.assert_allclose(jax.grad(cut)(x), jax.grad(whole)(x), rtol=1e-10, atol=1e-15)


def test_attention_prefers_what_scores_high():
    values, scores = jnp.array([[1.0], [3.0]]), jnp.array([[0.0], [jnp.log(3.0)]])
    assert float(attended(values, scores)[0]) == pytest.approx((1 + 3 * 3) / 4)
    gradient = jax.grad(lambda s: attended(values, s).sum())(1e4 * scores)  # no overflow
    assert np.isfinite(gradient).all()


def test_the_parameters_of_the_published_nets_are_counted():
    # 002, Tables 2 and 3, in thousands; moments(1-4), deep sets with L = 4, 16, a deeper and a shallower one
    build = lambda **o: eqx.filter_eval_shape(lambda: DeepSet(1, 1, activation="relu", key=jr.key(0), **o))
    count = lambda **o: sum(a.size for a in jax.tree.leaves(build(**o)))
    wide = {"widths": (256,) * 4, "inner": (128,)}
    published = {
        50.3: {"inner": "moments", "widths": (128,) * 4},
        50.0: {"inner": "moments", "degrees": (1, 2), "widths": (128,) * 4},
        199.6: {**wide, "latent": 4},
        204.2: {**wide, "latent": 16},
        215.9: {**wide, "inner": (128, 128)},
        68.0: {"inner": (128,), "widths": (256, 256)},
    }
    for thousands, options in published.items():
        assert count(**options) / 1000 == pytest.approx(thousands, abs=0.4)  # it leaves out some of the biases
    # the row called L = 2 has more weights than L = 4: what it counts is L = 8
    assert count(**wide, latent=8) / 1000 == pytest.approx(201.1, abs=0.4)
    assert count(**wide, latent=2) < count(**wide, latent=4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"in_size": 0}, "in_size, latent, agent and common are (0,), 4, 0 and 0, but must be at least 1, 1"),
        ({"inner": "moment"}, "inner is 'moment', but must be 'identity', 'moments' or the widths of φ's hidden"),
        ({"inner": "moments", "degrees": (0, 1)}, "degrees is (0, 1), but must hold whole numbers of at least 1"),
        ({"pooling": "max"}, "pooling is 'max', but must be one of mean, attention"),
    ],
)
def test_a_net_that_makes_no_sense_is_refused(options, sentence):
    with pytest.raises(ValueError) as refusal:
        built(**options)
    assert str(refusal.value).startswith(sentence)


def test_sets_and_weights_that_do_not_fit_are_refused():
    net = built()
    with pytest.raises(ValueError, match=r"group 0 of x has shape \(0, 1\), but a set is .* at least one agent"):
        net(jnp.zeros((0, 1)))
    with pytest.raises(ValueError, match="x holds 2 groups of agents and weights 2, but the net was built for 1"):
        net((jnp.ones((3, 1)), jnp.ones((3, 1))))
    with pytest.raises(ValueError, match=r"weights have shape \(2,\) but their last axis must .* the 3 agents"):
        net(jnp.ones((3, 1)), jnp.ones(2))
    with pytest.raises(ValueError, match="weights lie between -1 and 1, but must not be negative"):
        net(jnp.ones((3, 1)), jnp.array([1.0, -1.0, 1.0]))
    assert Powers((2,))(jnp.array([3.0])).tolist() == [9.0]
