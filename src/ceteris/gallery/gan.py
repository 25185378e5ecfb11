"""Two generative adversarial nets on eight Gaussians in a ring: one loses modes, the other finds them all.

The generator turns noise into points, the critic tells them from real ones. With the first loss that was proposed the
critic gives the probability that a point is real, and soon every fake point looks equally bad: the generator crowds
where the critic is weak at the moment, and modes are lost (mode collapse). The Wasserstein loss with a gradient penalty
measures how far points must be moved, so that a mode that is missing always pulls.

References
----------
Goodfellow, I. and others (2014). Generative adversarial nets. NeurIPS 27. Gulrajani, I., Ahmed, F., Arjovsky, M.,
Dumoulin, V. and Courville, A. (2017). Improved training of Wasserstein GANs. NeurIPS 30. The ring is that of Metz, L.,
Poole, B., Pfau, D. and Sohl-Dickstein, J. (2017). Unrolled generative adversarial networks. ICLR (radius 2; our modes
are wider).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.engine import Ensemble, fit
from ceteris.gallery._plots import panels
from ceteris.recipe import Draws, Loss, Play
from ceteris.results import Check, Figure, Section, Table
from ceteris.synthesis.wasserstein import CriticLoss, GeneratorLoss, Maker, players, rule

if TYPE_CHECKING:
    import matplotlib.figure

MODES, RADIUS, SD = 8, 2.0, 0.1
BATCH, NOISE, WIDTHS, MOVES = 128, 4, (64, 64), 5
DRAWN = 1_000
SHARE = 0.02  # of the points drawn, that a mode must get to count as found; an even share is 0.125
MAKE = Maker(NOISE)


def ring(key):
    """Draw a batch of real points, and the empty condition."""
    which, where = jr.split(key)
    angle = 2 * jnp.pi * jr.randint(which, (BATCH,), 0, MODES) / MODES
    centre = RADIUS * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
    return centre + SD * jr.normal(where, (BATCH, 2)), jnp.zeros((BATCH, 0))


def first_critic(model, batch, key):
    """Cross-entropy of real against made."""
    real, condition = batch
    fake, _ = MAKE(model["generator"], condition, key)
    return jnp.mean(jax.nn.softplus(-model["critic"](real))) + jnp.mean(jax.nn.softplus(model["critic"](fake))), {}


def first_generator(model, batch, key):
    """Minus the log of the probability, as the critic sees it, that what is made is real."""
    fake, _ = MAKE(model["generator"], batch[1], key)
    return jnp.mean(jax.nn.softplus(-model["critic"](fake))), {}


OBJECTIVES = {
    "first loss (2014)": {"critic": Loss(first_critic), "generator": Loss(first_generator)},
    "Wasserstein, gradient penalty": {"critic": CriticLoss(MAKE), "generator": GeneratorLoss(MAKE)},
}


def game(name: str, rounds: int) -> Play:
    """Return the game under one of the two losses; `MOVES` of the critic to one of the generator."""
    rules = {"critic": rule(2e-3, MOVES * rounds), "generator": rule(2e-3, rounds)}
    builder = eqx.Partial(players, NOISE, 2, 0, WIDTHS)
    return Play(builder, OBJECTIVES[name], rules, Draws(ring), turns=("critic",) * MOVES + ("generator",))


@eqx.filter_jit
def points(generators: Any, key: Any) -> Any:
    """Draw points from the generator of every seed, (seeds, points, 2)."""
    return eqx.filter_vmap(lambda g: MAKE(g, jnp.zeros((DRAWN, 0)), key)[0])(generators)


def modes_found(x: np.ndarray) -> tuple[int, float]:
    """Return how many modes points of shape (points, 2) cover, and the share of points within three sd of a mode."""
    angle = 2 * np.pi * np.arange(MODES) / MODES
    centres = RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    distance = np.linalg.norm(x[:, None] - centres, axis=2)
    near = distance.min(1) < 3 * SD
    counts = np.bincount(distance.argmin(1)[near], minlength=MODES)
    return int((counts >= SHARE * len(x)).sum()), float(near.mean())


def play(name: str, seeds: int, stages: tuple[int, ...], seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train all seeds at once; points of the first seed at some stages, and modes found by seed in the end."""
    ensemble, key, run, drawn = Ensemble(game(name, stages[-1]), seeds, how="vmap"), jr.key(seed), None, []
    every = int(np.gcd.reduce(stages))
    for stage in stages:
        run = fit(ensemble, key, steps=stage, every=every, resume=run)
        x = np.asarray(points(run.model["generator"], jr.key(seed + 1)))
        drawn.append(pd.DataFrame({"loss": name, "round": stage, "x": x[0, :, 0], "y": x[0, :, 1]}))
    found = [modes_found(x[i]) for i in range(seeds)]
    rows = pd.DataFrame(found, columns=["modes found", "share near a mode"])
    return pd.concat(drawn, ignore_index=True), rows.assign(loss=name, seed=np.arange(seeds))


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    names, stages = data["loss"].unique(), data["round"].unique()
    grid = panels(figure, len(names), len(stages), sharex=True, sharey=True)
    real = np.concatenate([np.asarray(ring(jr.key(k))[0]) for k in range(4)])
    parts: Any = data.groupby(["loss", "round"], sort=False)
    for axes, ((name, stage), part) in zip(grid, parts, strict=True):
        axes.plot(real[:, 0], real[:, 1], ".", color="0.6", markersize=2)
        axes.plot(part["x"], part["y"], ".", color="C1", markersize=2)
        axes.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", title=f"round {stage:,}")
        if stage == stages[0]:
            axes.set_ylabel(str(name))


