"""What a program or a notebook has registered by `compressor.register`, for as long as its process lives."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from compressor.contracts.hookspecs import hookimpl
from compressor.planning.plugin_checks import CONTRACTS, brought

_registered: dict[str, object] = {}


def remember(thing: object) -> set[str]:
    """Keep a class, or a module or object with hooks, in place of what was registered under its name.

    Returns:
        The modules that its classes come from.

    Raises:
        PluginError: it is not a plugin, or does not meet the contracts.
    """
    name, plugin = _as_plugin(thing)
    modules = {cls.__module__ for _, cls in brought(plugin)}
    _registered[name] = plugin
    return modules


def registered_plugins() -> Mapping[str, object]:
    """The plugins, by name."""
    return dict(_registered)


def _as_plugin(thing: object) -> tuple[str, object]:
    for kind, (hook, contract) in CONTRACTS.items():
        if isinstance(thing, type) and issubclass(thing, contract):
            return f"{kind} {getattr(thing, 'name', thing.__name__)}", _with_hook(hook, thing)
    return getattr(thing, "__name__", type(thing).__name__), thing


def _with_hook(hook: str, cls: type) -> ModuleType:
    plugin = ModuleType(f"registered {cls.__name__}")
    setattr(plugin, hook, hookimpl(lambda: [cls]))
    return plugin
