"""Players take turns, each on its own block."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from ceteris.recipe import Fixed, Loss, Play, optimiser

KEY = jr.key(0)
A, B = 0.1, 0.2  # rates of the two


def start(key):
    return {"low": jnp.array(1.0), "high": jnp.array([2.0])}


def low(m, batch, key):
    return (m["low"] * m["high"][0] + m["low"] ** 2), {}


def high(m, batch, key):
    return -m["low"] * m["high"][0], {}


def game(turns=("low", "high"), **options):
    parts = {
        "objectives": {"low": Loss(low), "high": Loss(high)},
        "optimisers": {"low": eqx.Partial(optax.sgd, A), "high": eqx.Partial(optax.sgd, B)},
    }
    return Play(start, **(parts | options), sampler=Fixed(jnp.zeros(1)), turns=turns)


@pytest.mark.parametrize("turns", [("low", "high"), ("high", "low"), ("high", "high", "low")])
def test_players_move_in_turn_and_see_the_move_before(turns):
    rule = game(turns)
    state, info = rule.step(rule.init(KEY), KEY, None)
    x, y, losses = 1.0, 2.0, {}
    for player in turns:
        losses[player] = x * y + x**2 if player == "low" else -x * y
        x, y = (x - A * (y + 2 * x), y) if player == "low" else (x, y + B * x)
    assert np.isclose(state.model["low"], x)
    assert np.isclose(state.model["high"][0], y)
    assert np.isclose(info["low"], losses["low"])
    assert np.isclose(info["high"], losses["high"])
    assert np.isclose(info["loss"], sum(losses.values()))


def test_one_player_stops_the_round_for_all():
    def high_until(m, batch, key):
        return -m["low"] * m["high"][0], {"stop": m["high"][0] > batch[0]}

    rounds = {"low": Loss(low), "high": Loss(high_until)}
    for bound, made in ((3.0, 1), (1.0, 0)):
        rule = game(objectives=rounds)
        rule = eqx.tree_at(lambda r: r.sampler, rule, Fixed(jnp.array([bound])))
        state, info = rule.step(rule.init(KEY), KEY, None)
        assert info["updates"] == made
        assert sorted(info) == ["high", "high_gradient_norm", "loss", "low", "low_gradient_norm", "updates"]
        assert (state.model["low"] != 1.0) == made == (state.model["high"][0] != 2.0)


def test_a_player_with_rate_zero_stays():
    rule = game(optimisers={"low": eqx.Partial(optax.sgd, A), "high": eqx.Partial(optax.sgd, 0.0)})
    state, _ = rule.step(rule.init(KEY), KEY, None)
    assert state.model["high"].tolist() == [2.0], "the loss of one player moved the block of the other"
    assert state.model["low"] != 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"turns": ("low",)},
            r"objectives name \['high', 'low'\], optimisers \['high', 'low'\] and turns \['low'\]; all",
        ),
        ({"objectives": {"low": Loss(low)}}, r"objectives name \['low'\].* must name the same players"),
        ({"optimisers": {"low": eqx.Partial(optax.sgd, A)}}, r"optimisers \['low'\] and turns \['high', 'low'\]"),
    ],
)
def test_the_players_must_agree(options, message):
    with pytest.raises(ValueError, match=f"Play: .*{message}"):
        game(**options)


def test_running_statistics_and_metrics_of_a_player_are_kept():
    def count(model, batch, key):
        buffers = {"one": {"weight": None, "seen": model["one"]["seen"] + 1}, "two": {"weight": None, "seen": None}}
        return model["one"]["weight"] ** 2, {"buffers": buffers, "size": jnp.abs(model["one"]["weight"])}

    def other(model, batch, key):
        return model["two"]["weight"] ** 2, {}

    block = lambda: {"weight": jnp.array(1.0), "seen": jnp.array(0)}
    rule = optimiser("sgd", 0.25)
    game = Play(
        lambda key: {"one": block(), "two": block()},
        {"one": Loss(count), "two": Loss(other)},
        {"one": rule, "two": rule},
        Fixed(jnp.zeros(1)),
        turns=("one", "two"),
    )
    state, info = game.step(game.init(jr.key(0)), jr.key(1), None)
    assert int(state.model["one"]["seen"]) == 1
    assert int(state.model["two"]["seen"]) == 0
    assert float(info["one_size"]) == 1.0
    assert float(state.model["one"]["weight"]) == 0.5  # 1 - 0.25 x 2


def test_a_player_may_use_a_line_search_and_none_is_called_loss():
    def quadratic(model, batch, key):
        return (model["a"] - 3.0) ** 2, {}

    make = lambda name: Play(
        lambda key: {name: jnp.array(0.0)},
        {name: Loss(quadratic)},
        {name: optimiser("lbfgs")},
        Fixed(jnp.zeros(1)),
        (name,),
    )
    game = make("a")
    state, _ = game.step(game.init(jr.key(0)), jr.key(1), None)
    state, _ = game.step(state, jr.key(2), None)
    assert abs(float(state.model["a"]) - 3.0) < 1e-4  # a quadratic in one dimension: the second step is Newton's
    with pytest.raises(ValueError, match="a player is called 'loss'"):
        make("loss")
