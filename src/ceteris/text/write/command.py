"""What ``ceteris generate`` does."""

from __future__ import annotations

from collections.abc import Sequence

from ceteris.outlets import say


def write_on(
    model: str,
    prompt: str,
    length: int = 64,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    penalty: float = 1.0,
    beams: int = 1,
    stop: Sequence[str] = (),
    seed: int = 0,
) -> None:
    """Print what a model writes behind a prompt, while it is written where there is one beam.

    Parameters
    ----------
    model : str
        A folder, or the name of a model that is on this machine.
    prompt : str
    length, temperature, top_k, top_p, min_p, penalty, beams, stop, seed
        See `ceteris.text.write.generate`.
    """
    from ceteris.text.files import load
    from ceteris.text.write.generating import generate

    written = generate(
        load(model), prompt, length=length, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p,
        penalty=penalty, beams=beams, stop=tuple(stop), seed=seed, stream=beams == 1,
    )  # fmt: skip
    if beams > 1:
        say(written[0])
