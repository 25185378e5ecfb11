"""The design of the item on policies: what the scores are scores of, and what the true effects are."""

import numpy as np
import pytest

from ceteris.gallery import policies


def test_scores_average_to_the_effect_in_every_group():
    sample = policies.simulate(8000, 3)
    for name in ("A", "B"):
        inside = sample.group == name
        gap = (sample.scores - sample.tau)[inside]
        assert abs(gap.mean()) < 4 * gap.std() / np.sqrt(inside.sum())
    # E τ = (0.9 - 0.3)/2 - 0.6 P(B); 8,000 rows: 0.008
    assert sample.tau.mean() == pytest.approx(0.0, abs=0.035)


def test_values_are_of_the_rows_given():
    sample = policies.simulate(500, 0)
    table = policies.valued(sample, {"everybody": np.ones(500)})
    assert table["truth"].tolist() == [pytest.approx(sample.tau.mean())]
    assert table["estimate"].tolist() == [pytest.approx(sample.scores.mean())]
