"""Sizes of models to begin with, and the step rule of pre-training."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import optax
from optax.contrib import MuonDimensionNumbers

from ceteris.arguments import choose
from ceteris.recipe import Schedule, optimiser
from ceteris.recipe.objectives import as_array
from ceteris.text.models import Description


class ModelSize(NamedTuple):
    """Numbers that a family shares, and what suits it."""

    width: int
    depth: int
    heads: int
    vocabulary: int  # of a tokenizer that is trained
    length: int
    rate: float


SIZES = {
    "tiny": ModelSize(128, 4, 4, 2_000, 256, 3e-3),
    "small": ModelSize(320, 6, 5, 8_000, 512, 1.5e-3),
    "gpt2": ModelSize(768, 12, 12, 50_257, 1_024, 6e-4),
}
VECTORS = r"(bias|scale|shift|pool_key|pool_value|distances)$"  # what does not decay, stacked over layers or not
LAYERS = r"groups.*\.(weight|gate|up|down)$"  # matrices of the layers


def described(size: str, kind: str, vocabulary: int, length: int, **others: Any) -> Description:
    """Return a model of a size: about 1, 10 or 124 million weights.

    Parameters
    ----------
    size : {"tiny", "small", "gpt2"}
        Width, depth and heads.
    kind : {"decoder", "encoder", "encoder-decoder"}
        GPT-2's layers, BERT's, or T5's.
    vocabulary : int
        Tokens there are.
    length : int
        Tokens it can read at once.
    **others
        Further fields of a `Description`, such as ``next_sentence``.

    Examples
    --------
    >>> described("tiny", "decoder", 2_000, 256).width
    128
    """
    chosen = choose("size", size, SIZES)
    shape = dict(vocabulary=vocabulary, width=chosen.width, depth=chosen.depth, heads=chosen.heads,
                 perceptron=4 * chosen.width, length=length, kind=kind)  # fmt: skip
    families = {
        "decoder": dict(family="gpt2"),
        "encoder": dict(
            family="bert", norm_first=False, epsilon=1e-12, activation="gelu", segments=2, norm_embeddings=True,
            final_norm=False, head="masked", read_at="first", head_layer="none",
        ),
        "encoder-decoder": dict(
            family="t5", norm="rms", epsilon=1e-6, positions="buckets", activation="relu", scale=1.0,
            bias_query=False, bias_output=False, bias_perceptron=False, head_scale=chosen.width**-0.5,
        ),
    }  # fmt: skip
    return Description(**{**shape, **families[kind], **others})  # pyright: ignore[reportArgumentType]


def language_optimiser(
    name: str,
    rate: float,
    updates: int,
    *,
    weight_decay: float = 0.1,
    floor: float = 0.1,
    clip: float | None = 1.0,
    accumulate: int = 1,
) -> Any:
    """Return a builder of the step rule, hashed by value.

    The rate rises over the first tenth of the updates and falls along a cosine; matrices decay, biases, norms and
    other vectors do not.

    Parameters
    ----------
    name : {"adamw", "muon"}
        With "muon" the layers' matrices move along orthogonalised gradients, scaled so that the same rate suits them
        (Jordan et al. 2024; Liu et al. 2025); embeddings, heads and vectors by AdamW in either case.
    rate : float
        Highest rate.
    updates : int
        Over which the rate falls.
    weight_decay : float
        Of matrices, times the rate.
    floor : float
        Share of the rate that is left at the end.
    clip : float, optional
        Norm that gradients have at most.
    accumulate : int
        Batches whose gradients are averaged for each update.
    """
    choose("optimiser", name, {"adamw": None, "muon": None})
    course: dict[str, Any] = {"schedule": "warmup_cosine", "updates": updates, "floor": floor, "betas": (0.9, 0.95)}
    groups = {VECTORS: optimiser("adamw", rate, **course)}
    if name == "muon":
        schedule = Schedule("warmup_cosine", as_array(rate), as_array(updates), as_array(floor))
        groups[LAYERS] = eqx.Partial(muon_of_layers, schedule, as_array(weight_decay))
    return optimiser(
        "adamw", rate, weight_decay=weight_decay, clip=clip, accumulate=accumulate, groups=groups, **course
    )


def muon_of_layers(schedule: Any, weight_decay: Any) -> optax.GradientTransformation:
    """Return Muon for matrices stacked over layers: the last two axes are those of a matrix."""
    return optax.contrib.muon(
        schedule, weight_decay=weight_decay, muon_weight_dimension_numbers=_last_two, consistent_rms=0.2
    )


def _last_two(weights: Any) -> Any:
    numbers = lambda a: MuonDimensionNumbers(a.ndim - 2, a.ndim - 1)
    return jax.tree.map(lambda a: a if isinstance(a, optax.MaskedNode) else numbers(a), weights,
                        is_leaf=lambda a: isinstance(a, optax.MaskedNode))  # fmt: skip
