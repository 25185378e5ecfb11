"""The closed forms against large samples; what the pictures rest on."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ceteris.gallery import causal_bias as cb


def test_the_closed_forms_are_met_in_a_very_large_sample():
    rng = np.random.default_rng(0)
    lam, n = 0.3, 400_000
    x = rng.standard_normal((n, 4))
    d = x @ cb.GAMMA + rng.standard_normal(n)
    y = cb.THETA * d + x @ cb.BETA + rng.standard_normal(n)
    slope = cb.ridge(d[None, :, None], x[None], y[None], lam)[0, 1:]
    plug_in = d @ (y - x @ slope) / (d @ d) - cb.THETA
    u, v = (t - Ridge(lam * n, fit_intercept=False).fit(x, t).predict(x) for t in (y, d))
    # Standard errors at this size are 0.001 and 0.0016.
    assert (plug_in, u @ v / (v @ v) - cb.THETA) == pytest.approx(cb.limits(lam), abs=0.006)


def test_the_orthogonal_bias_is_of_second_order():
    small, large = cb.limits(0.01), cb.limits(0.1)
    assert large[0] / small[0] == pytest.approx(10, rel=0.2)
    assert large[1] / small[1] == pytest.approx(100, rel=0.2)


def test_a_row_is_its_own_neighbour_only_among_its_own():
    x, y = np.array([[0.0], [1.0], [3.0]]), np.array([0.0, 2.0, 10.0])
    assert cb.neighbour_means(x, y, x).tolist() == [1.0, 1.0, 6.0]
    assert cb.neighbour_means(x[1:], y[1:], x[:1]).tolist() == [6.0]
