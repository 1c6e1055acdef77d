"""Finds the installed plugins and the classes that they bring; a broken plugin does not affect the others."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pluggy

from compressor.base import deprecations
from compressor.base.errors import CompressorError, PluginError
from compressor.base.file_limits import content_of
from compressor.base.import_path import module_of
from compressor.base.path_or_function import real_path
from compressor.base.process_state import process_state_kept
from compressor.base.text import did_you_mean, shortened
from compressor.base.time_limit import OverdueError, time_limit
from compressor.contracts.execution_plan import IN_MEMORY, Provider
from compressor.planning.plugin_checks import CONTRACTS, GROUP, Kind, brought, new_manager
from compressor.planning.registered import registered_plugins

OWN = "compressor"  # the distribution of the first-party plugins
LONGEST_IMPORT = 60.0  # seconds, after which the import of a plugin is ended
_FILE = "sha256:"  # what the version of a local file begins with
_SLOW = 0.5  # seconds, from which an import is worth a word
HEAVY = ("tensorflow", "tf_keras", "keras", "tensorflow_model_optimization", "torch", "jax", "pandas", "sklearn")
_log = logging.getLogger(__name__)


class NotRun:
    """Stands for a class of a plugin file whose text was read and that was not run."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A class that a plugin brings, and the plugin that it comes from; of a file that was not run it is `NotRun`."""

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


@dataclass(frozen=True, slots=True)
class SlowImport:
    """A plugin that takes long to import, which every command waits for.

    `heavy` names the libraries that it is known to import by that.
    """

    plugin: str
    provider: Provider
    seconds: float
    heavy: tuple[str, ...]

    def __str__(self) -> str:
        libraries = f", with {' and '.join(self.heavy)}" if self.heavy else ""
        return f"{self.plugin} ({self.provider}) takes {self.seconds:.1f} s to import{libraries}"

    @property
    def remedy(self) -> str:
        """What its author can do."""
        return "have its module import heavy libraries within functions"


@dataclass(frozen=True, slots=True)
class Outdated:
    """A plugin that uses a deprecated name as it is imported, and what is said of that name."""

    plugin: str
    provider: Provider
    said: str

    def __str__(self) -> str:
        return f"{self.plugin} ({self.provider}): {self.said}"


