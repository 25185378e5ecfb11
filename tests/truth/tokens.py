"""What transformers' own tokenizers make of texts, for vocabularies in the older layouts of files.

Run in an environment with transformers: ``python tests/truth/tokens.py``. It writes the three folders of
``tests/truth/tokens``: a tiny vocabulary each, trained here on a few sentences, and ``expected.json``.
"""

import json
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer
from tokenizers.implementations import BertWordPieceTokenizer
from transformers import BertTokenizer, GPT2Tokenizer, RobertaTokenizer

HOME = Path(__file__).parent / "tokens"
CORPUS = ["The central bank raised its interest rate.", "Central banks lend to banks; banks lend to firms.",
          "Naïve forecasts of inflation are hard to beat.", "Forecasting inflation is hard."] * 5  # fmt: skip
TEXTS = [
    "The bank lends.",
    "naïve INFLATION, forecasting 2%!",
    " two  spaces and a <mask> [MASK]",
    "東京 bankers\n",
    "x",
]
PAIRS = ["To firms.", "is hard", "unseen wörds", "rate", "y z"]


def expected(tokenizer) -> dict:
    rows = [tokenizer(text)["input_ids"] for text in TEXTS]
    pairs = [tokenizer(*both) for both in zip(TEXTS, PAIRS, strict=True)]
    short = [tokenizer(*both, truncation=True, max_length=9)["input_ids"] for both in zip(TEXTS, PAIRS, strict=True)]
    decoded = [tokenizer.decode(row, skip_special_tokens=True, clean_up_tokenization_spaces=False) for row in rows]
    roles = ("pad", "bos", "eos", "unk", "cls", "sep", "mask")
    return {
        "texts": TEXTS, "pairs": PAIRS, "rows": rows, "together": [one["input_ids"] for one in pairs],
        "segments": [one.get("token_type_ids") for one in pairs], "short": short, "decoded": decoded,
        "special": {role: getattr(tokenizer, f"{role}_token_id") for role in roles},
    }  # fmt: skip


def write(name: str, files: dict[str, str], kind, **options) -> None:
    folder = HOME / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    tokenizer = kind.from_pretrained(folder, **options)
    (folder / "expected.json").write_text(json.dumps(expected(tokenizer), ensure_ascii=False), encoding="utf-8")


def main() -> None:
    pieces = BertWordPieceTokenizer(lowercase=True)
    pieces.train_from_iterator(CORPUS, vocab_size=150, show_progress=False)
    words = sorted(pieces.get_vocab(), key=pieces.get_vocab().get)
    config = json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True})
    write("bert", {"vocab.txt": "\n".join(words) + "\n", "tokenizer_config.json": config}, BertTokenizer)
    for name, kind, specials in (
        ("gpt2", GPT2Tokenizer, ["<|endoftext|>"]),
        ("roberta", RobertaTokenizer, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]),
    ):
        pairs = ByteLevelBPETokenizer()
        pairs.train_from_iterator(CORPUS, vocab_size=320, show_progress=False, special_tokens=specials)
        merges = ["#version: 0.2"] + [" ".join(merge) for merge in json.loads(pairs.to_str())["model"]["merges"]]
        files = {"vocab.json": json.dumps(pairs.get_vocab()), "merges.txt": "\n".join(merges) + "\n"}
        if name == "roberta":  # as published: the mask takes the space before it
            mask = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False}
            mask |= {"normalized": False, "single_word": False}
            files["tokenizer_config.json"] = json.dumps({"mask_token": mask})
        write(name, files, kind)


if __name__ == "__main__":
    main()
