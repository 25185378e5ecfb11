"""States that economies come to: drawn on the host, simulated by one program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris import keys
from ceteris.engine import precision
from ceteris.equilibrium import Markov, Model, Normal
from ceteris.equilibrium.expectation import GaussHermite
from ceteris.equilibrium.model import start_states, traced
from ceteris.equilibrium.models.growth import Growth
from ceteris.equilibrium.point import as_point
from ceteris.equilibrium.policy import compiled_quickly, errors_at
from ceteris.equilibrium.simulate import (
    BLOCK,
    SEGMENT,
    Economies,
    follow,
    luck_of,
    sampled,
    shocks_of,
    simulated,
    starts_of,
    walk,
)


class Drift(Model):
    """An autoregression beside a chain; what wanders beyond 3 is not admitted."""

    rho: float = 0.9
    limit: float = 1e9

    def shocks(self):
        return {"eps": Normal(), "z": Markov([[0.9, 0.1], [0.3, 0.7]], state="z")}

    def outputs(self):
        return {"y": ()}

    def actions(self, raw, s):
        return {"y": raw.y}

    def move(self, s, a, shock):
        return {"x": self.rho * s.x + shock.eps, "z": shock.z}

    def residuals(self, s, a, E):
        return {"none": a.y}

    def start(self, key):
        return {"x": 0.1 * jax.random.normal(key), "z": 0}

    def admissible(self, s):
        return jnp.abs(s.x) < self.limit


def nothing(x):
    return jnp.zeros(1)


def drifting(n=200, **parameters):
    model = traced(Drift(**parameters))
    return Economies(model, nothing, starts_of(model, keys.key(0), n))


def test_visited_states_have_the_moments_of_their_law():
    with precision("double"):
        _, settled = simulated(drifting(), keys.key(1), 2 * SEGMENT)
        states, _ = sampled(drifting()._replace(states=settled), keys.key(2), 8_000, spacing=25)
    # 8,000 states, hardly correlated after 25 periods: standard errors of .026 for the mean and .5 / 8000^.5 for z
    assert np.asarray(states.x).mean() == pytest.approx(0, abs=0.11)
    assert np.asarray(states.x).var() == pytest.approx(1 / (1 - 0.9**2), rel=0.07)
    assert np.asarray(states.z).mean() == pytest.approx(0.25, abs=0.02)  # .1 / (.1 + .3)


def test_spacing_is_how_far_apart_visits_are():
    with precision("double"):
        economies = drifting()
        seen, last = simulated(economies, keys.key(3), 70)  # more than a segment, and not two
        some, end = sampled(economies, keys.key(3), 500, spacing=20)
    assert seen.x.shape == (70, 200)
    assert np.array_equal(seen.x[-1], last.x)
    by_hand = seen.x[[19, 39, 59]].reshape(-1)[:500]  # 60 of the 70 periods, with the same luck in the first segment
    assert np.array_equal(by_hand, some.x)
    assert np.array_equal(end.x, seen.x[59])


def test_each_period_follows_from_the_one_before():
    with precision("double"):
        model, states = traced(Drift()), drifting(5).states
        luck = luck_of(model.shocks(), np.random.default_rng(0), (SEGMENT, 5))
        last, seen, lost = follow(model, nothing, states, luck, states, np.asarray(7), np.asarray(True))
    x = np.asarray(states.x)
    for t in range(7):
        x = 0.9 * x + luck["eps"][t]
        assert np.allclose(seen.x[t], x, rtol=1e-12)
    assert np.allclose(last.x, x, rtol=1e-12)
    assert not np.any(seen.x[7:])
    assert not np.any(lost)


def test_a_lost_path_goes_on_from_a_start_unless_it_is_to_be_seen():
    with precision("double"):
        economies = drifting(limit=3.0)
        seen, _ = simulated(economies, keys.key(4), 300)
        luck = luck_of(economies.model.shocks(), np.random.default_rng(0), (SEGMENT, 200))
        given = economies.model, nothing, economies.states, luck, economies.states, np.asarray(SEGMENT)
        _, free, lost = follow(*given, np.asarray(False))
    assert np.abs(seen.x).max() < 3.0
    again = np.abs(seen.x[1:] - 0.9 * seen.x[:-1]) > 5  # from beyond 3 back to a start would need a shock of 5
    assert not again.any()
    assert np.abs(np.asarray(free.x)).max() > 3.0
    assert np.array_equal(np.asarray(lost), np.abs(np.asarray(free.x)) >= 3.0)


def test_members_are_simulated_as_if_alone():
    with precision("double"):
        each = [traced(Drift(rho=rho)) for rho in (0.5, 0.9)]
        starts = [starts_of(model, keys.key(0), 30) for model in each]
        stack = lambda *a: jax.device_put(np.stack(a)) if np.ndim(a[0]) or hasattr(a[0], "dtype") else a[0]
        model, states = (jax.tree.map(stack, *several) for several in (each, starts))
        both = Economies(model, nothing, states, 2)
        seen, _ = simulated(both, keys.key(5), 40)
        for i, own in enumerate(keys.apart(keys.key(5), 2)):
            alone, _ = simulated(Economies(each[i], nothing, starts[i]), own, 40)
            assert np.allclose(seen.x[i], alone.x, rtol=1e-12)
            assert np.array_equal(seen.z[i], alone.z)


def test_starts_are_the_models_own_whatever_their_number():
    with precision("double"):
        model = traced(Drift())
        many = starts_of(model, keys.key(6), 20 * BLOCK + 7)
    assert many.x.shape == (20 * BLOCK + 7,)
    assert np.unique(np.asarray(many.x)).size == 20 * BLOCK + 7  # no block is drawn twice
    assert np.asarray(many.x).std() == pytest.approx(0.1, rel=0.07)


def test_luck_from_a_key_and_from_the_host_have_the_same_law():
    with precision("double"):
        shocks = Drift().shocks()
        from_key = luck_of(shocks, keys.key(7), (20_000,))
        on_host = luck_of(shocks, np.random.default_rng(7), (20_000,))
        s = as_point("state", {"x": 0.0, "z": 1})
        for luck in (from_key, on_host):
            assert np.std(luck["eps"]) == pytest.approx(1, rel=0.02)
            z = jax.vmap(lambda given: shocks_of(Drift(), s, given).z)(jax.tree.map(jnp.asarray, luck))
            assert float(z.mean()) == pytest.approx(0.7, abs=0.014)  # row 1 of the chain; four standard errors


def test_a_walk_in_compiled_code_obeys_the_law():
    with precision("double"):
        model = traced(Drift())
        states = compiled_quickly(start_states)(model, keys.key(8), 400)
        _, seen = compiled_quickly(walk)(model, nothing, states, keys.key(9), 200)
    x = np.asarray(seen.x)
    shocks = x[1:] - 0.9 * x[:-1]
    assert shocks.std() == pytest.approx(1, rel=0.02)
    assert abs(np.corrcoef(shocks[1:].ravel(), shocks[:-1].ravel())[0, 1]) < 0.015  # four standard errors


def test_errors_are_those_of_the_closed_form_whether_compiled_fast_or_to_run_fast():
    class Wide(Growth):
        """With so many idle states that its programs are compiled to run fast."""

        def start(self, key):
            return {**super().start(key), "idle": jnp.zeros(20)}

        def move(self, s, a, shock):
            return {**super().move(s, a, shock), "idle": s.idle}

    level = np.log(0.36 * 0.99 / (1 - 0.36 * 0.99))

    with precision("double"):
        for kind in (Growth, Wide):
            model = traced(kind(delta=1.0))
            raw = lambda x: jnp.array([level - jnp.log(model.saving_rate() / (1 - model.saving_rate()))])  # noqa: B023
            states = starts_of(model, keys.key(0), 10)
            found = errors_at(model, raw, states, GaussHermite(5))
            assert np.abs(found.euler).max() < 1e-12  # C = (1 - αβ) e^z K^α solves the equation exactly
