"""Tells the plugins that watch a run what happens in it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from compressor.contracts.observer import Observer, Relay

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report, StageRow
    from compressor.planning.registry import Registry

_log = logging.getLogger(__name__)


class Watchers(Relay):
    """The observer of a run, and every plugin with a hook for what happens."""

    def __init__(self, observer: Observer, registry: Registry) -> None:
        super().__init__(observer)
        self._hook = registry.manager.hook

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        super().run_started(plan, sizes)
        self._tell(self._hook.run_started, plan=plan)

    def step_finished(self, stage: StageRow) -> None:
        super().step_finished(stage)
        self._tell(self._hook.step_finished, stage=stage)

    def run_finished(self, report: Report) -> None:
        super().run_finished(report)
        self._tell(self._hook.run_finished, report=report)

    def _tell(self, hook: Any, **event: Any) -> None:
        try:
            hook(**event)
        # a stranger's tracker must not take down, or end, a run that has trained for hours
        except (Exception, SystemExit) as error:  # noqa: BLE001
            _log.warning("a plugin that watches the run failed", exc_info=True)
            self.warned(f"a plugin that watches the run failed ({type(error).__name__}: {error})")
