"""One measurement of imputation in a process of its own; prints one JSON object."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd


def least_squares(table: pd.DataFrame, design: str) -> tuple[pd.Series, np.ndarray, float]:
    """Coefficients of the analysis, their covariance and degrees of freedom."""
    x = pd.DataFrame({"constant": 1.0, "x": table["x"], "z": table["z"]})
    if design == "nonlinear":
        x["x squared"] = table["x"] ** 2
    inverse = np.linalg.inv(x.T.to_numpy() @ x.to_numpy())
    beta = inverse @ x.T.to_numpy() @ table["y"].to_numpy()
    residual = table["y"] - x.to_numpy() @ beta
    dof = len(x) - x.shape[1]
    return pd.Series(beta, x.columns), residual @ residual / dof * inverse, dof


def inference(design: str, replications: str) -> dict:
    from scipy import stats

    from ceteris.data.missing import simulate_regression
    from ceteris.impute import Imputer, pool

    truth = {"constant": 1.0, "x": 1.0, "z": 1.0, "x squared": 0.5}
    hits, plain, start = [], [], time.process_time()
    for seed in range(int(replications)):
        table = simulate_regression(500, design, seed)
        pooled = pool(lambda t: least_squares(t, design), Imputer(random_state=seed).fit(table).sample(10))
        true = np.array([truth[name] for name in pooled.names])
        low, high = pooled.conf_int().T
        hits.append((low <= true) & (true <= high))
        beta, covariance, dof = least_squares(table.dropna(), design)
        half = stats.t(dof).ppf(0.975) * np.sqrt(np.diag(covariance))
        plain.append(np.abs(beta - true) <= half)
    coverage, complete = np.mean(hits, 0).tolist(), np.mean(plain, 0).tolist()
    return {
        "names": pooled.names,
        "coverage": coverage,
        "complete_cases": complete,
        "seconds": time.process_time() - start,
    }


def speed(rows: str, m: str) -> dict:
    from ceteris.data.missing import amputate, simulate_census
    from ceteris.impute import Imputer
    from ceteris.testing import count_compilations

    tables = [amputate(simulate_census(int(rows), s), 0.3, "MAR", keep=["age", "female"], seed=s) for s in (0, 1)]
    start = time.process_time()
    fitted = Imputer(random_state=0).fit(tables[0])
    fit = time.process_time() - start
    fitted.sample(int(m))
    seconds = time.process_time() - start
    with count_compilations() as compiled:
        Imputer(random_state=0).fit(tables[1]).sample(1)
    return {"seconds": seconds, "fit": fit, "compiled": len(compiled)}


def memory(rows: str) -> dict:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ceteris.data.missing import amputate, simulate_census
    from ceteris.impute import Imputer, impute_parquet

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.parquet"
        writer = None
        for part in range(int(rows) // 50_000):
            holes = amputate(simulate_census(50_000, part), 0.3, "MAR", keep=["age", "female"], seed=part)
            table = pa.Table.from_pandas(holes, preserve_index=False)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
        writer.close()
        start = time.process_time()
        impute_parquet(path, Path(folder) / "done", 1, Imputer(members=1, random_state=0))
        seconds = time.process_time() - start
    return {"gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps({"inference": inference, "speed": speed, "memory": memory}[sys.argv[1]](*sys.argv[2:])))
