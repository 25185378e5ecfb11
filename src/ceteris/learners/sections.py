"""The training of a learner as a part of a report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ceteris.learners.network import SETTLED
from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import screenful


def training(learner: Any) -> Section:
    """Return a section: what was learnt, the learning curve, the settings, and whether the training came to an end."""
    name = type(learner).__name__
    settings = pd.DataFrame(
        [(key, repr(value)) for key, value in learner.get_params(deep=False).items()], columns=["parameter", "value"]
    )
    return Section(
        f"Training: {name}",
        "\n\n".join([_trained(learner), *_facts(learner)]),
        tables=(Table("Training", learnt(learner)), Table("Settings", settings)),
        figures=(learning_curve(learner.history_),),
        checks=learner.checks,
    )


def described(learner: Any) -> str:
    """Return one screen about a learner."""
    return screenful(_trained(learner), _facts(learner), learnt(learner), learner.checks)


def learnt(learner: Any) -> pd.DataFrame:
    """Return the figures of a training: losses are means over nets, of their last and of their best epoch."""
    last = learner.history_.groupby("member")[["loss", "heldout"]].agg({"loss": "last", "heldout": "min"}).mean()
    noise = np.atleast_1d(getattr(learner, "noise_", ()))
    names = ["noise"] if len(noise) == 1 else [f"noise of output {i + 1}" for i in range(len(noise))]
    facts = {"loss in training": last["loss"], "loss on rows set aside": last["heldout"]}
    facts |= dict(zip(names, noise, strict=True))
    return pd.DataFrame({"quantity": list(facts), "value": list(facts.values())}).dropna()


def glance(learner: Any) -> Section:
    """Return what a notebook shows: the training without the settings."""
    table, curve = Table("Training", learnt(learner)), learning_curve(learner.history_)
    return Section("", "\n\n".join(_facts(learner)), (table,), (curve,), learner.checks)


def _trained(learner: Any) -> str:
    return (
        f"{type(learner).__name__}: {learner.n_members_} nets on {learner.n_features_in_} columns, at most "
        f"{learner.n_iter_} epochs."
    )


def _facts(learner: Any) -> list[str]:
    names, copies = ", ".join(learner.constant_columns_), ", ".join(learner.copies_)
    facts = [f"Columns with one value only, which count for nothing: {names}."] if names else []
    if copies:
        facts.append(f"Columns that are copies of y: {copies}; drop them, unless they are known before y is.")
    return [learner.status_, *facts]


def learning_curve(history: pd.DataFrame) -> Figure:
    """Return the loss by epoch: every member, and the loss on the rows set aside."""
    return Figure(
        "Learning curve",
        "Loss by epoch, one thin line per net; dashed: on the rows it set aside. The target is standardised.",
        history,
        draw_curve,
    )


def draw_curve(figure: Any, history: pd.DataFrame) -> None:
    """Draw `learning_curve`."""
    axes = figure.subplots()
    for member, own in history.groupby("member"):
        axes.plot(
            own["epoch"], own["loss"], color="C0", alpha=0.5, linewidth=0.8, label="training" if not member else None
        )
        held = own.dropna(subset="heldout")
        axes.plot(
            held["epoch"], held["heldout"], "--", color="C1", linewidth=0.8, label=None if member else "set aside"
        )
    axes.set(xlabel="epoch", ylabel="loss", yscale="log" if history["loss"].to_numpy().min() > 0 else "linear")
    axes.legend()


def settled(late: float) -> Check:
    """Judge whether the loss on the rows set aside still fell in the second half of the epochs.

    Examples
    --------
    >>> settled(0.3).sentence
    '30.0% of the fall in held-out loss came in the second half of the epochs; raise epochs.'
    """
    passed = late <= SETTLED
    sentence = f"{late:.1%} of the fall in held-out loss came in the second half of the epochs"
    return Check("training has settled", passed, sentence + ("." if passed else "; raise epochs."), late, SETTLED)
