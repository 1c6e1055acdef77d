"""What `compressor compress` shows while it searches: each trial, the best so far, and how much time is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import RenderableType

from compressor.base.text import counted
from compressor.recipe.objectives import Goal
from compressor.report.figures import clock_text
from compressor.report.screen import Screen
from compressor.search.best_so_far import BestSoFar
from compressor.search.search_report import trial_line, values_text
from compressor.search.trial_record import TrialRecord
from compressor.search.worker_rows import WorkerRows


class CompressionLines(WorkerRows):
    """Shows the trials of a compression, and publishes the best."""

    def __init__(self, screen: Screen, silent: bool, workers: int, minutes: float) -> None:
        """Show a search that ends after so many minutes."""
        super().__init__(screen, silent, workers)
        self._until = time.monotonic() + 60 * minutes
        self._at_once = workers
        self._seconds: list[float] = []  # that the trials so far took
        self._goals: Sequence[Goal] = ()
        self._best: BestSoFar | None = None

    def follow(self, goals: Sequence[Goal], best: BestSoFar) -> None:
        """Publish the best by these goals."""
        self._goals, self._best = goals, best

    def finished(self, record: TrialRecord, folder: Path | None) -> None:
        """A trial is over: publish it if it is the best so far, and say so."""
        if folder is not None and record.state != "failed":
            self._seconds.append(record.seconds)
        published = self._best is not None and self._best.offer(record, folder)
        line = trial_line(record, False, self._goals)
        self.ended(record.number, f"{line}  {self._verdict(record)}" if published else line)
        if not self.is_live:
            self.say(self._time_left())

    def below(self) -> Sequence[RenderableType]:
        """The best so far, and the time that is left."""
        parts = [self._time_left()]
        if self._best is not None and (record := self._best.record) is not None:
            missed = f"; it misses {record.missed}" if record.missed else ""
            parts.insert(0, f"best so far: {values_text(record, self._goals)} (trial {record.number}){missed}")
        return [self.screen.render_str(f" {part}") for part in parts]

    def _verdict(self, record: TrialRecord) -> str:
        if not record.meets_all:
            return f"the closest so far, in {self._best.path if self._best else ''}"
        return f"the best so far, in {self._best.path if self._best else ''}"

    def _time_left(self) -> str:
        """How long the search goes on, and how many trials that may be; no guess before there is one to go by."""
        left = max(0.0, self._until - time.monotonic())
        if not self._seconds:
            return f"{clock_text(left)} left; how long a trial takes is known after the first"
        mean = sum(self._seconds) / len(self._seconds)
        room = int(left * self._at_once / mean) if mean else 0
        if not room:
            return f"{clock_text(left)} left, less than a trial took so far ({clock_text(mean)} on average)"
        by = f"by the {len(self._seconds):,} so far ({clock_text(mean)} on average)"
        return f"{clock_text(left)} left, about {counted(room, 'more trial')}, {by}"
