"""Only listed classes and functions of Keras are let through, in every way by which a file can name one."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from compressor.models.files.allowed_classes import (
    KERAS_CLASSES,
    KERAS_FUNCTIONS,
    OPERATION_CLASSES,
    REFUSED_CLASSES,
    TFMOT_CLASSES,
)
from compressor.models.files.allowed_names import refused_names

OURS = ("keras", "tf_keras", "tensorflow_model_optimization")
CLASSES = KERAS_CLASSES | OPERATION_CLASSES | TFMOT_CLASSES
LISTED = CLASSES | KERAS_FUNCTIONS | {"function"}  # which Keras 3 writes for any of its functions


@pytest.fixture(scope="module")
def keras2(tensorflow):
    """Everything in all modules that are loaded, and in all of tf_keras and tfmot, by its module and its name."""
    import tensorflow_model_optimization
    import tf_keras
    from tensorflow.python.util import tf_export

    for package in (tf_keras, tensorflow_model_optimization):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not any(word in found.name for word in ("test", "example", "benchmark")):
                try:
                    importlib.import_module(found.name)
                except (ImportError, AttributeError):  # a library that it needs is missing
                    continue
    named = {}
    for module in [*sys.modules.values()]:
        if inspect.ismodule(module) and not module.__name__.startswith(("test", "_pytest", "pytest")):
            named |= {(module.__name__, name): value for name, value in vars(module).items()}
    for path, value in tf_export._NAME_TO_SYMBOL_MAPPING.items():
        if path.startswith("keras."):
            named[tuple(path.rsplit(".", 1))] = value
    return {(module, str(name)): value for (module, name), value in named.items() if callable(value)}


@pytest.fixture(scope="module")
def keras3():
    """Everything that a file of Keras 3 can name, as its module, its name, and its kind."""
    script = Path(__file__).with_name("keras3_names.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=300)
    return json.loads(done.stdout.splitlines()[-1])


def let_through(pairs, entry_of):
    return {pair for pair in pairs if not any(refused_names(entry_of(*pair)))}


def as_class(module, name):
    return {"module": module, "class_name": name, "config": {}, "registered_name": None}


def as_registered(module, name):
    return {"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": f"{module}>{name}"}


def as_function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def as_registered_function(module, name):
    return {"module": "keras.activations", "class_name": "function", "config": "relu", "registered_name": name}


def without_module(module, name):
    return {"class_name": name, "config": {}}


def as_option(option):
    def form(module, name):
        return {"class_name": "Dense", "config": {option: name}}

    form.__name__ = f"as_{option}"
    return form


def deeply(module, name):
    inner = {"cell": {"class_name": "RNN", "config": {"cells": [as_class(module, name)]}}}
    return {"class_name": "Bidirectional", "config": {"layer": {"class_name": "TimeDistributed", "config": inner}}}


OPTIONS = map(as_option, ("activation", "kernel_initializer", "beta_regularizer", "bias_constraint", "fn"))
WITH_MODULES = [as_class, as_function, deeply]
BY_NAME = [as_registered, as_registered_function, without_module, *OPTIONS]


def walked(pairs):
    """The names that each form lets through, none of them unlisted."""
    passed = {}
    names = {("", name) for _, name in pairs}
    for form in (*WITH_MODULES, *BY_NAME):
        all_names = pairs if form in WITH_MODULES else names
        passed[form] = let_through(all_names, form)
        unlisted = [pair for pair in passed[form] if pair[1] not in LISTED]
        print(f"{form.__name__}: {len(all_names)} walked, {len(passed[form])} let through, {len(unlisted)} not listed")
        assert unlisted == []
    return passed


def test_of_all_that_is_loaded_a_file_of_keras_2_can_name_only_what_is_listed(keras2):
    assert len(keras2) > 50_000
    passed = walked(keras2.keys())
    for pair in passed[as_class] | passed[deeply]:
        value, (_, name) = keras2[pair], pair
        assert value.__module__.partition(".")[0] in OURS, pair
        assert inspect.isclass(value) or name in KERAS_CLASSES, pair
    for pair in passed[as_function]:
        assert pair[0] == "builtins" or keras2[pair].__module__.startswith((*OURS, "tensorflow.python.ops.")), pair


def test_of_all_that_keras_3_has_a_file_can_name_only_what_is_listed(keras3):
    assert len(keras3) > 3000
    walked({(module, name) for module, name, _ in keras3})


def test_every_layer_is_listed_or_refused_with_the_reason(keras2, keras3):
    from tf_keras.src.layers import serialization

    serialization.populate_deserializable_objects()
    layers = {name for name, value in serialization.LOCAL.ALL_OBJECTS.items() if inspect.isclass(value)}
    layers |= {name for module, name, kind in keras3 if kind == "layer" and module == "keras.layers"}
    assert layers - KERAS_CLASSES - REFUSED_CLASSES.keys() == set()
    assert not KERAS_CLASSES & REFUSED_CLASSES.keys()
    for name, reason in REFUSED_CLASSES.items():
        named = {"class_name": name, "config": {"name": "evil"}}
        texts = {"the layer 'evil'"} if name == "Lambda" else {f"the {name} 'evil', which {reason}"}
        assert {found.text for found in refused_names(named)} == texts
