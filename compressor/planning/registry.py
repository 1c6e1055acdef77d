"""Finds the installed plugins and the classes that they bring; a broken plugin does not affect the others."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pluggy

from compressor.base.errors import CompressorError, PluginError
from compressor.base.file_limits import content_of
from compressor.base.import_path import module_of
from compressor.base.params import Params
from compressor.base.process_state import process_state_kept
from compressor.base.text import did_you_mean, printable, quoted, shortened
from compressor.contracts import hookspecs
from compressor.contracts.execution_plan import Provider
from compressor.contracts.hookspecs import API_VERSION
from compressor.contracts.metric import Metric
from compressor.contracts.sources import Dataset, ModelSource
from compressor.contracts.strategy import Strategy

GROUP = "compressor"
_log = logging.getLogger(__name__)

Kind = Literal["strategy", "data set", "model", "metric"]

_CONTRACTS: dict[Kind, tuple[str, type[Any]]] = {
    "strategy": ("strategies", Strategy),
    "data set": ("datasets", Dataset),
    "model": ("models", ModelSource),
    "metric": ("metrics", Metric),
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")  # also part of the names of files
_HOOKS = [name for name, hook in vars(hookspecs).items() if hasattr(hook, f"{GROUP}_spec")]


@dataclass(frozen=True, slots=True)
class Entry:
    """A class that a plugin brings, and the plugin that it comes from."""

    cls: type[Any]
    provider: Provider

    @property
    def summary(self) -> str:
        """The first paragraph of the class's docstring, on one line."""
        return " ".join((inspect.getdoc(self.cls) or "").partition("\n\n")[0].split())


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that could not be loaded, why, and what can be done about it."""

    plugin: str
    provider: Provider
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.plugin} ({self.provider}): {self.reason}"


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    return manager


@dataclass
class Registry:
    """The classes that plugins bring, by kind and name. A name with two entries is a clash, reported on use."""

    entries: dict[Kind, dict[str, list[Entry]]] = field(default_factory=lambda: {kind: {} for kind in _CONTRACTS})
    broken: list[Broken] = field(default_factory=list)
    providers: dict[str, Provider] = field(default_factory=dict)  # by the names that the manager has for plugins
    manager: pluggy.PluginManager = field(default_factory=_manager)

    @classmethod
    def installed(cls) -> Registry:
        """The registry of all installed plugins."""
        registry = cls()
        for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: point.name):
            dist = point.dist
            provider = Provider(dist.name, dist.version) if dist else Provider(point.name, "unknown")
            try:
                registry._load(point.load, point.name, provider)
            except PluginError as error:
                registry.broken.append(Broken(point.name, provider, error.what, error.remedy))
        return registry

    def with_file(self, path: Path) -> Registry:
        """A copy of this registry that also has what a local plugin file brings. Runs the file's code.

        Raises:
            PluginError: the file cannot be read, or is not a working plugin.
        """
        try:
            code = content_of(path)
        except OSError as error:
            raise PluginError(f"it cannot be read ({error.strerror})", "check its permissions") from None
        except CompressorError as error:
            raise PluginError(error.what, error.remedy) from None
        registry = Registry(
            {kind: {name: list(entries) for name, entries in known.items()} for kind, known in self.entries.items()},
            list(self.broken),
            dict(self.providers),
        )
        for name, plugin in self.manager.list_name_plugin():
            registry.manager.register(plugin, name)
        provider = Provider(str(path), f"sha256:{hashlib.sha256(code).hexdigest()}")
        registry._load(lambda: module_of(code, path), path.name, provider)
        return registry

    def add(self, plugin: object, name: str, provider: Provider) -> None:
        """Register a plugin object under a name.

        Raises:
            PluginError: it is not a plugin, or it brings something that does not meet the contracts.
        """
        full_name = f"{provider.distribution}:{name}"
        if self.manager.is_registered(plugin) or self.manager.has_plugin(full_name):
            raise PluginError("it is registered already", "name it once")
        entries = list(_brought(plugin, provider))
        self.manager.register(plugin, full_name)
        self.providers[full_name] = provider
        for kind, entry in entries:
            self.entries[kind].setdefault(entry.cls.name, []).append(entry)

    def names(self, kind: Kind) -> list[str]:
        """All names of a kind, sorted."""
        return sorted(self.entries[kind])

    def get(self, kind: Kind, name: str) -> Entry | None:
        """The entry of this name, or None.

        Raises:
            PluginError: two plugins claim the name.
        """
        entries = self.entries[kind].get(name, [])
        if len(entries) > 1:
            claims = " and ".join(sorted(str(entry.provider) for entry in entries))
            raise PluginError(f"two plugins bring a {kind} named '{name}': {claims}", "rename or uninstall one of them")
        return entries[0] if entries else None

    def hint(self, kind: Kind, name: str) -> str:
        """The end of a message about an unknown name: where the name may come from, or which one may be meant."""
        broken = ", ".join(map(str, self.broken))
        return (f"; it may be in a broken plugin, {broken}" if broken else "") + did_you_mean(name, self.names(kind))

    def _load(self, load: Callable[[], object], name: str, provider: Provider) -> None:
        def changed(what: str) -> None:
            _log.warning("the plugin %s (%s) changed %s when it was imported, which was put back", name, provider, what)

        try:
            with process_state_kept(changed):
                self.add(load(), name, provider)
        except PluginError:
            raise
        # a plugin is third-party code, whose import may fail in any way, and that must not affect the other plugins
        except (Exception, SystemExit) as error:
            reason = shortened(f"{type(error).__name__}: {error}", 300).rstrip(": ")
            raise PluginError(reason, "fix the plugin, or remove it") from error


def _brought(plugin: object, provider: Provider) -> Iterator[tuple[Kind, Entry]]:
    """Check what a plugin's hooks return; in a separate manager, so that a broken plugin is not registered."""
    manager = _manager()
    try:
        manager.register(plugin)
    except pluggy.PluginValidationError as error:
        _refuse_other_api(plugin)
        remedy = "compare its hooks with compressor.contracts.hookspecs"
        raise PluginError(" ".join(str(error).split()), remedy) from error
    hooks = manager.get_hookcallers(plugin)
    if not hooks:
        raise PluginError("it has no hooks", "mark its functions with compressor.hookimpl")
    _refuse_other_api(plugin)
    for hook in hooks:
        if not hook.has_spec():  # pluggy would silently never call it
            hint = did_you_mean(hook.name, _HOOKS).removeprefix("; ")
            raise PluginError(f"there is no hook '{hook.name}'", hint)
    for kind, (hook_name, contract) in _CONTRACTS.items():
        for implementation in getattr(manager.hook, hook_name).get_hookimpls():
            classes = implementation.function()
            if not isinstance(classes, list | tuple):
                what = f"its hook '{hook_name}' returned {type(classes).__name__}"
                raise PluginError(what, "return a list of classes")
            names = []
            for cls in classes:
                _refuse_malformed(kind, contract, cls)
                if cls.name in names:
                    raise PluginError(f"its hook '{hook_name}' brings '{cls.name}' twice", "rename one of the two")
                names.append(cls.name)
                yield kind, Entry(cls, provider)


