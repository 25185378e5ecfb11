"""The config.json that other packages read for a `Description`."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Any

from ceteris.text.files.configs import ACTIVATIONS, CLASSES, JUDGES, KEYS, PROBLEMS, describe
from ceteris.text.models import Description


def configured(about: Description, names: Collection[str] = ()) -> dict[str, Any]:
    """Return a config.json for a description, in the layout that all versions of transformers read.

    What such a file cannot say is written out below "ceteris"; where others would compute something else than we do,
    it says so by the type of the model, and is read by us only.

    Parameters
    ----------
    about : Description
        Of the model.
    names : collection of str
        Of its tensors.

    Examples
    --------
    >>> shape = dict(vocabulary=9, width=8, depth=1, heads=2, perceptron=16, length=8)
    >>> config = configured(Description(**shape))
    >>> config["architectures"], config["n_inner"]
    (['GPT2LMHeadModel'], 16)
    """
    config = _for_others(about)
    try:
        back = settled(describe(config, names))
    except ValueError:
        back = None
    if back == settled(about):
        return config
    config["ceteris"] = asdict(about)
    if back is None or replace(back, dropout=about.dropout) != settled(about):
        config["model_type"] = "ceteris"
    return config


def _for_others(about: Description) -> dict[str, Any]:
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
        scale=float(f"{about.per_head**-0.5 if about.scale is None else about.scale:.9g}"),
    )  # fmt: skip
