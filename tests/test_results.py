"""Estimates: what goes together, and what is carried when it does."""

from dataclasses import replace

import numpy as np
import pytest

from ceteris.results import Estimate, joint
from ceteris.stats.covariance import covariance

RNG = np.random.default_rng(0)
N = 120
PHI = RNG.normal(size=(N, 3))
PHI -= PHI.mean(0)
PHI[:, 1] += 0.6 * PHI[:, 0]
FIRMS = np.arange(N) // 6


def one(column, name, **settings):
    return Estimate(np.array([float(column)]), PHI[:, [column]], (name,), **settings)


def test_clusters_of_one_estimate_are_not_those_of_all():
    for a, b in [(FIRMS, ()), ((), FIRMS), (FIRMS, np.arange(N) // 5)]:
        pair = [one(0, "a", clusters=(a,) if len(a) else ()), one(1, "b", clusters=(b,) if len(b) else ())]
        with pytest.raises(ValueError, match="they come in different clusters, so that no covariance holds for all"):
            joint(*pair)


def test_the_same_clusters_under_other_labels_are_the_same():
    found = joint(one(0, "a", clusters=(FIRMS,)), one(1, "b", clusters=(np.char.add("firm ", FIRMS.astype(str)),)))
    np.testing.assert_allclose(found.covariance, covariance(PHI[:, :2], (FIRMS,)), rtol=1e-12)


def test_covariances_that_were_given_are_carried():
    given = np.array([[0.1158**2]])
    found = joint(one(0, "a", given=given), one(1, "b"))
    plain = joint(one(0, "a"), one(1, "b"))
    np.testing.assert_allclose(found.se, [0.1158, plain.se[1]], rtol=1e-12)
    correlation = [e.covariance[0, 1] / np.prod(e.se) for e in (found, plain)]
    assert correlation[0] == pytest.approx(correlation[1], rel=1e-12)
    assert np.linalg.eigvalsh(found.covariance).min() > 0


def test_several_given_covariances_make_a_covariance():
    L = RNG.normal(size=(2, 2)) / 10
    pair = Estimate(np.zeros(2), PHI[:, :2], ("a", "b"), given=L @ L.T)
    found = joint(pair, one(2, "c"), one(1, "d", given=np.array([[0.02]])))
    np.testing.assert_allclose(found.covariance[:2, :2], pair.covariance, rtol=1e-12)
    assert np.linalg.eigvalsh(found.covariance).min() > -1e-12
    zero = Estimate(np.zeros(2), PHI[:, [0, 0]], ("a", "b"), given=np.full((2, 2), 0.04))  # singular
    np.testing.assert_allclose(joint(zero, one(2, "c")).contrast([1, -1, 0]).se, 0, atol=1e-9)


def test_degrees_of_freedom_are_carried():
    found = joint(one(0, "a", dof=4.0), one(1, "b"))
    np.testing.assert_array_equal(found.dof, [4.0, np.inf])
    np.testing.assert_allclose(found.conf_int()[0], one(0, "a", dof=4.0).conf_int()[0])
    np.testing.assert_allclose(found.conf_int()[1], one(1, "b").conf_int()[0])
    assert joint(one(0, "a", dof=4.0), one(1, "b", dof=4.0)).dof == 4.0
    np.testing.assert_array_equal(found.contrast([[1, -1], [0, 2]]).dof, [4.0, np.inf])


def test_what_clusters_add_up_is_carried():
    one_, other = one(0, "a", by_cluster=1.1 * PHI[:, [0]]), one(1, "b")
    found = joint(one_, other).clustered_by(FIRMS)
    np.testing.assert_allclose(found.se, [e.clustered_by(FIRMS).se[0] for e in (one_, other)], rtol=1e-12)
    moved = found.contrast([1, -1])
    assert moved.se[0] == pytest.approx(np.sqrt(covariance(1.1 * PHI[:, [0]] - PHI[:, [1]], (FIRMS,))[0, 0]))


def test_bands_are_those_of_the_standard_errors():
    found = one(0, "a", clusters=(FIRMS[:N],))
    half = np.diff(found.bands(draws=40_000))[0] / 2 / found.se  # one entry: the band is the interval
    assert found.degrees == 19  # Student's t with the number of clusters less one
    assert half[0] == pytest.approx(2.093, abs=0.03)  # three errors of a quantile of 40,000 draws


def test_equal_names_are_told_apart():
    found = joint(one(0, "ATE"), one(1, "ATE"), one(2, "ATE"))
    assert list(found.to_dict()["estimates"]) == ["ATE", "ATE (2)", "ATE (3)"]
    with pytest.raises(ValueError, match="names holds 'a' twice, but must hold each once"):
        Estimate(np.zeros(2), PHI[:, :2], ("a", "a"))


def test_meta_says_which_standard_error():
    regression = one(0, "a", by_cluster=PHI[:, [0]])
    said = "CR1, by cluster (20): variances times G/(G - 1)"
    assert one(0, "a").clustered_by(FIRMS).about.standard_errors == f"{said}."
    assert regression.clustered_by(FIRMS).about.standard_errors == f"{said} (n - 1)/(n - k)."
    assert not regression.about.standard_errors
    two = regression.clustered_by(FIRMS, np.arange(N) % 7)
    assert "(20 and 7)" in two.about.standard_errors
    assert two.contrast([2.0]).about.standard_errors == two.about.standard_errors


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.zeros(N), "clusters: all rows are in one, but a variance needs two at least"),
        (np.where(np.arange(N) < 2, np.nan, FIRMS), "clusters holds 2 missing labels, but must hold none"),
        (["a", None, float("nan")] * 40, "clusters holds 80 missing labels, but must hold none"),
        (FIRMS[:5], "clusters holds 5, but must hold 120, one for each row of the estimate"),
    ],
)
def test_clusters_that_are_none_are_refused(labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        one(0, "a").clustered_by(labels)
    with pytest.raises(ValueError, match=sentence):
        replace(one(0, "a"), clusters=(labels,))
