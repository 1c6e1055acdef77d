"""A training that two machines share learns what one device learns, and the same bytes on both.

What moves over samples within a batch is another matter, as for devices of one machine (`test_distribution`).
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from learned_alike import is_same
from worker_pair import free_addresses

from compressor.base.errors import CompressorError
from compressor.recipe.runtime_section import RuntimeSection
from compressor.training import joining

PROGRAM = Path(__file__).parent / "worker_trainings.py"


def apart(*cases):
    addresses = free_addresses()
    workers = [
        subprocess.Popen(
            [sys.executable, PROGRAM, str(index), *addresses, *cases], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for index in range(2)
    ]  # fmt: skip
    told = [worker.communicate(timeout=580) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], told[0][1][-3000:] + told[1][1][-3000:]
    both = [[json.loads(line) for line in out.splitlines() if line.startswith("{")] for out, _ in told]
    assert [it["case"] for it in both[0]] == list(cases)
    assert [it["digest"] for it in both[0]] == [it["digest"] for it in both[1]]
    return both[0]


def test_two_workers_learn_what_one_does():
    assert all(map(is_same, apart("plain")))


@pytest.mark.long
def test_weights_teachers_and_strategies_count_as_on_one_device():
    found = apart("by class", "weighted", "distilled", "stopped early", "prune", "learned")
    assert all(map(is_same, found)), found


@pytest.mark.long
def test_the_same_workers_make_the_same_bytes_again_and_after_an_interruption():
    found = apart("repeated", "resumed", "qat")  # with dropout, moving statistics, and zeros that are kept
    assert [it["apart"] for it in found[:2]] == [0, 0]
    assert 0 < found[2]["apart"] < 0.01  # by the ranges that each worker observes


def test_a_process_that_has_not_joined_others_is_refused_before_anything_is_made():
    with pytest.raises(CompressorError, match="is for one run of one recipe by 'compressor apply', on each of its mac"):
        joining.group_for(RuntimeSection(distribute="multi_worker"))
    assert joining.group_for(RuntimeSection(distribute="mirrored")) is None


@pytest.mark.parametrize(("text", "seconds"), [("", 120), ("7", 7)])
def test_a_variable_says_how_long_workers_wait(text, seconds, monkeypatch):
    monkeypatch.setenv(joining.WAIT_VARIABLE, text)
    assert joining.wait_in_seconds() == seconds


@pytest.mark.parametrize("text", ["0", "-1", "soon", "٣"])
def test_another_value_than_seconds_is_refused(text, monkeypatch):
    monkeypatch.setenv(joining.WAIT_VARIABLE, text)
    with pytest.raises(CompressorError, match="should be a number of seconds; set it to 1 to 86400, or remove it"):
        joining.wait_in_seconds()
