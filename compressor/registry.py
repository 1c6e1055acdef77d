"""Finds the installed plugins and what they bring, one by one, so that a broken one cannot take the others down."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, Literal, TypeVar

import pluggy
from pydantic import BaseModel

from compressor import hookspecs
from compressor.errors import PluginError
from compressor.strategy import Dataset, Metric, ModelSource, Strategy

GROUP = "compressor"

Kind = Literal["strategy", "data set", "model", "metric"]
T = TypeVar("T")

_CONTRACTS: dict[Kind, tuple[str, type[Any]]] = {
    "strategy": ("strategies", Strategy),
    "data set": ("datasets", Dataset),
    "model": ("models", ModelSource),
    "metric": ("metrics", Metric),
}


@dataclass(frozen=True, slots=True)
class Provider:
    """Where something came from: a distribution and its version, or a local file and its hash."""

    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A class that a plugin brought, and which plugin that was."""

    cls: type[T]
    provider: Provider

    @property
    def summary(self) -> str:
        """The first line of the class's docstring."""
        return (inspect.getdoc(self.cls) or "").partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that could not be loaded, and why."""

    plugin: str
    provider: Provider
    reason: str


@dataclass
class Registry:
    """What the plugins brought, by kind and name. A name with two entries is a clash, told when it is used."""

    entries: dict[Kind, dict[str, list[Entry[Any]]]] = field(default_factory=lambda: {kind: {} for kind in _CONTRACTS})
    broken: list[Broken] = field(default_factory=list)
    manager: pluggy.PluginManager = field(default_factory=lambda: pluggy.PluginManager(GROUP))

    def __post_init__(self) -> None:
        self.manager.add_hookspecs(hookspecs)

    @classmethod
    def installed(cls) -> Registry:
        """The registry of all installed plugins."""
        registry = cls()
        for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: point.name):
            dist = point.dist
            provider = Provider(dist.name, dist.version) if dist else Provider(point.name, "unknown")
            registry._load(point.name, provider, point.load)
        return registry

    def with_files(self, paths: Iterable[Path]) -> Registry:
        """This registry, with local plugin files as well. Runs their code."""
        paths = list(paths)
        if not paths:
            return self
        registry = Registry.installed()
        for path in paths:
            registry._load(str(path), _file_provider(path), lambda path=path: _import_file(path))
        return registry

    def add(self, plugin: object, name: str, provider: Provider) -> None:
        """Register a plugin object under a name.

        Raises:
            PluginError: it is not a plugin, or what it brings is not what the contracts ask for.
        """
        try:
            registered = self.manager.register(plugin, name=f"{provider.distribution}:{name}")
            if registered is None:
                raise PluginError(f"the plugin '{name}' is blocked", "unblock it")
            self.manager.check_pending()  # a misspelt hook would never be called, without a word
            found = list(_brought(plugin, provider))
        except pluggy.PluginValidationError as error:
            self._forget(plugin)
            reason = " ".join(str(error).split())
            raise PluginError(reason, "compare its hooks with compressor.hookspecs") from error
        except BaseException:
            self._forget(plugin)
            raise
        for kind, entry in found:
            self.entries[kind].setdefault(entry.cls.name, []).append(entry)

    def names(self, kind: Kind) -> list[str]:
        """All names of a kind, sorted."""
        return sorted(self.entries[kind])

    def get(self, kind: Kind, name: str) -> Entry[Any] | None:
        """What goes by this name, or None.

        Raises:
            PluginError: two plugins claim the name.
        """
        found = self.entries[kind].get(name, [])
        if len(found) > 1:
            claims = " and ".join(sorted(str(entry.provider) for entry in found))
            raise PluginError(f"two plugins bring a {kind} named '{name}': {claims}", "uninstall one of them")
        return found[0] if found else None

    def hint_at_broken(self) -> str:
        """A clause that names the broken plugins, for messages about a name that was not found."""
        if not self.broken:
            return ""
        names = ", ".join(f"{item.plugin} ({item.provider}): {item.reason}" for item in self.broken)
        return f"; it may be in a plugin that could not be loaded: {names}"

    def _load(self, name: str, provider: Provider, load: Any) -> None:
        try:
            self.add(load(), name, provider)
        # A plugin is a stranger's code, and importing it may fail in any way: that must cost only the plugin.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            reason = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
            self.broken.append(Broken(name, provider, " ".join(reason.split())[:300]))

    def _forget(self, plugin: object) -> None:
        if self.manager.is_registered(plugin):
            self.manager.unregister(plugin)


def _brought(plugin: object, provider: Provider) -> Iterator[tuple[Kind, Entry[Any]]]:
    for kind, (hook, contract) in _CONTRACTS.items():
        implementation = getattr(plugin, hook, None)
        if implementation is None or not hasattr(implementation, f"{GROUP}_impl"):
            continue
        brought = implementation()
        if not isinstance(brought, list | tuple):
            raise PluginError(f"its hook '{hook}' returned {type(brought).__name__}", "return a list of classes")
        for cls in brought:
            _refuse_malformed(kind, contract, cls)
            yield kind, Entry(cls, provider)


def _refuse_malformed(kind: Kind, contract: type[Any], found: object) -> None:
    if not (isinstance(found, type) and contract in found.__mro__):
        raise PluginError(f"{found!r} is not a subclass of {contract.__name__}", "derive it from that class")
    cls: Any = found
    if cls.__abstractmethods__:
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise PluginError(f"the {kind} {cls.__name__} lacks {missing}", "write what is missing")
    if not isinstance(getattr(cls, "name", None), str) or not cls.name:
        raise PluginError(f"the {kind} {cls.__name__} has no name", "give it a class attribute 'name'")
    params = getattr(cls, "Params", BaseModel)
    if not (isinstance(params, type) and issubclass(params, BaseModel)):
        raise PluginError(
            f"the Params of the {kind} '{cls.name}' are no pydantic model", "derive them from compressor.Params"
        )


def _file_provider(path: Path) -> Provider:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        digest = "missing"
    return Provider(str(path), f"sha256:{digest}")


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise PluginError(f"there is no file {path}", "check the path; it starts at the recipe's folder")
    name = f"compressor_local_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is not a Python file", "name a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that the classes in it can be pickled
    spec.loader.exec_module(module)
    return module
