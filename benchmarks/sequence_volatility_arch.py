"""What the package arch says of returns of the S&P 500, which it brings; run by `sequence_volatility.py`."""

import json
import time

import arch.data.sp500
import numpy as np
from arch import arch_model
from scipy.special import gammaln

KINDS = {"garch": ("GARCH", 0), "gjr": ("GARCH", 1), "egarch": ("EGARCH", 1)}
NAMES = {"mu": "mean", "alpha[1]": "alpha", "gamma[1]": "gamma", "beta[1]": "beta"}
UNTIL = "2013-12-31"


def main() -> None:
    prices = arch.data.sp500.load()["Adj Close"]
    r = 100 * prices.pct_change().dropna()
    n = int((r.index <= UNTIL).sum())
    models = {}
    for kind, (vol, o) in KINDS.items():
        for errors, dist in (("normal", "normal"), ("student", "t")):
            model = arch_model(r[:n], vol=vol, p=1, o=o, q=1, dist=dist)
            start = time.process_time()
            fit = model.fit(disp="off", options={"ftol": 1e-13, "maxiter": 1_000})
            seconds = time.process_time() - start
            later = arch_model(r, vol=vol, p=1, o=o, q=1, dist=dist).fix(fit.params)
            h, e = (np.asarray(a)[n:] for a in (later.conditional_volatility**2, later.resid))
            models[f"{kind} {errors}"] = {
                "log_likelihood": fit.loglikelihood,
                "parameters": {NAMES.get(name, name): value for name, value in fit.params.items()},
                "seconds": seconds,
                "nll": float(surprise(e**2 / h, h, fit.params.get("nu")).mean()),
            }
    print(json.dumps({"returns": r.tolist(), "learnt": n, "models": models, "version": arch.__version__}))


def surprise(square, h, nu):
    if nu is None:
        return 0.5 * (np.log(2 * np.pi * h) + square)
    constant = 0.5 * np.log(np.pi * (nu - 2)) + gammaln(nu / 2) - gammaln((nu + 1) / 2)
    return constant + 0.5 * np.log(h) + 0.5 * (nu + 1) * np.log1p(square / (nu - 2))


if __name__ == "__main__":
    main()
