"""Which source of a corpus helps: small models trained on it with each source left out (section 7.3.3 of source 004).

Every model takes the same steps, so that what a source leaves is taken by the others. The loss on text set aside
without a source, less the loss with it, says what it is worth for that text; the same seeds on both sides make the
difference sharper than either loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pandas as pd

from ceteris.arguments import NOT_NEGATIVE, a_whole_number, one_of, require
from ceteris.engine import fit
from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import AbstractResult, screenful
from ceteris.text.data import Shards, load_shards
from ceteris.text.pretrain.objectives import HeldOutWindows
from ceteris.text.pretrain.pretraining import Pretraining

ALL, LEVEL = "all", 0.95
CHUNK = 50  # steps whose batches are in memory at once


@dataclass(frozen=True, eq=False, repr=False)
class SourceAblation(AbstractResult):
    """Losses of small models on text set aside, by what they learnt from.

    Attributes
    ----------
    settings : Pretraining
        How each was trained.
    sources : tuple of str
        Parts of the corpus; model 0 learnt from all of them, model i from all but the i-th.
    losses : array, shape (1 + sources, repeats, sources)
        Loss of each model and seed on the text that was set aside of each source, in nats.
    weights : array, shape (sources,)
        How much the text of each source counts.
    seconds : float
        Of a processor.
    """

    settings: Pretraining
    sources: tuple[str, ...]
    losses: np.ndarray
    weights: np.ndarray
    seconds: float

    @property
    def gains(self) -> np.ndarray:
        """What each source is worth: the loss without it less that with it, shape (sources, repeats)."""
        judged = self.losses @ self.weights
        return judged[1:] - judged[0]

    def table(self) -> pd.DataFrame:
        """Return what each source is worth in nats, with an interval of 95 % over seeds, and a verdict."""
        from scipy import stats

        repeats = self.losses.shape[1]
        mean, se = self.gains.mean(1), self.gains.std(1, ddof=1) / np.sqrt(repeats)
        half = stats.t.ppf(0.5 + LEVEL / 2, repeats - 1) * se
        words = np.where(mean - half > 0, "helps", np.where(mean + half < 0, "hurts", "no difference"))
        columns = {"worth": mean, "std err": se, "low": mean - half, "high": mean + half, "verdict": words}
        return pd.DataFrame({"source": list(self.sources), **columns}).sort_values(
            "worth", ascending=False, ignore_index=True
        )

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether all losses are numbers, and whether any source stands out."""
        finite = bool(np.isfinite(self.losses).all())
        found = sum(word != "no difference" for word in self.table()["verdict"])
        sentence = f"{found} of {len(self.sources)} sources make a difference that is more than that of seeds" + (
            "." if found else "; take more steps or repeats."
        )
        broken = "All losses are numbers." if finite else "A loss is no number; take a lower rate."
        return Check("losses are numbers", finite, broken), Check("a source stands out", found > 0, sentence)

    def summary(self) -> str:
        """Return one screen: what each source is worth."""
        return screenful(self._heading(), [self._said()], self.table(), self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return what each source is worth, and for which text."""
        by_text = (self.losses[1:] - self.losses[0]).mean(1)
        rows = pd.DataFrame(by_text, columns=[f"for {name}" for name in self.sources])
        rows.insert(0, "without", list(self.sources))
        caption = "How much higher the loss is without each source, in nats, with intervals of 95 % over seeds."
        tables = Table("Worth of each source", self.table()), Table("By the text that is judged", rows)
        figure = Figure("Worth of each source", caption, self.table(), _draw, (6.4, 1.4 + 0.4 * len(self.sources)))
        return (Section(self._heading().rstrip("."), self._said(), tables, (figure,), self.checks),)

    def _heading(self) -> str:
        models, repeats = self.losses.shape[:2]
        return f"Data ablation: {models * repeats} models, each source left out in turn, {repeats} seeds each."

    def _said(self) -> str:
        size = self.settings.size if isinstance(self.settings.size, str) else "own"
        loss = (self.losses[0] @ self.weights).mean()
        return (
            f"Models of size {size!r}, {self.settings.steps:,} steps; with all sources the loss is {loss:.3f} nats. "
            f"{self.seconds:,.0f} CPU seconds."
        )

    def _settings(self) -> Mapping[str, Any]:
        return {name: repr(value) for name, value in vars(self.settings).items()}


class _EachSource(eqx.Module):
    """The loss on the text set aside of each source."""

    each: tuple[HeldOutWindows, ...]

    def __call__(self, model: Any, key: Any) -> dict[str, Any]:
        return {f"source {i}": one(model, key)["heldout"] for i, one in enumerate(self.each)}


def compare_sources(
    shards: Shards | str | Path,
    settings: Pretraining,
    repeats: int = 3,
    target: Mapping[str, float] | None = None,
    most: int = 64,
) -> SourceAblation:
    """Train small models on a corpus with each of its sources left out, and say which source helps.

    Parameters
    ----------
    shards : Shards or path
        Of at least two sources, each with text set aside.
    settings : Pretraining
        How each is trained: small and short, as there are one more than sources, times repeats.
    repeats : int
        Seeds; at least two, as they say how much is chance.
    target : mapping of str to float, optional
        How much the text set aside of each source counts; by default all alike. Name one source to learn what helps
        a model that is to read texts of its kind.
    most : int
        Windows of each source that are judged, at most.

    Returns
    -------
    SourceAblation
    """
    shards = shards if isinstance(shards, Shards) else load_shards(shards)
    require("repeats", repeats, a_whole_number(2))
    names = shards.sources
    if len(names) < 2:
        raise ValueError(
            f"shards: they have {len(names)} source, but must have at least 2 to leave one out; prepare the corpus "
            "from folders, one for each source."
        )
    for name, weight in (target or {}).items():
        one_of("target: source", name, names)
        require(f"target: {name}", weight, NOT_NEGATIVE)
    weights = np.array([1.0 if target is None else target.get(name, 0.0) for name in names])
    if not weights.sum() > 0:
        raise ValueError("target is 0 for all sources, but must be above 0 for one; give one.")
    begun, totals = process_time(), shards.tokens()
    mixtures = [totals, *({name: count for name, count in totals.items() if name != out} for out in names)]
    losses = np.empty((len(mixtures), repeats, len(names)))
    for repeat in range(repeats):
        algorithm, feed, _ = replace(settings, seed=settings.seed + repeat).slots(shards)
        algorithm = replace(algorithm, heldout=_judge(shards, algorithm.objective, feed, most))
        for place, mixture in enumerate(mixtures):
            run = fit(
                algorithm, jax.random.key(settings.seed + repeat), steps=settings.steps,
                every=min(CHUNK, settings.steps), feed=replace(feed, weights=mixture), precision=settings.precision,
            )  # fmt: skip
            losses[place, repeat] = [run.metrics[f"source {i}"][-1] for i in range(len(names))]
    return SourceAblation(settings, names, losses, weights / weights.sum(), process_time() - begun)


def _judge(shards: Shards, objective: Any, feed: Any, most: int) -> _EachSource:
    """Return what judges a model by source, in batches as those of training."""
    aside, each = shards.windows(feed.length, "test", most), []
    for place, name in enumerate(shards.sources):
        rows = np.flatnonzero(aside["source"] == place)
        if not len(rows):
            raise ValueError(
                f"shards: source {name!r} has no window of {feed.length} tokens set aside, but must have at least one; "
                "prepare the corpus with a larger test_size, or take a smaller length."
            )
        rows = np.resize(rows, -(-len(rows) // feed.batch_size) * feed.batch_size)  # whole batches
        shape = (-1, feed.batch_size, feed.length)
        batches = {part: aside[part][rows].reshape(shape) for part in ("tokens", "documents")}
        each.append(HeldOutWindows(objective, batches))
    return _EachSource(tuple(each))


def _draw(figure: Any, data: pd.DataFrame) -> None:
    axes, place = figure.subplots(), np.arange(len(data))[::-1]
    reach = np.stack([data["worth"] - data["low"], data["high"] - data["worth"]])
    axes.errorbar(data["worth"], place, xerr=reach, fmt="o")
    axes.axvline(0, color="gray", linewidth=1)
    axes.set_yticks(place, data["source"].astype(str).tolist())
    axes.set(xlabel="loss without it less loss with it, nats")
