"""Random tables, written in random dialects, are read back equal."""

import csv
import io
import re

import numpy as np
import pytest

from ceteris.tables import read_table

GAPS = {".": [",", " ", "'", "\u2019", "\u00a0"], ",": [".", " ", "'", "\u202f"]}
WORDS = ("red", "dark blue", "a,b", "x;y", "tab\there", "one|two", 'say "so"', "two\nlines", "Größe", "naïve", "zwölf")
SIGNS = ("", "NA", "-", ".", "?", "n/a", "NaN")


def written(number, decimal, gap):
    """A number as a person of some country writes it."""
    whole, _, part = f"{abs(number):f}".rstrip("0").partition(".")
    groups = f"{int(whole):,}".replace(",", gap)
    return ("-" if number < 0 else "") + groups + (decimal + part if part else "")


def random_table(rng, rows):
    """Columns, and one with holes; the first has decimals that tell the mark, labels are of few."""
    labels = rng.choice(WORDS, size=4, replace=False)
    holes = np.round(rng.normal(0, 1e4, rows), 1)
    holes[rng.random(rows) < 0.3] = np.nan
    return {
        "share, of 1": np.round(rng.uniform(-1, 1, rows), 4),
        "income": np.round(rng.lognormal(9, 1, rows)),
        "debt; net": np.round(rng.normal(0, 1e5, rows), 2),
        "holes": holes,
        "label": rng.choice(labels, rows),
    }


def random_file(rng, table):
    """The bytes of a table in a random dialect."""
    decimal = rng.choice([".", ","])
    gap = rng.choice(["", *GAPS[decimal]])
    separator = rng.choice([",", ";", "\t", "|"])
    sign, newline = rng.choice(SIGNS), rng.choice(["\n", "\r\n"])
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    encoding = rng.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=int(quoting), lineterminator=newline)
    writer.writerow(table)
    for row in zip(*table.values(), strict=True):
        fields = [
            cell if isinstance(cell, str) else sign if np.isnan(cell) else written(cell, decimal, gap) for cell in row
        ]
        writer.writerow(fields)
    content = ("\ufeff" if encoding == "utf-16-be" else "") + text.getvalue()
    if encoding == "cp1252":
        content = content.replace("\u202f", "\u00a0")
    return content.encode(encoding), (separator, decimal, gap, sign, newline, int(quoting), encoding)


@pytest.mark.parametrize("part", range(3))
def test_a_table_in_any_dialect_is_read_back_equal(part, tmp_path):
    rng = np.random.default_rng(part)
    for case in range(40):
        table = random_table(rng, int(rng.integers(25, 60)))
        content, dialect = random_file(rng, table)
        (tmp_path / "t.csv").write_bytes(content)
        read = read_table(tmp_path / "t.csv")
        assert list(read.frame) == list(table), (case, dialect)
        for name, column in table.items():
            if name == "label":
                assert read.frame[name].tolist() == column.tolist(), (case, dialect)
            else:  # the parser of numbers rounds the last digit its own way
                np.testing.assert_allclose(read.frame[name], column, rtol=1e-15, err_msg=str((case, dialect, name)))


def test_a_table_is_written_as_it_was_read(tmp_path):
    """Completing nothing, what is written is read as the same table, in the same dialect."""
    rng = np.random.default_rng(9)
    for _ in range(25):
        content, dialect = random_file(rng, random_table(rng, 30))
        (tmp_path / "t.csv").write_bytes(content)
        read = read_table(tmp_path / "t.csv")
        read.write(read.whole(read.frame), tmp_path / "again.csv")
        again = read_table(tmp_path / "again.csv")
        assert again.frame.equals(read.frame), dialect
        if read.dialect.encoding != "cp1252":  # without thousands set apart nothing but ASCII may be left
            assert again.dialect == read.dialect


BYTES = [
    b",",
    b";",
    b"\t",
    b"|",
    b'"',
    b"\n",
    b"\r",
    b"0",
    b".",
    b"-",
    b" ",
    b"\xff",
    b"\xc3\xa4",
    b"#",
    b"NA",
    b"e9",
    b"\0",
]
BYTES += [b"\xef\xbb\xbf", b"\xff\xfe", b"1,000", b'""', b"inf", b"\x81", b""]


def read_or_refuse(path):
    """Read a table, or see that it is refused with a sentence of ours, and return None."""
    refusal = None
    try:
        return read_table(path)
    except ValueError as error:
        refusal = error
    assert type(refusal) is ValueError  # no decoding error, which is one too
    assert re.match(r"data: .*[.)]$", str(refusal), re.DOTALL), str(refusal)
    return None


def test_a_damaged_file_is_read_or_refused_with_one_sentence(tmp_path):
    """Bytes put in, taken out and replaced: what is read has as many rows and columns as the parser of csv finds."""
    rng = np.random.default_rng(3)
    read = 0
    for _ in range(250):
        content = bytearray(random_file(rng, random_table(rng, 25))[0])
        for place in rng.integers(len(content), size=rng.integers(1, 4)):
            content[place : place + int(rng.integers(3))] = BYTES[rng.integers(len(BYTES))]
        (tmp_path / "t.csv").write_bytes(content)
        table = read_or_refuse(tmp_path / "t.csv")
        if table is None:
            continue
        read += 1
        text = content.decode(table.dialect.encoding, "replace").lstrip("\ufeff")
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=table.dialect.separator) if any(row)]
        assert len(rows) == len(table.frame) + 1
        assert {len(row) for row in rows} == {len(table.order)}
    assert read > 50
