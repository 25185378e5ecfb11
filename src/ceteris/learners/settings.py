"""The settings of a learner, refused before any work starts where they make no sense."""

from __future__ import annotations

from typing import Any

from ceteris import arguments
from ceteris.arguments import COUNT, NOT_NEGATIVE, one_of
from ceteris.recipe import KINDS


def check(learner: Any) -> None:
    """Raise on the first setting that is not allowed, saying what is."""
    decays = NOT_NEGATIVE.or_several("value to try", least=1)
    arguments.check(learner, widths=COUNT.or_several("hidden layer"), weight_decay=decays)
    one_of("optimiser", learner.optimiser, KINDS)
    one_of("unseen", learner.unseen, ("error", "ignore"))
