"""Time iteration by regression on random features, and policies that look one period ahead."""

from dataclasses import replace
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.engine import Checkpoint
from ceteris.engine.devices import precision
from ceteris.equilibrium import OverParameters, Recipe, load, solve, solve_many
from ceteris.equilibrium.models.growth import Growth
from ceteris.equilibrium.models.olg import OLG
from ceteris.equilibrium.policy import act, finished, learnt_alone
from ceteris.equilibrium.regression import Regression, regressed
from ceteris.nets import RandomFeatures

SMALL = (Regression(rounds=30, features=60, states=600, ridge=1e-7), Regression(rounds=8, features=200, states=2000))
ROUGH = [replace(SMALL[0], rounds=10)]


@pytest.fixture(scope="module")
def six():
    """Six cohorts."""
    return solve(OLG(N=6), phases=SMALL, widths=(200,))


@pytest.fixture(scope="module")
def rough():
    """Six cohorts with a few features, in seconds."""
    return solve(OLG(N=6), phases=ROUGH, widths=(60,))


def test_the_regression_is_weighted_least_squares():
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(80, 4)), rng.normal(size=(80, 2)), rng.uniform(0.3, 5, 80)
    with precision("double"):
        found = regressed(jnp.asarray(x), jnp.asarray(y), 0.0, jnp.asarray(w))
    root = np.sqrt(w)[:, None]
    np.testing.assert_allclose(found, np.linalg.lstsq(x * root, y * root, rcond=None)[0], rtol=1e-8)


class OnlyTheYoungWork(OLG):
    """Log utility and no labour later: savings are shares of cash in closed form (Krueger and Kubler 2004)."""

    gamma: float = 1.0
    N: int = 3

    ranges: ClassVar = {}

    @property
    def labour(self):
        return jnp.asarray([1.0, 0.0, 0.0], float)

    def admissible(self, s):
        return s.k.sum() > 0.01


@pytest.mark.slow
def test_savings_are_those_of_the_closed_form():
    solution = solve(OnlyTheYoungWork(), phases=SMALL, widths=(200,))
    beta, left = 0.95, np.array([3, 2])
    truth = beta * (1 - beta ** (left - 1)) / (1 - beta**left)
    paths = solution.simulate(50, 2, seed=3, burn_in=50)

    @precision("double")
    def gap(policy):
        states = jax.tree.map(lambda a: jnp.asarray(a).reshape(100, *a.shape[2:]), paths.states)
        k1 = eqx.filter_jit(lambda policy, s: jax.vmap(lambda s: act(solution.model, policy, s).k1)(s))(policy, states)
        return np.abs(k1 / jax.vmap(solution.model.cash)(states)[:, :2] - truth).max()

    # 200 features give about 1e-4; looking ahead, what is wrong tomorrow counts for about one half today
    assert gap(learnt_alone(solution.hypothesis)) < 1e-3
    assert gap(solution.hypothesis) < 0.7 * gap(learnt_alone(solution.hypothesis))


@pytest.mark.slow
def test_six_cohorts_are_solved(six):
    assert six.met, six.sentence
    assert (six.simulate(200, 2, seed=1).definitions.binding).mean() > 0.01  # and the limit binds now and then


def test_a_solution_that_looks_ahead_comes_back_as_it_was(rough, tmp_path):
    rough.save(tmp_path / "rough")
    again = load(tmp_path / "rough")
    s = {"z": 1, "k": np.asarray(rough.states.k[0])}
    np.testing.assert_array_equal(again.policy(s)["c"], rough.policy(s)["c"])
    assert again.hypothesis.ahead is not None


@pytest.mark.slow
@pytest.mark.parametrize(("features", "rtol"), [(200, 1e-6), (60, 3e-2)])
def test_another_solution_is_a_start(six, features, rtol, tmp_path):
    # a share of nothing changes nothing; fewer features answer as closely as they can
    more = solve(OLG(N=6), phases=[Regression(rounds=1, features=features, states=500, share=0.0)], start=six)
    s = {"z": 1, "k": np.asarray(six.states.k[0])}
    np.testing.assert_allclose(more.policy(s)["c"], six.policy(s)["c"], rtol=rtol)
    more.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).policy(s)["c"], more.policy(s)["c"])


