"""What models of effects show: a screen of words and numbers, and the sections of a report."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.causal import figures
from ceteris.causal.heterogeneity import pictures
from ceteris.causal.heterogeneity.effects import Effects
from ceteris.causal.heterogeneity.evaluate.inputs import constant
from ceteris.causal.heterogeneity.evaluate.sections import evaluation_sections
from ceteris.causal.rows import Rows
from ceteris.causal.screens import NAME, counted, estimated, page
from ceteris.outlets import brief
from ceteris.results import Check, Estimate, Section, Table
from ceteris.showing import AbstractResult

if TYPE_CHECKING:
    import pandas as pd

NOTHING = 1e-9  # a mean that is so small beside the largest effect is zero
MOST = 5  # covariates that are named on a screen


@dataclass(frozen=True, eq=False)
class EffectView:
    """All that is needed to show a model of effects.

    Attributes
    ----------
    method : str
    rows : Rows
    tau : array, shape (n,) or (n, k)
        Effects at the training rows.
    names : tuple of str
        One for each column of ``tau``.
    sampled : callable
        Takes numbers of training rows and returns their `Effects`.
    average : Estimate or None
        Average effects, where they are quickly found.
    facts : mapping of str to str
        Further lines of the screen.
    checks : tuple of Check
    parts : callable
        Returns further sections, which may take a while.
    """

    method: str
    rows: Rows
    tau: np.ndarray
    names: tuple[str, ...]
    sampled: Callable[[np.ndarray], Effects]
    average: Estimate | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    parts: Callable[[], tuple[Section, ...]] = tuple

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """Effects by contrast, shape (n,) each."""
        return dict(zip(self.names, self.tau.reshape(self.rows.n, -1).T, strict=True))

    def summary(self) -> str:
        """Return one screen."""
        rows = self.rows
        title = f"{self.method}: effect of {brief(rows.treatment, NAME)} on {brief(rows.outcome, NAME)}"
        found = {"rows": described(rows), "covariates": listed(rows.names)}
        if self.average is not None:
            found |= {name: estimated(self.average, k) for k, name in enumerate(self.average.names[:MOST])}
        for name, column in list(self.columns.items())[:MOST]:
            found["effects" if len(self.names) == 1 else f"effects {brief(name, NAME)}"] = spread_of(column)
        return page(f"{title} by {counted(len(rows.names), 'covariate')}", found | dict(self.facts), self.checks)

    def effects(self) -> Section:
        """Return the effects, how they spread, and their averages; quickly."""
        average = () if self.average is None else (Table("Average effects", named_rows(self.average)),)
        drawn, said = pictures.of_contrasts(self.columns, self.sampled)
        spread = Effects(self.tau, None, self.names).spread()
        tables = (*average, Table("Effects of the training rows", spread.rename_axis("").reset_index()))
        return Section("Effects", said, tables, drawn, self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return all that a report shows."""
        return (self.effects(), *self.parts())


class AbstractEffectResult(AbstractResult):
    """A fitted model of effects: it shows itself by its `EffectView`."""

    @abstractmethod
    def _view(self) -> EffectView:
        """Return what there is to be shown."""

    def summary(self) -> str:
        """One screen: rows, average effect, how effects differ, by what, and which checks failed."""
        return self._view().summary()

    def sections(self) -> tuple[Section, ...]:
        """What a report shows: effects, what they differ by, how well they rank and fit, overlap."""
        return self._view().sections()

    def glance(self) -> Section:
        """The first of the sections."""
        return self._view().effects()


def named_rows(found: Estimate) -> pd.DataFrame:
    """The frame of an estimate with the names as a column."""
    return found.frame().rename_axis("").reset_index()


def described(rows: Rows) -> str:
    """How many rows there are, treated ones and clusters among them."""
    said = f"{rows.n:,}"
    if rows.d.ndim == 1 and not rows.levels and np.isin(rows.d, (0, 1)).all():
        said += f", {int(rows.d.sum()):,} of them treated"
    elif rows.levels:
        counts = np.bincount(rows.d.astype(int), minlength=len(rows.levels))
        said += ": " + ", ".join(f"{n:,} {brief(level, NAME)}" for n, level in zip(counts, rows.levels, strict=True))
    for groups in rows.clusters:
        said += f", in {len(np.unique(groups)):,} clusters"
    return said


