"""Forecasts by statsforecast, sums that add up by hierarchicalforecast, in `forecasting.json`.

Neither is in the environment of the tests; ``pip install statsforecast hierarchicalforecast`` and ``python
tests/truth/forecasting.py`` write the file again. It was written with statsforecast 2.1.1 and
hierarchicalforecast 1.5.3.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("forecasting.json")
SUMS = [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def monthly(seed: int = 3, n: int = 144) -> np.ndarray:
    """A trend, a season that grows with it, and noise."""
    rng, t = np.random.default_rng(seed), np.arange(n)
    return (100 + t) * np.exp(0.15 * np.sin(2 * np.pi * t / 12) + 0.03 * rng.normal(size=n)) + 4 * np.cumsum(
        rng.normal(size=n)
    )


def hierarchy_errors() -> tuple[np.ndarray, np.ndarray]:
    """Base forecasts (7, 3) and past errors (7, 40) of a hierarchy."""
    rng = np.random.default_rng(5)
    bottom = rng.normal(size=(4, 40)) * np.array([1.0, 2.0, 0.5, 1.5])[:, None] + rng.normal(size=40)
    errors = np.array(SUMS, float) @ bottom + 0.5 * rng.normal(size=(7, 40))
    base = np.array(SUMS, float) @ rng.uniform(5, 20, (4, 3)) + rng.normal(size=(7, 3))
    return base, errors


def main() -> None:
    """Write the file."""
    from hierarchicalforecast.methods import BottomUp, MinTrace  # pyright: ignore[reportMissingImports]
    from statsforecast.models import AutoETS, DynamicOptimizedTheta  # pyright: ignore[reportMissingImports]

    y, found = monthly(), {}
    for name, model in (("theta", DynamicOptimizedTheta(12)), ("smoothing", AutoETS(12))):
        found[name] = [model.forecast(y=y[:t], h=12)["mean"].tolist() for t in range(96, 133, 6)]
    base, errors = hierarchy_errors()
    S = np.array(SUMS, float)
    found["bottom-up"] = BottomUp().fit_predict(S=S, y_hat=base)["mean"].tolist()
    for name, method in (("ols", "ols"), ("wls", "wls_var"), ("mint", "mint_shrink")):
        given = {"y_insample": errors, "y_hat_insample": np.zeros_like(errors)}
        found[name] = MinTrace(method, mint_shr_ridge=0.0).fit_predict(S=S, y_hat=base, **given)["mean"].tolist()
    FILE.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
