"""Statistics as pure functions of arrays: no data frames, no models, no other part of the package."""

from __future__ import annotations

from ceteris.stats.covariance import clustered, covariance, iid

__all__ = ["clustered", "covariance", "iid"]
