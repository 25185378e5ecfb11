"""A question to the shell about an effect: which design, which columns, which options go together.

Nothing heavy is imported here, so that what contradicts itself is refused at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ceteris.arguments import one_of, probability, whole

ESTIMANDS = ("ATE", "ATT", "ATU")
CROSS_FITTED = ("folds", "repeats")


@dataclass(frozen=True)
class DesignChoice:
    """One way to an effect.

    Parameters
    ----------
    title, what : str
        Its name, and it in a few words.
    takes : tuple of str
        Options that mean something to it, besides those that all have.
    needs : tuple of str
        Options of which it needs one.
    adjusts : bool
        Whether all other columns are covariates unless some are named.
    """

    title: str
    what: str
    takes: tuple[str, ...]
    needs: tuple[str, ...] = ()
    adjusts: bool = True


TO_ALL, OF_WEIGHTS = ("cluster", "forest"), ("cluster", "estimand", "forest")
DESIGNS = {
    "interactive": DesignChoice(
        "Interactive model", "cross-fitted, doubly robust, for a treatment of 0 and 1", (*OF_WEIGHTS, *CROSS_FITTED)
    ),
    "partially-linear": DesignChoice(
        "Partially linear model", "cross-fitted, for a treatment of any numbers", (*TO_ALL, *CROSS_FITTED)
    ),
    "regression": DesignChoice("Regression", "least squares on treatment and covariates", TO_ALL),
    "matching": DesignChoice(
        "Matching", "nearest neighbours, differences within pairs adjusted", ("estimand", "forest")
    ),
    "weighting": DesignChoice("Weighting", "by inverse probabilities of treatment, from a logit", OF_WEIGHTS),
    "balancing": DesignChoice("Entropy balancing", "weights that make means of covariates equal", OF_WEIGHTS),
    "randomised": DesignChoice(
        "Experiment",
        "difference in means, within strata, or regressions in each arm",
        (*OF_WEIGHTS, "strata"),
        adjusts=False,
    ),
    "iv": DesignChoice("Instrument", "cross-fitted", ("iv", "cluster", *CROSS_FITTED), needs=("iv",)),
    "did": DesignChoice(
        "Differences in differences",
        "before and after, with and without treatment, cross-fitted",
        ("before", "time", "unit", "cluster", *CROSS_FITTED),
        needs=("before", "time"),
        adjusts=False,
    ),
}
TELLS = {
    "iv": "iv",
    "before": "did",
    "time": "did",
    "unit": "did",
    "strata": "randomised",
}  # the design, if none is named


@dataclass(frozen=True)
class Question:
    """What is asked.

    Parameters
    ----------
    y, d : str
        Columns of outcome and treatment.
    x : tuple of str or None
        Covariates; None for what the design takes by default.
    cluster : tuple of str
        One or two columns of clusters.
    design : str or None
        One of `DESIGNS`; None to go by the treatment and the options.
    iv : tuple of str
        Instruments.
    before, time, unit, strata : str or None
        The outcome before the treatment; the period and the unit of a row; strata of an experiment.
    estimand : str or None
        Whose effect is averaged.
    folds, repeats : int or None
        Of cross-fitting.
    treated : str or None
        The label of the treatment that counts as 1.
    forest : bool
        Whether to ask for whom it works.
    level : float
        Of intervals.

    Examples
    --------
    >>> Question("wage", "training", iv=("distance",)).design_named
    'iv'
    >>> Question("wage", "training", design="matching", cluster=("town",)).refuse()
    Traceback (most recent call last):
    ValueError: cluster is town, but must be left out with the design matching; leave it out, or choose one of the ...
    """

    y: str
    d: str
    x: tuple[str, ...] | None = None
    cluster: tuple[str, ...] = ()
    design: str | None = None
    iv: tuple[str, ...] = ()
    before: str | None = None
    time: str | None = None
    unit: str | None = None
    strata: str | None = None
    estimand: str | None = None
    folds: int | None = None
    repeats: int | None = None
    treated: str | None = None
    forest: bool = False
    level: float = 0.95

    @property
    def design_named(self) -> str | None:
        """The design, as it is named or as an option tells it."""
        told = (design for option, design in TELLS.items() if self.options.get(option))
        return self.design or next(told, None)

    @property
    def options(self) -> dict[str, Any]:
        """Options that mean something to some designs only, and what was given for them."""
        names = ("cluster", "iv", "before", "time", "unit", "strata", "estimand", *CROSS_FITTED, "forest")
        return {name: getattr(self, name) for name in names}

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that are named, and must be in the table."""
        one = [name for name in (self.y, self.d, self.before, self.time, self.unit, self.strata) if name is not None]
        return tuple(dict.fromkeys([*one, *self.cluster, *self.iv, *(self.x or ())]))

    def refuse(self) -> None:
        """Raise if options contradict each other, or a value is none that is allowed."""
        probability("level", self.level)
        if self.design is not None:
            one_of("design", self.design, DESIGNS)
        if self.estimand is not None:
            one_of("estimand", self.estimand, ESTIMANDS)
        if self.folds is not None:
            whole("folds", self.folds, least=2, such_as=5)
        if self.repeats is not None:
            whole("repeats", self.repeats, such_as=3)
        if self.design_named is not None:
            self.refuse_for(self.design_named)
        if self.before is not None and self.time is not None:
            raise ValueError(
                f"before is {self.before} and time is {self.time}, but a row has both outcomes or one period; give one."
            )
        if self.unit is not None and self.time is None:
            raise ValueError(f"unit is {self.unit}, but there is no time; name the column of the period by --time.")
        if self.unit is not None and self.cluster:
            raise ValueError(
                f"cluster is {said(self.cluster)}, but the rows of a unit go together already where there is a unit; "
                "leave one of them out."
            )

    def refuse_for(self, name: str) -> None:
        """Raise if options mean nothing to a design, or it lacks what it needs."""
        design = DESIGNS[name]
        for option, given in self.options.items():
            if given and option not in design.takes:
                able = ", ".join(other for other, one in DESIGNS.items() if option in one.takes)
                raise ValueError(
                    f"{option} is {said(given)}, but must be left out with the design {name}; leave it out, or choose "
                    f"one of the designs that take it: {able}."
                )
        if design.needs and not any(self.options[option] for option in design.needs):
            ways = " or ".join(f"--{need}" for need in design.needs)
            raise ValueError(f"design is {name}, but must come with a column named by {ways}; name one.")


def said(given: Any) -> str:
    """Return what was given for an option, as it was typed."""
    if given is True:
        return "asked for"
    return ", ".join(given) if isinstance(given, tuple) else str(given)
