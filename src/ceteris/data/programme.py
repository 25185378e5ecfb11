"""A programme that people choose: a table of the kind applied economists have, with a known effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ceteris.arguments import whole

if TYPE_CHECKING:
    import pandas as pd

EFFECT = 0.5


def simulate_programme(n: int = 3_000, *, theta: float = EFFECT, seed: int = 0) -> pd.DataFrame:
    """Simulate persons who choose whether to take part in a programme.

    With p = 1 - ((age - 40) / 11.5)², which is zero on average and uncorrelated with age, and Λ the logistic function,

        P(took_part = 1) = Λ(0.7 p + 0.5 before)
        outcome = θ took_part + 0.7 p + 0.6 before + 0.1 (schooling - 12) + 0.2 town + ε,  ε ~ N(0, 1)

    Those around 40, and those who did well before, take part more often and would do better anyway. A regression that
    is linear in age takes out the second of these and not the first.

    Parameters
    ----------
    n : int
        Persons.
    theta : float
        The effect of taking part, the same for everybody.
    seed : int
        Decides all draws.

    Returns
    -------
    DataFrame, shape (n, 7)
        age (20 to 60), before (the outcome before, standardised), schooling (years), town (0 or 1), children, outcome,
        took_part (0 or 1).

    Examples
    --------
    >>> data = simulate_programme(20_000)
    >>> means = data.groupby("took_part")["outcome"].mean()
    >>> bool(means[1] - means[0] > 1)  # twice the effect of 0.5
    True
    """
    import pandas as pd

    n, rng = whole("n", n, least=2), np.random.default_rng(whole("seed", seed, least=0))
    age, before = rng.uniform(20, 60, n), rng.standard_normal(n)
    schooling = np.clip(np.round(12 + 0.5 * before + 2 * rng.standard_normal(n)), 6, 20)
    town, children = rng.integers(0, 2, n), rng.poisson(1.2, n)
    prime = 1 - ((age - 40) / 11.5) ** 2
    joins = rng.random(n) < 1 / (1 + np.exp(-0.7 * prime - 0.5 * before))
    noise = rng.standard_normal(n)
    outcome = theta * joins + 0.7 * prime + 0.6 * before + 0.1 * (schooling - 12) + 0.2 * town + noise
    known = {"age": age, "before": before, "schooling": schooling, "town": town, "children": children}
    return pd.DataFrame(known | {"outcome": outcome, "took_part": joins.astype(int)})
