"""Files that are not what they should be: one sentence, before any work; and files that are, in their odd layouts."""

import dataclasses
import json
import os
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ceteris
from ceteris.files.objects import save_object
from ceteris.files.tensors import read_tensor, tensors_in, write_tensors
from ceteris.text.files import Pretrained, describe, load
from ceteris.text.files.reading import stored
from ceteris.text.models import Description, ExpertRule, LanguageModel, SparseRule
from ceteris.text.tokens import train
from published import folder_of, kept, truth

TINY = Description(vocabulary=300, width=16, depth=2, heads=2, perceptron=32, length=32)


@pytest.fixture
def gpt2(tmp_path):
    return folder_of("gpt2", tmp_path)


def tensors_of(folder):
    return {name: read_tensor(one) for name, one in tensors_in(folder / "model.safetensors").items()}


def changed(folder, **entries):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))
    return folder


# ----------------------------------------------------------------------------------------------- folders and configs


def test_a_folder_without_config(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no config.json; give the folder of a model."):
        load(tmp_path)


def test_a_file_in_place_of_its_folder(gpt2):
    with pytest.raises(ValueError, match=r"is a file; give the folder it is in"):
        load(gpt2 / "model.safetensors")


def test_a_name_that_nothing_on_this_machine_has(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no folder 'no/such'.*nothing is downloaded here, so fetch it first"):
        load("no/such")


def test_a_config_that_was_cut_off(gpt2):
    (gpt2 / "config.json").write_text('{"model_type": "gp')
    with pytest.raises(ValueError, match=r"cannot be read .*it was cut off or edited"):
        load(gpt2)


def test_an_unknown_family_is_answered_with_the_nearest_first(gpt2):
    with pytest.raises(ValueError, match=r"model_type is 'roberto', but must be one of roberta, bert,"):
        load(changed(gpt2, model_type="roberto"))


def test_an_unknown_class_of_a_known_family(gpt2):
    with pytest.raises(ValueError, match=r"architectures is 'GPT2ForQuestionAnswering', but must be one of GPT2For"):
        load(changed(gpt2, architectures=["GPT2ForQuestionAnswering"]))


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"n_embd": "wide"}, "n_embd is 'wide', but must be a number"),
        ({"n_layer": None}, "n_layer is None, but must be a number"),
        ({"n_head": 5}, "heads is 5, but must divide the width, 32"),
        ({"activation_function": "gelu_neu"}, "its activation is 'gelu_neu', but must be one of .*mean 'gelu_new'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx is True, but must be False"),
    ],
)
def test_a_config_with_a_wrong_entry(gpt2, entries, said):
    with pytest.raises(ValueError, match=said):
        load(changed(gpt2, **entries))


def test_a_variant_that_is_not_supported_is_refused_rather_than_computed_wrongly(tmp_path):
    with pytest.raises(ValueError, match=r"position_embedding_type is 'relative_key', but must be 'absolute'"):
        load(changed(folder_of("bert", tmp_path), position_embedding_type="relative_key"))
    llama = changed(folder_of("llama", tmp_path), rope_scaling={"type": "dynamic", "factor": 2.0})
    with pytest.raises(ValueError, match=r"rope_type is 'dynamic', but must be one of default, linear, llama3, yarn"):
        load(llama)


def test_arguments(gpt2):
    with pytest.raises(ValueError, match=r"dtype is 'half', but must be one of float32"):
        load(gpt2, dtype="half")
    with pytest.raises(ValueError, match=r"head is 'clas', but must be one of none, .*did you mean 'class'"):
        load(gpt2, head="clas")
    with pytest.raises(ValueError, match=r"head is 'masked', but must be one of"):
        load(gpt2, head="masked")
    with pytest.raises(ValueError, match=r"outputs is 3, but head is None; give a head that has them"):
        load(gpt2, outputs=3)
    with pytest.raises(ValueError, match=r"shard is 0, but must be a whole number of at least 1"):
        load(gpt2).save(gpt2.parent / "out", shard=0)


# ------------------------------------------------------------------------------------------------------------ tensors


def test_missing_tensors_are_counted_and_three_are_named(gpt2):
    tensors = {name: one for name, one in tensors_of(gpt2).items() if ".h.1." not in name}
    write_tensors(gpt2 / "model.safetensors", tensors)
    with pytest.raises(ValueError, match=r"they lack transformer\.h\.1\.\S+, \S+, \S+ and 9 more \(12 in all\); use"):
        load(gpt2)


