"""A model's config.json and its `Description`: each made of the other."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

from ceteris.arguments import listed, one_of, shown
from ceteris.text.models import Description, ExpertRule, LatentRule, RotaryRule
from ceteris.text.models.attention import score_scale

Config = Mapping[str, Any]
_GPT2 = dict(
    vocabulary="vocab_size", width="n_embd", depth="n_layer", heads="n_head", length="n_positions",
    epsilon="layer_norm_epsilon", activation="activation_function", dropout="resid_pdrop",
)  # fmt: skip
_BERT = dict(
    vocabulary="vocab_size", width="hidden_size", depth="num_hidden_layers", heads="num_attention_heads",
    perceptron="intermediate_size", length="max_position_embeddings", epsilon="layer_norm_eps", activation="hidden_act",
    segments="type_vocab_size", dropout="hidden_dropout_prob",
)  # fmt: skip
_DISTILBERT = dict(
    vocabulary="vocab_size", width="dim", depth="n_layers", heads="n_heads", perceptron="hidden_dim",
    length="max_position_embeddings", activation="activation", dropout="dropout",
)  # fmt: skip
_LLAMA = dict(
    vocabulary="vocab_size", width="hidden_size", depth="num_hidden_layers", heads="num_attention_heads",
    perceptron="intermediate_size", length="max_position_embeddings", epsilon="rms_norm_eps", activation="hidden_act",
    key_value_heads="num_key_value_heads", head_size="head_dim",
)  # fmt: skip
_T5 = dict(
    vocabulary="vocab_size", width="d_model", depth="num_layers", decoder_depth="num_decoder_layers", heads="num_heads",
    head_size="d_kv", perceptron="d_ff", length="n_positions", epsilon="layer_norm_epsilon", dropout="dropout_rate",
    buckets="relative_attention_num_buckets", distance="relative_attention_max_distance",
)  # fmt: skip
KEYS = {  # what a field is called there, where it is the same value
    "gpt2": _GPT2, "bert": _BERT, "roberta": _BERT, "distilbert": _DISTILBERT,
    **dict.fromkeys(("llama", "mistral", "mixtral", "qwen2", "qwen3"), _LLAMA),
    "deepseek_v3": {ours: theirs for ours, theirs in _LLAMA.items() if ours not in ("head_size", "key_value_heads")},
    "t5": _T5,
}  # fmt: skip
OPTIONAL = {  # values where a config does not say
    "length": 512, "epsilon": 1e-6, "dropout": 0.0, "segments": 0, "key_value_heads": None, "head_size": None,
    "decoder_depth": None, "activation": "gelu_new", "buckets": 32, "distance": 128,
}  # fmt: skip
ACTIVATIONS = {
    "gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu_fast": "gelu_tanh", "relu": "relu",
    "silu": "silu", "swish": "silu", "tanh": "tanh",
}  # fmt: skip
CLASSES = {  # families as the names of their classes spell them
    "gpt2": "GPT2", "bert": "Bert", "roberta": "Roberta", "distilbert": "DistilBert", "llama": "Llama", "qwen2": "Qwen2",
    "qwen3": "Qwen3", "mistral": "Mistral", "mixtral": "Mixtral", "deepseek_v3": "DeepseekV3", "t5": "T5",
}  # fmt: skip
ENCODERS = ("bert", "roberta", "distilbert")
JUDGES = ("class", "token", "labels", "regression")  # heads with as many outputs as one likes
PROBLEMS = {
    "single_label_classification": "class", "multi_label_classification": "labels", "regression": "regression",
}  # fmt: skip


def describe(
    config: Config, names: Collection[str] = (), head: str | None = None, outputs: int | None = None
) -> Description:
    """Return the description that a config.json amounts to.

    Parameters
    ----------
    config : mapping
        What config.json holds, in the layout of transformers 5 or of those before.
    names : collection of str
        Of the tensors, which decide what the config leaves open: whether the head is the embeddings once more, and
        whether the model ends with BERT's summary of a text.
    head : str, optional
        Another head than the one in the files.
    outputs : int, optional
        Of that head.

    Examples
    --------
    >>> describe({"model_type": "gpt2", "vocab_size": 9, "n_embd": 8, "n_layer": 1, "n_head": 2}).activation
    'gelu_tanh'
    """
    family = config.get("model_type")
    if family not in KEYS:
        one_of("config.json: model_type", family, _by_likeness(family, KEYS))
    fields = {ours: _value(config, theirs, ours) for ours, theirs in KEYS[family].items()}
    if "activation" in fields:
        fields["activation"] = ACTIVATIONS[one_of("config.json: its activation", fields["activation"], ACTIVATIONS)]
    if family in ENCODERS:
        fields |= _encoder(config, family)
    elif family == "gpt2":
        fields |= _gpt2(config)
    elif family == "t5":
        fields |= _t5(config, names)
    else:
        fields |= _llama(config, family)
    ends = config.get("eos_token_id")
    fields |= {"pad": config.get("pad_token_id"), "end": tuple(ends) if isinstance(ends, list) else (ends,)}
    fields["end"] = tuple(end for end in fields["end"] if end is not None)
    fields |= _head(config, family, names, head, outputs)
    if family == "t5" and fields["head"] == "none":
        fields["head_scale"] = 1.0
    return Description(family=family, **fields)


def _by_likeness(given: Any, names: Collection[str]) -> list[str]:
    return sorted(names, key=lambda name: -SequenceMatcher(None, str(given).lower(), name.lower()).ratio())


def _value(config: Config, theirs: str, ours: str) -> Any:
    found = config.get(theirs)
    if found is None and ours in OPTIONAL:
        return OPTIONAL[ours]
    number = isinstance(found, int | float) and not isinstance(found, bool)
    if number or (ours == "activation" and isinstance(found, str)):
        return found
    raise ValueError(
        f"config.json: {theirs} is {shown(found)}, but must be a number; restore it from the model's source."
    )


def _plain(config: Config, key: str, *allowed: Any) -> None:
    """Refuse a variant that this transformer does not have."""
    if config.get(key, allowed[0]) not in allowed:
        raise ValueError(
            f"config.json: {key} is {shown(config[key])}, but must be {listed(map(repr, allowed))}; use another model, "
            "this variant is not supported."
        )


# -------------------------------------------------------------------------------------------------- families


def _encoder(config: Config, family: str) -> dict[str, Any]:
    _plain(config, "position_embedding_type", "absolute")
    _plain(config, "is_decoder", False)
    found: dict[str, Any] = {"kind": "encoder", "norm_first": False, "norm_embeddings": True, "final_norm": False}
    found["epsilon"] = config.get("layer_norm_eps", 1e-12)
    if family == "roberta":  # positions start behind the padding token's number
        first = int(config.get("pad_token_id") or 1) + 1
        found |= {"offset": first, "pad_positions": True, "length": int(config["max_position_embeddings"]) - first}
    return found


def _gpt2(config: Config) -> dict[str, Any]:
    _plain(config, "scale_attn_by_inverse_layer_idx", False)
    _plain(config, "scale_attn_weights", True)
    _plain(config, "add_cross_attention", False)
    length = config.get("n_positions") or config.get("n_ctx") or 1024
    return {
        "perceptron": config.get("n_inner") or 4 * config["n_embd"],
        "length": length,
        "epsilon": config.get("layer_norm_epsilon", 1e-5),
    }


def _llama(config: Config, family: str) -> dict[str, Any]:
    constants = bool(config.get("attention_bias", False))
    found: dict[str, Any] = {
        "norm": "rms", "positions": "rotary", "gated": True, "bias_query": constants, "bias_output": constants,
        "bias_perceptron": bool(config.get("mlp_bias", False)), "rotary": _rotary(config),
    }  # fmt: skip
    if family == "qwen2":
        found |= {"bias_query": True, "bias_output": False}
    if family == "qwen3":
        found |= {"query_key_norm": True, "head_size": config.get("head_dim") or 128}
    if family in ("qwen2", "qwen3"):
        found |= _qwen_window(config)
    if family in ("mistral", "mixtral"):
        found["window"] = config.get("sliding_window")
    if family == "mixtral":
        found["experts"] = ExpertRule(
            count=config["num_local_experts"], active=config["num_experts_per_tok"], width=config["intermediate_size"],
            balance=config.get("router_aux_loss_coef", 0.0),
        )  # fmt: skip
    return found | (_deepseek(config) if family == "deepseek_v3" else {})


def _qwen_window(config: Config) -> dict[str, Any]:
    """Qwen's files name a window that is used only if `use_sliding_window` says so, and then by some layers."""
    if not config.get("use_sliding_window", False) or config.get("sliding_window") is None:
        return {}
    depth = int(config["num_hidden_layers"])
    kinds = config.get("layer_types")
    near = (
        tuple(kind == "sliding_attention" for kind in kinds)
        if kinds
        else tuple(i >= config.get("max_window_layers", 28) for i in range(depth))
    )
    return {"window": config["sliding_window"], "windowed": near} if any(near) else {}


