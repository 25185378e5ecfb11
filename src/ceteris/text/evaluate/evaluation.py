"""The result of an evaluation: measures with their intervals, from the same resamples, so that two can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ceteris.arguments import number, one_of, probability, whole
from ceteris.learners.metrics import bootstrap
from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import AbstractResult, screenful

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

FEW = 30  # rows below which percentiles of a bootstrap are not to be trusted


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(AbstractResult):
    """Measures, each with a bootstrap interval.

    Parameters
    ----------
    heading : str
        What was judged, in one line.
    table : DataFrame
        By measure: "value", "low", "high".
    draws : DataFrame, shape (draws, measures)
        The measures of resamples. Evaluations of equally many rows with one seed have the same resamples.
    rows : int
        How many texts, labels or units were judged, or clusters of them: what a resample draws anew.
    level : float
        Of the intervals.
    seed : int
        Of the resamples.
    facts : tuple of str
        Sentences for the screen.
    parts : dict
        Further tables by their title, such as the scores of each text.
    checks : tuple of Check
        What a reader must know before quoting a number.

    Examples
    --------
    >>> from ceteris.text.evaluate import evaluate_labels
    >>> found = evaluate_labels(["a", "b", "a", "b"] * 20, ["a", "b", "a", "a"] * 20)
    >>> found["accuracy"]
    0.75
    >>> found.table.loc["accuracy"].round(2).tolist()
    [0.75, 0.65, 0.84]
    """

    heading: str
    table: pd.DataFrame
    draws: pd.DataFrame
    rows: int
    level: float = 0.95
    seed: int = 0
    facts: tuple[str, ...] = ()
    parts: dict[str, pd.DataFrame] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    def __getitem__(self, measure: str) -> float:
        """The value of a measure."""
        return float(self.table.loc[one_of("measure", measure, self.table.index), "value"])  # pyright: ignore[reportArgumentType]

    def conf_int(self, level: float | None = None) -> pd.DataFrame:
        """Return the intervals, "low" and "high" by measure, of another level where one is given."""
        return _limits(self.draws, self.level if level is None else level)

    def against(self, other: Evaluation) -> Evaluation:
        """Return this minus another evaluation of the same rows, with intervals of the differences.

        Both are resampled together: two systems are right and wrong on the same texts, so that their difference is
        known better than either; two intervals that overlap say little.

        Parameters
        ----------
        other : Evaluation
            Of the same rows in the same order, with the same seed and number of draws.

        Examples
        --------
        >>> from ceteris.text.evaluate import evaluate_labels
        >>> y = ["a", "b", "a", "b"] * 20
        >>> one, other = evaluate_labels(y, ["a", "b", "a", "a"] * 20), evaluate_labels(y, ["a"] * 80)
        >>> one.against(other)["accuracy"]
        0.25
        """
        shared = [name for name in self.table.index if name in other.table.index]
        if not shared or (self.rows, self.seed, len(self.draws)) != (other.rows, other.seed, len(other.draws)):
            raise ValueError(
                f"other: it judges {other.rows} rows with seed {other.seed} and {len(other.draws)} draws, but must "
                f"share measures, rows, seed and draws with this one ({self.rows}, {self.seed}, {len(self.draws)}); "
                "evaluate both in one way."
            )
        draws = self.draws.filter(shared) - other.draws.filter(shared)
        values = {name: self[name] - other[name] for name in shared}
        heading = f"Difference of two evaluations of {self.rows:,} rows, resampled together."
        return judged(heading, values, draws, self.rows, level=self.level, seed=self.seed)

    def summary(self) -> str:
        """Return one screen: the measures, their intervals, and what to beware of."""
        return screenful(self.heading, [*self.facts, self._said()], self.table.reset_index(), self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return the measures, their intervals as a picture, and further tables."""
        tables = [Table("Measures", self.table.reset_index())]
        tables += [Table(title, frame) for title, frame in self.parts.items()]
        figures = [Figure("Measures and intervals", self._said(), self.table.reset_index(), _draw_intervals)]
        if RELIABILITY in self.parts:
            caption = "How often labels are right, by the probability given to them; a calibrated model is on the line."
            figures.append(Figure(RELIABILITY, caption, self.parts[RELIABILITY], _draw_reliability))
        text = "\n\n".join((*self.facts, self._said()))
        return (Section(self.heading.rstrip("."), text, tuple(tables), tuple(figures), self.checks),)

    def _said(self) -> str:
        return f"Intervals hold {self.level:.0%} of {len(self.draws):,} resamples of {self.rows:,} rows."

    def _check_loaded(self) -> None:
        """Raise unless what a file says fits together."""
        if list(self.draws.columns) != list(self.table.index):
            raise ValueError("measures and draws do not fit together")


