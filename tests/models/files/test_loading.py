"""Models and data by path or by function."""

import sys

import h5py
import numpy as np
import pytest

from compressor.base.errors import CompressorError, ModelError
from compressor.base.path_or_function import Reference
from compressor.models.files.keras_files import load_keras
from compressor.models.files.loading import build_model
from compressor.models.files.model_checks import refuse_unusable


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A function that writes a module `mine` which can be imported for the time of a test."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(code):
        (tmp_path / "mine.py").write_text(code)
        sys.modules.pop("mine", None)

    yield write
    sys.modules.pop("mine", None)


def message_of(call):
    with pytest.raises(CompressorError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "target", "name", "format"),
    [
        ("path", "/models/a.tflite", "a.tflite", "litert"),
        ("path", "/models/a.keras", "a.keras", "keras"),
        ("function", "package.module:a_tflite", "package.module:a_tflite", "keras"),
        ("library", "keras_applications:a_tflite", "keras_applications:a_tflite", "keras"),
    ],
)
def test_a_reference_has_a_name_for_reports_and_knows_its_format(kind, target, name, format):
    found = Reference(kind, target)
    assert (found.name, found.format) == (name, format)


def test_a_function_is_called_with_the_recipe_s_arguments(module):
    module("def build(filters, *, size=1):\n    return filters, size\n")
    assert Reference("function", "mine:build", {"filters": 3, "size": 5}).call() == (3, 5)
    assert build_model(Reference("function", "mine:build", {"filters": 3})).model == (3, 1)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import no_such_module",
            "'mine:build': it cannot be imported (No module named 'no_such_module'); "
            "install it, put its folder on PYTHONPATH, or fix the name",
        ),
        ("built = 1", "'mine:build': it has no function 'build'; fix the name after the colon"),
        ("build = 1", "'mine:build': it has no function 'build'; fix the name after the colon"),
        (
            "def build(size): ...",
            "'mine:build' failed with TypeError: build() got an unexpected keyword argument 'filters'; "
            "fix it, or report it to its author; --debug shows the traceback",
        ),
        (
            "def build(filters): return 1 / 0",
            "'mine:build' failed with ZeroDivisionError: division by zero; "
            "fix it, or report it to its author; --debug shows the traceback",
        ),
        (
            "import os\nos.no_such_thing",
            "'mine:build' failed with AttributeError: module 'os' has no attribute 'no_such_thing'; "
            "fix it, or report it to its author; --debug shows the traceback",
        ),
        (
            "def build(filters):\n    raise SystemExit('bye')",
            "'mine:build' failed with SystemExit: bye; fix it, or report it to its author; --debug shows the traceback",
        ),
    ],
)
def test_a_function_that_fails_is_an_error_that_names_it(code, message, module):
    module(code)
    assert message_of(Reference("function", "mine:build", {"filters": 3}).call) == message


def test_a_module_that_is_not_there_is_an_error_that_names_it():
    assert message_of(Reference("function", "no_such.module:build").call) == (
        "'no_such.module:build': it cannot be imported (No module named 'no_such'); "
        "install it, put its folder on PYTHONPATH, or fix the name"
    )


def test_a_model_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ModelError) as caught:
        build_model(Reference("path", str(tmp_path / "gone.keras")))
    assert str(caught.value) == (
        f"there is no model at {tmp_path}/gone.keras; check the path; it starts at the recipe's folder"
    )


def test_a_tflite_file_that_is_none_is_an_error(tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(b"TFL3 and so on")
    with pytest.raises(ModelError) as caught:
        build_model(Reference("path", str(path)))
    assert str(caught.value) == f"{path}: this is not a LiteRT file; give a whole .tflite file"


def test_a_file_of_weights_alone_is_an_error_that_says_so(tensorflow, tmp_path):
    path = tmp_path / "only.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_group("layers")
    with pytest.raises(ModelError) as caught:
        load_keras(path)
    assert str(caught.value) == (
        f"{path} holds no model, or its weights alone; save the whole model, with model.save and not model.save_weights"
    )


def test_what_is_no_tf_keras_model_is_told_by_what_it_is(tensorflow):
    import keras

    def told(model):
        return message_of(lambda: refuse_unusable(model, "the model 'mine:model'"))

    assert told(None) == "the model 'mine:model' is no model but NoneType; give a tf_keras model"
    assert told(keras.Sequential()) == (
        "the model 'mine:model' is a Keras 3 model; build it with tf_keras, which is Keras 2, or save it and give the "
        "file, which is brought over"
    )


def test_a_model_that_leaves_a_size_open_is_refused_before_it_is_trained(tensorflow):
    import tf_keras

    tokens = tf_keras.Input((None,), dtype="int32", name="tokens")
    model = tf_keras.Model(tokens, tf_keras.layers.Embedding(10, 8)(tokens))
    assert message_of(lambda: refuse_unusable(model, "the model 'mine:model'")) == (
        "the model 'mine:model' leaves a size of its input 'tokens' open (any), and a file needs it; "
        "build it with a fixed size, such as Input((128,)), load its weights, and save that"
    )


def test_an_example_of_a_fixed_input_is_like_the_open_one(tensorflow):
    import tf_keras

    pixels = tf_keras.Input((None, None, 1), name="pixels")
    model = tf_keras.Model(pixels, tf_keras.layers.Conv2D(2, 3)(pixels))
    assert message_of(lambda: refuse_unusable(model, "the model 'mine:model'")).endswith(
        "build it with a fixed size, such as Input((96, 96, 1)), load its weights, and save that"
    )


@pytest.mark.parametrize("noted", ["x", [99], [-1], [0.5], [[0]]])
def test_a_note_of_frozen_layers_that_the_model_has_not_is_refused(tensorflow, tmp_path, noted):
    import tf_keras

    path = tmp_path / "model.h5"
    tf_keras.Sequential([tf_keras.layers.Dense(2, input_shape=(3,))]).save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["compressor_frozen_parts"] = noted
    assert message_of(lambda: load_keras(path)) == (
        f"the attribute 'compressor_frozen_parts' of {path} lists no layers of the model; "
        "make the file again, or remove the attribute with h5py"
    )


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_a_file_of_keras_own_convnext_needs_no_classes_named(tensorflow, tmp_path, suffix):
    """It has layers that stand in the module of the architecture, where a file may name nothing else."""
    from tf_keras.src.applications.convnext import ConvNeXt

    shape = {"input_shape": (32, 32, 3), "weights": None, "classes": 3}
    model = ConvNeXt([1] * 4, [8] * 4, drop_path_rate=0.1, layer_scale_init_value=0.5, **shape)
    model.save(tmp_path / f"model.{suffix}")
    built = build_model(Reference("path", str(tmp_path / f"model.{suffix}")))
    told = "LayerScale and StochasticDepth in it are taken for those of Keras' ConvNeXt; "
    told += "'model.custom_objects' names others"
    assert built.notes == ((told,) if suffix == "h5" else ())
    loaded = built.model
    assert {"LayerScale", "StochasticDepth"} <= {type(layer).__name__ for layer in loaded._flatten_layers()}
    samples = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    np.testing.assert_array_equal(loaded(samples), model(samples))
