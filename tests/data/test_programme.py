"""The programme's table: its truth is found by an estimator that knows the curve, and missed by one that does not."""

import numpy as np
import pytest

from ceteris.data import simulate_programme


def coefficient(data, *columns):
    """Least squares of the outcome; the coefficient of taking part."""
    X = np.column_stack([data["took_part"], *columns, np.ones(len(data))])
    return np.linalg.lstsq(X.astype(float), data["outcome"], rcond=None)[0][0]


def test_the_effect_is_found_where_the_curve_in_age_is_known_and_missed_where_it_is_not():
    data = simulate_programme(100_000, theta=0.3, seed=1)
    linear = [data[name] for name in ("age", "before", "schooling", "town", "children")]
    # The standard error is about 2 / sqrt(100,000) = 0.007; four of them.
    assert coefficient(data, *linear, (data["age"] - 40) ** 2) == pytest.approx(0.3, abs=0.03)
    assert coefficient(data, *linear) > 0.5


def test_age_and_its_curve_do_not_go_together_so_that_a_line_takes_nothing_out():
    data = simulate_programme(100_000)
    curve = 1 - ((data["age"] - 40) / 11.5) ** 2
    assert abs(np.corrcoef(data["age"], curve)[0, 1]) < 0.02
    assert abs(curve.mean()) < 0.03


def test_seeds_differ_and_bad_sizes_are_refused():
    assert simulate_programme(10, seed=0).equals(simulate_programme(10, seed=0))
    assert not simulate_programme(10, seed=0).equals(simulate_programme(10, seed=1))
    with pytest.raises(ValueError, match=r"^n is 1, but must be"):
        simulate_programme(1)
