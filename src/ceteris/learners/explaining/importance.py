"""Which columns a fitted learner relies on: by how much its loss rises where a column is shuffled.

For column j the importance is θ = E h(X, X'), h(x, x') = loss(y, f(x with x'_j in place of x_j)) - loss(y, f(x)), with
X' another row. A row stands in it as the one that is judged and as the one that lends its value; the standard error is
that of a mean of both parts, the projection of a statistic of pairs of rows (Hoeffding). What it says holds for this
learner on these rows: a column that carries the same news as another may have none, and where columns are correlated a
shuffled row is one that there may never be.

References
----------
Breiman, L. (2001). Random forests. Machine Learning 45. Fisher, A., Rudin, C. and Dominici, F. (2019). All models are
wrong, but many are useful. JMLR 20. Hoeffding, W. (1948). A class of statistics with asymptotically normal
distribution. Annals of Mathematical Statistics 19.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ceteris.learners.explaining.response import Explained


def permutation_importance(it: Explained, columns: Sequence[str], repeats: int, seed: int) -> pd.DataFrame:
    """Return the rise of the loss for each column, the largest first.

    Parameters
    ----------
    it : Explained
    columns : sequence of str
    repeats : int
        Shufflings of each column.
    seed : int

    Returns
    -------
    DataFrame
        ``importance``, its standard error ``se``, and ``share``: of the loss of the best constant prediction, so that
        in a regression it is the R² lost.
    """
    rng, before = np.random.default_rng(seed), it.losses(it.X)
    own = len(it) * it.weight  # of mean one
    found = {}
    for name in columns:
        values = it.column(name).to_numpy()
        judged, lent = np.zeros(len(it)), np.zeros(len(it))
        for _ in range(repeats):
            order = rng.permutation(len(it))
            rise = it.losses(it.with_column(name, values[order])) - before
            judged += rise / repeats
            lent[order] += own * rise / repeats
        theta = float(it.weight @ judged)
        phi = own * (judged - theta) + lent - theta
        found[name] = {"importance": theta, "se": float(np.sqrt((phi**2).mean() / (len(it) - 1)))}
    table = pd.DataFrame.from_dict(found, orient="index").rename_axis("column")
    table["share"] = table["importance"] / (it.of_a_constant() or np.nan)
    return table.sort_values("importance", ascending=False, kind="stable")
