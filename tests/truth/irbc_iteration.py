"""Time iteration for the two countries of `irbc`: the expected marginal values, from a guess to the fixed point.

One step computes policies at all next states, takes expectations and projects their logarithm on the polynomials.
The steps alone converge slowly, for capital does; with Anderson's acceleration 60 to 120 of them are enough.

The three shocks reach the future through two numbers only, z_1' and z_2', which are normal with variances 2 sigma^2
and covariance sigma^2. So an integral over them has two dimensions; see `quadrature`.

`python -m truth.irbc_iteration`, in tests/, computes the two stored solutions anew.

References
----------
Walker, H. and Ni, P. (2011). Anderson acceleration for fixed-point iterations. SIAM J. Numer. Anal. 49, 1715-1735.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev

from truth.irbc import FOLDER, Irbc, IrbcSolution, at_shocks, choose, hermite, multipliers


def quadrature(m: Irbc, z: np.ndarray, rule: str, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Next shocks (points, 2) and weights (len(z), points) of the expectation at shocks z.

    "hermite": Gauss-Hermite in two dimensions. "monomial": the 2 (N + 1) points of N + 1 = 3 shocks, of degree three.
    "dense": the normal density on one fine grid of nodes^2 points for all z, better where policies have kinks.
    """
    covariance = m.sigma**2 * np.array([[2.0, 1.0], [1.0, 2.0]])
    if rule == "dense":
        edge = m.rho * m.width_z + 6 * np.sqrt(2) * m.sigma
        points = np.stack(np.meshgrid(*[np.linspace(-edge, edge, nodes)] * 2, indexing="ij"), -1).reshape(-1, 2)
        gap = points - m.rho * z[:, None]
        density = np.exp(-0.5 * np.einsum("zpi,ij,zpj->zp", gap, np.linalg.inv(covariance), gap))
        return points, density / density.sum(1, keepdims=True)
    if rule == "hermite":
        e, w = hermite(nodes, 2)
        jump = e @ np.linalg.cholesky(covariance).T
    else:
        e, w = np.sqrt(3) * np.vstack([np.eye(3), -np.eye(3)]), np.full(6, 1 / 6)
        jump = m.sigma * (e[:, :2] + e[:, 2:])
    return (m.rho * z[:, None] + jump).reshape(-1, 2), np.kron(np.eye(len(z)), w)


def anderson(
    step: Callable[[np.ndarray], np.ndarray], x: np.ndarray, tol: float, most: int, memory: int = 15
) -> tuple[np.ndarray, float]:
    """Fixed point of step, from differences of the last steps; stops when step moves no element by more than tol."""
    xs, fs = [], []
    for _ in range(most):
        f = step(x) - x
        size = np.abs(f).max()
        if size < tol:
            break
        xs, fs = [*xs[-memory:], x], [*fs[-memory:], f]
        x = x + f
        if len(fs) > 1:
            dx, df = np.diff(xs, axis=0).T, np.diff(fs, axis=0).T
            x = x - (dx + df) @ np.linalg.lstsq(df, f, rcond=1e-10)[0]
    return x, float(size)


def compute(
    model: Irbc, n: int, rule: str, nodes: int, tol: float = 1e-11, most: int = 120, start: np.ndarray | None = None
) -> IrbcSolution:
    """Time iteration with n Chebyshev nodes in each of the four directions."""
    m, x = model, chebyshev.chebpts1(n)
    pairs = np.stack(np.meshgrid(x, x, indexing="ij"), -1).reshape(-1, 2)
    k = np.exp(m.width_k * pairs)[None]
    z_next, weights = quadrature(m, m.width_z * pairs, rule, nodes)
    z_next = z_next[:, None]
    inverse = np.linalg.inv(chebyshev.chebvander(x, n - 1))
    both = np.kron(inverse, inverse)

    def project(value: np.ndarray) -> np.ndarray:
        mean = np.einsum("zp,pkj->jzk", weights, value, optimize=True)
        return both @ np.log(m.beta * mean) @ both.T

    # First guess: from the next period on capital stays where it is.
    output = (m.A * np.exp(z_next) * k**m.zeta - m.delta * k).sum(-1) / (2 * (m.A - m.delta))
    l = -2 * np.log(output)
    v = np.zeros((*l.shape, 2))
    first = project(m.marginal_value(k, z_next, np.exp(v), np.exp(l), 0 * v))
    warm = [v, l]

    def step(flat: np.ndarray) -> np.ndarray:
        at = at_shocks(m, flat.reshape(2, n, n, n, n), z_next[:, 0])
        *warm[:], _ = choose(m, at, k, z_next, tuple(warm), steps=4)
        mu = multipliers(m, *warm, at, k)
        return project(m.marginal_value(k, z_next, np.exp(warm[0]), np.exp(warm[1]), mu)).ravel()

    if start is not None:  # coefficients of a coarser solution
        first = np.pad(start, [(0, 0)] + [(0, n - start.shape[1])] * 4)
    flat, change = anderson(step, first.ravel(), tol, most)
    return IrbcSolution(m, flat.reshape(2, n, n, n, n), change)


def store(name: str, solution: IrbcSolution, unit: float | None) -> None:
    """Write a solution; with a unit as whole multiples of it, which compress to a third."""
    m, whole = solution.model, solution.coefficients
    np.savez_compressed(
        FOLDER / f"irbc_{name}.npz",
        coefficients=whole if unit is None else np.round(whole / unit).astype(np.int32),
        unit=unit or 1.0,
        width_k=m.width_k,
        width_z=m.width_z,
        reach=m.reach,
        last_change=solution.last_change,
    )


SETTINGS = {
    # A smooth function may be extrapolated. With kinks a smaller box is worth more than a margin.
    "smooth": (Irbc(reach=1.5), (5, 8), "hermite", 5, 1e-12, None),
    "irreversible": (Irbc(True, width_k=0.3, width_z=0.19), (7, 11, 17), "dense", 37, 3e-8, 3e-8),
}


def main(names: list[str]) -> None:
    """Solve on finer and finer grids and store the last solution."""
    for name in names or SETTINGS:
        model, sizes, rule, nodes, tol, unit = SETTINGS[name]
        start, begin = None, time.perf_counter()
        for n in sizes:
            solution = compute(model, n, rule, nodes, tol, start=start)
            start, wall = solution.coefficients, time.perf_counter() - begin
            print(f"{name} {n}: {wall:.0f} s, last change {solution.last_change:.1e}", flush=True)
        store(name, solution, unit)


if __name__ == "__main__":
    main(sys.argv[1:])
