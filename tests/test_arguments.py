"""The sentences that say what an argument must be, word for word."""

from dataclasses import dataclass

import numpy as np
import pytest

from ceteris.arguments import COUNT, as_many, check, choose, nearest, number, one_of, require, whole


@dataclass
class Settings:
    members: int = 1
    epochs: int | None = None
    widths: tuple[int, ...] = (8,)
    share: float = 0.5


WHOLE = "a whole number of at least 1"


@pytest.mark.parametrize(
    ("ask", "given", "must"),
    [
        (lambda: whole("n", 0), "n is 0", f"{WHOLE}; give one."),
        (lambda: whole("n", True), "n is True", f"{WHOLE}; give one."),
        (lambda: whole("n", 2.0), "n is 2.0", f"{WHOLE}; give one."),
        (lambda: whole("n", 9, 2, 8, 5), "n is 9", "a whole number of at least 2 and at most 8; give one, such as 5."),
        (lambda: number("a", np.float64(2), below=1), "a is 2.0", "a number below 1; give one."),
        (lambda: number("a", "1", above=0), "a is '1'", "a number above 0; give one."),
        (lambda: number("a", float("nan")), "a is nan", "a number; give one."),
        (lambda: number("a", float("inf"), above=0), "a is inf", "a number above 0; give one."),
        (lambda: number("a", None, above=0), "a is None", "a number above 0; give one."),
        (lambda: one_of("rule", "Adma", ("sgd", "adam")), "rule is 'Adma'", "one of sgd, adam; did you mean 'adam'?"),
        (lambda: one_of("rule", 3, ("sgd",)), "rule is 3", "one of sgd; choose one of them."),
        (lambda: one_of("rule", np.ones(2), (1, 2)), "rule is array([1., 1.])", "one of 1, 2; choose one of them."),
        (lambda: one_of("mark", "x", (",", "\t")), "mark is 'x'", r"one of ',', '\t'; choose one of them."),
        (lambda: choose("rule", [], {"sgd": 1}), "rule is []", "one of sgd; choose one of them."),
        (lambda: check(Settings(members=0)), "Settings: members is 0", f"{WHOLE}; give one."),
        (lambda: check(Settings(epochs=0)), "Settings: epochs is 0", f"None or {WHOLE}; give one."),
        (
            lambda: check(Settings(widths=())),
            "Settings: widths is ()",
            "a tuple of one or more whole numbers of at least 1, one per hidden layer; give one.",
        ),
        (
            lambda: check(Settings(widths=(0,)), widths=COUNT.or_several("layer")),
            "Settings: widths is (0,)",
            f"{WHOLE} or a tuple of such, one per layer; give one.",
        ),
        (lambda: require("x", "a" * 99, COUNT), f"x is '{'a' * 76}...", f"{WHOLE}; give one."),
    ],
)
def test_a_wrong_argument_is_answered_in_one_sentence(ask, given, must):
    with pytest.raises(ValueError, match="but must be") as caught:
        ask()
    assert str(caught.value) == f"{given}, but must be {must}"


def test_there_is_one_for_each():
    with pytest.raises(ValueError, match="names holds 2, but must hold 3, one for each column; give as many"):
        as_many("names", "ab", 3, of="column")


def test_what_is_allowed_is_returned():
    assert (whole("n", np.int64(3)), number("a", 0.5, least=0.5), one_of("rule", "sgd", {"sgd": 1})) == (3, 0.5, "sgd")
    assert choose("rule", "sgd", {"sgd": 1}) == 1
    check(Settings())


def test_the_nearest_name_does_not_mind_capitals():
    assert nearest("ALPHA", ["beta", "Alpha"]) == "Alpha"
    assert nearest("q", ["beta"]) == ""
