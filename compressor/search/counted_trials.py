"""Keeps in the status of a search how many trials are over, while another watcher shows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compressor.run.status_file import SearchStatus
from compressor.search.trial_record import TrialRecord
from compressor.search.trials import Watcher


class Counting:
    """Counts the trials that are over, and hands on what it is told."""

    def __init__(self, watcher: Watcher, status: SearchStatus, before: Sequence[TrialRecord]) -> None:
        """Count on from the trials that were over before."""
        self._watcher, self._status = watcher, status
        self._over = sum(not record.repeats for record in before)

    def began(self, number: int, steps: Sequence[str]) -> None:
        """A trial begins."""
        self._watcher.began(number, steps)

    def finished(self, record: TrialRecord, folder: Path | None) -> None:
        """A trial is over."""
        self._watcher.finished(record, folder)
        self._over += not record.repeats  # which was not run, and does not count as a trial of the budget
        self._status.tried(self._over)
