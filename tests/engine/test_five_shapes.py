"""Five kinds of learning go through the one loop, each to its known answer."""

import jax
import jax.numpy as jnp
import jax.random as jr
import pytest

import recipes
from ceteris.engine import Ensemble, fit
from ceteris.testing import check_algorithm

SHAPES = {
    "supervised": recipes.supervised,
    "equilibrium by Adam": recipes.equilibrium,
    "equilibrium by Levenberg-Marquardt": lambda: recipes.equilibrium("lm"),
    "GAN": recipes.gan,
    "Q-learning": recipes.q_learning,
    "next token": recipes.language,
}


@pytest.mark.slow  # a dozen programs each; the example of check_algorithm keeps the same promises in seconds
@pytest.mark.parametrize("name", SHAPES)
def test_contract(name):
    # 1e-3 relative: eight steps of a rule amplify the rounding of batched products (1e-7) by a few powers of ten;
    # Levenberg-Marquardt squares the condition number of the Jacobian in single precision
    tolerance = 2e-2 if "Levenberg" in name else 1e-3
    check_algorithm(SHAPES[name], feed=recipes.tokens if name == "next token" else None, tolerance=tolerance)


def test_supervised_learns_a_noiseless_function():
    run = fit(recipes.supervised(), jr.key(1), steps=300)
    # the function has variance 0.43 + 1; one per cent of it on fresh points means that both terms were found
    assert run.metrics["heldout"][-1] < 0.015
    assert run.ok
    assert run.history["loss"].shape == (300,)


def test_equilibrium_by_adam_finds_the_saving_rate():
    # mean error of a rate of 0.35; over six seeds 400 episodes of a first-order rule reach 0.6e-3 to 2.1e-3
    assert recipes.saving_error(fit(recipes.equilibrium(), jr.key(1), steps=400).model, 0.36 * 0.96) < 4e-3


def test_equilibrium_by_levenberg_marquardt_finds_more_digits():
    # an order of magnitude better than Adam with a seventh of the steps: 1e-5 to 1.5e-4 over six seeds
    assert recipes.saving_error(fit(recipes.equilibrium("lm"), jr.key(1), steps=60).model, 0.36 * 0.96) < 3e-4


def test_adam_then_levenberg_marquardt():
    first = fit(recipes.equilibrium(), jr.key(1), steps=100)
    second = fit(recipes.equilibrium("lm"), jr.key(1), steps=30, model=first.model)
    assert recipes.saving_error(second.model, 0.36 * 0.96) < 6e-4  # 0.8e-4 to 3.1e-4 over six seeds


def test_four_calibrations_in_one_program():
    alphas = jnp.linspace(0.25, 0.45, 4)
    over = lambda a: (a.objective.function.economy.alpha, a.sampler.move.economy.alpha)
    run = fit(Ensemble(recipes.equilibrium(), 4, over, (alphas, alphas)), jr.key(1), steps=400)
    errors = [recipes.saving_error(run.member(i), float(alphas[i]) * 0.96) for i in range(4)]
    assert max(errors) < 4e-3  # as one calibration alone


@pytest.mark.slow
def test_gan_learns_mean_and_spread():
    run = fit(recipes.gan(), jr.key(0), steps=2000, every=500)
    sample = recipes.generate(run.model, jr.key(5), 5000)
    # within 0.013 on all of six seeds; the sampling error of the mean of 5,000 is 0.007
    assert abs(float(sample.mean()) - 2) < 0.05
    assert abs(float(sample.std()) - 0.5) < 0.03


def test_q_learning_finds_the_values():
    run = fit(recipes.q_learning(), jr.key(0), steps=1500, every=500)
    q = jax.vmap(run.model["online"])(jnp.eye(recipes.N))
    truth = recipes.GAMMA ** (recipes.N - 2 - jnp.arange(recipes.N - 1))
    assert bool((q[:-1].argmax(1) == 1).all())
    assert float(jnp.abs(q[:-1, 1] - truth).max()) < 0.1  # ε-greedy paths rarely visit some states


def test_next_token_reaches_the_floor():
    run = fit(recipes.language(), jr.key(0), steps=300, every=50, feed=recipes.tokens)
    assert run.history["loss"][-1] < 0.01  # cross-entropy of a predictable stream is 0; it starts at log 8 = 2.1
