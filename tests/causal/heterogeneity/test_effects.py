"""The common result of all estimators of effects."""

import numpy as np
import pytest

from ceteris.causal.heterogeneity import Effects
from ceteris.results import About, Check


def test_intervals_frame_and_summary_for_one_and_for_several_contrasts():
    one = Effects(np.array([1.0, 2.0]), np.array([0.5, 1.0]), about=About("M", interval="covers nothing."))
    np.testing.assert_allclose(one.conf_int(0.9)[1], 2 + np.array([-1, 1]) * 1.6448536269514722)  # normal quantile
    assert list(one.frame(0.9).columns) == ["estimate", "std err", "5 %", "95 %"]
    two = Effects(np.ones((3, 2)), np.ones((3, 2)), ("b", "c"))
    assert two.conf_int().shape == (3, 2, 2)
    assert list(two.frame().columns)[:2] == ["b: estimate", "b: std err"]
    assert "covers nothing." in one.summary()
    assert "M\n" in str(one)
    assert "n = 2" in str(one)


def test_the_screen_shows_no_row_that_nobody_is():
    # Quantiles of estimates, standard errors and both ends taken column by column look like persons, and are none:
    # the least effect here is the surest one, the most the least sure.
    point, se = np.array([-2.0, 0.0, 1.0, 5.0]), np.array([0.1, 3.0, 0.2, 4.0])
    effects = Effects(point, se)
    spread = effects.spread()["effect"]
    assert spread["mean"] == 1.0
    assert spread["standard deviation"] == pytest.approx(np.std(point, ddof=1))
    assert spread[["least", "half below", "most"]].tolist() == [-2.0, 0.5, 5.0]
    assert spread["median standard error"] == pytest.approx(1.6)
    assert spread["share with the 95 % interval above 0"] == 0.25  # 1 ± 0.39; 5 ± 7.8 is not
    assert spread["share with the 95 % interval below 0"] == 0.25
    text = str(effects)
    assert "4 rows" in text
    assert "std err" not in text
    assert "-5.88" not in text  # the lowest end of any interval, 0 - 1.96 · 3
    two = Effects(np.ones((3, 2)), np.ones((3, 2)), ("b", "c")).spread(0.9)
    assert list(two.columns) == ["b", "c"]
    assert two.loc["share with the 90 % interval above 0"].tolist() == [0, 0]
    assert "interval" not in str(Effects(np.zeros(2)))


def test_the_level_asked_for_with_the_effects_is_that_of_their_intervals():
    effects = Effects(np.zeros(1), np.ones(1), level=0.9)
    np.testing.assert_allclose(effects.conf_int()[0, 1], 1.6448536269514722)
    np.testing.assert_allclose(effects.conf_int(0.95)[0, 1], 1.959963984540054)
    assert "95 %" in effects.frame().columns


def test_what_failed_is_said():
    failed = Effects(np.zeros(2), checks=(Check("overlap", False, "There is none."),))
    assert "! There is none." in failed.summary()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Effects(np.zeros((3, 2))), "names holds 1, but must hold 2, one for each column of effects"),
        (lambda: Effects(np.zeros(3), np.zeros(2)), r"se has shape \(2,\), but must have \(3,\)"),
        (
            lambda: Effects(np.zeros(3), np.zeros(3)).conf_int(1.0),
            "level is 1.0, but must be a number above 0 and below 1",
        ),
        (lambda: Effects(np.zeros(3), about=About(interval="Ask for them.")).conf_int(), "Ask for them"),
    ],
)
def test_bad_input(make, said):
    with pytest.raises(ValueError, match=said):
        make()
