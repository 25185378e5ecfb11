"""What pre-training gives: the model, how well it foretells text it has not seen, and how it came there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from ceteris.results import Check, Section
from ceteris.showing import AbstractResult
from ceteris.text.files import Pretrained
from ceteris.text.models import LanguageModel
from ceteris.text.pretrain.law import PowerLaw, power_law
from ceteris.text.pretrain.shown import run_checks, run_described, run_sections
from ceteris.text.tokens import Tokenizer

HEAD = 0.1  # of the steps: the rate rises, and the curve follows no law


@dataclass(frozen=True, eq=False, repr=False)
class PretrainedRun(AbstractResult):
    """A language model and how it was trained.

    Attributes
    ----------
    settings : Pretraining
        How it was trained.
    model : LanguageModel
        With its last weights.
    tokenizer : Tokenizer
        What makes numbers of its texts.
    history : dict of arrays, shape (steps,)
        What each step reported: "loss", "accuracy".
    metrics : dict of arrays, shape (looks,)
        What was read on text set aside: "step", "heldout" (the loss in nats), "heldout_accuracy".
    bytes_per_token : float
        Bytes of a token of that text.
    batch_tokens : int
        Tokens of a step.
    epochs : dict of str to float
        How often each source was read.
    seconds : float
        Of a processor, compiling included; since it was last resumed.
    status : str
        How it ended.
    ok : bool
        Whether it ended well.
    corpus : str
        Digest of the corpus.
    """

    settings: Any
    model: LanguageModel
    tokenizer: Tokenizer
    history: dict[str, np.ndarray]
    metrics: dict[str, np.ndarray]
    bytes_per_token: float
    batch_tokens: int
    epochs: dict[str, float]
    seconds: float
    status: str
    ok: bool
    corpus: str

    @property
    def pretrained(self) -> Pretrained:
        """The model as files hold it: ``run.pretrained.save("folder")`` writes what `ceteris.text.files.load` reads."""
        return Pretrained(self.model, self.tokenizer, "pretrained here")

    def export(self, folder: str | Path) -> Path:
        """Write weights, config and tokenizer as the hub's packages read them; `ceteris.text.files.load` does too.

        Parameters
        ----------
        folder : path
            Is made.
        """
        return self.pretrained.save(folder)

    @property
    def loss(self) -> float:
        """Loss on text set aside, in nats: at the last look."""
        return float(self.metrics["heldout"][-1])

    @property
    def perplexity(self) -> float:
        """The exponential of that loss: among how many tokens the model is as unsure as if all were alike."""
        return float(np.exp(min(self.loss, 700)))

    @property
    def bits_per_byte(self) -> float:
        """Bits that the model needs for a byte of text set aside: comparable between tokenizers (decoders only)."""
        return self.loss / log(2) / self.bytes_per_token if self.settings.objective == "causal" else float("nan")

    @property
    def weights(self) -> int:
        """How many numbers the model consists of."""
        return self.pretrained.weights

    @property
    def tokens(self) -> int:
        """How many tokens were read."""
        return len(self.history["loss"]) * self.batch_tokens

    def law(self, share: float = 1.0) -> PowerLaw | None:
        """Return L(t) = a + b t^-c, fitted to the held-out losses of the first steps but those of the warm-up.

        Parameters
        ----------
        share : float
            Of all steps that are looked at. Below one, what came after says how far the law can be trusted.

        Returns
        -------
        PowerLaw or None
            None where there are fewer than four looks.
        """
        steps, losses = self.metrics["step"], self.metrics["heldout"]
        last = steps[-1]
        used = (steps >= HEAD * last) & (steps <= share * last) & np.isfinite(losses)
        return power_law(steps[used], losses[used]) if used.sum() >= 4 else None

    @property
    def checks(self) -> tuple[Check, ...]:
        """What was looked at, with a verdict each."""
        return run_checks(self)

    def summary(self) -> str:
        """Return one screen: what was trained on what, and how good it is."""
        return run_described(self)

    def sections(self) -> tuple[Section, ...]:
        """Return the curve with its law, and the settings."""
        return run_sections(self)

    def _settings(self) -> Mapping[str, Any]:
        return {name: repr(value) for name, value in vars(self.settings).items()}

    def _seed(self) -> int:
        return self.settings.seed
