"""A GPT by hand: its gradient against differences and JAX, what it may look at, and what it learns."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.engine import precision
from ceteris.scratch import attention, transformer
from ceteris.text.models import Description, LanguageModel


def example(depth=2, seed=0):
    rng = np.random.default_rng(seed)
    net = transformer.initialise(rng, symbols=7, longest=10, width=12, heads=3, depth=depth)
    weights = {name: a + 0.3 * rng.normal(size=a.shape) for name, a in net.weights.items()}  # no weight is 0 or 1
    return transformer.GPT(weights, 3), rng.integers(0, 7, size=9)


def test_the_gradient_is_that_of_differences():
    net, tokens = example()
    _, gradient = transformer.loss_and_gradient(net, tokens)
    assert gradient.keys() == net.weights.keys()
    rng, h = np.random.default_rng(1), 1e-5
    for name, array in net.weights.items():
        place = tuple(rng.integers(n) for n in array.shape)
        place = (tokens[0], *place[1:]) if name == "E" else (0, *place[1:]) if name == "P" else place
        at = []
        for step in (h, -h):
            moved = array.copy()
            moved[place] += step
            at.append(transformer.loss_and_gradient(transformer.GPT(net.weights | {name: moved}, 3), tokens)[0])
        # central differences in double precision: h² ~ 1e-10 and rounding / h ~ 1e-11, of slopes of order .1
        assert gradient[name][place] == pytest.approx((at[0] - at[1]) / (2 * h), rel=1e-6, abs=1e-9)


def test_logits_and_gradient_are_those_of_the_librarys_model_with_the_same_weights():
    net, tokens = example()
    shape = {"vocabulary": 7, "width": 12, "depth": 2, "heads": 3, "perceptron": 48, "length": 10}
    with precision("double"):
        empty = eqx.filter_eval_shape(
            lambda key: LanguageModel(Description(**shape), key=key).apart(), jax.random.key(0)
        )
        model = eqx.tree_at(weights_of, empty, [jnp.asarray(array) for array in in_its_order(net)])
        logits, value, slopes = judged(model, tokens)
    np.testing.assert_allclose(transformer.forward(net, tokens)[0][:-1], logits, atol=1e-12)
    mine, gradient = transformer.loss_and_gradient(net, tokens)
    assert mine == pytest.approx(float(value), abs=1e-12)
    for ours, theirs in zip(in_its_order(transformer.GPT(gradient, 3)), weights_of(slopes), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


@eqx.filter_jit
def judged(model, tokens):
    def loss(model):
        logits = model(tokens[None, :-1])[0]
        p = jnp.take_along_axis(jax.nn.log_softmax(logits), tokens[1:, None], axis=1)
        return -jnp.mean(p), logits

    (value, logits), slopes = eqx.filter_value_and_grad(loss, has_aux=True)(model)
    return logits, value, slopes


def weights_of(model):
    """The arrays of a `LanguageModel` in an order of our own."""
    found = [model.tokens, model.places, model.decoder.norm.scale, model.decoder.norm.shift]
    for block in model.decoder.groups[0]:
        a, f = block.attention, block.forward
        found += [
            part for map_ in (a.query, a.key, a.value, a.output, f.up, f.down) for part in (map_.weight, map_.bias)
        ]
        found += [part for norm in (block.attention_norm, block.forward_norm) for part in (norm.scale, norm.shift)]
    return found


def in_its_order(net):
    w = net.weights
    found = [w["E"], w["P"], w["gamma"], w["beta"]]
    for l in range(net.depth):
        found += [w[f"{l}.{kind}_{name}"] for name in "QKVO12" for kind in "Wb"]
        found += [w[f"{l}.{kind}_{i}"] for i in (1, 2) for kind in ("gamma", "beta")]
    return found


def test_one_head_is_the_attention_of_the_other_file():
    q, k, v = np.random.default_rng(0).normal(size=(3, 6, 4))
    np.testing.assert_allclose(transformer.attend(q, k, v)[0], attention.attend(q, k, v, causal=True)[0], atol=1e-14)


def test_what_comes_later_is_not_seen():
    net, tokens = example()
    logits, _ = transformer.forward(net, tokens)
    other = tokens.copy()
    other[6:] = (other[6:] + 1) % 7
    np.testing.assert_array_equal(transformer.forward(net, other)[0][:6], logits[:6])
    assert np.abs(transformer.forward(net, other)[0][6:] - logits[6:]).max() > 0.01


def test_it_learns_two_lines_by_heart_and_begins_as_if_it_knew_nothing():
    lines = ["the rate rose", "the bank lent"]
    letters = sorted(set("".join(lines)))
    texts = [np.array([letters.index(letter) for letter in line]) for line in lines]
    net = transformer.initialise(np.random.default_rng(0), len(letters), longest=16, width=16)
    net, losses = transformer.train(net, texts, rate=0.02, steps=120)
    assert losses[0] == pytest.approx(np.log(len(letters)), abs=0.1)  # small weights: all letters about alike
    # 12 letters follow one given, and only the fifth is not decided by those before it; measured 0.0015 off
    assert losses[-1] == pytest.approx(np.log(2) / 12, abs=0.005)
    written = "".join(letters[i] for i in transformer.write(net, texts[0][:5], 8))
    assert written == lines[0]
    drawn = {tuple(transformer.write(net, texts[0][:4], 9, np.random.default_rng(seed))) for seed in range(20)}
    assert len(drawn & set(map(tuple, texts))) == 2  # drawn, both lines come


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda net: transformer.forward(net, np.zeros(11, int)), r"tokens has shape \(11,\), but must be 1 to 10"),
        (lambda net: transformer.forward(net, [0.5]), "whole numbers; cut it"),
        (lambda net: transformer.forward(net, [7]), "tokens holds 7 to 7, but must hold 0 to 6; recode"),
        (lambda net: transformer.loss_and_gradient(net, [1]), r"tokens has shape \(1,\), but must be 2 to 11 whole"),
        (lambda net: transformer.initialise(np.random.default_rng(0), 3, 4, width=5), "heads is 2, but must divide"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act(example()[0])
