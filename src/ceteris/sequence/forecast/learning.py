"""Nets learn at several cutoffs at once: each from what was known by then, all as one program."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
from jax import Array

from ceteris.engine import Fit
from ceteris.nets import no_buffers
from ceteris.recipe import optimiser
from ceteris.sequence.forecast.heads import HEADS, AbstractHead
from ceteris.sequence.forecast.window_net import window_net
from ceteris.sequence.forecast.windows import Windows
from ceteris.training import AbstractRowLoss, MemberRows, TrainingPlan, evaluate, padded, size_class, train

HELD = 0.15  # share of the origins before a cutoff that judge when to stop
FEW = 30  # rows below which no net is trained


class ForecastLoss(AbstractRowLoss):
    """The loss of a head at each row, averaged over the horizon."""

    head: AbstractHead
    horizon: int = eqx.field(static=True)

    def losses(self, model: Any, batch: dict[str, Array], key: Any) -> tuple[Array, dict[str, Any]]:
        """Return the loss of each row."""
        raw, buffers = (model(batch["x"]), no_buffers(model)) if key is None else model.training(batch["x"], key)
        found = self.head.losses(raw.reshape(len(raw), self.horizon, -1), batch)
        return found.mean(1), {} if key is None else {"buffers": buffers}


class Learnt(NamedTuple):
    """Nets of several cutoffs, those of a cutoff next to each other, and how they were trained."""

    nets: Any
    run: Fit
    cutoffs: tuple[int, ...]
    members: int

    def of(self, place: int) -> Any:
        """The nets of one cutoff."""
        own = slice(place * self.members, (place + 1) * self.members)
        import jax

        return jax.tree.map(lambda a: np.asarray(a)[own] if eqx.is_array(a) else a, self.nets)


def rows_by(windows: Windows, cutoff: int, horizon: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the rows that nets of a cutoff learn from, and those after them that judge when to stop.

    A row counts once all its targets have come to pass; None where there are too few.
    """
    known = (windows.origin + horizon <= cutoff) & ~np.isnan(windows.target).any(1)
    rows = np.flatnonzero(known)
    if len(rows) < FEW:
        return None
    origins = np.sort(windows.origin[rows])
    edge = origins[int((1 - HELD) * (len(origins) - 1))]
    early, late = rows[windows.origin[rows] <= edge], rows[windows.origin[rows] > edge]
    return (early, late) if len(late) else (rows, rows[-1:])


def learn(who: str, settings: Any, windows: Windows, cutoffs: Sequence[int], horizon: int, seed: int) -> Learnt:
    """Train ``settings.members`` nets for each cutoff.

    Parameters
    ----------
    who : str
        For messages.
    settings : Forecaster
    windows : Windows
    cutoffs : sequence of int
        Places of the calendar; each with enough rows (`rows_by`).
    horizon, seed : int
    """
    parts = [rows_by(windows, cutoff, horizon) for cutoff in cutoffs]
    own = [part for part in parts if part is not None]
    count, held = max(len(early) for early, _ in own), max(len(late) for _, late in own)
    n, most = len(windows.x), size_class(count)[1]
    # shapes are those of a class of sizes: series of nearly equal length share one compiled program
    early = np.stack([np.pad(np.resize(rows, count), (0, most - count), constant_values=n) for rows, _ in own])
    late = np.stack([np.pad(rows, (0, size_class(held)[1] - len(rows)), constant_values=n) for _, rows in own])
    z = np.clip(np.nan_to_num((windows.target - windows.base) / windows.scale[:, None]), -50, 50)
    columns = {"x": windows.x, "y": np.nan_to_num(windows.target), "base": windows.base, "z": z}
    data = padded({name: a.astype(np.float32) for name, a in columns.items()}, size_class(n)[1])
    head = HEADS[settings.head]
    options = {"kind": settings.net, "width": settings.width, "depth": settings.depth, "dropout": settings.dropout}
    builder = eqx.Partial(window_net, windows.sizes, horizon * head.outputs, tuple(options.items()))
    rows = MemberRows(np.repeat(early, settings.members, 0), np.repeat(late, settings.members, 0), count)
    run = train(who, builder, ForecastLoss(head, horizon), data, rows, plan_of(settings, count), seed)
    return Learnt(run.model, run, tuple(cutoffs), settings.members)


def plan_of(settings: Any, count: int) -> TrainingPlan:
    """Return how nets are trained that learn from so many rows each: the same for a class of sizes."""
    least, most = size_class(count)
    batch = min(settings.batch_size or int(np.clip(2.0 ** np.round(np.log2(most / 8)), 16, 256)), least)
    updates = max(least // batch, 1)
    epochs = settings.epochs or int(np.clip(round(1200 / updates), 5, 60))
    rule = partial(optimiser, "adamw", settings.rate, schedule="cosine", weight_decay=settings.weight_decay)
    return TrainingPlan(epochs, batch, rule, settings.patience or max(epochs // 4, 2), 20, updates)


def raw_outputs(nets: Any, x: np.ndarray, horizon: int) -> np.ndarray:
    """Return the raw outputs of nets, (members, rows, horizon, outputs)."""
    found = evaluate(_outputs, nets, [x.astype(np.float32)])[0]
    return found.reshape(*found.shape[:2], horizon, -1)


def _outputs(net, x):
    return net(x)


def quantiles_of(nets: Any, settings: Any, windows: Windows, horizon: int, levels: np.ndarray) -> np.ndarray:
    """Return quantiles, averaged over the nets of an ensemble, (rows, horizon, levels) in units of the data."""
    raw = raw_outputs(nets, windows.x, horizon)
    return HEADS[settings.head].quantiles(raw, windows.base, windows.scale, levels).mean(0)


def forecasts_of(
    learnt: Learnt, settings: Any, windows: Windows, shape: tuple[int, int, int], levels: np.ndarray
) -> np.ndarray:
    """Return quantiles from each origin by the nets of the last cutoff up to it, (series, times, horizon, levels).

    NaN before the first cutoff. Nets of a cutoff have seen nothing of what they forecast.
    """
    n, times, horizon = shape
    found = np.full((n, times, horizon, len(levels)), np.nan)
    for place, cutoff in enumerate(learnt.cutoffs):
        until = learnt.cutoffs[place + 1] if place + 1 < len(learnt.cutoffs) else times
        rows = np.flatnonzero((windows.origin >= cutoff) & (windows.origin < until))
        if len(rows):
            own = windows.take(rows)
            found[own.series, own.origin] = quantiles_of(learnt.of(place), settings, own, horizon, levels)
    return found
