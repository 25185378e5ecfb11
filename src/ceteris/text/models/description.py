"""What a transformer is made of, as frozen values: one description covers every family this part knows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_type_hints

from ceteris.arguments import Rule, a_number, a_whole_number, one_of, require

A_COUNT, A_SIZE = a_whole_number(0, 2**32), a_number(least=0)
TRUTH = Rule("True or False", lambda given: isinstance(given, bool))
TRUTHS = Rule("a tuple of True and False, one per layer", lambda v: isinstance(v, tuple) and all(map(TRUTH.holds, v)))
COUNTS = Rule("a tuple of whole numbers", lambda given: isinstance(given, tuple) and all(map(A_COUNT.holds, given)))
RULES = {  # by the type of a field
    "int": A_COUNT, "int | None": A_COUNT.or_none(), "float": A_SIZE, "float | None": A_SIZE.or_none(), "bool": TRUTH,
    "tuple[bool, ...] | None": TRUTHS.or_none(), "tuple[int, ...]": COUNTS,
}  # fmt: skip
NEEDED = {"vocabulary": 2**32, "width": 2**32, "depth": 10_000, "heads": 2**32, "perceptron": 2**32, "length": 2**32}


def check_fields(value: Any) -> None:
    """Hold every field of a description or a rule against its type."""
    name, hints = type(value).__name__, get_type_hints(type(value))
    for field in fields(value):
        given, place = getattr(value, field.name), f"{name}: {field.name}"
        if str(field.type).startswith("Literal"):
            one_of(place, given, get_args(hints[field.name]))
        elif field.type in RULES:
            require(place, given, RULES[str(field.type)])


@dataclass(frozen=True)
class RotaryRule:
    """How queries and keys are turned by their position (Su et al. 2021), and how that is stretched to longer texts.

    Parameters
    ----------
    theta : float
        Base of the wavelengths.
    share : float
        Of the numbers of a head, from the first on; the others are not turned.
    interleaved : bool
        Whether neighbours are turned together, else a number and the one half a head further on.
    scaling : {"none", "linear", "llama3", "yarn"}
        How long wavelengths are stretched.
    factor : float
        By how much.
    original : int
        Length that was trained before the stretch.
    low : float
        Of "llama3": turns within the original length below which a wavelength is stretched in full.
    high : float
        Those above which it is not stretched.
    slow : float
        Of "yarn": what `low` is of "llama3".
    fast : float
        Of "yarn": what `high` is.
    multiplier : float
        On cosines and sines ("yarn").
    """

    theta: float = 10_000.0
    share: float = 1.0
    interleaved: bool = False
    scaling: Literal["none", "linear", "llama3", "yarn"] = "none"
    factor: float = 1.0
    original: int = 0
    low: float = 1.0
    high: float = 4.0
    slow: float = 1.0
    fast: float = 32.0
    multiplier: float = 1.0


@dataclass(frozen=True)
class LatentRule:
    """Multi-head latent attention (DeepSeek 2024): keys and values are made of one short vector that is remembered.

    Parameters
    ----------
    rank : int
        Numbers in the latent vector of keys and values.
    query_rank : int or None
        Numbers in that of queries; with None these are made directly.
    plain : int
        Numbers of a head's query and key that are not turned.
    turned : int
        Numbers that are; all heads share the key's.
    value : int
        Numbers of a head's value.
    """

    rank: int
    query_rank: int | None
    plain: int
    turned: int
    value: int


@dataclass(frozen=True)
class ExpertRule:
    """A mixture of experts in place of the feed-forward part: each token is worked on by a few of many.

    Parameters
    ----------
    count : int
        Experts.
    active : int
        That work on a token.
    width : int
        Units of each.
    shared : int
        Units of a further one that works on every token; zero for none.
    dense : int
        First layers that have one feed-forward part and no experts.
    router : {"softmax", "sigmoid"}
        What makes scores of logits; with "sigmoid" a bias is added for the selection only (DeepSeek-V3).
    groups : int
        Of experts; a token goes to those of the best groups only.
    best_groups : int
        How many.
    renormalise : bool
        Whether the weights of a token's experts sum to one (before `scale`).
    scale : float
        On these weights.
    balance : float
        Weight of the balance loss N Σ fᵢ Pᵢ in training.
    """

    count: int
    active: int
    width: int
    shared: int = 0
    dense: int = 0
    router: Literal["softmax", "sigmoid"] = "softmax"
    groups: int = 1
    best_groups: int = 1
    renormalise: bool = True
    scale: float = 1.0
    balance: float = 0.0


@dataclass(frozen=True)
class SparseRule:
    """Native sparse attention (Yuan et al. 2025): compressed blocks, the best blocks in full, and a window, gated.

    Parameters
    ----------
    block : int
        Tokens of a block.
    chosen : int
        Blocks that a token reads in full, its own among them.
    window : int
        Last tokens that it reads in any case.
    """

    block: int = 16
    chosen: int = 4
    window: int = 64


@dataclass(frozen=True)
class Description:
    """A transformer, in full: with its weights, this is all that is needed to run it.

    Parameters
    ----------
    vocabulary : int
        Tokens there are.
    width : int
        Numbers in the vector of a token.
    depth : int
        Layers; of an encoder-decoder's encoder.
    heads : int
        Of queries, in each attention.
    perceptron : int
        Units of each feed-forward part.
    length : int
        Positions at most.
    kind : {"decoder", "encoder", "encoder-decoder"}
        Whether tokens look back only, both ways, or one after the other.
    decoder_depth : int, optional
        Layers of an encoder-decoder's decoder; by default `depth`.
    family : str
        Whose names and layout its files have: "gpt2", "bert" and so on.
    norm : {"layer", "rms"}
        Normalisation.
    norm_first : bool
        Whether it comes before each part (pre-norm), else after the sum.
    epsilon : float
        Added to the variance.
    positions : {"learnt", "rotary", "buckets", "sinusoidal", "none"}
        How the order is known; "buckets" are T5's biases of distances.
    offset : int
        Learnt positions start at this row; with `pad_positions` they do so at each text's first token.
    pad_positions : bool
        RoBERTa's rule: only tokens that are not padding are counted.
    rotary : RotaryRule
        For "rotary".
    buckets : int
        For "buckets": how many there are.
    distance : int
        For "buckets": from here on all distances share one.
    activation : {"gelu", "gelu_tanh", "relu", "silu", "tanh"}
        Of the feed-forward part.
    gated : bool
        Whether it is act(x G) * (x U) rather than act(x U).
    key_value_heads : int, optional
        Heads of keys and values; by default `heads`, one is multi-query attention.
    head_size : int, optional
        Numbers of a head; by default width / heads.
    bias_query : bool
        Whether the maps to queries, keys and values have a constant.
    bias_output : bool
        Whether the map of what attention gives has one.
    bias_perceptron : bool
        Whether those of the feed-forward part have.
    query_key_norm : bool
        Whether queries and keys of each head are normalised before they are turned.
    window : int, optional
        Tokens that a token sees, itself included; all by default.
    windowed : tuple of bool, optional
        Layers with that window; by default all.
    scale : float, optional
        On products of queries and keys; by default one over the root of their size.
    latent : LatentRule, optional
        Multi-head latent attention.
    experts : ExpertRule, optional
        Mixture of experts.
    sparse : SparseRule, optional
        Sparse attention.
    segments : int
        Kinds of segments with a vector of their own (BERT has two).
    norm_embeddings : bool
        Whether the sum of embeddings is normalised.
    final_norm : bool
        Whether what leaves the last layer is.
    head : {"none", "tied", "own", "masked", "class", "token", "labels", "regression", "reward"}
        What is made of the last vectors: logits of tokens by the embeddings themselves, by a matrix of its own, after
        BERT's transform; classes of a text, of each token, several labels, numbers, one reward.
    outputs : int
        Classes or numbers a head gives.
    read_at : {"first", "last"}
        Which token stands for the text in "class", "labels", "regression" and "reward".
    head_layer : {"none", "tanh", "relu"}
        Activation of a further affine layer in such a head.
    pooler : bool
        Whether the first token goes through an affine map and tanh (BERT's), for `pooled` and next sentences.
    next_sentence : bool
        Whether two logits say if one text follows another.
    head_scale : float
        On the last vectors before tied logits (T5: width ** -0.5).
    pad : int, optional
        Token that fills up.
    start : int, optional
        Token an encoder-decoder's decoder begins with.
    end : tuple of int
        Tokens that end a text.
    dropout : float
        Share dropped in training.

    Examples
    --------
    >>> tiny = Description(vocabulary=100, width=32, depth=2, heads=4, perceptron=64, length=64)
    >>> tiny.per_head, tiny.kv
    (8, 4)
    """

    vocabulary: int
    width: int
    depth: int
    heads: int
    perceptron: int
    length: int
    kind: Literal["decoder", "encoder", "encoder-decoder"] = "decoder"
    decoder_depth: int | None = None
    family: str = "gpt2"
    norm: Literal["layer", "rms"] = "layer"
    norm_first: bool = True
    epsilon: float = 1e-5
    positions: Literal["learnt", "rotary", "buckets", "sinusoidal", "none"] = "learnt"
    offset: int = 0
    pad_positions: bool = False
    rotary: RotaryRule = RotaryRule()
    buckets: int = 32
    distance: int = 128
    activation: Literal["gelu", "gelu_tanh", "relu", "silu", "tanh"] = "gelu_tanh"
    gated: bool = False
    key_value_heads: int | None = None
    head_size: int | None = None
    bias_query: bool = True
    bias_output: bool = True
    bias_perceptron: bool = True
    query_key_norm: bool = False
    window: int | None = None
    windowed: tuple[bool, ...] | None = None
    scale: float | None = None
    latent: LatentRule | None = None
    experts: ExpertRule | None = None
    sparse: SparseRule | None = None
    segments: int = 0
    norm_embeddings: bool = False
    final_norm: bool = True
    head: Literal["none", "tied", "own", "masked", "class", "token", "labels", "regression", "reward"] = "tied"
    outputs: int = 0
    read_at: Literal["first", "last"] = "last"
    head_layer: Literal["none", "tanh", "relu"] = "none"
    pooler: bool = False
    next_sentence: bool = False
    head_scale: float = 1.0
    pad: int | None = None
    start: int | None = None
    end: tuple[int, ...] = ()
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name, most in NEEDED.items():
            require(f"Description: {name}", getattr(self, name), a_whole_number(1, most))
        for part in (self, self.rotary, self.latent, self.experts, self.sparse):
            if part is not None:
                check_fields(part)
        if self.windowed is not None and len(self.windowed) != self.depth:
            raise ValueError(
                f"Description: windowed holds {len(self.windowed)}, but must hold {self.depth}, one for each layer; "
                "give as many."
            )
        if self.experts is not None and not 0 < self.experts.active <= self.experts.count <= 100_000:
            raise ValueError(
                f"ExpertRule: active is {self.experts.active}, but must be a whole number of at least 1 and at most "
                f"count, {self.experts.count}, which may be 100,000; give one."
            )
        if self.head_size is None and self.latent is None and self.width % self.heads:
            raise ValueError(
                f"Description: heads is {self.heads}, but must divide the width, {self.width}; give such a number."
            )
        if self.heads % self.kv:
            raise ValueError(
                f"Description: key_value_heads is {self.kv}, but must divide heads, {self.heads}; give such a number."
            )
        if self.head in ("class", "token", "labels", "regression") and self.outputs < 1:
            raise ValueError(
                f"Description: outputs is {self.outputs}, but must be a whole number of at least 1 for the head "
                f"{self.head!r}; give one."
            )

    @property
    def per_head(self) -> int:
        """Numbers in a query and a key of a head."""
        if self.latent is not None:
            return self.latent.plain + self.latent.turned
        return self.head_size or self.width // self.heads

    @property
    def kv(self) -> int:
        """Heads of keys and values."""
        return self.key_value_heads or self.heads
