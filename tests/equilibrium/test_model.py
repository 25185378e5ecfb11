"""What a model may get wrong, found before any work, in the model's own words."""

import re
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.engine import precision
from ceteris.equilibrium import (
    Markov,
    Model,
    Normal,
    Polish,
    TimeIteration,
    check_model,
    named,
    solve,
    with_parameters,
)
from ceteris.equilibrium.commands import sizes
from ceteris.equilibrium.contract import refuse_broken
from ceteris.equilibrium.declared import UNTOLD, declared, settings
from ceteris.equilibrium.expectation import default_rule
from ceteris.equilibrium.library import LIBRARY, declared_by_name
from ceteris.equilibrium.linearise import linearise
from ceteris.equilibrium.model import parameters
from ceteris.equilibrium.models.consumption_saving import ConsumptionSaving, rouwenhorst
from ceteris.equilibrium.models.growth import Growth, GrowthLabour
from ceteris.equilibrium.models.irbc import IRBC
from ceteris.equilibrium.point import Point, as_point, continuous, names_of, with_continuous


class Tiny(Model):
    """c + k' = k^α, log utility, no risk: a share αβ is saved. Broken in one way by each subclass."""

    beta: float = 0.9
    alpha: float = 0.3

    ranges: ClassVar = {"beta": (0, 1)}

    def shocks(self):
        return {}

    def outputs(self):
        return {"share": ()}

    def actions(self, raw, s):
        k1 = jax.nn.sigmoid(raw.share) * s.k**self.alpha
        return {"k1": k1, "c": s.k**self.alpha - k1}

    def move(self, s, a, shock):
        return {"k": a.k1}

    def residuals(self, s, a, E):
        return {"euler": 1 - E(lambda s1, a1: self.beta * self.alpha * s1.k ** (self.alpha - 1) * a.c / a1.c)}

    def start(self, key):
        return {"k": 0.2}

    def steady_state(self):
        return {"k": (self.alpha * self.beta) ** (1 / (1 - self.alpha))}


class WrongName(Tiny):
    def residuals(self, s, a, E):
        return {"euler": s.capital}


class WrongState(Tiny):
    def move(self, s, a, shock):
        return {"kk": a.k1}


class WrongShape(Tiny):
    def move(self, s, a, shock):
        return {"k": jnp.stack([a.k1, a.k1])}


class NoDictionary(Tiny):
    def move(self, s, a, shock):
        return a.k1


class NegativeConsumption(Tiny):
    def actions(self, raw, s):
        c = -1.0 + raw.share
        return {"k1": s.k, "c": c**0.5}


class TooFewEquations(Tiny):
    def outputs(self):
        return {"share": (), "more": (2,)}


class ChainWithoutState(Tiny):
    def shocks(self):
        return {"z": Markov(np.eye(2), state="z")}


class NoShock(Tiny):
    def shocks(self):
        return {"z": 0.3}


class InfiniteStart(Tiny):
    def start(self, key):
        return {"k": jnp.nan}


class InfiniteInputs(Tiny):
    def inputs(self, s):
        return jnp.log(-s.k)[None]


class InfiniteTomorrow(Tiny):
    def move(self, s, a, shock):
        return {"k": jnp.log(a.k1 - 10)}


class InfiniteResidual(Tiny):
    def residuals(self, s, a, E):
        return {"euler": jnp.log(-a.c)}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (WrongName, "state 'capital' is not known; the states are k"),
        (WrongState, r"WrongState.move returned the states kk, but the states are k"),
        (WrongShape, r"WrongShape.move returned state 'k' with shape \(2,\), but start gave it shape \(\)"),
        (NoDictionary, "a dictionary of name and value is needed"),
        (NegativeConsumption, "action 'c' is nan at the starting state with raw outputs of zero"),
        (TooFewEquations, r"residuals returns 1 numbers \(euler\) for 3 unknown outputs \(share, more\)"),
        (ChainWithoutState, "a Markov shock names the state 'z', but the states are k"),
        (NoShock, "shock 'z' is float, but must be Normal"),
        (InfiniteStart, "start gives state 'k' the value nan"),
        (InfiniteInputs, "inputs returned .* but a vector of finite numbers is needed"),
        (InfiniteTomorrow, "move leads from the starting state to a value of 'k' that is not finite"),
        (InfiniteResidual, "equation 'euler' is nan"),
    ],
)
def test_a_broken_model_is_refused_before_any_work(model, message):
    with pytest.raises((ValueError, TypeError, AttributeError), match=message):
        solve(model())
    first = check_model(model())[0]
    assert first.passed is False


