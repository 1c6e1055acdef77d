"""Spooled data: there whole or not at all, found again, and mended when damaged."""

import numpy as np
import pytest
from reading import refusal

from compressor.data.spool import spooled

KEY = "a" * 64


def pieces(counter=None):
    def read():
        if counter is not None:
            counter.append(1)
        for start in range(0, 5000, 700):
            numbers = np.arange(start, min(start + 700, 5000))
            yield {"a": numbers[:, None] * [1, 2], "ä b": numbers.astype(np.float32)}, numbers % 3

    return read


def test_large_data_is_kept_in_files_and_read_in_any_order(tiny_budget, tmp_path):
    samples = spooled(pieces(), tmp_path)
    inputs, labels = samples.read(np.array([4999, 0, 77]))
    assert samples.size == 5000
    assert not samples.in_memory
    assert inputs["a"].tolist() == [[4999, 9998], [0, 0], [77, 154]]
    assert inputs["ä b"].tolist() == [4999.0, 0.0, 77.0]
    assert labels.tolist() == [1, 0, 2]


def test_small_data_leaves_no_files(tmp_path):
    assert spooled(pieces(), tmp_path / "spool").in_memory
    assert not (tmp_path / "spool").exists()


def test_with_a_key_it_is_read_once(tiny_budget, tmp_path):
    readings = []
    first, again = (spooled(pieces(readings), tmp_path, KEY) for _ in range(2))
    assert len(readings) == 1
    assert first.fingerprint == again.fingerprint


def test_without_a_key_equal_data_is_kept_once(tiny_budget, tmp_path):
    for _ in range(2):
        spooled(pieces(), tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_damage_is_noticed_and_mended(tiny_budget, tmp_path):
    readings = []
    before = spooled(pieces(readings), tmp_path, KEY).fingerprint
    with (tmp_path / KEY / "0.npy").open("r+b") as file:
        file.seek(500)
        file.write(b"\xff")
    assert spooled(pieces(readings), tmp_path, KEY).fingerprint == before
    assert len(readings) == 2


def test_data_that_fails_half_way_leaves_nothing(tiny_budget, tmp_path):
    def failing():
        yield from pieces()()
        raise OSError("the network is gone")

    with pytest.raises(Exception, match="the network is gone"):
        spooled(failing, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tiny_budget, tmp_path):
    (tmp_path / "spool").write_text("a file")
    assert refusal(spooled, pieces(), tmp_path / "spool") == (
        f"the data cannot be spooled to {tmp_path / 'spool'} (Not a directory); "
        "free some space, or set COMPRESSOR_CACHE to a folder with more of it"
    )
