"""The table behind the dropout figure."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from ceteris.gallery import dropout
from ceteris.nets import MLP


def test_the_floor_is_the_noise_in_units_of_the_target():
    split = dropout.split_table(seed=0)
    (x, y), (_, y_fresh) = split.train, split.valid
    assert x.shape == (dropout.ROWS, 8)
    assert float(y.std()) == pytest.approx(1, abs=1e-5)
    # Target variance is signal plus noise, so that noise is this share of it: sampling error of 1,200 rows.
    assert split.floor == pytest.approx(dropout.NOISE**2 / np.var(_logs()), rel=0.15)
    assert 0 < split.floor < float(y_fresh.var())


def _logs():
    from ceteris.data import simulate_housing

    return np.log(simulate_housing(20_000, noise=dropout.NOISE, seed=7)[1])


def test_the_reported_losses_drop_nothing():
    x = jax.random.normal(jax.random.key(0), (30, 3))
    net = MLP(3, 1, widths=(16,), dropout=0.5, key=jax.random.key(1))
    losses = dropout.Losses((x, net(x)[:, 0]), (x, net(x)[:, 0] + 2.0))(net, jax.random.key(2))
    assert float(losses["training"]) == pytest.approx(0, abs=1e-10)
    assert float(losses["validation"]) == pytest.approx(4, rel=1e-5)
    # In training units are dropped, and two keys drop different ones.
    first, second = (dropout.training_loss(net, (x, jnp.zeros(30)), jax.random.key(k))[0] for k in (3, 4))
    assert first != second


def test_the_summary_reads_the_curves():
    runs = pd.DataFrame(
        {
            "net": ["a"] * 6,
            "rows": ["training"] * 3 + ["validation"] * 3,
            "epoch": [5, 10, 15] * 2,
            "loss": [1.0, 0.5, 0.1, 0.9, 0.7, 0.8],
        }
    )
    row = dropout.summarise(runs).iloc[0]
    assert row["validation loss, best"] == 0.7
    assert row["at epoch"] == 10
    assert (row["training loss, first"], row["training loss, last"], row["validation loss, last"]) == (1.0, 0.1, 0.8)
