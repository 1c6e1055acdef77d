"""Passes the events of a run to the plugins that observe it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from compressor.contracts.observer import Observer, Observers

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report, StageRow
    from compressor.planning.registry import Registry

_log = logging.getLogger(__name__)


def with_plugins(observer: Observer, registry: Registry) -> Observer:
    """The observer of a run, together with every plugin that has a hook for its events."""
    return Observers(observer, PluginHooks(registry, observer.warned))


class PluginHooks(Observer):
    """Calls the hooks of plugins; one that fails does not end the run, but is reported to `warn`."""

    def __init__(self, registry: Registry, warn: Callable[[str], None]) -> None:
        self._hook = registry.manager.hook
        self._warn = warn

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        self._call(self._hook.run_started, plan=plan)

    def step_finished(self, stage: StageRow) -> None:
        self._call(self._hook.step_finished, stage=stage)

    def warned(self, text: str) -> None:
        """Left to the observers that show it."""

    def run_finished(self, report: Report) -> None:
        self._call(self._hook.run_finished, report=report)

    def _call(self, hook: Any, **event: Any) -> None:
        try:
            hook(**event)
        # a third-party tracker must not end a run that has trained for hours
        except (Exception, SystemExit) as error:  # noqa: BLE001
            _log.warning("a plugin that watches the run failed", exc_info=True)
            self._warn(f"a plugin that watches the run failed ({type(error).__name__}: {error})")
