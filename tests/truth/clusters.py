"""Standard errors of regressions with clusters by pyfixest, in `clusters.json`.

pyfixest is in none of the extras of the project; ``pip install pyfixest`` and ``python tests/truth/clusters.py`` write
the file again. It was written with pyfixest 0.60.0.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

FILE = Path(__file__).with_name("clusters.json")
FORMULAS = {"mean": "y ~ 1", "difference": "y ~ d", "regression": "y ~ d + a + b", "interacted": "y ~ d * (ca + cb)"}


def sample() -> pd.DataFrame:
    """240 rows in 13 firms and 9 states of unequal sizes, with effects of both and errors of unequal variance."""
    rng = np.random.default_rng(7)
    n = 240
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "firm": rng.integers(0, 13, n)})
    frame["state"] = rng.integers(0, 9, n)
    frame["d"] = (frame["a"] + rng.normal(size=n) > 0).astype(float)
    common = rng.normal(size=13)[frame["firm"]] + rng.normal(size=9)[frame["state"]]
    noise = (1 + frame["a"].abs()) * rng.normal(size=n)
    frame["y"] = frame["d"] * (1 + frame["b"]) + frame["a"] + common + noise
    return frame.assign(ca=frame["a"] - frame["a"].mean(), cb=frame["b"] - frame["b"].mean())


def main() -> None:
    """Write the file."""
    import pyfixest  # pyright: ignore[reportMissingImports]

    frame, found = sample(), {}
    for name, formula in FORMULAS.items():
        coefficient = "Intercept" if name == "mean" else "d"
        found[name] = {}
        for clusters in ("firm", "firm+state"):
            fit = pyfixest.feols(formula, frame, vcov={"CRV1": clusters})
            found[name][clusters] = [float(fit.coef()[coefficient]), float(fit.se()[coefficient])]
    FILE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
