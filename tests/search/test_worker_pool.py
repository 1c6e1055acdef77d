"""Workers are processes: one that dies is one failed trial, none is left behind, and memory limits how many there are.

A script that speaks as a worker does stands in for one, so that no test needs TensorFlow.
"""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from compressor.run.cache.run_cache import CachePlace
from compressor.search import worker_pool
from compressor.search.trial_job import TrialJob, TrialResult, job_from, result_from
from compressor.search.worker_pool import WorkerPool

STAND_IN = """\
import json, os, signal, sys, time
from pathlib import Path

def say(kind, content):
    print(json.dumps([kind, content]), flush=True)

for line in sys.stdin:
    job = json.loads(line)
    number, do = job["number"], job["recipe"]
    say("doing", f"work {os.getpid()}")
    Path(job["folder"], f"{number}.pid").write_text(str(os.getpid()))
    begun = Path(job["cache"]["folder"] + f"-{number}")  # by an earlier worker
    is_first = not begun.exists()
    begun.touch()
    if do == "die" or (do == "die once" and is_first):
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "ends once" and is_first:
        os._exit(130)  # as a worker does that gets SIGTERM
    while do == "hold" and not Path(job["folder"], "go").exists():
        time.sleep(0.01)
    if do == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if do == "exit":
        os._exit(7)
    if do == "bug":
        say("bug", "Traceback: it is broken")
    if do == "grow":
        held = bytearray(300_000_000)
        held[::4096] = bytes([1]) * len(held[::4096])
        time.sleep(60)
    while do == "chatter":
        say("doing", "still at it")
        time.sleep(0.01)
        held = bytearray(300_000_000)
        held[::4096] = bytes([1]) * len(held[::4096])
    if do == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    time.sleep(float(do) if do[:1].isdigit() else 0)
    say("result", {"number": number, "values": [1.5, None], "misses": {"max_size": 0.5}, "stopped": "", "failed": "",
                   "seconds": 1.0, "memory": 50_000_000, "fatal": None, "unfit": None})
"""


class Told:
    """Keeps what a pool tells."""

    def __init__(self):
        self.done, self.fewer, self.warnings = [], [], []

    def doing(self, worker, trial, text):
        self.done.append((worker, trial))

    def warned(self, text):
        self.warnings.append(text)

    def fewer_workers(self, workers, wanted, reason):
        self.fewer.append((workers, wanted, reason))


@pytest.fixture
def pool(tmp_path):
    """A function that makes a pool of stand-ins; all are closed at the end, and every process is gone."""
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    pools = []

    def make(workers):
        pools.append(WorkerPool(workers, Told(), (sys.executable, str(script))))
        return pools[-1]

    yield make
    for one in pools:
        one.close()
    for path in tmp_path.rglob("*.pid"):
        assert not is_alive(int(path.read_text()))


@pytest.fixture
def job(tmp_path):
    def make(number, do="0"):
        folder = tmp_path / "trial" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        return TrialJob(number, "r", do, ("ptq",), str(folder), CachePlace(tmp_path / "cache"))

    return make


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def wait(pool, seconds=20):
    """The next result, which must come."""
    result = pool.wait(seconds)
    assert result is not None
    return result


