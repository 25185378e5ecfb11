"""From a table of cells to an ensemble of nets, and from the nets to completed tables.

Every member learns from rows drawn with replacement and is judged on rows it has not drawn: what differs between
members is what the data leave open about the parameters, without which intervals after Rubin's rules are too short.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris import training
from ceteris.engine import Fit
from ceteris.impute.conditionals import Masked, draw
from ceteris.impute.gaussian import learn_all, learn_each
from ceteris.nets.conditionals import Cells, Conditionals, Levels, Sizes, standardised

PATTERNS = 1024  # patterns of holes to learn from
BLOCK = 4096  # rows drawn at a time: bounds memory
MOST_ROWS, MOST_JUDGES = 10_000, 4_000  # rows that a normal is fitted to, and that a streamed net is judged by


class Settings(NamedTuple):
    """Sizes of a net, and how it is trained."""

    sizes: Sizes
    plan: training.TrainingPlan


def train(
    cells: Cells, levels: Levels | list[Levels], members: int, settings: Settings, seed: int, feed: Any = None,
    progress: bool = False,
) -> Fit:  # fmt: skip
    """Train an ensemble.

    Parameters
    ----------
    cells : Cells
        Arrays of shape (rows, ...), or (tables, rows, ...) where several tables are imputed side by side; every table
        then has ``members`` nets of its own.
    levels : Levels, or a list of them for several tables
    members : int
    settings : Settings
    seed : int
    feed : callable, optional
        Batches that the host reads; ``cells`` is then a sample, for the normal and for judging.
    progress : bool
        Whether to show progress.
    """
    rng = np.random.default_rng(seed)
    several = isinstance(levels, list)
    of_tables = levels if isinstance(levels, list) else [levels]
    rows = training.bootstrap(cells.z.shape[-2], len(of_tables) * members, rng)
    drawn, left = rows[:2]
    one = jax.tree.map(lambda a: a[0], cells) if several else cells
    each = jax.tree.map(lambda a: np.repeat(a, members, axis=0), cells) if several else None
    builder = eqx.Partial(Conditionals, one.z.shape[1], one.extra.shape[1], of_tables[0], settings.sizes)
    objective = Masked(jnp.asarray(patterns(cells.seen.reshape(-1, cells.seen.shape[-1]), rng)))
    judges = None if feed is None or left is None else left[0, :MOST_JUDGES]
    return training.train(
        "Imputer", builder, objective, one, rows, settings.plan, seed,
        differ=[(_cells, each), (_judging_cells, each)] if several else [],
        given=None if judges is None else jax.tree.map(lambda a: a[judges], one),
        start=lambda key: start(builder, cells, of_tables, drawn, key),
        feed=feed,
        how="vmap" if several else "auto",
        progress=progress,
    )  # fmt: skip


def member(nets: Any, i: int) -> Conditionals:
    """One of the stacked nets, cut out in NumPy: on a device this would be a program of its own."""
    return jax.tree.map(lambda a: np.asarray(a)[i], nets)


def patterns(seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What is seen in rows with holes, a random `PATTERNS` of them; all rows where there are no holes."""
    rows = np.flatnonzero(~seen.all(1))
    return seen[rng.choice(rows if len(rows) else len(seen), PATTERNS)]


def start(builder: Any, cells: Cells, levels: list[Levels], drawn: np.ndarray, key: Any) -> Conditionals:
    """The members before training: each with the levels of its table and the normal of the rows that it has drawn."""
    weights, augment = jr.split(key)
    models = _build(builder, jr.split(weights, len(drawn)))
    keys, rows = jr.split(augment, len(drawn)), jnp.asarray(drawn[:, :MOST_ROWS])
    q = cells.z.shape[-1]
    if len(levels) == 1:
        x, seen, _ = _standardised(cells, cells.seen, levels[0], q)
        return eqx.tree_at(lambda model: model.base, models, learn_all(x, seen, rows, keys))
    own = jax.tree.map(lambda *a: np.repeat(np.stack(a), len(drawn) // len(levels), axis=0), *levels)
    encoded = [_standardised(jax.tree.map(lambda a, t=t: a[t], cells), cells.seen[t], of_table, q)[:2]
               for t, of_table in enumerate(levels)]  # fmt: skip
    x, seen = (np.repeat(np.stack(parts), len(drawn) // len(levels), axis=0) for parts in zip(*encoded, strict=True))
    return eqx.tree_at(lambda m: (m.base, m.levels), models, (learn_each(x, seen, rows, keys), own))


def _build(builder: Any, keys: Any) -> Conditionals:
    """The nets, stacked; one after the other, since a program that builds them side by side compiles twice as long."""
    models = [_build_one(builder, key) for key in keys]
    return jax.tree.map(lambda *a: np.stack(a), *models)


_standardised = eqx.filter_jit(standardised)  # one program rather than one for each operation


@eqx.filter_jit
def _build_one(builder, key):
    return builder(key=key)


def _cells(a):
    return a.sampler.data


def _judging_cells(a):
    return a.heldout.data


def fill(model: Conditionals, cells: Cells, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the holes of a table, in blocks of rows; z and codes, completed.

    Parameters
    ----------
    model : Conditionals
        One member.
    cells : Cells
        Arrays of shape (rows, ...).
    seed : int
    """
    order = jnp.asarray(np.random.default_rng(seed).permutation(cells.seen.shape[1]))
    z, codes = np.array(cells.z), np.array(cells.codes)
    incomplete = np.flatnonzero(~cells.seen.all(1))
    block = min(BLOCK, -(-len(z) // 256) * 256)  # whatever the number of holes, one compiled program
    for k, start in enumerate(range(0, len(incomplete), block)):
        rows = incomplete[start : start + block]
        part = jax.tree.map(lambda a, rows=rows: _padded(np.asarray(a)[rows], block), cells)
        seen = part.seen.copy()
        seen[len(rows) :] = True
        key = jr.fold_in(jr.key(seed), k)
        new = draw(model, part._replace(seen=seen), jnp.asarray(holes_of(seen)), order, key)
        z[rows], codes[rows] = (np.asarray(a)[: len(rows)] for a in new)
    return z, codes


def holes_of(seen: np.ndarray) -> np.ndarray:
    """Rows with a hole, per column, filled up with the number of rows to a multiple of a quarter of them."""
    n, p = seen.shape
    unit = max(1, n // 4)
    most = -(-max(1, (~seen).sum(0).max()) // unit) * unit
    out = np.full((p, most), n, np.int32)
    for j in range(p):
        rows = np.flatnonzero(~seen[:, j])
        out[j, : len(rows)] = rows
    return out


def _padded(a: np.ndarray, n: int) -> np.ndarray:
    return np.concatenate([a, np.zeros((n - len(a), *a.shape[1:]), a.dtype)])
