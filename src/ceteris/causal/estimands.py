"""What is estimated, in words and as a formula, and what has to be believed for it: shared by the estimators.

A treatment that is independent of the potential outcomes need not be so given covariates (it is sometimes printed that
it must): that follows where treatment is independent of potential outcomes and covariates together, which covariates
measured before an experiment satisfy and those that the treatment itself may have moved do not.
"""

from __future__ import annotations

from collections.abc import Sequence

from ceteris.arguments import one_of
from ceteris.results import About

WORDS = {
    "ATE": ("the average effect of the treatment on everybody", "E[Y(1) - Y(0)]"),
    "ATT": ("the average effect of the treatment on the treated", "E[Y(1) - Y(0) | D = 1]"),
    "ATU": ("the average effect that the treatment would have on the untreated", "E[Y(1) - Y(0) | D = 0]"),
}
SUTVA = "A unit's outcome depends on its own treatment only, and the treatment is the same thing for everybody (SUTVA)."
RANDOM = "Treatment was assigned at random, so that it says nothing about the potential outcomes."
UNCONFOUNDED = (
    "Given the covariates, treatment is as good as random: no unmeasured cause of both treatment and outcome."
)
OVERLAP = "Overlap: at every value of the covariates both treatments occur with positive probability."


def pick_estimand(estimand: str) -> str:
    """Return the estimand if it is one of ATE, ATT and ATU.

    Examples
    --------
    >>> pick_estimand("ATT")
    'ATT'
    """
    return one_of("estimand", estimand, WORDS)


def described(method: str, estimand: str, assumptions: Sequence[str], among: str = "") -> About:
    """What an estimate of ATE, ATT or ATU says of itself.

    Examples
    --------
    >>> described("Matching", "ATT", [SUTVA]).estimand
    'The average effect of the treatment on the treated.'
    """
    words, formula = WORDS[estimand]
    return About(method, f"{words[0].upper()}{words[1:]}{among}.", f"τ = {formula}", tuple(assumptions))
