"""A tokenizer of one's own: byte pairs, word pieces or a unigram model, learnt from a corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ceteris.arguments import choose, shown, whole
from ceteris.text.tokens.tokenizer import Tokenizer

_GPT = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|pad|>", "mask_token": "<|mask|>"}
_BERT = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
_T5 = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
BYTES = 256  # tokens that byte-level byte pairs begin with


def train(
    texts: Iterable[str],
    vocabulary: int = 8_000,
    kind: str = "bpe",
    specials: Sequence[str] = (),
    lower: bool = True,
    least: int = 2,
) -> Tokenizer:
    """Learn how to split texts into tokens.

    Parameters
    ----------
    texts : iterable of str
        Read once, a thousand at a time: they need not fit into memory.
    vocabulary : int
        How many tokens there are to be, special ones included; a small corpus may give fewer.
    kind : {"bpe", "wordpiece", "unigram"}
        Byte pairs on bytes, as GPT-2 has them: any text can be written and is read back to the byte. Word pieces,
        as BERT has them. A unigram model, as T5 has it: the pieces that make the corpus most likely.
    specials : sequence of str
        Further tokens that are no text, such as the sentinels of masked spans; they come last.
    lower : bool
        Whether word pieces are of text in lower case.
    least : int
        Pairs and pieces seen less often are not joined.

    Returns
    -------
    Tokenizer

    References
    ----------
    Sennrich, R., Haddow, B. and Birch, A. (2016). Neural machine translation of rare words with subword units. ACL.
    Kudo, T. (2018). Subword regularization. ACL. Section 7.3.4 of source 004; `ceteris.scratch.bpe` shows the first
    from first principles.

    Examples
    --------
    >>> tokenizer = train(["the low fare", "the lowest fare"] * 9, 300)
    >>> tokenizer.tokens(tokenizer.encode("the lowest fares").tokens[0, :4])
    ['the', 'Ġlowest', 'Ġfare', 's']
    """
    if isinstance(texts, str):
        raise TypeError("texts: one string was given, but a list of texts is needed; put it into a list.")
    prepared = choose("kind", kind, KINDS)
    made, trainer, roles = prepared(whole("vocabulary", vocabulary, such_as=8_000), lower, whole("least", least))
    made.train_from_iterator(_checked(texts), trainer)
    if kind != "bpe":
        made.post_processor = _template(made, kind)
    made.add_special_tokens(list(specials))
    return Tokenizer(made.to_str(), dict(roles))


def _checked(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts as they come, each held to be one; raise at their end if none had a sign in it."""
    met = False
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"texts: number {place} (from 0) is {shown(text)}, but must be a text; drop it.")
        met = met or bool(text.strip())
        yield text
    if not met:
        raise ValueError("texts holds no sign, but must hold text to learn from; give some.")


def _bpe(vocabulary: int, lower: bool, least: int) -> Any:
    from tokenizers import Tokenizer as Empty
    from tokenizers import decoders, models, pre_tokenizers, processors, trainers

    specials = list(dict.fromkeys(_GPT.values()))
    if vocabulary < BYTES + len(specials):
        raise ValueError(
            f"vocabulary is {vocabulary}, but must be a whole number of at least {BYTES + len(specials)}, the 256 "
            "bytes and the special tokens; give one, such as 8000."
        )
    made = Empty(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=least, special_tokens=specials, initial_alphabet=alphabet,
        show_progress=False,
    )  # fmt: skip
    return made, trainer, _GPT


def _word_pieces(vocabulary: int, lower: bool, least: int) -> Any:
    from tokenizers import Tokenizer as Empty
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    made = Empty(models.WordPiece(unk_token="[UNK]"))  # pyright: ignore[reportCallIssue]
    made.normalizer = normalizers.BertNormalizer(lowercase=lower)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, min_frequency=least, special_tokens=list(_BERT.values()), show_progress=False
    )
    return made, trainer, _BERT


def _unigram(vocabulary: int, lower: bool, least: int) -> Any:
    from tokenizers import Tokenizer as Empty
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    made = Empty(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary, special_tokens=list(_T5.values()), unk_token="<unk>", show_progress=False
    )
    return made, trainer, _T5


KINDS: dict[str, Callable[[int, bool, int], Any]] = {"bpe": _bpe, "wordpiece": _word_pieces, "unigram": _unigram}


def _template(made: Any, kind: str) -> Any:
    """What a model expects at the beginning and the end of a text, and between two."""
    from tokenizers.processors import TemplateProcessing

    names = ("[CLS]", "[SEP]") if kind == "wordpiece" else ("</s>",)
    single, pair = ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1") if kind == "wordpiece" else ("$A </s>",) * 2
    pair = pair if kind == "wordpiece" else "$A </s> $B </s>"
    return TemplateProcessing(single=single, pair=pair, special_tokens=[(n, made.token_to_id(n)) for n in names])
