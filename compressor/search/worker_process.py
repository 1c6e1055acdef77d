"""A worker: a process that runs one trial after the other, for the process that started it.

Jobs come as lines of JSON on standard input, and what happens goes out as lines of JSON on standard output. What
libraries print goes to standard error. The worker ends with its parent, and when its input ends.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from queue import SimpleQueue
from typing import Any, Final, NoReturn, TextIO

from compressor.base.machine_memory import most_memory
from compressor.base.parent_process import die_with
from compressor.base.standard_output import claim, output, owned
from compressor.contracts.observer import Observer, Observers
from compressor.contracts.report_rows import StageRow
from compressor.planning.registry import Registry
from compressor.report.figures import clock_text
from compressor.report.run_clock import RunClock
from compressor.run.cache.run_cache import opened
from compressor.search.trial_job import TrialResult, job_from, run_job

_BETWEEN: Final = 0.5  # seconds between two reports of how far a training is
_PATIENCE: Final = 2.0  # seconds that a trial has to end by itself once the parent is gone


def main(parent: int) -> None:
    """Run jobs until there are no more."""
    die_with(parent)
    claim()
    faulthandler.enable()
    with owned():
        _work(output())


def _work(reports: TextIO) -> NoReturn:
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        signal.signal(number, signal.SIG_IGN)  # of the terminal, which the parent heeds
    signal.signal(signal.SIGTERM, _interrupt)
    jobs: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_receive, args=(jobs,), daemon=True).start()
    try:
        registry = Registry.installed()
        while line := jobs.get():
            _report(reports, "result", _result(line, registry, reports))
    except KeyboardInterrupt:
        os._exit(130)  # TensorFlow takes seconds to shut down
    except Exception:  # noqa: BLE001 - the parent tells of it
        _report(reports, "bug", traceback.format_exc())
        os._exit(1)
    os._exit(0)


def _result(line: str, registry: Registry, reports: TextIO) -> dict[str, Any]:
    job = job_from(line)
    teller = _Teller(reports)
    try:
        with opened(job.cache, teller.warned) as cache:
            result = run_job(job, registry, cache, Observers(teller.clock, teller))
    except MemoryError:
        result = TrialResult(job.number, failed="memory ran out; use a smaller batch_size or less data")
    return replace(result, memory=most_memory()).as_data()


class _Teller(Observer):
    """Reports what a trial is doing, in a few words."""

    def __init__(self, reports: TextIO) -> None:
        self._reports = reports
        self._told = 0.0
        self.clock = RunClock()

    def rehearsing(self) -> None:
        self._tell("trying all steps on a few samples")

    def step_started(self, step_id: str) -> None:
        self._tell(step_id)

    def training_started(self, step_id: str, epochs: int, steps_per_epoch: int) -> None:
        self._tell(f"{step_id}: epoch 1/{epochs}")

    def waiting(self, step_id: str) -> None:
        self._tell(f"{step_id}: another worker is making it")

    def batch_finished(self, step_id: str, epoch: int, batch: int, logs: Mapping[str, float]) -> None:
        if time.monotonic() - self._told > _BETWEEN:
            left = self.clock.training_left
            told = f", {clock_text(left)} left" if left else ""
            self._tell(f"{step_id}: epoch {epoch + 1}/{self.clock.epochs}{told}")

    def measuring(self, step_id: str) -> None:
        self._tell(f"{step_id}: measuring")

    def teacher_stage_finished(self, stage: StageRow) -> None:
        self._tell(f"{stage.id}: done")

    def warned(self, text: str) -> None:
        _report(self._reports, "warning", text)

    def _tell(self, text: str) -> None:
        self._told = time.monotonic()
        _report(self._reports, "doing", text)


def _report(reports: TextIO, kind: str, content: Any) -> None:
    reports.write(json.dumps([kind, content]) + "\n")


def _receive(jobs: SimpleQueue[str]) -> None:
    """Pass on jobs; when the parent is gone, end the trial that runs."""
    for line in sys.stdin:
        jobs.put(line)
    jobs.put("")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    os._exit(130)


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(int(sys.argv[1]))
