"""The page of an estimate: what it says, what it shows for each kind of estimator, and that it is written."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal import (
    DifferenceInMeans,
    EntropyBalancing,
    Interactive,
    InverseProbabilityWeighting,
    NearestNeighbours,
    PartiallyLinear,
    report_sections,
    write_report,
)
from ceteris.causal.sections import weights_of

X = ["age", "schooling"]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    d = (rng.uniform(size=400) < 1 / (1 + np.exp(-0.7 * x[:, 0]))).astype(float)
    y = d + 1.5 * x[:, 0] + x[:, 1] + rng.normal(size=400)
    return pd.DataFrame(x, columns=X).assign(d=d, y=y)


def titles(sections):
    return [section.title for section in sections]


def test_a_cross_fitted_estimate_shows_everything(table):
    estimator = Interactive(LinearRegression(), LogisticRegression(), repeats=2)
    estimate = estimator.fit(table, y="y", d="d", x=X)
    found = report_sections(estimate, table, y="y", d="d", x=X)
    assert titles(found)[1:] == ["Overlap", "Balance", "Nuisances", "Single rows", "Splits", "Sensitivity"]
    text = found[0].text
    assert estimate.about.estimand in text
    assert estimate.about.formula in text
    assert all(sentence in text for sentence in estimate.about.assumptions)
    for section in found:
        for figure in section.figures:
            canvas = Figure(figsize=figure.size)
            figure.draw(canvas, figure.data)
            assert any(axes.has_data() for axes in canvas.axes)


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (DifferenceInMeans(), ["Balance", "Single rows"]),
        (InverseProbabilityWeighting(trim=0.2), ["Overlap", "Balance", "Single rows"]),
        (EntropyBalancing(), ["Balance", "Single rows"]),
        (NearestNeighbours(), ["Balance"]),
        (
            PartiallyLinear(LinearRegression(), LinearRegression()),
            ["Balance", "Nuisances", "Single rows", "Sensitivity"],
        ),
    ],
    ids=["means", "weights", "balancing", "matching", "partially linear"],
)
def test_each_estimator_shows_what_it_has(table, estimator, expected):
    estimate = estimator.fit(table, y="y", d="d", x=X)
    assert titles(report_sections(estimate, table, y="y", d="d", x=X))[1:] == expected


def test_trimmed_rows_have_no_weight(table):
    estimate = InverseProbabilityWeighting(trim=0.2).fit(table, y="y", d="d", x=X)
    weights = weights_of(estimate, table["d"].to_numpy())
    assert ((weights == 0) == ~estimate.details.kept).all()
    assert 0 < (weights == 0).sum() < 400


def test_estimators_are_compared_and_the_page_is_written(table, tmp_path):
    estimates = {
        "weighting": InverseProbabilityWeighting().fit(table, y="y", d="d", x=X),
        "balancing": EntropyBalancing().fit(table, y="y", d="d", x=X),
    }
    page = write_report(tmp_path / "run", estimates, table, y="y", d="d", x=X).read_text(encoding="utf-8")
    frame = report_sections(estimates, table, y="y", d="d", x=X)[1].tables[0].frame
    assert frame["label"].tolist() == ["weighting", "balancing"]
    assert frame["what"].nunique() == 2  # everybody, and the treated
    assert frame["estimate"].tolist() == [estimate.point[0] for estimate in estimates.values()]
    assert "Love plot" in page
    assert "no unmeasured cause of both treatment and outcome" in page


def test_bad_input_is_answered(table):
    estimate = DifferenceInMeans().fit(table, y="y", d="d")
    with pytest.raises(ValueError, match="estimates: none given"):
        report_sections({}, table, y="y", d="d")
    with pytest.raises(ValueError, match="estimates: 'Difference in means' has 400 rows and the data 100"):
        report_sections(estimate, table.iloc[:100], y="y", d="d")