def listed(names: tuple[str, ...]) -> str:
    """The first names."""
    more = f" and {len(names) - 2 * MOST} more" if len(names) > 2 * MOST else ""
    return ", ".join(brief(name, NAME) for name in names[: 2 * MOST]) + more


def spread_of(tau: np.ndarray) -> str:
    """How effects (n,) differ, in words."""
    least, lower, upper, most = np.quantile(tau, [0, 0.25, 0.75, 1])
    return (
        f"mean {tau.mean():.3g}, standard deviation {tau.std(ddof=1):.3g}; from {least:.3g} to {most:.3g}, "
        f"quartiles {lower:.3g} and {upper:.3g}"
    )


def ranked(importance: pd.Series) -> str:
    """The covariates that matter most, in words."""
    return ", ".join(f"{brief(name, NAME)} {share:.2f}" for name, share in importance.head(MOST).items())


def calibration_in_words(test: Callable[[], Estimate], tau: np.ndarray) -> str:
    """What the calibration test says of effects (n,), which may be the same for all."""
    if not _testable(tau):
        return "cannot be tested: the effects are the same for all, or zero on average"
    found = test()
    return (
        f"mean {found.point[0]:.2f} ({found.se[0]:.2f}), differential {found.point[1]:.2f} ({found.se[1]:.2f}); both "
        "are one if right"
    )


def _testable(tau: np.ndarray) -> bool:
    return not constant(tau) and abs(tau.mean()) >= NOTHING * np.abs(tau).max()


# ---------------------------------------------------------------------------------------------------------- sections


def importance_section(importance: pd.Series, projection: Callable[[], Estimate] | None = None) -> Section:
    """By which covariates trees split, and the linear function that is closest to the effect."""
    frame = importance.rename("importance").rename_axis("covariate").reset_index()
    tables = [Table("Importance", frame, "Share of the splits of the first four levels, weighed by 1/level².")]
    if projection is not None:
        tables.append(Table("Best linear projection of the effect", named_rows(projection())))
    text = "The covariates that trees split by; where several say the same, they share what is due to them."
    return Section("What they differ by", text, tuple(tables), (pictures.importance(frame),))


def judged_sections(
    rows: Rows, scores: np.ndarray, tau: np.ndarray, fold: np.ndarray | None = None
) -> tuple[Section, ...]:
    """How well effects at the training rows, each learnt from other rows, rank and fit them.

    Parameters
    ----------
    rows : Rows
    scores, tau : array, shape (n,)
        Doubly robust scores, and effects out of fold or out of bag.
    fold : array, shape (n,) or (n, 2), optional
        Within which effects are ranked.
    """
    import pandas as pd

    if len(rows.clusters) > 1:
        return (Section("Ranking", "With two sets of clusters there is no standard error for a ranking."),)
    within = None if fold is None else np.unique(fold, axis=0, return_inverse=True)[1].reshape(-1)
    x = None if np.isnan(rows.x).any() else pd.DataFrame(rows.x, columns=pd.Index(rows.names))
    cluster = rows.clusters[0] if rows.clusters else None
    groups = int(np.clip(rows.n // 40, 2, 5))
    try:
        return evaluation_sections(scores, tau, x, groups=groups, within=within, cluster=cluster)
    except ValueError as error:  # few rows, or many of the same effect
        return (Section("Ranking", f"Groups by the size of the effect cannot be formed. {error}"),)


def calibration_sections(test: Callable[[], Estimate], tau: np.ndarray, factor: float) -> tuple[Section, ...]:
    """The calibration test of effects (n,), where there can be one, and by how much the forest calibrates."""
    if not _testable(tau):
        return ()
    found = test()
    text = f"{found.about.estimand} The forest multiplies the differences between rows by {factor:.3g}."
    table = Table("Calibration test", named_rows(found), "Of the effects out of bag, before they are calibrated.")
    return (Section("Calibration", text, (table,), checks=found.checks),)


def overlap_section(e: np.ndarray, d: np.ndarray, clip: float, arm: Any = None) -> Section:
    """Propensities of treated and control rows (n,)."""
    figure = figures.score_histogram(e, d, clip)
    if arm is not None:
        figure = replace(figure, title=f"Propensity score of {arm}")
    text = "Where only one side has rows, nobody is there to compare with."
    return Section("Overlap" if arm is None else f"Overlap of {arm}", text, figures=(figure,))