def _deepseek(config: Config) -> dict[str, Any]:
    _plain(config, "moe_layer_freq", 1)
    _plain(config, "scoring_func", "sigmoid")
    latent = LatentRule(
        rank=config["kv_lora_rank"], query_rank=config.get("q_lora_rank"), plain=config["qk_nope_head_dim"],
        turned=config["qk_rope_head_dim"], value=config["v_head_dim"],
    )  # fmt: skip
    experts = ExpertRule(
        count=config["n_routed_experts"], active=config["num_experts_per_tok"], width=config["moe_intermediate_size"],
        shared=int(config.get("n_shared_experts") or 0) * config["moe_intermediate_size"],
        dense=config.get("first_k_dense_replace", 0), router="sigmoid", groups=config.get("n_group") or 1,
        best_groups=config.get("topk_group") or 1, renormalise=config.get("norm_topk_prob", True),
        scale=config.get("routed_scaling_factor", 1.0),
    )  # fmt: skip
    rope = _rope(config)
    stretched = rope.get("rope_type") not in (None, "default")
    scale = score_scale(latent.plain + latent.turned, _factor(config, rope), rope.get("mscale_all_dim") or 0.0)
    return {"latent": latent, "experts": experts, "scale": scale if stretched else None}


def _t5(config: Config, names: Collection[str]) -> dict[str, Any]:
    kind = str(config.get("feed_forward_proj", "relu"))
    act = {"gated-gelu": "gelu_new"}.get(kind, kind.removeprefix("gated-"))
    tied = bool(config.get("tie_word_embeddings", True))
    scaled = config.get("scale_decoder_outputs", tied)  # before transformers 5 a tied matrix said so
    alone = bool(names) and not any(name.startswith("decoder.") for name in names)
    return {
        "kind": "encoder" if alone else "encoder-decoder", "norm": "rms", "positions": "buckets", "scale": 1.0,
        "gated": kind.startswith("gated-"), "bias_query": False, "bias_output": False, "bias_perceptron": False,
        "activation": ACTIVATIONS[one_of("config.json: its activation", act, ACTIVATIONS)],
        "head_scale": int(config["d_model"]) ** -0.5 if scaled else 1.0,
        "start": config.get("decoder_start_token_id", 0), "decoder_depth": None if alone else config.get("num_decoder_layers"),
    }  # fmt: skip


