"""The estimators of the gallery item against those of the package, and the two views of one sample."""

import numpy as np
import pytest

from ceteris.causal import InteractedRegression, InverseProbabilityWeighting
from ceteris.gallery import double_robustness as dr


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_they_are_the_estimators_of_the_package():
    sample = dr.both_views(0, 500)
    found = dr.estimates(sample)
    for view in ("right", "wrong"):
        roles = {"y": sample["y"], "d": sample["d"], "x": sample[view]}
        hajek = InverseProbabilityWeighting().fit(**roles).point[0]
        plain = InverseProbabilityWeighting(normalised=False).fit(**roles).point[0]
        assert found[("IPW, normalised", view, view)] == pytest.approx(hajek, rel=1e-9)
        assert found[("IPW", view, view)] == pytest.approx(plain, rel=1e-7)
        assert found[("regression", view, view)] == pytest.approx(
            InteractedRegression().fit(**roles).point[0], rel=1e-7
        )


def test_only_the_covariates_differ_between_the_views():
    sample = dr.both_views(3, 200)
    z, y = sample["right"], sample["y"]
    assert np.abs(y - 210 - z @ [27.4, 13.7, 13.7, 13.7]).max() < 5
    assert np.abs(np.corrcoef(sample["wrong"][:, 0], z[:, 0])[0, 1]) > 0.8
