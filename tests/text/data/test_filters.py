"""Measures against a slow route in plain Python, duplicates against true similarities, personal data by hand."""

import itertools
import re
from collections import Counter

import numpy as np
import pytest

from ceteris.text.data import PERSONAL, QUALITY, NearDuplicates, QualityRule, languages_of, redacted
from ceteris.text.data.duplicates import signatures_of
from ceteris.text.data.personal import kinds_given
from ceteris.text.data.quality import broken, languages_given, rules_of
from ceteris.text.data.scan import laid_out, scan
from ceteris.text.data.words import FUNCTION_WORDS, LANGUAGES

TEXTS = [
    "The bank raised rates.\nThe bank raised rates.\n- first\n* second\nand so on...\n",
    "Été à Zürich: 3 œufs, 2.5 % — naïveté!\nÜber ärgerliche Öfen.",
    "a a a a a a a a a a b",
    "one two three four five six one two three four five seven one two three four five six",
    "",
    "   \n\n \t ",
    "=== 12 345 === // 99 ++",
    "no line end",
    "Ελληνικά και Русский язык",
]


def slow(text: str) -> dict[str, float]:
    """The same measures, for texts in alphabets, by regular expressions and counters."""
    words = re.findall(r"[^\W_]+", text.lower())
    lines = [line for line in text.split("\n") if re.search(r"[^\s]", line)]
    stripped = [re.sub(r"\s", "", line) for line in lines]
    inside = sum(map(len, words))
    symbols = sum(not sign.isspace() and not re.match(r"[^\W_]", sign) for sign in text)
    repeats = sum(Counter(line for line in stripped if len(line) > 3).values()) - len(
        {line for line in stripped if len(line) > 3}
    )
    met, again, covered = set(), 0, 0
    for i in range(5, len(words) + 1):
        run = tuple(words[i - 5 : i])
        if run in met:
            again += min(5, i - covered)
            covered = i
        met.add(run)
    pairs = Counter(itertools.pairwise(words))
    most = max(pairs.values(), default=0)
    n, m = max(len(words), 1), max(len(lines), 1)
    return {
        "characters": len(text), "words": len(words), "word length": inside / n,
        "symbols": symbols / max(symbols + inside, 1),
        "letters": sum(any(sign.isalpha() for sign in word) for word in words) / n,
        "bullets": sum(line[0] in "*-•·" for line in stripped) / m if m >= 3 else 0,
        "ellipses": sum(line.endswith(("...", "…")) for line in stripped) / m if m >= 3 else 0,
        "repeated lines": repeats / m, "repeated phrases": again / n,
        "commonest pair": 2 * most / n if most > 1 else 0,
    }  # fmt: skip


def test_what_is_measured_is_what_plain_python_measures():
    found = scan(*laid_out(TEXTS)).measures
    for place, text in enumerate(TEXTS):
        for name, value in slow(text).items():
            assert found[name][place] == pytest.approx(value, abs=1e-12), (text, name)


