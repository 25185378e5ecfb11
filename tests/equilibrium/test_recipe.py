"""Recipes: beside the model, replaced piece by piece, and needed again where a solution with another one is read."""

from typing import ClassVar

import numpy as np
import pytest

from ceteris.equilibrium import Episodes, Polish, Recipe, load, named, solve
from ceteris.equilibrium.judging import Outcome
from ceteris.equilibrium.models.growth import Growth
from ceteris.equilibrium.models.irbc import IRBC
from ceteris.equilibrium.recipe import make_plan
from ceteris.nets import MLP

STATE = {"k": 0.2, "z": 0.05}


class Impatient(Growth):
    """A model that still says how it is solved on its class."""

    widths: ClassVar = (8,)


def test_settings_on_the_class_are_refused():
    with pytest.raises(ValueError, match=r"`widths` is set on Impatient itself, but must be a part of its recipe"):
        solve(Impatient())


def test_arguments_replace_parts_of_the_models_own_recipe():
    own, other = make_plan(Growth()), make_plan(Growth(), widths=(8,), phases=[Polish()])
    assert (own.widths, own.tolerance) == ((16, 16), (4e-8, 1e-6))
    assert (other.widths, other.tolerance, other.phases) == ((8,), (4e-8, 1e-6), (Polish(),))
    assert make_plan(Growth(), Recipe(tolerance=1e-3)).tolerance == (1e-3, 0.1)  # another recipe altogether
    assert make_plan(named("olg-analytic")).tolerance == pytest.approx((1e-6, 1e-4))


def test_a_recipe_may_depend_on_the_calibration():
    assert isinstance(make_plan(IRBC(countries=2)).phases[0], Polish)
    assert isinstance(make_plan(IRBC(countries=30)).phases[0], Episodes)


def test_another_network_is_read_back_with_its_recipe_only(tmp_path):
    recipe = Recipe(phases=[Polish(80, 25, box_share=0.5)], hypothesis=perceptron, tolerance=1e-5)
    solution = solve(Growth(delta=1.0), recipe)
    assert solution.outcome is Outcome.SOLVED
    solution.save(tmp_path)
    with pytest.raises(ValueError, match="was saved by another architecture"):
        load(tmp_path)
    again = load(tmp_path, recipe=recipe)
    assert again.sentence == solution.sentence
    np.testing.assert_array_equal(again.policy(STATE)["c"], solution.policy(STATE)["c"])


def perceptron(inputs, outputs, *widths, key):
    """One layer of eight, whatever the widths."""
    return MLP(inputs, outputs, (8,), "tanh", key=key)
