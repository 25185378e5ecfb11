"""Volatility against the package arch and on the S&P 500; nowcasts against the Kalman filter; learning in context.

The first two need arch 8.0, which also brings the returns, in an environment of its own, whose interpreter
`CETERIS_ARCH_PYTHON` names. Without it they are left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import bench

DELAYS, OWN = (1, 0, 1, 2, 0), 2  # months after which figures are out


def peer() -> dict[str, Any] | None:
    python = os.environ.get("CETERIS_ARCH_PYTHON")
    if python is None:
        print("CETERIS_ARCH_PYTHON is not set: rows on arch and the S&P 500 are left out.", file=sys.stderr)
        return None
    script = Path(__file__).with_name("sequence_volatility_arch.py")
    done = subprocess.run([python, "-W", "ignore", str(script)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def arch():
    from ceteris.sequence import Volatility

    if (theirs := peer()) is None:
        return
    r = np.array(theirs["returns"])[: theirs["learnt"]]
    Volatility().fit(r)  # compiles
    shares = []
    for name, found in theirs["models"].items():
        kind, errors = name.split()
        start = time.process_time()
        ours = Volatility(kind, errors).fit(r)
        shares.append((time.process_time() - start) / found["seconds"])
        table = ours.parameters["estimate"]
        away = max(abs(table[p] - v) / (max(1.0, v) if p == "nu" else 1.0) for p, v in found["parameters"].items())
        said = f"arch {theirs['version']}"
        yield bench.at_most(f"{name}: parameters differ from arch by (ν in shares)", away, "", 1e-4, said)
        gap = abs(ours.log_likelihood - found["log_likelihood"])
        yield bench.at_most("  log likelihood differs by", gap, "", 1e-4, f"{found['log_likelihood']:.4f}")
    yield bench.Row("CPU time over arch's, median of six models", float(np.median(shares)), "x")


def sp500():
    from ceteris.sequence import VolatilityNet, compare_volatility

    if (theirs := peer()) is None:
        return
    r, n = np.array(theirs["returns"]), theirs["learnt"]
    nll = {name: found["nll"] for name, found in theirs["models"].items()}
    said = ", ".join(f"{name} {nll[name]:.4f}" for name in ("garch normal", "garch student", "gjr student"))
    said += f", egarch student {nll['egarch student']:.4f} (arch)"
    for base in ("garch", "gjr", "egarch"):
        start = time.process_time()
        fit = VolatilityNet(base).fit(r[:n])
        seconds = time.process_time() - start
        after = float(fit.filter(r)["nll"][n:].mean())
        row = (f"S&P 500, 2014 to 2018: minus log density, net on {base}", after, "nll", 1.0585, said)
        yield bench.at_most(*row) if base == "garch" else bench.Row(row[0], after, "nll", peer=f"{seconds:.0f} CPU-s")
        yield bench.Row("  gain on the returns set aside", fit.gain, "nll", peer=f"standard error {fit.error:.4f}")
    table = compare_volatility(r, 1 - n / len(r)).table.set_index("model")
    for name in ("net on GARCH", "EGARCH, Student"):
        row: Any = table.loc[name]
        said = f"hits {row['hits']:.4f}, Kupiec p {row['Kupiec']:.3f}, Christoffersen p {row['Christoffersen']:.3f}"
        yield bench.Row(f"  QLIKE, {name}", float(row["QLIKE"]), "", peer=said)


def simulated():
    from ceteris.sequence import VolatilityNet, simulate_garch
    from ceteris.sequence.volatility.net import _minus_log_density

    ours, mle = [], []
    for seed in range(5):
        r, h = simulate_garch(6_000, nu=7.0, seed=seed)
        fit = VolatilityNet().fit(r[:3_000])
        truth = _minus_log_density(r.to_numpy() ** 2 / h.to_numpy(), h.to_numpy(), 7.0)[3_000:].mean()
        mle.append(fit.base.filter(r)["nll"][3_000:].mean() - truth)
        ours.append(fit.filter(r)["nll"][3_000:].mean() - truth)
    said = f"gap of maximum likelihood {np.mean(mle):.5f}"
    yield bench.at_most(
        "GARCH simulated: gap of the net to the truth, over", np.mean(ours) / np.mean(mle), "x", 1.5, said
    )


def nowcasts():
    from ceteris.sequence import FactorModel, Nowcaster

    economy = FactorModel()
    for quarters in (400, 150):
        ratios = []
        for seed in range(10, 15):
            monthly, quarterly = economy.simulate(1_000, seed=seed)
            fit = Nowcaster(DELAYS, OWN).fit(monthly[: 3 * quarters], quarterly[:quarters])
            y = quarterly.to_numpy()[400:]
            error = lambda found, y=y: ((found[400:] - y) ** 2).mean()
            both = [(fit.nowcasts(monthly, quarterly, m), economy.nowcasts(monthly, quarterly, m, DELAYS, OWN))
                    for m in (1, 2, 3)]  # fmt: skip
            ratios.append([np.sqrt(error(ours) / error(best)) for ours, best in both])
        for month, ratio in enumerate(np.mean(ratios, 0), 1):
            name = f"nowcast, {quarters} quarters learnt from, end of month {month}"
            row = (name, float(ratio), "x Kalman")
            yield bench.at_most(*row, 1.1) if quarters == 400 else bench.Row(*row)


def in_context():
    from ceteris.sequence import InContextLearner

    start = time.process_time()
    fit = InContextLearner().fit()
    seconds = time.process_time() - start
    within: Any = fit.within
    yield bench.at_most("in context: error over that of Bayes, worst context", within["ratio"].max(), "x", 1.01)
    short = within[(within["context"] > 1) & (within["context"] <= 12)]
    worst = float((short["net"] / short["least squares"]).max())
    yield bench.at_most("  over that of least squares, contexts of 2 to 12", worst, "x", 1.0)
    yield bench.at_most("  CPU time with compiling and judging", seconds, "s", 300)
    beyond: Any = fit.table["ratio"][fit.settings.context :]
    yield bench.Row(
        "  over that of Bayes at twice the trained context",
        beyond.iloc[-1],
        "x",
        peer=f"{beyond.max():.3f} at worst beyond",
    )


if __name__ == "__main__":
    parts = {"arch": arch, "sp500": sp500, "simulated": simulated, "nowcasts": nowcasts, "in_context": in_context}
    bench.main(parts, __file__)
