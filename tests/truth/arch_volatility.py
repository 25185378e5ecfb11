"""Writes arch_volatility.json: what the package arch 8.0 finds on simulated returns. Run where arch is installed.

The returns are drawn by NumPy alone, here and in the tests, so that no data need to be kept.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

KINDS = {"garch": ("GARCH", 0), "gjr": ("GARCH", 1), "egarch": ("EGARCH", 1)}


def returns(n: int = 3_000) -> np.ndarray:
    """Draw returns in per cent from a GJR model with Student errors."""
    z = np.random.default_rng(20).standard_t(7, n) * np.sqrt(5 / 7)
    r, h = np.empty(n), 1.0
    for t in range(n):
        e = z[t] * np.sqrt(h)
        r[t] = 0.05 + e
        h = 0.03 + (0.04 + 0.08 * (e < 0)) * e**2 + 0.89 * h
    return r


def main() -> None:
    from arch import arch_model

    found = {}
    r = returns()
    for kind, (vol, o) in KINDS.items():
        for errors, dist in (("normal", "normal"), ("student", "t")):
            model = arch_model(r, mean="Constant", vol=vol, p=1, o=o, q=1, dist=dist)
            fit = model.fit(disp="off", options={"ftol": 1e-13, "maxiter": 1_000})
            names = {"mu": "mean", "omega": "omega", "alpha[1]": "alpha", "gamma[1]": "gamma", "beta[1]": "beta"}
            found[f"{kind} {errors}"] = {
                "log_likelihood": fit.loglikelihood,
                "parameters": {names.get(name, name): value for name, value in fit.params.items()},
                "standard errors": {names.get(name, name): value for name, value in fit.std_err.items()},
                "last variance": float(fit.conditional_volatility[-1] ** 2),
                "ahead": fit.forecast(horizon=5, method="analytic").variance.to_numpy()[-1].tolist()
                if vol == "GARCH" else None,
            }  # fmt: skip
    Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
