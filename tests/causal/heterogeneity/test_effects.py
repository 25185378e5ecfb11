"""The common result of all estimators of effects."""

import numpy as np
import pytest

from ceteris.causal.heterogeneity import Effects
from ceteris.results import Check


def test_intervals_frame_and_summary_for_one_and_for_several_contrasts():
    one = Effects(np.array([1.0, 2.0]), np.array([0.5, 1.0]), meta={"method": "M", "interval": "covers nothing."})
    np.testing.assert_allclose(one.conf_int(0.9)[1], 2 + np.array([-1, 1]) * 1.6448536269514722)  # normal quantile
    assert list(one.frame(0.9).columns) == ["estimate", "std err", "5 %", "95 %"]
    two = Effects(np.ones((3, 2)), np.ones((3, 2)), ("b", "c"))
    assert two.conf_int().shape == (3, 2, 2)
    assert list(two.frame().columns)[:2] == ["b: estimate", "b: std err"]
    assert "covers nothing." in one.summary()
    assert "M\n" in str(one)
    assert "n = 2" in str(one)


def test_the_level_asked_for_with_the_effects_is_that_of_their_intervals():
    effects = Effects(np.zeros(1), np.ones(1), meta={"level": 0.9})
    np.testing.assert_allclose(effects.conf_int()[0, 1], 1.6448536269514722)
    np.testing.assert_allclose(effects.conf_int(0.95)[0, 1], 1.959963984540054)
    assert "95 %" in effects.frame().columns


def test_what_failed_is_said():
    failed = Effects(np.zeros(2), checks=(Check("overlap", False, "There is none."),))
    assert "! There is none." in failed.summary()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Effects(np.zeros((3, 2))), "names: 1 given for 2"),
        (lambda: Effects(np.zeros(3), np.zeros(2)), r"se: shape \(2,\)"),
        (lambda: Effects(np.zeros(3), np.zeros(3)).conf_int(1.0), "level: 1.0"),
        (lambda: Effects(np.zeros(3), meta={"interval": "Ask for them."}).conf_int(), "Ask for them"),
    ],
)
def test_bad_input(make, said):
    with pytest.raises(ValueError, match=said):
        make()
