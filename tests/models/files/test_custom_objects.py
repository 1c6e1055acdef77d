"""Models with the user's own layers: named by module, loaded, and made again when that code changes."""

import json
import sys
import zipfile

import numpy as np
import pytest

import compressor
from compressor.base.errors import ModelError
from compressor.base.path_or_function import Reference
from compressor.contracts.observer import Observer
from compressor.models.files.custom_objects import known_objects
from compressor.models.files.keras_files import load_keras
from compressor.models.files.loading import build_model
from compressor.run.cache import keys

CODE = """
import tf_keras

class Doubling(tf_keras.layers.Layer):
    def call(self, inputs):
        return inputs * {factor}

def helper():
    pass

_hidden = 1
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "doubling_layers.py").write_text(CODE.format(factor=2))
    monkeypatch.syspath_prepend(folder)
    yield folder / "doubling_layers.py"
    sys.modules.pop("doubling_layers", None)


@pytest.fixture
def model(tensorflow, module, tmp_path):
    import doubling_layers
    import tf_keras

    layers = [
        tf_keras.layers.InputLayer((28, 28)),
        tf_keras.layers.Flatten(),
        doubling_layers.Doubling(),
        tf_keras.layers.Dense(10),
    ]
    path = tmp_path / "doubling.keras"
    tf_keras.Sequential(layers).save(path)
    return path


def recipe(model, **more):
    return {
        "version": 1,
        "model": {"source": str(model), **more},
        "data": {"source": "mnist"},
        "steps": [{"uses": "ptq", "with": {"precision": "float16"}}],
    }


def test_a_module_brings_its_own_public_classes_and_functions(module):
    assert set(known_objects(["doubling_layers"])) == {"Doubling", "helper"}
    assert set(known_objects(["doubling_layers:Doubling"])) == {"Doubling"}
    assert known_objects([]) == {}


def test_a_package_brings_the_classes_that_it_takes_from_its_own_modules(module, monkeypatch):
    package = module.parent / "doubling_package"
    package.mkdir()
    (package / "inner.py").write_text(CODE.format(factor=2))
    (package / "__init__.py").write_text("from pathlib import Path\nfrom doubling_package.inner import Doubling\n")
    assert set(known_objects(["doubling_package"])) == {"Doubling"}
    for name in ("doubling_package", "doubling_package.inner"):
        monkeypatch.delitem(sys.modules, name)


def test_a_class_that_no_named_module_has_is_told_by_its_name(model, tmp_path, monkeypatch):
    import tf_keras

    for name in [*tf_keras.saving.get_custom_objects()]:  # of other tests
        monkeypatch.delitem(tf_keras.saving.get_custom_objects(), name)
    path = model.with_suffix(".h5")
    load_keras(model, known_objects(["doubling_layers"])).save(path)
    missing = f"{path} holds 'Doubling', which Keras does not know; "
    with pytest.raises(ModelError) as error:
        build_model(Reference("path", str(path)))
    assert str(error.value) == (
        f"{missing}name the module of your own classes under 'model.custom_objects', or save it again with tf_keras"
    )
    for names, brought in ((["doubling_layers:helper"], "helper"), (["json.tool"], "main")):
        with pytest.raises(ModelError) as error:
            build_model(Reference("path", str(path)), custom_objects=names)
        assert str(error.value) == (
            f"{missing}the classes and functions of 'model.custom_objects' are {brought}: name the module that has it"
        )


def test_a_subclassed_model_is_told_as_what_it_is(tensorflow, tmp_path):
    import tf_keras

    class Net(tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf_keras.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    Net.__module__ = "__main__"
    model, path = Net(), tmp_path / "net.keras"
    model(np.zeros((1, 3)))
    model.save(path)
    with pytest.raises(ModelError) as error:
        load_keras(path)
    assert str(error.value) == (
        f"{path} holds a model of the class 'Net', a subclass of Model, and not how it computes; build it with the "
        "functional API, or export it as .tflite, which post-training steps take"
    )


def test_a_name_that_is_not_there_is_told_of_a_model_that_was_loaded_before(model, tmp_path):
    compressor.apply(recipe(model, custom_objects=["doubling_layers"]), output=tmp_path / "a", smoke=True)
    with pytest.raises(ModelError, match="it has no 'Tripling'"):
        compressor.apply(recipe(model, custom_objects=["doubling_layers:Tripling"]), output=tmp_path / "b", smoke=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("doubling_leyers", "it cannot be imported (No module named 'doubling_leyers'); install it, "),
        ("doubling_layers:Tripling", "it has no 'Tripling'; mend the name after the colon"),
    ],
)
def test_a_module_or_name_that_is_not_there_is_told(module, name, message):
    with pytest.raises(ModelError) as error:
        known_objects([name])
    assert str(error.value).startswith(f"'{name}' of model.custom_objects: {message}")


def test_a_model_with_an_own_layer_needs_its_module_named(model, tmp_path):
    with pytest.raises(
        ModelError, match=r"carries code of its own, which would run when it is loaded \('doubling_layers.Doubling'\)"
    ):
        compressor.apply(recipe(model), output=tmp_path / "a", smoke=True)
    report, _ = compressor.apply(recipe(model, custom_objects=["doubling_layers"]), output=tmp_path / "b", smoke=True)
    assert [stage.id for stage in report.stages] == ["baseline", "ptq"]
    assert report.runs_code == ["doubling_layers"]


def test_another_code_of_the_same_layer_is_another_model(model, module, tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "code_digest", keys.code_digest.__wrapped__)

    class Counting(Observer):
        made = 0

        def step_finished(self, stage):
            self.made += not stage.cached

    def made(where):
        counting = Counting()
        compressor.apply(
            recipe(model, custom_objects=["doubling_layers"]), output=tmp_path / where, smoke=True, observer=counting
        )
        return counting.made

    made("1")
    assert made("2") == 0
    module.write_text(CODE.format(factor=3))
    assert made("3") == 2


def test_a_class_from_a_script_is_taken_from_the_module_that_has_it_now(model, module):
    whole = zipfile.ZipFile(model)
    path = model.with_name("script.keras")
    with zipfile.ZipFile(path, "w") as made:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "config.json":
                content = content.replace(b'"doubling_layers"', b'"__main__"')
            made.writestr(name, content)
    with pytest.raises(ModelError) as error:
        build_model(Reference("path", str(path)))
    assert str(error.value) == (
        f"{path} carries code of its own, which would run when it is loaded ('__main__.Doubling'); "
        "name the module of your own classes under 'model.custom_objects', or pass --trust-model if you know where it "
        "comes from"
    )
    built = build_model(Reference("path", str(path)), custom_objects=["doubling_layers"]).model
    assert type(built.layers[1]).__module__ == "doubling_layers"


def test_a_name_that_is_known_vouches_for_nothing_else(model, module):
    config = {"module": "os", "class_name": "system", "registered_name": "Doubling2", "config": {}}
    path = model.with_name("evil.keras")
    with zipfile.ZipFile(model) as whole, zipfile.ZipFile(path, "w") as made:
        for name in whole.namelist():
            made.writestr(name, json.dumps(config) if name == "config.json" else whole.read(name))
    with pytest.raises(ModelError, match=r"\('os.system'\)"):
        build_model(Reference("path", str(path)), custom_objects=["doubling_layers"])


def renamed_entry(model, name, **changed):
    """A copy of the model's file whose own layer is named in another way."""
    path = model.with_name(name)
    with zipfile.ZipFile(model) as whole, zipfile.ZipFile(path, "w") as made:
        for entry in whole.namelist():
            content = whole.read(entry)
            if entry == "config.json":
                config = json.loads(content)
                (layer,) = (it for it in config["config"]["layers"] if it["class_name"] == "Doubling")
                layer.update(changed)
                content = json.dumps(config)
            made.writestr(entry, content)
    return Reference("path", str(path))


