"""Which rows are learnt from and which are set aside: every row judges, none twice, no fold is looked into."""

import numpy as np
import pytest

from ceteris.training import bootstrap, padded, split


def test_every_row_judges_some_member_and_none_twice():
    rows = split(np.arange(100), 10, 0.1, np.random.default_rng(0))
    for train, held in zip(rows.train, rows.heldout, strict=True):
        own = held[held < 100]
        assert sorted([*train, *own]) == list(range(100))
    assert len(np.unique(rows.train, axis=0)) == 10
    few = split(np.arange(10), 3, 0.1, np.random.default_rng(0))
    assert few.heldout is None
    assert few.train.tolist() == [list(range(10))] * 3


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_members_of_a_group_stay_within_its_rows(share):
    groups = [np.arange(0, 200), np.arange(100, 299), np.r_[0:100, 200:300]]
    rows = split(np.zeros(300), 2, share, np.random.default_rng(0), groups)
    for member, train in enumerate(rows.train):
        own = set(groups[member // 2].tolist())
        held = [] if rows.heldout is None else [row for row in rows.heldout[member].tolist() if row < 300]
        assert len(set(train.tolist())) == len(train) == rows.train.shape[1]  # no row twice
        assert set(train.tolist()) | set(held) <= own
        assert not set(train.tolist()) & set(held)
        if share:
            assert set(train.tolist()) | set(held) == own
            assert len(held) == pytest.approx(share * len(own), abs=8)  # the number of training rows is rounded down
        else:
            assert not held
            assert len(train) == 199  # the smallest group


def test_rows_set_aside_have_the_shares_of_the_strata():
    strata = np.repeat([0, 1], [180, 20])
    rows = split(strata, 4, 0.2, np.random.default_rng(1))
    for held in rows.heldout:
        rare = strata[held[held < 200]].sum()
        assert 3 <= rare <= 5  # a tenth of the 40 set aside, to one row


@pytest.mark.parametrize("n", [512, 1_000, 19_177])
def test_rows_set_aside_are_spread_over_the_target_where_sizes_are_rounded(n):
    rows = split(np.arange(n), 2, 0.1, np.random.default_rng(0))
    for held in rows.heldout:
        own = held[held < n]
        # in each twentieth of the target there is a twentieth of them, to within the three that dealing may shift
        shares = np.histogram(own, np.linspace(0, n, 21))[0]
        assert np.abs(shares - len(own) / 20).max() <= 3


def test_bootstrap_judges_by_rows_not_drawn():
    rows = bootstrap(400, 5, np.random.default_rng(0))
    for drawn, left in zip(rows.train, rows.heldout, strict=True):
        assert not set(drawn.tolist()) & set(left.tolist())
        assert len(set(left.tolist())) == len(left) == 101
    share = np.mean([len(set(drawn.tolist())) for drawn in rows.train]) / 400
    assert share == pytest.approx(1 - np.exp(-1), abs=0.03)  # of rows met at least once; standard error 0.01


def test_rows_that_fill_up_have_no_weight():
    columns = padded({"x": np.ones((64, 2), np.float32), "y": np.ones(64, int)})
    assert {name: (len(a), a[64:].any()) for name, a in columns.items()} == dict.fromkeys("wxy", (96, False))
    assert columns["y"].dtype == int
