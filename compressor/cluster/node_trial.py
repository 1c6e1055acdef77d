"""Runs on a machine of a cluster: a trial, in a process beside that of Ray, which the next trials use as well.

A trial that crashes ends only that process, and has failed; what Ray itself loses and repeats is a machine.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from compressor.base.errors import CompressorError
from compressor.cluster.carried_files import Carried
from compressor.cluster.node_machine import Sender, as_sent_from, cache_here, machine_name, other_versions, recipe_here
from compressor.run.run_folder import RESULTS
from compressor.search.trial_job import TrialJob, TrialResult, job_from
from compressor.search.worker_pool import WorkerPool

_pools: list[WorkerPool] = []  # of this process, once a trial has run in it


def trial(line: str, carried: Sequence[tuple[Carried, Any]], sender: Sender, mailbox: Any) -> dict[str, Any]:
    """Run a trial, and return its result as plain data, and the files of its model if they are to be kept.

    Args:
        line: the job.
        carried: the files of its recipe, each with its content as an object of Ray.
        sender: who wants it.
        mailbox: the actor that is told what happens.
    """
    job = job_from(line)
    mailbox.tell.remote(job.number, "begins", machine_name())
    if other := other_versions(sender):
        return {"result": TrialResult(job.number, fatal=other).as_data(), "files": {}}
    as_sent_from(sender)
    folder = Path(tempfile.mkdtemp(prefix="trial-", dir=Path.cwd()))
    try:
        try:
            here = replace(job, recipe=recipe_here(job.recipe, carried), folder=str(folder))
        except (CompressorError, OSError) as error:
            return {"result": TrialResult(job.number, failed=str(error).split("\n", 1)[0]).as_data(), "files": {}}
        result = _run(replace(here, cache=cache_here(job.cache, sender)), mailbox)
        files = {name: (folder / name).read_bytes() for name in RESULTS if (folder / name).is_file()}
        return {"result": result.as_data(), "files": files if job.keep_model else {}}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(job: TrialJob, mailbox: Any) -> TrialResult:
    if not _pools:
        _pools.append(WorkerPool(1, _Teller(mailbox)))
    (pool,) = _pools
    pool.watcher = _Teller(mailbox)
    try:
        pool.submit(job)
        result = pool.wait()
    except BaseException:  # cancelled, or a bug
        pool.stop()
        raise
    assert result is not None
    return result


class _Teller:
    """Passes on what the process reports."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox

    def doing(self, worker: int, trial: int, text: str) -> None:
        self._mailbox.tell.remote(trial, "doing", text)

    def warned(self, text: str) -> None:
        self._mailbox.tell.remote(0, "warning", f"{machine_name()}: {text}")

    def fewer_workers(self, workers: int, wanted: int, reason: str) -> None:
        """Not of one worker."""
