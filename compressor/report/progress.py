"""A run as it happens: bars in a terminal, lines with their time anywhere else, or events as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from compressor.base import event_log
from compressor.base.text import counted
from compressor.contracts.observer import Observer, Observers
from compressor.report.figures import clock_text
from compressor.report.progress_bars import Bars
from compressor.report.progress_texts import figures_of, introduction, outcome_of
from compressor.report.run_clock import RunClock, planned_stages
from compressor.report.run_events import RunEvents
from compressor.report.screen import Screen

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import StageRow


def watching(screen: Screen, quiet: bool, run: str = "") -> Observer:
    """The observer that suits the log, the terminal, or its absence; `run` is what a log as JSON calls the run."""
    if quiet:
        return Observer()
    clock = RunClock()
    if event_log.is_open():
        return Observers(clock, RunEvents(run, clock))
    is_alive = screen.is_terminal and not screen.is_dumb_terminal
    return Observers(clock, Bars(screen, clock) if is_alive else Lines(screen, clock))


class Lines(Observer):
    """A line for each thing that happens, with the time."""

    def __init__(self, screen: Screen, clock: RunClock) -> None:
        self._screen = screen
        self._clock = clock

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        """Say what is about to run."""
        self._say(introduction(plan, sizes))
        self._say(f"plan: {' -> '.join(planned_stages(plan))}")

    def rehearsed(self, seconds: float) -> None:
        """Say that nothing is in the way of training."""
        self._say(f"rehearsal: all steps can be taken on this model, tried in {clock_text(seconds)}")

    def training_started(self, step_id: str, epochs: int, steps_per_epoch: int) -> None:
        """Say how long a training will be."""
        self._say(f"{step_id}: training, {counted(epochs, 'epoch')} of {counted(steps_per_epoch, 'step')}")

    def training_resumed(self, step_id: str, epoch: int) -> None:
        """Say where it goes on."""
        self._say(f"{step_id}: going on after epoch {epoch}, where an earlier run was cut")

    def waiting(self, step_id: str) -> None:
        """Say why nothing happens."""
        self._say(f"{step_id}: waiting for another run that is making it")

    def warned(self, text: str) -> None:
        """Say it."""
        self._say(f"warning: {text}")

    def batch_finished(self, step_id: str, epoch: int, batch: int, logs: Mapping[str, float]) -> None:
        """Say that it goes on, in an epoch that takes long."""
        if self._clock.is_quiet():
            batches = f"batch {batch + 1:,}/{self._clock.batches:,}"
            self._say_epoch(step_id, epoch, [batches, *figures_of(logs)])

    def epoch_finished(self, step_id: str, epoch: int, logs: Mapping[str, float]) -> None:
        """Say how an epoch went."""
        self._say_epoch(step_id, epoch, figures_of(logs))

    def step_finished(self, stage: StageRow) -> None:
        """Say what a stage took, and what it made."""
        self._say(f"{stage.id}: {' · '.join(outcome_of(stage))}")

    teacher_stage_finished = step_finished

    def _say_epoch(self, step_id: str, epoch: int, figures: list[str]) -> None:
        left = self._clock.training_left
        told = [f"epoch {epoch + 1}/{self._clock.epochs}", *figures, *([f"{clock_text(left)} left"] if left else [])]
        self._say(f"{step_id}: {' · '.join(told)}")

    def _say(self, text: str) -> None:
        self._screen.show(f"{event_log.timestamp()} {text}", wrap=False)
