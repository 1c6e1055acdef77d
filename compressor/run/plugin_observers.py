"""Passes the events of a run to the plugins that observe it."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.base.errors import PluginError
from compressor.base.plugin_errors import fenced
from compressor.base.secrets import without_secrets
from compressor.base.text import shortened
from compressor.base.time_limit import time_limit
from compressor.contracts.observer import Observer
from compressor.contracts.tracker import Tracker
from compressor.planning.recipe_paths import portable
from compressor.recipe.document import dump

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report, StageRow
    from compressor.planning.registry import Registry

LONGEST_EVENT = 300.0  # seconds, after which a tracker has failed
_log = logging.getLogger(__name__)


def plugin_hooks(registry: Registry, folder: Path, warn: Callable[[str], None]) -> PluginHooks:
    """The hooks of the plugins for a run into a folder.

    `warn` is told of the plugins that could not be loaded, since one of them may be there to watch runs.
    """
    for broken in registry.broken:
        warn(f"a broken plugin takes no part in this run: {broken}; {broken.remedy}")
    return PluginHooks(registry, folder, warn)


class PluginHooks(Observer):
    """Calls the hooks of plugins, each with a copy of its own, so that none can change a run or its report.

    One that fails is reported to `warn`, and the run goes on; a tracker that fails is told nothing after that.

    Attributes:
        registry: the plugins; it may be replaced by one that has more of them.
        failures: the trackers that failed, and how, for the report.
    """

    def __init__(self, registry: Registry, folder: Path, warn: Callable[[str], None]) -> None:
        self.registry = registry
        self.failures: list[str] = []
        self._folder = folder
        self._warn = warn
        self._plan: Plan | None = None

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        self._plan = plan
        self._call("run_started", plan=plan, resolved_recipe=dump(portable(plan.recipe)))

    def step_finished(self, stage: StageRow) -> None:
        self._call("step_finished", stage=stage)

    def warned(self, text: str) -> None:
        """Left to the observers that show it."""

    def run_finished(self, report: Report) -> None:
        self._call("run_finished", report=report)

    def run_failed(self, plan: Plan, error: str) -> None:
        self._call("run_failed", plan=plan, error=error, interrupted=error == KeyboardInterrupt.__name__)

    def _call(self, hook: str, **event: Any) -> None:
        manager = self.registry.manager
        for name, plugin in manager.list_name_plugin():
            if plugin is None or not any(caller.name == hook for caller in manager.get_hookcallers(plugin) or ()):
                continue
            own = self._copied(hook, event)
            if own is None:
                return
            subject = self._subject(hook, name, plugin)
            try:
                self._call_one(hook, plugin, subject, own)
            # a third-party tracker must not end a run that has trained for hours
            except PluginError as error:
                _log.warning("%s failed", subject, exc_info=True)
                if isinstance(plugin, Tracker):
                    self._give_up(plugin, hook, without_secrets(error.what))
                else:
                    self._warn(f"{error.what}; the run and its results are not affected")

    def _call_one(self, hook: str, plugin: object, subject: str, event: Mapping[str, Any]) -> None:
        """Call the hook of one plugin.

        Raises:
            PluginError: it failed.
        """
        manager = self.registry.manager
        others = [other for _, other in manager.list_name_plugin() if other is not plugin]
        limit = time_limit(LONGEST_EVENT) if isinstance(plugin, Tracker) else nullcontext()
        with fenced(subject, PluginError, tell=self._warn), limit:
            manager.subset_hook_caller(hook, others)(**event, folder=self._folder)

    def _give_up(self, tracker: Tracker, hook: str, failure: str) -> None:
        """Tell a tracker that failed to close what it has open, and nothing more."""
        said = f"{failure}; it is told no more of this run, whose results are not affected"
        self.failures.append(said)
        self._warn(said)
        event = self._copied("run_failed", {"plan": self._plan, "error": failure, "interrupted": False})
        try:
            if hook != "run_failed" and event is not None:
                self._call_one("run_failed", tracker, f"the tracker '{tracker.name}'", event)
        except PluginError:  # what made it fail before may well do so again
            _log.warning("the tracker %s failed again", tracker.name, exc_info=True)
        finally:
            self.registry.manager.unregister(tracker)

    def _subject(self, hook: str, name: str, plugin: object) -> str:
        provider = self.registry.providers[name]
        if isinstance(plugin, Tracker):
            return f"the tracker '{plugin.name}' ({provider})"
        return f"the hook '{hook}' of {provider}"

    def _copied(self, hook: str, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """A copy of an event; None, with a warning that blames no hook, if a part of it cannot be copied."""
        try:
            with fenced("the copy", PluginError, tell=self._warn):
                return dict(copy.deepcopy(event))
        except PluginError as error:
            reason = shortened(f"{type(error.__cause__).__name__}: {error.__cause__}", 200)
            self._warn(
                f"plugins that watch runs are not told '{hook}', since {_faulty_part(event.get('plan'))} cannot be "
                f"copied for them ({reason}); the run and its results are not affected"
            )
            return None


def _faulty_part(plan: Plan | None) -> str:
    """The part of a plan that cannot be copied, and where it comes from, for a message."""
    if plan is None:
        return "the report"
    parts: list[tuple[str, Any]] = [
        *((f"the strategy '{step.uses}' ({step.provider})", step.strategy) for step in plan.stages),
        *((f"the metric '{each.name}'", each) for each in plan.metrics),
        (f"the model '{plan.recipe.model.source}'", plan.model),
        (f"the data set '{plan.recipe.data.source}'", plan.data),
    ]
    return next((subject for subject, part in parts if not _can_be_copied(part)), "the plan")


def _can_be_copied(part: Any) -> bool:
    try:
        with fenced("a part of the plan", PluginError, tell=lambda _: None):
            copy.deepcopy(part)
    except PluginError:
        return False
    return True
