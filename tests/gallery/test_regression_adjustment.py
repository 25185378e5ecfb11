"""The fast simulation against the estimators of the package."""

import numpy as np
import pytest

from ceteris.causal import DifferenceInMeans, InteractedRegression
from ceteris.gallery import regression_adjustment as ra


def test_the_batched_estimators_are_those_of_the_package():
    case = ra.CASES[3]
    dm, ireg = ra.simulate(case, np.random.default_rng(1), 3)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, ra.ROWS))
    d = (rng.uniform(size=(3, ra.ROWS)) < case.share).astype(float)
    y = np.where(d == 1, case.b1, case.b0) * x + case.q * (x**2 - 1) + rng.standard_normal((3, ra.ROWS))
    for r in range(3):
        assert dm[r] == pytest.approx(DifferenceInMeans().fit(y=y[r], d=d[r]).point[0], rel=1e-9)
        assert ireg[r] == pytest.approx(InteractedRegression().fit(y=y[r], d=d[r], x=x[r][:, None]).point[0], rel=1e-9)


def test_the_gain_has_the_general_form():
    for case in ra.CASES:
        dm, ireg, _ = ra.variances(case)
        up, down = np.sqrt((1 - case.share) / case.share), np.sqrt(case.share / (1 - case.share))
        assert dm - ireg == pytest.approx((up * case.b1 + down * case.b0) ** 2)
