"""Edgeworth cycles: two firms that set prices in turns, and the Markov-perfect equilibria of their game.

Firms move alternately; a price stands for two periods. Prices are p = 0, 1/k, ..., 1, demand is 1 - p, goes to the
cheaper firm and is shared where prices are equal; costs are zero. A strategy is a matrix R: row p holds the
probabilities of the answers to the rival's price p. With the profit π(q, p) of a firm at price q whose rival asks p,

    V(p) = Σ_q R[p, q] (π(q, p) + δ W(q)),        W(q) = Σ_r R[q, r] (π(q, r) + δ V(r)),

are the values of the firm to move and of the one that has just moved. R is an equilibrium if no answer q gives more
than V(p) anywhere. Firms that undercut each other and, at a price of zero, wait for the other to begin anew mix there,
and are indifferent between waiting and a reset. With k = 6 this gives the probability of waiting in closed form,

    a = (3 δ² - 1)(1 + δ² + δ⁴) / (8 + 7 δ² + 2 δ⁴ + 3 δ⁶).

The formula that is often printed, (3 δ² - 1)(4 + δ²) / (8 + 7 δ² - 2 δ⁴ - 3 δ⁶), is no equilibrium of this game: at
δ = 0.9 a firm gains 0.09 by another answer, more than the 0.066 that a firm earns in a period of the cycle.

References
----------
Maskin, E. and Tirole, J. (1988). A theory of dynamic oligopoly, II: price competition, kinked demand curves, and
Edgeworth cycles. Econometrica 56.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from ceteris.arguments import number, probability, whole
from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import AbstractResult, screenful

if TYPE_CHECKING:
    import matplotlib.figure

STEPS = 6
CYCLE = {6: 4, 5: 4, 4: 3, 3: 2, 2: 1, 1: 0}  # the answers of the published example; at 0 firms mix
KINK = {6: 3, 5: 3, 4: 3, 3: 3, 2: 1, 0: 3}  # at 1 firms mix
SHARP = 1e-9  # gain from a deviation that is rounding


@dataclass(frozen=True)
class AlternatingDuopoly:
    """Two firms that set prices in turns.

    Parameters
    ----------
    discount : float
        δ per period; a price stands for two.
    steps : int
        k: the prices are 0, 1/k, ..., 1.

    Examples
    --------
    >>> game = AlternatingDuopoly(discount=0.9)
    >>> game.profits[3, 4].round(3), game.profits[3, 3].round(3), game.profits[4, 3]
    (np.float64(0.25), np.float64(0.125), np.float64(0.0))
    """

    discount: float = 0.95
    steps: int = STEPS

    def __post_init__(self) -> None:
        probability("AlternatingDuopoly: discount", self.discount)
        whole("AlternatingDuopoly: steps", self.steps, least=2, such_as=STEPS)

    @property
    def prices(self) -> np.ndarray:
        """All prices, shape (k + 1,)."""
        return np.arange(self.steps + 1) / self.steps

    @property
    def profits(self) -> np.ndarray:
        """π[q, p]: profit in a period of a firm at the q-th price whose rival asks the p-th."""
        own, rival = np.meshgrid(self.prices, self.prices, indexing="ij")
        share = np.where(own < rival, 1.0, np.where(own == rival, 0.5, 0.0))
        return share * own * (1 - own)

    def values(self, reaction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return V and W if both firms answer by a strategy, exactly: by solving the linear equations.

        Parameters
        ----------
        reaction : array, shape (k + 1, k + 1)
            Row p: the probabilities of the answers to the rival's price p.

        Returns
        -------
        V, W : array
            Value of the firm to move at each price of its rival, and of the firm that has just set each price.
        """
        now, waiting = (reaction * self.profits.T).sum(1), (reaction * self.profits).sum(1)
        both = np.eye(len(reaction)) - self.discount**2 * reaction @ reaction
        V = np.linalg.solve(both, now + self.discount * reaction @ waiting)
        return V, waiting + self.discount * reaction @ V

    def deviation_gains(self, reaction: np.ndarray) -> np.ndarray:
        """Return what the best single other answer adds to the value of a firm, at each price of its rival."""
        V, W = self.values(reaction)
        return (self.profits.T + self.discount * W).max(1) - V

    def best_reply(self, rival: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the best strategy against a rival's and its value V, by policy iteration.

        Parameters
        ----------
        rival : array, shape (k + 1, k + 1)
            The strategy of the other firm.

        Examples
        --------
        >>> cycle = edgeworth_cycle(0.9)
        >>> _, V = cycle.game.best_reply(cycle.reaction)  # nothing is better than to do as the rival does
        >>> bool(abs(V - cycle.game.values(cycle.reaction)[0]).max() < 1e-9)
        True
        """
        waiting = (rival * self.profits).sum(1)
        choice = np.zeros(len(rival), int)
        while True:
            own = np.eye(len(rival))[choice]
            both = np.eye(len(rival)) - self.discount**2 * own @ rival
            V = np.linalg.solve(both, (own * self.profits.T).sum(1) + self.discount * own @ waiting)
            of_each = self.profits.T + self.discount * (waiting + self.discount * rival @ V)
            better = of_each.argmax(1)
            gain = of_each.max(1) - np.take_along_axis(of_each, choice[:, None], 1)[:, 0]
            if gain.max() < SHARP:
                return own, V
            choice = np.where(gain > SHARP, better, choice)

    def simulate(self, reaction: np.ndarray, periods: int, seed: int = 0) -> np.ndarray:
        """Return the prices of both firms, shape (periods, 2), from a first price drawn at random.

        Parameters
        ----------
        reaction : array
            The strategy of both.
        periods : int
        seed : int
        """
        whole("periods", periods, such_as=200)
        rng = np.random.default_rng(seed)
        steps = np.cumsum(reaction, 1)
        posted = np.empty((periods, 2), int)
        standing = rng.integers(0, self.steps + 1, 2)
        for t in range(periods):
            mover = t % 2
            standing[mover] = np.searchsorted(steps[standing[1 - mover]], rng.random(), side="right")
            posted[t] = standing
        return self.prices[np.minimum(posted, self.steps)]

    def long_run(self, reaction: np.ndarray) -> pd.Series:
        """Return what a strategy leads to: profit per firm and period, mean price posted, mean price paid.

        Parameters
        ----------
        reaction : array
            The strategy of both. Prices set one after the other are a Markov chain with this matrix.
        """
        size = len(reaction)
        equations = np.vstack([reaction.T - np.eye(size), np.ones(size)])
        share = np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0), rcond=None)[0]
        joint = share[:, None] * reaction  # of the price before and the price after
        paid = np.minimum.outer(self.prices, self.prices)
        facts = {
            "profit per firm": 0.5 * (joint * (self.profits + self.profits.T)).sum(),
            "mean price": share @ self.prices,
            "mean price paid": (joint * paid).sum(),
        }
        return pd.Series(facts, name="long run")


def strategy(answers: Mapping[int, int | Mapping[int, float]], steps: int = STEPS) -> np.ndarray:
    """Return the matrix of a strategy.

    Parameters
    ----------
    answers : mapping
        For each price (0 to k) the answer, or the probabilities of several.
    steps : int
        k.

    Examples
    --------
    >>> strategy({0: {0: 0.3, 2: 0.7}, 1: 0, 2: 1}, steps=2).tolist()
    [[0.3, 0.0, 0.7], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    matrix = np.zeros((steps + 1, steps + 1))
    for price, answer in answers.items():
        for other, share in answer.items() if isinstance(answer, Mapping) else ((answer, 1.0),):
            matrix[price, other] = share
    return matrix


@dataclass(frozen=True, eq=False, repr=False)
class PricingEquilibrium(AbstractResult):
    """A Markov-perfect equilibrium in prices that are set in turns.

    Attributes
    ----------
    name : str
        "Edgeworth cycle" or "kinked demand".
    game : AlternatingDuopoly
    reaction : array, shape (k + 1, k + 1)
        Row p: the probabilities of the answers to the rival's price p.
    mixing : float
        The probability that makes firms indifferent, a or b.
    """

    name: str
    game: AlternatingDuopoly
    reaction: np.ndarray
    mixing: float

    @property
    def long_run(self) -> pd.Series:
        """Profit per firm and period, mean price posted and mean price paid."""
        return self.game.long_run(self.reaction)

    @property
    def gain(self) -> float:
        """What the best other answer adds, at most: zero in an equilibrium, up to rounding."""
        return float(self.game.deviation_gains(self.reaction).max())

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether it is an equilibrium."""
        best = self.game.best_reply(self.reaction)[1] - self.game.values(self.reaction)[0]
        worst = max(self.gain, float(best.max()))
        return (
            Check("no firm gains by another answer", worst <= 1e-8,
                  f"The best single other answer, and the best other strategy, add {worst:.1e}.", worst, 1e-8),
        )  # fmt: skip

    def simulate(self, periods: int, seed: int = 0) -> np.ndarray:
        """Return the prices of both firms, shape (periods, 2); see `AlternatingDuopoly.simulate`."""
        return self.game.simulate(self.reaction, periods, seed)

    def table(self) -> pd.DataFrame:
        """Return the answers with their probabilities, one row per price of the rival."""
        k = self.game.steps
        one = lambda q, share: f"{q}/{k}" + (f" ({share:.3f})" if share < 1 else "")
        words = lambda row: ", ".join(one(q, row[q]) for q in np.flatnonzero(row))
        rows = [(f"{p}/{k}", words(self.reaction[p])) for p in range(k, -1, -1)]
        return pd.DataFrame(rows, columns=pd.Index(["price of the rival", "answer (probability)"]))

    def summary(self) -> str:
        """Return one screen: the strategy, what it leads to, whether it is an equilibrium."""
        facts = [
            f"Discount factor {self.game.discount:g}, prices 0 to 1 in {self.game.steps} steps. Per firm and period "
            f"profit is {self.long_run['profit per firm']:.4f}; the mean price is {self.long_run['mean price']:.3f}, "
            f"the mean price paid {self.long_run['mean price paid']:.3f}. A monopolist would ask 0.5 and earn 0.25, "
            "shared by two 0.125.",
            *(f"{check.name}: {check.sentence}" for check in self.checks if check.passed),
        ]
        return screenful(f"{self.name}, a Markov-perfect equilibrium", facts, self.table(), self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return strategy, long run and a simulated path."""
        prices = self.simulate(60)
        path = pd.DataFrame({"period": np.arange(len(prices)), "firm 1": prices[:, 0], "firm 2": prices[:, 1]})
        return (
            Section(
                self.name,
                self.summary().split("\n")[1],
                (Table("Answers", self.table()), Table("Long run", self.long_run.reset_index())),
                (Figure("Prices", "Prices of two firms that move in turns, simulated.", path, _draw_path),),
                self.checks,
            ),
        )


def _draw_path(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for firm in ("firm 1", "firm 2"):
        axes.step(data["period"], data[firm], where="post", label=firm)
    axes.set(xlabel="period", ylabel="price", ylim=(-0.03, 1.03))
    axes.legend(loc="upper right")


def edgeworth_cycle(discount: float = 0.95) -> PricingEquilibrium:
    """Return the equilibrium of undercutting and resets on the prices 0, 1/6, ..., 1.

    Firms answer 6 and 5 by 4, then undercut by a step; at zero they wait with probability a, or reset to 5.

    Parameters
    ----------
    discount : float
        δ; the cycle is an equilibrium for patient firms.

    Examples
    --------
    >>> cycle = edgeworth_cycle(0.9)
    >>> round(cycle.mixing, 3), cycle.long_run.round(4).tolist()
    (0.213, [0.0665, 0.3987, 0.2658])
    """
    return _mixed("Edgeworth cycle", discount, lambda a: strategy({**CYCLE, 0: {0: a, 5: 1 - a}}), 0, (0, 5))


def kinked_demand(discount: float = 0.95) -> PricingEquilibrium:
    """Return the equilibrium with a price that stays, 3/6, to which firms return after a war.

    Parameters
    ----------
    discount : float
        δ.

    Examples
    --------
    >>> kink = kinked_demand(0.99)
    >>> round(kink.mixing, 3), kink.long_run.round(4).tolist()
    (0.565, [0.125, 0.5, 0.5])
    """
    return _mixed("kinked demand", discount, lambda b: strategy({**KINK, 1: {3: b, 1: 1 - b}}), 1, (1, 3))


def _mixed(name: str, discount: float, at, price: int, between: tuple[int, int]) -> PricingEquilibrium:
    """Find the probability that makes two answers to a price equally good, and check that no other is better."""
    number("discount", discount, above=0, below=1, such_as=0.95)
    game = AlternatingDuopoly(discount)

    def difference(share: float) -> float:
        W = game.values(at(share))[1]
        first, second = (game.profits[q, price] + discount * W[q] for q in between)
        return first - second

    root: Any = np.nan
    if difference(0.0) * difference(1.0) < 0:
        root = brentq(difference, 0.0, 1.0, xtol=1e-15)
    mixing = float(root)
    if not game.deviation_gains(at(np.nan_to_num(mixing, nan=0.5))).max() < SHARP or np.isnan(mixing):
        raise ValueError(
            f"discount is {discount:g}, but must be nearer to 1 for the {name} to be an equilibrium of this game; "
            "give one, such as 0.95."
        )
    return PricingEquilibrium(name, game, at(mixing), mixing)