def wait_for(condition, pool):
    """Let a pool work until something holds, and no trial is over before that."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        assert pool.wait(0.05) is None


def test_a_job_and_a_result_are_plain_data_that_comes_back_as_it_was(job):
    assert job_from(job(3).as_json()) == job(3)
    for result in (
        TrialResult(3, (1.5, None), {"a": 0.25}, memory=7),
        TrialResult(4, fatal=("full", "free some")),
        TrialResult(5, unfit=("a", "b")),
    ):
        assert result_from(result.as_data()) == result


def test_the_first_trial_runs_alone_and_then_as_many_as_there_are_workers(pool, job):
    two = pool(2)
    two.submit(job(1))
    assert not two.is_free
    assert wait(two) == TrialResult(1, (1.5, None), {"max_size": 0.5}, seconds=1.0, memory=50_000_000)
    two.submit(job(2, "0.5"))
    assert two.is_free
    two.submit(job(3, "0.5"))
    assert not two.is_free
    began = time.monotonic()
    assert sorted(wait(two).number for _ in range(2)) == [2, 3]
    assert time.monotonic() - began < 5
    assert {worker for worker, _ in two.watcher.done} == {1, 2}
    assert two.wait(0.1) is None


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("crash", "worker 1 crashed (SIGSEGV), and its stack is in run.log"),
        ("exit", "worker 1 was ended by its own code (exit code 7); what it printed is in run.log"),
    ],
)
def test_a_worker_that_dies_is_one_failed_trial_and_another_one_takes_its_place(pool, job, do, reason):
    one = pool(1)
    one.submit(job(1, do))
    assert wait(one) == TrialResult(1, failed=reason)
    assert one.watcher.warnings == []
    one.submit(job(2))
    assert wait(one).values == (1.5, None)


@pytest.mark.parametrize(("do", "name"), [("die once", "SIGKILL"), ("ends once", "SIGTERM")])
def test_a_trial_whose_worker_is_killed_begins_once_more_in_an_empty_folder(pool, job, do, name):
    two = pool(2)
    first = job(1, do)
    Path(first.folder, "half.h5").touch()
    two.submit(first)
    assert wait(two).values == (1.5, None)
    assert two.watcher.warnings == [f"trial 1 begins again, since worker 1, which ran it, was killed ({name})"]
    assert [path.name for path in Path(first.folder).iterdir()] == ["1.pid"]
    two.submit(job(2))
    assert wait(two).number == 2


def test_a_trial_whose_worker_is_killed_twice_has_failed(pool, job):
    one = pool(1)
    one.submit(job(1, "die"))
    twice = "worker 1 was killed (SIGKILL), as was the one that ran the trial before"
    assert wait(one) == TrialResult(1, failed=f"{twice}; if memory ran out, use fewer workers or a smaller batch_size")
    assert len(one.watcher.warnings) == 1


def test_a_trial_that_begins_again_waits_for_room_and_goes_before_others(pool, job, monkeypatch):
    two = pool(2)
    two.submit(job(1))
    wait(two)
    second = job(2, "hold")
    two.submit(second)
    two.submit(job(3, "die once"))
    monkeypatch.setattr(worker_pool, "free_memory", lambda: 0)
    wait_for(lambda: two.watcher.warnings, two)
    assert not two.is_free
    Path(second.folder, "go").touch()
    assert wait(two).number == 2
    assert not two.is_free
    assert wait(two).number == 3
    assert [worker for worker, trial in two.watcher.done if trial == 3] == [2, 1]


def test_a_trial_that_is_to_begin_again_is_stopped_as_well(pool, job, monkeypatch):
    two = pool(2)
    two.submit(job(1))
    wait(two)
    two.submit(job(2, "60"))
    two.submit(job(3, "die once"))
    monkeypatch.setattr(worker_pool, "free_memory", lambda: 0)
    wait_for(lambda: two.watcher.warnings, two)
    assert sorted(two.stop()) == [2, 3]
    assert two.wait(1) is None


def test_a_worker_that_is_killed_from_outside_is_noticed_at_once(pool, job):
    one = pool(1)
    first = job(1, "60")
    one.submit(first)
    for _ in range(2):
        pid = Path(first.folder, "1.pid")
        wait_for(lambda pid=pid: pid.exists() and pid.read_text(), one)
        number = int(pid.read_text())
        pid.unlink()
        began = time.monotonic()
        os.kill(number, signal.SIGKILL)
    assert wait(one).failed.startswith("worker 1 was killed (SIGKILL), as was")
    assert time.monotonic() - began < 3


def test_a_bug_in_a_worker_ends_the_search_with_its_traceback(pool, job):
    one = pool(1)
    one.submit(job(1, "bug"))
    with pytest.raises(RuntimeError) as caught:
        one.wait(20)
    assert str(caught.value) == "a worker of the search failed:\nTraceback: it is broken"


def test_trials_are_stopped_also_where_a_worker_hears_nothing(pool, job):
    two = pool(2)
    two.submit(job(1))
    wait(two)
    two.submit(job(2, "deaf"))
    two.submit(job(3, "60"))
    assert two.wait(1) is None
    began = time.monotonic()
    assert sorted(two.stop()) == [2, 3]
    assert time.monotonic() - began < 3
    assert two.wait(1) is None
    two.submit(job(4))
    assert wait(two).number == 4


def test_no_worker_is_started_that_memory_has_no_room_for_and_this_is_said_once(pool, job, monkeypatch):
    monkeypatch.setattr(worker_pool, "free_memory", lambda: 55_000_000)
    four = pool(4)
    four.submit(job(1))
    wait(four)
    four.submit(job(2, "0.3"))
    assert not four.is_free
    assert not four.is_free
    ((workers, wanted, reason),) = four.watcher.fewer
    assert (workers, wanted) == (1, 4)
    assert reason.startswith("one takes 50.0 MB, and ") and reason.endswith(" MB are free")
    monkeypatch.setattr(worker_pool, "free_memory", lambda: 500_000_000)
    assert four.is_free
    wait(four)


@pytest.mark.parametrize("do", ["grow", "chatter"])
def test_of_workers_that_take_more_memory_than_allowed_the_largest_is_stopped(pool, job, do, monkeypatch):
    monkeypatch.setenv("COMPRESSOR_MAX_MEMORY", "200MB")
    one = pool(1)
    one.submit(job(1, do))
    failed = wait(one).failed
    assert failed.startswith("the workers took more than 200.0 MB of memory together, and this one, with ")
    assert failed.endswith(" MB, was stopped; use fewer, or set COMPRESSOR_MAX_MEMORY to more")


def test_a_job_is_plain_data_with_all_places_of_its_cache(job):
    place = CachePlace(Path("here"), "s3://team/cache", (Path("shared"), "s3://other/cache"), 5_000)
    told = replace(job(1, "die"), cache=place)
    assert job_from(told.as_json()) == told
