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
import pandas as pd

from ceteris.engine import EarlyStopping, Ensemble, Fit, Status, fit, precision
from ceteris.engine.ensemble import take
from ceteris.impute.conditionals import Masked, draw
from ceteris.impute.gaussian import learn_all, learn_each
from ceteris.nets import trainable
from ceteris.nets.conditionals import Cells, Conditionals, Levels, Sizes, standardised
from ceteris.recipe import Descend, Minibatches, Streamed, optimiser

PATTERNS = 1024  # patterns of holes to learn from
BLOCK = 4096  # rows drawn at a time: bounds memory
MOST_ROWS, MOST_JUDGES = 10_000, 4_000  # rows that a normal is fitted to, and that a streamed net is judged by
CHUNKS, PATIENCE = 20, 8  # how often a run is judged, and for how many of these it may not improve


class Settings(NamedTuple):
    """Sizes of a net and of its training; all but the rate are static."""

    sizes: Sizes
    rate: float
    decay: float
    epochs: int
    batch: int


class OutOfBag(eqx.Module):
    """The loss at cells hidden in rows that a member has not drawn."""

    objective: Masked
    data: Any
    rows: Any

    def __call__(self, model, key):
        cells = jax.tree.map(lambda a: a[self.rows], self.data)
        losses = [self.objective(model, cells, jr.key(i))[0] for i in range(2)]  # the same holes every time
        return {"heldout": sum(losses) / len(losses)}


def bootstrap(n: int, members: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows drawn with replacement, (members, n), and rows not drawn, (members, n // 4 + 1)."""
    drawn = rng.integers(0, n, (members, n))
    left = np.empty((members, n // 4 + 1), int)
    for i in range(members):
        rest = np.setdiff1d(np.arange(n), drawn[i])
        left[i] = rng.choice(rest, left.shape[1], replace=len(rest) < left.shape[1]) if len(rest) else drawn[i, :1]
    return drawn, left


def train(cells: Cells, levels: Levels | list[Levels], members: int, settings: Settings, seed: int) -> Fit:
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
    """
    rng = np.random.default_rng(seed)
    several = isinstance(levels, list)
    of_tables = levels if isinstance(levels, list) else [levels]
    tables, n = len(of_tables), cells.z.shape[-2]
    drawn, left = bootstrap(n, tables * members, rng)
    one = jax.tree.map(lambda a: jnp.asarray(a[0] if several else a), cells)
    sampler = Minibatches(one, settings.batch, rows=jnp.asarray(drawn[0]))
    builder = eqx.Partial(Conditionals, one.z.shape[1], one.extra.shape[1], of_tables[0], settings.sizes)
    rule = optimiser("adamw", settings.rate, schedule="cosine", updates=settings.epochs * sampler.updates, clip=1.0,
                     weight_decay=settings.decay)  # fmt: skip
    objective = Masked(jnp.asarray(patterns(cells.seen.reshape(-1, cells.seen.shape[-1]), rng)))
    algorithm = Descend(
        builder, objective, sampler, rule, trainable, heldout=OutOfBag(objective, one, jnp.asarray(left[0]))
    )
    with precision("single"):
        models = start(builder, cells, of_tables, drawn, jr.key(seed))
        if several:
            each = jax.tree.map(lambda a: np.repeat(a, members, axis=0), cells)
            ensemble = Ensemble(
                algorithm, len(drawn), over=_rows_and_cells, values=(drawn, left, each, each), how="vmap"
            )
        else:
            ensemble = Ensemble(algorithm, members, over=_rows, values=(drawn, left))
        judge = EarlyStopping("heldout", PATIENCE)
        every = max(1, settings.epochs // CHUNKS)
        run = fit(ensemble, jr.key(seed), model=models, steps=settings.epochs, every=every, monitors=[judge])
    refuse_non_finite(run, settings)
    return run


def train_streamed(
    cells: Cells, levels: Levels, members: int, settings: Settings, feed: Any, steps: int, seed: int
) -> Fit:
    """Train an ensemble on batches that the host reads; ``cells`` is a sample, for the normal and for judging."""
    rng = np.random.default_rng(seed)
    drawn, left = bootstrap(len(cells.z), members, rng)
    objective, one = Masked(jnp.asarray(patterns(cells.seen, rng))), jax.tree.map(jnp.asarray, cells)
    builder = eqx.Partial(Conditionals, one.z.shape[1], one.extra.shape[1], levels, settings.sizes)
    rule = optimiser("adamw", settings.rate, schedule="cosine", updates=steps, clip=1.0, weight_decay=settings.decay)
    judge = OutOfBag(objective, one, jnp.asarray(left[0, :MOST_JUDGES]))
    algorithm = Descend(builder, objective, Streamed(), rule, trainable, heldout=judge)
    with precision("single"):
        models = start(builder, cells, [levels], drawn, jr.key(seed))
        every = max(1, steps // CHUNKS)
        run = fit(Ensemble(algorithm, members), jr.key(seed), model=models, steps=steps, every=every, feed=feed)
    refuse_non_finite(run, settings)
    return run


def refuse_non_finite(run: Fit, settings: Settings) -> None:
    """Raise if a loss or a weight of a member became non-finite."""
    if np.any(run.status == Status.NONFINITE):
        raise FloatingPointError(
            f"Imputer: {run.sentence} Lower rate (now {settings.rate}), or look for extreme values."
        )


def member(nets: Any, i: int) -> Conditionals:
    """One of the stacked nets."""
    return take(nets, jnp.asarray(i))


def history(run: Fit) -> pd.DataFrame:
    """What happened in training, one row per epoch and member; heldout where it was read."""
    loss = run.history["loss"].astype(float)
    heldout = np.full(loss.shape, np.nan)
    heldout[run.metrics["step"] - 1] = run.metrics["heldout"]
    epoch, which = np.meshgrid(np.arange(1, len(loss) + 1), np.arange(loss.shape[1]), indexing="ij")
    columns = {"epoch": epoch, "member": which, "loss": loss, "heldout": heldout}
    return pd.DataFrame({name: a.ravel() for name, a in columns.items()}).dropna(subset="loss", ignore_index=True)


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
        x, seen, _ = standardised(cells, cells.seen, levels[0], q)
        return eqx.tree_at(lambda model: model.base, models, learn_all(x, seen, rows, keys))
    own = jax.tree.map(lambda *a: jnp.repeat(jnp.stack(a), len(drawn) // len(levels), axis=0), *levels)
    encoded = [standardised(jax.tree.map(lambda a, t=t: a[t], cells), cells.seen[t], of_table, q)[:2]
               for t, of_table in enumerate(levels)]  # fmt: skip
    x, seen = (jnp.repeat(jnp.stack(parts), len(drawn) // len(levels), axis=0) for parts in zip(*encoded, strict=True))
    return eqx.tree_at(lambda m: (m.base, m.levels), models, (learn_each(x, seen, rows, keys), own))


@eqx.filter_jit
def _build(builder, keys):
    return eqx.filter_vmap(lambda key: builder(key=key))(keys)


def _rows(a):
    return a.sampler.rows, a.heldout.rows


def _rows_and_cells(a):
    return a.sampler.rows, a.heldout.rows, a.sampler.data, a.heldout.data


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
