"""The settings of a learner, refused before any work starts where they make no sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ceteris import arguments
from ceteris.arguments import COUNT, NOT_NEGATIVE, SHARE, a_number, one_of, shown
from ceteris.recipe import KINDS
from ceteris.tables.inputs import Inputs

POWER = a_number(above=1, below=2)


def check(learner: Any) -> None:
    """Raise on the first setting that is not allowed, saying what is."""
    decays = NOT_NEGATIVE.or_several("value to try", least=1)
    arguments.check(
        learner, widths=COUNT.or_several("hidden layer"), weight_decay=decays, power=POWER, label_smoothing=SHARE
    )
    one_of("optimiser", learner.optimiser, KINDS)
    one_of("unseen", learner.unseen, ("error", "ignore"))


def signs_of(monotone: Any, encoding: Inputs) -> tuple[int, ...]:
    """Return the sign of each column of the matrix, 0 where it is free; nothing without ``monotone``.

    Examples
    --------
    >>> import numpy as np
    >>> from ceteris.tables.coding import read
    >>> from ceteris.tables.inputs import learn_inputs
    >>> encoding, _ = learn_inputs(read([[1.0, "red", 3.0], [3.0, "blue", 4.0]]), np.ones(2), steps=4)
    >>> signs_of({"x0": -1}, encoding)
    (-1, 0, 0, 0, 0, 0, 0, 0)
    """
    if monotone is None or (isinstance(monotone, Mapping) and not monotone):
        return ()
    if not isinstance(monotone, Mapping):
        raise ValueError(
            f"monotone is {shown(monotone)}, but must be None or a mapping from columns to -1 or +1; give one, such as "
            "{'price': -1}."
        )
    for name, sign in monotone.items():
        one_of("monotone", name, encoding.names, kind="a mapping from columns of X:")
        if isinstance(sign, bool) or sign not in (-1, 1):
            raise ValueError(
                f"monotone[{name!r}] is {shown(sign)}, but must be -1, where predictions fall with the column, or +1, "
                "where they rise; leave the column out where they may do both."
            )
        if encoding.columns[encoding.names.index(name)].labels is not None:
            raise ValueError(
                f"monotone: column {name!r} holds labels, but must hold numbers, which have an order; code it as "
                "numbers, or leave it out."
            )
    numbers = [int(monotone.get(column.name, 0)) for column in encoding.columns if column.labels is None]
    return (*numbers, *[0] * (encoding.width - len(numbers)))
