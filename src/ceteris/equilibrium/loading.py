"""Reading a solution back: what is kept is the policy; whether it solves the model is found out anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ceteris.engine import Status, precision
from ceteris.engine.devices import cast
from ceteris.equilibrium import store
from ceteris.equilibrium.course import judging_key
from ceteris.equilibrium.expectation import Rule
from ceteris.equilibrium.judging import judge
from ceteris.equilibrium.model import Model, traced
from ceteris.equilibrium.phases import Economies, HowTrained
from ceteris.equilibrium.policy import learnt_alone
from ceteris.equilibrium.solution import Solution
from ceteris.equilibrium.solve import make_plan


def load(folder: str | Path, model: Model | None = None, *, expectation: Rule | None = None) -> Solution:
    """Read a solution that was saved, and judge it afresh.

    Nothing in the file can run: models and rules of the library are made from names in a table. The verdict is not read
    but found on fresh states, as `solve` does.

    Parameters
    ----------
    folder : path
        The folder it was saved in, or the file.
    model : Model, optional
        Needed for a model of your own, with the parameters it was solved for; others are said in ``said``, and judged.
    expectation : rule, optional
        Needed where expectations were computed by a rule of your own.

    Returns
    -------
    Solution

    Examples
    --------
    >>> import tempfile
    >>> from ceteris.equilibrium import Polish, load, named, solve
    >>> solution = solve(named("growth", delta=1.0), tolerance=1e-5, phases=[Polish(100, 15)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = solution.save(folder)
    ...     again = load(folder)
    >>> again.met, again.sentence == solution.sentence
    (True, True)
    """
    facts: dict[str, Any] = store.read(folder, model, expectation)
    log, phase = facts["log"], facts["phase"]
    with precision(facts["precision"]):
        plan = make_plan(facts["model"], facts["tolerance"], facts["rule"], None, facts["widths"])
        used = cast(traced(facts["model"]), facts["precision"])
        economies = Economies(used, learnt_alone(facts["hypothesis"]), facts["states"])
        training = HowTrained(np.array([Status.FINISHED]), np.array([log[phase]["loss"] if log else np.nan]))
        found = judge(plan, economies, judging_key(facts["seed"], phase), training, phase=len(plan.phases) - 1)
    if log:
        entry = {"mean": float(found.entry["mean"]), "max": float(found.entry["max"])}
        facts["log"] = (*log[:phase], {**log[phase], **found.entry, **entry}, *log[phase + 1 :])
    verdict = found.verdicts[0]
    return Solution(**facts, sentence=verdict.sentence, met=verdict.solved)
