"""Numbers as a reader wants them: a column shares its decimals, large and tiny values go to powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence

_THIN = "\u202f"  # a narrow space that does not break
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def column(cells: Sequence[str], digits: int = 4) -> list[str]:
    """Round the numbers of one column alike.

    The largest value shows ``digits`` significant digits but no more than four decimals, and the others as
    many decimals. A value of which this would leave one digit or none shows three; a tiny one, and every value of a
    column that is very large or very small, gets a power of ten.

    Parameters
    ----------
    cells : sequence of str
        Numbers as in a CSV file; an empty cell is a missing one.
    digits : int
        Significant digits of the largest value.

    Returns
    -------
    list of str

    Examples
    --------
    >>> column(["0.912345", "12.5", "", "0.00001"])
    ['0.91', '12.50', 'n/a', '1.0×10⁻⁵']
    >>> column(["500.0", "0.0654", "0.826"])
    ['500.0', '0.0654', '0.826']
    >>> column(["3", "2021"]), column(["1e-9"])
    (['3', '2021'], ['1.00×10⁻⁹'])
    """
    values = [number(cell) for cell in cells]
    sizes = [abs(x) for x in values if x is not None and math.isfinite(x)]
    largest = max(sizes, default=0.0)
    if all(_whole(cell) for cell in cells) and largest < 1e15:
        return [_missing(x) if x is None else grouped(x, 0) for x in values]
    if largest and not 1e-2 <= largest < 1e9:
        return [_missing(x) if x is None or not math.isfinite(x) else power(x) for x in values]
    decimals = min(4, max(0, digits - 1 - math.floor(math.log10(largest)))) if largest else 0
    return [_one(x, decimals) for x in values]


def single(x: float) -> str:
    """Write one number with three significant digits.

    Examples
    --------
    >>> single(0.47812), single(0.0), single(12.0), single(2.3e-7)
    ('0.478', '0', '12', '2.30×10⁻⁷')
    """
    return grouped(x, 0) if x == round(x, 0) and abs(x) < 1e9 else column([repr(float(x))], 3)[0]


def number(cell: str) -> float | None:
    """Read a cell; None if it is empty.

    Examples
    --------
    >>> number("2.5"), number("")
    (2.5, None)
    """
    return float(cell) if cell.strip() else None


def power(x: float, digits: int = 3) -> str:
    """Write a number with a power of ten.

    Examples
    --------
    >>> power(-0.00012345), power(0.0)
    ('−1.23×10⁻⁴', '0')
    """
    if x == 0:
        return "0"
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    return _minus(f"{mantissa}×10{str(int(exponent)).translate(_RAISED)}")


def grouped(x: float, decimals: int) -> str:
    """Write a number with a fixed number of decimals, thousands apart from 10 000 on (years stay whole).

    Examples
    --------
    >>> grouped(1234567.891, 1).replace(_THIN, " "), grouped(2021, 0)
    ('1 234 567.9', '2021')
    """
    text = f"{x:,.{decimals}f}" if abs(x) >= 10_000 else f"{x:.{decimals}f}"
    return _minus(text.replace(",", _THIN))


def _one(x: float | None, decimals: int) -> str:
    if x is None or not math.isfinite(x):
        return _missing(x)
    if x and abs(x) < 10.0 ** (1 - decimals):  # beside large ones it would keep one digit, or none
        own = 2 - math.floor(math.log10(abs(x)))
        if own <= 4:
            return grouped(x, own)
        if abs(x) < 0.5 * 10.0**-decimals:
            return power(x, 2)
    return grouped(x, decimals)


def _missing(x: float | None) -> str:
    if x is None or math.isnan(x):
        return "n/a"
    return "∞" if x > 0 else "−∞"


def _whole(cell: str) -> bool:
    return cell.strip().lstrip("-").isdigit() or not cell.strip()


def _minus(text: str) -> str:
    return text.replace("-", "−")
