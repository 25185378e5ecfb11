"""Where fields of a date stand, and weights by lag, against maps made by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd
import pytest

from ceteris.data import written_dates
from ceteris.gallery import attention_maps as maps
from ceteris.nets.positions import sinusoidal


def test_fields_of_all_ways_to_write_a_date_are_found():
    for text, iso in written_dates(200, seed=1):
        at = {name: text[where.start : where.stop] for name, where in maps.places(text).items()}
        assert at["year"][:4] == iso[:4]
        assert int("".join(c for c in at["day"] if c.isdigit())) == int(iso[8:])
        assert at["month"][:3] == pd.Timestamp(iso).month_name()[:3]


def test_a_map_that_looks_at_the_day_only_has_its_weight_there():
    text = "24 May 2027"
    weights = np.zeros((11, len(text)))
    weights[:, 0] = 1
    found = maps.looked(pd.DataFrame(weights), text)
    assert found == {"year": (0.0, 0.0), "month": (0.0, 0.0), "day": (1.0, 1.0)}


def test_weights_by_lag():
    looking = np.zeros((1, 2, maps.MONTHS, maps.MONTHS))
    for t in range(maps.MONTHS):
        looking[0, 0, t, max(t - 11, 0)] = looking[0, 1, t, t] = 1
    found = maps.by_lag(looking)
    assert found[0, 11] == found[1, 0] == 1
    assert found.sum() == 2


def test_the_forecast_follows_from_the_weights_that_are_shown():
    net, x = maps.NextMonth(key=jr.key(0)), maps.seasonal(1, 0)[0, :-1]
    weights = net.weights(x)
    np.testing.assert_allclose(np.sum(weights, -1), 1, rtol=1e-5)
    block = jax.tree.map(lambda a: a[0] if eqx.is_array(a) else a, net.transformer.blocks)
    inner = net.transformer.entrance(x[:, None]) + sinusoidal(jnp.arange(maps.MONTHS), maps.WIDTH)
    values = block.attention.value(block.norms[0](inner)).reshape(maps.MONTHS, maps.HEADS, -1)
    found = jnp.einsum("hts,shd->thd", weights, values).reshape(maps.MONTHS, -1)
    inner = inner + block.attention.output(found)
    inner = inner + block.down(block.activation(block.up(block.norms[1](inner))))
    by_hand = net.head(net.transformer.norm(inner))[..., 0]
    np.testing.assert_allclose(net(x), by_hand, atol=1e-5)  # single precision


def test_series_are_those_of_the_year_before_and_noise():
    x = maps.seasonal(4_000, 0)
    change = x[:, maps.SEASON :] - x[:, : -maps.SEASON]
    assert change.std() == pytest.approx(maps.NOISE, rel=0.01)  # 100,000 values: four standard errors