@dataclass
class Registry:
    """The classes that plugins bring, by kind and name.

    A name that an installed plugin shares with a first-party class stands for the latter. Any other name with two
    entries is a clash, reported on use. `distribution:name` always says which one is meant.
    """

    entries: dict[Kind, dict[str, list[Entry]]] = field(default_factory=lambda: {kind: {} for kind in CONTRACTS})
    broken: list[Broken] = field(default_factory=list)
    slow: list[SlowImport] = field(default_factory=list)
    outdated: list[Outdated] = field(default_factory=list)
    providers: dict[str, Provider] = field(default_factory=dict)  # by the names that the manager has for plugins
    manager: pluggy.PluginManager = field(default_factory=new_manager)

    @classmethod
    def installed(cls) -> Registry:
        """The registry of all installed plugins, and of what this process has registered."""
        registry = cls()
        for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: point.name):
            dist = point.dist
            provider = Provider(dist.name, dist.version) if dist else Provider(point.name, "unknown")
            try:
                registry._load(point.load, point.name, provider)
            except PluginError as error:
                registry.broken.append(Broken(point.name, provider, error.what, error.remedy))
        for name, plugin in registered_plugins().items():
            registry.add(plugin, name, Provider("session", IN_MEMORY))
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
        registry = self.copied()
        provider = Provider(str(path), f"{_FILE}{hashlib.sha256(code).hexdigest()}")
        registry._load(lambda: module_of(code, path), path.name, provider)
        return registry

    def has_file(self, path: Path) -> bool:
        """Whether this registry has what a local plugin file brings."""
        files = (provider.distribution for provider in self.providers.values() if provider.version.startswith(_FILE))
        return real_path(path) in (real_path(Path(file)) for file in files)

    def with_names(self, names: Iterable[tuple[Kind, str, Provider]]) -> Registry:
        """The registry that also knows the names of classes which were not made, since no code was run."""
        names = list(names)
        registry = self.copied() if names else self
        for kind, name, provider in names:
            registry.entries[kind].setdefault(name, []).append(Entry(NotRun, provider))
        return registry

    def add(self, plugin: object, name: str, provider: Provider) -> None:
        """Register a plugin object under a name.

        Raises:
            PluginError: it is not a plugin, or it brings something that does not meet the contracts.
        """
        full_name = f"{provider.distribution}:{name}"
        if self.manager.is_registered(plugin) or self.manager.has_plugin(full_name):
            raise PluginError("it is registered already", "name it once")
        entries = list(brought(plugin))
        self.manager.register(plugin, full_name)
        self.providers[full_name] = provider
        for kind, cls in entries:
            self.entries[kind].setdefault(cls.name, []).append(Entry(cls, provider))

    def names(self, kind: Kind) -> list[str]:
        """All names of a kind, sorted."""
        return sorted(self.entries[kind])

    def get(self, kind: Kind, name: str) -> Entry | None:
        """The entry of this name, which may be `distribution:name`, or None.

        Raises:
            PluginError: several plugins claim the name.
        """
        distribution, _, bare = name.rpartition(":")
        entries = self.entries[kind].get(bare, [])
        if distribution:
            entries = [entry for entry in entries if entry.provider.qualifier == distribution]
        if len(entries) > 1 and (own := _first_party_among(entries)):
            return own
        if len(entries) > 1:
            claims = " and ".join(sorted(str(entry.provider) for entry in entries))
            names = sorted({f"'{entry.provider.qualifier}:{bare}'" for entry in entries})
            remedy = f"write {' or '.join(names)}" if len(names) > 1 else "rename one of them"
            raise PluginError(f"several plugins bring a {kind} named '{bare}': {claims}", remedy)
        return entries[0] if entries else None

    def preferred(self, kind: Kind, name: str) -> Entry:
        """The entry of a name that there is; where there are several, the first-party one, or else the first."""
        entries = self.entries[kind][name]
        return _first_party_among(entries) or entries[0]

    def is_qualified(self, kind: Kind, text: str) -> bool:
        """Whether the text is the `distribution:name` of a class, and not the function that it might be as well."""
        distribution, _, bare = text.rpartition(":")
        entries = self.entries[kind].get(bare, []) if distribution else []
        return any(entry.provider.qualifier == distribution for entry in entries)

    def clashes(self) -> Iterator[tuple[str, str]]:
        """Names that several plugins bring: what is the matter, and what to do."""
        for kind, known in self.entries.items():
            for name, entries in sorted(known.items()):
                if len(entries) < 2:
                    continue
                claims = " and ".join(sorted(str(entry.provider) for entry in entries))
                others = [entry for entry in entries if entry is not _first_party_among(entries)]
                names = " or ".join(sorted({f"'{entry.provider.qualifier}:{name}'" for entry in others}))
                what = f"several plugins bring a {kind} named '{name}': {claims}"
                own = len(others) < len(entries)
                yield (
                    what,
                    f"'{name}' stands for compressor's own; write {names} for the other" if own else f"write {names}",
                )

    def hint(self, kind: Kind, name: str) -> str:
        """The end of a message about an unknown name: where the name may come from, or which one may be meant."""
        broken = ", ".join(map(str, self.broken))
        return (f"; it may be in a broken plugin, {broken}" if broken else "") + did_you_mean(name, self.names(kind))

    def copied(self) -> Registry:
        """A registry of its own with the same plugins."""
        registry = Registry(
            {kind: {name: list(entries) for name, entries in known.items()} for kind, known in self.entries.items()},
            list(self.broken),
            list(self.slow),
            list(self.outdated),
            dict(self.providers),
        )
        for name, plugin in self.manager.list_name_plugin():
            registry.manager.register(plugin, name)
        return registry

    def _load(self, load: Callable[[], object], name: str, provider: Provider) -> None:
        def changed(what: str) -> None:
            _log.warning("the plugin %s (%s) changed %s when it was imported, which was put back", name, provider, what)

        loaded, warned, began = set(sys.modules), len(deprecations.used), time.perf_counter()
        try:
            with process_state_kept(changed), time_limit(LONGEST_IMPORT):
                self.add(load(), name, provider)
        except (PluginError, KeyboardInterrupt):
            raise
        except OverdueError as error:
            raise PluginError(f"its import was ended, since {error}", "fix the plugin, or uninstall it") from error
        # a plugin is third-party code, whose import may fail in any way, and that must not affect the other plugins
        except BaseException as error:
            reason = shortened(f"{type(error).__name__}: {error}", 300).rstrip(": ")
            raise PluginError(reason, "fix the plugin, or remove it") from error
        finally:
            seconds = time.perf_counter() - began
            self.outdated += [Outdated(name, provider, said) for said in dict.fromkeys(deprecations.used[warned:])]
            heavy = tuple(library for library in HEAVY if library in sys.modules and library not in loaded)
            if provider.distribution != OWN and (seconds > _SLOW or heavy):
                self.slow.append(SlowImport(name, provider, seconds, heavy))


def _first_party_among(entries: Sequence[Entry]) -> Entry | None:
    """The one first-party entry, if all others come from installed plugins and not from what the user has named."""
    own = [entry for entry in entries if entry.provider.distribution == OWN]
    named = any(entry.provider.named_by_user for entry in entries)
    return own[0] if len(own) == 1 and not named else None
