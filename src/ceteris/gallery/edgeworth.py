"""Edgeworth cycles: the equilibrium derived, cycles detected in noisy panels, and who predicts the turn.

The equilibria of Maskin and Tirole are solved exactly and checked for deviations; the printed formula of the mixing
probability that is often quoted is held against the same conditions. Panels of stations are simulated from them, with
stations that only look like cycles, and a recurrent net that learnt from labelled ones is compared with rules. Last,
the next reset is predicted from prices seen with noise, where a filter that knows the equilibrium is the bound.

References
----------
Maskin, E. and Tirole, J. (1988). A theory of dynamic oligopoly, II. Econometrica 56. Holt, T., Igami, M. and
Scheidegger, S. (2024). Detecting Edgeworth cycles. Journal of Law and Economics 67.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ceteris.gallery._plots import panels
from ceteris.results import Check, Figure, Section, Table
from ceteris.sequence.cycles.classifier import CycleClassifier, compare_detectors
from ceteris.sequence.cycles.edgeworth import (
    CYCLE,
    AlternatingDuopoly,
    PricingEquilibrium,
    edgeworth_cycle,
    kinked_demand,
    strategy,
)
from ceteris.sequence.cycles.stations import KINDS, NOISE, simulate_stations
from ceteris.sequence.cycles.turns import compare_turns

if TYPE_CHECKING:
    import matplotlib.figure

DISCOUNTS = (0.9, 0.95, 0.99)
STARTS = (1, 8)  # seeds of the paths that are drawn; the second begins in a price war
MARGIN = 0.02  # of the area under the curve, by which the net should beat the best rule


def derived(discount: float) -> float:
    """Return the probability of waiting in closed form, as derived from the indifference of firms at zero."""
    d = discount**2
    return (3 * d - 1) * (1 + d + d**2) / (8 + 7 * d + 2 * d**2 + 3 * d**3)


def quoted(discount: float) -> float:
    """Return the formula that is often printed, which is no equilibrium of this game."""
    d = discount**2
    return (3 * d - 1) * (4 + d) / (8 + 7 * d - 2 * d**2 - 3 * d**3)


def equilibria() -> pd.DataFrame:
    """Return both equilibria at three discount factors, with what the quoted formula gives a firm that deviates."""
    rows = []
    for discount in DISCOUNTS:
        for found in (edgeworth_cycle(discount), kinked_demand(discount)):
            share, gain = (np.nan, np.nan)
            if found.name == "Edgeworth cycle":
                share = quoted(discount)
                reaction = strategy({**CYCLE, 0: {0: share, 5: 1 - share}})
                gain = AlternatingDuopoly(discount).deviation_gains(reaction).max()
            rows.append((found.name, discount, found.mixing, *found.long_run[:2], found.gain, share, gain))
    names = ["equilibrium", "discount", "mixes with", "profit", "mean price", "gain", "quoted", "gain if quoted"]
    return pd.DataFrame(rows, columns=pd.Index(names))


def _game() -> Section:
    cycle, kink = edgeworth_cycle(), kinked_demand()
    table: Any = equilibria()
    cycles = table[table["equilibrium"] == "Edgeworth cycle"]
    formula = max(abs(derived(d) - edgeworth_cycle(d).mixing) for d in DISCOUNTS)
    worst, wrong = float(table["gain"].max()), float(cycles["gain if quoted"].min())
    profits: Any = [each.long_run["profit per firm"] for each in (kink, cycle)]
    apart = float(profits[0] - profits[1])
    return Section(
        "Two equilibria of one game",
        "Two firms set prices 0, 1/6, ..., 1 in turns, demand is 1 - p. In one equilibrium they undercut each other "
        "down to zero, where one resets with some probability; in the other a price stays, and a cut is answered by a "
        "war.\n\nWhat is mixed with is solved from the indifference of firms, exactly; it is the probability of "
        "waiting at zero in the cycle, of ending a war in the other. The mean price is of prices posted; customers pay "
        f"the lower of two, {cycle.long_run['mean price paid']:.3f} on average in the cycle.",
        (Table("Equilibria", table),),
        (
            Figure("Cycle and focal price", "Prices of the two firms, simulated.", _paths(cycle, kink), _draw_paths,
                   (8.0, 4.5)),
        ),
        (
            Check("cycles and a focal price are both equilibria", worst < 1e-8,
                  f"At three discount factors no other answer adds more than {worst:.1e}.", worst, 1e-8),
            Check("the probability of waiting in closed form", formula < 1e-9,
                  f"Formula and solved indifference differ by {formula:.1e}. The formula that is often printed lets a "
                  f"firm gain {wrong:.2f} or more.", formula, 1e-9),
            Check("a focal price is worth more than cycles", apart > 0,
                  f"Profits per firm are {profits[0]:.4f} and {profits[1]:.4f} at δ = 0.95.",
                  apart, 0.0),
        ),
    )  # fmt: skip


def _detection(stations: int, epochs: int, seed: int) -> Section:
    found = {}
    for noise in NOISE:
        learnt, other = (simulate_stations(stations, 90, noise, 2 * seed + i) for i in range(2))
        net = CycleClassifier(epochs=epochs, random_state=seed).fit(learnt.prices, learnt.cycling)
        found[noise] = compare_detectors(net, learnt.prices, learnt.cycling, other.prices, other.cycling, seed)
    table = pd.concat([each.assign(panel=noise) for noise, each in found.items()], ignore_index=True)
    best: Any = {noise: each.groupby("kind")["auc"].max() for noise, each in found.items()}
    clean, gap = float(best["clean"]["net"]), float(best["noisy"]["net"] - best["noisy"]["rule"])
    return Section(
        "Which stations cycle",
        f"{stations} stations of 90 observations to learn from, as many to be judged by. Half of them cycle. The "
        "others are of five kinds, each of which misleads a rule: costs passed on faster upwards than downwards have a "
        "negative median change, a weekly wave has a peak in its spectrum.",
        (Table("Area under the curve", table, "A forest on all rules learns from the same labels as the net."),),
        (
            Figure("Stations", "Two of each kind from the noisy panel, in units of cost.", _examples(seed),
                   _draw_examples, (8.0, 5.0)),
            Figure("Detectors", "Area under the curve at stations that nobody learnt from.", table, _draw_detectors,
                   (8.0, 4.0)),
        ),
        (
            Check("a net tells cycles in clean panels", clean >= 0.99,
                  f"The area under its curve is {clean:.4f}.", clean, 0.99),
            Check("a net beats every rule in noisy panels", gap >= MARGIN,
                  f"It has {best['noisy']['net']:.3f}, the best rule {best['noisy']['rule']:.3f}, a forest on all "
                  f"rules {best['noisy']['forest of rules']:.3f}.", gap, MARGIN),
        ),
    )  # fmt: skip


def _turns(series: int, epochs: int, seed: int) -> Section:
    scores, said = compare_turns(edgeworth_cycle(), series=series, epochs=epochs, seed=seed)
    loss: Any = scores.set_index("predictor")["log loss"]
    bound, net = float(loss.iloc[0]), float(loss["recurrent net"])
    others = loss.drop(["recurrent net", loss.index[0]])
    return Section(
        "Who predicts the turn",
        "Prices of the cycle are seen with noise, and the next reset is to be predicted. Firms reset at random, so "
        "that nobody does better than the filter that knows the equilibrium.",
        (Table("Scores at series that nobody learnt from", scores),),
        (
            Figure("Calibration", "Share of resets by the probability that was said, tenths of equal size.",
                   _calibration(said), _draw_calibration, (6.4, 4.0)),
        ),
        (
            Check("the net comes near to the bound", net <= 1.03 * bound,
                  f"The log loss of the net is {net:.4f}, that of the filter {bound:.4f}.", net / bound, 1.03),
            Check("simple predictors do not", bool(others.min() > 1.1 * bound),
                  f"The best of them has {others.min():.4f}: {others.idxmin()}.", float(others.min()), 1.1 * bound),
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Solve, detect, predict; see `ceteris.gallery.sections`."""
    stations, series = (240, 160) if quick else (600, 400)
    return (_game(), _detection(stations, 60, seed), _turns(series, 60, seed))


