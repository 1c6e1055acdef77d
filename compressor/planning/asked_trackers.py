"""The trackers that a run is asked to tell: found among the plugins, checked, and made."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from compressor.base.errors import CompressorError, ExitCode, PluginError
from compressor.base.plugin_errors import fenced
from compressor.base.text import listing
from compressor.contracts.execution_plan import Provider
from compressor.contracts.hookspecs import hookimpl
from compressor.planning.registry import Entry, Registry

TRACKERS_FOLDER = "trackers"
"""The folder in that of a run which holds a folder for each of its trackers."""

_HOOKS = ("run_started", "step_finished", "run_finished", "run_failed")


class UnknownTrackerError(CompressorError):
    """A tracker that no plugin brings."""

    exit_code = ExitCode.USAGE


class MadeTracker(NamedTuple):
    """A tracker that follows a run, with the name and the provider by which it is registered."""

    tracker: object
    name: str
    provider: Provider


def tracker_entries(registry: Registry, names: Sequence[str]) -> list[Entry]:
    """The trackers of these names, each once.

    Raises:
        UnknownTrackerError: no plugin brings one of that name.
        PluginError: several plugins do, or what it needs is not installed.
    """
    entries = []
    for name in dict.fromkeys(names):
        entry = registry.get("tracker", name)
        if entry is None:
            hint = registry.hint("tracker", name).removeprefix("; ") or "a plugin that brings it must be installed"
            raise UnknownTrackerError(f"there is no tracker '{name}'", hint)
        _refuse_missing(entry)
        entries.append(entry)
    return entries


def made_trackers(registry: Registry, names: Sequence[str], folder: Path) -> list[MadeTracker]:
    """New trackers for a run; each gets a folder of its own within `folder`.

    Raises:
        UnknownTrackerError: no plugin brings one of that name.
        PluginError: several plugins do, what it needs is not installed, or it cannot be made.
    """
    made = []
    for entry in tracker_entries(registry, names):
        with fenced(f"the tracker '{entry.cls.name}' ({entry.provider})", PluginError):
            for hook in _HOOKS:
                hookimpl(getattr(entry.cls, hook))
            tracker = entry.cls(folder / TRACKERS_FOLDER / entry.cls.name)
        made.append(MadeTracker(tracker, f"tracker {entry.cls.name}", entry.provider))
    return made


def with_trackers(registry: Registry, trackers: Sequence[MadeTracker]) -> Registry:
    """A copy of the registry whose hooks include those of the trackers."""
    copy = registry.copied()
    for made in trackers:
        copy.add(made.tracker, made.name, made.provider)
    return copy


def _refuse_missing(entry: Entry) -> None:
    subject = f"the tracker '{entry.cls.name}' ({entry.provider})"
    with fenced(subject, PluginError):
        missing = {module: how for module, how in entry.cls.needs.items() if importlib.util.find_spec(module) is None}
    if missing:
        packages = " ".join(f"'{how}'" for how in dict.fromkeys(missing.values()))
        raise PluginError(
            f"{subject} needs {listing(list(missing))}, which is not installed", f"pip install {packages}"
        )