def test_a_sound_model_passes_every_check():
    assert all(check.passed for check in check_model(Tiny()))


class Kinked(Tiny):
    def residuals(self, s, a, E):
        return {"euler": jnp.sqrt(a.c - a.c)}


class Leaves(Tiny):
    def admissible(self, s):
        return s.k < 0.0


class Overspends(Tiny):
    """Consumption has no bound: at random raw outputs more is eaten than there is."""

    def actions(self, raw, s):
        c = (1 - self.alpha * self.beta) * s.k**self.alpha * jnp.exp(raw.share)
        return {"k1": s.k**self.alpha - c, "c": c}


class Borrows(Overspends):
    """The same, and nothing that depends on the state notices."""

    def actions(self, raw, s):
        c = 0.7 * jnp.exp(raw.share)
        return {"k1": 1.0 - c, "c": c}

    def residuals(self, s, a, E):
        return {"euler": 1 - E(lambda s1, a1: a.c / a1.c)}

    def steady_state(self):
        return None


class Unsound(Tiny):
    """What is drawn at first has no consumption: the logarithm of a number that is not positive."""

    def start(self, key):
        return {"k": jnp.where(jax.random.uniform(key) < 0.5, 0.2, 0.9)}

    def residuals(self, s, a, E):
        return {"euler": jnp.log(0.8 - s.k)}


def test_check_tells_where_training_begins_from_where_it_may_come_and_shows_the_state():
    found = {check.name: check for check in check_model(Overspends())}
    # what solve solves is not failed for points to which its policy never goes
    assert all(check.passed is not False for check in found.values())
    domain = found["the transition stays in its domain"]
    assert domain.passed is None
    assert re.search(r"k, positive in every start, becomes negative: from k = 0\.\d+ to k = -0\.\d+", domain.sentence)
    assert "admissible(s) return s.k > 0" in domain.sentence
    actions_ = found["actions are finite"]
    assert re.match(r"action 'k1' is nan at k = -0\.\d+: so at .* % of the states at random raw", actions_.sentence)
    assert "at none where training begins. `solve` stops if its policy comes there; bound it" in actions_.sentence
    assert solve(Overspends(), phases=[Polish(80, 25)], tolerance=1e-4).met

    domain = {check.name: check for check in check_model(Borrows())}["the transition stays in its domain"]
    assert domain.passed is None
    assert "`solve` takes that for a state like any other" in domain.sentence

    unsound = {check.name: check for check in check_model(Unsound())}["residuals are finite"]
    assert unsound.passed is False
    assert "equation 'euler' is nan at k = 0.9: so at" in unsound.sentence
    assert "where training begins. `solve` stops there" in unsound.sentence


class NumPyLog(Tiny):
    def residuals(self, s, a, E):
        c = a.c
        return {"euler": np.log(c)}


class PythonIf(Tiny):
    def actions(self, raw, s):
        if s.k > 0.1:
            return {"k1": 0.1, "c": 0.2}
        return {"k1": 0.1, "c": 0.1}


class PythonFloat(Tiny):
    def definitions(self, s, a):
        return {"wage": float(s.k)}


class PythonMin(Tiny):
    def move(self, s, a, shock):
        return {"k": min(a.k1, 1.0)}


class Chained(Tiny):
    def admissible(self, s):
        return 0 < s.k < 1


class Undefined(Tiny):
    def move(self, s, a, shock):
        return {"k": a.k1 + shift}  # noqa: F821  # pyright: ignore[reportUndefinedVariable]


