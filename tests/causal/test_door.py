"""Estimates of every kind show themselves and come back from files; tests/door has one of each class."""

import pytest

from ceteris.testing import check_saved, check_shown
from door.cases_causal import MORE


@pytest.mark.parametrize("case", MORE.values(), ids=list(MORE))
def test_every_kind_of_estimate_is_shown_and_saved(case):
    thing = case.make()
    check_shown(thing)
    check_saved(thing, case.answer)
