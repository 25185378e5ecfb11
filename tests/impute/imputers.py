"""Small, quick imputers of every kind, and a table with a column of every type."""

import numpy as np
import pandas as pd

from ceteris.impute import MIDAS, Adversarial, Chained, HotDeck, Imputer, Iterative, MeanMode

QUICK = {
    "MeanMode": MeanMode(random_state=1),
    "HotDeck": HotDeck(random_state=1),
    "Iterative": Iterative(iterations=2, random_state=1),
    "Chained": Chained(iterations=1, random_state=1),
    "MIDAS": MIDAS(widths=(8,), epochs=1, random_state=1),
    "Adversarial": Adversarial(widths=(8,), epochs=1, random_state=1),
    "Imputer": Imputer(members=2, width=8, depth=1, epochs=1, random_state=1),
}


def every_type(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """A table with holes in columns of every type, a complete column, and an index of its own."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    table = pd.DataFrame(
        {
            "float": x,
            "single": (x + rng.normal(size=n)).astype("float32"),
            "nullable integer": pd.array(rng.integers(0, 50, n), dtype="Int64"),
            "counts": rng.integers(0, 40, n).astype(float),
            "nullable float": pd.array(np.exp(x), dtype="Float64"),
            "nullable boolean": pd.array(rng.random(n) < 0.5, dtype="boolean"),
            "object booleans": pd.array(rng.random(n) < 0.5, dtype=object),
            "text": pd.array(rng.choice(["red", "green", "blue"], n), dtype="string"),
            "object text": np.where(x > 0, "up", "down").astype(object),
            "labels": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "ordered": pd.Categorical(rng.choice(["low", "mid", "high"], n), ["low", "mid", "high"], ordered=True),
        },
        index=pd.Index(rng.permutation(n) * 3 + 1000, name="person"),
    )
    for name in table.columns:
        table.loc[table.index[rng.random(n) < 0.2], name] = None
    table["complete"] = rng.integers(0, 1000, n)
    return table
