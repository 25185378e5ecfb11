"""Evaluations of what was written."""

import numpy as np

from ceteris.text.evaluate import Evaluation, evaluate_labels
from door.case import Case


def evaluated() -> Evaluation:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1.0, 1.0], size=40)
    return evaluate_labels(rng.integers(0, 2, size=40), p.argmax(1), p, draws=50)


CASES = {Evaluation: Case(evaluated, lambda it: [it["ECE"], it.table, it.conf_int(0.5)])}