def test_random_texts_are_measured_alike():
    """Repetitions of all kinds, and tables of every size, from a small alphabet."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abcé  \n-."), rng.integers(1, 3_000))) for _ in range(40)]
    found = scan(*laid_out(texts)).measures
    for place, text in enumerate(texts):
        for name, value in slow(text).items():
            assert found[name][place] == pytest.approx(value, abs=1e-12), name


def test_a_document_is_measured_the_same_in_any_company():
    alone = [scan(*laid_out([text])) for text in TEXTS]
    together = scan(*laid_out(TEXTS[::-1]))
    for place, one in enumerate(alone):
        for name in one.measures:
            assert one.measures[name][0] == together.measures[name][::-1][place]
        assert (one.votes[0] == together.votes[::-1][place]).all()


def test_listed_words_are_counted_as_words_and_not_as_parts_of_them():
    found = scan(*laid_out(["Foul words, FOUL deeds; fouls are none."]), ["foul", "Deeds"])
    assert found.measures["listed words"].tolist() == [3]


# ------------------------------------------------------------------------------------------------ languages


SENTENCES = {
    "en": "Prices rose again because firms could not find the workers that they were looking for.",
    "de": "Die Preise sind wieder gestiegen, weil die Unternehmen nicht genug Arbeitskräfte finden konnten.",
    "fr": "Les prix ont encore augmenté parce que les entreprises ne trouvaient pas assez de main-d'œuvre.",
    "es": "Los precios volvieron a subir porque las empresas no encontraban suficientes trabajadores.",
    "pt": "Os preços voltaram a subir porque as empresas não encontravam trabalhadores suficientes.",
    "it": "I prezzi sono aumentati di nuovo perché le imprese non trovavano abbastanza lavoratori.",
    "nl": "De prijzen stegen opnieuw omdat bedrijven niet genoeg werknemers konden vinden.",
    "pl": "Ceny znowu wzrosły, ponieważ firmy nie mogły znaleźć wystarczającej liczby pracowników.",
    "tr": "Fiyatlar yeniden arttı, çünkü şirketler yeterince çalışan bulamadı ve bu daha çok sürecek.",
    "ru": "Цены снова выросли, потому что компании не могли найти достаточно работников.",
    "el": "Οι τιμές αυξήθηκαν και πάλι, γιατί οι επιχειρήσεις δεν έβρισκαν αρκετούς εργαζόμενους.",
    "ja": "企業が十分な労働者を見つけられなかったため、物価は再び上昇した。",
    "zh": "由于企业找不到足够的工人，物价再次上涨。",
    "ko": "기업들이 충분한 노동자를 찾지 못해 물가가 다시 올랐다.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_the_language_of_a_sentence_is_recognised(language):
    assert languages_of([SENTENCES[language]]) == [language]


def test_what_is_no_language_is_not_taken_for_one():
    assert languages_of(["x1 = f(y2, z3)", "10 20 30 40", "", "GDP, CPI, HICP: Q1, Q2"]) == ["?"] * 4


def test_lists_of_words_are_in_lower_case_and_name_no_word_twice():
    for language, words in FUNCTION_WORDS.items():
        assert words.split() == list(dict.fromkeys(words.lower().split())), language
    assert len(LANGUAGES) == 33


# ------------------------------------------------------------------------------------------------ rules


def test_each_rule_leaves_out_what_it_names():
    prose = SENTENCES["en"]
    bad = {
        "too short": "Too few words to learn from.",
        "length of words": "of the " + "incomprehensibilities " * 20,
        "symbols": f"{prose} " + "#" * 60,
        "words without letters": f"{prose} " + "12 345 " * 10,
        "bullets": "\n".join(f"- {w} the of and" for w in prose.split()),
        "ellipses": "\n".join(f"{w} of the…" for w in prose.split()),
        "repeated lines": "\n".join([prose, *prose.split(), *["the same line"] * 20]),
        "repeated phrases": f"{prose} " * 3,
        "one pair of words": "buy now " * 20 + prose,
        "few function words": "Rates wages prices firms banks loans taxes bonds funds trade labour capital",
    }
    found = broken(scan(*laid_out([prose, *bad.values()])), QUALITY)
    assert not any(which[0] for which in found.values()), "prose is left out"
    for place, name in enumerate(bad, 1):
        assert found[name][place], name


def test_rules_are_changed_by_name():
    rules = rules_of({"too short": None, "mine": QualityRule("words", most=5)})
    assert "too short" not in rules
    assert rules["mine"].most == 5
    with pytest.raises(TypeError, match="rules: 'x' is 3, but must be a QualityRule or None"):
        rules_of({"x": 3})
    with pytest.raises(ValueError, match="measure is 'word', but must be one of characters, words"):
        QualityRule("word")
    with pytest.raises(ValueError, match="least is 2, but must be at most 1"):
        QualityRule("words", 2, 1)
    with pytest.raises(ValueError, match="languages is 'eng', but must be one of en, de"):
        languages_given("eng")


# ------------------------------------------------------------------------------------------------ duplicates


def shingles(words) -> set:
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def changed(words: np.ndarray, similarity: float, rng) -> np.ndarray:
    """Single words changed, each of which breaks five runs of five."""
    n = len(words) - 4
    share = n * (1 - similarity) / (1 + similarity) / 5
    count = int(share) + (rng.random() < share - int(share))
    words = words.copy()
    places = rng.choice(len(words) // 5, count, replace=False) * 5 + 2
    words[places] = [f"new{rng.integers(10**9)}" for _ in places]
    return words


@pytest.fixture(scope="module")
def pairs():
    """A thousand documents of 100 to 600 words, and the same with a known similarity: half .8, half .5."""
    rng = np.random.default_rng(1)
    known = np.array([f"w{i}" for i in range(5_000)])
    first = [rng.choice(known, rng.integers(100, 600)) for _ in range(1_000)]
    second = [changed(words, 0.8 if i % 2 else 0.5, rng) for i, words in enumerate(first)]
    alike = np.array(
        [len(shingles(a) & shingles(b)) / len(shingles(a) | shingles(b)) for a, b in zip(first, second, strict=True)]
    )
    return [" ".join(words) for words in first], [" ".join(words) for words in second], alike


def test_near_duplicates_at_a_similarity_of_eight_tenths_are_found(pairs):
    """The bar is a recall of .95; .99 is expected, the chance that at least 90 of 128 hashes agree where 102 should."""
    first, second, alike = pairs
    near = NearDuplicates()
    assert (near.seen(*laid_out(first)) == -1).all()
    found = near.seen(*laid_out(second))
    high = alike > 0.65
    assert alike[high].mean() == pytest.approx(0.8, abs=0.02)
    assert (found[high] == np.flatnonzero(high)).mean() >= 0.95
    assert (found[~high] >= 0).mean() <= 0.01  # at .5 an estimate of .7 is five standard errors away


def test_agreement_of_signatures_estimates_the_similarity(pairs):
    """Mean error within three standard errors, spread that of 128 draws, √(J (1 - J) / 128), by a tenth."""
    first, second, alike = pairs
    agree = (signatures_of(*laid_out(first)) == signatures_of(*laid_out(second))).mean(1)
    spread = np.sqrt(alike * (1 - alike) / 128)
    z = (agree - alike) / spread
    assert abs(z.mean()) < 3 / np.sqrt(len(z))
    assert z.std() == pytest.approx(1, abs=0.15)


def test_memory_grows_and_nothing_is_forgotten(pairs):
    first, _, _ = pairs
    near = NearDuplicates()
    for start in range(0, 1_000, 100):
        assert (near.seen(*laid_out(first[start : start + 100])) == -1).all()
    assert (near.seen(*laid_out(first)) == np.arange(1_000)).all()
    assert len(near._keys) > 2**14


def test_case_and_punctuation_make_no_difference_and_short_texts_are_compared_whole():
    texts = ["Yes, we can!", "yes we CAN", "no we cannot", "价格上涨了", "价格下跌了"]
    assert NearDuplicates().seen(*laid_out(texts)).tolist() == [-1, 0, -1, -1, -1]


# ------------------------------------------------------------------------------------------------ personal data

FOUND = {
    "email": ["a@b.co", "Jane.Doe+x@mail.example.com", "info@uni-köln.de"],
    "iban": ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "NO93 8601 1117 947"],
    "card": ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"],
    "ip": ["192.168.0.17", "8.8.8.81"],
    "ssn": ["536-90-4399"],
    "phone": ["+1 650-253-0000", "+49 (0)30 901820", "(030) 9018-2345", "555-234-5678", "01 42 68 53 00"],
}
NOT_FOUND = [
    "2024-05-01", "1990-1995", "version 1.2.3.4", "1,234,567.89", "3.14159265358979", "ISBN 978-3-16-148410-0",
    "12 345 678 people", "1234567890123456", "DE88370400440532013000", "4111111111111112", "12:30:45",
    "2001 2002 2003 2004", "999.999.999.999", "user@localhost", "@handle", "192.168.0.0.1", "10 000 000", "+3.140000",
]  # fmt: skip


@pytest.mark.parametrize("kind", FOUND)
def test_personal_data_are_found_and_replaced(kind):
    for text in FOUND[kind]:
        for around in ("{}", "call {} now", "x: {}, y", "({})."):
            assert redacted(around.format(text)) == (around.format(f"<{kind.upper()}>"), {kind: 1}), text
            assert redacted(around.format(text), [k for k in PERSONAL if k not in (kind, "phone")])[1] == {}


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_only_looks_like_personal_data_stays(text):
    assert redacted(f"a {text} b") == (f"a {text} b", {})


def test_kinds_are_asked_for_by_name():
    assert kinds_given(["phone", "email"]) == ("email", "phone")
    with pytest.raises(ValueError, match="redact is 'mail', but must be one of email, iban"):
        kinds_given(["mail"])
