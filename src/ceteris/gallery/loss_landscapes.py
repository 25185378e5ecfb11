"""Loss landscapes: curvature, sharp and flat minima, pictures of surfaces, and paths between minima.

Four ways to look at the loss around a trained net, each with something exact to hold it against.

- The spectrum of the Hessian by Lanczos' method, which needs products of the Hessian with vectors only, against all
  eigenvalues of the dense matrix of a small net.
- Sharpness, the largest eigenvalue. Gradient descent with rate r is stable where it is below 2/r, and in training it
  rises to 2/r and stays: the rate chooses how sharp the minimum is. But for ReLU nets sharpness is no property of the
  function: weights into a layer times a, weights out of it divided by a, is the same net, and a² enters the Hessian.
- Surfaces along random directions in which the weights into each unit are as long as the net's own. Those pictures are
  the same for all such rescalings; without this they are not.
- Two nets trained from different starts: the loss is high on the straight line between them, and next to nothing on a
  quadratic Bézier curve with one bend that is trained.

References
----------
Li, H., Xu, Z., Taylor, G., Studer, C. and Goldstein, T. (2018). Visualizing the loss landscape of neural nets. NeurIPS
31. Dinh, L., Pascanu, R., Bengio, S. and Bengio, Y. (2017). Sharp minima can generalize for deep nets. ICML. Garipov,
T., Izmailov, P., Podoprikhin, D., Vetrov, D. and Wilson, A. G. (2018). Loss surfaces, mode connectivity, and fast
ensembling of DNNs. NeurIPS 31. Draxler, F., Veschgini, K., Salmhofer, M. and Hamprecht, F. (2018). Essentially no
barriers in neural network energy landscape. ICML. Cohen, J., Kaur, S., Li, Y., Kolter, J. Z. and Talwalkar, A. (2021).
Gradient descent on neural networks typically occurs at the edge of stability. ICLR. Sagun, L., Evci, U., Güney, V. U.,
Dauphin, Y. and Bottou, L. (2018). Empirical analysis of the Hessian of over-parametrized neural networks. ICLR
workshop. Lanczos, C. (1950). Journal of Research of the National Bureau of Standards 45.
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
from ceteris.engine.ensemble import take
from ceteris.gallery._plots import lines, panels, span_decades
from ceteris.gallery.loss_landscapes_curvature import (
    AlongCurve,
    Sharpness,
    along,
    between,
    dense_hessian,
    moved,
    random_direction,
    rescaled,
    ritz,
    surface,
)
from ceteris.nets import MLP, categorical_cross_entropy, squared
from ceteris.recipe import Descend, Fixed, Loss, optimiser
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

ROWS, WIDTHS = 200, (32, 32)
LANCZOS, PROBES, TOP = 80, 8, 5
RATES = (0.05, 0.1, 0.2)
FACTORS = (1.0, 3.0, 10.0, 30.0)
CURVE = np.linspace(0, 1, 41)
DEPTHS = {"2 layers": (2, False), "20 layers": (20, False), "20 layers with skips": (20, True)}


def spirals(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return `ROWS` points of two spirals in the plane, and which of the two each belongs to, 0 or 1."""
    arm, angle = rng.integers(2, size=ROWS), 3 * np.pi * rng.uniform(0.25, 1, ROWS) ** 0.5
    x = angle[:, None] / 6 * np.stack([np.cos(angle + np.pi * arm), np.sin(angle + np.pi * arm)], 1)
    return (x + 0.05 * rng.normal(size=x.shape)).astype(np.float32), arm


def cross_entropy(net, batch, key):
    """Mean cross-entropy of a net's two outputs."""
    x, arm = batch
    return jnp.mean(categorical_cross_entropy(net(x), arm)), {}


def mean_squares(net, batch, key):
    """Mean squared error."""
    x, y = batch
    return jnp.mean(squared(net(x), y)), {}


CLASSES, SQUARES = Loss(cross_entropy), Loss(mean_squares)


