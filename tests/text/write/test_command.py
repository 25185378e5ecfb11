"""`ceteris generate`: what it prints is what `generate` writes, and what is wrong is said."""

import pytest

from ceteris.text.files import Pretrained, load
from ceteris.text.write import generate
from shell import call
from text.tiny import with_tokenizer

PROMPT = "the bank raised"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tiny = with_tokenizer()
    return Pretrained(tiny.model.together(), tiny.tokenizer).save(tmp_path_factory.mktemp("model") / "tiny")


def shown(text):
    """What a terminal shows of a text: signs that steer it are written by their numbers."""
    from ceteris.outlets import terminal

    return terminal(text)


def test_the_command_prints_what_is_written(folder, capsys):
    model = load(folder)
    written = generate(model, PROMPT, length=12, temperature=0.8, top_k=9, seed=3)
    words = ("--length", 12, "--temperature", 0.8, "--top-k", 9, "--seed", 3)
    code, out, err = call(capsys, "generate", folder, PROMPT, *words)
    assert (code, err) == (0, "")
    assert "".join(out.split()) == "".join(shown(written[0]).split())
    assert written.digest == model.digest
    assert written.model == str(folder)
    code, out, _ = call(capsys, "generate", folder, PROMPT, "--length", 12, "--beams", 3)
    assert code == 0
    assert "".join(out.split()) == "".join(shown(generate(model, PROMPT, length=12, beams=3)[0]).split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere", PROMPT), "nowhere"),
        ((None, ""), "has no token at all"),
        ((None, PROMPT, "--top-k", 5), "at temperature 0 nothing is drawn"),
        ((None, PROMPT, "--length", 99), "the model has places for 48; give a shorter prompt or a smaller length"),
    ],
)
def test_the_command_says_what_is_wrong(folder, words, message, capsys):
    code, out, err = call(capsys, "generate", *(folder if word is None else word for word in words))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in " ".join(err.split())
