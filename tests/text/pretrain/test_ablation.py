"""Data ablation finds what was planted: a source like the text that is judged helps, one of noise does not."""

import numpy as np
import pytest

from ceteris.text.data import QUALITY, prepare
from ceteris.text.models import Description
from ceteris.text.pretrain import Pretraining, compare_sources
from ceteris.text.tokens import train

WORDS = np.array(list("abcdefghijkl"))
NO_RULES = dict.fromkeys(QUALITY)


def chain(seed: int, noise: bool = False) -> str:
    """A walk in which each word nearly decides the next; or words drawn independently."""
    rng = np.random.default_rng(seed)
    places = [0]
    for _ in range(60):
        places.append(int(rng.integers(12)) if noise or rng.random() < 0.1 else (5 * places[-1] + 1) % 12)
    return " ".join(WORDS[places])


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablation")
    sources = {"like": range(80), "also": range(100, 180), "noise": range(200, 280)}
    for name, seeds in sources.items():
        (folder / name).mkdir()
        (folder / name / "texts.txt").write_text("\n".join(chain(i, name == "noise") for i in seeds), encoding="utf-8")
    tokenizer = train([chain(i) for i in range(80)], 272)
    return prepare(folder, folder / "out", tokenizer, unit="line", rules=NO_RULES, near=None, test_size=0.2)


def settings(vocabulary: int, steps: int) -> Pretraining:
    about = Description(vocabulary=vocabulary, width=32, depth=1, heads=2, perceptron=64, length=17)
    return Pretraining(about, length=16, batch_size=16, steps=steps, rate=2e-2)


def test_a_source_of_noise_hurts_and_sources_like_the_text_help(shards):
    """Judged on text like two of three sources; the noise takes a third of the steps, and what they would teach.

    Measured with two seeds: -1.0 nats for the noise, .3 to .4 for the others, standard errors about .1.
    """
    found = compare_sources(shards, settings(shards.vocabulary, 80), repeats=3, target={"like": 1})
    table = found.table().set_index("source")
    assert found.losses.shape == (4, 3, 3)
    assert table["verdict"]["noise"] == "hurts"
    assert table["worth"]["noise"] < -0.3
    assert (table["worth"][["like", "also"]] > 0).all()
    # a model that never saw the chain has at best the entropy of twelve words, log 12 = 2.5, on the noise
    assert found.losses[:3, :, 2].mean() == pytest.approx(np.log(12), abs=0.4)
    assert all(check.passed for check in found.checks)


def test_what_cannot_be_compared_is_refused_in_a_sentence(shards, tmp_path):
    with pytest.raises(ValueError, match="repeats is 1, but must be a whole number of at least 2"):
        compare_sources(shards, settings(300, 2), repeats=1)
    with pytest.raises(ValueError, match="target: source is 'likes', but must be one of also, like, noise"):
        compare_sources(shards, settings(300, 2), target={"likes": 1})
    with pytest.raises(ValueError, match="target is 0 for all sources"):
        compare_sources(shards, settings(300, 2), target={"like": 0})
    (tmp_path / "one.txt").write_text("\n".join(chain(i) for i in range(20)), encoding="utf-8")
    lone = prepare(tmp_path / "one.txt", tmp_path / "out", shards.tokenizer, unit="line", rules=NO_RULES, near=None)
    with pytest.raises(ValueError, match="they have 1 source, but must have at least 2 to leave one out"):
        compare_sources(lone, settings(300, 2))
