"""An ensemble on rows against least squares, and against its own members trained alone."""

import signal

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from ceteris.recipe import optimiser
from ceteris.testing.compilation import count_compilations
from ceteris.training import (
    AbstractRowLoss,
    MemberRows,
    Net,
    TrainingPlan,
    batch_for,
    evaluate,
    history,
    learn,
    mean_outputs,
    padded,
    passes_for,
    split,
    train,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=300)
LINEAR = Net(widths=(4,), epochs=150, rate=0.02, weight_decay=0.0)
HALVES = [np.arange(0, 200), np.arange(100, 300)]


class Squared(AbstractRowLoss):
    def losses(self, model, batch, key):
        return (model(batch["x"])[:, 0] - batch["y"]) ** 2, {}


def halves(y=Y, seed=0):
    return learn("halves", LINEAR, Squared(), {"x": X, "y": y}, HALVES, (3, 1), seed)


def test_each_group_finds_its_own_least_squares():
    y = np.where(np.arange(300) < 150, Y, -Y)
    columns, groups = {"x": X, "y": y}, [np.arange(150), np.arange(150, 300)]
    run = learn("groups", LINEAR, Squared(), columns, groups, (3, 1), seed=0)
    for rows, found in zip(groups, mean_outputs(run.model, [X, X]), strict=True):
        exact = X @ np.linalg.lstsq(X[rows], y[rows], rcond=None)[0]
        assert np.sqrt(np.mean((found[:, 0] - exact) ** 2)) < 0.1  # the noise; coefficients have errors of 0.1 / √120


def test_a_group_does_not_see_the_rows_of_another():
    other = Y.copy()
    other[200:] = 50.0  # not among the rows of the first half
    before, after = (mean_outputs(halves(y).model, [X, X]) for y in (Y, other))
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[1] - after[1]).mean() > 1


def test_the_best_weights_are_kept_and_judged_by_rows_set_aside():
    rows = split(np.zeros(300), 2, 0.2, np.random.default_rng(0))
    plan = LINEAR.plan(rows.train.shape[1])
    run = train("best", LINEAR.builder(3, 1), Squared(), padded({"x": X, "y": Y}), rows, plan, seed=1)
    outputs = evaluate(_outputs, run.model, [X.astype(np.float32)])[0][:, :, 0]
    for member, held in enumerate(rows.heldout):
        own = held[held < 300]
        loss = np.mean((outputs[member, own] - Y[own]) ** 2)
        assert loss == pytest.approx(run.metrics["heldout"][:, member].min(), rel=1e-4)  # single precision


def _outputs(net, x):
    return net(x)


def test_rows_given_judge_all_members():
    rows, data = MemberRows(np.tile(np.arange(200), (2, 1))), padded({"x": X, "y": Y})
    given = {"x": X[200:], "y": np.full(100, 1e3), "w": np.ones(100)}
    run = train("given", LINEAR.builder(3, 1), Squared(), data, rows, LINEAR.plan(200), 0, given=given)
    assert run.metrics["heldout"].shape[1] == 2
    assert run.metrics["heldout"].min() > 9e5  # (1000 - a few)²


def test_history_has_a_row_for_each_epoch_and_member():
    frame = history(halves())
    assert list(frame) == ["epoch", "member", "loss", "heldout"]
    assert frame.groupby("member").size().shape == (4,)
    assert frame["epoch"].max() <= 150
    first = frame[frame["member"] == 0]
    assert first["loss"].iloc[-1] < first["loss"].iloc[0] / 10
    assert history(halves(), np.array([2]))["loss"].iloc[0] == frame[frame["member"] == 2]["loss"].iloc[0]


def test_other_data_of_the_same_shapes_compile_nothing():
    mean_outputs(halves().model, [X, X])
    with count_compilations() as compiled:
        mean_outputs(halves(-Y, seed=1).model, [X[:7], X[:100]])
    assert compiled == []


def test_what_is_not_finite_is_said():
    net = Net(widths=(4,), epochs=5, optimiser="sgd", rate=1e30)
    with pytest.raises(FloatingPointError, match=r"^wild: .*non-finite.*Lower rate \(now 1e\+30\)"):
        learn("wild", net, Squared(), {"x": X, "y": Y}, HALVES, (3, 1), seed=0)


def test_rows_beyond_single_precision_are_refused():
    y = Y.copy()
    y[7] = 1e39
    with pytest.raises(FloatingPointError, match=r"far: 1 of 320 rows hold numbers that are not finite in single"):
        learn("far", LINEAR, Squared(), {"x": X, "y": y}, HALVES, (3, 1), seed=0)


def test_nets_are_evaluated_in_blocks_by_group():
    nets = jnp.arange(1.0, 7.0)
    rows = [RNG.normal(size=n).astype(np.float32) for n in (3, 513, 0)]
    found = evaluate(_times, nets, rows)
    for group, (own, part) in enumerate(zip(rows, found, strict=True)):
        np.testing.assert_array_equal(part["one"], np.outer([2 * group + 1, 2 * group + 2], own).astype(np.float32))


def _times(net, x):
    return {"one": net * x}


def test_rules_of_thumb():
    assert [passes_for(n, 80, 2_000, least=20, highest=120) for n in (100, 2_000, 10**6)] == [120, 80, 20]
    assert [batch_for(n, 16, least=16) for n in (100, 1_000, 10**5)] == [16, 64, 256]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"validation": 1.0}, "Net: validation is 1.0, but must be a number of at least 0 and below 1"),
        ({"epochs": 0}, "Net: epochs is 0, but must be None or a whole number of at least 1"),
        ({"members": 0}, "Net: members is 0, but must be a whole number of at least 1"),
        ({"optimiser": "lbfgs"}, "Net: optimiser is 'lbfgs', but must be one of gradient_descent"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Net(**settings)


def test_batches_may_be_fed():
    """The host gives the same 20 rows at every step; the net learns their target, not that of the table."""
    batch = {"x": np.zeros((1, 20, 3)), "y": np.full((1, 20), 3.0), "w": np.ones((1, 20))}
    feed = lambda step, n: {name: np.repeat(a, n, axis=0).astype(np.float32) for name, a in batch.items()}
    rule, data, nobody = optimiser("adam", 0.1), padded({"x": X, "y": Y}), MemberRows(np.zeros((2, 1), int))
    plan = TrainingPlan(200, 20, lambda updates: rule)
    run = train("fed", LINEAR.builder(3, 1), Squared(), data, nobody, plan, 0, feed=feed)
    np.testing.assert_allclose(mean_outputs(run.model, [np.zeros((1, 3))])[0], 3.0, atol=0.01)


@pytest.fixture
def interruptible():
    """A shell starts what it runs in the background with SIGINT ignored, and this process would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_training_that_a_signal_ends_says_so():
    """Nets that had a tenth of their steps are no nuisances to rely on, though `fit` returns them."""
    batch = {name: a[None, :64] for name, a in padded({"x": X, "y": Y}).items()}

    def feed(step, n):
        if step >= 10:
            signal.raise_signal(signal.SIGINT)
        return {name: np.repeat(a, n, axis=0) for name, a in batch.items()}

    plan = LINEAR.plan(64)._replace(epochs=100, patience=None, looks=20)
    member = MemberRows(np.zeros((1, 64), int))
    with pytest.warns(ConvergenceWarning, match="^lines: .*was interrupted before it took all its steps"):
        run = train("lines", LINEAR.builder(3, 1), Squared(), batch, member, plan, 0, feed=feed)
    assert run.tick < 100
