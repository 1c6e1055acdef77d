"""A Keras file that asks for more than it holds is refused before TensorFlow makes room for it."""

import json
import zipfile

import numpy as np
import pytest

from compressor.base.errors import ModelError
from compressor.base.path_or_function import Reference
from compressor.models import declared_sizes
from compressor.models.declared_sizes import refuse_huge_outputs
from compressor.models.files.loading import build_model


@pytest.fixture(scope="module")
def dense(tensorflow, tmp_path_factory):
    """A `.keras` file of Keras 2 with one Dense layer."""
    import tf_keras

    path = tmp_path_factory.mktemp("dense") / "whole.keras"
    tf_keras.Sequential([tf_keras.layers.InputLayer((8,)), tf_keras.layers.Dense(4, name="dense")]).save(path)
    return path


def with_config(whole, path, change):
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, json.dumps(change(json.loads(content))) if name == "config.json" else content)
    return path


def refusal(path):
    with pytest.raises(ModelError) as error:
        build_model(Reference("path", str(path)))
    return str(error.value)


@pytest.mark.parametrize(
    ("units", "asks", "more"),
    [
        (2**40, "35184.4 GB", ""),
        (10**9, "32.0 GB", ", or, if you know where it comes from, set COMPRESSOR_MAX_MEMORY to 64.0 GB"),
        (2**62, "over 1000000.0 GB", ""),
    ],
)
def test_weights_that_no_file_of_this_size_holds_are_refused(dense, tmp_path, units, asks, more):
    def change(config):
        config["config"]["layers"][1]["config"]["units"] = units
        return config

    path = with_config(dense, tmp_path / "m.keras", change)
    size = f"{path.stat().st_size / 1000:.1f} kB"
    assert refusal(path) == f"{path} has {size}, and describes a model with weights of {asks}; do not load it{more}"


def test_the_files_of_a_saved_model_count_together(tensorflow, tmp_path, monkeypatch):
    import tf_keras

    monkeypatch.setattr(declared_sizes, "swells", lambda unpacked, packed: unpacked > 2 * packed)
    tf_keras.Sequential([tf_keras.layers.InputLayer((8,)), tf_keras.layers.Dense(20_000)]).save(tmp_path / "saved")
    with declared_sizes.weights_within(tmp_path / "saved"):
        tf_keras.models.load_model(tmp_path / "saved")


def test_a_saved_model_that_was_compiled_is_loaded(tensorflow, tmp_path):
    """Its metrics and its optimizer have weights, too, whose shapes are tuples."""
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.InputLayer((8,)), tf_keras.layers.Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.zeros((4, 8)), np.zeros((4, 2)), verbose=0)
    model.save(tmp_path / "saved", save_format="tf")
    loaded = build_model(Reference("path", str(tmp_path / "saved")), trusted=True).model
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_a_layer_whose_output_fills_the_memory_is_refused_unless_the_limit_is_raised(tensorflow, monkeypatch):
    import tf_keras

    inputs = tf_keras.Input((8,))
    model = tf_keras.Model(inputs, tf_keras.layers.RepeatVector(2**28, name="repeat")(inputs))
    with pytest.raises(ModelError) as error:
        refuse_huge_outputs(model, "m.keras")
    assert str(error.value) == (
        "m.keras has a layer 'repeat' whose output of any x 268,435,456 x 8 takes 8.6 GB; "
        "make it smaller, or set COMPRESSOR_MAX_MEMORY to more than that"
    )
    monkeypatch.setenv("COMPRESSOR_MAX_MEMORY", "9 GB")
    refuse_huge_outputs(model, "m.keras")


def test_a_fixed_number_of_samples_counts(tensorflow):
    import tf_keras

    inputs = tf_keras.Input((2**10,), batch_size=2**20, name="in")
    with pytest.raises(ModelError, match=r"a layer 'in' whose output of 1,048,576 x 1,024 takes 4\.3 GB"):
        refuse_huge_outputs(tf_keras.Model(inputs, inputs), "m.keras")


@pytest.mark.parametrize("config", [{}, {"class_name": "Dense"}])
def test_a_configuration_of_something_else_is_no_model(dense, tmp_path, config):
    path = with_config(dense, tmp_path / "m.keras", lambda _: config)
    assert str(path) in refusal(path)
    if not config:
        assert refusal(path) == (
            f"{path} holds no model, but what Keras loads as dict; save the whole model, with model.save"
        )
