"""Estimates of every kind, and what is said about them, show themselves and come back from files."""

import pytest

from ceteris.testing import check_saved, check_shown
from door.cases_causal import CASES, MORE


@pytest.mark.parametrize("case", MORE.values(), ids=list(MORE))
def test_every_kind_of_estimate_is_shown_and_saved(case):
    thing = case.make()
    check_shown(thing)
    check_saved(thing, case.answer)


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_results_of_causal_work_are_shown_and_saved(kind):
    thing = CASES[kind].make()
    assert type(thing) is kind
    check_shown(thing)
    check_saved(thing, CASES[kind].answer)
