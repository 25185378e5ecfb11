"""Estimates on one screen, in notebooks and figures; the estimand in the same place and words everywhere."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal import (
    CovariateBalancing,
    DifferenceInMeans,
    EntropyBalancing,
    ExactMatching,
    InteractedRegression,
    Interactive,
    InverseProbabilityWeighting,
    NearestNeighbours,
    PropensityMatching,
    ScoreStratification,
)
from ceteris.causal.estimands import WORDS
from ceteris.results import About, Check, Estimate
from ceteris.testing import check_saved, check_shown

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 2)).round()
D = (X[:, 0] + RNG.logistic(size=300) > 0).astype(float)
Y = D + X @ [1.0, 2.0] + RNG.normal(size=300)


@pytest.mark.parametrize(
    "estimator",
    [
        Interactive(LinearRegression(), LogisticRegression(), estimand="ATT"), EntropyBalancing("ATT"),
        CovariateBalancing("ATT"), NearestNeighbours("ATT"), PropensityMatching("ATT"), ExactMatching("ATT"),
        InteractedRegression("ATT"), InverseProbabilityWeighting("ATT"), ScoreStratification("ATT", draws=20),
    ],
    ids=lambda estimator: type(estimator).__name__,
)  # fmt: skip
def test_the_estimand_is_said_in_the_same_place_and_words(estimator):
    """The second line, whoever estimates it; and every estimate comes back from a file."""
    found = estimator.fit(y=Y, d=D, x=X)
    words = WORDS["ATT"][0]
    assert str(found).split("\n")[1].startswith(words[0].upper() + words[1:])
    check_saved(found, lambda it: [it.conf_int(), it.about.estimand, it.diagnostics()])


def test_many_estimates_and_failed_checks_fit_on_one_screen():
    phi = RNG.normal(size=(40, 200))
    checks = tuple(Check(f"check {i}", False, f"Number {i} failed " + "very " * 40 + "much.") for i in range(30))
    found = Estimate(phi.mean(0), phi, tuple(f"a long name of coefficient number {i}" for i in range(200)),
                     About("A method " * 60, "An estimand " * 60), checks=checks)  # fmt: skip
    check_shown(found)
    lines = repr(found).split("\n")
    assert "... and 188 more: frame() has all of them" in lines
    assert "more checks that failed: diagnostics() has all of them" in lines[-1]
    assert len(found.summary("markdown").split("\n")) == 202
    assert len(found.figures[0].data) == 40
    assert "The first 40 of 200." in found.figures[0].caption


def test_diagnostics_hold_every_check():
    found = DifferenceInMeans().fit(y=Y, d=D).diagnostics()
    assert found.columns.tolist() == ["verdict", "value", "bar", "sentence"]
    assert found.index.tolist() == ["no single row decides"]
    assert found["bar"].tolist() == [1.96]
    without = Estimate(np.zeros(1), None, ("a",), given=np.eye(1))
    assert without.diagnostics().shape == (0, 4)
    check_shown(without)


def test_a_figure_holds_the_intervals():
    found = InteractedRegression().fit(y=Y, d=D, x=X)
    data = found.plot("Estimates").data
    np.testing.assert_allclose(data[["low", "high"]].to_numpy(), found.conf_int())
    with pytest.raises(ValueError, match="title is 'Event study', but must be one of 'Estimates'"):
        found.plot("Event study")
