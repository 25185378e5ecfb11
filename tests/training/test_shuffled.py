import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.training import MemberRows, filled_rows, padded, size_class, split
from ceteris.training.shuffled import ShuffledRows


def drawn(count, batch, updates, steps, rows=40):
    sampler = ShuffledRows(jnp.arange(rows), jnp.arange(rows), jnp.array(count), batch, updates)
    memory, found = sampler.init(None, jax.random.key(0)), []
    for t in range(steps):
        batches, memory = sampler.draw(None, memory, jax.random.key(t + 1), None)
        assert batches.shape == (updates, batch)
        found += batches.ravel().tolist()
    return np.array(found)


@pytest.mark.parametrize(("count", "batch", "updates"), [(31, 4, 7), (12, 4, 3), (40, 8, 3)])
def test_every_row_that_counts_is_drawn_once_a_round_and_no_other(count, batch, updates):
    found = drawn(count, batch, updates, steps=2 * count)
    for start in range(0, len(found) - count, count):
        assert sorted(found[start : start + count]) == list(range(count))
    rounds = found[: 2 * count].reshape(2, -1)
    assert (rounds[0] != rounds[1]).any()  # shuffled again


def test_sizes_of_a_class_meet_and_do_not_overlap():
    found = [size_class(n) for n in range(2, 5_000)]
    assert all(low <= n <= high for n, (low, high) in zip(range(2, 5_000), found, strict=True))
    assert all(a == b or b[0] == a[1] + 1 for a, b in itertools.pairwise(found))
    assert len(set(found)) < 45
    assert max(high / low for low, high in found[60:]) < 1.25  # what filling up costs


@pytest.mark.parametrize("n", [25, 100, 424, 470, 512, 6_000])
def test_filled_rows_are_those_of_the_members_and_fillers_weigh_nothing(n):
    rows = split(np.zeros(n), 3, 0.2, np.random.default_rng(0))
    filled = filled_rows(rows, n, n)
    data = padded({"x": np.ones((n, 1), np.float32)}, size_class(n)[1])
    assert filled.count == rows.train.shape[1]
    assert len(data["w"]) == size_class(n)[1] + 1
    assert (filled.train[:, : filled.count] == rows.train).all()
    assert (filled.train[:, filled.count :] == n).all()
    for i in range(3):
        kept = filled.heldout[i][filled.heldout[i] < n]
        assert sorted(kept) == sorted(rows.heldout[i][rows.heldout[i] < n])
    assert data["w"][n:].sum() == 0


def test_tables_of_a_class_have_one_shape():
    shapes = set()
    for n in (424, 470, 512):
        filled = filled_rows(split(np.zeros(n), 2, 0.2, np.random.default_rng(0)), n, n)
        shapes.add((filled.train.shape, filled.heldout.shape))
    assert len(shapes) == 1


def test_without_rows_set_aside_none_are_filled_up():
    assert filled_rows(MemberRows(np.arange(10)[None]), 10, 10).heldout is None
