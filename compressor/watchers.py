"""Passes a run's events on to the terminal and to the plugins that watch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from compressor.observer import Observer

if TYPE_CHECKING:
    from compressor.planner import Plan
    from compressor.registry import Registry
    from compressor.report import Report, StageRow

_log = logging.getLogger(__name__)


class Watchers(Observer):
    """The observer of a run, and every plugin with a hook for what happens."""

    def __init__(self, observer: Observer, registry: Registry) -> None:
        self._observer = observer
        self._hook = registry.manager.hook

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        self._observer.run_started(plan, sizes)
        self._tell(self._hook.run_started, plan=plan)

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
        self._tell(self._hook.step_finished, stage=stage)

    def warned(self, text: str) -> None:
        self._observer.warned(text)

    def paused(self) -> None:
        self._observer.paused()

    def run_finished(self, report: Report) -> None:
        self._observer.run_finished(report)
        self._tell(self._hook.run_finished, report=report)

    @staticmethod
    def _tell(hook: Any, **event: Any) -> None:
        try:
            hook(**event)
        # a stranger's tracker must not take down a run that has trained for hours
        except Exception:  # noqa: BLE001
            _log.warning("a plugin that watches the run failed", exc_info=True)
