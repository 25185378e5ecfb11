"""Personal data in texts: found by their form, checked where they carry check digits, and replaced by what they are.

A pattern finds e-mail addresses, telephone numbers, account numbers (IBAN, check digits by ISO 13616), card numbers
(Luhn's check digit), internet addresses and the social security numbers of the United States. It does not find names,
and no pattern is perfect: what was found is counted, so that it can be looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ceteris.arguments import one_of


class Pattern(NamedTuple):
    """What one kind of personal data looks like.

    Attributes
    ----------
    digits : int
        Digits without which there is none of it in a text; counting them is quick.
    sign : re.Pattern
        What a text must hold besides, quick to look for.
    form : re.Pattern
        What it looks like.
    holds : callable
        ``holds(found)`` says whether it is one, by check digits or ranges.
    """

    digits: int
    sign: re.Pattern[str]
    form: re.Pattern[str]
    holds: Callable[[str], bool]


def luhn(digits: str) -> bool:
    """Whether the last digit of a card's number is the one that the others ask for.

    Examples
    --------
    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = [int(sign) * (2 if place % 2 else 1) for place, sign in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def iban(number: str) -> bool:
    """Whether the check digits of an account number are right: the number modulo 97 is 1.

    Examples
    --------
    >>> iban("DE89370400440532013000"), iban("DE88370400440532013000")
    (True, False)
    """
    moved = number[4:] + number[:4]
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def _card(found: str) -> bool:
    digits = re.sub(r"\D", "", found)
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and len(set(digits)) > 1 and luhn(digits)


def _account(found: str) -> bool:
    number = re.sub(r"[ -]", "", found)
    return 15 <= len(number) <= 34 and iban(number)


def _internet(found: str) -> bool:
    numbers = [int(part) for part in found.split(".")]
    return max(numbers) < 256 and any(number > 9 for number in numbers)  # 1.2.3.4 is a version, or a heading


def _telephone(found: str) -> bool:
    digits = re.sub(r"\D", "", found)
    decimal = re.fullmatch(r"\+?\d+\.\d+", found)  # +3.140000
    return 7 <= len(digits) <= 15 and len(set(digits)) > 2 and not decimal


def _security(found: str) -> bool:
    area, group, serial = re.findall(r"\d+", found)
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


PERSONAL: Mapping[str, Pattern] = {
    "email": Pattern(
        0, re.compile("@"),
        re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])"),
        lambda found: not found.startswith("."),
    ),
    "iban": Pattern(
        10, re.compile(r"[A-Z]{2}\d\d[ -]?[0-9A-Z]{4}"),
        re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}\d\d(?:[ -]?[0-9A-Z]{4}){2,7}(?:[ -]?[0-9A-Z]{1,3})?(?![0-9A-Za-z])"),
        _account,
    ),
    "card": Pattern(
        13, re.compile(r"\d{4}[ -]?\d"),
        re.compile(r"(?<![\d.-])(?:\d{4}(?:[ -]?\d{4}){2}[ -]?\d{1,7}|3[47]\d\d[ -]?\d{6}[ -]?\d{5})(?![\d-])"),
        _card,
    ),
    "ip": Pattern(
        4, re.compile(r"\d\.\d{1,3}\."), re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)"), _internet
    ),
    "ssn": Pattern(9, re.compile(r"\d-\d\d-\d"), re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), _security),
    "phone": Pattern(
        7, re.compile(r"\d[ .()/-]{0,3}\d[ .()/-]{0,3}\d[ .()/-]{0,3}\d"),
        re.compile(
            r"(?<![\w.+/-])(?:"
            r"(?:\+|00)[1-9]\d{0,2}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}"  # with the country
            r"|\(0?\d{2,5}\)[ .-]?\d{2,4}(?:[ .-]?\d{2,4}){1,3}"  # the area in brackets
            r"|0\d{1,4}[ /-]\d{2,4}(?:[ -]?\d{2,4}){1,3}"  # the area begins with a zero
            r"|[2-9]\d{2}[.-][2-9]\d{2}[.-]\d{4}"  # 555-234-5678
            r")(?![\w]|[.,/-]\d)"
        ),
        _telephone,
    ),
}  # fmt: skip


def kinds_given(given: Iterable[str] | None) -> tuple[str, ...]:
    """Return the kinds of personal data to replace, in the order in which they are looked for; all by default."""
    if given is None:
        return tuple(PERSONAL)
    asked = {one_of("redact", kind, PERSONAL) for kind in ([given] if isinstance(given, str) else given)}
    return tuple(kind for kind in PERSONAL if kind in asked)


def redacted(text: str, kinds: Iterable[str] = tuple(PERSONAL)) -> tuple[str, Counter[str]]:
    """Return a text in which personal data are replaced by their kind, and how many of each were.

    Parameters
    ----------
    text : str
    kinds : iterable of str
        Of `PERSONAL`.

    Examples
    --------
    >>> redacted("Write to jane@bank.org, or call +49 30 1234567, before 2024-05-01.")
    ('Write to <EMAIL>, or call <PHONE>, before 2024-05-01.', Counter({'email': 1, 'phone': 1}))
    """
    found: Counter[str] = Counter()
    digits = sum(map(text.count, "0123456789"))
    for kind in kinds:
        pattern = PERSONAL[kind]
        if digits < pattern.digits or pattern.sign.search(text) is None:
            continue
        matches = [match for match in pattern.form.finditer(text) if pattern.holds(match[0])]
        if matches:
            found[kind] = len(matches)
            starts, ends = [0, *(m.end() for m in matches)], [*(m.start() for m in matches), len(text)]
            text = f"<{kind.upper()}>".join(text[a:b] for a, b in zip(starts, ends, strict=True))
    return text, found
