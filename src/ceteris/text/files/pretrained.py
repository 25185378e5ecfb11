"""Models that others have trained: found by folder or name, read, and saved as others read them."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from ceteris.arguments import one_of, whole
from ceteris.files import read_json, replace_file
from ceteris.outlets import json_text
from ceteris.text.files.configs import JUDGES, describe
from ceteris.text.files.names import leaves_of
from ceteris.text.files.publishing import configured, settled
from ceteris.text.files.reading import DTYPES, filled, stored, tensor_at, tensors_of, write_weights
from ceteris.text.models import LanguageModel

if TYPE_CHECKING:
    from ceteris.text.tokens import Tokenizer

SHARD = 5_000_000_000  # bytes of one file
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json")


class SentenceRule(NamedTuple):
    """What makes one vector of a text's tokens, in models of sentences.

    Attributes
    ----------
    pooling : {"mean", "first", "last", "most"}
        Whether it is their mean, the first's, the last's, or their largest numbers.
    unit : bool
        Whether it is divided by its length.
    length : int or None
        Tokens of a text that are read.
    """

    pooling: str
    unit: bool
    length: int | None


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A model as files hold it: weights, tokenizer, and what else is known of it.

    Parameters
    ----------
    model : LanguageModel
        The transformer.
    tokenizer : Tokenizer, optional
        What makes numbers of its texts.
    name : str
        Folder or name that it was found under.
    config : mapping
        What its config.json says.
    names : tuple of str
        Its tensors as the files call them.
    fresh : tuple of str
        Tensors that are not from the files: those of a new head.
    ignored : tuple of str
        Tensors of the files that it does not need.
    sentence : SentenceRule, optional
        Where it is a model of sentences: what makes a vector of a text.
    """

    model: LanguageModel = field(repr=False)
    tokenizer: Tokenizer | None = None
    name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)
    fresh: tuple[str, ...] = ()
    ignored: tuple[str, ...] = field(default=(), repr=False)
    sentence: SentenceRule | None = None

    @functools.cached_property
    def digest(self) -> str:
        """What it is, in 64 hexadecimal digits: the same for the same description, weights and tokenizer."""
        found = hashlib.sha256(repr(settled(self.model.description)).encode())
        leaves = leaves_of(self.model)
        for name, slot in sorted(tensors_of(self.model).items()):
            tensor = tensor_at(slot, leaves)
            found.update(f"{name} {tensor.dtype} {tensor.shape}".encode())
            found.update(tensor.tobytes())
        found.update(("" if self.tokenizer is None else self.tokenizer.digest).encode())
        return found.hexdigest()

    @property
    def weights(self) -> int:
        """How many numbers it consists of."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.model))

    def save(self, folder: str | Path, *, shard: int = SHARD) -> Path:
        """Write the model as the hub's packages read it; `load` reads it too.

        Parameters
        ----------
        folder : path
            Is made. A model that is there already is replaced: its config.json goes first and the new one is
            written last, so that a folder without one is not whole.
        shard : int
            Bytes of one file of weights; what is larger goes into several, with an index.
        """
        whole("shard", shard, such_as=SHARD)
        folder = Path(folder)
        (folder / "config.json").unlink(missing_ok=True)
        about, names = self.model.description, tensors_of(self.model, self.names)
        write_weights(folder, self.model, self.names, shard)
        if self.tokenizer is not None:
            self.tokenizer.save(folder)
        if self.sentence is not None:
            _write_sentence_rule(folder, self.sentence, about.width)
        config = dict(self.config)
        if not config or describe(config, names) != about:
            config |= configured(about, names)
        config["dtype"] = config["torch_dtype"] = str(self.model.tokens.dtype)
        replace_file(folder / "config.json", json_text(config))
        return folder

    def summary(self) -> str:
        """Return one screen: what it is and what it is made of."""
        about = self.model.description
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(self.model))
        tokens = "none" if self.tokenizer is None else f"{self.tokenizer.kind}, {self.tokenizer.vocabulary:,} tokens"
        lines = [
            f"{self.name or 'a model'}: {about.family}, {about.kind}, {self.weights:,} weights "
            f"({size / 1e6:,.1f} MB, {self.model.tokens.dtype})",
            f"layers      {about.depth} of width {about.width}, {about.heads} heads",
            f"reads       {about.length:,} tokens at most",
            f"head        {about.head}" + (f", {about.outputs} outputs" if about.outputs else ""),
            f"tokenizer   {tokens}",
        ]
        if self.sentence is not None:
            unit = ", of length one" if self.sentence.unit else ""
            lines.append(f"sentences   {self.sentence.pooling} of the tokens' vectors{unit}")
        if self.fresh:
            lines.append(f"drawn       {', '.join(self.fresh)}: not from the files, train them")
        if self.ignored:
            lines.append(f"left out    {len(self.ignored)} tensors of the files, such as {self.ignored[0]}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from ceteris.outlets import html

        return f"<pre>{html(self.summary(), 5_000)}</pre>"


def load(
    folder: str | Path,
    dtype: str | None = None,
    head: str | None = None,
    outputs: int | None = None,
    *,
    seed: int = 0,
) -> Pretrained:
    """Read a model from its files. Nothing is downloaded, and nothing in a file can run.

    Parameters
    ----------
    folder : path or str
        A folder with config.json and safetensors; or the name of an installed package that carries such a folder; or
        the name of a model in the hub's cache on this machine, such as "openai-community/gpt2".
    dtype : {"float32", "bfloat16", "float16"}, optional
        What weights become when they are read; by default they stay as they are.
    head : str, optional
        Another head than the one in the files: "none", "class", "token", "labels" (several at once), "regression",
        "reward". What the files lack of it is drawn at random, and `Pretrained.fresh` names it.
    outputs : int, optional
        Classes, labels or numbers of that head.
    seed : int
        For weights that are drawn.

    Returns
    -------
    Pretrained

    Examples
    --------
    >>> import tempfile, jax
    >>> from ceteris.text.models import Description
    >>> tiny = Description(vocabulary=50, width=16, depth=2, heads=2, perceptron=32, length=32)
    >>> folder = Pretrained(LanguageModel(tiny, key=jax.random.key(0))).save(f"{tempfile.mkdtemp()}/tiny")
    >>> print(load(folder, head="class", outputs=3).fresh)
    ('score.weight',)
    """
    if dtype is not None:
        one_of("dtype", dtype, DTYPES)
    if outputs is not None:
        whole("outputs", outputs)
        if head not in JUDGES:
            raise ValueError(
                f"outputs is {outputs}, but head is {head!r}; give a head that has them: {', '.join(JUDGES)}."
            )
    name, place = str(folder), found(folder)
    inner, sentence = _sentence_rule(place)
    config = read_json(inner / "config.json", dict)
    generation = inner / "generation_config.json"
    if generation.is_file():
        ends = read_json(generation, dict).get("eos_token_id")
        config = config | ({} if ends is None else {"eos_token_id": ends})
    tensors = stored(inner)
    about = describe(config, tensors, head, outputs)
    model, names, fresh, ignored = filled(about, tensors, dtype, head is not None, jax.random.key(seed))
    tokenizer = None
    if any((inner / file).is_file() for file in _TOKENIZERS):
        from ceteris.text.tokens import Tokenizer

        tokenizer = Tokenizer.load(inner)
        tokenizer.refuse_unfit(about.vocabulary)
    return Pretrained(model, tokenizer, name, config, names, fresh, ignored, sentence)


# ------------------------------------------------------------------------------------------- where models are


def found(name: str | Path) -> Path:
    """Return the folder of a model: a folder itself, of an installed package, or in the hub's cache."""
    path = Path(name)
    if path.is_dir():
        if any((path / file).is_file() for file in ("config.json", "modules.json")):
            return path
        raise FileNotFoundError(f"folder: {path} holds no config.json; give the folder of a model.")
    if path.exists():
        raise ValueError(f"folder: {path} is a file; give the folder it is in, with config.json beside it.")
    for place in (_in_package(str(name)), _in_cache(str(name))):
        if place is not None:
            return place
    raise FileNotFoundError(
        f"folder: there is no folder {str(name)!r}, no installed package of that name with a model, and no such model "
        f"in {_cache()}; nothing is downloaded here, so fetch it first and give its folder."
    )


