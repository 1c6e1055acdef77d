"""Which names in a configuration are on the closed lists of what a Keras file may name; any other may run anything."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from compressor.models.files.allowed_classes import (
    CONVNEXT_CLASSES,
    KERAS_CLASSES,
    KERAS_FUNCTIONS,
    OPERATION_CLASSES,
    REFUSED_CLASSES,
    TENSORFLOW_INITIALIZERS,
    TFMOT_CLASSES,
)
from compressor.models.files.allowed_operations import RAW_OPERATORS, TENSOR_FUNCTIONS
from compressor.models.files.config_entries import keyed_entries

_MODULES = (
    "activations", "constraints", "dtype_policies", "engine", "initializers", "layers", "losses", "metrics",
    "mixed_precision", "models", "optimizers", "quantizers", "random", "regularizers",
)  # fmt: skip
_CLASSES_OF = {
    re.compile(rf"(tf_)?keras(\.src)?(\.({'|'.join(_MODULES)})(\.\w+)*)?"): KERAS_CLASSES,
    re.compile(r"keras(\.src)?\.ops(\.\w+)*"): OPERATION_CLASSES,
    re.compile(r"tensorflow_model_optimization(\.\w+)*"): TFMOT_CLASSES,
    re.compile(r"tensorflow\.python\.ops\.init_ops_v2"): TENSORFLOW_INITIALIZERS,
    re.compile(r"tf_keras\.src\.applications\.convnext"): CONVNEXT_CLASSES,
}
"""The classes on the lists by the modules that have them."""
_ANY_CLASS = KERAS_CLASSES | OPERATION_CLASSES | TFMOT_CLASSES
_FUNCTION_MODULE = re.compile(r"(tf_)?keras(\.src)?\.(activations|losses|metrics|regularizers)(\.\w+)*|builtins")
"""Keras gives the module "builtins" to some of its functions."""
_NAMING_OPTION = re.compile(r"fn|(\w+_)?(activation|constraint|initializer|regularizer)s?")
_CLASS_NAME = re.compile(r"[A-Z]\w*")
_CODE = re.compile(r"(\w+_)?(fn|function)_type")
_LAYER_KEYS = {None, "backward_layer", "cell", "cells", "layer", "layers"}

A_LAMBDA = "a lambda"


@dataclass(frozen=True)
class Refused:
    """Something in a file that is on no list.

    Attributes:
        text: what it is, for a message; `'module.Name'` where a module that the user names may bring it.
        unknown: whether Keras cannot know it unless the user brings it, so that it is a name without its code.
        is_layer: whether it stands where a layer stands.
    """

    text: str
    unknown: bool = False
    is_layer: bool = False


def refused_names(config: Any, known: Collection[str] = ()) -> Iterator[Refused]:
    """What in a configuration, at any depth, a file may not name.

    Args:
        config: as JSON gives it.
        known: names of the user's own classes and functions.
    """
    of_the_users: set[int] = set()
    for key, entry in keyed_entries(config):
        if "class_name" in entry:
            if _is_known(entry, known):
                of_the_users.add(id(entry.get("config")))
            yield from _refused_object(entry, known, key in _LAYER_KEYS)
        if any(_CODE.fullmatch(str(option)) and value == "lambda" for option, value in entry.items()):
            yield Refused(A_LAMBDA)
        if isinstance(vocabulary := entry.get("vocabulary"), str):
            yield Refused(f"the file '{vocabulary}', which it would read")
        if id(entry) not in of_the_users:  # whose options mean what their own code makes of them
            yield from _refused_options(entry, known)


def _refused_options(settings: dict[str, Any], known: Collection[str]) -> Iterator[Refused]:
    """The same for what a class is given by name alone, such as an activation."""
    for option, value in settings.items():
        names = isinstance(value, str) and _NAMING_OPTION.fullmatch(option)
        if names and not any(value in listed for listed in (KERAS_FUNCTIONS, _ANY_CLASS, known)):
            yield _refused_layer(value, settings) if value in REFUSED_CLASSES else Refused(value, unknown=True)


def _is_known(entry: dict[str, Any], known: Collection[str]) -> bool:
    """Whether Keras takes what an entry names from the user's own objects, and not from where the entry says."""
    name, module = entry["class_name"], entry.get("module")
    if name == "function":
        return entry.get("config") in known
    return entry.get("registered_name") in known or (module is None and name in known)


def _refused_object(entry: dict[str, Any], known: Collection[str], is_layer: bool) -> Iterator[Refused]:
    """The same for one entry that names a class or a function, without what it holds."""
    inner, module, registered = entry.get("config"), entry.get("module"), entry.get("registered_name")
    settings = inner if isinstance(inner, dict) else {}
    kinds = {str(part).rpartition(">")[2] for part in (entry["class_name"], registered) if part is not None}
    is_function = "function" in kinds
    name = str(inner if is_function else entry["class_name"])
    if kinds & {"Lambda", "__lambda__"}:
        yield Refused(f"the layer '{settings['name']}'" if settings.get("name") else A_LAMBDA)
    elif kinds & {"TFOpLambda", "SlicingOpLambda"} and str(settings.get("function")) not in TENSOR_FUNCTIONS:
        yield Refused(_of_layer(f"the operation '{settings.get('function')}'", settings))
    elif "TensorFlowOpLayer" in kinds and (operator := _raw_operator(settings)) not in RAW_OPERATORS:
        yield Refused(_of_layer(f"the operator '{operator}'", settings))
    elif _is_known(entry, known):
        return
    elif (listed := _listed(module, is_function)) is None or (
        module is not None and name not in listed and (is_function or not _CLASS_NAME.fullmatch(name))
    ):
        yield Refused(f"'{module}.{name}'")
    else:
        for other in sorted(kinds - {"function"} | {name.rpartition(">")[2]}):
            if other in REFUSED_CLASSES:
                yield _refused_layer(other, settings)
            elif other not in listed:
                whole = next(str(part) for part in (name, registered) if str(part).rpartition(">")[2] == other)
                yield Refused(whole, True, is_layer)


def _listed(module: Any, is_function: bool) -> Collection[str] | None:
    """The names on the lists that a module has; None for one that is not of Keras."""
    if is_function:
        return KERAS_FUNCTIONS if module is None or _FUNCTION_MODULE.fullmatch(str(module)) else None
    if module is None:
        return _ANY_CLASS
    return next((names for modules, names in _CLASSES_OF.items() if modules.fullmatch(str(module))), None)


def _refused_layer(name: str, settings: dict[str, Any]) -> Refused:
    layer = f"the {name} '{settings['name']}'" if settings.get("name") else f"a layer {name}"
    return Refused(f"{layer}, which {REFUSED_CLASSES[name]}")


def _of_layer(what: str, settings: dict[str, Any]) -> str:
    return f"{what} of the layer '{settings['name']}'" if settings.get("name") else what


def _raw_operator(settings: dict[str, Any]) -> str:
    """The operator of a TensorFlowOpLayer, which names it in a message of TensorFlow's, as JSON or text of it."""
    node = settings.get("node_def")
    if isinstance(node, str):
        try:
            node = json.loads(node)
        except ValueError:
            return "not readable"
    return str(node.get("op")) if isinstance(node, dict) else "not readable"
