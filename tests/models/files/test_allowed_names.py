"""Only listed classes and functions of Keras are let through, in every way by which a file can name one."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from compressor.base.errors import ModelError
from compressor.models.files.allowed_classes import (
    KERAS_CLASSES,
    KERAS_FUNCTIONS,
    OPERATION_CLASSES,
    REFUSED_CLASSES,
    TFMOT_CLASSES,
)
from compressor.models.files.allowed_names import refused_names
from compressor.models.files.custom_objects import names_in_files
from compressor.models.files.untrusted import refuse_harmful_keras

OURS = ("keras", "tf_keras", "tensorflow_model_optimization")
INITIALIZERS = "tensorflow.python.ops.init_ops_v2"
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
        assert value.__module__.partition(".")[0] in OURS or value.__module__ == INITIALIZERS, pair
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


def test_what_a_users_own_layer_is_given_is_not_looked_up():
    entry = {"class_name": "Mine", "config": {"name": "own", "activation": "sharpen", "kernel_initializer": "dirac"}}
    assert list(refused_names(entry, ["Mine"])) == []
    assert {(found.text, found.unknown) for found in refused_names(entry)} == {
        ("Mine", True), ("sharpen", True), ("dirac", True)
    }  # fmt: skip
    evil = {**entry, "config": {"function": {"module": "os", "class_name": "function", "config": "system"}}}
    assert [found.text for found in refused_names(evil, ["Mine"])] == ["'os.system'"]


@pytest.mark.parametrize("key", ["class_name", "registered_name", "module", "config"])
@pytest.mark.parametrize("value", [None, 5, [], ["Lambda"], {}, {"class_name": "Lambda"}, True])
def test_an_entry_of_any_form_is_looked_at(key, value):
    entry = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system", key: value}
    assert any(refused_names({"layers": [entry]}))


@pytest.mark.parametrize(("version", "told"), [("2.15.0", True), ("3.99.0", False)])
def test_a_layer_of_a_later_keras_is_unknown_and_carries_no_code(tmp_path, version, told):
    path = tmp_path / "m.keras"
    later = {"module": "keras.layers", "class_name": "Later", "config": {"name": "later"}, "registered_name": None}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": [later]}}))
    if not told:  # the bridge from Keras 3 says more
        refuse_harmful_keras(path, trusted=False)
        return
    with pytest.raises(ModelError) as error:
        refuse_harmful_keras(path, trusted=False)
    assert str(error.value) == (
        f"{path} holds 'Later', which Keras does not know; name the module of your own classes under "
        "'model.custom_objects', or save it again with tf_keras"
    )


def test_a_file_may_name_what_the_users_modules_register(tensorflow):
    import tf_keras

    @tf_keras.saving.register_keras_serializable("mine", "other name")
    class Own(tf_keras.layers.Layer):
        pass

    try:
        assert {"Own", "mine>other name"} <= {*names_in_files({"Own": Own})}
        assert not any(name.startswith("Custom>Adam") for name in names_in_files({"Own": Own}))
        assert names_in_files({}) == ()
    finally:
        del tf_keras.saving.get_custom_objects()["mine>other name"]


def test_an_initializer_of_tensorflow_is_let_through_as_efficientnetv2_names_one_and_nothing_else_of_its_module():
    found = {"module": INITIALIZERS, "class_name": "Constant", "config": {"value": 0}}
    assert list(refused_names({"bias_initializer": found | {"registered_name": "Constant"}})) == []
    other = found | {"class_name": "Initializer", "registered_name": None}
    assert [name.text for name in refused_names({"bias_initializer": other})] == ["Initializer"]
    elsewhere = found | {"module": "tensorflow.python.ops.script_ops"}
    told = [name.text for name in refused_names({"bias_initializer": elsewhere})]
    assert told == ["'tensorflow.python.ops.script_ops.Constant'"]
