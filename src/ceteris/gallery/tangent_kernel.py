"""The neural tangent kernel: what a very wide net learns, and what a net learns that is not lazy.

A net f(x; w) whose weights are independent normals with variance c/n_in, c = 2 in hidden layers and 1 in the last, and
whose weights move by gradient descent with the rate r c/n_in, changes by r K(x, x') (y' - f(x')) per step, where

    K(x, x') = sum over layers of c/n_in <df(x)/dW, df(x')/dW>

is its tangent kernel. (Standard nets with these rates are the nets of Jacot et al., whose weights are standard normal
and are multiplied by (c/n_in)^1/2 where they are used.) As the width m grows K tends to a kernel without randomness and
stays there while the net learns: training is kernel regression. For ReLU, with S the covariance of what arrives at a
layer and angle t between two points,

    E relu(u) relu(v) = (S_uu S_vv)^1/2 (sin t + (pi - t) cos t) / 2 pi,    E 1(u > 0) 1(v > 0) = (pi - t) / 2 pi,

and from layer to layer S <- c E relu relu, K <- S + c K E 1 1.

The last weights and the rates decide how lazy a net is. With last weights g times as large, and hidden rates 1/g²
times, the kernel at the start is the same, but hidden weights move 1/g times as far: g = 1 is lazy, g = m^-1/2 is the
mean-field scaling, in which a hidden unit moves as far in a wide net as in a narrow one and features are learnt.

References
----------
Jacot, A., Gabriel, F. and Hongler, C. (2018). Neural tangent kernel. NeurIPS 31. Arora, S., Du, S. S., Hu, W., Li, Z.,
Salakhutdinov, R. and Wang, R. (2019). On exact computation with an infinitely wide neural net. NeurIPS 32. Cho, Y. and
Saul, L. K. (2009). Kernel methods for deep learning. NeurIPS 22 (the two expectations). Lee, J. and others (2019). Wide
neural networks of any depth evolve as linear models under gradient descent. NeurIPS 32. Chizat, L., Oyallon, E. and
Bach, F. (2019). On lazy training in differentiable programming. NeurIPS 32. Mei, S., Montanari, A. and Nguyen, P.-M.
(2018). A mean field view of the landscape of two-layer neural networks. PNAS 115.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.gallery._plots import lines, panels, span_decades, ticks_at
from ceteris.gallery.tangent_kernel_nets import (
    TrainedNets,
    builder,
    descend,
    exact_kernel,
    kernel_descent,
    layer_rates,
    sphere,
    started,
    tangent_kernel,
)
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

POINTS, INPUTS, FRESH = 20, 6, 200
INDEX_INPUTS, INDEX_WIDTH, INDEX_FRESH, INDEX_STEPS = 20, 256, 1_000, 3_000


def size(a: np.ndarray) -> np.ndarray:
    """Frobenius norm over the last two axes."""
    return np.linalg.norm(a, axis=(-2, -1))


def kernel_table(widths: dict[int, tuple[int, ...]], members: int, seed: int) -> pd.DataFrame:
    """Relative distance of the kernel at the start from the exact one, by hidden layers and width; rms over nets."""
    x = sphere(POINTS, INPUTS, np.random.default_rng([seed, 0]))
    rows = []
    for hidden, sizes in widths.items():
        exact = exact_kernel(x, x, hidden)
        for m in sizes:
            build = builder(INPUTS, (m,) * hidden)
            nets = started(build, jr.split(jr.key(seed), members), jnp.asarray(1.0))
            K = np.asarray(tangent_kernel(nets, jnp.asarray(x, jnp.float32), layer_rates(INPUTS, (m,) * hidden)), float)
            error = np.sqrt(np.mean(size(K - exact) ** 2)) / size(exact)
            mean = size(K.mean(0) - exact) / size(exact)
            rows.append({"hidden layers": hidden, "width": m, "of one net": error, f"of the mean of {members}": mean})
    return pd.DataFrame(rows)


def lazy_table(widths: tuple[int, ...], members: int, steps: int, seed: int) -> pd.DataFrame:
    """Distance of trained nets from regression with the exact kernel, and how far kernels move, by width."""
    rng = np.random.default_rng([seed, 0])
    x = sphere(POINTS, INPUTS, rng)  # those of `kernel_table`
    z, u = sphere(FRESH, INPUTS, rng), sphere(1, INPUTS, rng)[0]
    y, truth = (np.sin(3 * a @ u) + (a @ u) ** 2 for a in (x, z))
    K, cross = exact_kernel(x, x, 1), exact_kernel(z, x, 1)
    rate = 1 / np.linalg.eigvalsh(K)[-1]
    regression = kernel_descent(K, cross, y, rate, steps)
    rows = []
    for m in widths:
        lazy = descend(x, y, m, members, rate, steps, seed)
        field = descend(x, y, m, members, rate / 4, steps, seed, lazy=m**-0.5)
        moves = [np.mean(size(last - first) / size(first)) for first, last in (lazy.kernels(x), field.kernels(x))]
        f = lazy.predict(z)
        rows.append(
            {
                "width": m, "net - kernel regression": np.sqrt(np.mean((f - regression) ** 2)),
                "error, net": np.mean((f - truth) ** 2), "error, kernel": np.mean((regression - truth) ** 2),
                "kernel moves, lazy": moves[0], "kernel moves, mean field": moves[1],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def single_index(n: int, rng: np.random.Generator, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (n, d + 1), the last a constant, and a target of variance one that looks in direction u only.

    The target is the sum of the first three Hermite polynomials of t = d^1/2 u'x, each of variance 1/3.
    """
    x = sphere(n, u.size, rng)
    t = u.size**0.5 * x @ u
    y = (t + (t**2 - 1) / 2**0.5 + (t**3 - 3 * t) / 6**0.5) / 3**0.5
    return np.sqrt((u.size + 1) / 2) * np.hstack([x, np.ones((n, 1))]), y


