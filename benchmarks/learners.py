"""Default neural learners against a tuned perceptron, a random forest and gradient boosting, on seven tables.

    python benchmarks/learners.py                      # a table to read
    python benchmarks/learners.py --json out.json      # the machine, then one object per line
    python benchmarks/learners.py --only iris          # names that contain "iris"

Every learner sees the same folds: five-fold cross-validation (stratified for classes), repeated. Ours keeps its
defaults on every table. The peer is scikit-learn's perceptron on standardised inputs (and target), its penalty,
sizes and rate chosen by a grid search inside each training fold. Forest (300 trees) and boosting keep
scikit-learn's defaults. A standard error is that of the mean over folds of the paired difference; folds overlap,
so that it is a little too small.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import warnings
from pathlib import Path

import numpy as np

REPEATS = {"digits": 1, "housing": 1}  # the larger tables need no second round of folds
GRID = {
    "hidden_layer_sizes": [(64,), (64, 64)],
    "alpha": [1e-3, 1.0],
    "learning_rate_init": [1e-3, 1e-2],
}


def tables():
    """Return the tables by name: covariates, target, whether it is a classification."""
    from sklearn.datasets import make_friedman1

    from ceteris.data import TABLES, load_table, simulate_housing

    known = {name: (*(a.to_numpy() for a in load_table(name)), name != "diabetes") for name in TABLES}
    housing, value = simulate_housing(2_000, seed=1)
    return {
        **known,
        "housing": (housing.to_numpy(), value.to_numpy(), False),
        "friedman": (*make_friedman1(500, noise=1.0, random_state=1), False),
    }


def perceptron(classify: bool):
    """Return the tuned peer."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    net = (MLPClassifier if classify else MLPRegressor)(random_state=0)
    pipeline = make_pipeline(StandardScaler(), net)
    prefix = f"{type(net).__name__.lower()}__"
    if not classify:
        pipeline = TransformedTargetRegressor(pipeline, transformer=StandardScaler())
        prefix = f"regressor__{prefix}"
    grid = {prefix + name: values for name, values in GRID.items()}
    return GridSearchCV(pipeline, grid, cv=3, scoring="neg_log_loss" if classify else None)


def estimators(classify: bool):
    """Return the learners by name."""
    from sklearn import ensemble

    from ceteris.learners import NeuralClassifier, NeuralRegressor

    kind = "Classifier" if classify else "Regressor"
    return {
        "ours": (NeuralClassifier if classify else NeuralRegressor)(random_state=0),
        "tuned MLP": perceptron(classify),
        "forest": getattr(ensemble, f"RandomForest{kind}")(300, random_state=0),
        "boosting": getattr(ensemble, f"GradientBoosting{kind}")(random_state=0),
    }


def scores(X, y, classify: bool, repeats: int):
    """Return scores and log losses by learner, one per fold, and the seconds one fit took."""
    from sklearn.metrics import log_loss
    from sklearn.model_selection import KFold, StratifiedKFold

    splitter = StratifiedKFold if classify else KFold
    folds = [fold for seed in range(repeats) for fold in splitter(5, shuffle=True, random_state=seed).split(X, y)]
    found = {}
    for name, learner in estimators(classify).items():
        score, loss, began = [], [], time.process_time()
        for train, test in folds:
            learner.fit(X[train], y[train])
            score.append(
                learner.score(X[test], y[test])
                if name != "tuned MLP"
                else learner.best_estimator_.score(X[test], y[test])
            )
            if classify:
                loss.append(log_loss(y[test], learner.predict_proba(X[test]), labels=np.unique(y)))
        found[name] = np.array(score), np.array(loss), (time.process_time() - began) / len(folds)
    return found


def difference(ours, theirs):
    """Return the mean paired difference and its standard error."""
    gap = ours - theirs
    return gap.mean(), gap.std(ddof=1) / np.sqrt(len(gap))


def lines(name: str, found: dict, classify: bool):
    """Yield the figures of one table."""
    measure = "accuracy" if classify else "R2"
    for learner, (score, loss, seconds) in found.items():
        yield {
            "name": f"{name}: {measure}, {learner}",
            "value": round(score.mean(), 4),
            "unit": measure,
            "se": round(score.std(ddof=1) / np.sqrt(len(score)), 4),
            "cpu_seconds_per_fit": round(seconds, 2),
            **({"log_loss": round(loss.mean(), 4)} if classify else {}),
        }
    gap, error = difference(found["ours"][0], found["tuned MLP"][0])
    yield {
        "name": f"{name}: ours - tuned MLP",
        "value": round(gap, 4),
        "unit": measure,
        "bar": 0.0,
        "ok": bool(gap >= 0),
        "peer": "tuned MLP",
        "se": round(error, 4),
    }
    if classify:
        gap, error = difference(found["tuned MLP"][1], found["ours"][1])
        yield {
            "name": f"{name}: log loss, tuned MLP - ours",
            "value": round(gap, 4),
            "unit": "nats",
            "bar": 0.0,
            "ok": bool(gap >= 0),
            "peer": "tuned MLP",
            "se": round(error, 4),
        }
    best = max(("forest", "boosting"), key=lambda learner: found[learner][0].mean())
    gap, error = difference(found["ours"][0], found[best][0])
    yield {
        "name": f"{name}: ours - better of forest and boosting",
        "value": round(gap, 4),
        "unit": measure,
        "bar": round(-error, 4),
        "ok": bool(gap >= -error),
        "peer": best,
        "se": round(error, 4),
    }


def machine():
    """Return where this was measured."""
    import jax
    import sklearn

    import ceteris

    return {
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "ceteris": ceteris.__version__,
        "jax": jax.__version__,
        "scikit-learn": sklearn.__version__,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/learners.json")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"
    results = [machine()]
    near = []
    for name, (X, y, classify) in tables().items():
        if arguments.only not in name:
            continue
        found = scores(X, y, classify, REPEATS.get(name, 2))
        rows = list(lines(name, found, classify))
        near.append(rows[-1]["ok"])
        results += rows
        for row in rows:
            line = f"{row['name']:55s} {row['value']:8.4f} ± {row['se']:.4f}  {row.get('ok', '')}"
            print(json.dumps(row) if arguments.json else line, flush=True)
    share = {
        "name": "share of tables within one standard error of the better of forest and boosting",
        "value": round(float(np.mean(near)), 3),
        "unit": "share",
        "bar": 0.5,
        "ok": bool(np.mean(near) > 0.5),
        "peer": "forest, boosting",
    }
    results.append(share)
    print(json.dumps(share) if arguments.json else f"{share['name']}: {share['value']}")
    if arguments.save and not arguments.only:
        path = Path(__file__).parent / "results" / "learners.json"
        path.write_text("".join(json.dumps(row) + "\n" for row in results))


if __name__ == "__main__":
    sys.exit(main())
