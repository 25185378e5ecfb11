"""Forecasts with intervals that cover: nets over many series, and simple methods where these are better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import COUNT, NOT_NEGATIVE, POSITIVE, Rule, check, number, one_of, whole
from ceteris.fitted import AbstractFitted
from ceteris.results import Check, Section
from ceteris.sequence.forecast.frame import Panel, read_panel
from ceteris.sequence.forecast.future import future_of, with_last
from ceteris.sequence.forecast.heads import HEADS
from ceteris.sequence.forecast.paths import paths
from ceteris.sequence.forecast.rolling import Origins, run_origins
from ceteris.sequence.forecast.shown import covered, helped, who_forecasts
from ceteris.sequence.forecast.simple import COMBINED, SIMPLE
from ceteris.sequence.forecast.window_net import NETS
from ceteris.showing import screenful

INTERVALS = ("rolling", "split", "adaptive", "head")
CALIBRATION = 60  # origins, at most, that judge nets before the final ones are fitted
SIMPLE_NAMES = Rule(
    f"a tuple of one or more of {', '.join(SIMPLE)}",
    lambda given: isinstance(given, list | tuple) and len(given) > 0 and all(name in SIMPLE for name in given),
)


class Forecaster(AbstractFitted):
    """Forecasts of one or thousands of series: a net that corrects a combination of simple methods, or these alone.

    At each origin the simple methods are fitted to the data up to it and combined by how they did before. A net, the
    same for all series, sees a window of the series, scaled by itself, and corrects the combination for all steps ahead
    at once. It is judged on past origins that it has not seen, and has as much weight as it has earned there: where it
    does not help, the forecasts are those of the simple methods, and ``status_`` says so. Intervals come from the
    errors made at past origins (conformal, rolling), so that they cover what they say even if the model is wrong. How
    good all that is from past origins says `ceteris.sequence.compare_forecasts`.

    Parameters
    ----------
    horizon : int
        Steps ahead, all of which are forecast.
    net : {"mlp", "linear", "nhits", "lstm", "gru", "tcn", "transformer"} or None
        What reads the window; None for the simple methods alone.
    head : {"quantile", "normal", "student", "negative binomial"}
        What the net says: quantiles that do not cross, or the parameters of a distribution.
    simple : tuple of str
        Simple methods, from `ceteris.sequence.SIMPLE`.
    fallback : bool
        Whether simple methods take over where the net is worse on past origins; False for the net alone.
    intervals : {"rolling", "split", "adaptive", "head"}
        From past errors: of all steps ahead together, scaled by step and fading; of each step by itself; with a level
        that adapts to misses. Or from the head of the net.
    season : int, optional
        Steps after which the season comes again; by default what the frequency suggests.
    freq : str, optional
        Frequency of the time stamps, as pandas writes it; by default it is found.
    window : int, optional
        Past values that the net sees; by default two seasons, or twice the horizon.
    members : int
        Nets, which start from other weights; their quantiles are averaged.
    width : int
        Units of a hidden layer.
    depth : int
        Hidden layers.
    dropout : float
        Share of units dropped in training.
    rate : float
        Highest learning rate.
    weight_decay : float
        Decoupled decay of the weight matrices.
    epochs : int, optional
        Passes over the windows, at most; by default fewer the more windows there are.
    batch_size : int, optional
        Windows per update; by default an eighth of them, between 16 and 256.
    patience : int, optional
        Epochs without improvement on the last windows before a cutoff after which a net stops, its best weights being
        kept; by default a quarter of the epochs.
    random_state : int
        Decides everything random.

    Attributes
    ----------
    panel_ : Panel
        The series on one calendar.
    origins_ : Origins
        What was said from past origins and from the last one, with weights and errors.
    nets_ : pytree or None
        The nets fitted to everything.
    window_ : int
    status_ : str
        In one sentence, who forecasts, and why.

    References
    ----------
    Smyl, S. (2020). A hybrid method of exponential smoothing and recurrent neural networks for time series forecasting.
    International Journal of Forecasting 36. Challu, C. et al. (2023). N-HiTS. AAAI 37.

    Examples
    --------
    >>> months = np.arange(96)
    >>> sales = 100 + months + 10 * np.sin(np.pi * months / 6)
    >>> forecaster = Forecaster(horizon=3, net=None, season=12).fit(sales)
    >>> forecaster.predict()["forecast"].round(1).tolist()
    [196.0, 202.0, 206.7]
    """

    def __init__(
        self,
        horizon: int = 12,
        net: str | None = "mlp",
        head: str = "quantile",
        simple: Sequence[str] = COMBINED,
        fallback: bool = True,
        intervals: str = "rolling",
        season: int | None = None,
        freq: str | None = None,
        window: int | None = None,
        members: int = 3,
        width: int = 64,
        depth: int = 2,
        dropout: float = 0.0,
        rate: float = 3e-3,
        weight_decay: float = 0.3,
        epochs: int | None = None,
        batch_size: int | None = None,
        patience: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.horizon = horizon
        self.net = net
        self.head = head
        self.simple = simple
        self.fallback = fallback
        self.intervals = intervals
        self.season = season
        self.freq = freq
        self.window = window
        self.members = members
        self.width = width
        self.depth = depth
        self.dropout = dropout
        self.rate = rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.random_state = random_state

    def fit(
        self,
        data: Any,
        id: str | None = None,
        time: str | None = None,
        target: str | None = None,
        *,
        static: Sequence[str] = (),
        known: Sequence[str] = (),
        past: Sequence[str] = (),
    ) -> Forecaster:
        """Learn from all series.

        Parameters
        ----------
        data : data frame, Series or array
            A long table with a row for each series and time; or a Series, a wide table with the time as its index, an
            array of shape (times,) or (times, series).
        id, time, target : str, optional
            Columns of a long table; by default "unique_id", "ds" and "y".
        static, known, past : sequences of str
            Columns of covariates: constant within a series, known for the future too, known for the past only. The
            simple methods do not see them.
        """
        self._refuse()
        panel = read_panel(
            data, id, time, target, season=self.season, freq=self.freq, static=static, known=known, past=past
        )
        self.window_ = window_of(self, panel)
        self.panel_ = panel
        end = panel.shape[1] - 1
        cutoffs = (end - calibration(panel, self.horizon), end)
        self.origins_, learnt = run_origins("Forecaster", self, panel, self.window_, cutoffs)
        self.nets_ = None if learnt is None else learnt.of(len(learnt.cutoffs) - 1)
        self.status_ = who_forecasts(self.origins_, panel, self.net)
        return self

    def predict(
        self, horizon: int | None = None, *, level: Sequence[float] = (0.8, 0.95), known: Any = None
    ) -> pd.DataFrame:
        """Return forecasts and intervals after the last value of each series.

        Parameters
        ----------
        horizon : int, optional
            Steps ahead, at most those of the fit, which are the default.
        level : sequence of float
            Of the intervals.
        known : data frame, optional
            The covariates whose future is known, with columns of the id and the time; needed where some were named.

        Returns
        -------
        DataFrame
            A row for each series and step: id, time, ``forecast``, then ``lo-80`` and ``hi-80`` for a level of 0.8.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        steps = self._steps(horizon)
        covers = [float(number("level", one, above=0, below=1, such_as=0.95)) for one in np.atleast_1d(level)]
        levels = np.array(sorted({side for one in covers for side in ((1 - one) / 2, (1 + one) / 2)}))
        panel, origins = self.panel_, self._with_future(known)
        parts = []
        for end in np.unique(panel.last):
            own = np.flatnonzero(panel.last == end)
            q = origins.quantiles(int(end), levels, self.intervals)[own][:, :steps]
            stamps = panel.after(int(end), steps)
            frame = {
                panel.roles[0]: np.repeat(np.array([panel.names[i] for i in own], dtype=object), steps),
                panel.roles[1]: np.tile(np.asarray(stamps), len(own)),
                "forecast": origins.point[own, end, :steps].ravel(),
            }
            for one in covers:
                for word, side in (("lo", (1 - one) / 2), ("hi", (1 + one) / 2)):
                    place = int(np.argmin(np.abs(levels - side)))
                    frame[f"{word}-{100 * one:g}"] = q[:, :, place].ravel()
            parts.append((own, pd.DataFrame(frame)))
        order = np.argsort(np.concatenate([np.repeat(own, steps) for own, _ in parts]), kind="stable")
        return pd.concat([frame for _, frame in parts], ignore_index=True).iloc[order].reset_index(drop=True)

    def sample(self, draws: int = 100, *, known: Any = None, seed: int = 0) -> np.ndarray:
        """Return paths of the future, (draws, series, horizon), for sums over time or over series.

        How errors of different steps and series go together is that of past origins; each step by itself is distributed
        as its intervals say.

        Parameters
        ----------
        draws : int
        known : data frame, optional
            As in `predict`.
        seed : int
        """
        whole("draws", draws)
        return paths(self._with_future(known), self.panel_, draws, self.intervals, seed)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether nets help, and whether intervals covered at past origins."""
        return helped(self.origins_, self.net, self.fallback), covered(self.origins_, self.panel_, self.intervals)

    def summary(self) -> str:
        """Return one screen: who forecasts, how good it was at past origins, the first forecasts."""
        panel = self.panel_
        many = f"{len(panel.names):,} series" if len(panel.names) > 1 else "one series"
        heading = f"Forecaster of {many}, {self.horizon} steps ahead (season {panel.season})."
        frame = self.predict() if not panel.columns["known"] else None
        return screenful(heading, [self.status_], frame, self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return the forecasts with their fans, and how good past ones were."""
        from ceteris.sequence.forecast.shown import forecaster_sections

        return forecaster_sections(self)

    def glance(self) -> Section:
        """Return what a notebook shows: the forecasts."""
        return self.sections()[0]

    def _refuse(self) -> None:
        """Raise where a setting is wrong, before any work starts."""
        who = "Forecaster"
        whole(f"{who}: horizon", self.horizon)
        one_of(f"{who}: net", self.net, (*NETS, None))
        one_of(f"{who}: head", self.head, HEADS)
        one_of(f"{who}: intervals", self.intervals, INTERVALS)
        check(self, simple=SIMPLE_NAMES, window=COUNT, season=COUNT, rate=POSITIVE, weight_decay=NOT_NEGATIVE)
        one_of(f"{who}: fallback", self.fallback, (True, False))
        if self.net is None and self.intervals == "head":
            raise ValueError(f"{who}: intervals is 'head', but must be another without a net; name a net.")
        if self.net is None and not self.fallback:
            raise ValueError(f"{who}: fallback is False, but must be True without a net; name a net.")

    def _steps(self, horizon: int | None) -> int:
        if horizon is None:
            return self.horizon
        whole("horizon", horizon)
        if horizon > self.horizon:
            raise ValueError(
                f"horizon is {horizon}, but must be at most {self.horizon}, that of the fit; fit again with "
                f"Forecaster(horizon={horizon})."
            )
        return horizon

    def _with_future(self, known: Any) -> Origins:
        """What is said from the last origins, where that depends on the future of covariates."""
        panel = self.panel_
        if not panel.columns["known"]:
            if known is not None:
                raise ValueError(
                    "known is a table, but must be None, as no covariate was named in fit; name some there."
                )
            return self.origins_
        return with_last(self, future_of(panel, known, self.horizon))