RELIABILITY = "Reliability"  # title of the table and figure of calibration


def judged(
    heading: str, values: Mapping[str, Any], draws: pd.DataFrame, rows: int, *, level: float = 0.95, seed: int = 0,
    facts: tuple[str, ...] = (), parts: dict[str, pd.DataFrame] | None = None, checks: tuple[Check, ...] = (),
) -> Evaluation:  # fmt: skip
    """Return an evaluation from values and resamples, with what must be said about these; rows is what was drawn."""
    table = pd.DataFrame({"value": pd.Series({name: float(v) for name, v in values.items()})})
    table = table.join(_limits(draws, level)).rename_axis("measure")
    found = (*checks, *_resampling(draws, rows))
    return Evaluation(heading, table, draws, rows, level, seed, facts, parts or {}, found)


def resampled(measures: Any, rows: int, *, draws: int, seed: int, level: float, cluster: Any = None) -> pd.DataFrame:
    """Return measures(w) of bootstrap weights w, shape (b, rows), as a table of draws; arguments are asked first."""
    asked(draws, seed, level)
    if cluster is not None and len(cluster) != rows:
        raise ValueError(f"cluster holds {len(cluster)}, but must hold {rows}, one for each row; give as many.")
    return bootstrap(measures, rows, np.random.default_rng(seed), draws, cluster=cluster)


def asked(draws: int, seed: int, level: float) -> None:
    """Raise unless a bootstrap can be made of these."""
    whole("draws", draws, least=2, such_as=1000)
    whole("seed", seed, least=0)
    probability("level", level)


def _limits(draws: pd.DataFrame, level: float) -> pd.DataFrame:
    number("level", level, above=0, below=1, such_as=0.95)
    ends = draws.quantile([0.5 - level / 2, 0.5 + level / 2])  # of the draws in which a measure is defined
    return pd.DataFrame({"low": ends.iloc[0], "high": ends.iloc[1]})


def _resampling(draws: pd.DataFrame, rows: int) -> tuple[Check, ...]:
    lost = draws.isna().mean()
    found = [Check("enough rows", rows >= FEW, f"{rows} independent rows were judged; percentiles of a bootstrap are "
                   f"too narrow below {FEW}, so judge more.", rows, FEW)]  # fmt: skip
    if lost.max() > 0:
        name = lost.idxmax()
        sentence = f"{name} is undefined in {lost.max():.1%} of the resamples, which its interval leaves out."
        found.append(Check("defined", bool(lost.max() < 0.01), sentence, float(lost.max()), 0.01))
    return tuple(found)


def _draw_intervals(figure: Canvas, data: pd.DataFrame) -> None:
    panels: Any = figure.subplots(len(data), 1, squeeze=False)[:, 0]  # a scale each: some are out of 100, some of 1
    for axes, (_, row) in zip(panels, data.iterrows(), strict=True):
        axes.plot([row["low"], row["high"]], [0, 0], linewidth=3, solid_capstyle="butt")
        axes.plot(row["value"], 0, marker="o")
        axes.set_yticks([0], [row["measure"]])
    figure.set_figheight(max(2.0, 0.7 * len(data)))


def _draw_reliability(figure: Canvas, data: pd.DataFrame) -> None:
    axes: Any = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    axes.plot(data["probability"], data["right"], marker="o")
    axes.set(xlabel="probability given", ylabel="share right", xlim=(0, 1), ylim=(-0.02, 1.02))
