"""Recurrent nets: PyTorch's outputs and gradients, masks, directions, carried states, and how fast gradients vanish."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import torch_sequences as truth
from ceteris.engine import precision
from ceteris.nets import GRU, LSTM, Elman, Recurrent
from ceteris.nets.cells import CELLS

SORTS = {"elman": {}, "lstm": {}, "gru": {}, "before": {"cell": "gru", "reset": "before"}}


def built(cell="lstm", in_size=3, width=4, key=0, **options):
    options = {"cell": cell, **SORTS.get(cell, {}), **options}
    net = Recurrent(in_size, width, key=jr.key(key), **options)
    return jax.tree.map(lambda a: a + 0.1 * jr.normal(jr.key(9), a.shape, a.dtype), net)


def with_torch_weights(kind):
    net, given = Recurrent(3, 4, kind, depth=2, bidirectional=True, key=jr.key(0)), {}
    for layer in range(2):
        for direction in range(2):
            at, w = f"layers__{layer}__{direction}", truth.part(f"{kind}/{layer}{direction}")
            given |= {f"{at}__entrance__weight": w["W"], f"{at}__entrance__bias": w["b"], f"{at}__recurrent": w["U"]}
            given |= {f"{at}__shift": w["shift"]} if kind == "gru" else {}
    return truth.replaced(net, **given)


@pytest.mark.parametrize("digits", truth.PRECISIONS)
@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
def test_two_layers_in_both_directions_on_unequal_lengths_are_torchs(kind, digits):
    with precision(digits):
        tolerance, stored = truth.PRECISIONS[digits], truth.part(kind)
        mask = jnp.arange(6) < stored["lengths"][:, None]
        # by hand for a batch, differentiated automatically one by one
        run = (lambda net, x: net(x, mask)) if digits == "double" else (lambda net, x: jax.vmap(net)(x, mask))
        outputs, d, (dx,) = truth.gradients(run, with_torch_weights(kind), stored["x"])
        truth.close(outputs, stored["outputs"], tolerance)
        truth.close(dx, stored["dx"], tolerance)
        for layer in range(2):
            for direction in range(2):
                cell, w = d.layers[layer][direction], truth.part(f"{kind}/{layer}{direction}")
                for found, name in ((cell.entrance.weight, "dW"), (cell.entrance.bias, "db"), (cell.recurrent, "dU")):
                    truth.close(found, w[name], tolerance)
                if kind == "gru":
                    truth.close(cell.shift, w["dshift"], tolerance)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_the_state_carried_on_is_torchs_after_the_last_element_there_is(kind):
    stored = truth.part(kind)
    mask = jnp.arange(6) < stored["lengths"][:, None]
    _, state = jax.jit(lambda net, x: net.read(x, mask=mask))(with_torch_weights(kind), stored["x"])
    for i in range(2 if kind == "lstm" else 1):
        found = [state[layer][direction][i] for layer in range(2) for direction in range(2)]
        truth.close(jnp.stack(found), stored[f"state{i}"], 1e-5)


@pytest.mark.parametrize(("name", "kind", "options"), [("before", "gru", SORTS["before"]), ("normalised", "lstm", {})])
def test_cells_torch_has_not_are_their_formulas_differentiated_by_it(name, kind, options):
    with precision("double"):
        tolerance, w = truth.PRECISIONS["double"], truth.part(name)
        net = Recurrent(3, 4, normalise=name == "normalised", key=jr.key(0), **{"cell": kind, **options})
        at = "layers__0__0"
        given = {f"{at}__entrance__weight": w["W"], f"{at}__entrance__bias": w["b"], f"{at}__recurrent": w["U"]}
        places = [f"{at}__norms__{i}__{p}" for i in range(2) for p in ("scale", "shift")]
        if name == "normalised":
            given |= {place: w[f"n{i}"] for i, place in enumerate(places)}
        outputs, d, (dx,) = truth.gradients(lambda net, x: net(x), truth.replaced(net, **given), w["x"])
        truth.close(outputs, w["outputs"], tolerance)
        truth.close(dx, w["dx"], tolerance)
        cell = d.layers[0][0]
        truth.close(cell.recurrent, w["dU"], tolerance)
        truth.close(cell.entrance.weight, w["dW"], tolerance)
        if name == "normalised":
            for i, place in enumerate(places):
                truth.close(truth._at(d, place), w[f"dn{i}"], tolerance)


@pytest.mark.parametrize("cell", ["lstm", "before"])  # by hand, and automatically
def test_padding_changes_nothing_whatever_it_holds(cell):
    net, x = built(cell, bidirectional=True), jr.normal(jr.key(1), (5, 3))
    expected, d_plain, (dx_plain,) = truth.gradients(lambda net, x: net(x), net, x)
    state = jax.jit(lambda net, x: net.read(x)[1])(net, x)
    read = lambda net, wide, mask: net.read(wide, mask=mask)
    for places in ((0, 1, 2, 3, 4), (2, 3, 5, 6, 7)):  # padded at the end; before and in between
        at = jnp.array(places)
        wide, mask = jnp.full((1, 8, 3), jnp.nan).at[0, at].set(x), jnp.zeros((1, 8), bool).at[0, at].set(True)
        run = lambda net, wide, at=at, mask=mask: read(net, wide, mask)[0][0, at]
        outputs, d, (dx,) = truth.gradients(run, net, wide)
        truth.close(outputs, expected, 1e-6)
        truth.close(dx[0, at], dx_plain, 1e-6)
        assert np.all(np.isfinite(dx))
        for one, other in zip(jax.tree.leaves(d), jax.tree.leaves(d_plain), strict=True):
            truth.close(one, other, 2e-6)
        outputs, carried = jax.jit(read)(net, wide, mask)
        assert np.all(outputs[~mask] == 0)
        for one, other in zip(jax.tree.leaves(carried), jax.tree.leaves(state), strict=True):
            truth.close(one[0], other, 1e-6)


@pytest.mark.parametrize("cell", SORTS)
def test_the_future_changes_the_past_by_no_bit(cell):
    net = built(cell)
    x = jr.normal(jr.key(1), (2, 9, 3))
    run = eqx.filter_jit(net)
    before, after = run(x), run(x.at[:, 6:].add(100.0))
    np.testing.assert_array_equal(before[:, :6], after[:, :6])
    assert np.all(np.any(before[:, 6:] != after[:, 6:], axis=-1))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize(("options", "share"), [({"depth": 2}, 1.0), ({"bidirectional": True, "truncate": 3}, 0.7)])
def test_a_batch_by_hand_is_each_sequence_differentiated_automatically(cell, options, share):
    net, x = built(cell, **options), jr.normal(jr.key(1), (2, 3, 7, 3))
    mask = jr.bernoulli(jr.key(2), share, (2, 3, 7)) if share < 1 else jnp.ones((2, 3, 7), bool)
    state = jax.tree.map(lambda a: jr.normal(jr.key(4), a.shape), net.start((2, 3)))
    run = lambda net, x, state: net.read(x, state, None if share == 1 else mask)[0]
    each = lambda net, x, state: jax.vmap(jax.vmap(lambda x, s, m: net.read(x, s, m)[0]))(x, state, mask)
    found, expected = (truth.gradients(f, net, x, state) for f in (run, each))
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        truth.close(one, other, 3e-6)


@pytest.mark.parametrize("cell", ["lstm", "before"])
def test_truncation_from_the_length_on_is_none_and_below_stops_at_each_window(cell):
    x = jr.normal(jr.key(1), (1, 8, 3))

    def reach(truncate):
        """How much the output at t moves with the element at s."""
        net = built(cell, truncate=truncate)
        return np.abs(jax.jit(jax.jacrev(lambda x: jnp.sum(net(x)[0], -1)))(x)[:, 0]).sum(-1)

    np.testing.assert_array_equal(reach(8), reach(None))
    np.testing.assert_array_equal(reach(None) > 0, np.tri(8))
    window = np.arange(8) // 3
    np.testing.assert_array_equal(reach(3) > 0, np.tri(8) * (window[:, None] == window))


@pytest.mark.parametrize("cell", SORTS)
def test_read_in_two_goes_is_read_in_one(cell):
    net, x = built(cell), jr.normal(jr.key(1), (3, 10, 3))
    read = eqx.filter_jit(net.read)
    outputs, state = read(x, net.start((3,)))
    first, middle = read(x[:, :5], net.start((3,)))
    second, last = read(x[:, 5:], middle)
    truth.close(jnp.concatenate([first, second], 1), outputs, 1e-6)
    for one, other in zip(jax.tree.leaves(last), jax.tree.leaves(state), strict=True):
        truth.close(one, other, 1e-6)


def test_a_gru_has_three_quarters_of_an_lstms_numbers():
    count = lambda cell: sum(leaf.size for leaf in jax.tree.leaves(cell))
    lstm, before, after = LSTM(7, 5, key=jr.key(0)), GRU(7, 5, "before", key=jr.key(0)), GRU(7, 5, key=jr.key(0))
    assert 4 * count(before) == 3 * count(lstm)  # as the script says, of the cell it prints
    assert count(after) == count(before) + 5  # the shift inside the reset
    assert count(lstm) == 4 * (5 * (5 + 7) + 5)


def test_first_weights_keep_norms_and_memory():
    for name in CELLS:
        U = CELLS[name](3, 8, key=jr.key(0)).recurrent
        for gate in jnp.split(U, U.shape[1] // 8, axis=1):
            np.testing.assert_allclose(gate.T @ gate, np.eye(8), atol=1e-5)
    np.testing.assert_array_equal(LSTM(3, 2, key=jr.key(0)).entrance.bias, [0, 0, 1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(LSTM(3, 2, forget=0.0, key=jr.key(0)).entrance.bias, np.zeros(8))


@pytest.mark.parametrize("radius", [0.8, 1.0, 1.15])
def test_gradients_vanish_and_explode_at_the_spectral_radius(radius):
    # h_T of a linear recurrent net moves with h_k as W^(T-k); after a while its norm grows by the radius a step
    cell = Elman(1, 6, "identity", key=jr.key(0))
    W = jr.normal(jr.key(1), (6, 6))
    W = W * radius / np.abs(np.linalg.eigvals(W)).max()
    net = eqx.tree_at(lambda n: n.layers[0][0], Recurrent(1, 6, "elman", key=jr.key(0)), cell)
    net = eqx.tree_at(lambda n: n.layers[0][0].recurrent, net, W)
    states = jax.jit(jax.jacrev(lambda h: net.read(jnp.zeros((40, 1)), (((h,),),))[0]))(jnp.ones(6))
    norms = [np.linalg.norm(d, 2) for d in states[19:]]
    slope = np.polyfit(np.arange(21), np.log(norms), 1)[0]
    assert slope == pytest.approx(np.log(radius), abs=0.05)  # complex eigenvalues make the norm wave


def test_dropout_between_layers_and_nowhere_else():
    x = jr.normal(jr.key(1), (2, 6, 3))
    net = built(depth=2, dropout=0.5)
    first = lambda net: jax.jit(lambda x: net.read(x, key=jr.key(1))[0])(x)
    assert np.any(first(net) != first(built(depth=2)))
    np.testing.assert_array_equal(first(built(dropout=0.5)), first(built()))


def test_wrong_settings_are_answered_in_a_sentence():
    with pytest.raises(ValueError, match="cell is 'lstn', but must be one of elman, gru, lstm; did you mean 'lstm'"):
        Recurrent(3, 4, "lstn", key=jr.key(0))
    with pytest.raises(ValueError, match="reset is 'never', but must be one of after, before"):
        Recurrent(3, 4, "gru", reset="never", key=jr.key(0))
    with pytest.raises(ValueError, match="depth is 0, but must be a whole number of at least 1"):
        Recurrent(3, 4, depth=0, key=jr.key(0))
    with pytest.raises(ValueError, match="truncate is 0, but must be None or a whole number of at least 1"):
        Recurrent(3, 4, truncate=0, key=jr.key(0))
    with pytest.raises(ValueError, match="last axis must have the net's 3 inputs"):
        Recurrent(3, 4, key=jr.key(0))(jnp.ones((5, 2)))
