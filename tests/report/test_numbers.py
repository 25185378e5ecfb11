"""Rounded numbers say the same as the exact ones, to the digits shown."""

import numpy as np
import pytest

from ceteris.report import numbers

ORDINARY = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")


def read(text):
    mantissa, _, power = text.replace("\u202f", "").partition("×10")
    return float(mantissa.translate(ORDINARY)) * 10.0 ** int(power.translate(ORDINARY) or 0)


@pytest.mark.parametrize("scale", [1e-30, 1e-8, 1e-3, 0.05, 1.0, 70.0, 1e4, 1e8, 1e12, 1e200])
def test_what_is_shown_is_the_number(scale):
    x = scale * np.random.default_rng(0).normal(size=200)
    shown = np.array([read(text) for text in numbers.column([repr(float(value)) for value in x])])
    # Four decimals of a column whose largest value may be 0.01, and three digits of a power of ten.
    assert np.all(np.abs(shown - x) <= 0.5e-2 * np.abs(x).max() * 1.0001)
    assert np.all((shown == 0) == (x == 0)), "nothing is rounded away"


def test_a_column_shares_its_decimals_and_whole_numbers_stay_whole():
    assert numbers.column(["0.5", "12.25", "-3.0"]) == ["0.50", "12.25", "−3.00"]
    assert numbers.column(["2021", "", "1234567"]) == ["2021", "n/a", "1\u202f234\u202f567"]
    assert numbers.column(["inf", "-inf", "nan", "1.0"]) == ["∞", "−∞", "n/a", "1.000"]
    assert numbers.column(["0.0", "0.0"]) == ["0", "0"]
    assert numbers.column([]) == []
