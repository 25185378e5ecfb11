"""Pairs of texts whose translation is known by rule: for nets that read one sequence and write another.

=================  =====================================================  =========================================
`written_dates`    "Tuesday, the 3rd of March 1987"                       "1987-03-03"
`number_words`     "four thousand and twelve"                             "4012"
`reversals`        "kqhza"                                                "azhqk": every letter matters, far away too
`small_corpus`     "the small bank does not see the red houses"           "la petite banque ne voit pas les maisons
                                                                          rouges": words move, agree and split
=================  =====================================================  =========================================

Nothing is taken from elsewhere: all is generated.
"""

from __future__ import annotations

import datetime

import numpy as np

from ceteris.arguments import whole

Pairs = list[tuple[str, str]]

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
LETTERS = "abcdefghijklmnopqrstuvwxyz"

# English, French, whether feminine; in the plural both take an s
NOUNS = (
    ("bank", "banque", True), ("house", "maison", True), ("firm", "firme", True), ("shop", "boutique", True),
    ("market", "marché", False), ("price", "tarif", False), ("worker", "salarié", False), ("client", "client", False),
)  # fmt: skip
BEFORE = (("small", "petit", "petite"), ("big", "grand", "grande"))  # adjectives that stay before the noun
AFTER = (("red", "rouge", "rouge"), ("black", "noir", "noire"), ("open", "ouvert", "ouverte"))  # and that follow it
VERBS = (  # English for one and for more, French for one and for more
    ("sees", "see", "voit", "voient"), ("follows", "follow", "suit", "suivent"), ("sells", "sell", "vend", "vendent"),
)  # fmt: skip


def written_dates(n: int, seed: int = 0) -> Pairs:
    """Return dates between 1900 and 2099 as people write them, in five ways, and in the form of ISO 8601.

    Examples
    --------
    >>> written_dates(2)
    [('February 15, 2070', '2070-02-15'), ('the 24th of May 2027', '2027-05-24')]
    """
    rng = np.random.default_rng(seed)
    first, days = datetime.date(1900, 1, 1), (datetime.date(2100, 1, 1) - datetime.date(1900, 1, 1)).days
    dates = [first + datetime.timedelta(int(day)) for day in rng.integers(days, size=whole("n", n))]
    return [
        (_written(date, int(way)), date.isoformat()) for date, way in zip(dates, rng.integers(5, size=n), strict=True)
    ]


def number_words(n: int, seed: int = 0, below: int = 1_000_000) -> Pairs:
    """Return whole numbers in words and in digits; numbers of one length are as frequent as those of another.

    Examples
    --------
    >>> number_words(2)
    [('six thousand six hundred and thirty-three', '6633'), ('forty-one', '41')]
    """
    rng = np.random.default_rng(seed)
    most = np.log(whole("below", below, least=2, most=1_000_000))
    return [(in_words(k), str(k)) for k in np.exp(rng.uniform(0, most, whole("n", n))).astype(int).tolist()]


def reversals(n: int, seed: int = 0, shortest: int = 3, longest: int = 12) -> Pairs:
    """Return strings of letters drawn at random, and the same read from behind.

    Examples
    --------
    >>> reversals(2, longest=5)
    [('nhibb', 'bbihn'), ('aevq', 'qvea')]
    """
    rng = np.random.default_rng(seed)
    whole("longest", longest, least=whole("shortest", shortest))
    lengths = rng.integers(shortest, longest + 1, size=whole("n", n))
    words = ["".join(LETTERS[i] for i in rng.integers(26, size=length)) for length in lengths]
    return [(word, word[::-1]) for word in words]


def small_corpus(n: int, seed: int = 0) -> Pairs:
    """Return English sentences of a few words and rules, and their French: adjectives agree and most follow the noun.

    Examples
    --------
    >>> small_corpus(1, seed=2)
    [('the bank does not follow the small firms', 'la banque ne suit pas les petites firmes')]
    """
    rng = np.random.default_rng(seed)
    return [_sentence(rng) for _ in range(whole("n", n))]


def in_words(k: int) -> str:
    """Return a whole number below a million in British English.

    Examples
    --------
    >>> in_words(4012), in_words(990_100)
    ('four thousand and twelve', 'nine hundred and ninety thousand one hundred')
    """
    if k >= 1000:
        rest = k % 1000
        joined = "" if not rest else (" and " if rest < 100 else " ") + in_words(rest)
        return f"{in_words(k // 1000)} thousand{joined}"
    if k >= 100:
        return f"{UNITS[k // 100]} hundred" + (f" and {in_words(k % 100)}" if k % 100 else "")
    if k >= 20:
        return TENS[k // 10] + (f"-{UNITS[k % 10]}" if k % 10 else "")
    return UNITS[k]


def _written(date: datetime.date, way: int) -> str:
    day, month, year = date.day, MONTHS[date.month - 1], date.year
    ending = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return (
        f"{day} {month} {year}",
        f"the {day}{ending} of {month} {year}",
        f"{month} {day}, {year}",
        f"{DAYS[date.weekday()]}, {day} {month[:3]} {year}",
        f"{month} the {day}{ending}, {year}",
    )[way]


def _sentence(rng: np.random.Generator) -> tuple[str, str]:
    """A subject, a verb, negated or not, and an object."""
    negated = bool(rng.random() < 0.3)
    (subject, sujet, many), (thing, objet, _) = _noun(rng, False), _noun(rng, negated)
    verb = VERBS[rng.integers(len(VERBS))]
    french = verb[2 + many]
    if negated:
        return f"{subject} {'do' if many else 'does'} not {verb[1]} {thing}", f"{sujet} ne {french} pas {objet}"
    return f"{subject} {verb[many]} {thing}", f"{sujet} {french} {objet}"


def _noun(rng: np.random.Generator, negated: bool) -> tuple[str, str, bool]:
    """A noun with its article and up to two adjectives, in both languages, and whether there are many."""
    english, french, feminine = NOUNS[rng.integers(len(NOUNS))]
    many, the = bool(rng.random() < 0.4), bool(rng.random() < 0.6)
    s = "s" if many else ""
    early = BEFORE[rng.integers(len(BEFORE))] if rng.random() < 0.5 else None
    late = AFTER[rng.integers(len(AFTER))] if rng.random() < 0.5 else None
    ours = [adjective[0] for adjective in (early, late) if adjective] + [english + s]
    first = "the" if the else "" if many else "an" if ours[0][0] in "aeiou" else "a"
    theirs = [early[1 + feminine] + s] if early else []
    theirs += [french + s, *([late[1 + feminine] + s] if late else [])]
    article = _article(the, many, feminine, negated or (many and early is not None))
    return " ".join([first, *ours]).strip(), " ".join([article, *theirs]), many


def _article(the: bool, many: bool, feminine: bool, reduced: bool) -> str:
    """The French article; without "the" it is "de" after a negation, and before an adjective in the plural."""
    if the:
        return "les" if many else "la" if feminine else "le"
    return "de" if reduced else "des" if many else "une" if feminine else "un"
