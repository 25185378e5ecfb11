"""The baselines, and MIDAS as published, against what is known of them."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from ceteris.data.missing import amputate, simulate_mixed, simulate_regression
from ceteris.impute import MIDAS, Adversarial, Chained, HotDeck, Imputer, Iterative, MeanMode, overimpute, pool
from ceteris.impute.chained import match, nearest
from ceteris.impute.midas import losses
from ceteris.impute.wide import Spans


def coefficient(tables):
    """The coefficient of x in a regression of y on x and z, pooled."""

    def fit(table):
        x = np.column_stack([np.ones(len(table)), table["x"], table["z"]])
        beta = np.linalg.lstsq(x, table["y"], rcond=None)[0]
        residual = table["y"] - x @ beta
        return beta, residual @ residual / (len(x) - 3) * np.linalg.inv(x.T @ x), len(x) - 3

    return pool(fit, tables)


@pytest.mark.parametrize("rule", [Chained(random_state=0), Iterative(random_state=0)], ids=["Chained", "Iterative"])
def test_linear_regressions_recover_a_linear_model(rule):
    """Holes where y is high: complete cases give 0.77 for the coefficient of one, and 0.77 for the constant."""
    pooled = coefficient(rule.fit(simulate_regression(4000, seed=1)).sample(5))
    # three standard errors; predictive mean matching finds few donors where y is high, and is 0.05 off
    assert np.abs(pooled.point - 1).max() < 3 * pooled.se.max() + 0.05


def test_the_mean_and_the_mode():
    table = pd.DataFrame({"x": [1.5, 2.5, 6.5, np.nan], "y": ["a", "b", "b", None], "z": [1.5, 2.5, 3.5, 4.5]})
    done = MeanMode().fit_transform(table)
    assert (done["x"].iloc[3], done["y"].iloc[3]) == (3.5, "b")


def test_a_hot_deck_gives_what_the_nearest_rows_hold():
    rng = np.random.default_rng(0)
    x = np.repeat([0.0, 10.0], 50) + rng.random(100)
    table = pd.DataFrame({"x": x, "y": np.where(x < 5, "left", "right")})
    holes = table.assign(y=table["y"].mask(rng.random(100) < 0.3))
    assert HotDeck(random_state=0).fit_transform(holes)["y"].tolist() == table["y"].tolist()


def test_a_hot_deck_takes_all_holes_of_a_row_from_one_donor_and_any_of_equally_near_ones():
    rng = np.random.default_rng(0)
    t = rng.normal(size=200)
    table = pd.DataFrame({"t": t, "u": 2 * t, "group": np.repeat(["a", "b"], 100)})
    table.loc[rng.random(200) < 0.3, ["t", "u"]] = np.nan
    gone = table["t"].isna()
    done = HotDeck(random_state=0).fit_transform(table)
    assert (done["u"] == 2 * done["t"]).all()
    assert done["t"][gone].nunique() > 30  # of 60 draws from 140 rows; ties in order of rows give 10


def test_a_hot_deck_finds_a_giver_for_every_column():
    table = pd.DataFrame({"x": np.arange(50.0), "y": np.where(np.arange(50) == 31, 7.5, np.nan)})
    table["z"] = table["x"] ** 2
    assert (HotDeck(pool=5, random_state=0).fit_transform(table)["y"] == 7.5).all()


def test_matching_takes_any_of_equal_donors():
    found = nearest(np.repeat([0.0, 1.0], 100), np.zeros(500), 5, np.random.default_rng(0))
    assert found.max() < 100
    assert len(set(found)) > 90  # on average 0.7 of 100 are missed


def test_matching_takes_the_nearest_donors_and_no_others():
    known = np.array([5.0, 1.0, 3.0, 9.0, 7.0])
    found = {tuple(nearest(known, np.array([2.9, 100.0]), 2, np.random.default_rng(s))) for s in range(40)}
    assert {a for a, _ in found} == {1, 2}  # the values 1 and 3
    assert {b for _, b in found} == {3, 4}  # 9 and 7
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(200), rng.normal(size=200)])
    y = np.round(x @ [1, 2] + rng.normal(size=200), 2)
    assert np.isin(match(x, y, x[:20] + 0.01, 5, rng), y).all()


def test_the_loss_of_midas_is_that_of_its_authors():
    """Per column, at observed cells, times the share observed, by hand: MIDASpy's sum of costs."""
    raw = jnp.array([[2.0, 4.0, 0.0, jnp.log(3.0)], [5.0, 1.0, 0.0, 0.0]])
    x = jnp.array([[1.0, 1.0, 0.0, 1.0], [2.0, 2.0, 1.0, 0.0]])
    seen = jnp.array([[True, True, True], [False, True, False]])
    by_hand = 0.5 * 1.0 + np.sqrt((9 + 1) / 2) - 0.5 * np.log(0.75)
    assert float(losses(raw, x, seen, Spans(2, (2,)))) == pytest.approx(by_hand, rel=1e-4)


