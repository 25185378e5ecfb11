"""A tokenizer's files: ``tokenizer.json``, or the older ``vocab.txt``, or ``vocab.json`` and ``merges.txt``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ceteris.files import parse_json

ROLES = ("pad_token", "bos_token", "eos_token", "unk_token", "cls_token", "sep_token", "mask_token")
# Tokens that are known by their names, for a tokenizer.json that stands alone.
CUSTOMARY = {
    "pad_token": ("[PAD]", "<pad>", "<|pad|>", "<|endoftext|>"),
    "bos_token": ("<s>", "<|begin_of_text|>", "<|endoftext|>"),
    "eos_token": ("</s>", "<|end_of_text|>", "<|endoftext|>", "<|im_end|>"),
    "unk_token": ("[UNK]", "<unk>"),
    "cls_token": ("[CLS]",),
    "sep_token": ("[SEP]",),
    "mask_token": ("[MASK]", "<mask>"),
}
# Published files say 10^30 where they mean "as long as you like"; such a number is no length.
_ENDLESS = re.compile(r'("model_max_length"\s*:\s*)\d{10,}')


def read_tokenizer(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the definition of a tokenizer, and which of its tokens are special."""
    if not path.exists():
        raise FileNotFoundError(f"path: there is nothing at {path}; give a folder with a tokenizer, or tokenizer.json.")
    folder = path if path.is_dir() else path.parent
    config = _config(folder)
    if path.is_file():
        definition = _text(path)
    elif (folder / "tokenizer.json").is_file():
        definition = _text(folder / "tokenizer.json")
    elif (folder / "vocab.txt").is_file():
        definition = _wordpiece(folder, config)
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        definition = _byte_pairs(folder, config)
    else:
        raise FileNotFoundError(_nothing_there(folder))
    held = _parsed(definition, path)
    if not any(role in config for role in ROLES):
        config |= _customary(held)
    compiled(definition, path)
    return definition, config


def compiled(definition: str, path: Path | None = None) -> Any:
    """Return the package's object for a definition, which neither cuts nor fills up."""
    from tokenizers import Tokenizer

    try:
        found = Tokenizer.from_str(definition)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # what its Rust code panics with is no Exception
        said = " ".join(str(error).split())[:200].rstrip(".")
        raise ValueError(
            f"path: {path or 'the definition'} is not a tokenizer that the package tokenizers can read ({said}); use "
            "an earlier copy or a newer version of the package."
        ) from None
    found.no_truncation()
    found.no_padding()
    return found


def _nothing_there(folder: Path) -> str:
    pieces = [
        name for name in ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model") if (folder / name).exists()
    ]
    if pieces:
        return (
            f"path: {folder} holds {pieces[0]}, but no tokenizer.json; save the tokenizer anew with a version of "
            "transformers that writes it."
        )
    return (
        f"path: {folder} holds no tokenizer.json, no vocab.txt, and no vocab.json with merges.txt; give the folder "
        "of a model with its tokenizer."
    )


# ------------------------------------------------------------------------------------------------ the files


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"path: {path} is not in UTF-8 (byte {error.start}); restore it from a copy.") from None


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        held = parse_json(_ENDLESS.sub(r"\g<1>null", text), halves=True)
        if isinstance(held, dict):
            return held
        said = f"it holds a {type(held).__name__}"
    except ValueError as error:
        said = str(error)
    raise ValueError(f"path: {path} cannot be read ({said}): it was cut off or edited; restore it from a copy.")


def _config(folder: Path) -> dict[str, Any]:
    """Return what ``tokenizer_config.json`` says, and beside it ``special_tokens_map.json``."""
    found: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            held = _parsed(_text(folder / name), folder / name)
            found |= {key: value for key, value in held.items() if value is not None or key not in found}
    return found