def classifiers(batch: Any, members: int, seed: int, depth: int = 2, skips: bool = False) -> Any:
    """Train an ensemble of ReLU nets to tell the spirals apart; return the nets."""
    steps, widths = (400, WIDTHS) if depth == 2 else (1_000, (16,) * depth)
    rule = optimiser("adam", 1e-2 if depth == 2 else 3e-3, clip=1.0)
    build = eqx.Partial(MLP, 2, 2, widths=widths, activation="relu", residual=skips)
    one = Descend(build, CLASSES, Fixed(batch), rule)
    return fit(Ensemble(one, members, how="vmap"), jr.key(seed), steps=steps, every=steps).model


# -------------------------------------------------------------------------------------------------------- curvature


def spectra(net: Any, batch: Any, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All eigenvalues of the dense Hessian in rising order, and Lanczos' values and weights, each (probes, steps)."""
    dense = np.linalg.eigvalsh(np.asarray(dense_hessian(CLASSES, net, batch), float))
    values, weights = ritz(CLASSES, net, batch, LANCZOS, jr.split(jr.key(seed), PROBES))
    return dense, np.asarray(values, float), np.asarray(weights, float)


def spectrum_table(dense: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    """The largest eigenvalues and the smallest one, by both routes; Lanczos' from the first probe."""
    places = [*range(-1, -TOP - 1, -1), 0]
    names = [*(f"number {k} from above" for k in range(1, TOP + 1)), "smallest"]
    return pd.DataFrame({"eigenvalue": names, "dense": dense[places], "Lanczos": values[0, places]})


def share_below(bounds: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of the spectrum below each bound, by values (m,) and weights (m,) that add up to one."""
    order = np.argsort(values)
    total = np.r_[0, np.cumsum(weights[order])]
    return total[np.searchsorted(values[order], bounds, side="right")]


def shares_table(dense: np.ndarray, values: np.ndarray, weights: np.ndarray) -> pd.DataFrame:
    """Share of eigenvalues below a bound, for many bounds, by both routes."""
    bounds = np.r_[-np.geomspace(-dense[0], dense[-1] * 1e-5, 25), np.geomspace(dense[-1] * 1e-5, dense[-1] * 1.05, 75)]
    exact = share_below(bounds, dense, np.full(dense.size, 1 / dense.size))
    seen = share_below(bounds, values.ravel(), weights.ravel() / len(values))
    return pd.DataFrame({"bound": bounds, "dense": exact, "Lanczos": seen})


# ---------------------------------------------------------------------------------------------------- sharp and flat


def edge(steps: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sharpness and loss of one net under full-batch descent with several rates: along the way, and at the end."""
    rng = np.random.default_rng([seed, 1])
    x = rng.normal(size=(100 + 1_000, 4)).astype(np.float32)
    y = np.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]
    (x, z), (y, truth) = np.split(x, [100]), np.split((y - y[:100].mean()) / y[:100].std(), [100])
    build, n = eqx.Partial(MLP, 4, 1, widths=(20, 20), activation="tanh"), len(RATES)
    one = Descend(build, SQUARES, Fixed((x, y)), optimiser("gradient_descent", 0.1), heldout=Sharpness(SQUARES, (x, y)))
    ensemble = Ensemble(one, n, over=lambda a: a.optimiser.args[1], values=jnp.asarray(RATES), how="vmap")
    start = build(key=jr.key(seed))  # the same for all
    start = jax.tree.map(lambda leaf: jnp.stack([leaf] * n) if eqx.is_array(leaf) else leaf, start)
    run = fit(ensemble, jr.key(seed), steps=steps, every=steps // 50, model=start)
    fresh = [float(np.mean((take(run.model, jnp.asarray(i))(z) - truth) ** 2)) for i in range(n)]
    read = {name: np.asarray(run.metrics[name], float) for name in ("sharpness", "loss")}
    way = [
        pd.DataFrame({"rate": r, "step": run.metrics["step"], "sharpness": read["sharpness"][:, i]})
        for i, r in enumerate(RATES)
    ]
    end = {"rate": RATES, "2 / rate": 2 / np.array(RATES), "sharpness": read["sharpness"][-10:].mean(0)}
    return pd.concat(way, ignore_index=True), pd.DataFrame(
        {**end, "training loss": read["loss"][-1], "error at fresh points": fresh}
    )


@eqx.filter_jit
def loss_nearby(net: Any, batch: Any, keys: Any) -> tuple[Any, Any]:
    """Mean loss a fifth of the net's length away in random directions: made by filter, and raw."""
    near = lambda key, by: CLASSES(moved(net, (0.2, random_direction(net, key, by))), batch, key)[0]
    by_filter, raw = (jax.vmap(lambda key, by=by: near(key, by))(keys).mean() for by in (True, False))
    return by_filter, raw


def rescaling_table(net: Any, batch: Any, seed: int) -> pd.DataFrame:
    """What rescaling of a ReLU layer changes: nothing of the function, much of curvature and of raw directions."""
    rows = []
    for factor in FACTORS:
        other = rescaled(net, jnp.asarray(factor))
        by_filter, raw = loss_nearby(other, batch, jr.split(jr.key(seed), 20))
        sharp, _ = ritz(CLASSES, other, batch, LANCZOS, jr.split(jr.key(seed), PROBES))
        change = np.abs(np.asarray(other(batch[0]) - net(batch[0]))).max() / np.abs(np.asarray(net(batch[0]))).max()
        rows.append(
            {
                "factor": factor, "change of outputs": float(change), "sharpness": float(sharp[:, -1].max()),
                "loss nearby, by filter": float(by_filter), "loss nearby, raw": float(raw),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


# -------------------------------------------------------------------------------------------------- pictures and paths


def surface_table(name: str, net: Any, batch: Any, points: int, seed: int) -> pd.DataFrame:
    """Loss on a grid of two filter-normalised directions, from -1 to 1 times the length of the net's own weights."""
    at = np.linspace(-1, 1, points)
    directions = tuple(random_direction(net, key) for key in jr.split(jr.key(seed), 2))
    losses = np.asarray(surface(CLASSES, net, batch, directions, jnp.asarray(at, jnp.float32)), float)
    a, b = np.meshgrid(at, at, indexing="ij")
    return pd.DataFrame({"net": name, "first": a.ravel(), "second": b.ravel(), "loss": losses.ravel()})


def paths_table(nets: Any, batch: Any, steps: int, seed: int) -> pd.DataFrame:
    """Loss along the straight line between two nets, and along a curve whose bend is trained."""
    first, last = (take(nets, jnp.asarray(i)) for i in (0, 1))
    rule = optimiser("adam", 1e-2, schedule="cosine", updates=steps)
    build = eqx.Partial(MLP, 2, 2, widths=WIDTHS, activation="relu")
    bending = Descend(build, AlongCurve(CLASSES, first, last), Fixed(batch), rule)
    bend = fit(bending, jr.key(seed), steps=steps, every=steps, model=between(first, last, 0.5)).model
    t = jnp.asarray(CURVE, jnp.float32)
    paths = {"straight line": between(first, last, 0.5), "curve": bend}  # a bend on the line is the line
    losses = {path: np.asarray(along(CLASSES, first, last, batch, t, by), float) for path, by in paths.items()}
    return pd.concat(
        [pd.DataFrame({"path": path, "t": CURVE, "loss": loss}) for path, loss in losses.items()], ignore_index=True
    )


# --------------------------------------------------------------------------------------------- what is shown of it


def _draw_spectrum(figure: matplotlib.figure.Figure, data: Any) -> None:
    (axes,) = panels(figure)
    seen = data[(data["bound"] > 0) & (data["dense"] < 1)]
    axes.step(seen["bound"], 1 - seen["dense"], where="post", label="dense matrix, all eigenvalues")
    axes.step(seen["bound"], 1 - seen["Lanczos"], where="post", linestyle="--", label=f"Lanczos, {LANCZOS} products")
    axes.set(xscale="log", yscale="log", xlabel="bound", ylabel="share of eigenvalues above it")
    axes.legend()


def _draw_edge(figure: matplotlib.figure.Figure, data: Any) -> None:
    (axes,) = panels(figure)
    for colour, (rate, part) in enumerate(data.groupby("rate")):
        lines(axes, part, "step", "sharpness", label=f"rate {rate:g}", color=f"C{colour}")
        axes.axhline(2 / float(str(rate)), color=f"C{colour}", linestyle=":", linewidth=1)
    axes.set(xlabel="step", ylabel="largest eigenvalue", ylim=(0, 2.2 / data["rate"].min()))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="dotted: 2 / rate")


def _draw_surfaces(figure: matplotlib.figure.Figure, data: Any) -> None:
    names = data["net"].unique()
    for axes, (name, part) in zip(panels(figure, 1, len(names)), data.groupby("net", sort=False), strict=True):
        grid = part.pivot_table(index="second", columns="first", values="loss")
        levels = np.array([0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000])
        drawn = axes.contour(grid.columns, grid.index, grid.to_numpy(), levels=levels, norm="log", cmap="viridis")
        axes.clabel(drawn, fontsize=7, fmt="%g")
        axes.plot(0, 0, "+", color="C1")
        axes.set(title=str(name), xlabel="first direction", aspect="equal")
    figure.axes[0].set_ylabel("second direction")


def _draw_paths(figure: matplotlib.figure.Figure, data: Any) -> None:
    (axes,) = panels(figure)
    lines(axes, data, "t", "loss", by="path")
    span_decades(axes, data["loss"].to_numpy())
    axes.set(yscale="log", xlabel="from the first net, 0, to the second, 1", ylabel="training loss")
    axes.legend()


def _spectrum_checks(table: Any, shares: Any, dense: np.ndarray) -> tuple[Check, ...]:
    gap = float((table["Lanczos"] - table["dense"]).abs().max() / dense[-1])
    apart = float((shares["Lanczos"] - shares["dense"]).abs().max())
    small = float(np.mean(np.abs(dense) < 0.05 * dense[-1]))
    return (
        Check(
            "Lanczos finds the extreme eigenvalues", gap < 1e-3,
            f"The {TOP} largest and the smallest eigenvalue differ from those of the dense matrix by at most {gap:.1e} "
            "of the largest; 1e-3 is allowed.", gap, 1e-3,
        ),
        Check(
            "and the shape of the spectrum", apart < 0.05,
            f"Shares of eigenvalues below any bound differ by at most {apart:.3f} with {PROBES} probes of {LANCZOS} "
            "products; 0.05 is allowed.", apart, 0.05,
        ),
        Check(
            "a bulk at zero and few large ones", small > 0.9,
            f"{small:.1%} of the {dense.size:,} eigenvalues are smaller than a twentieth of the largest.", small, 0.9,
        ),
    )  # fmt: skip


def _flat_checks(end: Any, scaled: Any) -> tuple[Check, ...]:
    off = float((end["sharpness"] / end["2 / rate"] - 1).abs().max())
    first, last = scaled.iloc[0], scaled.iloc[-1]
    gain, same = last["sharpness"] / first["sharpness"], last["change of outputs"]
    by_filter = float((scaled["loss nearby, by filter"] / first["loss nearby, by filter"] - 1).abs().max())
    raw = last["loss nearby, raw"] / first["loss nearby, raw"]
    return (
        Check(
            "training ends at the edge of stability", off < 0.05,
            f"Sharpness settles within {off:.1%} of 2 / rate for every rate; 5 % are allowed.", off, 0.05,
        ),
        Check(
            "the same function as sharp as one likes", bool(same < 1e-4 and gain > last["factor"] ** 2 / 20),
            f"Rescaled by {last['factor']:g}, the net gives the same outputs to {same:.0e}, and its sharpness is "
            f"{gain:,.0f} times what it was.", float(gain), float(last["factor"] ** 2 / 20),
        ),
        Check(
            "directions by filter do not see it", bool(by_filter < 1e-2 and raw > 10),
            f"Losses nearby change by {by_filter:.1e} of themselves in directions made by filter, and {raw:,.0f} times "
            "in raw ones.", by_filter, 1e-2,
        ),
    )  # fmt: skip


def _picture_checks(grids: Any, paths: Any) -> tuple[Check, ...]:
    line, curve = (float(paths.loc[paths["path"] == path, "loss"].max()) for path in ("straight line", "curve"))
    connected = Check(
        "a curve without a barrier", curve < line / 20,
        f"On the straight line the loss rises to {line:.2f}, on the curve to {curve:.4f}, from at most "
        f"{paths.loc[paths['t'].isin([0, 1]), 'loss'].max():.4f} at its ends.", curve, line / 20,
    )  # fmt: skip
    low = grids.assign(low=grids["loss"] < np.log(2)).groupby("net", sort=False)["low"].mean()
    if len(low) == 1:
        return (connected,)
    shallow, deep, skips = low
    steeper = Check(
        "depth makes the surface steep", deep < shallow / 2,
        f"The loss is below that of a coin, ln 2, on {shallow:.1%} of the picture of the net with 2 layers, and on "
        f"{deep:.1%} of that with 20; with skips it is {skips:.1%}.", float(deep), float(shallow / 2),
    )  # fmt: skip
    return connected, steeper


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Spectrum, sharpness, surfaces and paths; see `ceteris.gallery.sections`."""
    batch = spirals(np.random.default_rng([seed, 0]))
    nets = classifiers(batch, 2, seed)
    net = take(nets, jnp.asarray(0))
    dense, values, weights = spectra(net, batch, seed)
    spectrum, shares = spectrum_table(dense, values), shares_table(dense, values, weights)
    way, end = edge(3_000 if quick else 20_000, seed)
    scaled = rescaling_table(net, batch, seed)
    pictured = {name: net for name in list(DEPTHS)[:1]}
    for name, (depth, skips) in [] if quick else list(DEPTHS.items())[1:]:
        pictured[name] = take(classifiers(batch, 1, seed, depth, skips), jnp.asarray(0))
    points = 15 if quick else 41
    grids = pd.concat([surface_table(*each, batch, points, seed) for each in pictured.items()], ignore_index=True)
    paths: Any = paths_table(nets, batch, 500 if quick else 2_000, seed)
    return (
        Section(
            "The spectrum of the Hessian",
            f"A ReLU net with two hidden layers of {WIDTHS[0]} units tells two spirals apart ({ROWS} points). Its "
            f"Hessian has {dense.size:,} rows; Lanczos' method sees it through {LANCZOS} products with vectors, each "
            "at the cost of two gradients, as it would see one of a million rows.",
            (Table("Extreme eigenvalues, by the dense matrix and by products", spectrum),),
            (
                Figure(
                    "The spectrum by both routes", "Few eigenvalues are large; almost all are nearly zero.",
                    shares, _draw_spectrum, (6.4, 3.8),
                ),
            ),
            _spectrum_checks(spectrum, shares, dense),
        ),
        Section(
            "Sharp and flat minima",
            "One net (tanh, two layers of 20) learns 100 rows by full-batch gradient descent, from the same start with "
            "each rate. The step that would overshoot in the sharpest direction is 2 over its curvature: training "
            "sharpens until it gets there. Flatter is not better here, as the errors at fresh points show.\n\n"
            "Nor can it be in general. The weights into a ReLU layer times a factor, those out of it divided by it: no "
            "output changes, and sharpness changes with the square of the factor.",
            (
                Table("Sharpness at the end of training", end, "Mean over the last fifth of the steps."),
                Table(
                    "One net, rescaled", scaled,
                    "Nearby: a fifth of the net's own length away, mean over 20 random directions of the matrices.",
                ),
            ),
            (
                Figure(
                    "Sharpness in training", "It rises or falls to 2 / rate, and stays.",
                    way, _draw_edge, (6.8, 3.8),
                ),
            ),
            _flat_checks(end, scaled),
        ),
        Section(
            "Surfaces and paths",
            "Around a net, along two random directions in which the weights into each unit are as long as the net's "
            "own. And from one net to another, trained from another start.\n\n"
            "Li et al. also find that skips make the surface of a deep net smooth. Their nets are convolutional and "
            "normalised; on ours, which are small and plain, skips do not do so, and no check says they do.",
            (
                Table(
                    "Largest loss on the way", paths.groupby("path", sort=False)["loss"].max().reset_index(),
                    f"At {CURVE.size} points from end to end.",
                ),
            ),
            (
                Figure(
                    "Loss around a net", "Contours of the loss; the cross is the net.", grids, _draw_surfaces,
                    (3.6 * len(pictured), 3.6),
                ),
                Figure("Loss between two nets", "The bend of the curve is trained.", paths, _draw_paths, (6.0, 3.4)),
            ),
            _picture_checks(grids, paths),
        ),
    )  # fmt: skip