def calibration(panel: Panel, horizon: int) -> int:
    """Return how many origins judge nets before the final ones are fitted."""
    longest = int((panel.last - panel.first).max()) + 1
    return int(np.clip(longest // 4, min(horizon + 2, longest // 3), CALIBRATION + horizon))


def window_of(settings: Any, panel: Panel) -> int:
    """Return the length of a window, and refuse series that are too short for what was asked, or constant."""
    lengths, horizon = panel.last - panel.first + 1, settings.horizon
    for i, name in enumerate(panel.names):
        called = "the series" if len(panel.names) == 1 else f"series {name!r}"
        if horizon >= lengths[i]:
            raise ValueError(
                f"horizon is {horizon}, but must be below the {lengths[i]} times of {called}; forecast fewer steps, or "
                "leave that series out."
            )
        own = panel.y[i][~np.isnan(panel.y[i])]
        if own.min() == own.max():
            raise ValueError(f"target: {called} is {own[0]:g} throughout, but must vary; leave that series out.")
        if settings.window is not None and settings.net is not None and settings.window + horizon > lengths[i]:
            raise ValueError(
                f"window is {settings.window}, but with the horizon must be at most the {lengths[i]} times of {called}"
                "; give a shorter one, or leave that series out."
            )
    if settings.window is not None:
        return settings.window
    season = panel.season
    wanted = max(2 * season if season <= 24 else season + 1, 2 * horizon if horizon <= 24 else horizon, 8)
    room = int(np.quantile(lengths, 0.25)) - horizon
    return int(max(min(wanted, room // 3), 2))
