"""What ``ceteris pretrain`` does."""

from __future__ import annotations

from pathlib import Path

from ceteris.outlets import say


def pretrain(
    corpus: Path,
    out: Path,
    size: str = "tiny",
    objective: str = "causal",
    steps: int = 1_000,
    length: int | None = None,
    batch_size: int = 16,
    rate: float | None = None,
    optimiser: str = "adamw",
    tokenizer: Path | None = None,
    precision: str | None = None,
    frugal: bool = False,
    seed: int = 0,
) -> None:
    """Train a language model on a corpus; write model and report to a run folder.

    Called again with the same settings after it was stopped, it goes on where it was.

    Parameters
    ----------
    corpus : Path
        A file or folder of text, or a folder of shards that ``ceteris prepare`` wrote.
    out : Path
        Run folder: ``model`` as the hub's packages read it, ``run.safetensors``, a report; and in ``work`` shards and
        a checkpoint.
    size, objective, steps, length, batch_size, rate, optimiser, precision, frugal, seed
        See `ceteris.text.pretrain.Pretraining`.
    tokenizer : Path, optional
        By default one is trained.
    """
    if not corpus.exists():  # before anything is imported that takes seconds
        raise FileNotFoundError(f"corpus: there is nothing at {corpus}; give a file or a folder of texts.")
    from ceteris.report import Run, command_line, report
    from ceteris.text.pretrain.pretraining import Pretraining

    options = {"size": size, "objective": objective, "steps": steps, "length": length, "batch_size": batch_size,
               "rate": rate, "optimiser": optimiser, "precision": precision, "frugal": frugal}  # fmt: skip
    settings = Pretraining(**options, seed=seed)  # pyright: ignore[reportArgumentType]
    given = {"out": out, "seed": seed, "tokenizer": tokenizer, **options}
    command = command_line(["ceteris", "pretrain", corpus], given)
    work = out.parent / f"{out.name}-work"
    with Run.create(out, command, {"corpus": corpus} | options, seed) as run:
        found = settings.fit(corpus, work, tokenizer, progress=True)
        found.export(out / "model")
        found.save(out / "run.safetensors")
        run.write(found.sections())
    say(found.summary())
    say(f"Model: {out / 'model'}. Report: {report(out)}. Shards and the checkpoint: {work}.")