def best_ridge(K: np.ndarray, cross: np.ndarray, y: np.ndarray, truth: np.ndarray) -> float:
    """Error of kernel ridge regression at fresh points with the ridge that is best there: in the kernel's favour."""
    values, vectors = np.linalg.eigh(K)
    fits = (cross @ (vectors @ (vectors.T @ y / (values + r))) for r in np.geomspace(1e-6, 1e3, 40) * values.mean())
    return min(float(np.mean((f - truth) ** 2)) for f in fits)


def looking(trained: TrainedNets, u: np.ndarray) -> float:
    """Share of the squared hidden weights, each times its last weight, that lies along u among the directions of x."""
    W, a = (np.asarray(leaf, float) for leaf in (trained.end.hidden[0].dense.weight, trained.end.output.weight))
    weighed = W[:, : u.size] * np.abs(a[..., 0])[:, None]
    return float(np.sum(np.einsum("k,skm->sm", u, weighed) ** 2) / np.sum(weighed**2))


def features_table(sizes: tuple[int, ...], members: int, seed: int) -> pd.DataFrame:
    """Errors at fresh points of the exact kernel, of lazy nets and of nets that learn features, by rows."""
    rows = []
    for n in sizes:
        rng = np.random.default_rng([seed, n])
        u = sphere(1, INDEX_INPUTS, rng)[0]
        (x, y), (z, truth) = (single_index(k, rng, u) for k in (n, INDEX_FRESH))
        K, cross = exact_kernel(x, x, 1), exact_kernel(z, x, 1)
        top = float(np.linalg.eigvalsh(K)[-1])
        scales = {"lazy": 8.0, "neither": 1.0, "mean-field": INDEX_WIDTH**-0.5}
        rates = {"lazy": 0.5, "neither": 0.5, "mean-field": 0.15}  # of the largest that is stable at the start, nearly
        nets = {
            name: descend(x, y, INDEX_WIDTH, members, rates[name] / top, INDEX_STEPS, seed, lazy=g)
            for name, g in scales.items()
        }
        errors = {f"{name} net": np.mean((net.predict(z) - truth) ** 2) for name, net in nets.items()}
        shares = {f"looks at u, {name}": looking(net, u) for name, net in nets.items()}
        steps = kernel_descent(K, cross, y, rates["lazy"] / top, INDEX_STEPS)  # as many as the lazy net takes
        kernel = {
            "exact kernel": best_ridge(K, cross, y, truth),
            "kernel, as many steps": np.mean((steps - truth) ** 2),
        }
        rows.append({"rows": n, **kernel, **errors, **shares})
    return pd.DataFrame(rows)


# --------------------------------------------------------------------------------------------- what is shown of it


def slope(data: pd.DataFrame, column: str) -> float:
    """Power of the width with which a column changes, by least squares on logarithms."""
    return float(np.polyfit(np.log(data["width"].to_numpy(float)), np.log(data[column].to_numpy(float)), 1)[0])


