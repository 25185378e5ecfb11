"""JSON from outside gives plain data or one sentence that names the file."""

import pytest

from ceteris.files import parse_json, read_json


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b'{"a": ', "Expecting value"),
        (b"[1]", "it holds a list"),
        (b"null", "it holds a NoneType"),
        (b'\xef\xbb\xbf{"a": 1}', "BOM"),
        ('{"a": "é"}'.encode("latin-1"), "not in UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not in UTF-8"),
        (b'{"a": 1, "a": 2}', "'a' is given twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a whole number of 5000 digits"),
        (b'{"a": -99999999999999999999}', "a whole number of 21 digits"),
        (b'{"a": ' + 170 * b"[" + 170 * b"]" + b"}", "nested too deeply"),
        (b'{"a": ' + 10**6 * b"[" + 10**6 * b"]" + b"}", "nested too deeply"),
        (b'{"a":' * 10**5 + b"1" + b"}" * 10**5, "nested too deeply"),
    ],
)
def test_a_damaged_file_gives_one_sentence(tmp_path, content, reason):
    path = tmp_path / "facts.json"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"facts.json cannot be read \(.*" + reason + r".*\): it was cut off or edited"
    ):
        read_json(path, dict)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*facts.json; restore it"):
        read_json(tmp_path / "facts.json", dict)
    with pytest.raises(ValueError, match="cannot be read"):
        read_json(tmp_path, dict)


def test_plain_data_are_read(tmp_path):
    path = tmp_path / "facts.json"
    path.write_text(
        '{"a": [1, -2.5, null, true, "\\u00e9\\ud83d\\ude00"], "b": {"c": Infinity}, "d": 18446744073709551615}'
    )
    assert read_json(path, dict) == {
        "a": [1, -2.5, None, True, "é😀"],
        "b": {"c": float("inf")},
        "d": 2**64 - 1,
    }
    assert parse_json("NaN") != parse_json("NaN")


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"\\uD800": 1}'])
def test_half_of_a_surrogate_pair_may_stand_in_a_report_and_nowhere_else(tmp_path, text):
    with pytest.raises(ValueError, match="its text is not in UTF-8"):
        parse_json(text)
    (tmp_path / "facts.json").write_text(text)
    assert read_json(tmp_path / "facts.json", dict) in ({"a": "\ud800"}, {"\ud800": 1})