def _refuse_other_api(plugin: object) -> None:
    """Refuse a plugin that is written for another version of the contracts."""
    version = getattr(plugin, "api_version", API_VERSION)
    if type(version) is not int:
        raise PluginError(f"its api_version is {version!r}", f"write 'api_version = {API_VERSION}'")
    if version != API_VERSION:
        what = f"it is written for version {version} of the plugin API, and this compressor has version {API_VERSION}"
        newer = "update compressor, or install an earlier version of the plugin"
        raise PluginError(what, newer if version > API_VERSION else "install a later version of the plugin")


def _refuse_malformed(kind: Kind, contract: type[Any], candidate: object) -> None:
    if not (isinstance(candidate, type) and issubclass(candidate, contract)):
        raise PluginError(f"{candidate!r} is not a subclass of {contract.__name__}", "derive it from that class")
    cls: Any = candidate
    if cls.__abstractmethods__:
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise PluginError(f"the {kind} {cls.__name__} lacks {missing}", "implement what is missing")
    if not isinstance(getattr(cls, "name", None), str) or not cls.name:
        raise PluginError(f"the {kind} {cls.__name__} has no name", "give it a class attribute 'name'")
    if not _NAME.fullmatch(cls.name):
        what = f"the {kind} {cls.__name__} is named {quoted(printable(cls.name))}, which is no name for a recipe"
        raise PluginError(what, "use at most 64 of the characters a-z, A-Z, 0-9, '_', '-' and '.', a letter first")
    params = getattr(cls, "Params", Params)
    if not (isinstance(params, type) and issubclass(params, Params)):
        what = f"the Params of the {kind} '{cls.name}' are not derived from compressor.Params"
        raise PluginError(what, "derive them from it, so that unknown keys are refused")
