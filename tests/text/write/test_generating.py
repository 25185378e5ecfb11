"""What is written against a slow route: one prompt at a time, no cache, the whole text read anew for every token."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.testing.compilation import count_compilations
from ceteris.text.write import generate
from ceteris.text.write.choosing import ChoiceNumbers, ChoiceRule, choose_token, threshold
from text.tiny import SORTS, slow_logits, tiny, with_tokenizer

PROMPTS = [[5, 6, 7], [8, 9, 10, 11, 12, 1], [20], [3, 3, 17, 2]]
# Logits of the fast and the slow route differ by sums in another order: about 1e-6 of values up to 10.
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def slow(model, prompt, length, choose=lambda z, text: int(np.argmax(z)), ends=()):
    logits, written, likelihood = slow_logits(model), [], []
    while len(written) < length and not (written and written[-1] in ends):
        log_p, z = logits(prompt, written)
        token = choose(z, [*(prompt if model.encoder is None else [model.description.start]), *written])
        written.append(token)
        likelihood.append(log_p[token])
    return written, likelihood


@pytest.mark.parametrize("sort", SORTS)
def test_greedy_is_that_of_the_slow_route_whatever_the_padding(sort):
    model = tiny(sort, end=(4,))
    found = generate(model, PROMPTS, length=12)
    for i, prompt in enumerate(PROMPTS):
        tokens, likelihood = slow(model, prompt, 12, ends=(4,))
        assert found.tokens[i].tolist() == [token for token in tokens if token != 4]
        np.testing.assert_allclose(found.likelihood[i], likelihood, **CLOSE)
        assert found.ended[i] == ("end" if 4 in tokens else "length")
    assert len({tuple(row) for row in found.tokens}) > 2  # they do differ


@pytest.mark.parametrize("beams", [1, 3])
def test_no_text_ends_before_its_least_length(beams):
    found = generate(tiny(end=(4, 8)), PROMPTS, length=12, least=7, beams=beams)
    lengths = [len(row) for row in found.tokens]
    assert min(lengths) >= 7
    assert min(len(row) for row in generate(tiny(end=(4, 8)), PROMPTS, length=12, beams=beams).tokens) < 7
    assert all(not {4, 8} & set(row.tolist()) for row in found.tokens)


def test_the_penalty_is_that_of_its_formula():
    model, theta = tiny(), 1.7

    def choose(z, text):
        seen = np.isin(np.arange(len(z)), text)
        return int(np.argmax(np.where(seen, np.where(z > 0, z / theta, z * theta), z)))

    found = generate(model, PROMPTS, length=12, penalty=theta)
    assert [row.tolist() for row in found.tokens] == [slow(model, prompt, 12, choose)[0] for prompt in PROMPTS]
    assert found.texts != generate(model, PROMPTS, length=12).texts


@pytest.mark.parametrize(
    ("top_k", "top_p", "min_p"), [(4, 1.0, 0.0), (9, 0.6, 0.0), (9, 0.02, 0.0), (9, 1.0, 0.3), (3, 0.7, 0.5)]
)
def test_what_may_be_drawn_is_what_the_definitions_say(top_k, top_p, min_p):
    z = np.random.default_rng(0).normal(size=(5, 9)).astype(np.float32) * 2
    kept = np.asarray(z >= threshold(jnp.asarray(z), top_k, top_p, min_p))
    for row, found in zip(z, kept, strict=True):
        best = np.argsort(-row)[:top_k]
        p = np.exp(row[best]) / np.exp(row[best]).sum()
        count = next(n for n in range(1, len(p) + 1) if p[:n].sum() >= top_p - 1e-6)
        expected = [token for token, q in zip(best[:count], p[:count], strict=True) if q >= min_p * p[0]]
        assert sorted(np.flatnonzero(found)) == sorted(expected)


def test_tokens_are_drawn_as_often_as_their_probability_says():
    z, n = np.array([1.0, 0.0, -1.0, 2.0, -3.0], np.float32), 20_000
    own = np.random.default_rng(0).integers(0, 2**32, size=(n, 2), dtype=np.uint32)
    single = lambda value: np.asarray(value, np.float32)
    given = ChoiceNumbers(
        single(0.8),
        np.asarray(5, np.int32),
        single(1),
        single(0),
        single(1),
        np.asarray(0),
        np.asarray(3, np.uint32),
        own,
    )
    rule = ChoiceRule(True, False, False, (), 0)
    drawn = np.asarray(jax.jit(choose_token, static_argnums=3)(np.tile(z, (n, 1)), None, np.asarray(2), rule, given))
    p = np.exp(z / 0.8) / np.exp(z / 0.8).sum()
    shares = np.bincount(drawn, minlength=5) / n
    assert (np.abs(shares - p) < 4 * np.sqrt(p * (1 - p) / n)).all()  # four standard errors


def test_draws_of_a_prompt_do_not_depend_on_its_neighbours():
    model, settings = tiny(), {"length": 12, "temperature": 1.0, "top_p": 0.9, "seed": 5}
    together = generate(model, PROMPTS, **settings)
    assert generate(model, PROMPTS[1:2], **settings).texts == together.texts[1:2]
    assert generate(model, PROMPTS[::-1], **settings).texts == together.texts[::-1]
    assert generate(model, PROMPTS, batch_size=3, **settings).texts == together.texts
    assert generate(model, PROMPTS, **settings | {"seed": 6}).texts != together.texts
    again = generate(model, [PROMPTS[0]] * 3, **settings)
    assert again[0] == together[0]
    assert len({tuple(text) for text in again.texts}) == 3  # asked again, it says something else


def test_a_second_run_of_the_same_shapes_compiles_nothing():
    model = tiny()
    generate(model, PROMPTS, length=9, temperature=0.7, top_k=5)
    with count_compilations() as compiled:
        generate(model, PROMPTS[::-1], length=12, temperature=1.3, top_k=9, seed=8)  # 9 and 12 have the same room
    assert compiled == []


# --------------------------------------------------------------------------------------------------------- beams


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_as_many_beams_as_there_are_texts_find_the_best_one(alpha):
    """Five tokens, of which one ends a text, and at most three: all 4 · (1 + 4 · (1 + ...)) texts are compared."""
    model, length, end = tiny(vocabulary=5), 3, 0
    logits = slow_logits(model)
    for prompt in ([1, 2], [4]):
        scores = {}
        for n in range(1, length + 1):
            for text in itertools.product(range(5), repeat=n):
                if end in text[:-1] or (n < length and text[-1] != end):
                    continue
                total = sum(logits(prompt, text[:t])[0][token] for t, token in enumerate(text))
                scores[text] = total / n**alpha
        best = max(scores, key=scores.__getitem__)
        found = generate(ended(model, end), [prompt], length=length, beams=64, length_penalty=alpha)
        assert found.tokens[0].tolist() == [token for token in best if token != end]
        np.testing.assert_allclose(found.likelihood[0].sum(), scores[best] * len(best) ** alpha, **CLOSE)


def ended(model, *ends):
    """The same weights with other tokens that end a text."""
    from dataclasses import asdict

    about = {name: value for name, value in asdict(model.description).items() if name in ("vocabulary",)}
    other = tiny(**about, end=tuple(ends))
    return jax.tree.unflatten(jax.tree.structure(other), jax.tree.leaves(model))


@pytest.mark.parametrize("sort", SORTS)
def test_four_beams_are_those_of_a_search_by_hand(sort):
    model = tiny(sort, end=(4,))
    found = generate(model, PROMPTS, length=8, beams=4)
    for i, prompt in enumerate(PROMPTS):
        text, total = beams_by_hand(model, prompt, 8, 4, end=4)
        assert found.tokens[i].tolist() == [token for token in text if token != 4]
        np.testing.assert_allclose(found.likelihood[i].sum(), total, **CLOSE)


def beams_by_hand(model, prompt, length, K, end):
    """Lists of texts in place of arrays; scores are means of log probabilities, and beams stop as transformers' do."""
    logits, running, done = slow_logits(model), [(0.0, [])], []
    for t in range(1, length + 1):
        every = [(s + p, [*text, v]) for s, text in running for v, p in enumerate(logits(prompt, text)[0])]
        every = sorted(every, key=lambda one: -one[0])[: 2 * K]
        finished = lambda one, t=t: one[1][-1] == end or t == length
        done += [(s / t, s, text) for s, text in every[:K] if finished((s, text))]
        done = sorted(done, key=lambda one: -one[0])[:K]
        running = [one for one in every if not finished(one)][:K]
        if not running or (len(done) == K and running[0][0] / t <= done[-1][0]):
            break
    return done[0][2], done[0][1]


