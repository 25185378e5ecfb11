"""The exact kernel against quadrature, finite nets against both, gradient descent against its closed form."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.gallery import tangent_kernel_nets as tk


@pytest.mark.parametrize(("uu", "vv", "uv"), [(1.0, 1.0, 0.3), (2.0, 0.5, -0.7), (1.5, 1.5, 1.49)])
def test_expectations_are_those_of_quadrature(uu, vv, uv):
    # Polar coordinates: the radius integrates out, the angle on a grid of 200,000 points of a kinked function.
    angle = (np.arange(200_000) + 0.5) * 2 * np.pi / 200_000
    root = np.linalg.cholesky([[uu, uv], [uv, vv]])
    u, v = root @ np.stack([np.cos(angle), np.sin(angle)])
    both, active = tk.relu_expectations(uu, vv, uv)
    assert both == pytest.approx(2 * np.mean(np.maximum(u, 0) * np.maximum(v, 0)), abs=1e-6)  # E radius² = 2
    assert active == pytest.approx(np.mean((u > 0) & (v > 0)), abs=1e-5)


def test_the_kernel_of_one_hidden_layer_is_the_published_formula():
    # Bietti and Mairal (2019): k(t) = t k0(t) + k1(t) for the cosine t of points of length one, where a factor of 2
    # stands before the sum over units; our first layer has it, and points of length d^1/2.
    d = 5
    x = np.sqrt(d) * tk.sphere(6, d, np.random.default_rng(0))
    t = np.clip(x @ x.T / d, -1, 1)
    angle = np.arccos(t)
    k0, k1 = (np.pi - angle) / np.pi, (np.sin(angle) + (np.pi - angle) * t) / np.pi
    assert np.allclose(tk.exact_kernel(x, x, 1), t * k0 + k1)


@pytest.mark.parametrize("hidden", [1, 2])
def test_the_mean_kernel_of_finite_nets_tends_to_the_exact_one(hidden):
    x = tk.sphere(5, 4, np.random.default_rng(0)).astype(np.float32)
    widths = (128,) * hidden
    nets = tk.started(tk.builder(4, widths), jr.split(jr.key(0), 60), jnp.asarray(1.0))
    mean = np.asarray(tk.tangent_kernel(nets, x, tk.layer_rates(4, widths))).mean(0)
    exact = tk.exact_kernel(x, x, hidden)
    # One net is off by about a quarter; sixty of them by a thirtieth, and the bias is of order 1 / width.
    assert np.linalg.norm(mean - exact) < 0.08 * np.linalg.norm(exact)


def test_a_factor_on_the_last_weights_leaves_the_kernel_at_the_start():
    x = tk.sphere(5, 4, np.random.default_rng(0)).astype(np.float32)
    build, keys = tk.builder(4, (32,)), jr.split(jr.key(0), 3)
    kernels = [
        tk.tangent_kernel(tk.started(build, keys, jnp.asarray(g)), x, tk.layer_rates(4, (32,), g)) for g in (1.0, 0.25)
    ]
    last = [np.asarray(kernels[0]), np.asarray(kernels[1])]
    assert np.allclose(*last, rtol=1e-4)


def test_the_first_step_of_a_net_is_that_of_its_kernel():
    rng = np.random.default_rng(0)
    x, y = tk.sphere(6, 4, rng), rng.normal(size=6)
    rate = 1e-3
    trained = tk.descend(x, y, 64, 2, rate, 1, 0)
    moved, (K, _) = trained.predict(x), trained.kernels(x)
    assert np.allclose(moved, rate * K @ y, rtol=0.02, atol=1e-5)  # the net bends by the square of the step


def test_descent_with_a_kernel_is_what_its_steps_make_of_it():
    rng = np.random.default_rng(0)
    x, z, y = tk.sphere(6, 4, rng), tk.sphere(3, 4, rng), rng.normal(size=6)
    K, cross = tk.exact_kernel(x, x, 1), tk.exact_kernel(z, x, 1)
    weights = np.zeros(6)
    for _ in range(50):
        weights += 0.2 * (y - K @ weights)
    assert np.allclose(tk.kernel_descent(K, cross, y, 0.2, 50), cross @ weights)
    assert np.allclose(tk.kernel_descent(K, cross, y, 0.2, 10**6), cross @ np.linalg.solve(K, y))


def test_only_matrices_are_trained():
    net = tk.builder(3, (8,))(key=jr.key(0))
    marks = tk.weights_only(net)
    assert jax.tree.leaves((marks.hidden[0].dense.weight, marks.output.weight)) == [True, True]
    assert jax.tree.leaves((marks.hidden[0].dense.bias, marks.output.bias)) == [False, False]