# ------------------------------------------------------------------------------------------------------------ pictures


def _paths(*found: PricingEquilibrium) -> pd.DataFrame:
    parts = []
    for equilibrium, start in zip(found, STARTS, strict=True):
        prices = equilibrium.simulate(50, start)
        frame = pd.DataFrame(prices, columns=pd.Index(["firm 1", "firm 2"])).rename_axis("period").reset_index()
        parts.append(frame.assign(equilibrium=equilibrium.name))
    return pd.concat(parts, ignore_index=True)


def _draw_paths(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    groups = data.groupby("equilibrium", sort=False)
    for axes, (name, part) in zip(panels(figure, 2, 1, sharex=True), groups, strict=True):
        for firm in ("firm 1", "firm 2"):
            axes.step(part["period"], part[firm], where="post", label=firm)
        axes.set(title=str(name), ylabel="price", ylim=(-0.05, 1.05))
        axes.legend(loc="upper right", ncols=2)
    axes.set_xlabel("period")


def _examples(seed: int) -> pd.DataFrame:
    panel = simulate_stations(40, 90, "noisy", 2 * seed)
    rows = [i for kind in KINDS for i in np.flatnonzero(panel.kind == kind)[:2]]
    parts = [
        pd.DataFrame({"kind": panel.kind[i], "station": i, "period": np.arange(90), "price": panel.prices[i]})
        for i in rows
    ]
    return pd.concat(parts, ignore_index=True)


def _draw_examples(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    for axes, (kind, part) in zip(panels(figure, 2, 3, sharex=True), data.groupby("kind", sort=False), strict=True):
        for _, own in part.groupby("station"):
            axes.plot(own["period"], own["price"], linewidth=1.0)
        axes.set_title(str(kind))


def _draw_detectors(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    groups = list(data.groupby("panel", sort=False))
    names = list(dict.fromkeys(groups[-1][1]["detector"]))[::-1]
    axes = figure.subplots()
    for marker, (panel, part) in zip("os", groups, strict=True):
        axes.plot(part.set_index("detector")["auc"][names], range(len(names)), marker, label=f"{panel} panel")
    axes.set(xlabel="area under the curve", xlim=(0.5, 1.01), yticks=range(len(names)), yticklabels=names)
    axes.legend(loc="upper left")


def _calibration(said: Any) -> pd.DataFrame:
    parts = []
    for name in said.columns.drop(["reset", "share of resets"]):
        tenth = (said[name].rank(method="first") * 10 / (len(said) + 1)).astype(int)
        means = said.groupby(tenth)[[name, "reset"]].mean().rename(columns={name: "said", "reset": "came"})
        parts.append(means.assign(predictor=name))
    return pd.concat(parts, ignore_index=True)


def _draw_calibration(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.5", linewidth=0.8)
    for name, part in data.groupby("predictor", sort=False):
        axes.plot(part["said"], part["came"], "o-", label=str(name))
    axes.set(xlabel="probability of a reset that was said", ylabel="share of resets that came")
    axes.legend(loc="upper left")
