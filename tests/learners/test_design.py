"""Groups stay on one side of every cut, time runs forward; each refusal."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut

from ceteris.learners import compare
from ceteris.learners.metrics import bootstrap


class Watcher(RegressorMixin, BaseEstimator):
    """Keeps the column 'row' of everything it is shown."""

    log: list = []  # noqa: RUF012

    def fit(self, X, y):
        self.log.append(("fit", X))
        self.mean_ = y.mean()
        return self

    def predict(self, X):
        self.log.append(("predict", X))
        return np.full(len(X), self.mean_)


def watched(X, y, **options):
    Watcher.log = []
    c = compare(X, y, learners={"watcher": Watcher()}, **options)
    rows = [(what, shown["row"].astype(int).to_numpy()) for what, shown in Watcher.log]
    return c, [r for what, r in rows if what == "fit"], [r for what, r in rows if what == "predict"], Watcher.log[0][1]


def table(n=120, firms=15):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"row": np.arange(n), "firm": rng.integers(firms, size=n), "x": rng.normal(size=n)})
    X["firm"] = "F" + X["firm"].astype(str)
    return X, X["x"] + rng.normal(size=n)


@pytest.mark.parametrize("cv", ["auto", "groups", 3, GroupKFold(4), LeaveOneGroupOut()])
def test_a_group_is_on_one_side_of_every_cut(cv):
    X, y = table()
    c, fits, predictions, seen = watched(X, y, groups="firm", cv=cv)
    firm = X["firm"].to_numpy()
    test = c.test_predictions.index.to_numpy()
    rest = np.setdiff1d(np.arange(120), test)
    assert not set(firm[test]) & set(firm[rest])
    assert 0.1 < len(test) / 120 < 0.3  # about a fifth of the rows, whole firms
    for a, b in zip(fits[:-1], predictions[:-1], strict=True):
        assert not set(firm[a]) & set(firm[b])
    assert sorted(np.concatenate(predictions[:-1])) == sorted(rest)
    assert list(seen) == ["row", "x"]  # the name takes the column out
    assert "all of other groups" in c.design


def test_groups_beside_the_table_leave_it_as_it_is():
    X, y = table()
    by_name = watched(X, y, groups="firm")[0]
    c, _, _, seen = watched(X, y, groups=X["firm"])
    assert list(seen) == ["row", "firm", "x"]
    assert c.test_predictions.index.equals(by_name.test_predictions.index)
    again = watched(X, y, groups=X["firm"].tolist())[0]
    assert c.test_predictions.index.equals(again.test_predictions.index)


def test_classes_of_groups_are_stratified():
    X, _ = table(300, firms=40)
    y = np.where(X["x"] > 0.5, "yes", "no")
    c = compare(X, y, learners=["logistic"], groups="firm")
    assert "StratifiedGroupKFold" in c.design
    assert set(c.table["status"]) == {"ok"}


def test_resamples_of_groups_are_of_wholes():
    """Rows of a group are copies: the error of a mean is that of as many rows as there are groups."""
    rng = np.random.default_rng(0)
    value, group = np.repeat(rng.normal(size=40), 25), np.repeat(np.arange(40), 25)
    mean = lambda w: {"mean": w @ value / w.sum(-1)}
    drawn = bootstrap(mean, 1000, np.random.default_rng(0), 2000, cluster=group)["mean"]
    # 2000 draws know a standard error to 1.6%; the bootstrap's variance has n, not n - 1, below it.
    assert drawn.std() == pytest.approx(value[::25].std() / np.sqrt(40), rel=0.05)
    alone = bootstrap(mean, 1000, np.random.default_rng(0), 50, cluster=np.zeros(1000))["mean"]
    assert alone.isna().all()


def test_intervals_of_the_test_part_are_of_groups():
    rng = np.random.default_rng(1)
    firm = np.repeat(np.arange(60), 10)
    X = pd.DataFrame({"x": np.repeat(rng.normal(size=60), 10), "firm": firm})
    y = X["x"] + np.repeat(rng.normal(size=60), 10) + 0.1 * rng.normal(size=600)
    c = compare(X, y, learners=["linear"], groups="firm", seed=2)
    beside = compare(X[["x"]], y, learners=["linear"], seed=2)
    assert c.table.loc["linear", "test mse se"] > 2 * beside.table.loc["linear", "test mse se"]


def test_time_runs_forward_and_moments_stay_together():
    X, y = table()
    X["year"] = np.random.default_rng(3).integers(2000, 2012, 120)
    c, fits, predictions, seen = watched(X, y, time="year")
    year = X["year"].to_numpy()
    assert list(seen) == ["row", "firm", "x"]
    assert "the last rows" in c.design
    for a, b in zip(fits, predictions, strict=True):
        assert year[a].max() < year[b].min()
    test = set(c.test_predictions.index)
    assert test == set(np.flatnonzero(year >= year[list(test)].min()))
    assert c.test_predictions["y"].to_numpy() == pytest.approx(y[c.test_predictions.index].to_numpy())


@pytest.mark.parametrize("kind", ["numbers", "dates", "text", "array"])
def test_time_of_every_kind_gives_the_folds_of_rows_in_order(kind):
    X, y = table()
    in_order, moved = compare(X, y, learners=["linear"], cv="expanding"), np.random.default_rng(0).permutation(120)
    when = pd.Series(pd.date_range("2020-01-01", periods=120, freq="D"))
    when = {"numbers": pd.Series(np.arange(120.0)), "text": when.dt.strftime("%Y-%m-%d")}.get(kind, when)
    later, target = X.iloc[moved].reset_index(drop=True), y.iloc[moved].reset_index(drop=True)
    given = when.iloc[moved].to_numpy()
    c = (
        compare(later, target, learners=["linear"], time=given)
        if kind == "array"
        else compare(later.assign(when=given), target, learners=["linear"], time="when", cv="time")
    )
    np.testing.assert_allclose(c.fold_scores, in_order.fold_scores, rtol=1e-9)
    assert moved[c.test_predictions.index].tolist() == in_order.test_predictions.index.tolist()


def test_a_window_of_moments_rolls():
    X, y = table()
    X["year"] = np.arange(120) // 10
    _, fits, predictions, _ = watched(X, y, time="year", cv="rolling")
    # Ten years to learn from in six parts of one, the first of five: windows of five years, one judged.
    assert [len(set(a // 10)) for a in fits[:-1]] == [5] * 5
    assert [set(b // 10) for b in predictions[:-1]] == [{5}, {6}, {7}, {8}, {9}]


def refuses(message, X=None, **options):
    table_, y = table()
    if X is None:
        X = table_.assign(year=np.arange(120), word=["soon"] * 120)
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        compare(X, y, learners=["linear"], **options)
    assert "\n" not in str(caught.value)


def test_refusals():
    refuses("groups is 'frm', but must be a column of X: row, firm, x, year, word; did you mean 'firm'", groups="frm")
    refuses("time is 'yeer', but must be a column of X: .*; did you mean 'year'", time="yeer")
    refuses("groups and time are both given, but a table is cut by one of them", groups="firm", time="year")
    refuses("groups holds 7, but must hold 120, one for each row of X; give as many", groups=list("abcdefg"))
    refuses("groups: 1 of 120 rows have none; drop these rows or say theirs", groups=[None, *"ab" * 59, "c"])
    refuses("groups holds 1 different labels, but there must be three at least", groups="word")
    refuses("time holds 'soon', but must hold numbers or dates, such as 2024-03-31; convert it", time="word")
    refuses("time is the same in all rows, but the test part is what comes last", X=table()[0], time=np.ones(120))
    refuses(
        "cv is 'kfold', but groups is given, so that it must be 'groups'; leave cv out, or groups",
        groups="firm",
        cv="kfold",
    )
    refuses(
        "cv is 'stratified', but time is given, so that it must be 'rolling' or 'expanding' or 'time'",
        time="year",
        cv="stratified",
    )
    refuses("cv is 'groups', but groups is not given; name the column of X that holds it", cv="groups")
    refuses("cv is 'time', but time is not given; name the column", cv="time")
    refuses(
        "cv cuts the groups to learn from into 5 parts, but there are 3: use cv=3",
        X=table()[0],
        groups=np.arange(120) % 4,
    )
    refuses(
        "cv cuts the moments to learn from into 6 parts, but there are 3: use TimeSeriesSplit",
        X=table()[0],
        time=np.arange(120) % 4,
    )
    refuses(
        "groups is a name, 'firm', but X has no names of columns; give a data frame", X=np.ones((120, 2)), groups="firm"
    )
    refuses("groups: 'firm' is the only column of X", X=table()[0][["firm"]], groups="firm")
