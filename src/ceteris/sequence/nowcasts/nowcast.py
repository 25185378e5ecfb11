"""Nowcasts of a quarter from monthly figures that come out one after the other: a net over both frequencies.

For each quarter, the net reads the months up to its end: the figures that are out, marks of which are, and past values
of the quarter's own series in the last month of theirs. Which are out is decided by a calendar of releases: the net is
trained as if at the end of each month of each past quarter, with what was out then and nothing else.

First comes a ridge regression for each month of the quarter, its penalty chosen by leaving quarters out one at a time.
A recurrent net then learns what these leave: nets are stopped by quarters set aside, each by another fifth, so that all
quarters are nowcast by nets that have not seen them, and are kept only if they do better there; if not, the answer is
that of the regressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pandas as pd

from ceteris.arguments import a_whole_number, as_many, check, require, whole
from ceteris.recipe import optimiser
from ceteris.results import Check, Figure, Section, Table
from ceteris.sequence.nowcasts.factor_model import LATEST
from ceteris.sequence.reader import Reader
from ceteris.showing import AbstractResult, screenful
from ceteris.training import AbstractRowLoss, MemberRows, TrainingPlan, evaluate, padded, train

if TYPE_CHECKING:
    import matplotlib.figure

FEWEST = 40  # quarters to learn from
MONTHS = 3
PENALTIES = np.logspace(-2, 5, 36)  # of the regressions, for inputs of variance one
SURE = 1.645  # standard errors that a gain of the nets must have


class Remainder(AbstractRowLoss):
    """Squared error of what a net adds to a nowcast."""

    def losses(self, model, batch, key):
        """Return the squared error of each row."""
        return (_last(model, batch["x"]) - batch["y"]) ** 2, {}


class Ridge(NamedTuple):
    """A ridge regression on standardised months.

    Attributes
    ----------
    constant : float
    slopes : array, shape (months * numbers,)
    left_out : array, shape (rows,)
        Its predictions of the rows it was fitted on, each from the others.
    """

    constant: float
    slopes: np.ndarray
    left_out: np.ndarray


def ridge(X: np.ndarray, y: np.ndarray) -> Ridge:
    """Fit a ridge regression whose penalty gives the lowest error of rows left out one at a time.

    Parameters
    ----------
    X : array, shape (rows, inputs)
    y : array, shape (rows,)

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> ridge(X, 2 + X @ [1.0, 0.0, -1.0]).slopes.round(2) + 0
    array([ 1.,  0., -1.])
    """
    centre, level = X.mean(0), y.mean()
    U, sizes, V = np.linalg.svd(X - centre, full_matrices=False)
    best: tuple[float, Any, Any] = (np.inf, None, None)
    for penalty in PENALTIES:
        kept = sizes**2 / (sizes**2 + penalty)
        fitted = level + U @ (kept * (U.T @ (y - level)))
        leverage = 1 / len(y) + (U**2) @ kept
        left_out = y - (y - fitted) / np.maximum(1 - leverage, 1e-3)
        error = float(((y - left_out) ** 2).mean())
        if error < best[0]:
            shrunk = sizes / (sizes**2 + penalty) * (U.T @ (y - level))
            best = error, V.T @ shrunk, left_out
    return Ridge(float(level - centre @ best[1]), best[1], best[2])


@dataclass(frozen=True)
class Nowcaster:
    """A net that nowcasts a quarterly series from monthly ones, whatever is out.

    Parameters
    ----------
    delays : tuple of int
        Months after which each monthly series is out, 0 to 3.
    own_delay : int
        Months after the end of a quarter at which its figure is out, 0 to 3.
    window : int
        Months that are read, up to the end of the quarter.
    width : int
        Numbers in a state of the recurrent net.
    members : int
        Nets, whose answers are averaged; each is stopped by other quarters, which are all quarters together.
    rate : float
        Highest learning rate.
    weight_decay : float
        Decay of the weights per unit of rate.
    epochs : int
        Passes, at most.
    seed : int

    Examples
    --------
    >>> from ceteris.sequence import FactorModel, Nowcaster
    >>> monthly, quarterly = FactorModel((0.9, 0.7)).simulate(60, seed=0)
    >>> fitted = Nowcaster((1, 0), members=1, epochs=5).fit(monthly, quarterly)
    >>> fitted.nowcasts(monthly, quarterly, month=2).shape
    (60,)
    """

    delays: tuple[int, ...]
    own_delay: int = 2
    _: KW_ONLY
    window: int = 12
    width: int = 8
    members: int = 5
    rate: float = 3e-3
    weight_decay: float = 0.3
    epochs: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, window=a_whole_number(6))
        for delay in self.delays:
            whole("Nowcaster: delays", delay, least=0, most=LATEST)
        whole("Nowcaster: own_delay", self.own_delay, least=0, most=LATEST)

    def fit(self, monthly: Any, quarterly: Any) -> NowcastFit:
        """Learn from past quarters, as they were seen at the end of each of their months.

        Parameters
        ----------
        monthly : DataFrame or array, shape (months, series)
            The first three rows are the months of the first quarter; a figure that is missing was never out.
        quarterly : Series or array, shape (quarters,)
        """
        x, y, _ = _numbers(monthly, quarterly, self.delays)
        require("quarterly: quarters", len(y), a_whole_number(FEWEST), "give a longer history")
        scale = _scales(x, y)
        first = -(-self.window // MONTHS)  # of the quarters with a whole window
        kept = np.flatnonzero(np.isfinite(y[first:])) + first
        rows = [_in_scale(features(x, y, kept, month, self), scale) for month in (1, 2, 3)]
        target = (y[kept] - scale[2]) / scale[3]
        lines = tuple(ridge(_plain(each), target) for each in rows)
        left = np.concatenate([target - line.left_out for line in lines])
        nets, status = self._learn(np.concatenate(rows), left, len(kept))
        error = float(np.sqrt((left**2).mean()) * scale[3])
        found = NowcastFit(self, lines, nets, scale, status, error, pd.DataFrame())
        return replace(found, course=found._course(monthly, quarterly))

    def _learn(self, x: np.ndarray, left: np.ndarray, quarters: int) -> tuple[Any, str]:
        """Train nets on what the regressions leave; return them if they do better at quarters they have not seen."""
        members = _blocks(quarters, self.members, np.random.default_rng(self.seed))
        rule = partial(optimiser, "adamw", self.rate, schedule="cosine", weight_decay=self.weight_decay, clip=1.0)
        plan = TrainingPlan(self.epochs, min(32, members.train.shape[1]), rule, max(self.epochs // 5, 1))
        build = eqx.Partial(_starting_at_zero, x.shape[2], self.width)
        run = train("Nowcaster", build, Remainder(), padded({"x": x, "y": left}), members, plan, self.seed)
        added = evaluate(_last, run.model, [x.astype(np.float32)])[0].astype(float)
        better = np.stack([left**2 - (left - own) ** 2 for own in added])
        unseen = np.zeros(better.shape, bool)
        unseen[np.arange(self.members)[:, None], members.heldout] = True
        of_row = (better * unseen).sum(0) / np.maximum(unseen.sum(0), 1)
        gain = of_row.reshape(MONTHS, quarters).mean(0)  # a quarter at a time: its three months err alike
        sure = gain.mean() > SURE * gain.std(ddof=1) / np.sqrt(quarters)
        said = f"they change squared errors at quarters set aside by {-gain.mean() / (left**2).mean():+.1%}."
        if sure:
            return run.model, f"The nets are kept: {said}"
        return None, f"The nets are not kept, and the answer is that of the regressions: {said}"


@dataclass(frozen=True, eq=False, repr=False)
class NowcastFit(AbstractResult):
    """A fitted net of nowcasts.

    Attributes
    ----------
    settings : Nowcaster
    lines : tuple of Ridge
        The regressions of the three months.
    nets : Recurrent and Dense
        Stacked; None where they were not kept.
    scale : tuple
        Means and standard deviations of the monthly series, and of the quarterly one.
    status : str
        Whether the nets were kept.
    heldout : float
        Root mean squared error of the regressions at quarters left out, over all months.
    course : DataFrame
        Observed quarters and their nowcasts by month, in sample.
    """

    settings: Nowcaster
    lines: tuple[Ridge, ...]
    nets: Any
    scale: tuple[np.ndarray, np.ndarray, float, float]
    status: str
    heldout: float
    course: pd.DataFrame

    def nowcasts(self, monthly: Any, quarterly: Any, month: int) -> np.ndarray:
        """Return nowcasts of all quarters as if at the end of one of their months, by the calendar of releases.

        Parameters
        ----------
        monthly : DataFrame or array, shape (months, series)
        quarterly : Series or array, shape (quarters,)
            Of each quarter, only earlier values that were out are used.
        month : int
            1, 2 or 3.

        Returns
        -------
        array, shape (quarters,)
        """
        whole("month", month, least=1, most=MONTHS)
        x, y, _ = _numbers(monthly, quarterly, self.settings.delays)
        return self._answers(features(x, y, np.arange(len(y)), month, self.settings), month)

    def nowcast(self, monthly: Any, quarterly: Any) -> float:
        """Return the nowcast of the quarter after those given, from what the calendar says is out.

        Parameters
        ----------
        monthly : DataFrame or array, shape (months, series)
            Up to the latest month of that quarter, one to three months of it; figures that are not out are missing
            (NaN).
        quarterly : Series or array, shape (quarters,)
            All quarters before it; the latest may be missing (NaN).
        """
        x, y, _ = _numbers(monthly, quarterly, self.settings.delays)
        month = len(x) - MONTHS * len(y)
        if not 1 <= month <= MONTHS:
            raise ValueError(
                f"monthly has {len(x)} months, but must have one to three more than the {len(y)} quarters before "
                f"the one that is nowcast, {MONTHS * len(y) + 1} to {MONTHS * len(y) + MONTHS}; give NaN for what is "
                "not out."
            )
        quarter = np.array([len(y)])
        return float(self._answers(features(x, np.append(y, np.nan), quarter, month, self.settings), month)[0])

    def _answers(self, rows: np.ndarray, month: int) -> np.ndarray:
        scaled, line = _in_scale(rows, self.scale), self.lines[month - 1]
        found = line.constant + _plain(scaled) @ line.slopes
        if self.nets is not None:
            found = found + evaluate(_last, self.nets, [scaled.astype(np.float32)])[0].astype(float).mean(0)
        return self.scale[2] + self.scale[3] * found

    def _course(self, monthly: Any, quarterly: Any) -> pd.DataFrame:
        index = quarterly.index if isinstance(quarterly, pd.Series) else pd.RangeIndex(len(quarterly))
        course = {"observed": np.asarray(quarterly, float)}
        course |= {f"month {m}": self.nowcasts(monthly, quarterly, m) for m in (1, 2, 3)}
        return pd.DataFrame(course, index=index)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether nowcasts are better than the mean of the series."""
        sd = self.scale[3]
        said = (
            f"At quarters left out, the root mean squared error of the regressions is {self.heldout:.4g}; that of the "
            f"mean is {sd:.4g}."
        )
        return (Check("better than the mean", self.heldout < sd, said, self.heldout, sd),)

    def summary(self) -> str:
        """Return one screen: what is read, the error, the last nowcasts."""
        known = ", ".join(map(str, self.settings.delays))
        facts = [f"{len(self.settings.delays)} monthly series, out after {known} months; quarters after "
                 f"{self.settings.own_delay}.",
                 *(check.sentence for check in self.checks if check.passed), self.status]  # fmt: skip
        last = self.course.tail(6).rename_axis("quarter").reset_index()
        return screenful("Nowcaster, fitted", facts, last, self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return errors and nowcasts as a part of a report."""
        errors = self.course.drop(columns="observed").sub(self.course["observed"], axis=0)
        table = (errors**2).mean().pow(0.5).rename("root mean squared error, in sample").rename_axis("at the end of")
        figure = Figure("Nowcasts", "Quarters and their nowcasts in the first and last month, in sample.",
                        self.course.tail(60).rename_axis("quarter").reset_index(), _draw, (8.0, 3.8))  # fmt: skip
        text = " ".join(self.summary().split("\n")[1:4])
        return (Section("Nowcasts", text, (Table("Errors", table.reset_index()),), (figure,), self.checks),)


def features(x: np.ndarray, y: np.ndarray, quarters: np.ndarray, month: int, settings: Nowcaster) -> np.ndarray:
    """Return what is out of the months up to the end of each quarter, at the end of one of its months.

    Parameters
    ----------
    x : array, shape (months, series)
    y : array, shape (quarters,)
    quarters : int array
        Which are to be nowcast.
    month : int
        1, 2 or 3.
    settings : Nowcaster

    Returns
    -------
    array, shape (len(quarters), window, 2 (series + 1))
        Monthly figures and the quarter's own in its last month; then marks of which of these are out.
    """
    ahead = np.arange(MONTHS - settings.window, MONTHS)  # months from the first of the quarter
    at = MONTHS * quarters[:, None] + ahead
    own = np.full((len(x) + 2 * MONTHS + len(y) * MONTHS, 1), np.nan)
    own[MONTHS * np.arange(len(y)) + MONTHS - 1, 0] = y
    wide = np.full((len(own), x.shape[1]), np.nan)
    wide[: len(x)] = x
    both = np.concatenate([wide, own], axis=1)[np.clip(at, 0, None)]
    both[at < 0] = np.nan
    both[:, ahead >= 0, -1] = np.nan  # the quarter itself
    both[:, ahead[:, None] + np.array([*settings.delays, settings.own_delay]) > month - 1] = np.nan
    out = np.isfinite(both)
    return np.concatenate([np.where(out, both, np.nan), out], axis=2)


def _numbers(monthly: Any, quarterly: Any, delays: Sequence[int]) -> tuple[np.ndarray, np.ndarray, int]:
    """Return arrays; missing figures are allowed, infinite ones and text are not."""
    x, y = (np.asarray(given, float) for given in (monthly, quarterly))
    if x.ndim != 2 or y.ndim != 1:
        raise ValueError(
            f"monthly has shape {x.shape} and quarterly {y.shape}, but they must have (months, series) and "
            "(quarters,); reshape them."
        )
    for name, values in (("monthly", x), ("quarterly", y)):
        if np.isinf(values).any():
            raise ValueError(
                f"{name} holds infinite values, but must hold numbers, or NaN where none is out; correct them."
            )
    as_many("delays", delays, x.shape[1], "monthly series")
    return x, y, x.shape[1]


def _scales(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
    sd = np.nanstd(x, axis=0)
    return np.nanmean(x, axis=0), np.where(sd > 0, sd, 1.0), float(np.nanmean(y)), float(np.nanstd(y)) or 1.0


def _in_scale(rows: np.ndarray, scale: tuple[np.ndarray, np.ndarray, float, float]) -> np.ndarray:
    k = rows.shape[2] // 2
    mean, sd = np.append(scale[0], scale[2]), np.append(scale[1], scale[3])
    return np.concatenate([np.nan_to_num((rows[..., :k] - mean) / sd), rows[..., k:]], axis=2)


def _blocks(quarters: int, members: int, rng: np.random.Generator) -> MemberRows:
    """Set a run of neighbouring quarters aside for each member, at all three months, and learn from the others."""
    held = max(quarters // 5, 1)
    starts = rng.permutation(np.linspace(0, quarters - held, members).astype(int))
    months = quarters * np.arange(MONTHS)[:, None]
    heldout = np.stack([(months + s + np.arange(held)).ravel() for s in starts])
    return MemberRows(np.stack([np.setdiff1d(np.arange(MONTHS * quarters), rows) for rows in heldout]), heldout)


def _starting_at_zero(inputs: int, width: int, *, key: Any) -> Reader:
    """Return a recurrent net whose answer is zero at first."""
    reader = Reader("gru", inputs, width, 1, False, key=key)
    return eqx.tree_at(lambda r: r.read.weight, reader, jnp.zeros((width, 1)))


def _last(net, x):
    return net(x)[..., -1, 0]


def _plain(rows: np.ndarray) -> np.ndarray:
    """Return the figures without the marks, a row per quarter."""
    return rows[..., : rows.shape[2] // 2].reshape(len(rows), -1)


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["quarter"], data["observed"], "o", color="0.4", label="observed")
    for name in ("month 1", "month 3"):
        axes.plot(data["quarter"], data[name], label=f"nowcast in {name}")
    axes.legend(ncols=3)
