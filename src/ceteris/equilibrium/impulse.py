"""Generalised impulse responses: what one more shock does, from where the economy is.

References
----------
Koop, Pesaran and Potter (1996), "Impulse response analysis in nonlinear multivariate models".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.equilibrium.model import Model, move
from ceteris.equilibrium.moments import series
from ceteris.equilibrium.point import Point, as_point
from ceteris.equilibrium.policy import act
from ceteris.equilibrium.shocks import Markov, draw
from ceteris.equilibrium.simulate import Paths

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ImpulseResponse:
    """Responses by variable.

    Attributes
    ----------
    shock : str
        What was shocked, in words.
    frame : DataFrame
        Columns ``variable``, ``period``, ``mean``, ``low``, ``high``: the mean difference to the path without the
        shock, and the band that holds 90 % of the differences over histories.
    """

    shock: str
    frame: pd.DataFrame

    def __getitem__(self, variable: str) -> pd.DataFrame:
        """The response of one variable, by period."""
        return self.frame[self.frame["variable"] == variable].set_index("period").drop(columns="variable")


@eqx.filter_jit
def responses(
    model: Model, policy: Any, states: Point, key: Array, periods: int, shock: str, size: Any, displaced: bool
) -> tuple[Point, Point, Point]:
    """Differences of states, actions and definitions between shocked and plain paths, leaves (periods, paths, ...).

    Both paths see the same later shocks. A normal shock is raised by ``size`` in the first period, a chain is put into
    the state ``size``; with ``displaced`` the state of that name is raised by ``size`` instead.
    """
    n = jax.tree.leaves(states)[0].shape[0]

    def observed(s):
        a = jax.vmap(lambda s: act(model, policy, s))(s)
        return a, jax.vmap(lambda s, a: as_point("definition", model.definitions(s, a)))(s, a)

    def period(pair, t):
        keys = jr.split(jr.fold_in(key, t), n)

        def one(s, hit):
            a, d = observed(s)
            draws = jax.vmap(lambda s, k: draw(model.shocks(), s, k))(s, keys)
            if hit:
                old = draws[shock]
                new = jnp.full_like(old, size) if isinstance(model.shocks()[shock], Markov) else old + size
                draws = draws.replace(**{shock: jnp.where(t == 0, new, old)})
            return jax.vmap(lambda s, a, e: move(model, s, a, e))(s, a, draws), (s, a, d)

        (plain, seen), (shocked, hit) = one(pair[0], False), one(pair[1], not displaced)
        return (plain, shocked), jax.tree.map(lambda b, a: b.astype(a.dtype) - a if a.dtype != bool else a, hit, seen)

    start = states.replace(**{shock: states[shock] + size}) if displaced else states
    _, difference = jax.lax.scan(period, (states, start), jnp.arange(periods))
    return difference


def summarised(parts: tuple[Point, ...]) -> pd.DataFrame:
    """Mean difference and the central 90 % over paths, by variable and period."""
    import pandas as pd

    found = series(Paths(*parts, parts[0], np.zeros(())))  # type: ignore[arg-type]
    frames = []
    for name, x in found.items():
        low, high = np.percentile(x, [5, 95], axis=1)
        columns = {"variable": name, "period": np.arange(len(x)), "mean": x.mean(1), "low": low, "high": high}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)
