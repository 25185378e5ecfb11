"""Text that leaves: whatever it holds, it arrives in one cell, in one line, and does nothing there."""

import pytest

from ceteris import outlets as out
from hostile import KNOWN, hostile_strings, outlets

OUTLETS = outlets()
COSTLY = {"HTML": KNOWN, "figure": KNOWN[::2], "estimates side by side": KNOWN[::2]}  # a twentieth of a second each


def broken_by(check, strings):
    """What the check says of each string that it does not pass."""
    found = []
    for text in strings:
        try:
            check(text)
        except Exception as error:
            found.append(f"{text[:60]!a} ({len(text)} characters): {type(error).__name__}: {str(error)[:200]!a}")
    return found


@pytest.mark.parametrize("name", OUTLETS)
def test_hostile_strings_leave_unharmed(name):
    broken = broken_by(OUTLETS[name], COSTLY.get(name) or hostile_strings(400, seed=1))
    assert not broken, f"{len(broken)} in {name}:\n" + "\n".join(broken[:25])


def test_what_is_said_piece_by_piece_stays_on_its_line_and_steers_nothing(capsys):
    for piece in ("one", " two\x1b[2J", "\nthree"):
        out.say_on(piece)
    assert capsys.readouterr().out == "one two<U+001B>[2J\nthree"
