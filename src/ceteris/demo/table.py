"""A table: learners compared on the same folds, the best of them judged once on rows that nobody has seen."""

from __future__ import annotations

from dataclasses import replace

from ceteris.demo.part import Part

TITLE = "A table, predicted"
TEXT = (
    "442 diabetes patients, ten columns, and how far the disease has come a year later (Efron and others, 2004). An "
    "ensemble of small nets is compared with classical learners on the same folds; the best is chosen there, and every "
    "one is measured once on a fifth of the patients set aside."
)
LEARNERS = ("linear", "boosting", "neural net")


def part(seed: int) -> Part:
    """Compare a few learners on the diabetes table."""
    from ceteris.data import load_table
    from ceteris.learners import compare
    from ceteris.learners.comparison import leading

    comparison = compare(*load_table("diabetes"), learners=LEARNERS, seed=seed)
    choosing, judging, learnt = comparison.sections()
    row = comparison.table.loc[comparison.best]
    answer = (
        f"{leading(comparison).removesuffix('.')}; its R² is {row['cv r2']:.2f} there and {row['test r2']:.2f} on the "
        "patients set aside."
    )
    first = replace(choosing, title=TITLE, text=f"{TEXT}\n\n{choosing.text}")
    own = "ceteris fit data.csv --target y"
    return Part("How ill will a patient be in a year?", answer, judging.figures[0], (first, judging, learnt), own)
