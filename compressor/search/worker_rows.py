"""What the workers of a search are doing: a row for each in a terminal, and lines with their time anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

from rich.console import RenderableType

from compressor.base import event_log
from compressor.base.text import counted
from compressor.contracts.observer import Observer
from compressor.report.screen import Screen
from compressor.report.screen_table import Align


class WorkerRows:
    """Shows trials as they begin, go on and end. What subclasses show `below` the workers stays on the screen.

    Where trials run in processes of their own and there is no terminal, or one that can only print lines, these begin
    with the time.
    """

    def __init__(self, screen: Screen, silent: bool, workers: int) -> None:
        """Show so many workers on a screen, or nothing but warnings; 0 if trials run in this process."""
        self.screen = screen
        self._silent, self._workers = silent, workers
        self._live = screen.pinned()
        self._rows: dict[int, tuple[int, str]] = {}
        self._steps: dict[int, Sequence[str]] = {}
        self._warned: set[str] = set()

    def __enter__(self) -> Self:
        """Begin to show what stays."""
        if self._can_pin and not self._silent:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Remove what stayed."""
        self._live.stop()

    @property
    def _can_pin(self) -> bool:
        """Whether anything can stay on the screen; a terminal whose `TERM` is `dumb` can only print lines."""
        return self.screen.is_terminal and not self.screen.is_dumb_terminal

    @property
    def is_live(self) -> bool:
        """Whether something stays on the screen."""
        return self._live.is_started

    def below(self) -> Sequence[RenderableType]:
        """What stays below the workers."""
        return ()

    def began(self, number: int, steps: Sequence[str]) -> None:
        """A trial begins."""
        self._steps[number] = steps
        if self._workers and not self._live.is_started:
            self.say(f"trial {number} begins: {' -> '.join(steps) or 'no steps'}")

    def ended(self, number: int, text: str) -> None:
        """A trial is over, and this is to be said of it."""
        self._rows = {worker: row for worker, row in self._rows.items() if row[0] != number}
        self.say(text)
        self.refresh()

    def doing(self, worker: int, trial: int, text: str) -> None:
        """A worker is doing something else, or is further, with a trial."""
        if self._live.is_started:
            self._rows[worker] = trial, text
            self.refresh()
        elif ":" not in text:  # how far a training is would be too much without a terminal
            self.say(f"worker {worker}, trial {trial}: {text}")

    def warned(self, text: str) -> None:
        """Something is not as it should be, and the search goes on; every trial may say so, and it is told once."""
        if text not in self._warned:
            self._warned.add(text)
            self._say(f"warning: {text}")

    def fewer_workers(self, workers: int, wanted: int, reason: str) -> None:
        """Memory has no room for as many workers as were asked for."""
        self.say(f"{counted(workers, 'worker')} instead of {wanted}, since {reason}")

    def say(self, text: str) -> None:
        """Show a line above what stays."""
        if not self._silent:
            self._say(text)

    def _say(self, text: str) -> None:
        timed = self._workers and not self._can_pin
        for line in self.screen.words(f"{event_log.timestamp()} {text}" if timed else f" {text}"):
            self.screen.show(line, wrap=False)

    def refresh(self) -> None:
        """Show what stays as it is now."""
        if not self._live.is_started:
            return
        steps = {trial: " -> ".join(self._steps.get(trial, ())) for trial, _ in self._rows.values()}
        has_room = max(map(len, steps.values()), default=0) + _BESIDE_STEPS <= self.screen.width
        rows = [
            [str(worker), str(trial), *([steps[trial]] if has_room else []), text]
            for worker, (trial, text) in sorted(self._rows.items())
        ]
        headings = [heading for heading in _HEADINGS if has_room or heading[0] != "steps"]
        table = [self.screen.table(headings, rows)] if rows else []
        self._live.update(self.screen.stacked([*self.below(), *table]), refresh=True)


class Warnings(Observer):
    """Passes on the warnings of a run in this process."""

    def __init__(self, rows: WorkerRows) -> None:
        """Have them shown there."""
        self._rows = rows

    def warned(self, text: str) -> None:
        """Something is not as it should be."""
        self._rows.warned(text)


_BESIDE_STEPS: Final = 58  # columns for what a worker is doing, and for the numbers of the worker and the trial
_HEADINGS: Final[Sequence[tuple[str, Align]]] = (
    *(("worker", "whole"), ("trial", "whole"), ("steps", "left"), ("doing", "left")),
)
