"""How trees are grown: the settings that all forests share."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ceteris.arguments import COUNT, SHARE, a_number, check
from ceteris.causal.screens import counted

ALPHA = a_number(least=0, below=0.25)


@dataclass(frozen=True, repr=False)
class TreeSettings:
    """Settings of the trees of a forest.

    Parameters
    ----------
    trees : int
        A multiple of ``bag``. Points settle with some hundreds, standard errors with some thousands.
    least : int
        Nodes of at most so many rows are not split; where a treatment must vary, each child has at least so many rows
        on either side of its mean.
    share : float
        Part of the rows (or clusters) that a tree sees, at most a half where there are bags.
    honest : float
        Part of these that fill the leaves but have no say in the splits; 0 uses all rows for both.
    alpha : float
        Each child keeps at least this part of its parent's rows, or of the variation of what must vary.
    candidates : int, optional
        Mean number of covariates tried at a node; by default √p + 20, at most all.
    bag : int
        Trees that share one half of the data, for standard errors; 1 is none.
    seed : int
        Each tree has a stream of random numbers of its own.
    jobs : int
        Threads; results are the same with any number.

    References
    ----------
    Athey, Tibshirani and Wager (2019), "Generalized random forests", Annals of Statistics 47. Sexton and Laake (2009),
    "Standard errors for bagged and random forest estimators", Computational Statistics & Data Analysis 53, for bags.

    Examples
    --------
    >>> TreeSettings(trees=500, jobs=1)  # prints what differs from the defaults
    TreeSettings(trees=500)
    >>> TreeSettings(trees=501)
    Traceback (most recent call last):
    ValueError: trees is 501, but must be a multiple of bag=2 of at least 2; give one.
    """

    trees: int = 2000
    least: int = 5
    share: float = 0.5
    honest: float = 0.5
    alpha: float = 0.05
    candidates: int | None = None
    bag: int = 2
    seed: int = 0
    jobs: int = 1

    def __post_init__(self) -> None:
        check(self, bag=COUNT, least=COUNT, honest=SHARE, alpha=ALPHA, candidates=COUNT, jobs=COUNT)
        if self.trees < self.bag or self.trees % self.bag:
            raise ValueError(
                f"trees is {self.trees}, but must be a multiple of bag={self.bag} of at least {self.bag}; give one."
            )
        largest = 0.5 if self.bag > 1 else 1.0
        if not 0 < self.share <= largest:
            raise ValueError(
                f"share is {self.share}, but must be above 0 and at most {largest:g} with bags of {self.bag}; give "
                "less, or bag=1, with which a tree can see more, but there are no standard errors."
            )

    def __repr__(self) -> str:
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return f"TreeSettings({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    @property
    def in_words(self) -> str:
        """How many trees there are, and when a node is not split."""
        bags = f"in bags of {self.bag}" if self.bag > 1 else "without bags"
        return f"{self.trees:,} {bags}, nodes of at most {counted(self.least, 'row')} not split"

    def tried(self, p: int) -> float:
        """Mean number of covariates tried at a node, of p."""
        return float(min(np.ceil(np.sqrt(p) + 20) if self.candidates is None else self.candidates, p))

    def refuse_rows(self, n: int, units: int) -> None:
        """Check that the rows are enough for a tree to have two leaves."""
        kept = self.share * n * (1 - self.honest if self.honest else 1)
        if kept < 2 * self.least:
            raise ValueError(
                f"least is {self.least}, but a tree grows on {kept:.0f} rows (n = {n}), so it could not have two "
                "leaves; give fewer, or more rows."
            )
        if units < 8:
            raise ValueError(
                f"cluster: there are {units} clusters, but trees draw whole ones and need 8 at least; leave it out."
            )
