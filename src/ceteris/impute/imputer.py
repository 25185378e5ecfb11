"""The default imputer: a net for the distribution of every column given any of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import check
from ceteris.engine import precision
from ceteris.impute import neural, scales
from ceteris.impute.base import MultipleImputer, generator
from ceteris.impute.columns import Holes, complete, learn, refuse_many_levels
from ceteris.impute.panel import Clock, clock_of, panel_features, read_panel
from ceteris.nets.conditionals import Cells, Levels, Sizes
from ceteris.programs import keep_programs
from ceteris.recipe import optimiser
from ceteris.training import TrainingPlan, batch_for, history, passes_for

MOST_COLUMNS = 1_000  # the normal that nets start from costs the square of their number
LOOKS, PATIENCE = 20, 8  # how often a run is judged, and for how many of these it may not improve


class Imputer(MultipleImputer):
    """Multiple imputation by an ensemble of nets that give conditional distributions.

    Each member starts from a multivariate normal fitted to rows drawn with replacement, and learns on the same rows
    what the normal misses: cells are hidden as other rows lack them, and the net gives their distribution, a mixture of
    normals for a quantity, probabilities for labels. The holes of a row are drawn one after the other, each given what
    was observed and what was drawn before: a completed row is a draw from one joint distribution. Completed tables come
    from the members in turn, so that their spread holds the uncertainty about the parameters too.

    Assumes that holes are at random given what is observed (MAR).

    Parameters
    ----------
    members : int
        Nets; as many as completed tables at best, ten are enough for a hundred tables.
    width : int
        Units of each hidden layer of a net.
    depth : int
        Its hidden layers.
    components : int
        Normals in the mixture that is the distribution of a quantity.
    rate : float
        Highest learning rate of Adam; it falls along a half cosine.
    weight_decay : float
        Decoupled decay of the weight matrices, per unit of learning rate.
    epochs : int, optional
        Passes over the rows, at most; by default fewer for longer tables. A member stops early, judged by cells hidden
        in the rows that it has not drawn.
    batch_size : int, optional
        Rows per update; by default more for longer tables.
    group : column, optional
        The unit of a panel. With `time`, each quantity gets, as further inputs, its value interpolated in time from the
        other rows of the unit, and how far these are.
    time : column, optional
        The period of a panel.
    types : mapping of column to kind, optional
        "continuous", "binary", "ordinal", "categorical" or "ignore" instead of what the column looks like.
    bounds : mapping of column to (lowest, highest), optional
        Limits of quantities. A quantity that is never negative is never filled with a negative number.
    random_state : int, RandomState or None
        Decides everything random.
    progress : bool
        Whether to show progress while the nets are trained.

    Attributes
    ----------
    history_ : DataFrame
        Loss in training and on rows not drawn: columns epoch, member, loss, heldout.
    status_ : str
        How the training ended, in words.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys. Efron (1994), "Missing data, imputation, and the
    bootstrap", JASA 89, and Honaker and King (2010), "What to do about missing values in time-series cross-section
    data", AJPS 54, for rows drawn with replacement.

    Examples
    --------
    >>> from ceteris.data.missing import amputate, simulate_regression
    >>> table = simulate_regression(400)
    >>> first, second = Imputer(members=2, width=16, depth=1, epochs=5, random_state=0).fit(table).sample(2)
    >>> bool(first.isna().any().any()), bool((first["x"] != second["x"]).sum() == table["x"].isna().sum())
    (False, True)
    """

    def __init__(self, *, members: int = 10, width: int = 64, depth: int = 2, components: int = 4, rate: float = 1e-2,
                 weight_decay: float = 0.7, epochs: int | None = None, batch_size: int | None = None,
                 group: Any = None, time: Any = None, types: Mapping | None = None, bounds: Mapping | None = None,
                 random_state: Any = None, progress: bool = False):  # fmt: skip
        self.members, self.width, self.depth, self.components = members, width, depth, components
        self.rate, self.weight_decay, self.epochs, self.batch_size = rate, weight_decay, epochs, batch_size
        self.group, self.time, self.types, self.bounds, self.random_state = group, time, types, bounds, random_state
        self.progress = progress

    def _types(self, table: pd.DataFrame) -> Mapping[Any, str] | None:
        return kinds(self, table)

    def _learn(self, table: pd.DataFrame, holes: Holes, seed: int) -> None:
        check(self)
        keep_programs()
        self.scales_, self.levels_ = learn_scales(holes)
        self.clock_ = None if self.group is None else clock_of(*read_panel(table, self.group, self.time))
        cells = cells_of(self, table, holes, self.scales_, np.random.default_rng(seed))
        settings = settings_of(self, len(table))
        run = neural.train(cells, self.levels_, self.members, settings, seed, progress=self.progress)
        self._keep(run)

    def _keep(self, run: Any) -> None:
        self.nets_, self.status_, self.history_ = run.model, run.sentence, history(run)

    def _draw(self, table: pd.DataFrame, holes: Holes, m: int, seed: int) -> list[np.ndarray]:
        cells = cells_of(self, table, holes, self.scales_, clock=self.clock_)
        return [drawn(self.nets_, i % self.members, cells, self.scales_, seed + i) for i in range(m)]


def sample_each(imputer: Imputer, tables: Sequence[pd.DataFrame], m: int = 10) -> list[list[pd.DataFrame]]:
    """Complete many tables of one shape m times, all nets of all tables in one program: for Monte Carlo studies.

    Parameters
    ----------
    imputer : Imputer
        Not fitted; its parameters are used. Every table gets ``imputer.members`` nets of its own.
    tables : sequence of DataFrame
        The same columns, kinds and number of rows.
    m : int
        Completed tables of each.

    Examples
    --------
    >>> from ceteris.data.missing import simulate_regression
    >>> tables = [simulate_regression(100, seed=seed) for seed in range(3)]
    >>> done = sample_each(Imputer(members=2, epochs=2, random_state=1), tables, m=2)
    >>> len(done), len(done[0]), bool(done[2][1].isna().any().any())
    (3, 2, False)
    """
    check(imputer)
    read = [learn(table, kinds(imputer, table), imputer.bounds) for table in tables]
    found = [learn_scales(holes) for holes in read]
    shapes = [(holes.values.shape, [type(scale) for scale in own], levels.allowed.shape, levels.column, levels.level)
              for holes, (own, levels) in zip(read, found, strict=True)]  # fmt: skip
    if not shapes or any(shape != shapes[0] for shape in shapes):
        raise ValueError("tables: they differ in rows, columns or labels, or there are none; give tables of one shape.")
    seed = int(generator(imputer.random_state).integers(2**31))
    rng = np.random.default_rng(seed)
    each = list(zip(tables, read, [own for own, _ in found], strict=True))
    stacked = Cells(*(np.stack(parts) for parts in zip(*(cells_of(imputer, *one, rng) for one in each), strict=True)))
    settings = settings_of(imputer, len(tables[0]))
    nets = neural.train(stacked, [levels for _, levels in found], imputer.members, settings, seed).model
    out = []
    for t, (table, holes, own) in enumerate(each):
        cells, first = cells_of(imputer, table, holes, own), t * imputer.members
        values = [drawn(nets, first + i % imputer.members, cells, own, seed + t * m + i) for i in range(m)]
        out.append([complete(table, holes, one) for one in values])
    return out


def drawn(nets: Any, member: int, cells: Cells, found: tuple[scales.Scale, ...], seed: int) -> np.ndarray:
    """One completed array of values, (rows, columns)."""
    with precision("single"):
        z, codes = neural.fill(neural.member(nets, member), cells, seed)
    return scales.values_of(found, z, codes, np.random.default_rng(seed))


def kinds(imputer: Imputer, table: pd.DataFrame) -> Mapping[Any, str] | None:
    """The kinds of columns that are given; unit and period of a panel become features and are no columns."""
    used = [name for name in table.columns if (imputer.types or {}).get(name) != "ignore"]
    if len(used) > MOST_COLUMNS:
        raise ValueError(
            f"X has {len(used):,} columns, but must have {MOST_COLUMNS:,} at most for Imputer; leave some out, or take "
            "MIDAS, which has no such limit."
        )
    roles = [name for name in (imputer.group, imputer.time) if name is not None]
    if len(roles) == 1:
        raise ValueError("group: a panel needs both group and time, but one of them is None; give both or neither.")
    if not roles:
        return imputer.types
    read_panel(table, imputer.group, imputer.time)  # refuses what is no panel
    return {**(imputer.types or {}), **dict.fromkeys(roles, "ignore")}


def learn_scales(holes: Holes) -> tuple[tuple[scales.Scale, ...], Levels]:
    """The scale of every column, and what the net must know of the labels."""
    refuse_many_levels(holes.columns)
    found = tuple(scales.scale_of(column, values) for column, values in zip(holes.columns, holes.values.T, strict=True))
    return found, scales.levels_of(found, holes.values)


def cells_of(
    imputer: Imputer,
    table: pd.DataFrame,
    holes: Holes,
    found: tuple[scales.Scale, ...],
    rng: np.random.Generator | None = None,
    clock: Clock | None = None,
) -> Cells:
    """A table as the net takes it; with a generator, the features of a panel are made for training.

    New rows of a panel need the clock of the table learnt from.
    """
    z, codes, seen = scales.matrices(found, holes.values)
    if imputer.group is None:
        return Cells(z, codes, seen, np.zeros((len(z), 0), np.float32))
    unit, time = read_panel(table, imputer.group, imputer.time)
    return Cells(z, codes, seen, panel_features(z, seen[:, : z.shape[1]], unit, time, rng, clock))


def settings_of(imputer: Imputer, n: int) -> neural.Settings:
    """What is left open, from the number of rows."""
    epochs = imputer.epochs or passes_for(n, 80, 2_000, least=20, highest=120)
    batch = imputer.batch_size or batch_for(n, 16, least=16)
    rule = partial(optimiser, "adamw", imputer.rate, schedule="cosine", clip=1.0, weight_decay=imputer.weight_decay)
    patience = PATIENCE * max(1, epochs // LOOKS)
    sizes = Sizes(imputer.width, imputer.depth, imputer.components)
    return neural.Settings(sizes, TrainingPlan(epochs, batch, rule, patience, LOOKS))
