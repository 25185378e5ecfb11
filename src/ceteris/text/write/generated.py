"""What a model wrote: texts, how likely each was, and why it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import AbstractResult, screenful

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

DRAWN = 8  # texts in the picture
CUT = 0.1  # share of texts that may end for want of room before it is said


@dataclass(frozen=True, eq=False, repr=False)
class Generated(AbstractResult):
    """Texts that a model wrote.

    Parameters
    ----------
    model : str
        What the model is called.
    digest : str
        Of its weights, so that it is known which model this was.
    prompts : tuple
        What was read: texts, or lists of tokens.
    texts : tuple
        What was written, without the prompt; lists of tokens where there is no tokenizer.
    tokens : tuple of int arrays
        The same, as tokens.
    likelihood : tuple of arrays
        Log probabilities of the tokens, the one that ended the text included, under the model as it is: temperature,
        narrowing and penalty change what is drawn, not these.
    ended : tuple of {"end", "stop", "length"}
        Whether the model ended the text, a stop string did, or the length.
    settings : dict
        How it was written.
    seconds : float
        How long it took.

    Examples
    --------
    >>> import jax
    >>> from ceteris.text.models import Description, LanguageModel
    >>> from ceteris.text.write import generate
    >>> tiny = Description(vocabulary=50, width=16, depth=1, heads=2, perceptron=32, length=32)
    >>> written = generate(LanguageModel(tiny, key=jax.random.key(0)), [[3, 1, 4]], length=5)
    >>> written.ended, written.frame()["tokens"].tolist()
    (('length',), [5])
    """

    model: str
    digest: str
    prompts: tuple[Any, ...]
    texts: tuple[Any, ...]
    tokens: tuple[np.ndarray, ...]
    likelihood: tuple[np.ndarray, ...]
    ended: tuple[str, ...]
    settings: dict[str, Any]
    seconds: float = 0.0

    @classmethod
    def of(
        cls, model: str, digest: str, prompts: Sequence[Any], found: Sequence[Any], settings: dict[str, Any],
        seconds: float,
    ) -> Generated:  # fmt: skip
        """Return what was written from pieces as the loop gives them."""
        texts, ended, tokens, likelihood = zip(*found, strict=True)
        return cls(model, digest, tuple(prompts), texts, tokens, likelihood, ended, settings, seconds)

    def __getitem__(self, i: int) -> Any:
        """The text behind prompt number i."""
        return self.texts[i]

    def __len__(self) -> int:
        return len(self.texts)

    def frame(self) -> pd.DataFrame:
        """Return a row per text: "prompt", "text", "tokens", "log_probability" and "ended"."""
        return pd.DataFrame(
            {
                "prompt": [str(prompt) for prompt in self.prompts],
                "text": [str(text) for text in self.texts],
                "tokens": [len(row) for row in self.tokens],
                "log_probability": [float(np.sum(row)) for row in self.likelihood],
                "ended": list(self.ended),
            }
        )

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether texts ended by themselves."""
        cut = self.ended.count("length") / len(self.ended)
        sentence = f"{cut:.0%} of the texts ended because of the length, {self.settings.get('length')}; raise it."
        return (Check("ended", cut <= CUT, sentence, cut, CUT),)

    def summary(self) -> str:
        """Return one screen: how it was written, and the first texts."""
        return screenful(self._heading(), self._facts(), self.frame().drop(columns="prompt"), self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return all texts, and how likely each of their tokens was."""
        caption = (
            "Probability of each token given those before it, of the first texts: dips are where others could follow."
        )
        figure = Figure("Probability of tokens", caption, self._course(), _draw_course)
        text = "\n\n".join(self._facts())
        tables = (Table("Texts", self.frame()),)
        return (Section(self._heading().rstrip("."), text, tables, (figure,), self.checks),)

    def _heading(self) -> str:
        name = f" by {self.model}" if self.model else ""
        count = sum(len(row) for row in self.tokens)
        return f"{len(self.texts):,} text{'s' * (len(self.texts) > 1)} of {count:,} tokens, written{name}."

    def _facts(self) -> list[str]:
        some = {name: value for name, value in self.settings.items() if value not in (None, [])}
        return ["Settings: " + ", ".join(f"{name} {value}" for name, value in some.items()) + "."]

    def _course(self) -> pd.DataFrame:
        rows = self.likelihood[:DRAWN]
        return pd.DataFrame(
            {
                "text": np.repeat(np.arange(len(rows)), [len(row) for row in rows]),
                "token": np.concatenate([np.arange(1, len(row) + 1) for row in rows]),
                "probability": np.exp(np.concatenate(rows).astype(float)),
            }
        )

    def _check_loaded(self) -> None:
        """Raise unless what a file says fits together."""
        parts = (self.prompts, self.texts, self.tokens, self.likelihood, self.ended)
        if not self.texts or len({len(part) for part in parts}) > 1:
            raise ValueError("prompts, texts and tokens do not fit together")


def _draw_course(figure: Canvas, data: pd.DataFrame) -> None:
    axes: Any = figure.subplots()
    for _, own in data.groupby("text"):
        axes.plot(own["token"], own["probability"], marker=".", linewidth=0.8)
    axes.set(xlabel="token", ylabel="probability", ylim=(-0.02, 1.02))