def test_a_start_of_other_widths_is_refused(rough):
    with pytest.raises(ValueError, match=r"widths: \(50,\) was given, but the solution to start from has \(60,\)"):
        solve(OLG(N=6), start=rough, widths=(50,))


def test_a_phase_killed_on_its_way_ends_where_an_uninterrupted_one_does(rough, tmp_path, monkeypatch):
    record, calls = Checkpoint.record, []

    def killed(self, run):
        self.seconds = 0.0  # keep every chunk
        record(self, run)
        calls.append(run)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "record", killed)
    solve(OLG(N=6), phases=ROUGH, widths=(60,), out=tmp_path / "run")
    monkeypatch.setattr(Checkpoint, "record", record)
    assert (tmp_path / "run" / "phase-0.safetensors").exists()
    again = solve(OLG(N=6), phases=ROUGH, widths=(60,), out=tmp_path / "run")
    s = {"z": 1, "k": np.asarray(rough.states.k[0])}
    np.testing.assert_array_equal(again.policy(s)["c"], rough.policy(s)["c"])


@pytest.mark.slow
def test_single_precision_comes_close(six):
    single = solve(OLG(N=6), phases=SMALL, widths=(200,), precision="single", tolerance=3e-3)
    assert single.met, single.sentence


def test_models_that_do_not_look_ahead_keep_their_policy():
    policy = object()
    assert finished(policy, None, looks_ahead=False) is policy


def test_a_model_without_a_target_is_refused():
    class Blind(Growth):
        def recipe(self):
            return Recipe(hypothesis=RandomFeatures)

    with pytest.raises(ValueError, match="target: Blind has none, but Regression and looks_ahead need to know"):
        solve(Blind(), phases=[Regression(rounds=1, states=100)], widths=(8,))


class Misnamed(OLG):
    def target(self, s, a, E):
        return {"room": super().target(s, a, E)["room"]}


def test_a_target_that_leaves_out_an_output_is_refused():
    with pytest.raises(ValueError, match=r"Misnamed: target returned \{'room': \(4, 4\)\}, but the network's outputs"):
        solve(Misnamed(N=5))


class Perceptron(OLG):
    def recipe(self):
        return Recipe(looks_ahead=True)


def test_a_network_that_is_not_linear_in_what_is_learnt_is_refused():
    with pytest.raises(ValueError, match="Regression needs a network of RandomFeatures, but that of Perceptron is MLP"):
        solve(Perceptron(N=5), phases=[Regression(rounds=1)], widths=(8,))


@pytest.mark.slow
def test_calibrations_are_solved_side_by_side():
    found = solve_many(OLG(N=6), {"beta": [0.94, 0.96]}, phases=SMALL[:1], widths=(60,), tolerance=1e-9)
    alone = solve(OLG(N=6, beta=0.96), phases=SMALL[:1], widths=(60,), tolerance=1e-9)
    s = {"z": 1, "k": np.asarray(alone.states.k[0])}
    low, high = (solution.policy(s)["c"] for solution in found)
    # other draws and sixty features: a thousandth apart; the two betas are further from each other
    np.testing.assert_allclose(high, alone.policy(s)["c"], rtol=1e-3)
    assert np.abs(low / high - 1).max() > 2e-3


def test_parameters_as_states_are_refused_where_a_target_is_needed():
    with pytest.raises(ValueError, match="residuals returns 5 numbers"):
        solve(OverParameters(OLG(N=6), {"beta": (0.94, 0.96)}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rounds": 0}, "Regression: rounds is 0, but must be at least 1"),
        ({"features": -5}, "Regression: features is -5, but must be at least 1"),
        ({"share": 1.5}, "Regression: share is 1.5 and ridge 1e-09, but a share between 0 and 1"),
        ({"ridge": -1.0}, "Regression: share is 0.5 and ridge -1.0, but a share between 0 and 1"),
    ],
)
def test_impossible_rounds_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Regression(**options)


def test_more_than_one_layer_is_refused():
    with pytest.raises(ValueError, match=r"widths: \(32, 32\) was given, but RandomFeatures is one layer"):
        solve(OLG(N=6), widths=(32, 32))


class Seer(Growth):
    def recipe(self):
        return Recipe(looks_ahead=True)


def test_looking_ahead_without_a_target_is_refused_before_any_work():
    with pytest.raises(ValueError, match="target: Seer has none, but Regression and looks_ahead need to know"):
        solve(Seer())
