"""A run as two bars, one of the run and one of its step, below a line for each stage that is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.progress import Progress, TaskID

from compressor.contracts.observer import Observer
from compressor.report.figures import clock_text
from compressor.report.progress_texts import figures_of, introduction, outcome_of
from compressor.report.run_clock import RunClock, planned_stages
from compressor.report.screen import Screen

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report, StageRow

_RUN = "run"
_REHEARSAL = "rehearsal"


class Bars(Observer):
    """Two bars: of the run, and of the step that is under way."""

    def __init__(self, screen: Screen, clock: RunClock) -> None:
        self._screen = screen
        self._clock = clock
        self._bars: Progress | None = None
        self._run: TaskID | None = None
        self._step: TaskID | None = None
        self._names: Sequence[str] = ()
        self._width = 0  # of the names of stages

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        """Say what is about to run."""
        stages = planned_stages(plan)
        self._width = max(map(len, [_REHEARSAL, *stages]))
        self._screen.show(introduction(plan, sizes))
        self._screen.show(f" plan  {' -> '.join(stages)}")
        self._screen.show()
        self._names = [_RUN, _REHEARSAL, *stages]
        self._make_bars().start()

    def rehearsing(self) -> None:
        """Show it as a step of its own."""
        self.step_started(_REHEARSAL)

    def rehearsed(self, seconds: float) -> None:
        """Leave a line."""
        self._finish(_REHEARSAL, [f"all steps can be taken on this model, tried in {clock_text(seconds)}"])

    def step_started(self, step_id: str) -> None:
        """Show the step."""
        self._add_step(step_id, [])

    def training_started(self, step_id: str, epochs: int, steps_per_epoch: int) -> None:
        """Give the bar its length."""
        self._show_training(f"epoch 1/{epochs}", [])

    def training_resumed(self, step_id: str, epoch: int) -> None:
        """Say where it goes on."""
        self._show_line(step_id, [f"going on after epoch {epoch}, where an earlier run was cut"])

    def waiting(self, step_id: str) -> None:
        """Say why nothing moves."""
        self._show_step(["waiting for another run that is making it"])

    def warned(self, text: str) -> None:
        """Say it, above the bars."""
        self._screen.show(f" warning: {text}")

    def batch_finished(self, step_id: str, epoch: int, batch: int, logs: Mapping[str, float]) -> None:
        """Move the bars."""
        self._show_training(f"epoch {epoch + 1}/{self._clock.epochs}", figures_of(logs))

    def epoch_finished(self, step_id: str, epoch: int, logs: Mapping[str, float]) -> None:
        """Move the bars, and show validation."""
        self._show_training(f"epoch {epoch + 1}/{self._clock.epochs}", figures_of(logs))

    def measuring(self, step_id: str) -> None:
        """Say so, by a bar that has no length."""
        self._add_step(step_id, ["measuring"])

    def step_finished(self, stage: StageRow) -> None:
        """Leave a line in place of the bar."""
        self._finish(stage.id, outcome_of(stage))

    teacher_stage_finished = step_finished

    def run_finished(self, report: Report) -> None:
        """Take the bars away."""
        self.paused()

    def paused(self) -> None:
        """Give the terminal back; the bars of a step that was cut stay."""
        if self._bars is not None:
            self._bars.live.transient = self._step is None
            self._bars.stop()
            if self._step is not None:  # those that stay cannot be moved any more
                self._step = None
                self._make_bars()

    def _make_bars(self) -> Progress:
        self._bars = self._screen.bars(self._names)
        self._run = self._bars.add_task(_RUN, total=None, parts=self._run_parts)
        self._show_run()
        return self._bars

    def _finish(self, name: str, parts: Sequence[str]) -> None:
        self._remove_step()
        self._show_line(name, parts)
        self._show_run()

    def _show_line(self, name: str, parts: Sequence[str]) -> None:
        for line in self._screen.joined(f" {name:<{self._width}} ", parts):
            self._screen.show(line)

    def _show_training(self, epoch: str, figures: Sequence[str]) -> None:
        left = self._clock.training_left
        parts = [epoch, *([f"{clock_text(left)} left"] if left else []), *figures]
        self._show_step(parts, total=self._clock.epochs * self._clock.batches, completed=self._clock.reached)
        self._show_run()

    def _show_step(self, parts: Sequence[str], total: int | None = None, completed: int | None = None) -> None:
        if self._bars is not None and self._step is not None:
            self._bars.update(self._step, total=total, completed=completed, parts=lambda: parts)

    def _show_run(self) -> None:
        if self._bars is not None and self._run is not None:
            self._bars.update(self._run, total=self._clock.total, completed=self._clock.completed)

    def _run_parts(self) -> list[str]:
        clock, left = self._clock, self._clock.run_left
        parts = [f"{clock.stages_done}/{clock.stages} stages", f"{clock_text(clock.elapsed)} so far"]
        return [*parts, *([f"about {clock_text(left)} of training left"] if left else [])]

    def _add_step(self, step_id: str, parts: Sequence[str]) -> None:
        if self._bars is not None:
            self._remove_step()
            self._step = self._bars.add_task(step_id, total=None, parts=lambda: parts)
            self._show_run()
            self._bars.start()

    def _remove_step(self) -> None:
        if self._bars is not None and self._step is not None:
            self._bars.remove_task(self._step)
        self._step = None
