"""What a pre-training run shows: how well it foretells, and its curve beside the law that the first half suggests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import screenful

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

GAP = 0.1  # nats by which text set aside may be harder than text that was learnt
PASSES = 4.0  # over a source, above which reading it once more teaches little (Muennighoff et al. 2023)
TASKS = {
    "causal": "the next token", "masked": "hidden tokens", "next_sentence": "whether a text follows",
    "joint": "hidden tokens and whether a text follows", "spans": "spans that were cut out",
}  # fmt: skip


def run_described(run: Any) -> str:
    """Return one screen about a run."""
    return screenful(_heading(run), _sentences(run), curve_table(run), run_checks(run))


def run_sections(run: Any) -> tuple[Section, ...]:
    """Return what a report shows."""
    curve = curve_table(run)
    said = (
        "Loss on text set aside, in nats. The dashed line is the law L(t) = a + b t^-c fitted to the first half; "
        "what it misses at the end says how far to trust the dotted one, which is fitted to all and looks ahead."
    )
    figures = (Figure("Loss curve and its law", said, drawn_curve(run), _draw_curve),)
    settings = pd.DataFrame({"setting": list(run._settings()), "value": list(run._settings().values())})
    tables = (Table("Text set aside", curve), Table("The law", law_table(run)), Table("Sources", passes_table(run)))
    text = "\n\n".join(_sentences(run))
    return (
        Section(_heading(run), text, tables, figures, run_checks(run)),
        Section("Settings", f"Corpus {run.corpus[:16]}, {run.tokenizer!r}.", (Table("Settings", settings),)),
    )


def run_checks(run: Any) -> tuple[Check, ...]:
    """Return what a reader must know before the model is used."""
    tail = run.history["loss"][-max(len(run.history["loss"]) // 20, 1) :]
    learnt = float(np.nanmean(tail)) if np.isfinite(tail).any() else float("nan")
    gap = run.loss - learnt
    most = max(run.epochs.values(), default=0.0)
    often = max(run.epochs, key=lambda name: run.epochs[name], default="")
    fell = run.metrics["heldout"][0] > run.loss or len(run.metrics["heldout"]) == 1
    return (
        Check("all steps were taken", run.ok, run.status),
        Check(
            "it foretells text set aside as well", bool(gap <= GAP),
            f"The loss on text set aside is {run.loss:.3f}, on text that was learnt {learnt:.3f}"
            + ("." if gap <= GAP else "; give more text, or stop earlier."), gap, GAP,
        ),
        Check(
            "each source is read a few times only", most <= PASSES,
            f"Source {often!r} was read {most:.1f} times" + ("." if most <= PASSES else "; give more of it."),
            most, PASSES,
        ),
        Check(
            "the loss fell", bool(fell),
            "The loss on text set aside " + ("fell." if fell else "did not fall; lower the rate, or train for longer."),
        ),
    )  # fmt: skip


def curve_table(run: Any) -> pd.DataFrame:
    """Return what was read on text set aside, at ten looks at most."""
    metrics = run.metrics
    rows = np.unique(np.linspace(0, len(metrics["step"]) - 1, 10).astype(int))
    table = {"step": metrics["step"][rows], "tokens": metrics["step"][rows] * run.batch_tokens}
    table["loss"] = metrics["heldout"][rows]
    if run.settings.objective == "causal":
        table["perplexity"] = np.exp(np.minimum(table["loss"], 700))
        table["bits per byte"] = table["loss"] / np.log(2) / run.bytes_per_token
    table["right"] = metrics["heldout_accuracy"][rows]
    return pd.DataFrame(table)


def law_table(run: Any) -> pd.DataFrame:
    """Return the laws of the first half and of all, and what each says of the end, and of twice and ten times it."""
    last, rows = float(run.metrics["step"][-1]), []
    for name, share in (("the first half", 0.5), ("all looks", 1.0)):
        law = run.law(share)
        if law is not None:
            says = {f"at {factor:g} x": float(law(factor * last)) for factor in (1, 2, 10)}
            rows.append({"fitted to": name, **law._asdict(), **says})
    return pd.DataFrame(rows)


def passes_table(run: Any) -> pd.DataFrame:
    """Return how often each source was read."""
    return pd.DataFrame({"source": list(run.epochs), "passes": list(run.epochs.values())})


def drawn_curve(run: Any) -> pd.DataFrame:
    """Return points of the curve and of both laws: "what", "step", "loss"."""
    steps, losses = run.metrics["step"].astype(float), run.metrics["heldout"]
    parts = [pd.DataFrame({"what": "text set aside", "step": steps, "loss": losses})]
    for name, share, ends in (
        ("law of the first half", 0.5, (0.1, 1.0)),
        ("law of all, ahead", 1.0, (1.0, 3.0)),
    ):
        law = run.law(share)
        if law is not None:
            t = np.geomspace(ends[0] * steps[-1], ends[1] * steps[-1], 50)
            parts.append(pd.DataFrame({"what": name, "step": t, "loss": law(t)}))
    return pd.concat(parts, ignore_index=True)


def _heading(run: Any) -> str:
    about = run.model.description
    return (
        f"PretrainedRun: {about.kind} of {run.weights:,} weights, {about.vocabulary:,} tokens of vocabulary, which "
        f"foretells {TASKS[run.settings.objective]}"
    )


def _sentences(run: Any) -> list[str]:
    found = [f"{run.status} It read {run.tokens:,} tokens in {run.seconds:,.0f} CPU seconds."]
    if run.settings.objective == "causal":
        found.append(
            f"On text set aside: perplexity {run.perplexity:,.2f}, {run.bits_per_byte:.3f} bits per byte "
            f"({run.bytes_per_token:.2f} bytes a token), {run.metrics['heldout_accuracy'][-1]:.1%} of tokens foretold."
        )
    else:
        found.append(
            f"On text set aside: loss {run.loss:.3f}, {run.metrics['heldout_accuracy'][-1]:.1%} foretold right."
        )
    half = run.law(0.5)
    if half is not None:
        missed = float(half(run.metrics["step"][-1])) - run.loss
        found.append(
            f"The law of the first half, {half.a:.2f} + {half.b:.3g} t^-{half.c:.2f}, expected a loss "
            f"{abs(missed):.3f} {'above' if missed > 0 else 'below'} what it is at the end."
        )
    return found


def _draw_curve(figure: Canvas, data: pd.DataFrame) -> None:
    axes: Any = figure.subplots()
    styles = {"text set aside": "-", "law of the first half": "--", "law of all, ahead": ":"}
    for what, style in styles.items():
        part = data[data["what"] == what]
        if len(part):
            axes.plot(part["step"], part["loss"], style, label=what)
    axes.set(xscale="log", xlabel="step", ylabel="loss, nats")
    axes.legend()
