"""Hypotheses in words, against the matrices they stand for, and against how patsy reads them."""

import numpy as np
import pytest

from ceteris.estimates.hypotheses import combination, refuse_redundant

NAMES = ("constant", "a", "b", "region=south", "region=west", "log wage (100s)", "a*b", "2024")
PLACE = {name: i for i, name in enumerate(NAMES)}


def row(**entries):
    weights = np.zeros(len(NAMES))
    for name, value in entries.items():
        weights[PLACE[name]] = value
    return weights


@pytest.mark.parametrize(
    ("text", "rows", "constants", "names"),
    [
        ("a = b = 0", [row(a=1), row(b=1)], [0, 0], ("a", "b")),
        ("a==b", [row(a=1, b=-1)], [0], ("a - b",)),
        ("2*a - b*.5 = 1", [row(a=2, b=-0.5)], [1], ("2*a - b*.5 - 1",)),
        ("a = 1, b = -2e1", [row(a=1), row(b=1)], [1, -20], ("a - 1", "b - (-2e1)")),
        ("a + 1 = b - a", [row(a=2, b=-1)], [-1], ("a + 1 - (b - a)",)),
        ("- -a = 3*2*b", [row(a=1, b=-6)], [0], ("- -a - 3*2*b",)),
        ("0 = a", [row(a=-1)], [0], ("0 - a",)),
        ("a - b", [row(a=1, b=-1)], [0], ("a - b",)),
        (
            "region = 0",
            [row(**{"region=south": 1}), row(**{"region=west": 1})],
            [0, 0],
            ("region=south", "region=west"),
        ),
        ("region=south = region=west", [row(**{"region=south": 1, "region=west": -1})], [0], None),
        ("log wage (100s) = a*b = 0", [row(**{"log wage (100s)": 1}), row(**{"a*b": 1})], [0, 0], None),
        ("2024 = 0", [row(**{"2024": 1})], [0], ("2024",)),  # a name before a number
        (["a = 0", "b = 1"], [row(a=1), row(b=1)], [0, 1], None),
        (None, np.eye(len(NAMES))[1:], np.zeros(len(NAMES) - 1), NAMES[1:]),
    ],
)
def test_words_are_the_matrices_they_stand_for(text, rows, constants, names):
    found = combination(text, NAMES)
    np.testing.assert_allclose(found.weights, rows)
    np.testing.assert_allclose(found.constants, constants)
    assert names is None or found.names == names


@pytest.mark.parametrize("text", ["x = z = 0", "x - 2*z = 1, const = 0", "x = z", "x = .5"])
def test_patsy_reads_the_same(text):
    patsy = pytest.importorskip("patsy")
    theirs = patsy.DesignInfo(["const", "x", "z"]).linear_constraint(text)
    ours = combination(text, ["const", "x", "z"])
    mine, rows = np.column_stack([ours.weights, ours.constants]), np.hstack([theirs.coefs, theirs.constants])
    assert len(mine) == len(rows) == np.linalg.matrix_rank(np.vstack([mine, rows]))  # the same set of solutions


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "c = 0",
            "hypothesis is 'c = 0', but 'c' in it is no estimate; write it like \"a = b = 0\" or .* with names of",
        ),
        ("regoin = 0", "hypothesis is 'regoin = 0', but 'regoin' in it is no estimate; did you mean 'region'"),
        ("aa = 0", "hypothesis is 'aa = 0', but 'aa' in it is no estimate; did you mean 'a'"),
        ("a = ", "hypothesis is 'a = ', but something is missing at its end"),
        ("", "hypothesis is '', but something is missing at its end"),
        ("a b = 0", r"hypothesis is 'a b = 0', but before 'b = 0' there must be one of \+ - \* = and the comma"),
        ("region + a = 0", r"hypothesis is 'region \+ a = 0', but before '\+ a = 0' there must be one of"),
        ("1 = 2", "hypothesis is '1 = 2', but 1 - 2 = 0 holds no estimate"),
        ("a = a", "hypothesis is 'a = a', but a - a = 0 holds no estimate"),
        ("a = b = 0, a = 1", "hypothesis: that a - 1 = 0 follows from the rest or contradicts it, but each part must"),
        (np.ones((1, 2)), "hypothesis holds 2, but must hold 8, one for each entry"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence) as told:
        refuse_redundant(combination(text, NAMES))
    assert len(str(told.value).splitlines()) == 1