def _draw_kernels(figure: matplotlib.figure.Figure, data: Any) -> None:
    (axes,) = panels(figure)
    for hidden, part in data.groupby("hidden layers"):
        lines(axes, part, "width", "of one net", label=f"hidden layers: {hidden}", marker="o", markersize=4)
    m = np.array([data["width"].min(), data["width"].max()])
    axes.plot(m, data["of one net"].max() * (m / m[0]) ** -0.5, color="0.5", linestyle=":", label="width to the -1/2")
    axes.set(xscale="log", yscale="log", xlabel="width", ylabel="relative distance from the exact kernel")
    ticks_at(axes, sorted(data["width"].unique()))
    span_decades(axes, data["of one net"].to_numpy())
    axes.legend()


def _draw_lazy(figure: matplotlib.figure.Figure, data: Any) -> None:
    left, right = panels(figure, 1, 2)
    lines(left, data, "width", "net - kernel regression", marker="o", markersize=4)
    m = data["width"].to_numpy(float)
    left.plot(m, data["net - kernel regression"].iloc[0] * (m / m[0]) ** -0.5, color="0.5", linestyle=":")
    left.set(ylabel="root mean square of net - kernel")
    for name in ("lazy", "mean field"):
        lines(right, data, "width", f"kernel moves, {name}", label=name, marker="o", markersize=4)
    right.set(ylabel="||K after - K before|| / ||K before||")
    right.legend()
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="width")
        ticks_at(axes, data["width"])
    span_decades(left, data["net - kernel regression"].to_numpy())


def _draw_features(figure: matplotlib.figure.Figure, data: Any) -> None:
    (axes,) = panels(figure)
    names = {"lazy net": "lazy net, g = 8", "neither net": "g = 1", "mean-field net": "mean-field net, g = 1/16"}
    for name in ("exact kernel", *names):
        lines(axes, data, "rows", name, label=names.get(name, name), marker="o", markersize=4)
    axes.set(xscale="log", yscale="log", xlabel="rows", ylabel="mean squared error at fresh points")
    ticks_at(axes, data["rows"])
    span_decades(axes, data[["exact kernel", *names]].to_numpy())
    axes.legend()


def _kernel_checks(table: Any) -> tuple[Check, ...]:
    checks = []
    for hidden, part in table.groupby("hidden layers"):
        power, last = slope(part, "of one net"), float(part["of one net"].iloc[-1])
        name = f"the kernel of a wide net, hidden layers: {hidden}"
        text = f"Its relative distance from the exact kernel falls like width to the power {power:.2f}, to {last:.3f} "
        checks.append(
            Check(
                name,
                -0.65 < power < -0.35,
                f"{text}at {part['width'].max():,} units; theory says -1/2.",
                power,
                -0.5,
            )
        )
    return tuple(checks)


def _lazy_checks(table: Any) -> tuple[Check, ...]:
    power, moves = slope(table, "net - kernel regression"), slope(table, "kernel moves, lazy")
    field, widest = table["kernel moves, mean field"], table.iloc[-1]
    ratio = float(field.iloc[-1] / field.iloc[0])
    return (
        Check(
            "a lazy net is kernel regression", -0.65 < power < -0.35,
            f"The distance between trained nets and regression with the exact kernel falls like width to the power "
            f"{power:.2f}, to {widest['net - kernel regression']:.3f} at {widest['width']:,.0f} units; theory says "
            "-1/2.", power, -0.5,
        ),
        Check(
            "the kernel of a lazy net stays", moves < -0.4,
            f"In training it moves by {widest['kernel moves, lazy']:.1%} at {widest['width']:,.0f} units, and less in "
            f"wider nets, like width to the power {moves:.2f}; a bound of -1/2 is known.", moves, -0.5,
        ),
        Check(
            "the kernel of a mean-field net moves", ratio > 0.7 and float(field.min()) > 0.5,
            f"It moves by {field.min():.1f} to {field.max():.1f} times its size, at any width.", ratio, 0.7,
        ),
    )  # fmt: skip