def _rope(config: Config) -> dict[str, Any]:
    """What turns queries and keys, in the layout of transformers 5, whichever config.json has."""
    rope = dict(config.get("rope_parameters") or {"rope_type": "default", **(config.get("rope_scaling") or {})})
    rope["rope_type"] = (config.get("rope_scaling") or {}).get("type", rope.get("rope_type") or rope.get("type"))
    rope.setdefault("rope_theta", config.get("rope_theta", 10_000.0))
    return rope


def _factor(config: Config, rope: Config) -> float:
    trained = rope.get("original_max_position_embeddings") or config["max_position_embeddings"]
    return float(rope.get("factor") or config["max_position_embeddings"] / trained)


def _rotary(config: Config) -> RotaryRule:
    rope = _rope(config)
    kinds = {"default": "none", "linear": "linear", "llama3": "llama3", "yarn": "yarn"}
    kind = kinds[one_of("config.json: rope_type", rope["rope_type"] or "default", kinds)]
    interleaved = config.get("model_type") == "deepseek_v3" and bool(config.get("rope_interleave", True))
    rule: dict[str, Any] = {
        "theta": float(rope["rope_theta"]), "share": float(rope.get("partial_rotary_factor", 1.0)),
        "interleaved": interleaved, "scaling": kind,
    }  # fmt: skip
    if kind != "none":
        rule["factor"] = factor = _factor(config, rope)
    if kind in ("llama3", "yarn"):
        rule["original"] = int(rope.get("original_max_position_embeddings") or config["max_position_embeddings"])
    if kind == "llama3":
        rule |= {"low": rope["low_freq_factor"], "high": rope["high_freq_factor"]}
    if kind == "yarn":
        _plain(rope, "truncate", True)
        stretch = lambda m: 0.1 * m * math.log(factor) + 1 if factor > 1 else 1.0
        m, everywhere = rope.get("mscale"), rope.get("mscale_all_dim")
        default = stretch(m) / stretch(everywhere) if m and everywhere else stretch(1)
        rule |= {"slow": rope.get("beta_slow") or 1, "fast": rope.get("beta_fast") or 32}
        rule["multiplier"] = rope.get("attention_factor") or default
    return RotaryRule(**rule)


