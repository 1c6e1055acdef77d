"""Counts in messages, usable cores, and the names of files that are being written."""

import os

import pytest

from compressor.base import machine
from compressor.base.atomic_files import HALF_WRITTEN, half_written
from compressor.base.text import counted


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 epochs"), (1, "1 epoch"), (2, "2 epochs"), (12_345, "12,345 epochs")]
)
def test_one_thing_is_told_in_the_singular(count, text):
    assert counted(count, "epoch") == text


def test_only_the_cores_that_this_process_may_use_count(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 5}, raising=False)
    assert machine.usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert machine.usable_cores() == 7


def test_what_is_being_written_is_known_by_its_name(tmp_path):
    temporary = half_written(tmp_path / "model.tflite")
    assert temporary.parent == tmp_path
    assert HALF_WRITTEN.fullmatch(temporary.name)["name"] == "model.tflite"
    assert HALF_WRITTEN.fullmatch(".notes.tmp") is None
