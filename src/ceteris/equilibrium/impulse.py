"""Generalised impulse responses: what one more shock does, from where the economy is.

References
----------
Koop, Pesaran and Potter (1996), "Impulse response analysis in nonlinear multivariate models".
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.arguments import listed, one_of
from ceteris.equilibrium.figures import MOST_PANELS, panel_size, panels
from ceteris.equilibrium.model import Model, move
from ceteris.equilibrium.moments import series
from ceteris.equilibrium.point import Point, as_point
from ceteris.equilibrium.policy import act
from ceteris.equilibrium.shocks import Markov, draw
from ceteris.equilibrium.simulate import Paths
from ceteris.outlets import screen, shorten
from ceteris.results import Figure, Section, Table
from ceteris.showing import AbstractResult

if TYPE_CHECKING:
    import pandas as pd


VARIABLES, WIDE = 15, 110  # on one screen, and characters of a line
CAPTION = "Mean difference to the path without the shock; the band holds 90 % of the differences over histories."


@dataclass(frozen=True, eq=False, repr=False)
class ImpulseResponse(AbstractResult):
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
        one_of("variable", variable, self.frame["variable"].unique(), "a variable of the model:")
        return self.frame[self.frame["variable"] == variable].set_index("period").drop(columns="variable")

    def summary(self) -> str:
        """What the shock does at most, and in the end, variable by variable, on one screen."""
        rows: Any = self.peaks()
        names = moved(self)
        if not names:
            return f"{self.shock}: moves nothing."
        still = sorted(set(self.frame["variable"]) - set(names))
        text = [f"Response to {self.shock}", screen(rows[:VARIABLES], float_format="{:.4g}".format)]
        text += [f"{len(rows) - VARIABLES} more variables"] * (len(rows) > VARIABLES)
        text += [fill(shorten(f"Does not move: {listed(still)}.", 3 * WIDE), WIDE)] if still else []
        return "\n".join([*text, CAPTION])

    def peaks(self) -> pd.DataFrame:
        """By variable that moves: the largest response, its period and band, and the last one."""
        import pandas as pd

        rows = {}
        for name in moved(self):
            part: Any = self[name]
            top = part["mean"].abs().idxmax()
            rows[name] = {
                "largest": part["mean"][top], "in period": top,
                "low": part["low"][top], "high": part["high"][top], "at the end": part["mean"].iloc[-1],
            }  # fmt: skip
        return pd.DataFrame(rows).T.astype({"in period": int}) if rows else pd.DataFrame(rows)

    def sections(self) -> tuple[Section, ...]:
        """The paths with their bands, as a part of a report."""
        title, names = f"Response to {self.shock}", moved(self)
        if not names:
            return (Section(title, "It moves nothing."),)
        note = "low and high: the band where the response is largest."
        return (Section(title, "", (Table("Largest responses", self.peaks(), note),), (response_figure(self),)),)


def moved(response: ImpulseResponse) -> list[str]:
    """The variables that a shock moves; there may be none."""
    frame: Any = response.frame
    return [name for name, part in frame.groupby("variable", sort=False) if part["mean"].abs().max() > 1e-12]


def response_figure(response: ImpulseResponse) -> Figure:
    """Impulse responses with bands."""
    frame: Any = response.frame
    data: Any = frame[frame["variable"].isin(moved(response)[:MOST_PANELS])].reset_index(drop=True)
    return Figure(
        f"Response to {response.shock}", CAPTION, data, draw_responses, panel_size(data["variable"].nunique())
    )


def draw_responses(figure: Any, data: pd.DataFrame) -> None:
    """Draw `response_figure`."""
    for axes, (name, part) in panels(figure, data):
        axes.axhline(0, linewidth=0.8, color="gray")
        axes.fill_between(part["period"], part["low"], part["high"], alpha=0.25, linewidth=0)
        axes.plot(part["period"], part["mean"])
        axes.set(title=str(name))


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
