"""A conditional Wasserstein GAN for tables with columns of all kinds.

Training by sampling: each row of a batch is asked to carry a label, first a column drawn evenly, then one of its labels
in proportion to the logarithm of its count; the real row beside it carries that label too. Rare labels are thus seen
often enough to be learnt, and drawing labels by their true frequency in the end restores the shares.

References
----------
Xu, L., Skoularidou, M., Cuesta-Infante, A. and Veeramachaneni, K. (2019). Modeling tabular data using conditional GAN.
NeurIPS 32.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd
from jax import Array
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ceteris.arguments import COUNT, check, whole
from ceteris.engine import Progress, fit, precision
from ceteris.fitted import AbstractFitted
from ceteris.recipe import Draws, Play
from ceteris.results import Section
from ceteris.synthesis import columns as mixed
from ceteris.synthesis.sections import game, gan_described
from ceteris.synthesis.wasserstein import CriticLoss, GeneratorLoss, Maker, players, rule
from ceteris.training import refuse_non_finite

NOISE = 32  # numbers of noise per row
CHUNKS = 40
BLOCK = 512  # rows made at a time


class Conditions(eqx.Module):
    """Which labels may be asked for, and where the rows are that carry them.

    Attributes
    ----------
    count : array, shape (label columns, most labels)
        Rows that carry each label; zero beyond a column's last.
    first : array of the same shape
        Where they start in ``order``.
    order : array, shape (label columns, rows)
        Rows sorted by label.
    offset : array, shape (label columns,)
        Where the labels of each column start in the condition.
    """

    count: Array
    first: Array
    order: Array
    offset: Array
    width: int = eqx.field(static=True)

    def draw(self, key: Array, n: int, power: float) -> tuple[Array, Array, Array]:
        """Draw a column evenly and a label of it, by log count (power 0) or count (1): column, label, condition."""
        which, what = jr.split(key)
        column = jr.randint(which, (n,), 0, len(self.count))
        weight = jnp.where(power == 1, self.count, jnp.log1p(self.count))
        label = jr.categorical(what, jnp.log(weight)[column])
        return column, label, jax.nn.one_hot(self.offset[column] + label, self.width)


class ConditionalRows(eqx.Module):
    """Draw a batch of (real rows, condition)."""

    rows: Array
    conditions: Conditions | None
    batch_size: int = eqx.field(static=True)

    def __call__(self, key: Array) -> tuple[Array, Array]:
        """Draw."""
        which, pick = jr.split(key)
        if self.conditions is None:
            return self.rows[jr.randint(pick, (self.batch_size,), 0, len(self.rows))], jnp.zeros((self.batch_size, 0))
        column, label, condition = self.conditions.draw(which, self.batch_size, 0)
        found = self.conditions.count[column, label]
        place = self.conditions.first[column, label] + jnp.floor(jr.uniform(pick, (self.batch_size,)) * found).astype(
            int
        )
        return self.rows[self.conditions.order[column, place]], condition


def find_conditions(columns: tuple[mixed.Labels | mixed.Numbers, ...], x: np.ndarray) -> Conditions | None:
    """Index the rows of a matrix by their labels; None where no column holds labels."""
    ends = np.cumsum([column.width for column in columns])
    parts = [x[:, end - c.width : end] for c, end in zip(columns, ends, strict=True) if isinstance(c, mixed.Labels)]
    if not parts:
        return None
    widths = [part.shape[1] for part in parts]
    count = np.zeros((len(parts), max(widths)), int)
    for j, part in enumerate(parts):
        count[j, : widths[j]] = part.sum(0)
    order = np.stack([np.argsort(part.argmax(1), kind="stable") for part in parts])
    offset = np.cumsum([0, *widths[:-1]])
    return Conditions(
        jnp.asarray(count), jnp.asarray(count.cumsum(1) - count), jnp.asarray(order), jnp.asarray(offset), sum(widths)
    )


class TableGAN(AbstractFitted):
    """Synthetic rows of a table: a generator and a critic that play against each other.

    Parameters
    ----------
    steps : int
        Rounds of the game.
    critic_moves : int
        Moves of the critic per move of the generator.
    batch_size : int
        Rows per move.
    widths : tuple of int
        Hidden layers of both nets.
    rate : float
        Highest learning rate of both players.
    random_state : int, RandomState or None
        Decides everything random in training.
    progress : bool
        Whether to show progress.

    Attributes
    ----------
    columns_ : tuple
        How each column was taken: labels, or numbers with their modes.
    history_ : DataFrame
        Losses of both players and the critic's estimate of the distance between real and synthetic rows, by round.
    status_ : str
        How training ended.

    Notes
    -----
    A GAN promises no privacy. See `ceteris.synthesis.compare_tables` for what an attacker could learn, and how useful
    the rows are.

    Examples
    --------
    >>> frame = pd.DataFrame({"kind": ["a", "b", "b"] * 40, "size": np.arange(120) % 37 + 0.5})
    >>> gan = TableGAN(steps=20, critic_moves=1, widths=(8,), batch_size=32, random_state=0).fit(frame)
    >>> rows = gan.sample(5, random_state=0)
    >>> rows.shape, list(rows), bool(rows["size"].between(0.5, 36.5).all())
    ((5, 2), ['kind', 'size'], True)
    """

    def __init__(
        self,
        steps=3_000,
        *,
        critic_moves=2,
        batch_size=256,
        widths=(128, 128),
        rate=1e-3,
        random_state=None,
        progress=False,
    ):
        self.steps, self.critic_moves, self.batch_size, self.widths = steps, critic_moves, batch_size, widths
        self.rate, self.random_state, self.progress = rate, random_state, progress

    def fit(self, table: pd.DataFrame, y: Any = None) -> TableGAN:
        """Learn a table without holes; ``y`` is ignored."""
        self._refuse(table)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self.columns_ = mixed.find_columns(table, seed)
        x = mixed.encode(self.columns_, table, seed)
        self.conditions_ = find_conditions(self.columns_, x)
        self.maker_ = Maker(NOISE, mixed.spans_of(self.columns_))
        with precision("single"):
            run = fit(self._game(jnp.asarray(x)), jr.key(seed), steps=self.steps, every=max(1, self.steps // CHUNKS),
                      monitors=[Progress("TableGAN")] if self.progress else [])  # fmt: skip
        refuse_non_finite("TableGAN", run, self.rate)
        self.net_, self.status_ = run.model["generator"], run.sentence
        names = {"generator": "generator", "critic": "critic", "critic_distance": "distance"}
        self.history_ = pd.DataFrame({"round": np.arange(1, run.tick + 1)} | {
            ours: np.asarray(run.history[name], float) for name, ours in names.items()})  # fmt: skip
        return self

    def sample(self, n: int, given: dict[str, Any] | None = None, random_state: Any = None) -> pd.DataFrame:
        """Draw synthetic rows.

        Parameters
        ----------
        n : int
        given : dict, optional
            One label column and its label, such as ``{"sector": "farm"}``: rows that carry it.
        random_state : int, RandomState or None

        Returns
        -------
        DataFrame, shape (n, columns)
            Columns and dtypes of the table learnt from.
        """
        check_is_fitted(self)
        whole("n", n)
        key = jr.key(int(check_random_state(random_state).randint(np.iinfo(np.int32).max)))
        wanted = self._wanted(given)
        parts, rows, tries = [], 0, 0
        while rows < n:
            part = mixed.decode(self.columns_, self._draw(jr.fold_in(key, tries), wanted))
            part = part if given is None else _carrying(part, *next(iter(given.items())))
            parts.append(part)
            rows, tries = rows + len(part), tries + 1
            if tries > 50 + 10 * n // BLOCK and rows < n / 10:
                raise ValueError(
                    f"given: {given} was asked for, but the generator makes hardly any such row; train longer."
                )
        return pd.concat(parts, ignore_index=True).iloc[:n]

    def summary(self) -> str:
        """Return one screen: how training ended, and how each column was taken."""
        check_is_fitted(self)
        return gan_described(self)

    def sections(self) -> tuple[Section, ...]:
        """Return the game as a part of a report."""
        check_is_fitted(self)
        return (game(self),)

    def _draw(self, key: Array, wanted: int | None) -> np.ndarray:
        asked, draw = jr.split(key)
        if self.conditions_ is None:
            condition = jnp.zeros((BLOCK, 0))
        elif wanted is None:
            condition = self.conditions_.draw(asked, BLOCK, 1)[2]
        else:
            condition = jnp.zeros((BLOCK, self.conditions_.width)).at[:, wanted].set(1.0)
        return np.asarray(_rows(self.maker_, self.net_, condition, draw))

    def _wanted(self, given: dict[str, Any] | None) -> int | None:
        """Return the place of a label in the condition."""
        if given is None:
            return None
        labels = {column.name: column for column in self.columns_ if isinstance(column, mixed.Labels)}
        if len(given) != 1 or next(iter(given)) not in labels:
            raise ValueError(f"given: {given} was asked for, but it must name one of {', '.join(map(str, labels))}.")
        ((name, label),) = given.items()
        allowed = labels[name].values.tolist()
        label = str(label) if isinstance(labels[name].dtype, pd.CategoricalDtype) else label  # as it was read
        if label not in allowed:
            raise ValueError(f"given: {name!r} is never {label!r}; it is one of {', '.join(map(repr, allowed[:20]))}.")
        before = [column.width for column in labels.values()][: list(labels).index(name)]
        return sum(before) + allowed.index(label)

    def _game(self, x: Array) -> Play:
        condition = 0 if self.conditions_ is None else self.conditions_.width
        widths = (self.widths,) if isinstance(self.widths, int) else tuple(self.widths)
        return Play(
            eqx.Partial(players, NOISE, x.shape[1], condition, widths),
            {"critic": CriticLoss(self.maker_), "generator": GeneratorLoss(self.maker_)},
            {
                "critic": rule(self.rate, self.steps * self.critic_moves),
                "generator": rule(self.rate, self.steps),
            },
            Draws(ConditionalRows(x, self.conditions_, self.batch_size)),
            turns=("critic",) * self.critic_moves + ("generator",),
        )

    def _refuse(self, table: Any) -> None:
        if not isinstance(table, pd.DataFrame):
            raise TypeError(f"table: a {type(table).__name__} was given, but a pandas DataFrame is needed; convert it.")
        check(self, widths=COUNT.or_several("hidden layer"))
        if len(table) < 20:
            raise ValueError(f"table: {len(table)} rows were given, but a GAN needs at least 20; give more rows.")


def _carrying(part: pd.DataFrame, name: Any, label: Any) -> Any:
    """Return the rows that carry a label; those of a categorical column are compared as text, as they were read."""
    if isinstance(part[name].dtype, pd.CategoricalDtype):
        return part[part[name].astype(str) == str(label)]
    return part[part[name] == label]


@eqx.filter_jit
def _rows(make: Maker, net: Any, condition: Array, key: Array) -> Array:
    return make(net, condition, key)[0]
