"""Go on with texts: what a model writes behind a prompt, or for a source."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

from ceteris.arguments import number, whole
from ceteris.outlets import say_on
from ceteris.programs import keep_programs
from ceteris.text.models import Description
from ceteris.text.tokens import Tokenizer
from ceteris.text.write.beams import search_tokens
from ceteris.text.write.choosing import ChoiceNumbers, ChoiceRule
from ceteris.text.write.decoding import write_tokens
from ceteris.text.write.generated import Generated
from ceteris.text.write.looking import Stops
from ceteris.text.write.prompts import Writer, own_numbers, read_prompts, refuse_long, writer_of

STREAMED = 4  # tokens between two looks at a text that is shown while it is written
LOOKED_AT = 8  # and at texts that may hold a stop string


def generate(
    model: Any,
    prompts: str | Sequence[Any],
    *,
    length: int = 64,
    least: int = 0,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    penalty: float = 1.0,
    beams: int = 1,
    length_penalty: float = 1.0,
    stop: str | Sequence[str] = (),
    batch_size: int = 8,
    seed: int = 0,
    stream: bool = False,
) -> Generated:
    """Write on behind prompts, or the targets of sources.

    A text depends on its prompt, the settings and the seed, not on what else is in the list: a prompt that occurs again
    gets further draws, of its own. (Sums of single precision in another order can turn a near tie, as everywhere.)

    Parameters
    ----------
    model : Pretrained or LanguageModel
        A decoder, or an encoder with a decoder. A bare `LanguageModel` has no tokenizer: prompts are lists of tokens,
        and so is what it writes. Layers are taken apart first, which ``model.apart()`` does once for many calls.
    prompts : str or sequence of str
        What it reads.
    length : int
        Tokens that are written, at most.
    least : int
        Tokens that are written, at least: before, no text ends by itself.
    temperature : float
        0 takes the likeliest token each time; 1 draws as the model says; below 1 is more certain, above less.
    top_k : int, optional
        Draw among the k likeliest.
    top_p : float, optional
        Draw among the likeliest that have this probability together.
    min_p : float, optional
        Draw among those that have at least this share of the probability of the likeliest.
    penalty : float
        Divides logits (multiplies those below zero) of tokens that were read or written; 1 for none.
    beams : int
        Beginnings that are followed at once; with more than 1, nothing is drawn.
    length_penalty : float
        Of beams: their log probability is divided by length ** length_penalty; 0 for the source's plain sum.
    stop : str or sequence of str
        A text ends before the first of these that it writes.
    batch_size : int
        Prompts that are written on at once.
    seed : int
        Of all draws.
    stream : bool
        Whether to show the text on the terminal while it is written; of one prompt.

    Returns
    -------
    Generated

    References
    ----------
    004, section 10.2.

    Examples
    --------
    >>> import jax
    >>> from ceteris.text.models import LanguageModel
    >>> tiny = Description(vocabulary=50, width=16, depth=1, heads=2, perceptron=32, length=32)
    >>> model = LanguageModel(tiny, key=jax.random.key(0))
    >>> written = generate(model, [[3, 1, 4], [1, 5]], length=5)
    >>> [len(tokens) for tokens in written.tokens]
    [5, 5]
    >>> drawn = generate(model, [[3, 1, 4]], length=5, temperature=1.0, top_p=0.9, seed=1)
    """
    keep_programs()
    writer = writer_of(model)
    about = writer.model.description
    stop = (stop,) if isinstance(stop, str) else tuple(stop)
    settings = {
        "length": length,
        "least": least,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
    }
    settings |= {"penalty": penalty, "beams": beams, "length_penalty": length_penalty, "stop": list(stop)}
    settings |= {"seed": seed}
    _refuse_settings(settings, writer, batch_size)
    texts = [prompts] if isinstance(prompts, str) else list(prompts)
    if stream and len(texts) > 1:
        raise ValueError(f"stream shows one text, but prompts holds {len(texts)}; give one prompt, or stream=False.")
    encoded = read_prompts(writer, texts, left=about.kind == "decoder")
    refuse_long(about, encoded, length)
    own = own_numbers(encoded)
    rule, given = _asked(about, writer.tokenizer, settings)
    started, apart = perf_counter(), writer.model.apart()
    found: list[Any] = [None] * len(texts)
    for rows, batch in encoded.batches(min(batch_size, len(texts))):
        ends = Stops(writer, batch, rule, stop, stream)
        if beams > 1:
            tokens, log_p = search_tokens(apart, batch.tokens, batch.mask, rule, length, beams, length_penalty, least)
        else:
            numbers = given._replace(own=own[rows])
            look = ends.look if stop or stream else None
            every = STREAMED if stream else LOOKED_AT
            tokens, log_p = write_tokens(apart, batch.tokens, batch.mask, numbers, rule, length, look, every)
        if not np.isfinite(log_p).all():
            raise ArithmeticError(
                "The model's probabilities are not finite, so that what it writes means nothing; look at its weights."
            )
        for place, row in enumerate(rows):
            found[row] = ends.finish(place, tokens[place], log_p[place])
    if stream:
        say_on("\n")
    seconds = perf_counter() - started
    return Generated.of(writer.name, str(getattr(model, "digest", "")), texts, found, settings, seconds)


def _refuse_settings(settings: dict[str, Any], writer: Writer, batch_size: int) -> None:
    whole("length", settings["length"], such_as=64)
    whole("least", settings["least"], least=0, most=settings["length"])
    whole("beams", settings["beams"])
    whole("batch_size", batch_size)
    whole("seed", settings["seed"], least=0, most=2**32 - 1)
    number("temperature", settings["temperature"], least=0, such_as=1.0)
    number("penalty", settings["penalty"], above=0, such_as=1.2)
    number("length_penalty", settings["length_penalty"], least=0, such_as=1.0)
    narrow = [name for name in ("top_k", "top_p", "min_p") if settings[name] is not None]
    for name in narrow:
        if name == "top_k":
            whole("top_k", settings["top_k"], such_as=50)
        else:
            number(name, settings[name], above=0, most=1, such_as=0.9 if name == "top_p" else 0.05)
    if settings["beams"] > 1:
        drawn = [*narrow, *(name for name, none in (("temperature", 0), ("penalty", 1)) if settings[name] != none)]
        if drawn or settings["stop"]:
            other = (drawn or ["stop"])[0]
            raise ValueError(
                f"beams is {settings['beams']} and {other} is {settings[other]}, but beams follow the likeliest "
                f"texts to their end; leave out {other}, or take beams=1."
            )
    elif narrow and settings["temperature"] == 0:
        raise ValueError(
            f"{narrow[0]} is {settings[narrow[0]]}, but at temperature 0 nothing is drawn; give a temperature, such "
            "as 1."
        )
    if any(not isinstance(text, str) or not text for text in settings["stop"]):
        raise ValueError("stop holds what is no text or an empty one, but must hold texts; drop it.")
    if settings["stop"] and writer.tokenizer is None:
        raise ValueError("stop needs text, but this model has no tokenizer; give a model with its tokenizer.")


def _asked(
    about: Description, tokenizer: Tokenizer | None, settings: dict[str, Any]
) -> tuple[ChoiceRule, ChoiceNumbers]:
    ends = about.end or (() if tokenizer is None or tokenizer.eos is None else (tokenizer.eos,))
    fill = next((token for token in (about.pad, *ends) if token is not None), 0)
    narrowed = any(settings[name] is not None for name in ("top_k", "top_p", "min_p"))
    rule = ChoiceRule(settings["temperature"] > 0, narrowed, settings["penalty"] != 1, tuple(ends), int(fill))
    single = lambda value, otherwise: np.asarray(otherwise if value is None else value, np.float32)
    top_k = min(settings["top_k"] or about.vocabulary, about.vocabulary)
    numbers = ChoiceNumbers(
        single(settings["temperature"], 1), np.asarray(top_k, np.int32),
        single(settings["top_p"], 1), single(settings["min_p"], 0), single(settings["penalty"], 1),
        np.asarray(settings["least"], np.int32),
        np.asarray(settings["seed"], np.uint32), np.zeros((0, 2), np.uint32),
    )  # fmt: skip
    return rule, numbers
