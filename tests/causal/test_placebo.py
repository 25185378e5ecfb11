"""Placebos where the answer is known: a right standard error, one that ignores clusters, a confounded outcome."""

import numpy as np
import pandas as pd
import pytest

from ceteris.causal import (
    DifferenceInMeans,
    InteractedRegression,
    RegressionAdjustment,
    placebo_outcomes,
    placebo_treatment,
)


def table(n=300, seed=0):
    rng = np.random.default_rng(seed)
    age, ability = rng.normal(size=(2, n))
    d = (rng.uniform(size=n) < 1 / (1 + np.exp(-age - ability))).astype(float)
    return pd.DataFrame(
        {"d": d, "age": age, "before": ability + 0.5 * rng.normal(size=n), "luck": rng.normal(size=n),
         "after": d + age + ability + rng.normal(size=n)}
    )  # fmt: skip


def test_an_outcome_that_shares_the_unmeasured_cause_gives_it_away():
    section = placebo_outcomes(RegressionAdjustment(), table(), ["before", "luck"], d="d", x=["age"])
    assert section.checks[0].passed is False
    assert "of 'before'; the treated differ in it" in section.checks[0].sentence
    assert placebo_outcomes(RegressionAdjustment(), table(), ["luck"], d="d", x=["age"]).checks[0].passed
    frame = section.tables[0].frame
    direct = RegressionAdjustment().fit(table(), y="before", d="d", x=["age"])
    assert frame.loc["before", "estimate"] == direct.point[0]


def test_a_placebo_outcome_is_no_covariate_of_itself():
    section = placebo_outcomes(RegressionAdjustment(), table(), ["age"], d="d", x=["age", "before"])
    direct = RegressionAdjustment().fit(table(), y="age", d="d", x=["before"])
    assert section.tables[0].frame.loc["age", "estimate"] == direct.point[0]


def test_random_treatments_reject_at_the_level():
    section = placebo_treatment(InteractedRegression(), table(), y="after", d="d", x=["age"], draws=200)
    assert section.checks[0].passed
    row = section.tables[0].frame.iloc[0]
    assert row["sd"] == pytest.approx(row["mean std err"], rel=0.15)  # 200 draws: 5 %
    assert abs(row["mean"]) < 4 * row["sd"] / np.sqrt(200)
    assert section.figures[0].data["count"].sum() == 200


class TooSure:
    """An estimator whose standard error is half of what it should be."""

    def fit(self, data=None, *, y, d, x=None):
        from dataclasses import replace

        estimate = DifferenceInMeans().fit(data, y=y, d=d)
        return replace(estimate, influence=estimate.influence / 2)


def test_too_small_a_standard_error_is_found():
    section = placebo_treatment(TooSure(), table(), y="after", d="d", draws=100)
    assert section.checks[0].passed is False
    assert "the standard error is too small here" in section.checks[0].sentence


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match="outcomes: none given; name at least one"):
        placebo_outcomes(RegressionAdjustment(), table(), [], d="d")
    with pytest.raises(ValueError, match="draws is 3, but must be a whole number of at least 20"):
        placebo_treatment(RegressionAdjustment(), table(), y="after", d="d", draws=3)
