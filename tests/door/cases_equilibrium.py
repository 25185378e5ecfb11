"""A solution of the growth model, and what it is asked."""

from functools import cache

from ceteris.equilibrium import Accuracy, ImpulseResponse, Polish, Solution, named, solve
from door.case import Case


@cache
def solution():
    """Growth to a few digits: a tiny network on few states."""
    return solve(named("growth"), phases=[Polish(states=80, steps=5)], widths=(4,), tolerance=1e-2)


CASES = {
    Solution: Case(solution, lambda it: it.policy({"k": [2.0, 3.0], "z": 0.01})["c"]),
    Accuracy: Case(lambda: solution().accuracy(periods=200, burn_in=10), lambda it: [it.path, it.den_haan_marcet]),
    ImpulseResponse: Case(lambda: solution().impulse_response("eps", periods=10, paths=20), lambda it: it.frame),
}
