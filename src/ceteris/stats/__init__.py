"""Statistics as pure functions of arrays: no data frames, no models, no other part of the package."""

from __future__ import annotations

from ceteris.stats.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha
from ceteris.stats.bands import maximum, multiplier_bootstrap, multipliers, normal_maximum
from ceteris.stats.bootstrap import bayesian, pairs, wild, wild_test
from ceteris.stats.covariance import clustered, covariance, iid
from ceteris.stats.glm import glm
from ceteris.stats.least_squares import covariance_of, ols, partial_out
from ceteris.stats.permutation import permutation_test, randomisation_interval
from ceteris.stats.rubin import Pooled, rubin
from ceteris.stats.rubin_tests import PooledTest, d1, d2, d3, pooled_r_squared

__all__ = [
    "Pooled",
    "PooledTest",
    "bayesian",
    "clustered",
    "cohen_kappa",
    "covariance",
    "covariance_of",
    "d1",
    "d2",
    "d3",
    "fleiss_kappa",
    "glm",
    "iid",
    "krippendorff_alpha",
    "maximum",
    "multiplier_bootstrap",
    "multipliers",
    "normal_maximum",
    "ols",
    "pairs",
    "partial_out",
    "permutation_test",
    "pooled_r_squared",
    "randomisation_interval",
    "rubin",
    "wild",
    "wild_test",
]
