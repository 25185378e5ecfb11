"""A file that grows at its end: up to its mark every byte is checked, beyond it nothing counts."""

import json
import shutil

import numpy as np
import pytest

from ceteris.files import Log, read_log, refuse_foreign

BLOCKS = [
    {"loss": np.arange(3.0), "members": np.ones((3, 2), np.float32)},
    {"loss": np.array([0.5]), "é": np.zeros((0, 2), np.int8)},
    {},
]


@pytest.fixture
def log(tmp_path):
    log = Log(tmp_path / "a.log")
    for block in BLOCKS:
        log.append(block)
    return log


def test_blocks_come_back_as_they_were(log):
    read = read_log(log.path, log.mark)
    assert [list(block) for block in read] == [list(block) for block in BLOCKS]
    for block, before in zip(read, BLOCKS, strict=True):
        for name, a in block.items():
            assert a.dtype == before[name].dtype
            np.testing.assert_array_equal(a, before[name])


def test_what_was_written_is_not_written_again(log):
    before, size = log.path.read_bytes(), log.mark["bytes"]
    log.append(BLOCKS[0])
    assert log.path.read_bytes()[:size] == before
    assert len(log.path.read_bytes()) == log.mark["bytes"]


def test_a_tail_that_does_not_count_is_cut_off_by_the_next_block(log):
    mark = log.mark
    with log.path.open("ab") as file:
        file.write(b"half a block")  # as a kill or a full disk leaves it
    assert len(read_log(log.path, mark)) == len(BLOCKS)
    log.append(BLOCKS[0])
    assert len(log.path.read_bytes()) == log.mark["bytes"]
    assert len(read_log(log.path, log.mark)) == len(BLOCKS) + 1
    assert len(read_log(log.path, mark)) == len(BLOCKS)  # whoever kept the earlier mark is served as before


def test_every_bit_before_the_mark_counts(log):
    raw, mark = log.path.read_bytes(), log.mark
    for place in range(0, 8 * len(raw), 3):
        damaged = bytearray(raw)
        damaged[place // 8] ^= 1 << place % 8
        log.path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"does not belong to the file beside it, or was damaged or edited \(.*\)"):
            read_log(log.path, mark)


def test_every_truncation_is_refused(log):
    raw, mark = log.path.read_bytes(), log.mark
    for size in range(0, len(raw), 7):
        log.path.write_bytes(raw[:size])
        with pytest.raises(ValueError, match=rf"it has fewer than {mark['bytes']} bytes\); use earlier copies of both"):
            read_log(log.path, mark)


@pytest.mark.parametrize(
    "mark",
    [None, 3, {}, {"bytes": "1", "checksum": ""}, {"bytes": True, "checksum": ""}, {"bytes": 0, "checksum": ""},
     {"bytes": -1, "checksum": ""}, {"bytes": 2**63, "checksum": ""}, {"bytes": 30, "checksum": 3}],
)  # fmt: skip
def test_a_mark_that_was_edited_is_refused(log, mark):
    with pytest.raises(ValueError, match="does not belong to the file beside it, or was damaged or edited"):
        read_log(log.path, mark)


def test_the_log_of_another_run_is_refused(log, tmp_path):
    other = Log(tmp_path / "b.log")
    other.append({"loss": np.arange(400.0)})
    with pytest.raises(ValueError, match=r"its checksum differs|longer than they should be"):
        read_log(other.path, log.mark)


def test_a_log_that_is_missing_or_no_file_is_named(log, tmp_path):
    mark = log.mark
    log.path.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"a.log is missing, without which the file beside it is not whole; copy"
    ):
        read_log(log.path, mark)
    with pytest.raises(OSError, match="cannot be read"):
        read_log(tmp_path, mark)


def test_a_file_of_somebody_else_is_left_alone(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("my notes")
    with pytest.raises(ValueError, match=r"a.log exists, and is not a log of ceteris; move it, or give another name"):
        Log(path)
    assert path.read_text() == "my notes"
    with pytest.raises(ValueError, match="is not a log of ceteris"):
        refuse_foreign(tmp_path)
    for ours in ("", "ceteris"):  # killed as it began
        path.write_text(ours)
        refuse_foreign(path)


def test_two_who_write_to_one_log_are_told(log):
    Log(log.path)
    with pytest.raises(OSError, match=r"could not be written \(somebody else has cut it off\); free some space, or n"):
        log.append(BLOCKS[0])


def test_the_numbers_are_those_of_the_file(log, tmp_path):
    """Read by hand: two lengths, a table, the numbers."""
    raw = log.path.read_bytes().removeprefix(b"ceteris log 1\n")
    header, numbers = (int.from_bytes(raw[at : at + 8], "little") for at in (0, 8))
    table = json.loads(raw[16 : 16 + header])
    assert numbers == 3 * 8 + 6 * 4
    assert table["loss"] == {"dtype": "F64", "shape": [3], "data_offsets": [0, 24]}
    assert np.frombuffer(raw[16 + header :], "<f8", 3).tolist() == [0, 1, 2]
    shutil.copy(log.path, tmp_path / "copy")
    assert len(read_log(tmp_path / "copy", log.mark)) == len(BLOCKS)
