"""Statistics as pure functions of arrays: no data frames, no models, no other part of the package."""

from __future__ import annotations

from ceteris.stats.bands import maximum, multiplier_bootstrap, multipliers, normal_maximum
from ceteris.stats.bootstrap import bayesian, pairs, wild, wild_test
from ceteris.stats.covariance import clustered, covariance, iid
from ceteris.stats.least_squares import covariance_of, ols, partial_out
from ceteris.stats.permutation import permutation_test, randomisation_interval
from ceteris.stats.rubin import Pooled, rubin

__all__ = [
    "Pooled",
    "bayesian",
    "clustered",
    "covariance",
    "covariance_of",
    "iid",
    "maximum",
    "multiplier_bootstrap",
    "multipliers",
    "normal_maximum",
    "ols",
    "pairs",
    "partial_out",
    "permutation_test",
    "randomisation_interval",
    "rubin",
    "wild",
    "wild_test",
]
