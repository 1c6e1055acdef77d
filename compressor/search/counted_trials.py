"""Runs trials, keeps in the status of the search how many are over, and says so if none was left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from compressor.run.status_file import SearchStatus
from compressor.search.trial_record import TrialRecord
from compressor.search.trials import Budget, Search, Watcher

_NONE_LEFT = "no trial is left to run; --trials counts those of before, and no recipe is tried twice"


class Lines(Watcher, Protocol):
    """Shows trials, and says what else there is to say."""

    def say(self, text: str) -> None:
        """Say it on a line of its own."""


def run_counted(search: Search, budget: Budget, lines: Lines, status: SearchStatus) -> list[TrialRecord]:
    """Run trials as `Search.run` does, with what it raises; returns all of them."""
    before, began = search.records, time.monotonic()
    records = search.run(budget, Counting(lines, status, before))
    if before and len(records) == len(before) and not budget.is_over(time.monotonic() - began):
        lines.say(_NONE_LEFT)
    return records


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