def carrying(reference, name):
    return (
        f"{reference.target} carries code of its own, which would run when it is loaded ('{name}'); name the module of "
        "your own classes under 'model.custom_objects', or pass --trust-model if you know where it comes from"
    )


def test_one_name_of_a_module_vouches_for_no_other_name_in_it(model, module):
    module.write_text(
        CODE.format(factor=2) + "\n@tf_keras.saving.register_keras_serializable()\nclass Other(Doubling):\n    pass\n"
    )
    sys.modules.pop("doubling_layers", None)
    build_model(Reference("path", str(model)), custom_objects=["doubling_layers:Doubling"])
    other = renamed_entry(model, "other.keras", class_name="Other", registered_name="Custom>Other")
    for name, taken in (("Custom>Other", "Other"), ("another>Other", "Other"), ("Other", "Other")):
        evil = renamed_entry(model, "evil.keras", class_name="Other", registered_name=name)
        with pytest.raises(ModelError) as error:
            build_model(evil, custom_objects=["doubling_layers:Doubling"])
        assert str(error.value) == carrying(evil, f"doubling_layers.{taken}")
    for named in (["doubling_layers"], ["doubling_layers:Doubling", "doubling_layers:Other"]):
        assert type(build_model(other, custom_objects=named).model.layers[1]).__name__ == "Other"


def test_a_module_vouches_for_nothing_that_it_imports(model, module):
    module.write_text(CODE.format(factor=2) + "\nfrom pathlib import Path\n")
    sys.modules.pop("doubling_layers", None)
    evil = renamed_entry(model, "evil.keras", class_name="Path", registered_name="evil>Path")
    with pytest.raises(ModelError) as error:
        build_model(evil, custom_objects=["doubling_layers"])
    assert str(error.value) == carrying(evil, "doubling_layers.Path")


def test_a_file_beside_the_recipe_vouches_for_no_module_of_its_name(model, tmp_path):
    (tmp_path / "os.py").write_text(CODE.format(factor=2))
    evil = renamed_entry(model, "evil.keras", module="os", class_name="_wrap_close", registered_name="evil>it")
    with pytest.raises(ModelError) as error:
        build_model(evil, custom_objects=[str(tmp_path / "os.py")])
    assert str(error.value) == carrying(evil, "os._wrap_close")


def test_a_file_of_own_layers_needs_no_python_path(tmp_path):
    (tmp_path / "own.py").write_text("def one():\n    pass\n\ndef two():\n    pass\n")
    assert set(known_objects([str(tmp_path / "own.py")])) == {"one", "two"}
    assert set(known_objects([f"{tmp_path / 'own.py'}:two"])) == {"two"}