def _customary(held: Mapping[str, Any]) -> dict[str, Any]:
    """Return which special tokens play which part by their names alone."""
    added = held.get("added_tokens")
    names = {token.get("content") for token in added if isinstance(token, dict)} if isinstance(added, list) else set()
    found = {role: [name for name in customary if name in names] for role, customary in CUSTOMARY.items()}
    return {role: known[0] for role, known in found.items() if known}


# --------------------------------------------------------------------------------------- older layouts of files


def _token(config: Mapping[str, Any], role: str, otherwise: str) -> str:
    token = config.get(role, otherwise)
    token = token.get("content", otherwise) if isinstance(token, Mapping) else token
    return token if isinstance(token, str) else otherwise


def _wordpiece(folder: Path, config: dict[str, Any]) -> str:
    """BERT's: lower case unless told otherwise, split at spaces and punctuation, then the longest pieces known."""
    from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import WordPiece

    # a line ends with a line feed, and with no other sign that Python takes for the end of one
    lines = _text(folder / "vocab.txt").replace("\r\n", "\n").removesuffix("\n").split("\n")
    vocabulary = {line: number for number, line in enumerate(lines)}
    customary = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    named = {role: _token(config, role, name) for role, name in {**customary, "mask_token": "[MASK]"}.items()}
    needed = [named[role] for role in ("unk_token", "cls_token", "sep_token")]
    missing = [name for name in needed if name not in vocabulary]
    if missing:
        raise ValueError(
            f"path: {folder / 'vocab.txt'} does not hold {', '.join(missing)}, but must hold {', '.join(needed)}, one "
            "on a line; restore it from a copy."
        )
    unk, cls, sep = needed
    made = Tokenizer(WordPiece(vocabulary, unk_token=unk, max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(
        lowercase=bool(config.get("do_lower_case", True)),
        handle_chinese_chars=bool(config.get("tokenize_chinese_chars", True)),
        strip_accents=config.get("strip_accents"),
    )
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(cls, vocabulary[cls]), (sep, vocabulary[sep])],
    )
    made.decoder = decoders.WordPiece()
    made.add_special_tokens([name for name in named.values() if name in vocabulary])
    config |= named
    return made.to_str()


def _byte_pairs(folder: Path, config: dict[str, Any]) -> str:
    """GPT-2's, and with its own ends of a text RoBERTa's."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors
    from tokenizers.models import BPE

    vocabulary = _parsed(_text(folder / "vocab.json"), folder / "vocab.json")
    lines = _text(folder / "merges.txt").replace("\r\n", "\n").split("\n")
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    wrong = next((i for i, merge in enumerate(merges) if len(merge) != 2 or "".join(merge) not in vocabulary), None)
    if wrong is not None:
        raise ValueError(
            f"path: {folder / 'merges.txt'} joins {' '.join(merges[wrong])!r} in line {wrong + 1}, but must join two "
            "tokens into one that vocab.json holds; restore both from one copy."
        )
    roberta = "<s>" in vocabulary and "</s>" in vocabulary
    made = Tokenizer(BPE(vocabulary, merges))  # pyright: ignore[reportArgumentType]
    spaced = bool(config.get("add_prefix_space", False))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=spaced)
    made.decoder = decoders.ByteLevel()
    if roberta:
        ends = [(name, int(vocabulary[name])) for name in ("</s>", "<s>")]
        made.post_processor = processors.RobertaProcessing(*ends, trim_offsets=True, add_prefix_space=spaced)
        names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
        names |= {"cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
    else:
        made.post_processor = processors.ByteLevel(trim_offsets=False)
        names = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
    named = {role: _token(config, role, name) for role, name in names.items()}
    there = [name for name in dict.fromkeys(named.values()) if name in vocabulary]
    # RoBERTa's mask takes the space before it: "a <mask>" is a word that is hidden
    made.add_special_tokens([AddedToken(name, lstrip=name == "<mask>", special=True) for name in there])
    config |= {role: name for role, name in named.items() if name in vocabulary}
    return made.to_str()
