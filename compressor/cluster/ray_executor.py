"""Runs the trials of a search on a Ray cluster."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from compressor.base.atomic_files import write_whole
from compressor.cluster.carried_files import Carrier
from compressor.cluster.node_machine import Sender
from compressor.cluster.node_trial import trial
from compressor.cluster.ray_connection import Cluster, Demand
from compressor.cluster.task_reports import TaskReports
from compressor.cluster.task_set import Lost, TaskSet
from compressor.recipe.document import RecipeText
from compressor.recipe.load import load
from compressor.search.trial_job import TrialJob, TrialResult, result_from
from compressor.search.worker_pool import PoolWatcher

_LOOKS: Final = 0.5  # seconds between two looks at what tasks report
_ROOM: Final = 1.2  # how much of the most memory that a trial has taken so far is declared for another one


class RayExecutor:
    """An executor whose trials are tasks on a cluster.

    The first trial runs alone, so that its memory is known, which is then declared for each of the others. Ray begins
    a trial anew if its machine is lost; one that crashes or runs out of memory has failed.
    """

    def __init__(self, cluster: Cluster, demand: Demand, places: int, watcher: PoolWatcher) -> None:
        """Run up to so many trials at once.

        Args:
            cluster: where.
            demand: what each is declared to need.
            places: how many at once, at most.
            watcher: is told what the trials do.
        """
        self.places = places
        self._tasks = TaskSet(cluster)
        self._cluster, self._demand, self._watcher = cluster, demand, watcher
        self._carrier = carrier_to(cluster)
        self._reports = TaskReports()
        self._sender = Sender.here()
        self._jobs: dict[int, TrialJob] = {}
        self._workers: dict[int, int] = {}  # the numbers that are shown for the trials that run
        self._machines: dict[int, str] = {}
        self._memory = 0  # the most that a trial has taken
        self._is_first = True

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def is_free(self) -> bool:
        """Whether another trial can be begun; Ray may have it wait for room."""
        return len(self._jobs) < (1 if self._is_first else self.places)

    def submit(self, job: TrialJob) -> None:
        """Begin a trial."""
        self._jobs[job.number] = job
        taken = set(self._workers.values())
        self._workers[job.number] = next(number for number in range(1, self.places + 1) if number not in taken)
        with self._tasks.answering():
            most = max((int(node.get("memory", 0)) for node in self._cluster.nodes), default=0) if self._memory else 0
            carried = self._carrier.carried_by(load(RecipeText(job.name, job.recipe))) if self._carrier else []
        memory = min(int(_ROOM * self._memory), most)
        demand = replace(self._demand, memory=self._demand.memory or memory)
        self._tasks.begin(job.number, demand, trial, job.as_json(), carried, self._sender, self._reports.mailbox)

    def wait(self, seconds: float | None = None) -> TrialResult | None:
        """The result of the next trial that is over; None if none is within so many seconds.

        Raises:
            ClusterError: the cluster is gone, or its machines cannot run trials.
            RuntimeError: a task has met a bug of this tool.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while self._jobs:
            left = _LOOKS if until is None else min(_LOOKS, until - time.monotonic())
            if left <= 0:
                return None
            over = self._tasks.wait(left)
            self._pass_on(self._reports.take())
            if over is not None:
                return self._result(*over)
        return None

    def stop(self) -> Sequence[int]:
        """Cancel the trials that run."""
        self._jobs.clear()
        self._workers.clear()
        return self._tasks.cancel()

    def _result(self, number: int, outcome: Any) -> TrialResult:
        job = self._jobs.pop(number)
        del self._workers[number]
        self._is_first = False
        if isinstance(outcome, Lost):
            return TrialResult(number, failed=outcome.reason)
        result = result_from(outcome["result"])
        self._memory = max(self._memory, result.memory)
        for name, content in outcome["files"].items():
            write_whole(Path(job.folder) / name, content)
        return result

    def _pass_on(self, reports: Sequence[tuple[int, str, str]]) -> None:
        for number, kind, text in reports:
            worker = self._workers.get(number)
            if kind == "warning":
                self._watcher.warned(text)
            elif worker is None:  # it is over
                continue
            elif kind == "begins":
                if number in self._machines:
                    told = (
                        f"trial {number} begins again on {text}, since its process on {self._machines[number]} was lost"
                    )
                    self._watcher.warned(told)
                self._machines[number] = text
                self._watcher.doing(worker, number, f"on {text}")
            else:
                self._watcher.doing(worker, number, text)


def carrier_to(cluster: Cluster) -> Carrier | None:
    """A carrier that puts files into the cluster's object store; None where the cluster is this machine alone."""
    if cluster.is_own:
        return None
    import ray

    return Carrier(ray.put)
