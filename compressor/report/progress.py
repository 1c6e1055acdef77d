"""A run as it happens: bars in a terminal, a line an epoch anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.progress import Progress, TaskID

from compressor.base.text import counted
from compressor.contracts.observer import Observer
from compressor.report.figures import clock_text
from compressor.report.screen import Screen

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report, StageRow

_REHEARSAL = "rehearsal"


def watching(screen: Screen, quiet: bool) -> Observer:
    """The observer that suits the terminal, or its absence."""
    if quiet:
        return Observer()
    return Bars(screen) if screen.is_terminal and not screen.is_dumb_terminal else Lines(screen)


def introduction(plan: Plan, sizes: Mapping[str, int]) -> tuple[str, str]:
    """What is about to run, in two lines."""
    samples = " · ".join(f"{count:,} {name}" for name, count in sizes.items())
    order = " -> ".join(["baseline", *(step.id for step in plan.steps)])
    smoke = " · smoke" if plan.smoke else ""
    what = f"{plan.recipe.name} · {plan.model.name} on {plan.data.name} ({samples}) · seed {plan.seed}{smoke}"
    return what, f" plan  {order}"


class Lines(Observer):
    """A line for each thing that happens."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._epochs = 0

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        """Say what is about to run."""
        for line in introduction(plan, sizes):
            self._say(line)

    def rehearsed(self, seconds: float) -> None:
        """Say that nothing is in the way of training."""
        self._say(f" rehearsal: all steps can be taken on this model, tried in {clock_text(seconds)}")

    def training_started(self, step_id: str, epochs: int, steps_per_epoch: int) -> None:
        """Say how long a training will be."""
        self._epochs = epochs
        self._say(f" {step_id}: training, {counted(epochs, 'epoch')} of {counted(steps_per_epoch, 'step')}")

    def training_resumed(self, step_id: str, epoch: int) -> None:
        """Say where it goes on."""
        self._say(f" {step_id}: going on after epoch {epoch}, where an earlier run was cut")

    def waiting(self, step_id: str) -> None:
        """Say why nothing happens."""
        self._say(f" {step_id}: waiting for another run that is making it")

    def warned(self, text: str) -> None:
        """Say it."""
        self._say(f" warning: {text}")

    def epoch_finished(self, step_id: str, epoch: int, logs: Mapping[str, float]) -> None:
        """Say how an epoch went."""
        self._say(f" {step_id}: epoch {epoch + 1}/{self._epochs}  {_logs_text(logs)}")

    def step_finished(self, stage: StageRow) -> None:
        """Say that a stage is done."""
        how = "cached" if stage.cached else f"done in {clock_text(stage.seconds)}"
        self._say(f" {stage.id}: {how}, measured in {clock_text(stage.measure_seconds)}")

    teacher_stage_finished = step_finished

    def _say(self, text: str) -> None:
        self._screen.show(text, wrap=False)


class Bars(Observer):
    """A bar for each step."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._steps = 1
        self._epochs = 1

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        """Say what is about to run."""
        for line in (*introduction(plan, sizes), ""):
            self._screen.show(line)
        width = max([len(_REHEARSAL), *(len(step.id) for step in plan.steps)])
        self._progress = self._screen.bars(width, length=24 if self._screen.width >= 100 else 8)
        self._progress.start()

    def rehearsing(self) -> None:
        """Show it as a step of its own."""
        self.step_started(_REHEARSAL)

    def rehearsed(self, seconds: float) -> None:
        """Fill its bar."""
        self._update(total=1, completed=1, status="all steps can be taken on this model")

    def step_started(self, step_id: str) -> None:
        """Show the step."""
        if self._progress:
            self._progress.start()
            self._task = self._progress.add_task(step_id, total=None, status="")

    def training_started(self, step_id: str, epochs: int, steps_per_epoch: int) -> None:
        """Give the bar its length."""
        self._epochs, self._steps = epochs, steps_per_epoch
        self._update(total=epochs * steps_per_epoch, status=f"0/{epochs} epochs")

    def waiting(self, step_id: str) -> None:
        """Say why nothing moves."""
        self._update(status="waiting for another run that is making it")

    def warned(self, text: str) -> None:
        """Say it, above the bars."""
        self._screen.show(f" warning: {text}")

    def batch_finished(self, step_id: str, epoch: int, batch: int, logs: Mapping[str, float]) -> None:
        """Move the bar."""
        status = f"{epoch}/{self._epochs} epochs  {_logs_text(logs)}"
        self._update(completed=epoch * self._steps + batch + 1, status=status)

    def epoch_finished(self, step_id: str, epoch: int, logs: Mapping[str, float]) -> None:
        """Move the bar, and show validation."""
        status = f"{epoch + 1}/{self._epochs} epochs  {_logs_text(logs)}"
        self._update(completed=(epoch + 1) * self._steps, status=status)

    def measuring(self, step_id: str) -> None:
        """Say so."""
        if self._progress and self._task is not None:
            status = self._progress.tasks[self._task].fields["status"]
            self._update(status=status or "measuring")

    def step_finished(self, stage: StageRow) -> None:
        """Fill the bar."""
        if self._progress and self._task is not None:
            status = self._progress.tasks[self._task].fields["status"]
            status = "cached" if stage.cached else "" if status == "measuring" else status
            self._update(total=1, completed=1, status=status)

    teacher_stage_finished = step_finished

    def run_finished(self, report: Report) -> None:
        """Leave the bars as they are."""
        self.paused()

    def paused(self) -> None:
        """Give the terminal back."""
        if self._progress:
            self._progress.stop()

    def _update(self, total: float | None = None, completed: float | None = None, status: str = "") -> None:
        if self._progress and self._task is not None:
            self._progress.update(self._task, total=total, completed=completed, status=status)


def _logs_text(logs: Mapping[str, float]) -> str:
    """`loss 0.052  accuracy 98.3 %`, of validation where it is known."""
    prefix = "val_" if "val_loss" in logs else ""
    parts = []
    for name, value in logs.items():
        if name.startswith("val_") != bool(prefix):
            continue
        bare = name.removeprefix("val_")
        parts.append(f"{bare} {value * 100:.1f} %" if bare == "accuracy" else f"{bare} {_number(value)}")
    return ("validation " if prefix else "") + "  ".join(parts)


def _number(value: float) -> str:
    """`0.052`, and four digits of what is too small or too large for three places."""
    return f"{value:.3f}" if value == 0 or 0.01 <= abs(value) < 10_000 else f"{value:.4g}"
