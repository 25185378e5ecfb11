"""What models wrote, and evaluations of it."""

import numpy as np

from ceteris.text.evaluate import Evaluation, evaluate_labels
from ceteris.text.write import Generated, generate
from door.case import Case
from text.tiny import tiny


def evaluated() -> Evaluation:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1.0, 1.0], size=40)
    return evaluate_labels(rng.integers(0, 2, size=40), p.argmax(1), p, draws=50)


CASES = {
    Evaluation: Case(evaluated, lambda it: [it["ECE"], it.table, it.conf_int(0.5)]),
    Generated: Case(
        lambda: generate(tiny(), [[1, 2], [3]], length=5), lambda it: [it.frame(), it[1], it.settings["length"]]
    ),
}
