"""The gallery's item on symmetry: what goes into its tables is what it is said to be."""

import equinox as eqx
import jax
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from ceteris.equilibrium.models.industry import Industry
from ceteris.gallery import symmetry_experiments, symmetry_regression, symmetry_tables
from ceteris.nets import DeepSet


def test_sets_are_drawn_and_filled_up_as_described():
    x, y = symmetry_regression.sample(5, 4000, np.random.default_rng(0))
    np.testing.assert_allclose(y**1.5, (x**1.5).mean(1), rtol=1e-12)
    assert x.mean() == pytest.approx(1.5, abs=0.03)  # a standard error of 0.005
    assert (x - x.mean(1, keepdims=True)).std() == pytest.approx(0.2 * np.sqrt(4 / 5), rel=0.02)
    numbers, weight, on, target = symmetry_regression.data([(2, 1), (5, 3)], 10, [0, 0])
    assert numbers.shape == weight.shape == (2, 10, 5)
    assert weight[0, 0].tolist() == [1, 1, 0, 0, 0]
    assert on[0, 0].tolist() == [1, 0, 0]
    assert target.shape == (2, 10)


def test_a_mean_that_is_predicted_exactly_has_no_error():
    cases = [(3, 1)]
    train = symmetry_regression.data(cases, 10, [0])
    # targets that are the mean itself: with an affine ρ of φ nearly linear this is learnt to three digits
    train = (*train[:3], (train[0] * train[1]).sum(-1) / 3)
    fresh = symmetry_regression.data(cases, 50, [1])
    fresh = (*fresh[:3], (fresh[0] * fresh[1]).sum(-1) / 3)
    build = eqx.Partial(DeepSet, 1, 1, latent=1, inner=(8,), widths=(8,))
    (error,) = symmetry_regression.fitted(build, symmetry_regression.by_set, train, fresh, 0)
    assert error < 5e-3


def test_the_weights_of_the_published_networks_are_those_counted_in_the_tables():
    for row in (*symmetry_tables.LINEAR, *symmetry_tables.NONLINEAR):
        built = eqx.Partial(symmetry_tables.pure, tuple(row.net.items()), None, 1)
        net = eqx.filter_eval_shape(lambda built=built: built(key=jax.random.key(0)))
        count = sum(leaf.size for leaf in jax.tree.leaves(net)) / 1000
        assert count == pytest.approx(row.weights, abs=0.6)  # published counts leave out some of the biases


def test_slopes_are_told_apart():
    roots = Industry().roots()
    slopes = np.array([-0.05, 0.22, 0.1, -0.05])
    found = symmetry_experiments.ended(slopes, roots, np.array([1e-9, 1e-9, 1e-9, 1.0]))
    assert found == ["stable", "explosive", "neither", "neither"]


def measured(row):
    """What `symmetry_tables.measured` returns, without solving anything."""
    published = np.nan if row.test is None else row.test
    errors = {"published": published, "ours": 1e-9, "worst": 2e-9, "policy": 5e-4}
    return {"network": row.name, **errors, "success": 1.0, "weights": row.weights, "cpu": 42.0}


def test_published_and_ours_stand_in_neighbouring_columns():
    rows = symmetry_tables.LINEAR
    found = pd.DataFrame([measured(row) for row in rows])
    errors, costs = (table.frame.set_index("network") for table in symmetry_tables.tabulated(rows, found, 1.0, 21))
    # table 2 of Ebrahimi Kahou et al. (2025): test MSE, policy error, success and seconds of two rows
    assert errors.loc["identity", ["test MSE, published", "test MSE, ours"]].tolist() == ["5.0e-07", "1.0e-09"]
    policy = errors.loc["identity", ["policy error %, published", "policy error %, ours"]]
    assert policy.tolist() == pytest.approx([0.10, 0.05])
    success = costs.loc["deep set, L = 4", ["seeds below 1e-6 %, published", "seeds below 1e-6 %, ours"]]
    assert success.tolist() == pytest.approx([97, 100])
    assert costs.loc["deep set, L = 4", ["seconds, published", "CPU seconds, ours"]].tolist() == pytest.approx([17, 2])
    assert errors.loc["moments, one layer", "test MSE, published"] == ""  # none was published


def test_no_rate_of_success_is_published_for_nonlinear_demand():
    rows = symmetry_tables.NONLINEAR
    found = pd.DataFrame([measured(row) for row in rows])
    errors, costs = (table.frame for table in symmetry_tables.tabulated(rows, found, 1.5, 21))
    assert not [name for name in errors if "policy" in name]
    assert [name for name in costs if "seeds" in name] == ["seeds below 1e-6 %, ours"]


def test_published_errors_stand_above_ours_and_are_drawn_left_of_them():
    theirs = symmetry_regression.published((2, 128), (1, 20))
    both = symmetry_regression.beside(theirs, theirs / 2)
    # table 1 of Ebrahimi Kahou et al. (2025): N = 2 and N = 128, L = 1 and 20, and no symmetry
    assert both.to_numpy().tolist()[::2] == [
        [2, "published", 1.85, 1.75, 1.36],
        [128, "published", 0.32, 0.22, 5.77],
    ]
    assert both["whose"].tolist() == ["published", "ours"] * 2
    canvas = Figure(layout="constrained")
    symmetry_regression._draw(canvas, both.melt(["whose", "N"], var_name="net", value_name="error"))
    assert [axes.get_title() for axes in canvas.axes] == ["published", "ours"]