def test_more_beams_never_find_a_less_likely_text_than_greedy_here():
    model = tiny(end=(4,))
    sums = lambda found: np.array([row.sum() for row in found.likelihood])
    greedy, beams = (
        generate(model, PROMPTS, length=12),
        generate(model, PROMPTS, length=12, beams=8, length_penalty=0.0),
    )
    assert (sums(beams) >= sums(greedy) - 1e-4).all()
    assert (sums(beams) > sums(greedy) + 0.1).any()


# --------------------------------------------------------------------------------------------------- texts, stops


def test_texts_are_what_follows_the_prompt_and_end_before_a_stop_string():
    whole = with_tokenizer()
    prompts = ["the bank raised", "prices"]
    plain = generate(whole, prompts, length=16)
    for i, prompt in enumerate(prompts):
        ids = [*whole.tokenizer.ragged([prompt])[0], *plain.tokens[i].tolist()]
        assert prompt + plain[i] == whole.tokenizer.decode(ids)
    stop = plain[0][5:7]
    found = generate(whole, prompts, length=16, stop=[stop, "no such text"])
    assert found[0] == plain[0][: plain[0].index(stop)]
    assert found.ended[0] == "stop"
    assert found.frame()["tokens"][0] <= len(plain.tokens[0])
    assert found[1] == (plain[1] if stop not in plain[1] else plain[1][: plain[1].index(stop)])


