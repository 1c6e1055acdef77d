"""What a run tells whoever watches it: the terminal, or nobody."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Concatenate, ParamSpec

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report, StageRow

_log = logging.getLogger(__name__)

Event = ParamSpec("Event")  # what a method of an observer is told


class Observer:
    """Told of a run's events as they happen; this one shows nothing, and logs warnings."""

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        """A run begins; `sizes` counts the samples of each split."""

    def rehearsing(self) -> None:
        """All steps are taken on the untrained model and a few samples, to see that they can be."""

    def rehearsed(self, seconds: float) -> None:
        """They can; it took so long."""

    def step_started(self, step_id: str, /) -> None:
        """A step begins."""

    def training_started(self, step_id: str, /, epochs: int, steps_per_epoch: int) -> None:
        """A step begins to train."""

    def training_resumed(self, step_id: str, /, epoch: int) -> None:
        """A training goes on from a state that an earlier run left after `epoch` epochs."""

    def waiting(self, step_id: str, /) -> None:
        """Another run is making this very step; its result will be used."""

    def batch_finished(self, step_id: str, /, epoch: int, batch: int, logs: Mapping[str, float]) -> None:
        """An optimizer step is done; epoch and batch count from 0."""

    def epoch_finished(self, step_id: str, /, epoch: int, logs: Mapping[str, float]) -> None:
        """An epoch is done."""

    def measuring(self, step_id: str, /) -> None:
        """A step is done, and its stage is being exported and measured."""

    def step_finished(self, stage: StageRow) -> None:
        """A stage is done and measured."""

    def teacher_stage_finished(self, stage: StageRow) -> None:
        """A stage of the run that makes a teacher is done. In all of that run's events ids are `teacher NAME/STEP`."""

    def warned(self, text: str) -> None:
        """Something is not as it should be, and the run goes on."""
        _log.warning(text)

    def paused(self) -> None:
        """Nothing will happen for a while; others may use the terminal."""

    def run_finished(self, report: Report) -> None:
        """The run is over."""

    def run_failed(self, plan: Plan, error: str) -> None:
        """The run ended with an error, or was interrupted."""


def _told_to_all(
    event: Callable[Concatenate[Observer, Event], None],
) -> Callable[Concatenate[Observers, Event], None]:
    """The method of `Observers` that tells each of them of an event."""

    def tell(self: Observers, /, *args: Event.args, **kwargs: Event.kwargs) -> None:
        for observer in self.observers:
            getattr(observer, event.__name__)(*args, **kwargs)

    return tell


class Observers(Observer):
    """Tells several observers of every event, one after the other."""

    def __init__(self, *observers: Observer) -> None:
        self.observers = observers

    run_started = _told_to_all(Observer.run_started)
    rehearsing = _told_to_all(Observer.rehearsing)
    rehearsed = _told_to_all(Observer.rehearsed)
    step_started = _told_to_all(Observer.step_started)
    training_started = _told_to_all(Observer.training_started)
    training_resumed = _told_to_all(Observer.training_resumed)
    waiting = _told_to_all(Observer.waiting)
    batch_finished = _told_to_all(Observer.batch_finished)
    epoch_finished = _told_to_all(Observer.epoch_finished)
    measuring = _told_to_all(Observer.measuring)
    step_finished = _told_to_all(Observer.step_finished)
    teacher_stage_finished = _told_to_all(Observer.teacher_stage_finished)
    warned = _told_to_all(Observer.warned)
    paused = _told_to_all(Observer.paused)
    run_finished = _told_to_all(Observer.run_finished)
    run_failed = _told_to_all(Observer.run_failed)


def _told_of_teacher(
    event: Callable[Concatenate[Observer, str, Event], None],
) -> Callable[Concatenate[TeacherObserver, str, Event], None]:
    """The method of `TeacherObserver` for an event of a step, which gets the teacher's name in front of its id."""

    def tell(self: TeacherObserver, step_id: str, /, *args: Event.args, **kwargs: Event.kwargs) -> None:
        getattr(self.observer, event.__name__)(self.name_of(step_id), *args, **kwargs)

    return tell


class TeacherObserver(Observer):
    """Observes the run that makes a teacher for whoever observes the student's run.

    Steps have the teacher's name in front of their ids, so that nobody takes them for the student's.
    """

    def __init__(self, observer: Observer, teacher: str) -> None:
        self.observer = observer
        self._teacher = teacher

    step_started = _told_of_teacher(Observer.step_started)
    training_started = _told_of_teacher(Observer.training_started)
    training_resumed = _told_of_teacher(Observer.training_resumed)
    waiting = _told_of_teacher(Observer.waiting)
    batch_finished = _told_of_teacher(Observer.batch_finished)
    epoch_finished = _told_of_teacher(Observer.epoch_finished)
    measuring = _told_of_teacher(Observer.measuring)

    def step_finished(self, stage: StageRow) -> None:
        self.teacher_stage_finished(stage)

    def teacher_stage_finished(self, stage: StageRow) -> None:
        self.observer.teacher_stage_finished(stage.model_copy(update={"id": self.name_of(stage.id)}))

    def warned(self, text: str) -> None:
        self.observer.warned(text)

    def paused(self) -> None:
        self.observer.paused()

    def name_of(self, step_id: str) -> str:
        """What the teacher's step is called in the student's run."""
        return f"teacher {self._teacher}/{step_id}"
