"""Which series cycle: a recurrent net that reads the changes of each, learnt from labelled series.

The net reads changes in units of their own standard deviation, one per period, with a mark where nothing changed, and
the mean of its hidden states decides. It is compared with rules that need no labels (`ceteris.sequence.cycles.rules`)
and, as these are fair game for a learner too, with a forest on all of them.

References
----------
Holt, T., Igami, M. and Scheidegger, S. (2024). Detecting Edgeworth cycles. Journal of Law and Economics 67.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ceteris.arguments import a_whole_number, check, one_of, require
from ceteris.fitted import AbstractFitted
from ceteris.recipe import optimiser
from ceteris.results import Check, Figure, Section
from ceteris.sequence.cycles.rules import rule_scores
from ceteris.sequence.reader import Reader
from ceteris.showing import screenful
from ceteris.tables.frames import finite
from ceteris.training import AbstractRowLoss, TrainingPlan, evaluate, history, padded, split, train

if TYPE_CHECKING:
    import matplotlib.figure

FEWEST = 20  # series to learn from
SHORTEST = 20  # periods of a series


class Logistic(AbstractRowLoss):
    """Cross-entropy of a label of each series."""

    def losses(self, model, batch, key):
        """Return minus the log likelihood of each series."""
        z = model(batch["x"])[:, 0]
        return jax.nn.softplus(z) - batch["y"] * z, {}


@dataclass(eq=False, repr=False)
class CycleClassifier(ClassifierMixin, AbstractFitted):
    """Tell series with price cycles from series without, by a recurrent net on their changes.

    Parameters
    ----------
    net : {"gru", "lstm"}
        The cell.
    width : int
        Its hidden states.
    members : int
        Nets, whose log odds are averaged.
    rate : float
        Highest learning rate; it falls along a half cosine.
    epochs : int
        Passes over the series, at most.
    patience : int, optional
        Epochs without improvement on the series set aside after which a net stops; a fifth by default.
    batch_size : int
        Series per update.
    validation : float
        Share of the series set aside to stop by, others for each member.
    random_state : int or RandomState, optional

    Attributes
    ----------
    history_ : DataFrame
        The course of the training.
    auc_ : float
        Area under the curve at the series that a net did not learn from, on average over the members.
    status_ : str
        How the training ended.

    Examples
    --------
    >>> from ceteris.sequence import CycleClassifier, simulate_stations
    >>> panel, other = simulate_stations(60, 40, seed=0), simulate_stations(40, 40, seed=1)
    >>> detector = CycleClassifier(width=8, members=1, epochs=30, random_state=0).fit(panel.prices, panel.cycling)
    >>> detector.predict_proba(other.prices).shape
    (40, 2)
    """

    net: str = "gru"
    _: KW_ONLY
    width: int = 24
    members: int = 2
    rate: float = 1e-2
    epochs: int = 60
    patience: int | None = None
    batch_size: int = 32
    validation: float = 0.2
    random_state: Any = None

    def fit(self, prices: Any, cycling: Any) -> CycleClassifier:
        """Learn from labelled series.

        Parameters
        ----------
        prices : array, shape (series, periods)
        cycling : array, shape (series,)
            Whether each cycles: 0 or 1, or bool.
        """
        check(self)
        one_of("CycleClassifier: net", self.net, ("gru", "lstm"))
        x, y = _features(prices), _labels(cycling, len(np.asarray(prices)))
        self.periods_, self.classes_ = x.shape[1] + 1, np.array([False, True])
        rng = np.random.default_rng(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        rows = split(y, self.members, self.validation, rng)
        build = eqx.Partial(Reader, self.net, x.shape[2], self.width, 1, True)
        rule = partial(optimiser, "adamw", self.rate, schedule="cosine", weight_decay=0.01, clip=1.0)
        count = rows.train.shape[1]
        plan = TrainingPlan(self.epochs, min(self.batch_size, count), rule, self.patience or max(self.epochs // 5, 1))
        run = train(
            "CycleClassifier", build, Logistic(), padded({"x": x, "y": y}), rows, plan, int(rng.integers(2**31))
        )
        self.nets_, self.status_, self.history_ = run.model, run.sentence, history(run)
        self.auc_ = _heldout_auc(self._log_odds(x), y, rows.heldout)
        self.series_, self.share_ = len(y), float(y.mean())
        return self

    def predict_proba(self, prices: Any) -> np.ndarray:
        """Return the probabilities of no cycle and of a cycle, shape (series, 2).

        Parameters
        ----------
        prices : array, shape (series, periods)
            Of as many periods as were learnt from, or of any other number: the net reads what there is.
        """
        check_is_fitted(self)
        z = self._log_odds(_features(prices)).mean(0)
        p = 1 / (1 + np.exp(-z))
        return np.stack([1 - p, p], axis=1)

    def predict(self, prices: Any) -> np.ndarray:
        """Return which series cycle, array of bool (series,)."""
        return self.predict_proba(prices)[:, 1] > 0.5

    def _log_odds(self, x: np.ndarray) -> np.ndarray:
        return evaluate(_outputs, self.nets_, [x.astype(np.float32)])[0][..., 0].astype(float)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether it tells anything at all."""
        if np.isnan(self.auc_):
            return (Check("better than a coin", None, "No series were set aside."),)
        said = f"At series that a net did not learn from, the area under its curve is {self.auc_:.3f}; a coin has 0.5."
        return (Check("better than a coin", self.auc_ > 0.6, said, self.auc_, 0.6),)

    def summary(self) -> str:
        """Return one screen: what was learnt from, and how well series set aside are told."""
        return screenful(
            f"CycleClassifier ({self.net}, {self.members} nets of width {self.width}), fitted",
            [
                f"{self.series_:,} series of {self.periods_} periods, {self.share_:.0%} of which cycle.",
                *(check.sentence for check in self.checks if check.passed is not False),
                self.status_,
            ],
            checks=self.checks,
        )

    def sections(self) -> tuple[Section, ...]:
        """Return the training as a part of a report."""
        courses: Any = self.history_.groupby("epoch")
        curve = courses[["loss", "heldout"]].mean().reset_index()
        figure = Figure("Training", "Cross-entropy by epoch, averaged over the nets.", curve, _draw_curve)
        return (Section("CycleClassifier", self.summary().split("\n", 1)[1], (), (figure,), self.checks),)


