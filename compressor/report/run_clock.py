"""How far a run is, and how long the rest may take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from compressor.contracts.execution_plan import BASELINE
from compressor.contracts.observer import Observer
from compressor.recipe.training_params import TrainingParams
from compressor.training.trainer import SMOKE_STEPS

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan, PlannedStep
    from compressor.contracts.report_rows import StageRow


_QUIET = 60.0  # seconds


class RunClock(Observer):
    """Counts the stages of a run and the batches of their trainings; those that show the run read it.

    It must be told of an event before they are. Attributes:
        stages: how many the run has, with the baseline.
        stages_done: how many of them are done.
        epochs: of the training under way, at the most; 0 where none is.
        batches: of each of its epochs.
        reached: batches of it that are done.
        epoch_seconds: what its last epoch took.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began = self._told = now()
        self.stages = self.stages_done = 0
        self._planned: dict[str, int] = {}  # batches, of the stages that are not done
        self._batches_done = 0  # by the stages and trainings before this one
        self._seconds = 0.0  # that these took, from the first batch of each that was told
        self._timed = 0  # how many batches that was
        self._step = ""
        self._ticks: list[tuple[int, float]] = []  # the first and the last: batches, and when they were done
        self._forget_training()

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self._now() - self._began

    @property
    def completed(self) -> int:
        """What is done of the run, in batches; a stage counts for one more."""
        return self._batches_done + self.reached + self.stages_done

    @property
    def total(self) -> int:
        """All of the run, in the same measure, as far as it is known."""
        return self._batches_done + sum(self._planned.values()) + max(self.stages, 1)

    @property
    def training_left(self) -> float | None:
        """Seconds that the training under way may still take, by its own pace; None while nothing tells."""
        batches, seconds = self._pace()
        return (self.epochs * self.batches - self.reached) * seconds / batches if batches else None

    @property
    def run_left(self) -> float | None:
        """Seconds that all trainings ahead may take, by the pace so far; None while nothing tells."""
        batches, seconds = self._pace()
        timed, spent = self._timed + batches, self._seconds + seconds
        if not timed:
            return None
        own = self.training_left
        ahead = sum(count for step, count in self._planned.items() if own is None or step != self._step)
        return ahead * spent / timed + (own or 0.0)

    def is_quiet(self) -> bool:
        """Whether nothing was told for a minute; if so, that counts as telling."""
        quiet = self._now() - self._told > _QUIET
        if quiet:
            self._told = self._now()
        return quiet

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        """Count what is planned."""
        self._began = self._now()
        self.stages, self.stages_done = 1 + len(plan.steps), 0
        self._planned = {step.id: _batches(step, sizes.get("train", 0), plan.smoke) for step in plan.stages}

    def step_started(self, step_id: str) -> None:
        """Turn to the step."""
        self._end_training()
        self._step = step_id

    def training_started(self, step_id: str, epochs: int, steps_per_epoch: int) -> None:
        """Count the batches of the training."""
        self._end_training()
        self._told = self._now()
        self.epochs, self.batches = epochs, steps_per_epoch
        self._epoch_began = self._now()
        self._planned[step_id] = epochs * steps_per_epoch

    def training_resumed(self, step_id: str, epoch: int) -> None:
        """Count what was done before."""
        self.reached = epoch * self.batches

    def batch_finished(self, step_id: str, epoch: int, batch: int, logs: Mapping[str, float]) -> None:
        """Count the batch; the pace is measured from the first one on, before which TensorFlow builds its graph."""
        self._reach(epoch * self.batches + batch + 1)

    def epoch_finished(self, step_id: str, epoch: int, logs: Mapping[str, float]) -> None:
        """Count all batches of the epoch."""
        self._reach((epoch + 1) * self.batches)
        now = self._now()
        self.epoch_seconds, self._epoch_began, self._told = now - self._epoch_began, now, now

    def measuring(self, step_id: str) -> None:
        """A training may have ended early; what it left out is not ahead any more."""
        self._end_training()

    def step_finished(self, stage: StageRow) -> None:
        """Count the stage, which need not have been planned, as in a session."""
        self.teacher_stage_finished(stage)
        self.stages_done += 1
        self.stages = max(self.stages, self.stages_done)

    def teacher_stage_finished(self, stage: StageRow) -> None:
        """Leave the stage behind."""
        self._end_training()
        self._planned.pop(stage.id, None)

    def warned(self, text: str) -> None:
        """Left to the observers that show it."""

    def _reach(self, batches: int) -> None:
        self.reached = batches
        self._ticks = [*self._ticks[:1], (batches, self._now())]

    def _pace(self) -> tuple[int, float]:
        """Batches of the training under way, and the seconds that they took."""
        if not self._ticks:
            return 0, 0.0
        (first, began), (last, ended) = self._ticks[0], self._ticks[-1]
        return last - first, ended - began

    def _end_training(self) -> None:
        if not self.epochs:
            return
        batches, seconds = self._pace()
        self._timed, self._seconds = self._timed + batches, self._seconds + seconds
        self._batches_done += self.reached
        self._planned.pop(self._step, None)
        self._forget_training()

    def _forget_training(self) -> None:
        self.epochs = self.batches = self.reached = 0
        self.epoch_seconds = 0.0
        self._epoch_began = self._now()
        self._ticks = []


def planned_stages(plan: Plan) -> list[str]:
    """The ids of a run's stages, in their order."""
    return [BASELINE, *(step.id for step in plan.steps)]


def _batches(step: PlannedStep, samples: int, smoke: bool) -> int:
    """How many batches a step trains, by its parameters."""
    params = step.strategy.params
    if not isinstance(params, TrainingParams):
        return 0
    each = math.ceil(samples / params.batch_size)
    return min(each, SMOKE_STEPS) if smoke else each * params.epochs
