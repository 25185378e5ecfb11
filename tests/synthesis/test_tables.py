"""Synthetic tables: columns there and back, the game, and the judgement, each against a case whose answer is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from ceteris.data.missing import simulate_mixed
from ceteris.synthesis import TableGAN, compare_tables
from ceteris.synthesis import columns as mixed
from ceteris.synthesis import gan as game
from ceteris.synthesis.wasserstein import CriticLoss, Maker, players
from ceteris.testing import count_compilations


@pytest.fixture(scope="module")
def table():
    return simulate_mixed(600, seed=0)


# -------------------------------------------------------------------------------------------------- columns


def test_a_table_survives_its_encoding(table):
    columns = mixed.find_columns(table, seed=0)
    back = mixed.decode(columns, mixed.encode(columns, table, seed=0))
    assert (back.dtypes == table.dtypes).all()
    for name in table:
        if table[name].dtype.kind == "f":
            # numbers are kept in single precision, and cut off five standard deviations from the middle of their mode
            assert (np.abs(back[name] - table[name]) < 1e-5 * table[name].abs().max()).mean() > 0.99
        else:
            assert (back[name] == table[name]).all()


def test_every_kind_of_label_comes_back_as_it_was():
    frame = pd.DataFrame(
        {
            "year": pd.Categorical([2001, 2005] * 10),
            "count": pd.array([1, 2, 3, 4] * 5, dtype="Int64"),
            "yes": pd.array([True, False] * 10, dtype="boolean"),
            "name": ["b", "a"] * 10,
        }
    )
    columns = mixed.find_columns(frame, seed=0)
    pd.testing.assert_frame_equal(mixed.decode(columns, mixed.encode(columns, frame, seed=0)), frame)


def test_modes_are_those_of_a_mixture():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(-10, 1, 600), rng.normal(5, 2, 400)])
    (column,) = mixed.find_columns(pd.DataFrame({"x": x}), seed=0)
    order = np.argsort(column.mean)
    np.testing.assert_allclose(column.mean[order], [-10, 5], atol=0.35)  # three standard errors: 3 x 2 / sqrt(400)
    np.testing.assert_allclose(column.share[order], [0.6, 0.4], atol=1e-3)
    place, mode = np.split(column.encode(x, rng), [1], axis=1)
    assert (mode.argmax(1) == order[(x > -2).astype(int)]).mean() > 0.99  # a mode is drawn, not chosen
    assert abs(place.std() - 1) < 0.1
    (normal,) = mixed.find_columns(pd.DataFrame({"x": rng.normal(size=1_000)}), seed=0)
    assert len(normal.mean) == 1


def test_whole_numbers_and_ranges_are_kept():
    frame = pd.DataFrame({"n": np.arange(100) ** 2})
    (column,) = mixed.find_columns(frame, seed=0)
    wild = np.concatenate([np.full((4, 1), 9.0), np.eye(column.width - 1)[[0, 0, 0, 0]]], axis=1)
    made = column.decode(wild)
    assert made.dtype == frame["n"].dtype
    assert made.between(0, 99**2).all()


# ----------------------------------------------------------------------------------------------- conditions


def test_rows_drawn_carry_the_label_that_was_asked_for(table):
    columns = mixed.find_columns(table, seed=0)
    x = mixed.encode(columns, table, seed=0)
    conditions = game.find_conditions(columns, x)
    rows, condition = game.ConditionalRows(jnp.asarray(x), conditions, 400)(jax.random.key(0))
    parts = zip(np.split(rows, np.cumsum([c.width for c in columns])[:-1], axis=1), columns, strict=True)
    labels = np.concatenate([part for part, c in parts if isinstance(c, mixed.Labels)], axis=1)
    assert (np.asarray(condition).sum(1) == 1).all()
    assert (labels[np.asarray(condition) == 1] == 1).all()


def test_rare_labels_are_asked_for_more_often_than_they_occur():
    frame = pd.DataFrame({"kind": ["a"] * 980 + ["b"] * 20})
    columns = mixed.find_columns(frame, seed=0)
    conditions = game.find_conditions(columns, mixed.encode(columns, frame, seed=0))
    by_log, by_count = (conditions.draw(jax.random.key(0), 4_000, power)[1].mean() for power in (0, 1))
    expected = np.log1p(20) / (np.log1p(20) + np.log1p(980))
    assert float(by_log) == pytest.approx(expected, abs=0.03)  # four standard errors of a share: 4 x 0.46 / sqrt(4000)
    assert float(by_count) == pytest.approx(0.02, abs=0.01)


# ------------------------------------------------------------------------------------------------- the game


def test_the_penalty_and_the_distance_of_a_linear_critic():
    """A linear critic has one slope everywhere, so that both parts of its loss are known."""
    model = players(2, 3, 0, (), key=jax.random.key(0))
    real, condition = jax.random.normal(jax.random.key(1), (64, 3)), jnp.zeros((64, 0))
    loss, facts = CriticLoss(Maker(2))(model, (real, condition), jax.random.key(2))
    draw, _ = jax.random.split(jax.random.key(2))
    fake, _ = Maker(2)(model["generator"], condition, draw)
    D = lambda x: model["critic"](x)[:, 0]
    slope = np.linalg.norm([float(D(e[None])[0] - D(jnp.zeros((1, 3)))[0]) for e in jnp.eye(3)])
    distance = float(D(real).mean() - D(fake).mean())
    assert float(facts["distance"]) == pytest.approx(distance, rel=1e-4)
    assert float(loss) == pytest.approx((slope - 1) ** 2 - distance, rel=1e-4)  # λ = 1


@pytest.mark.slow
def test_a_small_game_learns_a_dependence():
    rng = np.random.default_rng(0)
    kind = rng.choice(["low", "high"], 800, p=[0.7, 0.3])
    x = np.where(kind == "high", 3.0, -1.0) + 0.5 * rng.normal(size=800)
    frame = pd.DataFrame({"kind": kind, "x": x, "y": -2 * x + 0.5 * rng.normal(size=800)})
    gan = TableGAN(1_500, widths=(64, 64), batch_size=128, random_state=0).fit(frame)
    made = gan.sample(2_000, random_state=1)
    assert (made["kind"] == "high").mean() == pytest.approx(0.3, abs=0.05)
    assert np.corrcoef(made["x"], made["y"])[0, 1] < -0.9
    means = made.groupby("kind")["x"].mean()
    assert means["high"] == pytest.approx(3, abs=0.7)
    assert means["low"] == pytest.approx(-1, abs=0.7)
    only = gan.sample(50, given={"kind": "high"}, random_state=2)
    assert (len(only), set(only["kind"])) == (50, {"high"})
    pd.testing.assert_frame_equal(made, gan.sample(2_000, random_state=1))


def test_a_table_of_numbers_alone_needs_no_condition_and_a_second_fit_compiles_nothing():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 2)), columns=["a", "b"])
    settings = {"steps": 40, "critic_moves": 1, "widths": (8,), "batch_size": 32}
    assert TableGAN(**settings, random_state=0).fit(frame).sample(3).shape == (3, 2)
    with count_compilations() as compiled:
        TableGAN(**settings, rate=5e-4, random_state=1).fit(frame)
    assert compiled == []


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (
            lambda t: TableGAN().fit(t.to_numpy()),
            TypeError,
            "table: a ndarray was given, but a pandas DataFrame is needed",
        ),
        (lambda t: TableGAN().fit(t[:5]), ValueError, "table: 5 rows were given, but a GAN needs at least 20"),
        (lambda t: TableGAN(0).fit(t), ValueError, "TableGAN: steps is 0, but must be a whole number of at least 1"),
        (lambda t: TableGAN(rate=0).fit(t), ValueError, "TableGAN: rate is 0, but must be a number above 0"),
        (
            lambda t: TableGAN().fit(t.assign(age=np.nan)),
            ValueError,
            "X: there are missing or infinite values .600 NaN",
        ),
        (lambda t: TableGAN().fit(t.assign(age=np.inf)), ValueError, "missing or infinite values .600 inf in 'age'"),
        (
            lambda t: TableGAN().fit(t.assign(age=["a", 1] * 300)),
            TypeError,
            "X: column 'age' holds int mixed with str, but its every argument must be a string or every one a number",
        ),
        (
            lambda t: TableGAN().fit(t.assign(id=[f"p{i}" for i in range(600)])),
            ValueError,
            "table: column 'id' holds 600 different labels in 600 rows, so that most rows have one of their own",
        ),
    ],
)
def test_tables_that_cannot_be_learnt_are_refused(act, error, message, table):
    with pytest.raises(error, match=message):
        act(table)


def test_rows_that_cannot_be_made_are_refused():
    frame = pd.DataFrame({"kind": ["a", "b"] * 20})
    gan = TableGAN(2, critic_moves=1, widths=(), batch_size=8, random_state=0).fit(frame)
    with pytest.raises(ValueError, match="n is 0, but must be a whole number of at least 1"):
        gan.sample(0)
    with pytest.raises(ValueError, match=r"given: \{'size': 1\} was asked for, but it must name one of kind"):
        gan.sample(1, given={"size": 1})
    with pytest.raises(ValueError, match="given: 'kind' is never 'c'; it is one of 'a', 'b'"):
        gan.sample(1, given={"kind": "c"})


def test_categories_that_are_not_text_can_be_asked_for():
    frame = pd.DataFrame({"year": pd.Categorical([2001, 2005] * 20)})
    gan = TableGAN(2, critic_moves=1, widths=(), batch_size=8, random_state=0).fit(frame)
    assert gan.sample(3, given={"year": 2005})["year"].tolist() == [2005] * 3
    with pytest.raises(ValueError, match="given: 'year' is never '2003'; it is one of '2001', '2005'"):
        gan.sample(1, given={"year": 2003})


# -------------------------------------------------------------------------------------------- the judgement


def test_fresh_rows_of_the_same_kind_pass_and_the_table_itself_is_found_out():
    real, fresh, heldout = (simulate_mixed(500, seed=seed) for seed in (1, 2, 3))
    honest = compare_tables(real, fresh, heldout, targets=["income", "owner"])
    assert [check.verdict for check in honest.checks] == ["pass"] * 3
    assert honest.use["ratio"].between(0.85, 1.15).all()
    assert honest.privacy["attack"] == pytest.approx(0.5, abs=0.06)  # two standard errors: 2 / sqrt(12 x 250)
    assert honest.privacy["nearer"] == pytest.approx(0.5, abs=0.07)
    stolen = compare_tables(real, real, heldout, targets=["owner"])
    assert [check.verdict for check in stolen.checks] == ["pass", "fail", "fail"]
    assert stolen.privacy["copies"] == 500
    assert stolen.privacy["attack"] == 1.0
    (section,) = honest.sections()
    for figure in section.figures:
        canvas = Figure(figsize=figure.size)
        figure.draw(canvas, figure.data)
        assert canvas.axes[0].has_data()


def test_rows_drawn_column_by_column_are_of_no_use():
    real, heldout = simulate_mixed(500, seed=1), simulate_mixed(500, seed=3)
    rng = np.random.default_rng(0)
    shuffled = pd.DataFrame({name: real[name].to_numpy()[rng.permutation(500)] for name in real}).astype(real.dtypes)
    found = compare_tables(real, shuffled, heldout, targets=["income"])
    assert found.marginals["distance"].max() == 0
    assert found.use.loc["income", "ratio"] < 0.2
    assert (found.association["real"] - found.association["synthetic"]).max() > 0.4


def test_fewer_rows_held_out_and_a_sorted_table_make_no_fresh_row_a_copy_or_nearer():
    """All rows come from one distribution with ties, so that chance alone makes copies, of any table alike."""
    rng = np.random.default_rng(0)
    draw = lambda n: pd.DataFrame({"a": rng.integers(40, size=n), "b": rng.integers(25, size=n)})
    found = compare_tables(draw(1_000).sort_values("a"), draw(1_000), draw(250), targets=["a"])
    assert found.privacy["copies"] > 2 * found.privacy["copies held out"]
    assert found.checks[1].verdict == "pass"
    # the quarter of lowest a would give 0.24
    assert found.privacy["nearer"] == pytest.approx(0.5, abs=0.07)  # four standard errors: 4 / sqrt(12 x 250)


def test_zero_with_a_sign_is_zero():
    x = np.random.default_rng(0).normal(size=(60, 2)) * [0, 1]
    frame = lambda x: pd.DataFrame(x, columns=["zero", "y"])
    found = compare_tables(frame(x + 0.0), frame(x * [-1, 1]), frame(x + 1), targets=["y"])
    assert found.privacy["copies"] == 60


def test_use_is_the_ratio_of_mean_scores_and_noise_is_not_judged():
    rng = np.random.default_rng(0)

    def draw():
        x = rng.normal(size=(300, 2))
        return pd.DataFrame({"x": x[:, 0], "twice": 2 * x[:, 0], "noise": x[:, 1]})

    real, fresh, heldout = draw(), draw(), draw()
    found = compare_tables(real, fresh, heldout)
    assert found.use.loc["noise", "real"] < 0  # R² of noise: its ratio says nothing
    assert found.checks[0].value == pytest.approx(found.use["synthetic"].mean() / found.use["real"].mean())
    noise = compare_tables(real, fresh, heldout, targets=["noise"]).checks[0]
    assert (noise.verdict, noise.value) == ("not judged", None)
    assert "no better than a constant; there is nothing that synthetic rows could teach" in noise.sentence


def test_a_few_fractions_are_labels():
    rng = np.random.default_rng(0)

    def draw():
        half = rng.choice([0.5, 1.5, 2.5], 100)
        return pd.DataFrame({"half": half, "x": half + rng.uniform(-0.2, 0.2, 100)})

    found = compare_tables(draw(), draw(), draw(), targets=["half"])
    assert found.use.loc["half"].tolist() == [1, 1, 1]  # x tells which


def test_other_columns_and_unknown_targets_are_refused(table):
    with pytest.raises(ValueError, match="heldout: its columns are"):
        compare_tables(table, table, table[["age"]])
    with pytest.raises(ValueError, match=r"targets: \['agee'\] was given, but columns of the table are needed"):
        compare_tables(table, table, table, targets=["agee"])
