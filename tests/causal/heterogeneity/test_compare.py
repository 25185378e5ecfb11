"""Comparison of estimators: what is measured, against direct computation, and what is refused."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal.heterogeneity import LinearEffects, SLearner, TLearner, compare_cate
from ceteris.data import NieWagerDesign, simulate_nie_wager

OLS, LOGIT = LinearRegression(), LogisticRegression()
ESTIMATORS = {"S": SLearner(OLS, LOGIT), "T": TLearner(OLS, LOGIT), "linear": LinearEffects(OLS, LOGIT)}
X = [f"x{j}" for j in range(6)]


@pytest.fixture(scope="module")
def simulated():
    return compare_cate(ESTIMATORS, [NieWagerDesign("B"), NieWagerDesign("C")], 5, n=400, fresh=500)


def test_errors_are_what_a_loop_gives(simulated):
    drawn = {role: v[0] for role, v in NieWagerDesign("B").draw(np.random.default_rng((0, 2)), 900).items()}
    model = ESTIMATORS["T"].fit(y=drawn["y"][:400], d=drawn["d"][:400], x=drawn["x"][:400])
    error = np.sqrt(np.mean((model.effect(drawn["x"][400:]).point - drawn["tau"][400:]) ** 2))
    m = simulated.measured
    found = m[(m.source == "Nie-Wager B") & (m.estimator == "T") & (m.replication == 2) & (m.measure == "RMSE")]
    assert found["value"].iloc[0] == pytest.approx(error)


def test_ordering_is_that_of_the_literature(simulated):
    means = simulated.means().set_index(["source", "measure", "estimator"])["mean"]
    assert means["Nie-Wager B", "RMSE", "S"] > 2 * means["Nie-Wager B", "RMSE", "T"]  # the effect is far from constant
    assert means["Nie-Wager C", "RMSE", "S"] < means["Nie-Wager C", "RMSE", "T"]  # the effect is constant
    assert means["Nie-Wager B", "coverage", "linear"] > 0.8


def test_held_out_rows_tell_who_sees_real_differences():
    data = simulate_nie_wager("B", 1000, seed=3)
    estimators = {"S": ESTIMATORS["S"], "T": ESTIMATORS["T"]}
    found = compare_cate(estimators, replications=2, data=data, y="y", d="d", x=["x0", "x1"])
    means = found.means().set_index(["measure", "estimator"])["mean"]
    assert means["R-gain", "T"] > 0 > means["R-gain", "S"]  # no constant does better than the best one in hindsight
    assert means["DR-gain", "T"] > 0
    assert means["AUTOC", "T"] > 0.3
    assert ("AUTOC", "S") not in means.index  # ranks nobody


def test_estimators_see_the_names_of_the_covariates():
    data = simulate_nie_wager("B", 1000, seed=3).rename(columns={"x0": "age"})  # as many rows as above, and columns
    data["town"] = np.where(data["x5"] > 0, "a", "b")
    estimators = {"linear": LinearEffects(OLS, LOGIT, along=["age", "town=b"])}
    found = compare_cate(estimators, replications=2, data=data, y="y", d="d", x=["age", "town"])
    assert np.isfinite(found.measured["value"]).all()


def test_table_and_figure_carry_the_numbers(simulated):
    import matplotlib.figure

    table = simulated.table.frame
    assert list(table["estimator"]) == list(ESTIMATORS)
    assert "Nie-Wager B: RMSE" in table.columns
    assert "Nie-Wager B: RMSE" in str(simulated)
    figure = simulated.figure
    assert len(figure.data) == 6  # three estimators, two designs, RMSE
    drawn = matplotlib.figure.Figure(figsize=figure.size)
    figure.draw(drawn, figure.data)
    assert len(drawn.axes) == 2


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (lambda: compare_cate({}, [NieWagerDesign("A")]), "estimators is empty, but must name one estimator at le"),
        (lambda: compare_cate({"T": TLearner}, [NieWagerDesign("A")]), "'T' is no estimator"),
        (lambda: compare_cate(ESTIMATORS), "designs is empty, but there are no data either"),
        (lambda: compare_cate(ESTIMATORS, [NieWagerDesign("A")], 1), "replications is 1"),
        (
            lambda: compare_cate(ESTIMATORS, [NieWagerDesign("A")], test_size=1.0),
            "test_size is 1.0, but must be a number above 0 and below 1",
        ),
    ],
)
def test_bad_input(run, said):
    with pytest.raises((ValueError, TypeError), match=said):
        run()
