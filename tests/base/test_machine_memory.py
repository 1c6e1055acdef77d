"""How much memory there is, is free, and was taken."""

import os
import sys

import pytest

from compressor.base import machine_memory
from compressor.base.machine_memory import free_memory, memory_of, most_memory, whole_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing tells on other systems")


def test_what_is_free_is_less_than_all_and_what_was_taken_is_at_least_what_is():
    assert 0 < free_memory() < whole_memory()
    held = bytearray(80_000_000)
    held[::4096] = bytes([1]) * len(held[::4096])
    most = memory_of(os.getpid())
    del held
    assert most_memory() >= most - 5_000_000 > 80_000_000


def test_within_a_container_what_is_free_is_what_its_limit_leaves(tmp_path, monkeypatch):
    for name, size in (("memory.max", "3000"), ("memory.current", "1000"), ("broken.max", "max")):
        (tmp_path / name).write_text(size)
    monkeypatch.setattr(machine_memory, "_GROUP_USE", ((tmp_path / "memory.max", tmp_path / "memory.current"),))
    assert free_memory() == 2000
    monkeypatch.setattr(machine_memory, "_GROUP_USE", ((tmp_path / "broken.max", tmp_path / "memory.current"),))
    assert free_memory() > 2000