def test_labels_drawn_by_midas_do_not_collapse_to_their_modes():
    """Most likely labels were a total variation of a third and more off on such a table; sampling alone gives 0.03."""
    rng = np.random.default_rng(0)
    label = pd.Categorical.from_codes(rng.choice(4, 500, p=[0.5, 0.25, 0.15, 0.1]), list("abcd"))
    table = pd.DataFrame({"x": rng.normal(size=500), "label": label})
    holes = amputate(table, 0.3, keep=["x"], seed=0)
    gone = holes["label"].isna()
    fitted = MIDAS(widths=(32,), rate=1e-3, epochs=30, random_state=0).fit(holes)
    done = pd.concat([one["label"][gone] for one in fitted.sample(10)])
    shares = done.value_counts(normalize=True).reindex(list("abcd")).fillna(0)
    truth = table["label"][gone].value_counts(normalize=True).reindex(list("abcd"))
    assert 0.5 * (shares - truth).abs().sum() < 0.1


def test_midas_learns_but_its_intervals_are_short():
    """The fault that the default imputer was built to avoid; measured, not assumed."""
    holes = amputate(simulate_mixed(600, seed=1), 0.2, seed=1)
    rule = MIDAS(widths=(64,), dropout=0.3, rate=5e-3, epochs=30, random_state=0)
    over = overimpute(rule, holes)
    assert over.means()["nrmse"].iloc[0] < 0.97
    assert over.means()["coverage"].iloc[0] < 0.8
    assert over.checks[0].passed is False


def test_the_variational_version_draws_wider():
    table = simulate_regression(300)
    gone = table["x"].isna()

    def spread(latent):
        rule = MIDAS(widths=(32,), dropout=0.0, corruption=0.0, latent=latent, epochs=20, random_state=0).fit(table)
        return np.std([done["x"][gone] for done in rule.sample(5)], axis=0).mean()

    assert spread(None) < 1e-5  # with nothing dropped and no code nothing is random
    assert spread(4) > 0.02


def test_the_game_learns():
    table = simulate_regression(600)
    over = overimpute(Adversarial(random_state=0, epochs=60), table)
    assert over.means()["nrmse"].iloc[0] < 0.95


def test_epochs_can_be_compared_where_there_are_some():
    over = overimpute(MIDAS(widths=(16,), random_state=0), simulate_regression(200), m=4, epochs=(1, 3))
    assert over.scores["epochs"].unique().tolist() == [1, 3]
    assert [figure.title for figure in over.figures] == ["Over-imputed quantities", "Scores by epochs"]
    with pytest.raises(ValueError, match=r"epochs is \[1\], but HotDeck is not trained in epochs"):
        overimpute(HotDeck(), simulate_regression(50), epochs=[1])
    with pytest.raises(ValueError, match="share is 2, but must be a number above 0 and below 1"):
        overimpute(HotDeck(), simulate_regression(50), share=2)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (MIDAS(dropout=1.0), "MIDAS: dropout is 1.0, but must be a number of at least 0 and below 1"),
        (MIDAS(widths=()), "MIDAS: widths is"),
        (MIDAS(epochs=None), "MIDAS: epochs is None, but must be a whole number of at least 1"),
        (Chained(donors=0), "Chained: donors is 0"),
        (Adversarial(rate=0), "Adversarial: rate is 0"),
        (Imputer(width=0), "Imputer: width is 0"),
        (HotDeck(donors=0), "HotDeck: donors is 0"),
        (Iterative(iterations=0), "Iterative: iterations is 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(rule, sentence):
    with pytest.raises(ValueError, match=sentence):
        rule.fit(simulate_regression(50))
