"""What a run tells whoever watches it: the terminal, or nobody."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report, StageRow

_log = logging.getLogger(__name__)


class Observer:
    """Told of a run's events as they happen; this one keeps silent."""

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        """A run begins; `sizes` counts the samples of each split."""

    def step_started(self, step_id: str) -> None:
        """A step begins."""

    def training_started(self, step_id: str, epochs: int, steps_per_epoch: int) -> None:
        """A step begins to train."""

    def training_resumed(self, step_id: str, epoch: int) -> None:
        """A training goes on from a state that an earlier run left after `epoch` epochs."""

    def waiting(self, step_id: str) -> None:
        """Another run is making this very step; its result will be used."""

    def batch_finished(self, step_id: str, epoch: int, batch: int, logs: Mapping[str, float]) -> None:
        """An optimizer step is done; epoch and batch count from 0."""

    def epoch_finished(self, step_id: str, epoch: int, logs: Mapping[str, float]) -> None:
        """An epoch is done."""

    def measuring(self, step_id: str) -> None:
        """A step is done, and its stage is being exported and measured."""

    def step_finished(self, stage: StageRow) -> None:
        """A stage is done and measured."""

    def teacher_stage_finished(self, stage: StageRow) -> None:
        """A stage of the run that makes a teacher is done; that run's other events come under the ids of its steps."""

    def warned(self, text: str) -> None:
        """Something is not as it should be, and the run goes on."""
        _log.warning(text)

    def paused(self) -> None:
        """Nothing will happen for a while; others may use the terminal."""

    def run_finished(self, report: Report) -> None:
        """The run is over."""


class Relay(Observer):
    """Passes every event on to another observer; a subclass adds what it does itself."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        self._observer.run_started(plan, sizes)

    def step_started(self, step_id: str) -> None:
        self._observer.step_started(step_id)

    def training_started(self, step_id: str, epochs: int, steps_per_epoch: int) -> None:
        self._observer.training_started(step_id, epochs, steps_per_epoch)

    def training_resumed(self, step_id: str, epoch: int) -> None:
        self._observer.training_resumed(step_id, epoch)

    def waiting(self, step_id: str) -> None:
        self._observer.waiting(step_id)

    def batch_finished(self, step_id: str, epoch: int, batch: int, logs: Mapping[str, float]) -> None:
        self._observer.batch_finished(step_id, epoch, batch, logs)

    def epoch_finished(self, step_id: str, epoch: int, logs: Mapping[str, float]) -> None:
        self._observer.epoch_finished(step_id, epoch, logs)

    def measuring(self, step_id: str) -> None:
        self._observer.measuring(step_id)

    def step_finished(self, stage: StageRow) -> None:
        self._observer.step_finished(stage)

    def teacher_stage_finished(self, stage: StageRow) -> None:
        self._observer.teacher_stage_finished(stage)

    def warned(self, text: str) -> None:
        self._observer.warned(text)

    def paused(self) -> None:
        self._observer.paused()

    def run_finished(self, report: Report) -> None:
        self._observer.run_finished(report)


class TeacherRelay(Relay):
    """Passes on the events of the run that makes a teacher, so that they are not taken for those of the student's."""

    def __init__(self, observer: Observer, teacher: str) -> None:
        super().__init__(observer)
        self._teacher = teacher

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        pass

    def step_started(self, step_id: str) -> None:
        super().step_started(self._named(step_id))

    def training_started(self, step_id: str, epochs: int, steps_per_epoch: int) -> None:
        super().training_started(self._named(step_id), epochs, steps_per_epoch)

    def training_resumed(self, step_id: str, epoch: int) -> None:
        super().training_resumed(self._named(step_id), epoch)

    def waiting(self, step_id: str) -> None:
        super().waiting(self._named(step_id))

    def batch_finished(self, step_id: str, epoch: int, batch: int, logs: Mapping[str, float]) -> None:
        super().batch_finished(self._named(step_id), epoch, batch, logs)

    def epoch_finished(self, step_id: str, epoch: int, logs: Mapping[str, float]) -> None:
        super().epoch_finished(self._named(step_id), epoch, logs)

    def measuring(self, step_id: str) -> None:
        super().measuring(self._named(step_id))

    def step_finished(self, stage: StageRow) -> None:
        self.teacher_stage_finished(stage)

    def teacher_stage_finished(self, stage: StageRow) -> None:
        super().teacher_stage_finished(stage.model_copy(update={"id": self._named(stage.id)}))

    def _named(self, step_id: str) -> str:
        return f"teacher {self._teacher}/{step_id}"
