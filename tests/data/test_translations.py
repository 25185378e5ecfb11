"""Pairs of texts: what the rules say, read back by other means."""

import datetime
import re
from collections import Counter

import pytest

from ceteris.data import in_words, number_words, reversals, small_corpus, written_dates
from ceteris.data.translations import MONTHS, TENS, UNITS


def test_dates_are_read_back_by_the_standard_library():
    pairs, ways = written_dates(500), Counter()
    for text, iso in pairs:
        plain = re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", text).replace(",", "")
        plain = re.sub(r"\b(the|of|[A-Z][a-z]+day)\b", "", plain)
        words = plain.split()
        read = None
        for form in ("%d %B %Y", "%d %b %Y", "%B %d %Y"):
            try:
                read = datetime.datetime.strptime(" ".join(words), form).date()
            except ValueError:
                continue
            ways[form] += 1
            break
        assert read is not None, text
        assert read.isoformat() == iso
        if text.split(",")[0].endswith("day"):
            assert read.strftime("%A") == text.split(",")[0]
    assert len(ways) == 3  # "May" is short for itself
    assert {iso[5:7] for _, iso in pairs} == {f"{m + 1:02d}" for m in range(len(MONTHS))}


def test_numbers_are_read_back_by_adding_up():
    value = {word: k for k, word in enumerate(UNITS)} | {word: 10 * k for k, word in enumerate(TENS) if word}

    def read(text):
        total = part = 0
        for word in text.replace("-", " ").replace(" and ", " ").split():
            if word == "hundred":
                part *= 100
            elif word == "thousand":
                total, part = 1000 * part, 0
            else:
                part += value[word]
        return total + part

    assert all(str(read(words)) == digits for words, digits in number_words(2000))
    assert [read(in_words(k)) for k in range(2000)] == list(range(2000))
    assert {len(digits) for _, digits in number_words(500)} == set(range(1, 7))


def test_reversals_are_of_the_lengths_asked_for():
    pairs = reversals(300, 1, 4, 9)
    assert all(back == "".join(reversed(word)) for word, back in pairs)
    assert {len(word) for word, _ in pairs} == set(range(4, 10))


def test_the_small_corpus_agrees_in_gender_and_number():
    pairs = small_corpus(2000)
    assert len(set(pairs)) > 1500
    for english, french in pairs:
        assert french.count(" ne ") == french.count(" pas ") == english.count(" not ")
        assert not re.search(
            r"\b(la|une) (petit|grand)s? |\b(le|un) (petite|grande)s? |\bles (petite?|grande?) ", french
        )
        assert not re.search(r"\bdes (petit|grand)|pas (un|une|des) ", french)
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", english)
        assert len(re.findall(r"\bthe\b", english)) == len(re.findall(r"\b(le|la|les)\b", french))


def test_draws_differ_by_seed_and_bad_settings_are_answered():
    for draw in (written_dates, number_words, reversals, small_corpus):
        assert draw(20, 0) == draw(20, 0) != draw(20, 1)
        with pytest.raises(ValueError, match="n is 0, but must be a whole number of at least 1"):
            draw(0)
    with pytest.raises(ValueError, match="longest is 2, but must be a whole number of at least 3"):
        reversals(3, longest=2)
    with pytest.raises(ValueError, match="below is 1, but must be a whole number of at least 2"):
        number_words(3, below=1)
