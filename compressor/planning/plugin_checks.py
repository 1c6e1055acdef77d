"""Checks what a plugin brings against the contracts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import pluggy
from pydantic.errors import PydanticUndefinedAnnotation

from compressor.base.errors import PluginError
from compressor.base.params import Params
from compressor.base.text import did_you_mean, printable, quoted
from compressor.contracts import hookspecs
from compressor.contracts.hookspecs import API_VERSION
from compressor.contracts.metric import Metric
from compressor.contracts.sources import Dataset, ModelSource
from compressor.contracts.strategy import Strategy
from compressor.contracts.tracker import Tracker

GROUP = "compressor"

Kind = Literal["strategy", "data set", "model", "metric", "tracker"]

CONTRACTS: dict[Kind, tuple[str, type[Any]]] = {
    "strategy": ("strategies", Strategy),
    "data set": ("datasets", Dataset),
    "model": ("models", ModelSource),
    "metric": ("metrics", Metric),
    "tracker": ("trackers", Tracker),
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")  # also part of the names of files
_HOOKS = [name for name, hook in vars(hookspecs).items() if hasattr(hook, f"{GROUP}_spec")]


def new_manager() -> pluggy.PluginManager:
    """A manager that knows the hooks, and no plugin yet."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    return manager


def brought(plugin: object) -> Iterator[tuple[Kind, type[Any]]]:
    """The classes that a plugin's hooks return, by kind.

    They are called in a manager of their own, so that a broken plugin is not registered.

    Raises:
        PluginError: it is not a plugin, it is written for other contracts, or it brings something that does not meet
            them.
    """
    manager = new_manager()
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
    for kind, (hook_name, _) in CONTRACTS.items():
        for implementation in getattr(manager.hook, hook_name).get_hookimpls():
            classes = implementation.function()
            if not isinstance(classes, list | tuple):
                what = f"its hook '{hook_name}' returned {type(classes).__name__}"
                raise PluginError(what, "return a list of classes")
            names = []
            for cls in classes:
                refuse_malformed(kind, cls)
                if cls.name in names:
                    raise PluginError(f"its hook '{hook_name}' brings '{cls.name}' twice", "rename one of the two")
                names.append(cls.name)
                yield kind, cls


def _refuse_other_api(plugin: object) -> None:
    """Refuse a plugin that is written for another version of the contracts."""
    version = getattr(plugin, "api_version", API_VERSION)
    if type(version) is not int:
        raise PluginError(f"its api_version is {version!r}", f"write 'api_version = {API_VERSION}'")
    if version != API_VERSION:
        what = f"it is written for version {version} of the plugin API, and this compressor has version {API_VERSION}"
        newer = "update compressor, or install an earlier version of the plugin"
        raise PluginError(what, newer if version > API_VERSION else "install a later version of the plugin")


def refuse_malformed(kind: Kind, candidate: object) -> None:
    """Refuse what is no class of a kind of plugin, or lacks what such a class must have.

    Raises:
        PluginError: it is not, or does.
    """
    contract = CONTRACTS[kind][1]
    if not (isinstance(candidate, type) and issubclass(candidate, contract)):
        raise PluginError(f"{candidate!r} is not a subclass of {contract.__name__}", "derive it from that class")
    cls: Any = candidate
    if missing := ", ".join(sorted(getattr(cls, "__abstractmethods__", ()))):
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
    if not params.__pydantic_complete__:
        try:
            params.model_rebuild()
        except PydanticUndefinedAnnotation as error:
            what = f"the Params of the {kind} '{cls.name}' use the name '{error.name}', which is not defined"
            raise PluginError(what, "import it in the plugin's module, or fix the annotation") from None
