"""Designs of heterogeneous effects: the moments that the papers' formulas imply."""

import numpy as np
import pytest

from ceteris.data import (
    HillDesign,
    KuenzelDesign,
    NieWagerDesign,
    simulate_hill,
    simulate_kuenzel,
    simulate_nie_wager,
)
from ceteris.data.heterogeneity import KUENZEL

DESIGNS = [NieWagerDesign(s) for s in "ABCD"] + [KuenzelDesign(s) for s in KUENZEL] + [HillDesign("A"), HillDesign("B")]


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_outcome_and_treatment_follow_the_stated_truth(design):
    drawn = design.draw(np.random.default_rng(0), 20_000, 2)
    v = drawn["d"] - drawn["e"]
    noise = drawn["y"] - drawn["mean"] - v * drawn["tau"]
    assert drawn["x"].shape[:2] == drawn["y"].shape == (2, 20_000)
    assert abs(v.mean()) < 4 * 0.5 / 200  # four standard errors of a mean of 40,000 zeros and ones, or less
    assert abs(noise.mean()) < 4 / 200
    assert noise.std() == pytest.approx(1, abs=4 / 280)  # sd of a standard deviation: 1/√(2n)
    assert abs(np.mean(v * noise)) < 4 * 0.5 / 200


@pytest.mark.parametrize(
    ("setup", "mean", "sd"),
    [
        ("A", 0.5, np.sqrt(1 / 24)),  # (x₁ + x₂)/2 of uniforms: variance 2/(4·12)
        ("B", 0.80606, None),  # E log(1 + exp Z), by quadrature below
        ("C", 1.0, 0.0),
        ("D", (np.sqrt(3) - np.sqrt(2)) / np.sqrt(2 * np.pi), None),  # E max(√v Z, 0) = √(v/2π)
    ],
)
def test_nie_wager_effects_have_the_closed_form_moments(setup, mean, sd):
    tau = NieWagerDesign(setup).draw(np.random.default_rng(1), 200_000)["tau"]
    if setup == "B":
        nodes, weights = np.polynomial.hermite_e.hermegauss(60)
        mean = weights @ np.logaddexp(0, nodes) / weights.sum()
    assert tau.mean() == pytest.approx(mean, abs=4 * max(tau.std(), 1e-9) / 447)
    if sd is not None:
        assert tau.std() == pytest.approx(sd, abs=0.001)


def test_overlap_is_as_the_papers_say():
    e = NieWagerDesign("A").draw(np.random.default_rng(0), 5000)["e"]
    assert e.min() == 0.1
    assert e.max() == 0.9
    assert (NieWagerDesign("B").draw(np.random.default_rng(0), 100)["e"] == 0.5).all()
    confounded = KuenzelDesign("confounded").draw(np.random.default_rng(0), 5000)
    first = confounded["x"][..., 0]
    from scipy import stats

    np.testing.assert_allclose(confounded["e"], 0.25 * (1 + stats.beta(2, 4).pdf(first)), rtol=1e-12)


def test_surface_b_gives_the_treated_four_on_average():
    drawn = HillDesign("B").draw(np.random.default_rng(0), 5000, 3)
    att = (drawn["e"] * drawn["tau"]).sum(1) / drawn["e"].sum(1)
    np.testing.assert_allclose(att, 4, rtol=1e-12)
    assert 0.1 < drawn["d"].mean() < 0.3


def test_frames_are_reproducible_and_name_the_columns():
    data = simulate_nie_wager("D", 100, seed=3)
    assert data.equals(simulate_nie_wager("D", 100, seed=3))
    assert not data.equals(simulate_nie_wager("D", 100, seed=4))
    assert list(data.columns) == ["y", "d", *(f"x{j}" for j in range(6)), "tau", "e"]
    assert len(simulate_kuenzel("linear", 50)) == 50
    assert len(simulate_hill()) == 747


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: NieWagerDesign("E"), "setup is 'E'"),
        (lambda: NieWagerDesign("A", p=4), "p is 4"),
        (lambda: KuenzelDesign("balanced"), "setup is 'balanced'"),
        (lambda: HillDesign("C"), "surface is 'C'"),
        (lambda: simulate_nie_wager("A", 1), "n is 1"),
    ],
)
def test_wrong_settings_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
