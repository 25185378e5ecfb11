"""What models of effects say of themselves is what they have found; and it stays on one screen, whatever the names."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from tests.hostile import hostile_strings

from ceteris.causal.heterogeneity import (
    CausalForest,
    CausalTree,
    Effects,
    ForestRegressor,
    LinearEffects,
    MultiArmForest,
    QuantileForest,
    RLearner,
    TreeSettings,
)
from ceteris.testing import check_shown

FEW = TreeSettings(trees=60)
NAMES = list(dict.fromkeys(["x" * 300, *hostile_strings(12)]))[:8]
LEAST_SQUARES = LinearRegression(), LogisticRegression()


@cache
def trial(n=400, p=3):
    rng = np.random.default_rng(0)
    x, d = rng.normal(size=(n, p)), rng.integers(2, size=n)
    return {"y": d * (1 + x[:, 0]) + rng.normal(size=n), "d": d, "x": x}


def test_the_screen_of_a_forest_says_what_the_forest_says():
    forest = CausalForest(FEW).fit(**trial())
    text, average = repr(forest), forest.average()
    low, high = average.conf_int()[0]
    assert text == str(forest)
    assert text.startswith("Causal forest: effect of d on y by 3 covariates\n")
    assert f"{average.point[0]:.3g}, standard error {average.se[0]:.2g}, 95 % interval [{low:.3g}, {high:.3g}]" in text
    assert f"mean {forest.tau.mean():.3g}, standard deviation {forest.tau.std(ddof=1):.3g}" in text
    assert f"x0 {forest.importance()['x0']:.2f}" in text
    assert f"differential {forest.calibration().point[1]:.2f}" in text
    assert f"400, {trial()['d'].sum()} of them treated" in text


def test_the_picture_of_sorted_effects_shows_rows_as_effect_gives_them():
    forest = CausalForest(FEW).fit(**trial())
    every, drawn = forest.effect(), forest.plot("Effects, sorted").data
    low, high = every.conf_int().T
    order = np.argsort(every.point, kind="stable")
    assert drawn["effect"].is_monotonic_increasing
    assert drawn["effect"].iloc[[0, -1]].tolist() == every.point[order[[0, -1]]].tolist()
    assert drawn["low"].iloc[[0, -1]].tolist() == pytest.approx(low[order[[0, -1]]].tolist(), rel=1e-12)
    assert drawn["high"].iloc[[0, -1]].tolist() == pytest.approx(high[order[[0, -1]]].tolist(), rel=1e-12)
    assert drawn["mean"].unique().tolist() == pytest.approx([every.point.mean()])


def test_a_forest_of_too_few_trees_is_shown_without_intervals():
    forest = CausalForest(TreeSettings(trees=14)).fit(**trial())
    with pytest.raises(FloatingPointError, match="fewer than two bags"):
        forest.effect()
    assert "low" not in forest.plot().data
    assert "grow more trees" in forest._repr_html_()


def test_a_report_of_a_forest_has_its_evidence():
    forest = CausalForest(FEW).fit(**trial())
    titles = [section.title for section in forest.sections()]
    assert titles == ["Effects", "What they differ by", "Ranking", "Groups", "Who they are", "Calibration", "Overlap"]
    tables = {table.title: table.frame for section in forest.sections() for table in section.tables}
    assert tables["Average effects"]["estimate"].tolist() == forest.average().point.tolist()
    assert tables["Importance"]["importance"].tolist() == forest.importance().tolist()
    counts = forest.plot("Propensity score").data[["treated", "control"]].sum().tolist()
    assert counts == [trial()["d"].sum(), 400 - trial()["d"].sum()]


def test_a_forest_with_missing_covariates_and_clusters_has_a_report(tmp_path):
    given = trial()
    x = np.where(np.arange(400)[:, None] % 7 == [0, 1, 2], np.nan, given["x"])
    forest = CausalForest(FEW).fit(y=given["y"], d=given["d"], x=x, cluster=np.arange(400) % 40)
    assert "in 40 clusters" in str(forest)
    page = forest.report(tmp_path / "report").read_text(encoding="utf-8")
    assert "Importance" in page
    assert "Best linear projection" not in page  # there is no line through what is missing


def test_effects_that_do_not_differ_say_so():
    model = LinearEffects(*LEAST_SQUARES, along=[]).fit(**trial())
    assert model.effect().point.tolist() == pytest.approx([model.coefficients.point[0]] * 400)
    assert "no ranking to judge" in " ".join(section.text for section in model.sections())
    check_shown(model)


def test_a_few_rows_make_a_report_without_groups():
    rng = np.random.default_rng(0)
    x, d = rng.integers(2, size=(24, 1)).astype(float), np.arange(24) % 2
    model = RLearner(*LEAST_SQUARES, LinearRegression(), folds=2).fit(y=d * x[:, 0] + rng.normal(size=24), d=d, x=x)
    check_shown(model)


def test_one_screen_whatever_the_names():
    given = trial(400, len(NAMES))
    x = pd.DataFrame(given["x"], columns=pd.Index(NAMES))
    for fitted in (
        CausalForest(FEW).fit(y=given["y"], d=given["d"], x=x),
        CausalTree(least=5).fit(y=given["y"], d=given["d"], x=x),
        QuantileForest(TreeSettings(trees=20, bag=1)).fit(y=given["y"], x=x),
    ):
        check_shown(fitted)


def test_many_arms_and_many_contrasts_fit_on_one_screen():
    rng = np.random.default_rng(0)
    arms = np.array([f"an arm with a long name, number {k}" for k in range(6)])[np.arange(450) % 6]
    fitted = MultiArmForest(replace(FEW, least=30)).fit(y=rng.normal(size=450), d=arms, x=rng.normal(size=(450, 2)))
    check_shown(fitted)
    wide = Effects(rng.normal(size=(50, 9)), None, tuple(f"an arm with a long name, number {k}" for k in range(9)))
    check_shown(wide)
    assert "and 5 more contrasts" in str(wide)
    assert len(wide.figures) == 9


def test_a_deep_causal_tree_is_cut():
    rng = np.random.default_rng(0)
    x, d = rng.uniform(size=(3000, 1)), rng.integers(2, size=3000)
    fitted = CausalTree(least=5).fit(y=10 * d * np.floor(40 * x[:, 0]) + rng.normal(size=3000), d=d, x=x)
    assert len(fitted.leaves()) > 12
    assert "more lines" in str(fitted)
    check_shown(fitted)


def test_quantiles_say_how_many_outcomes_lie_below_them():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(600, 2))
    fitted = QuantileForest(TreeSettings(trees=50, bag=1, least=20)).fit(y=x[:, 0] + rng.normal(size=600), x=x)
    shares = fitted.sections()[0].tables[0].frame
    # 300 rows: three standard errors of a share of a half are .087; that out-of-bag errors are no draws adds to it
    np.testing.assert_allclose(shares["share below"], shares["level"], atol=0.1)
    drawn = fitted.plot().data
    assert (np.diff(drawn["0.5"]) >= 0).all()
    assert (drawn["0.1"] <= drawn["0.9"]).all()


def test_a_regression_forest_keeps_the_manner_of_scikit_learn():
    empty = ForestRegressor(FEW)
    assert repr(empty) == "ForestRegressor(growth=TreeSettings(trees=60))"
    assert "ForestRegressor" in empty._repr_html_()  # scikit-learn's own picture
    x, y = trial()["x"], trial()["y"]
    fitted = empty.fit(x, y)
    assert repr(fitted) == repr(empty)
    check_shown(fitted)
    assert 'class="ceteris"' in fitted._repr_html_()
    predicted = fitted.plot("Observed and predicted").data["predicted"]
    assert predicted.min() == fitted.out_of_bag().min()