def _in_package(name: str) -> Path | None:
    """Return the folder of a model in an installed package, which is not imported."""
    try:
        package = distribution(name)
    except (PackageNotFoundError, ValueError):
        return None
    folders = [
        Path(str(package.locate_file(file))).parent for file in package.files or () if file.name == "config.json"
    ]
    weights = lambda folder: any(folder.glob("model*.safetensors"))
    return next((folder for folder in folders if weights(folder)), None)


def _cache() -> Path:
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")


def _in_cache(name: str) -> Path | None:
    """Return a model's folder in the cache that the hub's own package fills."""
    model = _cache() / f"models--{name.replace('/', '--')}"
    main = model / "refs" / "main"
    snapshots = sorted((model / "snapshots").glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    if main.is_file():
        snapshots.insert(0, model / "snapshots" / main.read_text("utf-8").strip())
    return next((folder for folder in snapshots if (folder / "config.json").is_file()), None)


# ------------------------------------------------------------------------------------------ models of sentences

_POOLINGS = {"mean_tokens": "mean", "cls_token": "first", "lasttoken": "last", "max_tokens": "most"}


def _sentence_rule(folder: Path) -> tuple[Path, SentenceRule | None]:
    """Return the folder of the transformer, and what makes vectors of sentences, if the folder says so."""
    if not (folder / "modules.json").is_file():
        return folder, None
    pooling, unit, inner = "", False, folder
    for module in read_json(folder / "modules.json", list):
        kind, path = str(module.get("type", "")).rsplit(".", 1)[-1], Path(str(module.get("path", ""))).name
        one_of("modules.json: type", kind, ("Transformer", "Pooling", "Normalize"))
        if kind == "Transformer":
            inner = folder / path
        elif kind == "Pooling":
            pooling = _pooling(read_json(folder / path / "config.json", dict))
        else:
            unit = True
    length = None
    for file in ("sentence_bert_config.json", "sentence_transformers_config.json"):
        if (inner / file).is_file():
            length = read_json(inner / file, dict).get("max_seq_length")
    return inner, SentenceRule(pooling or "mean", unit, length)


def _pooling(config: Mapping[str, Any]) -> str:
    modes = [mode for mode in _POOLINGS if config.get(f"pooling_mode_{mode}")]
    if isinstance(config.get("pooling_mode"), str):  # since sentence-transformers 5
        modes = [{"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens"}.get(config["pooling_mode"], "other")]
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise ValueError(
            f"1_Pooling/config.json: its modes are {modes}, but must be one of {', '.join(_POOLINGS)}; use another "
            "model, this one's pooling is not supported."
        )
    return _POOLINGS[modes[0]]


def _write_sentence_rule(folder: Path, rule: SentenceRule, width: int) -> None:
    kinds = ["Transformer", "Pooling"] + ["Normalize"] * rule.unit
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [
        {"idx": i, "name": str(i), "path": paths[i], "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    modes = {f"pooling_mode_{mode}": ours == rule.pooling for mode, ours in _POOLINGS.items()}
    replace_file(folder / "1_Pooling" / "config.json", json_text({"word_embedding_dimension": width, **modes}))
    if rule.length is not None:
        replace_file(folder / "sentence_bert_config.json", json_text({"max_seq_length": rule.length}))
    replace_file(folder / "modules.json", json_text(modules))
