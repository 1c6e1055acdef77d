"""What runs the trials of a search: this process, one after the other, or something that runs several at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from compressor.contracts.observer import Observer
from compressor.planning.registry import Registry
from compressor.run.cache.store import Cache
from compressor.search import trial_job
from compressor.search.trial_job import TrialJob, TrialResult


class Executor(Protocol):
    """Runs trials. What can run jobs elsewhere, such as a cluster, is another class like this.

    Attributes:
        places: how many trials may run at once; what a search tries depends on this number.
    """

    places: int

    @property
    def is_free(self) -> bool:
        """Whether another trial can be begun now."""

    def submit(self, job: TrialJob) -> None:
        """Begin a trial; `is_free` has said that this can be."""

    def wait(self, seconds: float | None = None) -> TrialResult | None:
        """The result of the next trial that is over; None if none is within so many seconds.

        A trial whose process dies has failed, and says why.
        """

    def stop(self) -> Sequence[int]:
        """End the trials that are running, and return their numbers. Their finished steps stay in the cache."""


class InProcess:
    """Runs trials in this process; `wait` does the work, whatever time it is given."""

    places = 1

    def __init__(self, registry: Registry, cache: Cache, observer: Observer) -> None:
        """Run trials with these plugins, this cache and this observer."""
        self._registry, self._cache, self._observer = registry, cache, observer
        self._job: TrialJob | None = None

    @property
    def is_free(self) -> bool:
        """Whether none was submitted since the last result."""
        return self._job is None

    def submit(self, job: TrialJob) -> None:
        """Take the trial that the next `wait` runs."""
        self._job = job

    def wait(self, seconds: float | None = None) -> TrialResult | None:
        """Run the trial."""
        job, self._job = self._job, None
        if job is None:
            return None
        return trial_job.run_job(job, self._registry, self._cache, self._observer)

    def stop(self) -> Sequence[int]:
        """Drop what was submitted."""
        job, self._job = self._job, None
        return [] if job is None else [job.number]