def _features_checks(table: Any) -> tuple[Check, ...]:
    last = table.iloc[-1]
    kernel, field = table["exact kernel"].to_numpy(), table["mean-field net"].to_numpy()
    few = table["rows"][field <= kernel[-1]].min()
    as_good = f" With {few} rows the net is as good as the kernel with {last['rows']:,.0f}." if len(table) > 1 else ""
    gaps = table["lazy net"] / table["kernel, as many steps"]
    return (
        Check(
            "learning features saves rows", bool(field[-1] < kernel[-1] / 2),
            f"With {last['rows']:,.0f} rows the error of the mean-field net is {field[-1]:.3f}, that of the kernel "
            f"with the best of all ridges {kernel[-1]:.3f}.{as_good}",
            float(field[-1] / kernel[-1]), 0.5,
        ),
        Check(
            "a lazy net saves none", bool(gaps.between(0.67, 1.5).all()),
            f"The error of the same net in lazy training is {gaps.min():.2f} to {gaps.max():.2f} times that of as many "
            "steps in the exact kernel; 2/3 to 3/2 are allowed.", float(gaps.iloc[-1]), 1.0,
        ),
        Check(
            "features turn to the index", last["looks at u, mean-field"] > 3 * last["looks at u, lazy"],
            f"Of what the hidden units look at, {last['looks at u, mean-field']:.0%} is the direction of the target in "
            f"the mean-field net and {last['looks at u, lazy']:.0%} in the lazy one; by chance it is "
            f"{1 / INDEX_INPUTS:.0%}.", float(last["looks at u, mean-field"]),
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Kernels of wide nets, lazy training, and learning of features; see `ceteris.gallery.sections`."""
    one, two = ((64, 512), (64, 256)) if quick else ((64, 256, 1_024, 4_096), (64, 256, 1_024))
    members, sizes = (8, (200,)) if quick else (20, (50, 100, 200, 400, 800))
    kernels = kernel_table({1: one, 2: two}, members, seed)
    lazy = lazy_table(one, members, 1_000, seed)
    features = features_table(sizes, 1 if quick else 4, seed)
    return (
        Section(
            "The kernel of a wide net",
            f"{members} random ReLU nets for each width and depth, and their tangent kernels on {POINTS} points of the "
            f"sphere in {INPUTS} dimensions, against the kernel of the net of infinite width, computed layer by layer.",
            (Table("Relative distance from the exact kernel", kernels, "Frobenius norm; root mean square over nets."),),
            (
                Figure(
                    "Distance from the exact kernel against width",
                    "Each further layer adds randomness, and width takes it out at the same rate.",
                    kernels, _draw_kernels, (6.0, 3.8),
                ),
            ),
            _kernel_checks(kernels),
        ),
        Section(
            "Lazy training",
            "Nets with one hidden layer learn a smooth function at these points in 1,000 steps of gradient descent, "
            "and are compared at fresh points with as many steps of gradient descent in the exact kernel, which by "
            "then is the regression that interpolates.\n\n"
            "The mean-field nets have last weights that are smaller by the root of the width and hidden rates that are "
            "larger by the width: the same kernel at the start, and another one soon.",
            (Table("Nets and kernel regression", lazy, f"Means over {members} nets."),),
            (
                Figure(
                    "Nets against kernel regression, and the movement of kernels",
                    "Left: the wider the lazy net, the closer to kernel regression; dotted, width to the -1/2. Right: "
                    "its kernel stays, that of a net in mean-field scaling does not.",
                    lazy, _draw_lazy, (8.0, 3.8),
                ),
            ),
            _lazy_checks(lazy),
        ),
        Section(
            "Where features are learnt",
            f"The target depends on one direction u of {INDEX_INPUTS} inputs: a cubic in u'x, without noise. A kernel "
            "that is the same in all directions must learn a cubic in all of them, which takes of the order of d³ "
            f"rows; a net can find u. All nets have {INDEX_WIDTH} hidden units and {INDEX_STEPS:,} steps, and differ "
            "in the factor g on their last weights: 8 is lazier than the theorem asks for, 1 is what it asks for but "
            "with too few units for many rows, 1/16 is the mean-field scaling.",
            (
                Table(
                    "Error at fresh points", features,
                    "Predicting the mean has an error of about 1. The last columns: how much of the squared hidden "
                    "weights, each times its last weight, lies along u.",
                ),
            ),
            (
                Figure(
                    "Error against rows",
                    "The lazy net goes with its kernel; the net whose features move needs a fraction of the rows.",
                    features, _draw_features, (6.0, 3.8),
                ),
            ),
            _features_checks(features),
        ),
    )  # fmt: skip
