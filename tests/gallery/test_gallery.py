"""Every item of the gallery runs, draws and passes its own checks."""

import pytest
from matplotlib.figure import Figure

from ceteris.gallery import NAMES, sections
from ceteris.gallery.items import ITEMS

QUICK = {
    "benign_overfitting",
    "bias_variance",
    "causal_bias",
    "curves",
    "double_descent",
    "double_robustness",
    "regression_adjustment",
}
EACH = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NAMES]


@pytest.mark.parametrize("name", EACH)
def test_the_quick_version_draws_and_passes(name):
    first, *parts = sections(name, quick=True)
    assert first.title == "What this reproduces"
    names = [check.name for part in parts for check in part.checks]
    checks = {name for name in names if names.count(name) == 1}
    assert {claim.check for claim in ITEMS[name].claims if not claim.full} <= checks
    assert not {claim.check for claim in ITEMS[name].claims if claim.full} & checks
    assert parts
    for part in parts:
        assert part.text
        assert part.tables
        assert part.figures
        assert [check.name for check in part.checks if not check.passed] == []
        for figure in part.figures:
            canvas = Figure(figsize=figure.size)
            figure.draw(canvas, figure.data)
            assert any(axes.has_data() for axes in canvas.axes)


def test_an_unknown_item_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"name is 'double_decent', .*did you mean 'double_descent'?"):
        sections("double_decent")


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed is -1, but must be a whole number of at least 0"):
        sections("curves", seed=-1)