# ----------------------------------------------------------------------------------------------------- heads


def heads_of(family: str) -> tuple[str, ...]:
    """Return the heads that models of a family can have."""
    if family == "t5":
        return ("none", "tied", "own")
    return ("none", "masked", *JUDGES) if family in ENCODERS else ("none", "tied", "own", *JUDGES, "reward")


def _head(config: Config, family: str, names: Collection[str], head: str | None, outputs: int | None) -> dict[str, Any]:
    own = not config.get("tie_word_embeddings", family == "gpt2")
    if family == "t5":  # transformers 5 calls all of them tied
        own = "lm_head.weight" in names
    given = head
    if head is None:
        head = _named(config, family, names)
        head = ("own" if own else "tied") if head == "next" else head
    one_of("head", head, heads_of(family))
    found: dict[str, Any] = {"head": head}
    if family in ENCODERS:
        found["read_at"] = "first"
        if head in ("class", "labels", "regression"):
            found["head_layer"] = "relu" if family == "distilbert" else "tanh"
        elif given is None or head == "none":
            found["pooler"] = any(name.endswith("pooler.dense.weight") for name in names)
            found["next_sentence"] = "cls.seq_relationship.weight" in names
    if head in JUDGES:
        labels = config.get("id2label")
        there = len(labels) if labels else config.get("num_labels") or 2
        found["outputs"] = there if outputs is None else outputs
    if head == "reward":
        found["outputs"] = 1
    return found


def _named(config: Config, family: str, names: Collection[str]) -> str:
    """Return the head that the name of the model's class tells, or where there is none, the names of tensors."""
    stem = CLASSES[family]
    classes = {f"{stem}Model": "none", f"{stem}ForTokenClassification": "token"}
    if family in ENCODERS:
        classes |= {f"{stem}ForMaskedLM": "masked", f"{stem}ForSequenceClassification": "class"}
        if family == "bert":
            classes |= {"BertForPreTraining": "masked", "BertForNextSentencePrediction": "none"}
    elif family == "t5":
        classes = {"T5Model": "none", "T5EncoderModel": "none", "T5ForConditionalGeneration": "next"}
        classes["T5WithLMHeadModel"] = "next"
    else:
        classes |= {f"{stem}ForCausalLM": "next", f"{stem}ForSequenceClassification": "class"}
        if family == "gpt2":
            classes["GPT2LMHeadModel"] = "next"
    given = (config.get("architectures") or [None])[0]
    if given is None:
        masked = ("cls.predictions.bias", "lm_head.bias", "vocab_projector.bias")
        encoder = "masked" if any(name in names for name in masked) else "none"
        return encoder if family in ENCODERS else "next"
    if given not in classes:
        one_of("config.json: architectures", given, _by_likeness(given, classes))
    head = classes[given]
    if head != "class":
        return head
    one = len(config.get("id2label") or "two") == 1
    if one and config.get("problem_type") is None and family not in ENCODERS:
        return "reward"
    return PROBLEMS.get(str(config.get("problem_type")), "regression" if one else "class")


# ------------------------------------------------------------------------------------------- back to config.json


def configured(about: Description) -> dict[str, Any]:
    """Return a config.json for a description, in the layout that all versions of transformers read.

    Examples
    --------
    >>> shape = dict(vocabulary=9, width=8, depth=1, heads=2, perceptron=16, length=8)
    >>> config = configured(Description(**shape))
    >>> config["architectures"], config["n_inner"]
    (['GPT2LMHeadModel'], 16)
    """
    family = about.family
    full = settled(about)
    config: dict[str, Any] = {"model_type": family, "architectures": [_class_of(about)]}
    config |= {theirs: getattr(full, ours) for ours, theirs in KEYS[family].items()}
    back = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())}
    if "activation" in KEYS[family]:
        config[KEYS[family]["activation"]] = back[about.activation]
    if family == "roberta":
        config["max_position_embeddings"] = about.length + about.offset
    if family == "gpt2":
        config["n_inner"] = about.perceptron
    if family == "t5":
        act = "gelu" if about.gated and about.activation == "gelu_tanh" else back[about.activation]
        config["feed_forward_proj"] = f"gated-{act}" if about.gated else act
        config |= {"scale_decoder_outputs": about.head_scale != 1, "decoder_start_token_id": about.start}
        config["is_encoder_decoder"] = about.kind == "encoder-decoder"
    if about.positions == "rotary":
        config |= _llama_config(about)
    config["tie_word_embeddings"] = about.head_scale != 1 if family == "t5" else about.head in ("tied", "masked")
    config |= {"pad_token_id": about.pad, "eos_token_id": about.end[0] if len(about.end) == 1 else list(about.end)}
    config["eos_token_id"] = config["eos_token_id"] or None
    if about.head in (*JUDGES, "reward"):
        config["id2label"] = {str(i): f"LABEL_{i}" for i in range(about.outputs)}
        config["label2id"] = {f"LABEL_{i}": i for i in range(about.outputs)}
        config["problem_type"] = {head: kind for kind, head in PROBLEMS.items()}.get(about.head)
    return config


