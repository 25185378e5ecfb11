"""For whom a treatment works, by a causal forest: sections of a report, and the few lines that a terminal shows.

Effects are those of a forest on all rows, out of bag. Whether they tell anything is judged on halves: a forest on one
half ranks the rows of the other, whose scores come from a forest of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ceteris.causal import figures
from ceteris.causal.heterogeneity.causal_forest import CausalForest, FittedCausalForest
from ceteris.causal.heterogeneity.effects import Effects
from ceteris.causal.heterogeneity.evaluate.sections import evaluation_sections
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.results import Estimate, Section, Table

FEWEST = 200  # rows of which each half still tells something
IN_A_GROUP = 50  # rows, at least, of a group whose mean effect is shown


class ForWhom(NamedTuple):
    """What the forest found.

    Attributes
    ----------
    average, projection : Estimate
        The average effect, and the linear function of the covariates closest to the effect.
    effects : Effects
        Of each row, out of bag.
    sections : tuple of Section
    """

    average: Estimate
    projection: Estimate
    effects: Effects
    sections: tuple[Section, ...]


def for_whom(
    frame: pd.DataFrame,
    *,
    y: str,
    d: str,
    x: list[str],
    cluster: str | None = None,
    level: float = 0.95,
    seed: int = 0,
    growth: TreeSettings | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> ForWhom:
    """Grow a causal forest on all rows and one on each half, and say for whom the treatment works.

    Parameters
    ----------
    frame : DataFrame
        Without holes in the columns named.
    y, d : str
    x : list of str
    cluster : str, optional
        Rows of a cluster go into one half.
    level : float
        Of intervals.
    seed : int
    growth : TreeSettings, optional
    say : callable
        Takes a line for each step.

    Examples
    --------
    >>> from ceteris.data import simulate_nie_wager
    >>> found = for_whom(simulate_nie_wager("A", 300), y="y", d="d", x=["x0", "x1"], growth=TreeSettings(trees=20))
    >>> [section.title for section in found.sections]
    ['For whom it works', 'Ranking', 'Groups', 'Who they are']
    """
    if len(frame) < FEWEST:
        raise ValueError(
            f"forest: there are {len(frame)} rows, but must be {FEWEST} at least, of which each half is judged by the "
            "other; leave it out, or add rows."
        )
    roles: dict[str, Any] = {"y": y, "d": d, "x": x, "cluster": cluster}
    forest = CausalForest(growth or TreeSettings(seed=seed))
    say(f"Growing a causal forest of {forest.growth.trees} trees on {len(frame):,} rows.")
    fitted = forest.fit(frame, **roles)
    average, projection, effects = fitted.average(), fitted.best_linear_projection(), fitted.effect(level=level)
    say("Growing one on each half, to see whether the one knows who gains in the other.")
    learnt = halves(frame, cluster, seed)
    ranking, judge = (forest.fit(frame[part], **roles) for part in (learnt, ~learnt))
    other = frame[~learnt]
    groups = int(np.clip(len(other) // IN_A_GROUP, 2, 5))
    codes = None if cluster is None else np.unique(other[cluster].astype(str), return_inverse=True)[1]
    judged = evaluation_sections(judge.scores, ranking.effect(other[x]).point, other[x], groups=groups, cluster=codes)
    first = described(fitted, average, projection, effects, level)
    return ForWhom(average, projection, effects, (first, *judged))


def halves(frame: pd.DataFrame, cluster: str | None, seed: int) -> np.ndarray:
    """Mark a random half of the rows, or of the clusters, shape (rows,)."""
    n = len(frame)
    unit = np.arange(n) if cluster is None else np.unique(frame[cluster].astype(str), return_inverse=True)[1]
    drawn = np.random.default_rng(seed).permutation(int(unit.max()) + 1)
    return (drawn < (unit.max() + 1) / 2)[unit]


def described(
    fitted: FittedCausalForest, average: Estimate, projection: Estimate, effects: Effects, level: float
) -> Section:
    """The forest on all rows: its average, how effects spread, and what they go with."""
    calibration = fitted.calibration()
    importance = fitted.importance().rename("share of splits").to_frame()
    note = "The linear function of the covariates closest to the effect; standard errors are HC3, or by cluster."
    tables = (
        Table("Average effect of the forest", average.frame(level)),
        Table("How effects spread over the rows", effects.spread(level), effects.about.interval),
        Table("Best linear projection", projection.frame(level), note),
        Table("Calibration", calibration.frame(level), calibration.about.estimand),
        Table("Importance", importance, "Share of the splits by covariate, those near the root counting more."),
    )
    caption = "Effects of the rows, out of bag; the line is their doubly robust average."
    point = effects.point.reshape(-1)
    picture = figures.histogram(point, float(average.point[0]), "Effects", caption, "effect")
    text = "Effects of a causal forest, out of bag: for each row from the trees that have not seen it."
    return Section("For whom it works", text, tables, (picture,), (*average.checks, *calibration.checks))