@pytest.mark.parametrize(
    ("model", "method", "line", "words"),
    [
        (NumPyLog, "residuals", 2, r"`np\.log\(c\)` calls np\.log, which wants numbers, but .*; write jnp\.log\.$"),
        (PythonIf, "actions", 1, r"`s\.k > 0\.1` must be true or false, but .*; write jnp\.where\(condition, a, b\)"),
        (PythonFloat, "definitions", 1, r"`float\(s\.k\)` asks for the number, but .*; leave float\(\.\.\.\) out\.$"),
        (PythonMin, "move", 1, r"`min\(a\.k1, 1\.0\)` must be true or false, but .*; write jnp\.minimum\.$"),
        (Chained, "admissible", 1, r"`0 < s\.k < 1` must be true or false, but .*; write &, \| and ~ between"),
        (WrongName, "residuals", 1, r"\(`s\.capital`\): state 'capital' is not known; the states are k"),
        (Undefined, "move", 1, r"\(`shift`\): name 'shift' is not defined"),
    ],
)
def test_what_python_does_wrong_in_a_model_is_told_with_its_method_and_line(model, method, line, words):
    at = getattr(model, method).__code__.co_firstlineno + line
    wanted = rf"^{model.__name__}\.{method}, line {at}:? {words}"
    with pytest.raises((TypeError, ValueError), match=wanted) as raised:
        solve(model())
    assert "Tracer" not in str(raised.value)
    check = check_model(model())[0]
    assert check.passed is False
    assert re.match(wanted, check.sentence)


