"""JSON from outside: parsed with limits, so that a damaged or hostile file gives a sentence and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

LARGEST = 200_000_000  # bytes
DEEPEST = 150  # containers within containers
LARGEST_INTEGER = 2**64


def parse_json(text: str | bytes, halves: bool = False) -> Any:
    """Parse JSON; raises ValueError, and only that, on whatever is not plain data.

    NaN and infinities are read, as Python writes them. Refused are a name given twice, integers beyond 64 bits,
    nesting beyond 150 levels and text that is not Unicode; with ``halves``, half of a surrogate pair may be in a text.

    Examples
    --------
    >>> parse_json('{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    >>> parse_json('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ValueError: 'a' is given twice
    """
    try:
        text = text.decode("utf-8") if isinstance(text, bytes) else text
        value = json.loads(text, object_pairs_hook=_once, parse_int=_integer)
        _refuse_deep(value)
        if not halves and ("\\ud" in text or "\\uD" in text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value
    except UnicodeError:
        raise ValueError("its text is not in UTF-8") from None
    except (RecursionError, MemoryError):
        raise ValueError("it is nested too deeply") from None


def read_json(path: str | Path, kind: type) -> Any:
    """Read a JSON file whose outermost value is a ``kind``, or say that it was cut off or edited.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "facts.json"
    >>> _ = path.write_text('{"seed": 0}')
    >>> read_json(path, dict)
    {'seed': 0}
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST:,} bytes")
        value = parse_json(path.read_bytes(), halves=True)  # names of the user's, which are shown and no more
        if isinstance(value, kind):
            return value
        reason = f"it holds a {type(value).__name__}"
    except ValueError as error:
        reason = str(error)
    except FileNotFoundError:
        raise FileNotFoundError(f"folder: there is no file {path}; restore it or run the command again.") from None
    except OSError as error:
        reason = str(error.strerror)
    raise ValueError(
        f"folder: {path} cannot be read ({reason}): it was cut off or edited; "
        "restore it from a copy or run the command again."
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{twice!r} is given twice")
    return value


def _integer(digits: str) -> int:
    if len(digits) > 21 or abs(int(digits)) >= LARGEST_INTEGER:
        raise ValueError(f"it holds a whole number of {len(digits)} digits")
    return int(digits)


def _refuse_deep(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST + 1):
        held = [x.values() if isinstance(x, dict) else x for x in level if isinstance(x, dict | list)]
        if not held:
            return
        level = [x for values in held for x in values if isinstance(x, dict | list)]
    raise ValueError("it is nested too deeply")