def test_unexpected_tensors_are_counted_and_named(gpt2):
    write_tensors(gpt2 / "model.safetensors", tensors_of(gpt2) | {"transformer.adapter": np.ones(2)})
    with pytest.raises(ValueError, match=r"they hold beside it transformer\.adapter; use all files of one model"):
        load(gpt2)


def test_a_tensor_of_another_shape(gpt2):
    with pytest.raises(ValueError, match=r"wte.weight has the shape \(72, 32\), but must have \(80, 32\)"):
        load(changed(gpt2, vocab_size=80))


def test_two_tensors_that_should_be_one(gpt2):
    tensors = tensors_of(gpt2)
    write_tensors(gpt2 / "model.safetensors", tensors | {"lm_head.weight": tensors["transformer.wte.weight"]})
    load(gpt2)
    write_tensors(gpt2 / "model.safetensors", tensors | {"lm_head.weight": tensors["transformer.wte.weight"] + 1})
    with pytest.raises(ValueError, match=r"differs from another tensor that config.json says is the same"):
        load(gpt2)


@pytest.mark.parametrize("left", [0, 5, 300, -1])
def test_a_truncated_file(gpt2, left):
    whole = (gpt2 / "model.safetensors").read_bytes()
    (gpt2 / "model.safetensors").write_bytes(whole[:left])
    with pytest.raises(ValueError, match=r"is truncated or not a safetensors file .*; use an earlier copy or fetch"):
        load(gpt2)


def test_a_shard_that_is_not_there(gpt2, tmp_path):
    folder = load(gpt2).save(tmp_path / "shards", shard=20_000)
    os.remove(min(folder.glob("model-*.safetensors")))
    with pytest.raises(
        FileNotFoundError, match=r"lacks model-00001-of-0000\d.safetensors, which model.safetensors.index.json lists"
    ):
        load(folder)
    shutil.copy(
        max(folder.glob("model-*.safetensors")),
        folder / f"model-00001-of-{len(stored_files(folder)) + 1:05}.safetensors",
    )
    with pytest.raises(ValueError, match=r"lacks .*, which model.safetensors.index.json lists"):
        load(folder)


def stored_files(folder):
    return list(folder.glob("model-*.safetensors"))


def test_an_index_cannot_lead_out_of_its_folder(gpt2, tmp_path):
    folder = load(gpt2).save(tmp_path / "shards", shard=20_000)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["weight_map"] = {name: f"../gpt2/{file}" for name, file in index["weight_map"].items()}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert all(tensor.path.parent == folder for tensor in stored(folder).values())


def test_a_pickle_is_not_read(gpt2):
    os.rename(gpt2 / "model.safetensors", gpt2 / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"holds pytorch_model.bin, a pickle, which may run code"):
        load(gpt2)
    os.remove(gpt2 / "pytorch_model.bin")
    with pytest.raises(FileNotFoundError, match=r"holds no model.safetensors and no model.safetensors.index.json"):
        load(gpt2)


def test_a_tokenizer_that_does_not_fit(tmp_path):
    tokenizer = train(["the bank lent money to the firm"] * 5, 280)
    small = dataclasses.replace(TINY, vocabulary=20)
    folder = Pretrained(LanguageModel(small, key=jax.random.key(0)), tokenizer).save(tmp_path / "model")
    with pytest.raises(ValueError, match=r"vocabulary"):
        load(folder)


def test_a_text_longer_than_the_context():
    model = LanguageModel(TINY, key=jax.random.key(0))
    with pytest.raises(
        ValueError, match=r"tokens: a row has 40, but must have at most 32, .*; cut texts or split them"
    ):
        model(jnp.zeros((1, 40), int))
    read, _ = model.read(jnp.zeros((1, 40), int), model.start(1, 40))  # a memory with more room than positions
    assert np.isfinite(read[0, :32]).all()
    assert np.isnan(read[0, 32:]).all()


# ------------------------------------------------------------------------------------------------------ odd layouts


def test_eight_bit_matrices_are_multiplied_by_the_factors_of_their_blocks(tmp_path):
    import ml_dtypes

    folder = folder_of("deepseek", tmp_path)
    before, tensors = load(folder, dtype="float32").model, tensors_of(folder)
    name = "model.layers.0.mlp.down_proj.weight"
    factor = np.full((1, 1), 0.5, np.float32)
    tensors[name] = (tensors[name].astype(np.float32) / factor).astype(ml_dtypes.float8_e4m3fn)
    write_tensors(folder / "model.safetensors", tensors | {f"{name}_scale_inv": factor})
    after = load(folder, dtype="float32").model
    matrix = lambda model: model.decoder.groups[0].forward.down.weight
    # Eight-bit numbers of this kind have three bits behind the leading one: relative errors up to 1/16.
    np.testing.assert_allclose(matrix(after), matrix(before), rtol=1 / 16, atol=2e-3)
    assert not np.array_equal(matrix(after), matrix(before))


