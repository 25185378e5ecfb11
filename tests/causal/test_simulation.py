"""Monte Carlo: the batched path against a loop, what the numbers mean, and coverage with the default learners."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.tree import DecisionTreeRegressor

from ceteris.causal import (
    Interactive,
    InteractiveIV,
    PartiallyLinear,
    PartiallyLinearIV,
    Replications,
    batched,
    monte_carlo,
)
from ceteris.causal.estimators.difference_in_differences import DifferenceInDifferences
from ceteris.data import (
    DifferenceInDifferencesDesign,
    InteractiveDesign,
    InteractiveIVDesign,
    PartiallyLinearDesign,
    PartiallyLinearIVDesign,
)

OLS = LinearRegression()


@pytest.mark.parametrize("score", ["partialling out", "IV-type"])
@pytest.mark.parametrize("learners", [(OLS, OLS), (Ridge(5.0), Ridge(2.0))])
@pytest.mark.parametrize("n", [100, 103])
def test_many_samples_at_once_give_what_a_loop_gives(score, learners, n):
    estimator = PartiallyLinear(*learners, residual=Ridge(1.0), score=score, folds=4, seed=3)
    draws = PartiallyLinearDesign(p=6).draw(np.random.default_rng(0), n, copies=5)
    assert batched.can(estimator, draws)
    points, errors, dof = batched.partially_linear(estimator, draws)
    for c in range(5):
        one = estimator.fit(**{role: values[c] for role, values in draws.items()})
        # The same sums in another order.
        np.testing.assert_allclose(
            [points[c], errors[c], dof[c]], [one.point[0], one.se[0], one.degrees[0]], rtol=1e-10
        )


@pytest.mark.parametrize(
    "estimator",
    [
        PartiallyLinear(),
        PartiallyLinear(DecisionTreeRegressor(), OLS),
        PartiallyLinear(OLS, OLS, repeats=2),
        PartiallyLinear(OLS, OLS, residual=DecisionTreeRegressor()),
        Interactive(OLS, LogisticRegression()),
    ],
)
def test_what_has_no_batched_answer_is_left_to_the_loop(estimator):
    assert not batched.can(estimator, PartiallyLinearDesign().draw(np.random.default_rng(0), 100))


def test_collinear_covariates_are_refused_by_the_batched_path():
    draws = PartiallyLinearDesign(p=4).draw(np.random.default_rng(0), 100, copies=2)
    draws["x"][..., 3] = draws["x"][..., 0]
    with pytest.raises(np.linalg.LinAlgError):
        batched.partially_linear(PartiallyLinear(OLS, OLS), draws)


class Twins(PartiallyLinearDesign):
    def draw(self, rng, n, copies=1):
        draws = super().draw(rng, n, copies)
        return {**draws, "x": np.concatenate([draws["x"], draws["x"][..., :1]], axis=-1)}


def test_collinear_covariates_are_left_to_the_learners_themselves():
    result = monte_carlo(Twins(p=3), PartiallyLinear(OLS, OLS), 5, n=100)
    same = [PartiallyLinearDesign(p=3).draw(np.random.default_rng((0, r)), 100) for r in range(5)]
    points = [PartiallyLinear(OLS, OLS).fit(**{k: v[0] for k, v in one.items()}).point[0] for one in same]
    np.testing.assert_allclose(result.estimates, points, atol=1e-9)


def test_the_numbers_are_what_they_are_called():
    estimates = np.array([0.9, 1.1, 1.2, 1.6])
    result = Replications(estimates, np.full(4, 0.1), estimates - 0.15, estimates + 0.15, truth=1.0)
    np.testing.assert_allclose(result.bias, 0.2)
    np.testing.assert_allclose(result.rmse, np.sqrt((0.01 + 0.01 + 0.04 + 0.36) / 4))
    assert result.coverage == 0.5
    np.testing.assert_allclose(result.length, 0.3)
    table = result.frame()
    np.testing.assert_allclose(table.loc["bias", "Monte Carlo error"], estimates.std(ddof=1) / 2)
    np.testing.assert_allclose(table.loc["coverage", "Monte Carlo error"], np.sqrt(0.25 / 4))


def test_monte_carlo_errors_are_the_spread_over_runs():
    """Sixty runs of 100: the standard deviation of each figure over runs is its Monte Carlo error, to 3/√120 = 27 %."""
    runs = [
        monte_carlo(PartiallyLinearDesign(p=3), PartiallyLinear(OLS, OLS), 100, n=60, seed=s).frame() for s in range(60)
    ]
    for row in ("bias", "RMSE", "std dev", "mean std err", "length"):
        spread = np.std([run.loc[row, "value"] for run in runs], ddof=1)
        said = np.mean([run.loc[row, "Monte Carlo error"] for run in runs])
        np.testing.assert_allclose(said, spread, rtol=0.3, err_msg=row)


def test_seeds_make_replications_and_the_loop_uses_them():
    settings = InteractiveDesign(p=3), Interactive(OLS, LogisticRegression(), folds=2), 4
    one, same, other = (monte_carlo(*settings, n=100, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.estimates, same.estimates)
    assert len({*one.estimates, *other.estimates}) == 8


def test_a_function_of_a_generator_is_a_design():
    def draw(rng):
        x = rng.normal(size=(80, 2))
        d = x[:, 0] + rng.normal(size=80)
        return {"y": 2 * d + x[:, 0] + rng.normal(size=80), "d": d, "x": x}

    result = monte_carlo(draw, PartiallyLinear(OLS, OLS), 20, truth=2.0)
    assert abs(result.bias) < 4 * result.frame().loc["bias", "Monte Carlo error"]


def test_a_failing_replication_says_which_it_was():
    def draw(rng):
        return {"y": np.ones(10), "d": rng.normal(size=10)}

    with pytest.raises(ValueError, match="is 1 in every row") as caught:
        monte_carlo(draw, PartiallyLinear(OLS, OLS), 3, truth=0.0, seed=7)
    assert caught.value.__notes__ == ["This was replication 0 with seed 7."]


@pytest.mark.parametrize(
    ("design", "settings", "sentence"),
    [
        (PartiallyLinearDesign(), {"replications": 1}, "replications is 1, but must be a whole number of at least 2"),
        (PartiallyLinearDesign(), {"level": 95}, "level is 95, but must be a number above 0 and below 1"),
        (lambda rng: {}, {}, "truth is None, but the design has none of its own"),
        ("plm", {"truth": 0.0}, r"design is str, but must be a design with draw\(rng, n, copies\), or a function o"),
    ],
)
def test_wrong_settings_are_refused(design, settings, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        monte_carlo(design, PartiallyLinear(OLS, OLS), **settings)


HOME = {
    "partially linear": (PartiallyLinearDesign(), PartiallyLinear()),
    "interactive": (InteractiveDesign(), Interactive()),
    "partially linear IV": (PartiallyLinearIVDesign(), PartiallyLinearIV()),
    "interactive IV": (InteractiveIVDesign(), InteractiveIV()),
    "panel": (DifferenceInDifferencesDesign(), DifferenceInDifferences()),
    "cross-sections": (DifferenceInDifferencesDesign(panel=False), DifferenceInDifferences()),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOME)
def test_intervals_of_the_default_learners_cover(name):
    """The full study (1,000 replications, 93.5 to 96.5 %) is benchmarks/causal.py; here two Monte Carlo errors more."""
    result = monte_carlo(*HOME[name], 200)
    assert 0.935 - 0.031 <= result.coverage <= 0.965 + 0.031, str(result)