def test_what_only_random_points_reveal_is_explained():
    failed = lambda model: {check.name: check.sentence for check in check_model(model) if check.passed is False}
    assert "root or power" in failed(Kinked())["gradients are finite"]
    assert "0 % of the successors" in failed(Leaves())["the transition stays in its domain"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Growth(beta=1.0), "Growth: beta is 1, but must be above 0 and below 1"),
        (lambda: Growth(sigma=-0.1), "sigma is -0.1, but must be above 0; change sigma"),
        (lambda: ConsumptionSaving(R=1.06), "beta R is 1.007, but must be below 1"),
        (lambda: with_parameters(Growth(), bta=0.9), "has no parameter 'bta'; did you mean 'beta'. Its parameters are"),
        (lambda: Growth(bta=0.9), "Growth has no parameter 'bta'; did you mean 'beta'. Its parameters are beta, alpha"),
        (lambda: named("growth", bta=0.9), "Growth has no parameter 'bta'; did you mean 'beta'"),
        (lambda: Growth(xyz=0.9), "Growth has no parameter 'xyz'; its parameters are beta, alpha"),
        (lambda: named("grwth"), "did you mean 'growth'"),
        (lambda: named("nowhere.py:Model"), "there is no file nowhere.py"),
        (lambda: settings("Growth", parameters(Growth()), ["beta"]), "NAME=VALUE is needed"),
        (
            lambda: settings("Growth", parameters(Growth()), ["beta=much"]),
            "--set: beta=much was given, but beta is a float",
        ),
        (lambda: solve(Growth(), tolerance=(1e-3, 1e-5)), "one positive number is needed, or two"),
        (lambda: solve(Growth(), phases=[]), "at least one phase is needed"),
    ],
)
def test_wrong_parameters_and_names_are_refused(make, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        make()


def test_a_file_without_the_class_says_which_it_has(tmp_path):
    (tmp_path / "mine.py").write_text("from ceteris.equilibrium.models.growth import Growth\n")
    with pytest.raises(ValueError, match="has no model 'Grwth'; it has Growth"):
        named(f"{tmp_path}/mine.py:Grwth")


def test_values_from_the_command_line_take_the_type_of_the_parameter():
    assert settings("IRBC", parameters(IRBC()), ["countries=5", "irreversible=true", "beta=0.98"]) == {
        "countries": 5, "irreversible": True, "beta": 0.98,
    }  # fmt: skip


@pytest.mark.parametrize("name", LIBRARY)
def test_what_is_told_of_a_model_of_the_library_without_making_it_is_so(name):
    model = named(name)
    assert sizes(model) == (LIBRARY[name].states, LIBRARY[name].unknowns)
    kind, found = declared_by_name(name)
    assert kind == type(model).__name__
    assert found is not None
    told = {label: value for label, value in found.items() if value is not UNTOLD}
    assert list(found) == list(parameters(model))
    assert {**parameters(model), **told, **LIBRARY[name].changes} == parameters(model)


def test_what_the_text_of_a_file_does_not_tell_is_left_to_the_class(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from ceteris.equilibrium import Model\nimport other\n"
        "class Base(Model):\n    a: float = 1 / 3\nclass Mine(Base):\n    b: int = 2\n"
        "class Other(other.Base):\n    c: float = 1.0\n"
        "class Own(Model):\n    c: float = 1.0\n    def __init__(self, d): self.c = d\n"
    )
    found = declared(tmp_path / "mine.py", "Mine")
    assert found == {"a": UNTOLD, "b": 2}
    assert [declared(tmp_path / "mine.py", kind) for kind in ("Other", "Own", "None")] == [None, None, None]
    (tmp_path / "mine.py").write_text("class Mine(")
    assert declared(tmp_path / "mine.py", "Mine") is None


def test_a_point_reads_like_the_paper_and_flattens():
    s = as_point("state", {"z": jnp.array(1), "k": jnp.array([2.0, 3.0]), "a": 4.0})
    assert names_of(s) == ["k[0]", "k[1]", "a"]
    np.testing.assert_allclose(continuous(s), [2, 3, 4])
    moved = with_continuous(s, continuous(s) + 1)
    assert int(moved.z) == 1
    assert float(moved.a) == 5.0
    assert jax.tree.map(lambda x: x, s).k[1] == 3.0
    assert s["a"] == s.a
    assert s.replace(a=1.0).a == 1.0
    assert "state(" in repr(s)
    with pytest.raises(AttributeError, match="cannot be set"):
        s.k = 1
    with pytest.raises(AttributeError, match="'capitl' is not known, did you mean 'capital'; the states are capital"):
        Point("state", {"capital": 1.0}).capitl  # noqa: B018


# ------------------------------------------------------------------------------------------------- the linear policy


def test_the_linear_policy_of_growth_has_the_roots_of_the_textbook():
    # δ = 1, log utility: k' = αβ e^z k^α, so the law of motion at rest has eigenvalues α and ρ
    with precision("double"):
        found = linearise(Growth(delta=1.0, rho=0.3))
    assert found.radius == pytest.approx(0.36, abs=1e-10)


def test_the_linear_policy_is_the_derivative_of_the_exact_one():
    from truth import growth as slow

    model, step = Growth(), 1e-4
    reference = slow.solve(slow.Growth(s=1e-5))  # almost no risk, so no precaution: the linear policy is then exact
    with precision("double"):
        found = linearise(model)
        k = float(model.steady_state()["k"])

        def consumption(log_k, z):
            x = jnp.array([np.log(k) + log_k, z])
            s = as_point("state", {"k": jnp.exp(x[0]), "z": x[1]})
            return float(model.actions(Point("raw output", {"share": found.policy(x)[0]}), s)["c"])

        for direction in ((step, 0.0), (0.0, step)):
            ours = (consumption(*direction) - consumption(*(-d for d in direction))) / (2 * step)
            up, down = (reference.consumption(k * np.exp(sign * direction[0]), sign * direction[1]) for sign in (1, -1))
            assert ours == pytest.approx(float(up - down) / (2 * step), rel=1e-5)  # differences of step² = 1e-8


class Explosive(Tiny):
    """A law of motion that no policy can hold: k grows by half each period."""

    def move(self, s, a, shock):
        return {"k": 1.5 * s.k - 0.5 * self.steady_state()["k"]}


def test_an_explosive_linear_policy_is_not_used():
    with precision("double"):
        found = linearise(Explosive())
    assert not found.ok
    assert found.policy is None


class AsksElsewhere(Model):
    """y = c s + b E h(s'/2) with s' = ρ s + y: tomorrow's policy is asked at a point of the model's own making."""

    rho: float = 0.8
    b: float = 0.5
    c: float = 0.1

    def shocks(self):
        return {"eps": Normal()}

    def outputs(self):
        return {"y": ()}

    def actions(self, raw, s):
        return {"y": raw.y}

    def move(self, s, a, shock):
        return {"s": self.rho * s.s + a.y + 0.1 * shock.eps}

    def residuals(self, s, a, E):
        return {"rule": a.y - self.c * s.s - self.b * E.successors(lambda s1, a1, h: h(s1.s[None] / 2)[0])}

    def start(self, key):
        return {"s": 0.0}

    def steady_state(self):
        return {"s": 0.0}


def test_the_linear_policy_of_a_model_that_asks_elsewhere_is_the_stable_root():
    with precision("double"):
        found = linearise(AsksElsewhere())
    # y = G s: G = c + b G (ρ + G) / 2, of which the smaller root is stable
    root = np.roots([0.5 * 0.5, 0.5 * 0.5 * 0.8 - 1, 0.1]).min()
    assert float(found.policy.slope[0, 0]) == pytest.approx(root, rel=1e-9)
    assert found.radius == pytest.approx(0.8 + root, rel=1e-9)


def test_models_without_a_resting_point_say_so():
    assert "names no steady state" in linearise(named("olg-analytic")).sentence
    assert "A chain has no zero shock" in linearise(ChainWithSteadyState()).sentence


class ChainWithSteadyState(Tiny):
    def shocks(self):
        return {"z": Markov(np.eye(2), state="z")}


def test_elastic_labour_rests_at_a_third():
    with precision("double"):
        found = linearise(GrowthLabour())
        assert found.ok
        model = GrowthLabour()
        s = as_point("state", model.steady_state())
        raw = Point("raw output", {"c": found.policy(model.inputs(s))[0], "n": found.policy(model.inputs(s))[1]})
        assert float(model.actions(raw, s)["n"]) == pytest.approx(1 / 3, abs=1e-10)


def test_rouwenhorst_has_the_autocorrelation_it_was_asked_for():
    P, x = np.asarray(rouwenhorst(5, 0.8), float), np.arange(5.0)
    p = np.linalg.matrix_power(P, 4000)[0]
    x = x - p @ x
    assert (p * x) @ P @ x / (p @ x**2) == pytest.approx(0.8, abs=1e-5)  # single precision
    np.testing.assert_allclose(P.sum(1), 1, atol=1e-6)


def test_normal_draws_have_their_shape():
    assert Normal((3,)).draw(Point("state", {}), jax.random.key(0)).shape == (3,)


@pytest.mark.parametrize(
    ("name", "changes"),
    [("olg", {"N": 6}), ("olg-bonds", {}), pytest.param("krusell-smith", {}, marks=pytest.mark.slow)],
)
def test_a_model_can_be_traced_in_one_precision_after_the_other(name, changes):
    # NumPy constants of a module were once lowered in the precision in which JAX had met them first.
    model = named(name, **changes)
    for digits in ("double", "single"):
        with precision(digits):
            refuse_broken(model, default_rule(model.shocks())[0])


class AsksElsewhereWithoutRest(AsksElsewhere):
    """The same, but nothing is said of where it rests: no linear policy to begin with, which would be the answer."""

    def steady_state(self):
        return None


def test_rounds_against_tomorrows_policy_come_to_the_stable_root_and_the_log_counts_their_steps():
    phase = TimeIteration(Polish(states=60, steps=5), rounds=8, momentum=0.2)
    solution = solve(AsksElsewhereWithoutRest(), phases=[phase], widths=(4,), tolerance=1e-3)
    low, high = solution.policy({"s": np.array([-0.2, 0.2])})["y"]
    root = np.roots([0.5 * 0.5, 0.5 * 0.5 * 0.8 - 1, 0.1]).min()  # G = c + b G (ρ + G) / 2
    assert (high - low) / 0.4 == pytest.approx(root, rel=5e-3)  # what four tangents leave of a line
    assert solution.log[0]["steps"] == 40
