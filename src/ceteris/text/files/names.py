"""What files call the tensors of a model: one table per family, read in both directions.

A line says: this name in the file is that place in `LanguageModel`. ``{i}`` counts layers and ``{e}`` experts. A
place that is a whole map or norm stands for its weight and constant, scale and shift. A prime means that the file has
the transpose (PyTorch's maps are (outputs, inputs), ours (inputs, outputs); maps are primed of themselves), and ``+``
that one tensor holds several of ours side by side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax

from ceteris.text.models import Description, LanguageModel
from ceteris.text.models.blocks import size_of

Table = dict[str, str]


@dataclass(frozen=True)
class Layout:
    """Names of a family: the model's, which stand behind a prefix where there is a head, and the heads'."""

    prefix: str
    base: Table
    heads: dict[str, Table] = field(default_factory=dict)  # by kind; "class" serves all that judge a whole text
    tied: Table = field(default_factory=dict)  # what some files hold twice: the embeddings as matrix of the head
    also: Table = field(default_factory=dict)  # further names of the model in files


def _bert_like(layer: str, inside: Table, more: Table) -> Table:
    embeddings = {
        "embeddings.word_embeddings.weight": "tokens",
        "embeddings.position_embeddings.weight": "places",
        "embeddings.token_type_embeddings.weight": "segments",
        "embeddings.LayerNorm": "norm",
    }
    return embeddings | {f"{layer}.{{i}}.{name}": f"encoder.{{i}}.{place}" for name, place in inside.items()} | more


BERT = _bert_like(
    "encoder.layer",
    {
        "attention.self.query": "attention.query",
        "attention.self.key": "attention.key",
        "attention.self.value": "attention.value",
        "attention.output.dense": "attention.output",
        "attention.output.LayerNorm": "attention_norm",
        "intermediate.dense": "forward.up",
        "output.dense": "forward.down",
        "output.LayerNorm": "forward_norm",
    },
    {"pooler.dense": "head.pooler"},
)
DISTILBERT = _bert_like(
    "transformer.layer",
    {
        "attention.q_lin": "attention.query",
        "attention.k_lin": "attention.key",
        "attention.v_lin": "attention.value",
        "attention.out_lin": "attention.output",
        "sa_layer_norm": "attention_norm",
        "ffn.lin1": "forward.up",
        "ffn.lin2": "forward.down",
        "output_layer_norm": "forward_norm",
    },
    {},
)
GPT2 = {
    "wte.weight": "tokens",
    "wpe.weight": "places",
    "h.{i}.ln_1": "decoder.{i}.attention_norm",
    "h.{i}.attn.c_attn.weight": "decoder.{i}.attention.query+key+value.weight",
    "h.{i}.attn.c_attn.bias": "decoder.{i}.attention.query+key+value.bias",
    "h.{i}.attn.c_proj.weight": "decoder.{i}.attention.output.weight",
    "h.{i}.attn.c_proj.bias": "decoder.{i}.attention.output.bias",
    "h.{i}.ln_2": "decoder.{i}.forward_norm",
    "h.{i}.mlp.c_fc.weight": "decoder.{i}.forward.up.weight",
    "h.{i}.mlp.c_fc.bias": "decoder.{i}.forward.up.bias",
    "h.{i}.mlp.c_proj.weight": "decoder.{i}.forward.down.weight",
    "h.{i}.mlp.c_proj.bias": "decoder.{i}.forward.down.bias",
    "ln_f": "decoder.norm",
}
LLAMA = {
    "embed_tokens.weight": "tokens",
    "layers.{i}.input_layernorm": "decoder.{i}.attention_norm",
    "layers.{i}.self_attn.q_proj": "decoder.{i}.attention.query",
    "layers.{i}.self_attn.k_proj": "decoder.{i}.attention.key",
    "layers.{i}.self_attn.v_proj": "decoder.{i}.attention.value",
    "layers.{i}.self_attn.o_proj": "decoder.{i}.attention.output",
    "layers.{i}.self_attn.q_norm": "decoder.{i}.attention.query_norm",
    "layers.{i}.self_attn.k_norm": "decoder.{i}.attention.key_norm",
    "layers.{i}.post_attention_layernorm": "decoder.{i}.forward_norm",
    "layers.{i}.mlp.gate_proj": "decoder.{i}.forward.gate",
    "layers.{i}.mlp.up_proj": "decoder.{i}.forward.up",
    "layers.{i}.mlp.down_proj": "decoder.{i}.forward.down",
    "norm": "decoder.norm",
}
MIXTRAL = LLAMA | {
    "layers.{i}.block_sparse_moe.gate.weight": "decoder.{i}.forward.router'",
    "layers.{i}.block_sparse_moe.experts.{e}.w1.weight": "decoder.{i}.forward.gate'",
    "layers.{i}.block_sparse_moe.experts.{e}.w3.weight": "decoder.{i}.forward.up'",
    "layers.{i}.block_sparse_moe.experts.{e}.w2.weight": "decoder.{i}.forward.down'",
}
DEEPSEEK = {
    **{name: place for name, place in LLAMA.items() if ".self_attn." not in name},
    "layers.{i}.self_attn.q_proj": "decoder.{i}.attention.query",
    "layers.{i}.self_attn.q_a_proj": "decoder.{i}.attention.query_in",
    "layers.{i}.self_attn.q_a_layernorm": "decoder.{i}.attention.query_norm",
    "layers.{i}.self_attn.q_b_proj": "decoder.{i}.attention.query",
    "layers.{i}.self_attn.kv_a_proj_with_mqa": "decoder.{i}.attention.latent",
    "layers.{i}.self_attn.kv_a_layernorm": "decoder.{i}.attention.latent_norm",
    "layers.{i}.self_attn.kv_b_proj": "decoder.{i}.attention.unfold",
    "layers.{i}.self_attn.o_proj": "decoder.{i}.attention.output",
    "layers.{i}.mlp.gate.weight": "decoder.{i}.forward.router'",
    "layers.{i}.mlp.gate.e_score_correction_bias": "decoder.{i}.forward.bias",
    "layers.{i}.mlp.experts.{e}.gate_proj.weight": "decoder.{i}.forward.gate'",
    "layers.{i}.mlp.experts.{e}.up_proj.weight": "decoder.{i}.forward.up'",
    "layers.{i}.mlp.experts.{e}.down_proj.weight": "decoder.{i}.forward.down'",
    "layers.{i}.mlp.shared_experts.gate_proj": "decoder.{i}.forward.shared.gate",
    "layers.{i}.mlp.shared_experts.up_proj": "decoder.{i}.forward.shared.up",
    "layers.{i}.mlp.shared_experts.down_proj": "decoder.{i}.forward.shared.down",
}
FUSED = {  # transformers 5 has all experts of a layer in one tensor
    "layers.{i}.mlp.gate.weight": "decoder.{i}.forward.router'",
    "layers.{i}.mlp.experts.gate_up_proj": "decoder.{i}.forward.gate+up'",
    "layers.{i}.mlp.experts.down_proj": "decoder.{i}.forward.down'",
}
_T5_SELF = {"q": "query", "k": "key", "v": "value", "o": "output"}
_T5_FORWARD = {"wi": "up", "wi_0": "gate", "wi_1": "up", "wo": "down"}


def _t5(stack: str, last: int) -> Table:
    block = f"{stack}.block.{{i}}.layer"
    table = {f"{block}.0.SelfAttention.{a}": f"{stack}.{{i}}.attention.{b}" for a, b in _T5_SELF.items()}
    table |= {
        f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight": f"{stack}.distances",
        f"{block}.0.layer_norm": f"{stack}.{{i}}.attention_norm",
    }
    if last == 2:
        table |= {f"{block}.1.EncDecAttention.{a}": f"{stack}.{{i}}.cross.{b}" for a, b in _T5_SELF.items()}
        table[f"{block}.1.layer_norm"] = f"{stack}.{{i}}.cross_norm"
    table |= {f"{block}.{last}.DenseReluDense.{a}": f"{stack}.{{i}}.forward.{b}" for a, b in _T5_FORWARD.items()}
    return table | {
        f"{block}.{last}.layer_norm": f"{stack}.{{i}}.forward_norm",
        f"{stack}.final_layer_norm": f"{stack}.norm",
    }


def _masked(transform: str, norm: str, bias: str) -> Table:
    return {transform: "head.layer", norm: "head.norm", bias: "head.bias"}


_NEXT = {"cls.seq_relationship": "head.following"}
_SCORE = {"tied": {}, "own": {"lm_head": "head.out"}, "class": {"score": "head.out"}, "token": {"score": "head.out"}}
_TIED = {"lm_head.weight": "tokens"}
_LLAMA = Layout("model.", LLAMA, _SCORE, _TIED)
LAYOUTS = {
    "bert": Layout(
        "bert.", BERT,
        {
            "none": _NEXT,
            "masked": _masked(
                "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias"
            ) | _NEXT,
            "class": {"bert.pooler.dense": "head.layer", "classifier": "head.out"},
            "token": {"classifier": "head.out"},
        },
        {"cls.predictions.decoder.weight": "tokens", "cls.predictions.decoder.bias": "head.bias"},
    ),
    "roberta": Layout(
        "roberta.", BERT,
        {
            "masked": _masked("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),
            "class": {"classifier.dense": "head.layer", "classifier.out_proj": "head.out"},
            "token": {"classifier": "head.out"},
        },
        {"lm_head.decoder.weight": "tokens", "lm_head.decoder.bias": "head.bias"},
    ),
    "distilbert": Layout(
        "distilbert.", DISTILBERT,
        {
            "masked": _masked("vocab_transform", "vocab_layer_norm", "vocab_projector.bias"),
            "class": {"pre_classifier": "head.layer", "classifier": "head.out"},
            "token": {"classifier": "head.out"},
        },
        {"vocab_projector.weight": "tokens"},
    ),
    "gpt2": Layout("transformer.", GPT2, _SCORE | {"token": {"classifier": "head.out"}}, _TIED),
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), _LLAMA),
    "mixtral": Layout("model.", MIXTRAL, _SCORE, _TIED, FUSED),
    "deepseek_v3": Layout("model.", DEEPSEEK, _SCORE, _TIED, FUSED),
    "t5": Layout(
        "", {"shared.weight": "tokens", **_t5("encoder", 1), **_t5("decoder", 2)},
        {"tied": {}, "own": {"lm_head": "head.out"}},
        _TIED, {"encoder.embed_tokens.weight": "tokens", "decoder.embed_tokens.weight": "tokens"},
    ),
}  # fmt: skip
# Buffers that say nothing of the model, and what some versions wrote by mistake.
NEEDLESS = re.compile(
    r".*(\.position_ids|rotary_emb\.inv_freq|\.attn\.(masked_)?bias|EncDecAttention\.relative_attention_bias\.weight)"
)
TEXT_HEADS = ("class", "labels", "regression", "reward")


class Slot(NamedTuple):
    """Where a tensor of a file belongs."""

    parts: tuple[tuple[str, tuple[int, ...]], ...]  # leaf of the model, and where in it
    transposed: bool


def leaves_of(model: LanguageModel) -> dict[str, Any]:
    """Return the arrays of a model (or their shapes) by where they are in it."""
    return {jax.tree_util.keystr(path)[1:]: leaf for path, leaf in jax.tree_util.tree_flatten_with_path(model)[0]}


def slots_of(model: LanguageModel) -> tuple[dict[str, Slot], dict[str, Slot]]:
    """Return the names that we write for a model, and all that we read for it, each with its place."""
    about = model.description
    layout, head = LAYOUTS[about.family], "class" if about.head in TEXT_HEADS else about.head
    base = {name: place for name, place in layout.base.items() if not _of_another_variant(about).search(name)}
    heads = layout.heads.get(head, {})
    find = _Finder(model)
    alone = head == "none" and not about.next_sentence
    written = find.every(base, "" if alone else layout.prefix) | find.every(heads)
    read = find.every(layout.also, layout.prefix) | find.every(layout.also) | find.every(base, layout.prefix)
    read |= find.every(base) | find.every({name.removeprefix(layout.prefix): place for name, place in heads.items()})
    if head in ("tied", "masked"):
        read |= find.every(layout.tied)
    return written, read | written


def _of_another_variant(about: Description) -> re.Pattern[str]:
    """Names for what this model does in another way: the feed-forward part of T5, queries of latent attention."""
    gated = r"\.wi$" if about.gated else r"\.wi_[01]$"
    ranked = r"q_proj$" if about.latent is not None and about.latent.query_rank else r"q_[ab]_"
    return re.compile(gated if about.family == "t5" else ranked if about.latent is not None else r"(?!)")


class _Finder:
    """Finds what lines of a table stand for in one model."""

    def __init__(self, model: LanguageModel):
        self.leaves, self.rule = leaves_of(model), model.description.experts
        self.layers: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
        for name, stack in (("encoder", model.encoder), ("decoder", model.decoder)):
            self.layers[name] = [] if stack is None else list(_layers(name, stack.groups))

    def every(self, table: Table, prefix: str = "") -> dict[str, Slot]:
        """Return all names of a table, those of layers and experts written out, with their slots."""
        return {prefix + name: slot for line in table.items() for name, slot in self._line(*line)}

    def _line(self, name: str, place: str) -> Iterator[tuple[str, Slot]]:
        if "{i}" not in place:
            yield from self._found(name, place, ())
            return
        stack, _, inside = place.partition(".{i}.")
        experts = range(self.rule.count) if "{e}" in name and self.rule is not None else (None,)
        for i, (where, row) in enumerate(self.layers[stack]):
            for e in experts:
                at = row if e is None else (*row, e)
                yield from self._found(name.format(i=i, e=e), f"{where}.{inside}", at)

    def _found(self, name: str, place: str, at: tuple[int, ...]) -> Iterator[tuple[str, Slot]]:
        if not name.endswith((".weight", "bias")) and not place.endswith("'"):  # a whole map or norm
            for there, here, transposed in _PARTS:
                if f"{place}.{here}" in self.leaves:
                    yield f"{name}.{there}", Slot(((f"{place}.{here}", at),), transposed)
            return
        bare = place.removesuffix("'")
        places = [bare.replace(several, one) for several in _SEVERAL.findall(bare) for one in several.split("+")]
        if all(one in self.leaves for one in places or [bare]):
            yield name, Slot(tuple((one, at) for one in places or [bare]), place != bare)


_SEVERAL = re.compile(r"\w+(?:\+\w+)+")
_PARTS = (  # of a map or a norm: in the file, in the model, whether transposed; old files say gamma and beta
    ("weight", "weight", True), ("bias", "bias", False), ("weight", "scale", False), ("bias", "shift", False),
    ("gamma", "scale", False), ("beta", "shift", False),
)  # fmt: skip


def _layers(name: str, groups: Iterable[Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield where each layer is: in a stack of layers with a row of its own, or by itself."""
    for g, group in enumerate(groups):
        apart = isinstance(group, tuple)
        for row in range(size_of(group)):
            yield (f"{name}.groups[{g}][{row}]", ()) if apart else (f"{name}.groups[{g}]", (row,))


def other_heads(family: str) -> re.Pattern[str]:
    """Return the names of all heads of a family, and of what only they need: left out where another head is asked for.

    Examples
    --------
    >>> bool(other_heads("bert").match("cls.predictions.bias")), bool(other_heads("bert").match("embeddings.norm"))
    (True, False)
    """
    layout = LAYOUTS[family]
    names = {*layout.tied, "pooler.dense", f"{layout.prefix}pooler.dense"}
    names |= {name for table in layout.heads.values() for name in table}
    return re.compile("(" + "|".join(re.escape(name) for name in sorted(names)) + r")(\.|$)")