def test_numbers_become_what_is_asked_for_when_they_are_read(gpt2):
    kinds = {dtype: load(gpt2, dtype=dtype).model.tokens.dtype for dtype in (None, "float32", "bfloat16")}
    assert [str(kind) for kind in kinds.values()] == ["float16", "float32", "bfloat16"]


def test_the_cache_of_the_hub_is_found(monkeypatch, tmp_path):
    snapshot = tmp_path / "hub" / "models--owner--tiny" / "snapshots" / "abc"
    snapshot.parent.mkdir(parents=True)
    shutil.move(folder_of("gpt2", tmp_path), snapshot)
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert load("owner/tiny").name == "owner/tiny"


def test_ends_of_texts_are_those_for_generation_where_a_file_says_so(gpt2):
    (gpt2 / "generation_config.json").write_text('{"eos_token_id": [2, 7]}')
    assert load(gpt2).model.description.end == (2, 7)


def test_a_layout_of_sentence_transformers_is_saved_and_read(tmp_path):
    folder = folder_of("bert", tmp_path)
    kinds = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    modules = [
        {"idx": i, "path": path, "type": f"sentence_transformers.models.{kind}"} for i, (kind, path) in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        '{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}'
    )
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 16}')
    first = load(folder)
    assert first.sentence == ("first", True, 16)
    assert load(first.save(tmp_path / "again")).sentence == first.sentence
    modules.insert(2, {"idx": 3, "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ValueError, match=r"modules.json: type is 'Dense', but must be one of"):
        load(folder)


# ------------------------------------------------------------------------------------------------------ other heads


def both(*maps):
    return [f"{one}.{part}" for one in maps for part in ("bias", "weight")]


@pytest.mark.parametrize(
    ("name", "head", "fresh"),
    [
        ("bert", "class", both("classifier")),  # its summary of a text is in the file
        ("bert-masked", "class", both("bert.pooler.dense", "classifier")),
        ("bert-pretraining", "token", both("classifier")),
        ("roberta-masked", "labels", both("classifier.dense", "classifier.out_proj")),
        ("distilbert-masked", "regression", both("classifier", "pre_classifier")),
        ("llama", "reward", ["score.weight"]),
        ("bert-class", "none", []),
    ],
)  # fmt: skip
def test_another_head_is_drawn_where_the_files_lack_it_and_says_so(name, head, fresh, tmp_path):
    outputs = 4 if head in ("class", "token", "labels", "regression") else None
    made = load(folder_of(name, tmp_path), dtype="float32", head=head, outputs=outputs)
    assert sorted(made.fresh) == fresh
    out = made.model.head.out
    assert out is None if head == "none" else out.weight.shape == (32, outputs or 1)
    same = load(folder_of(name, tmp_path), dtype="float32").model
    np.testing.assert_array_equal(made.model.tokens, same.tokens)
    assert not fresh or fresh[0] in made.summary()
    again = load(made.save(tmp_path / "again"))
    assert again.digest == made.digest
    assert not again.fresh


def test_a_drawn_head_has_the_type_of_the_weights_and_follows_its_seed(gpt2):
    head = lambda **how: load(gpt2, head="class", outputs=2, **how).model.head.out.weight
    assert head().dtype == "float16"
    assert head(dtype="bfloat16").dtype == "bfloat16"
    np.testing.assert_array_equal(head(seed=1), head(seed=1))
    assert not np.array_equal(head(seed=1), head(seed=2))


def test_a_family_that_files_do_not_know(tmp_path):
    model = LanguageModel(dataclasses.replace(TINY, family="gpt"), key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"Description: family is 'gpt', but must be one of .*did you mean 'gpt2'"):
        Pretrained(model).save(tmp_path / "gpt")


def test_bert_gives_its_summary_of_a_text_to_a_classifier(tmp_path):
    folder = folder_of("bert", tmp_path)
    bare, judge = load(folder).model, load(folder, head="class", outputs=2).model
    np.testing.assert_array_equal(judge.head.layer.weight, bare.head.pooler.weight)


# ------------------------------------------------------------------------------- what other packages cannot describe


@pytest.mark.parametrize(
    ("change", "type_"),
    [
        ({"dropout": 0.1, "family": "llama", "norm": "rms", "positions": "rotary", "gated": True, "activation": "silu",
          "bias_query": False, "bias_output": False, "bias_perceptron": False, "head": "own"}, "llama"),
        ({"sparse": SparseRule(4, 2, 4)}, "ceteris"),
        ({"positions": "sinusoidal"}, "ceteris"),
        ({"experts": ExpertRule(4, 2, 8), "positions": "none"}, "ceteris"),
    ],
)  # fmt: skip
def test_any_description_is_saved(change, type_, tmp_path):
    about = dataclasses.replace(TINY, **change)
    first = Pretrained(LanguageModel(about, key=jax.random.key(0)))
    folder = first.save(tmp_path / "own")
    assert json.loads((folder / "config.json").read_text())["model_type"] == type_
    second = load(folder)
    assert second.model.description == about
    assert second.digest == first.digest
    assert all(map(np.array_equal, jax.tree.leaves(first.model), jax.tree.leaves(second.model)))


def test_the_door_of_the_house_reads_models_alone_and_within_other_things(gpt2, tmp_path):
    model = ceteris.load(gpt2)
    assert isinstance(model, Pretrained)
    save_object(tmp_path / "thing", model)
    assert ceteris.load(tmp_path / "thing").digest == model.digest


def test_an_edited_description_is_refused(tmp_path):
    folder = Pretrained(LanguageModel(dataclasses.replace(TINY, positions="none"), key=jax.random.key(0))).save(
        tmp_path
    )
    with pytest.raises(ValueError, match=r"its entry 'ceteris' describes no model"):
        load(changed(folder, ceteris={"width": 3}))


def test_what_replaces_a_model_leaves_nothing_of_it(gpt2, tmp_path):
    big = load(gpt2)
    folder = big.save(tmp_path / "one", shard=20_000)
    big.save(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_a_disk_that_fills_up_leaves_no_model(gpt2, tmp_path):
    resource = pytest.importorskip("resource")  # not on Windows
    model = load(gpt2)
    folder = model.save(tmp_path / "out")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match=r"model.safetensors could not be written"):
            model.save(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(FileNotFoundError, match=r"holds no config.json"):
        load(folder)


# -------------------------------------------------------------------------------------------------------------- traps


def test_entries_of_configs_that_silently_give_other_numbers():
    about = lambda name: describe(json.loads(str(truth(name, "config"))), names_of(name))
    assert about("roberta").offset == 2
    assert about("roberta").length == 62
    other = json.loads(str(truth("roberta", "config"))) | {"pad_token_id": 0}
    assert describe(other).offset == 1
    assert about("bert").epsilon == 1e-12
    assert about("bert").activation == "gelu"
    assert about("gpt2").activation == "gelu_tanh"
    assert about("gpt2").head == "tied"
    assert about("qwen2").window is None  # named in the file, but use_sliding_window is false
    assert about("qwen2-window").windowed == (False, True)
    assert about("qwen2").bias_query
    assert not about("qwen2").bias_output
    assert about("qwen3").per_head == 12
    assert about("qwen3").query_key_norm
    assert about("mistral").window == 4
    assert about("deepseek").rotary.interleaved
    assert about("t5").head_scale == 32**-0.5
    assert about("t5-unscaled").head_scale == about("t5-gated").head_scale == 1
    yarn = about("deepseek-yarn")
    stretch = lambda m: 0.1 * m * np.log(40) + 1
    np.testing.assert_allclose(yarn.rotary.multiplier, stretch(1.0) / stretch(0.7))
    np.testing.assert_allclose(yarn.scale, 16**-0.5 * stretch(0.7) ** 2)


def names_of(name):
    weights = truth(name, "weights").tobytes()
    return set(json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])) - {"__metadata__"}


def test_a_bias_for_the_choice_of_experts_and_the_layer_beyond_the_last_are_in_the_files(tmp_path):
    deepseek = load(folder_of("deepseek", tmp_path))
    assert deepseek.model.decoder.groups[1].forward.bias.shape == (2, 8)
    assert all(name.startswith("model.layers.3.") for name in deepseek.ignored)
    assert deepseek.ignored


def test_next_sentence_has_label_zero_for_what_follows():
    """Our order of labels is that of published files: the source has them the other way round."""
    labels, logits = truth("bert-next", "labels"), truth("bert-next", "logits")
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(3), labels]
    np.testing.assert_allclose(losses.mean(), truth("bert-next", "loss"), rtol=1e-5)
    assert kept("bert-next", "config") is not None