@pytest.mark.parametrize("stopped", [False, True])
def test_a_stream_shows_just_the_text(stopped, capsys):
    whole = with_tokenizer()
    plain = generate(whole, "the bank raised", length=16)
    stop = plain[0][6:8] if stopped else ()
    found = generate(whole, "the bank raised", length=16, stop=stop, stream=True)
    said = capsys.readouterr().out
    assert "".join(filter(str.isprintable, said)) == "".join(filter(str.isprintable, found[0]))
    assert found[0] == (plain[0][: plain[0].index(stop)] if stopped else plain[0])


def test_a_source_is_read_and_a_target_written():
    found = generate(with_tokenizer("t5"), ["the bank raised its rate", "prices fell"], length=8)
    assert all(isinstance(text, str) for text in found.texts)
    assert "2 texts of 16 tokens, written by tiny." in found.summary()


def test_settings_and_what_was_cut_are_said():
    found = generate(tiny(), PROMPTS, length=6, temperature=0.5, min_p=0.1)
    said = found.summary()
    assert "temperature 0.5, min_p 0.1" in said
    assert "100% of the texts ended because of the length, 6; raise it." in said
    course = found.plot("Probability of tokens").data
    assert course["probability"].between(0, 1).all()
    assert len(course) == 6 * len(PROMPTS)


# -------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("prompts", "settings", "message"),
    [
        ([], {}, "prompts holds none, but must hold one at least"),
        ([[1], []], {}, r"prompts: number 1 \(from 0\) must hold one or more tokens from 0 to 22"),
        ([[1], [23]], {}, r"prompts: number 1 \(from 0\) must hold one or more tokens from 0 to 22"),
        ([[0.5]], {}, r"prompts: number 0 \(from 0\) must hold one or more tokens"),
        ([[1] * 40], {"length": 9}, r"number 0 \(from 0\) has 40 tokens and 9 are to be written, but .* places for 48"),
        ([[1]], {"length": 0}, "length is 0, but must be a whole number of at least 1; give one, such as 64"),
        ([[1]], {"length": 5, "least": 6}, "least is 6, but must be a whole number of at least 0 and at most 5"),
        ([[1]], {"temperature": -1}, "temperature is -1, but must be a number of at least 0"),
        ([[1]], {"top_k": 0, "temperature": 1}, "top_k is 0, but must be a whole number of at least 1"),
        ([[1]], {"top_p": 1.5, "temperature": 1}, "top_p is 1.5, but must be a number above 0 and at most 1"),
        ([[1]], {"min_p": 0, "temperature": 1}, "min_p is 0, but must be a number above 0 and at most 1"),
        ([[1]], {"top_k": 5}, "top_k is 5, but at temperature 0 nothing is drawn; give a temperature"),
        ([[1]], {"penalty": 0}, "penalty is 0, but must be a number above 0"),
        ([[1]], {"beams": 0}, "beams is 0, but must be a whole number of at least 1"),
        ([[1]], {"beams": 2, "temperature": 1}, "beams is 2 and temperature is 1, but beams follow"),
        ([[1]], {"beams": 2, "stop": "a"}, "beams is 2 and stop is .*, but beams follow the likeliest texts"),
        ([[1]], {"length_penalty": -1}, "length_penalty is -1, but must be a number of at least 0"),
        ([[1]], {"stop": "."}, "stop needs text, but this model has no tokenizer"),
        ([[1]], {"stop": [""]}, "stop holds what is no text or an empty one"),
        ([[1]], {"seed": -1}, "seed is -1, but must be a whole number of at least 0"),
        ([[1]], {"batch_size": 0}, "batch_size is 0, but must be a whole number of at least 1"),
        ([[1], [2]], {"stream": True}, "stream shows one text, but prompts holds 2; give one prompt"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused(prompts, settings, message):
    with pytest.raises(ValueError, match=message):
        generate(tiny(), prompts, **settings)


def test_what_does_not_write_is_refused():
    with pytest.raises(ValueError, match="model is an encoder, which reads only, but must be one that gives prob"):
        generate(tiny(kind="encoder"), [[1]])
    with pytest.raises(ValueError, match="model is a model whose head is 'class', but must be one that gives prob"):
        generate(tiny(head="class", outputs=2), [[1]])
    with pytest.raises(
        TypeError, match=r"model is a str, but must be a LanguageModel or what ceteris.text.load returns"
    ):
        generate("gpt2", [[1]])
    with pytest.raises(TypeError, match=r"prompts: number 0 \(from 0\) is a text, but this model has no tokenizer"):
        generate(tiny(), "a text")
    with pytest.raises(ValueError, match="has no token at all, but must have at least one"):
        generate(with_tokenizer(), "")


def test_weights_that_are_no_numbers_are_not_written_with():
    model = jax.tree.map(lambda a: a * jnp.nan, tiny())
    with pytest.raises(ArithmeticError, match="probabilities are not finite, so that what it writes means nothing"):
        generate(model, PROMPTS, length=3)