def compare_detectors(
    learnt: Any, prices: Any, cycling: Any, other_prices: Any, other_cycling: Any, seed: int = 0
) -> pd.DataFrame:
    """Hold a fitted classifier against rules, and against a forest on all of them.

    Parameters
    ----------
    learnt : CycleClassifier
        Fitted.
    prices : array, shape (series, periods)
        What it was fitted on; the forest learns from it too.
    cycling : array, shape (series,)
    other_prices : array, shape (series, periods)
        Series that nobody has seen.
    other_cycling : array, shape (series,)
    seed : int
        Of the forest.

    Returns
    -------
    DataFrame
        Columns: detector, kind ("net", "forest of rules" or "rule") and auc, the area under the curve at the other
        series; the best comes first.

    Examples
    --------
    >>> from ceteris.sequence import CycleClassifier, compare_detectors, simulate_stations
    >>> panel, other = simulate_stations(60, 40, seed=0), simulate_stations(40, 40, seed=1)
    >>> detector = CycleClassifier(width=8, members=1, epochs=30, random_state=0).fit(panel.prices, panel.cycling)
    >>> found = compare_detectors(detector, panel.prices, panel.cycling, other.prices, other.cycling)
    >>> len(found), found.columns.tolist()
    (9, ['detector', 'kind', 'auc'])
    """
    truth, scores = _labels(other_cycling, len(np.asarray(other_prices))), rule_scores(_series(other_prices))
    forest: Any = RandomForestClassifier(300, min_samples_leaf=3, random_state=seed)
    forest.fit(rule_scores(_series(prices)), _labels(cycling, len(np.asarray(prices))))
    rows: list[tuple[str, str, float]] = [
        (f"{learnt.net} on changes", "net", _auc(truth, learnt.predict_proba(other_prices)[:, 1])),
        ("forest on all rules", "forest of rules", _auc(truth, forest.predict_proba(scores)[:, 1])),
        *((name, "rule", _auc(truth, scores[name])) for name in scores),
    ]
    table = pd.DataFrame(rows, columns=pd.Index(["detector", "kind", "auc"]))
    return table.sort_values("auc", ascending=False, ignore_index=True)


def _auc(truth: Any, score: Any) -> float:
    return float(roc_auc_score(truth, score))


def _series(prices: Any) -> np.ndarray:
    found = finite("prices", prices, (None, None))
    require("prices: periods of each series", found.shape[1], a_whole_number(SHORTEST), "give longer series")
    return found


def _features(prices: Any) -> np.ndarray:
    """Changes in units of their standard deviation and a mark where nothing changed, (series, periods - 1, 2)."""
    changes = np.diff(_series(prices), axis=1)
    scale = np.maximum(changes.std(1, keepdims=True), 1e-12)
    return np.stack([np.clip(changes / scale, -8, 8), (changes == 0) - 0.5], axis=-1)


def _labels(cycling: Any, count: int) -> np.ndarray:
    found = finite("cycling", cycling, (None,))
    if len(found) != count:
        raise ValueError(f"cycling holds {len(found)}, but must hold {count}, one for each series; give as many.")
    if set(found.tolist()) != {0.0, 1.0}:
        raise ValueError(
            f"cycling holds the labels {sorted(set(found.tolist()))[:5]}, but must hold 0 and 1, both; code them so."
        )
    require("cycling: series", count, a_whole_number(FEWEST), "give more")
    return found


def _heldout_auc(z: np.ndarray, y: np.ndarray, heldout: np.ndarray | None) -> float:
    """Mean over the members of the area under the curve at the rows that judged each."""
    if heldout is None:
        return float("nan")
    own = [(y[rows[rows < len(y)]], z[m, rows[rows < len(y)]]) for m, rows in enumerate(heldout)]
    return float(np.mean([_auc(truth, score) for truth, score in own if 0 < truth.mean() < 1]))


def _outputs(net, x):
    return net(x)


def _draw_curve(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["epoch"], data["loss"], label="learnt from")
    seen = data.dropna(subset="heldout")
    axes.plot(seen["epoch"], seen["heldout"], label="set aside")
    axes.set(xlabel="epoch", ylabel="cross-entropy", ylim=(0, None))
    axes.legend()
