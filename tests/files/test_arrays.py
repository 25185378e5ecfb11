"""The file of arrays: a legal safetensors file, in which every byte is checked before anything is made of it."""

import json
import tracemalloc

import numpy as np
import pytest
from safetensors import safe_open

from ceteris.files import arrays, read_arrays, refuse_non_finite, write_arrays
from ceteris.files.arrays import TYPES

MANY = {
    "matrix": np.arange(6.0).reshape(2, 3),
    "number": np.array(3, np.int8),
    "none": np.zeros((0, 4), np.float32),
    "flags": np.array([True, False]),
    "big end": np.arange(3, dtype=">i4"),
    "turned": np.arange(6, dtype=np.uint16).reshape(2, 3).T,
    "nan": np.array([np.nan, np.inf]),
    "é\n": np.array([1j], np.complex64),
}
FACTS = {"text": "é😀", "numbers": [1, 2.5, None, True], "nested": {"a": []}}


@pytest.fixture
def path(tmp_path):
    write_arrays(tmp_path / "a", "weights", MANY, FACTS)
    return tmp_path / "a"


def edited(path, change, repair=True):
    """Change the header of a file, and make its checksum fit if asked to."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    notes = header.pop("__metadata__")
    about, numbers = json.loads(notes["ceteris"]), raw[8 + length :]
    numbers = change(header, about, notes, numbers) or numbers
    notes["ceteris"] = json.dumps(about)
    if repair:
        notes["checksum"] = arrays.checksum(notes["ceteris"], header, [numbers])
    text = json.dumps({"__metadata__": notes, **header}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + numbers)


def test_all_comes_back_as_it_was(path):
    read, facts = read_arrays(path, "weights")
    assert facts == FACTS
    assert list(read) == list(MANY)
    for name, a in MANY.items():
        assert read[name].dtype == a.dtype.newbyteorder("=")
        np.testing.assert_array_equal(read[name], a)
        assert read[name].flags.writeable


def test_the_file_is_what_the_format_says(path):
    with safe_open(path, framework="numpy") as file:
        assert set(file.keys()) == set(MANY)
        for name in set(MANY) - {"é\n"}:  # the library knows no complex numbers in NumPy
            np.testing.assert_array_equal(file.get_tensor(name), MANY[name])
    assert (8 + int.from_bytes(path.read_bytes()[:8], "little")) % 8 == 0, "numbers begin at a multiple of eight"


def test_arrays_are_made_one_at_a_time(tmp_path):
    """Of eight megabytes never two are in memory while they are written and hashed."""
    arrays, megabyte = {name: np.broadcast_to(np.float32(i), (512, 512)) for i, name in enumerate("abcdefgh")}, 2**20
    tracemalloc.start()
    try:
        write_arrays(tmp_path / "a", "weights", arrays, {}, lambda name: np.array(arrays[name]))
        assert tracemalloc.get_traced_memory()[1] < 1.3 * megabyte
        tracemalloc.reset_peak()
        read = read_arrays(tmp_path / "a", "weights")[0]
        assert tracemalloc.get_traced_memory()[1] < 8.3 * megabyte, "what is read is there once"
    finally:
        tracemalloc.stop()
    assert [a[0, 0] for a in read.values()] == list(range(8))


def test_a_file_written_before_arrays_were_streamed_is_read(tmp_path):
    """The checksum stood behind the facts then."""
    about = json.dumps({"format": 2, "version": "0.1.0", "kind": "weights", "facts": {"a": 1}})
    table = {"w": {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}}
    numbers = np.array([1.5, 2.5]).tobytes()
    notes = {"ceteris": about, "checksum": arrays.checksum(about, table, [numbers])}
    header = json.dumps({"__metadata__": notes, **table}).encode()
    (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header + numbers)
    read, facts = read_arrays(tmp_path / "a", "weights")
    assert read["w"].tolist() == [1.5, 2.5]
    assert facts == {"a": 1}


def test_half_precision_of_both_kinds_is_kept(tmp_path):
    import ml_dtypes

    for kind in (np.float16, ml_dtypes.bfloat16):
        write_arrays(tmp_path / "a", "weights", {"w": np.ones((2, 2), kind)}, {})
        read = read_arrays(tmp_path / "a", "weights")[0]["w"]
        assert read.dtype == kind
        assert read.tolist() == [[1, 1], [1, 1]]
    write_arrays(tmp_path / "a", "weights", {"w": np.array([np.nan], ml_dtypes.bfloat16)}, {})
    with pytest.raises(ValueError, match="1 of 1 numbers of w are NaN or infinite"):
        refuse_non_finite(tmp_path, read_arrays(tmp_path / "a", "weights")[0])


def test_what_cannot_be_saved_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(TypeError, match="w: an array of object cannot be saved; convert it to one of BOOL"):
        write_arrays(tmp_path / "a", "weights", {"w": np.array([None])}, {})
    for facts, error, reason in (
        ({"f": print}, TypeError, "not JSON serializable"),
        ({"n": 2**70}, ValueError, "a whole number of 22 digits"),
        ({"s": "\ud800"}, ValueError, "not in UTF-8"),
    ):
        with pytest.raises(error, match=rf"facts: they cannot be written as text \(.*{reason}.*\); give"):
            write_arrays(tmp_path / "a", "weights", {}, facts)
    assert list(tmp_path.iterdir()) == []


def test_every_bit_counts(tmp_path):
    """Whichever bit is flipped: a sentence, or all as it was (spaces in the header mean nothing)."""
    path = tmp_path / "a"
    write_arrays(path, "weights", {"w": np.arange(3.0), "b": np.array([7], np.int8)}, {"a": 1})
    raw = path.read_bytes()
    refused = []
    places = range(0, 8 * len(raw), 5)
    for place in places:
        damaged = bytearray(raw)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            read, facts = read_arrays(path, "weights")
        except ValueError as error:
            refused.append(str(error))
            continue
        assert facts == {"a": 1}
        assert read["w"].tolist() == [0, 1, 2]
        assert read["b"].tolist() == [7]
    assert len(refused) > 0.9 * len(places)
    assert all(said.startswith(f"path: {path} ") and said.endswith(".") for said in refused)


def test_every_truncation_and_every_added_byte_is_refused(path):
    raw = path.read_bytes()
    for size in [*range(0, len(raw), 7), len(raw) - 1]:
        path.write_bytes(raw[:size])
        with pytest.raises(ValueError, match=r"is truncated or was not saved by ceteris \(.*\); use an earlier copy"):
            read_arrays(path, "weights")
    path.write_bytes(raw + b"\0")
    with pytest.raises(ValueError, match=r"its arrays need [\d,]+ bytes and it has"):
        read_arrays(path, "weights")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t, a, n, b: a.update(format=1), r"was saved in format 1 by ceteris .*, which had no checksum, and for"),
        (
            lambda t, a, n, b: a.update(format=3),
            r"was saved in format 3 by ceteris .*, and only format 2 is known here",
        ),
        (lambda t, a, n, b: a.update(format=True), "says nothing of a format"),
        (lambda t, a, n, b: a.update(format="2"), "says nothing of a format"),
        (lambda t, a, n, b: a.pop("version"), "says nothing of a format"),
        (lambda t, a, n, b: a.update(kind="other"), "its header is not one of ours"),
        (lambda t, a, n, b: a.update(kind=["weights"]), "its header is not one of ours"),
        (lambda t, a, n, b: a.update(facts=[]), "its header is not one of ours"),
        (lambda t, a, n, b: a.update(more=1), "its header is not one of ours"),
        (lambda t, a, n, b: n.update(more="1"), "its header is not one of ours"),
        (lambda t, a, n, b: a.update(kind="run"), r"holds run, not weights; resume it with fit\(..., resume=path\)."),
        (lambda t, a, n, b: t["matrix"].update(dtype="F16"), "describes no array as 'matrix'"),
        (lambda t, a, n, b: t["matrix"].update(dtype="I64"), None),
        (lambda t, a, n, b: t["matrix"].update(dtype=["F64"]), "describes no array as 'matrix'"),
        (lambda t, a, n, b: t["matrix"].update(shape=[2**62, 0]), "describes no array as 'matrix'"),
        (lambda t, a, n, b: t["matrix"].update(shape=[-2, -3]), "describes no array as 'matrix'"),
        (lambda t, a, n, b: t["matrix"].update(shape=[2, True, 3]), "describes no array as 'matrix'"),
        (lambda t, a, n, b: t["matrix"].update(shape=[1] * 40 + [6]), "describes no array as 'matrix'"),
        (lambda t, a, n, b: t["matrix"].update(data_offsets=[0]), "describes no array as 'matrix'"),
        (lambda t, a, n, b: t.update(matrix=None), "describes no array as 'matrix'"),
        (lambda t, a, n, b: t["nan"].update(data_offsets=[0, 16]), "its arrays overlap or leave gaps"),
        (lambda t, a, n, b: t.pop("matrix"), "its arrays overlap or leave gaps"),
        (lambda t, a, n, b: b[:-8], "its arrays need"),
    ],
)
def test_an_edited_header_is_refused_though_its_checksum_fits(path, change, sentence):
    def once(*parts):
        out = change(*parts)
        return out if isinstance(out, bytes) else None

    edited(path, once)
    if sentence is None:  # other numbers of a file that is whole
        assert read_arrays(path, "weights")[0]["matrix"].dtype == np.int64
        return
    with pytest.raises(ValueError, match=sentence):
        read_arrays(path, "weights")


@pytest.mark.parametrize(
    "change",
    [
        lambda t, a, n, b: a["facts"].update(text="other"),
        lambda t, a, n, b: a.update(version="9"),
        lambda t, a, n, b: t["matrix"].update(shape=[3, 2]),
        lambda t, a, n, b: t.update(other=t.pop("matrix")),
    ],
)
def test_an_edited_header_is_refused_where_its_checksum_does_not_fit(path, change):
    edited(path, lambda *parts: change(*parts) and None, repair=False)
    with pytest.raises(ValueError, match=r"a was damaged or edited after it was saved \(its checksum differs\); use"):
        read_arrays(path, "weights")


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b"{", b'{"__metadata__": 3}', b'{"a": 1, "a": 1}', b"\xff\xff", b"[" * 10**5, b'{"__metadata__": {}}'],
)
def test_a_header_of_rubbish_is_refused(path, header):
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ValueError, match="is truncated or was not saved by ceteris"):
        read_arrays(path, "weights")


def test_a_header_longer_than_any_file_is_refused(path):
    path.write_bytes((2**63).to_bytes(8, "little") + b"{}")
    with pytest.raises(ValueError, match="it has 10 bytes, fewer than its header"):
        read_arrays(path, "weights")


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="none does not exist; give the path of a file that ceteris saved"):
        read_arrays(tmp_path / "none", "weights")
    with pytest.raises(ValueError, match="it is a folder"):
        read_arrays(tmp_path, "weights")


def test_a_mask_may_hold_minus_infinity_and_weights_may_not():
    mask = {"m": np.array([0.0, -np.inf])}
    refuse_non_finite("p", mask, masks=True)
    for bad in (mask["m"] + 1, -mask["m"], np.array([np.nan, 0]), np.array([-np.inf])):
        with pytest.raises(ValueError, match=r"path: p: 1 of \d numbers of m are NaN or infinite, and such weights"):
            refuse_non_finite("p", {"m": bad}, masks=True)
    with pytest.raises(ValueError, match="1 of 2 numbers of m"):
        refuse_non_finite("p", mask)
    assert len(TYPES) == 16