def _class_of(about: Description) -> str:
    stem, head = CLASSES[about.family], about.head
    if head in ("tied", "own"):
        last = {"gpt2": "LMHeadModel", "t5": "ForConditionalGeneration"}.get(about.family, "ForCausalLM")
    elif about.next_sentence:
        last = "ForPreTraining" if head == "masked" else "ForNextSentencePrediction"
    elif head == "none":
        last = "EncoderModel" if about.family == "t5" and about.kind == "encoder" else "Model"
    else:
        last = {"masked": "ForMaskedLM", "token": "ForTokenClassification"}.get(head, "ForSequenceClassification")
    return stem + last


def _llama_config(about: Description) -> dict[str, Any]:
    family, rotary = about.family, about.rotary
    rope: dict[str, Any] = {"rope_type": rotary.scaling, "factor": rotary.factor}
    if rotary.scaling in ("llama3", "yarn"):
        rope["original_max_position_embeddings"] = rotary.original
    if rotary.scaling == "llama3":
        rope |= {"low_freq_factor": rotary.low, "high_freq_factor": rotary.high}
    if rotary.scaling == "yarn":
        rope |= {"beta_slow": rotary.slow, "beta_fast": rotary.fast, "attention_factor": rotary.multiplier}
    config: dict[str, Any] = {"rope_theta": rotary.theta, "rope_scaling": None if rotary.scaling == "none" else rope}
    if family not in ("qwen2", "mistral", "mixtral"):
        config["attention_bias"] = about.bias_query
    if family == "llama":
        config["mlp_bias"] = about.bias_perceptron
    if family in ("mistral", "mixtral"):
        config["sliding_window"] = about.window
    if family in ("qwen2", "qwen3") and about.window is not None:
        near = settled(about).windowed or ()
        kinds = ["sliding_attention" if one else "full_attention" for one in near]
        config |= {"use_sliding_window": True, "sliding_window": about.window, "layer_types": kinds}
    experts, latent = about.experts, about.latent
    if experts is not None and family == "mixtral":
        config |= {"num_local_experts": experts.count, "num_experts_per_tok": experts.active}
        config["router_aux_loss_coef"] = experts.balance
    if experts is not None and latent is not None:
        config |= {
            "n_routed_experts": experts.count, "num_experts_per_tok": experts.active,
            "moe_intermediate_size": experts.width, "n_shared_experts": experts.shared // experts.width,
            "first_k_dense_replace": experts.dense, "n_group": experts.groups, "topk_group": experts.best_groups,
            "norm_topk_prob": experts.renormalise, "routed_scaling_factor": experts.scale,
            "kv_lora_rank": latent.rank, "q_lora_rank": latent.query_rank, "qk_nope_head_dim": latent.plain,
            "qk_rope_head_dim": latent.turned, "v_head_dim": latent.value, "rope_interleave": rotary.interleaved,
            "num_key_value_heads": about.heads,
        }  # fmt: skip
        plain = (latent.plain + latent.turned) ** -0.5
        if rotary.scaling == "yarn" and rotary.factor > 1 and about.scale is not None:
            stretch = (about.scale / plain) ** 0.5
            rope["mscale_all_dim"] = (stretch - 1) / (0.1 * math.log(rotary.factor))
    return config


def settled(about: Description) -> Description:
    """Return the same description with what is left to defaults written out."""
    plain = about.latent is None
    depth = about.decoder_depth or about.depth
    every = (True,) * about.depth
    return replace(
        about, head_size=about.per_head if plain else None, key_value_heads=about.kv,
        decoder_depth=depth if about.kind == "encoder-decoder" else None,
        windowed=None if about.window is None else about.windowed or every,
        scale=about.per_head**-0.5 if about.scale is None else about.scale,
    )  # fmt: skip
