"""What policies show of themselves: whom they treat, and what that is worth on the rows they were learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.causal.screens import NAME, page
from ceteris.outlets import brief
from ceteris.results import Figure, Section, Table

if TYPE_CHECKING:
    import pandas as pd

NOTE = "By the scores that it was learnt from, so too good; out_of_fold with policy_value gives an honest value."
MOST = 5  # covariates and actions that are named on a screen
BARS = 15


@dataclass(frozen=True, eq=False, repr=False)
class Choices:
    """What a policy of k actions chose on the n rows that it was learnt from.

    Attributes
    ----------
    rows : int
    shares : array, shape (k,)
        Of the rows, by action.
    worth : array, shape (k,)
        Mean score if all rows had this action.
    value : float
        Mean score of the actions chosen.
    means : array, shape (k, p)
        Of the standardised covariates where this action was chosen; NaN where it never was.
    of_effect : bool
        Whether the scores are those of an effect.
    """

    rows: int
    shares: np.ndarray
    worth: np.ndarray
    value: float
    means: np.ndarray
    of_effect: bool

    @property
    def actions(self) -> tuple[str, ...]:
        """What the actions are called."""
        if self.of_effect:
            return "not treated", "treated"
        return tuple(f"action {a}" for a in range(len(self.shares)))

    def frame(self, names: tuple[str, ...]) -> pd.DataFrame:
        """Mean of each standardised covariate by action, those that differ most first."""
        import pandas as pd

        seen = self.shares > 0
        titles = [name for name, there in zip(self.actions, seen, strict=True) if there]
        found = pd.DataFrame(self.means[seen].T, columns=pd.Index(titles))
        found.insert(0, "covariate", names)
        order = np.argsort(-np.ptp(self.means[seen], axis=0), kind="stable")
        return found.iloc[order].reset_index(drop=True)

    def facts(self, names: tuple[str, ...]) -> dict[str, str]:
        """What a screen says."""
        shares = sorted(zip(self.shares, self.actions, strict=True), reverse=True)
        best = int(self.worth.argmax())
        alike = ("treating nobody", "treating everybody")[best] if self.of_effect else f"{self.actions[best]} for all"
        found = self.frame(names)
        apart = found.iloc[:MOST, 1:].max(axis=1) - found.iloc[:MOST, 1:].min(axis=1)
        who = (f"{brief(name, NAME)} {gap:.2g}" for name, gap in zip(found["covariate"], apart, strict=False))
        return {
            "rows": f"{self.rows:,}",
            "choices": ", ".join(f"{100 * share:.3g} % {name}" for share, name in shares[:MOST]),
            "value": f"{self.value:.3g}; the best for all alike, {alike}, is worth {self.worth[best]:.3g}",
            "differ by": ", ".join(who) + " standard deviations" if len(found.columns) > 2 else "",
            "note": NOTE,
        }

    def section(self, names: tuple[str, ...]) -> Section:
        """What a report shows."""
        import pandas as pd

        by_action = {"action": self.actions, "share of rows": self.shares, "mean score if all had it": self.worth}
        found = self.frame(names)
        tables = (
            Table("Actions", pd.DataFrame(by_action), f"The policy itself: {self.value:.3g}. {NOTE}"),
            Table("Covariates", found, "Means of the standardised covariates of the rows with each action."),
        )
        return Section("Policy", "", tables, (who_figure(found),))


def choices_of(x: np.ndarray, gamma: np.ndarray, chosen: np.ndarray, of_effect: bool) -> Choices | None:
    """Describe what a policy chose, actions (n,), for covariates (n, p) and scores of the actions (n, k).

    None where what was chosen are no actions, as of a regressor in the place of a classifier.

    Examples
    --------
    >>> x, gamma = np.array([[1.0], [3.0]]), np.array([[0.0, -1.0], [0.0, 2.0]])
    >>> found = choices_of(x, gamma, np.array([0, 1]), True)
    >>> found.value, found.means.tolist()
    (1.0, [[-1.0], [1.0]])
    """
    n, k = gamma.shape
    if not np.isin(chosen, np.arange(k)).all():
        return None
    chosen = np.asarray(chosen).astype(int)
    spread = x.std(0)
    z = (x - x.mean(0)) / np.where(spread > 0, spread, 1.0)
    member = (chosen[:, None] == np.arange(k)).astype(float)
    count = member.sum(0)
    with np.errstate(invalid="ignore"):
        means = member.T @ z / count[:, None]
    value = float(gamma[np.arange(n), chosen].mean())
    return Choices(n, count / n, gamma.mean(0), value, means, of_effect)


def policy_page(title: str, names: tuple[str, ...], choices: Choices | None) -> str:
    """One screen of a policy."""
    return page(title, {} if choices is None else choices.facts(names))


def who_figure(frame: pd.DataFrame) -> Figure:
    """Means of the standardised covariates by action, those that differ most on top."""
    data = frame.head(BARS)
    caption = "Means of the standardised covariates where each action is chosen; zero is the mean of all rows."
    return Figure("Who gets what", caption, data, _draw_who, (6.4, 1.4 + 0.3 * len(data)))


def _draw_who(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    place = np.arange(len(data))[::-1]
    values = data[data.columns[1:]]
    axes.hlines(place, values.min(axis=1), values.max(axis=1), color="0.7", linewidth=1)
    for name in values:
        axes.plot(values[name], place, "o", label=str(name))
    axes.axvline(0, color="0.5", linewidth=0.8)
    axes.set_yticks(place, data["covariate"].astype(str))
    axes.set(xlabel="mean, in standard deviations", ylim=(-0.6, len(data) - 0.4))
    axes.legend()


def ranked_figure(ratio: np.ndarray, treat: np.ndarray, threshold: float) -> Figure:
    """Estimated effect per cost of units, the highest first, and which of them are treated; shape (n,) each."""
    import pandas as pd

    order = np.argsort(-ratio, kind="stable")
    n = len(order)
    shown = np.unique(np.linspace(0, n - 1, min(n, 300)).round().astype(int))
    which = order[shown]
    data = pd.DataFrame(
        {"share": (shown + 0.5) / n, "effect per cost": ratio[which], "treated": treat[which], "threshold": threshold}
    )
    caption = "Units in the order of their estimated effect per cost. Shaded: treated. Dotted: the threshold."
    return Figure("Who is treated", caption, data, _draw_ranked)


def _draw_ranked(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    axes.fill_between(data["share"], 0, data["effect per cost"], where=data["treated"] > 0, alpha=0.3, linewidth=0)
    axes.plot(data["share"], data["effect per cost"])
    axes.axhline(0, color="0.5", linewidth=0.8)
    if np.isfinite(data["threshold"].iloc[0]):
        axes.axhline(data["threshold"].iloc[0], color="0.5", linestyle=":")
    axes.set(xlabel="share of the units", ylabel="estimated effect / cost", xlim=(0, 1))


def rates_figure(frame: pd.DataFrame) -> Figure:
    """Rates of treatment by group."""
    return Figure(
        "Rates of treatment", "Share of each group that is treated.", frame, _draw_rates, (6.4, 1.4 + 0.35 * len(frame))
    )


def _draw_rates(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    place = np.arange(len(data))[::-1]
    axes.barh(place, data["rate"], height=0.6)
    axes.set_yticks(place, data["group"].astype(str))
    axes.grid(visible=False, axis="y")
    axes.set(xlabel="share treated", xlim=(0, 1))
