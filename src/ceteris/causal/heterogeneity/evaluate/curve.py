"""A curve over the share of units treated, with standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.causal.screens import page, wrapped
from ceteris.results import Figure, Section, Table
from ceteris.showing import AbstractResult

if TYPE_CHECKING:
    import pandas as pd

LABELS = {
    "TOC": ("gain of the first over the average", "Zero throughout if the ranking knows nothing."),
    "gain": ("gain per unit of the sample", "The straight line is a random order."),
    "qini": ("gain per unit of the sample", "The straight line is a random order."),
    "uplift": ("effect among the first", "The flat line is the average effect."),
    "value": ("gain per unit", "Value of treating the first, over treating nobody."),
}

TITLES = {
    "TOC": "Targeting operator characteristic",
    "gain": "Cumulative gain",
    "qini": "Qini curve",
    "uplift": "Uplift curve",
    "value": "Value by budget",
}
ON_SCREEN = 10  # points


@dataclass(frozen=True, eq=False, repr=False)
class Curve(AbstractResult):
    """Values by the share of units that come first.

    Parameters
    ----------
    kind : str
        "TOC", "gain", "qini", "uplift" or "value".
    share : array, shape (m,)
        Shares of the rows, those with the highest priority first.
    value : array, shape (m,)
        The curve there.
    se : array, shape (m,)
        Its pointwise standard errors.

    Examples
    --------
    >>> Curve("gain", np.array([0.5, 1.0]), np.array([2.0, 3.0]), np.array([0.1, 0.2])).frame()["low"].round(3).tolist()
    [1.804, 2.608]
    """

    kind: str
    share: np.ndarray
    value: np.ndarray
    se: np.ndarray

    def frame(self) -> pd.DataFrame:
        """Share, value, standard error, and a pointwise interval of 95 %."""
        import pandas as pd

        columns = {"share": self.share, "value": self.value, "se": self.se}
        ends = {"low": self.value - 1.96 * self.se, "high": self.value + 1.96 * self.se}
        return pd.DataFrame({**columns, **ends})

    def figure(self, title: str = "") -> Figure:
        """The curve, its pointwise band of 95 %, and what a random order would give."""
        label, caption = LABELS[self.kind]
        last = self.value[-1]
        chance = {"TOC": 0 * self.share, "uplift": last + 0 * self.share}.get(self.kind, last * self.share)
        data = self.frame().assign(chance=chance, label=label)
        return Figure(title or TITLES[self.kind], f"Shaded: pointwise 95 %. {caption}", data, _draw)

    def summary(self) -> str:
        """The curve at some shares, with its pointwise interval of 95 %."""
        which = np.unique(np.linspace(0, len(self.share) - 1, min(ON_SCREEN, len(self.share))).round().astype(int))
        label, caption = LABELS[self.kind]
        table = self.frame().iloc[which].to_string(index=False, float_format=lambda v: f"{v:.3f}").split("\n")
        said = f"{label[0].upper()}{label[1:]}, by the share of units that come first. {caption}"
        return page(TITLES[self.kind], {}, (), [*wrapped(said), *table])

    def sections(self) -> tuple[Section, ...]:
        """The curve as a picture and as a table."""
        label, caption = LABELS[self.kind]
        table = Table("Values", self.frame(), "Standard errors and intervals are pointwise.")
        said = f"{label[0].upper()}{label[1:]}, by the share of units that come first. {caption}"
        return (Section(TITLES[self.kind], said, (table,), (self.figure(),)),)


def _draw(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    axes.fill_between(data["share"], data["low"], data["high"], alpha=0.25, linewidth=0)
    axes.plot(data["share"], data["value"])
    axes.plot(data["share"], data["chance"], "--", color="0.5")
    axes.set(xlabel="share of units", ylabel=data["label"][0], xlim=(0, 1))