def _checks(table: pd.DataFrame, seeds: int) -> tuple[Check, ...]:
    all_modes = table.set_index("loss")["runs with all modes"]
    first, second = all_modes.iloc[0], all_modes.iloc[1]
    bar = int(np.ceil(0.8 * seeds))
    return (
        Check("the Wasserstein game finds every mode", bool(second >= bar),
              f"All {MODES} modes are found from {second} of {seeds} starts.", float(second), float(bar)),
        Check("the first loss loses modes more often", bool(first <= second),
              f"With it, all are found from {first} of {seeds} starts.", float(first), float(second)),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Play under both losses; see `ceteris.gallery.sections`."""
    seeds, stages = (2, (100, 300, 800)) if quick else (10, (150, 450, 1_500))
    played = [play(name, seeds, stages, seed) for name in OBJECTIVES]
    runs = pd.concat([rows for _, rows in played], ignore_index=True)
    by = runs.groupby("loss", sort=False)
    table = pd.DataFrame(
        {
            "runs": by.size(),
            "runs with all modes": by["modes found"].agg(lambda found: int((found == MODES).sum())),
            "mean modes found": by["modes found"].mean(),
            "share near a mode": by["share near a mode"].mean(),
        }
    ).reset_index()
    return (
        Section(
            "Generative adversarial nets and mode collapse",
            f"The real points come from {MODES} Gaussians with standard deviation {SD} on a ring of radius {RADIUS:g}. "
            f"Both games have the same nets, {WIDTHS[0]} by {WIDTHS[1]} units, and the same number of moves: "
            f"{stages[-1]:,} rounds, {MOVES} moves of the critic in each.",
            (
                Table("Modes found", table,
                      f"Of {MODES}; found is a mode with {SHARE:.0%} of {DRAWN:,} points within 3 sd."),
            ),
            (
                Figure("Points as training goes on", "Real points in grey; one start of each game.",
                       pd.concat([drawn for drawn, _ in played], ignore_index=True), _draw, (8.0, 5.6)),
            ),
            _checks(table, seeds),
        ),
    )  # fmt: skip
