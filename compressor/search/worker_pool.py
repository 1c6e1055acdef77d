"""Runs trials in processes of their own, several at once: the crash of one is one failed trial."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol, TypeAlias

from compressor.base.file_limits import MEMORY_VARIABLE, chosen_memory
from compressor.base.machine_memory import free_memory, memory_of, whole_memory
from compressor.base.sizes import format_size
from compressor.search.trial_job import TrialJob, TrialResult, result_from
from compressor.search.worker_endings import killer_of, reason_of

COMMAND: Final = (sys.executable, "-P", "-m", "compressor.search.worker_process")
_LOOKS: Final = 0.5  # seconds between two looks at the workers' memory, and at whether they live
_PATIENCE: Final = 0.8  # seconds that a worker has to end before it is killed
_SHARE: Final = 0.95  # of the machine's memory, beyond which the system may kill anything
_ROOM: Final = 1.2  # how much of the most memory that a worker has taken so far must be free for another one


class PoolWatcher(Protocol):
    """Told what the workers do. Workers are numbered from 1."""

    def doing(self, worker: int, trial: int, text: str) -> None:
        """A worker is doing something else, or is further, with a trial."""

    def warned(self, text: str) -> None:
        """Something is not as it should be, and the search goes on."""

    def fewer_workers(self, workers: int, wanted: int, reason: str) -> None:
        """Memory has no room for as many workers as were asked for."""


@dataclass
class _Worker:
    number: int
    process: subprocess.Popen[bytes]
    job: TrialJob | None = None
    killed_for: str = ""  # why we killed it, as a failed trial is to say

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):  # it is dead, which `wait` finds out
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()


_Event: TypeAlias = tuple[_Worker, str, Any]


class WorkerPool:
    """An executor with processes on this machine.

    The first trial runs alone, so that its memory is known and what all trials have in common is in the cache. After
    that, another worker is started only where memory has room for one more. How many threads a trial computes with
    is the recipe's, so that bytes do not depend on the number of workers.

    A trial whose worker is killed from outside begins once more; a crash of its own code would only come again.
    """

    def __init__(self, workers: int, watcher: PoolWatcher, command: Sequence[str] = COMMAND) -> None:
        """Run up to so many trials at once; the processes are started when they are needed.

        Args:
            workers: how many.
            watcher: is told what they do.
            command: what starts one; the number of this process is added to it.
        """
        self.places = workers
        self._command = command
        self.watcher = watcher
        self._workers: list[_Worker] = []
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._memory = 0  # the most that a worker has taken
        self._is_first = True
        self._again: deque[TrialJob] = deque()  # trials that are to begin once more, when there is room
        self._begun_again: set[int] = set()
        self._told_fewer = False
        self._looked = time.monotonic()
        limits = (chosen_memory(), int(_SHARE * (whole_memory() or 0)))
        self._limit = min(filter(None, limits), default=0)  # of bytes for all workers together

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def is_free(self) -> bool:
        """Whether a worker waits for a trial, or another one can be started."""
        busy = sum(worker.job is not None for worker in self._workers)
        if self._again or (self._is_first and busy):
            return False
        if busy < len(self._workers):
            return True
        return len(self._workers) < self.places and self._has_room()

    def submit(self, job: TrialJob) -> None:
        """Give a trial to the first worker that waits, or to a new one."""
        worker = next((one for one in self._workers if one.job is None), None) or self._start()
        worker.job = job
        worker.send(job.as_json())

    def wait(self, seconds: float | None = None) -> TrialResult | None:
        """The result of the next trial that is over; None if none is within so many seconds.

        Raises:
            RuntimeError: a worker has met a bug of this tool.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while self._again or any(worker.job for worker in self._workers):
            self._begin_again()
            left = _LOOKS if until is None else min(_LOOKS, until - time.monotonic())
            if left <= 0:
                return None
            result = self._take(*event) if (event := self._next_event(left)) is not None else None
            if result is not None:
                return result
        return None

    def _next_event(self, seconds: float) -> _Event | None:
        if time.monotonic() - self._looked > _LOOKS:  # also where workers report all the time
            return self._look()
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return self._look()

    def stop(self) -> Sequence[int]:
        """End the workers that run a trial."""
        busy = [worker for worker in self._workers if worker.job is not None]
        numbers = [worker.job.number for worker in busy if worker.job is not None]
        numbers += [job.number for job in self._again]
        self._again.clear()
        self._end(busy)
        return numbers

    def close(self) -> None:
        """End all workers, and leave none behind."""
        self._end(list(self._workers))

    def _start(self) -> _Worker:
        taken = {worker.number for worker in self._workers}
        number = next(number for number in range(1, self.places + 1) if number not in taken)
        process = subprocess.Popen([*self._command, str(os.getpid())], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        worker = _Worker(number, process)
        threading.Thread(target=_read, args=(worker, process.stdout, self._events), daemon=True).start()
        self._workers.append(worker)
        return worker

    def _has_room(self) -> bool:
        """Whether memory has room for one more worker, when all that run take as much as any has taken so far."""
        free = free_memory()
        taken = [memory_of(worker.process.pid) for worker in self._workers]
        if not self._workers or not self._memory or free is None:
            return True
        free -= sum(max(0, self._memory - bytes_) for bytes_ in taken)
        if self._limit:
            free = min(free, self._limit - self._memory * len(self._workers))
        if free >= _ROOM * self._memory:
            return True
        if not self._told_fewer:
            self._told_fewer = True
            reason = f"one takes {format_size(self._memory)}, and {format_size(max(0, free))} are free"
            self.watcher.fewer_workers(len(self._workers), self.places, reason)
        return False

    def _take(self, worker: _Worker, kind: str, content: Any) -> TrialResult | None:
        """What an event means: a result, if a trial is over."""
        if worker not in self._workers:  # it was ended
            return None
        if kind == "doing":
            if worker.job is not None:
                self.watcher.doing(worker.number, worker.job.number, str(content))
        elif kind == "warning":
            self.watcher.warned(str(content))
        elif kind == "bug":
            raise RuntimeError(f"a worker of the search failed:\n{content}")
        elif kind == "result":
            result = result_from(content)
            self._memory = max(self._memory, result.memory)
            worker.job, self._is_first = None, False
            return result
        elif kind == "ended":
            return self._died(worker)
        return None

    def _died(self, worker: _Worker) -> TrialResult | None:
        """Settle the trial of a worker that has ended, if it ran one; another worker takes its place.

        The trial has failed, unless it is to begin once more.
        """
        code = _code_of(worker.process)
        self._workers.remove(worker)
        job = worker.job
        if job is None:
            return None
        killed_by = "" if worker.killed_for else killer_of(code)
        is_second = job.number in self._begun_again
        if killed_by and not is_second:
            self._begun_again.add(job.number)
            self._again.append(job)
            told = (
                f"trial {job.number} begins again, since worker {worker.number}, which ran it, was killed ({killed_by})"
            )
            self.watcher.warned(told)
            return None
        self._is_first = False
        return TrialResult(job.number, failed=worker.killed_for or reason_of(worker.number, code, is_second))

    def _begin_again(self) -> None:
        """Give a trial that was killed to a worker, once one waits or there is room for one."""
        is_free = any(worker.job is None for worker in self._workers) or not self._workers
        if self._again and (is_free or self._has_room()):
            job = self._again.popleft()
            shutil.rmtree(job.folder, ignore_errors=True)  # what it has half made
            Path(job.folder).mkdir(parents=True, exist_ok=True)
            self.submit(job)

    def _look(self) -> _Event | None:
        """Look after the workers; the end of one that died without a word."""
        self._looked = time.monotonic()
        memory = {worker.number: memory_of(worker.process.pid) for worker in self._workers}
        self._memory = max((self._memory, *memory.values()))
        if self._limit and sum(memory.values()) > self._limit:
            largest = max(self._workers, key=lambda worker: memory[worker.number])
            largest.killed_for = (
                f"the workers took more than {format_size(self._limit)} of memory together, and this one, with "
                f"{format_size(memory[largest.number])}, was stopped; use fewer, or set {MEMORY_VARIABLE} to more"
            )
            largest.process.kill()
        dead = (worker for worker in self._workers if worker.process.poll() is not None)
        return next(((worker, "ended", None) for worker in dead), None)

    def _end(self, workers: Sequence[_Worker]) -> None:
        for worker in workers:
            worker.process.terminate()
        until = time.monotonic() + _PATIENCE
        for worker in workers:
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.0, until - time.monotonic()))
        for worker in workers:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()
            self._workers.remove(worker)
            with suppress(OSError):
                if worker.process.stdin is not None:
                    worker.process.stdin.close()


def _read(worker: _Worker, reports: IO[bytes], events: queue.SimpleQueue[_Event]) -> None:
    """Pass on what a worker reports, and its end."""
    with reports, suppress(ValueError):  # the last line may be cut
        for line in reports:
            kind, content = json.loads(line)
            events.put((worker, kind, content))
    events.put((worker, "ended", None))


def _code_of(process: subprocess.Popen[bytes]) -> int:
    """The exit code of a process whose output has ended."""
    try:
        return process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
