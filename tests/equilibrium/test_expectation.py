"""Rules against moments known by hand, and the operator against sums written out."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from ceteris.equilibrium import Drawn, GaussHermite, Markov, Monomial, MonteCarlo, Normal, QuasiMonteCarlo
from ceteris.equilibrium.expectation import E, default_rule, refuse_uncovered, successors
from ceteris.equilibrium.phases import SquaredProduct, objective
from ceteris.equilibrium.point import Point


def moment(rule, powers):
    """E[Π xᵢ^pᵢ] under the rule."""
    x, w = rule.nodes(len(powers))
    return float(w @ np.prod(x ** np.array(powers), 1))


def exact(powers):
    return float(np.prod([0.0 if p % 2 else np.prod(np.arange(p - 1, 0, -2, dtype=float)) for p in powers]))


@pytest.mark.parametrize(
    ("rule", "degree"), [(GaussHermite(3), 5), (Monomial(3), 3), (Monomial(5), 5)], ids=["hermite", "three", "five"]
)
@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_a_rule_is_exact_up_to_its_degree(rule, degree, dimension):
    for powers in itertools.product(range(degree + 1), repeat=dimension):
        if sum(powers) <= degree:
            assert moment(rule, powers) == pytest.approx(exact(powers), abs=1e-11), powers  # rounding of 33 terms


def test_a_monomial_rule_is_not_exact_beyond_its_degree():
    assert moment(Monomial(3), (2, 2, 0)) == 0.0  # points on the axes see no products; 1 is right
    assert moment(Monomial(5), (6, 0)) != pytest.approx(15)


def test_quasi_monte_carlo_converges_faster_than_draws():
    # E max(x, 0) = φ(0); 1/√n would leave 0.58/√4096 = 0.009 as a standard error, Sobol points far less
    x, w = QuasiMonteCarlo(4096).nodes(3)
    assert w @ np.maximum(x[:, 2], 0) == pytest.approx(norm.pdf(0), abs=5e-4)


def test_markov_and_normal_shocks_multiply():
    shocks = {"z": Markov([[0.9, 0.1], [0.3, 0.7]], state="z"), "eps": Normal((2,))}
    s = Point("state", {"z": jnp.array(1), "k": jnp.array(2.0)})
    nodes, weights = successors(shocks, GaussHermite(3), s, None)
    assert nodes.z.shape == (18,)
    assert nodes.eps.shape == (18, 2)
    f = nodes.z * (1 + nodes.eps[:, 0] ** 2 * nodes.eps[:, 1] ** 2)
    assert float(weights @ f) == pytest.approx(0.7 * 2, abs=1e-6)  # P(z'=1 | z=1) (1 + 1), single precision


def test_the_operator_takes_numbers_vectors_and_dictionaries():
    s1 = Point("state", {"x": jnp.array([1.0, 3.0])})
    operator = E(s1, Point("action", {"c": jnp.array([10.0, 20.0])}), jnp.array([0.25, 0.75]))
    assert float(operator(lambda s, a: s.x * a.c)) == 0.25 * 10 + 0.75 * 60
    found = operator(lambda s, a: {"both": jnp.stack([s.x, a.c])})
    np.testing.assert_allclose(found["both"], [2.5, 17.5])


def test_common_draws_are_the_same_and_fresh_ones_are_not():
    shocks = {"eps": Normal()}
    s = Point("state", {"k": jnp.array(1.0)})
    draws = lambda rule, seed: successors(shocks, rule, s, jax.random.key(seed))[0].eps
    np.testing.assert_array_equal(draws(MonteCarlo(4, common=True), 0), draws(MonteCarlo(4, common=True), 1))
    assert not np.array_equal(draws(MonteCarlo(4), 0), draws(MonteCarlo(4), 1))


class Noisy(eqx.Module):
    """r = x - 1 + ε: the squared conditional expectation is (x - 1)², the mean of squares adds 1/draws."""

    def shocks(self):
        return {"eps": Normal()}

    def outputs(self):
        return {"a": ()}

    def inputs(self, s):
        return s.x[None]

    def actions(self, raw, s):
        return {"a": raw.a}

    def move(self, s, a, shock):
        return {"x": shock.eps}

    def residuals(self, s, a, E):
        return {"one": s.x - 1 + E(lambda s1, a1: s1.x)}


@pytest.mark.parametrize(("product", "expected"), [(True, 0.25), (False, 0.25 + 0.5)])
def test_the_product_of_two_draws_is_unbiased_and_the_square_is_not(product, expected):
    rule = MonteCarlo(2, product=product)
    states = Point("state", {"x": jnp.full(4000, 1.5)})
    policy = lambda x: jnp.zeros(1)
    loss, _ = objective(Noisy(), rule)(policy, states, jax.random.key(0))
    # standard errors: √((1+1)² ...)/√4000 below 0.03 for both; 4 of them
    assert float(loss) == pytest.approx(expected, abs=0.1)
    assert isinstance(getattr(objective(Noisy(), rule), "function", None), SquaredProduct) == product


@pytest.mark.parametrize(
    ("shocks", "rule", "words"),
    [
        ({}, GaussHermite, "no shocks"),
        ({"e": Normal()}, GaussHermite, "7 nodes"),
        ({"e": Normal((3,))}, GaussHermite, "27 nodes"),
        ({"e": Normal((10,))}, Monomial, "20 nodes"),
        ({"z": Markov(np.eye(2), state="z")}, GaussHermite, "exact sum over 2 states"),
        ({"u": Drawn(jax.random.uniform)}, MonteCarlo, "Monte Carlo"),
    ],
)
def test_the_default_rule_fits_the_shocks_and_says_so(shocks, rule, words):
    found, sentence = default_rule(shocks)
    assert isinstance(found, rule)
    assert words in sentence


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GaussHermite(0), "points is 0, but must be at least 1"),
        (lambda: Monomial(4), "degree is 4, but must be 3 or 5"),
        (lambda: QuasiMonteCarlo(100), "must be a power of two"),
        (lambda: MonteCarlo(3, product=True), "needs an even number"),
        (lambda: MonteCarlo(0), "draws is 0"),
        (lambda: Markov([[0.5, 0.5], [0.6, 0.6]], state="z"), "row 1 of transition sums to 1.2"),
        (lambda: Markov([[1.5, -0.5], [0.5, 0.5]], state="z"), r"transition\[0, 1\] is -0.5"),
        (lambda: Markov([[0.5, 0.5]], state="z"), "must be square"),
        (
            lambda: refuse_uncovered({"u": Drawn(jax.random.uniform)}, GaussHermite(3)),
            "GaussHermite has no nodes for shock 'u'",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_stationary_distribution_of_a_chain():
    np.testing.assert_allclose(Markov([[0.9, 0.1], [0.3, 0.7]], state="z").stationary(), [0.75, 0.25], atol=1e-12)
