"""What Keras 3 saved computes the same in Keras 2, or is refused by name and place."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest
from foreign_models import APPLICATIONS, MODELS
from layer_zoo import ZOO

from compressor.base.errors import ModelError
from compressor.contracts.keras_layer_support import KERAS_LAYERS
from compressor.models.keras3 import bridge, from_keras3

EXPORT = (
    "build the model without it, or export it from Keras 3 with model.export('model.tflite', format='litert'), "
    "which post-training steps take"
)
CELLS = {"LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells"}


def test_the_zoo_has_a_specimen_of_every_layer_type_that_is_taken():
    assert set(ZOO) == {name for name, layer in KERAS_LAYERS.items() if layer.bridge} - CELLS


@pytest.mark.parametrize("name", ZOO)
def test_every_layer_type_computes_the_same(zoo_files, difference, name):
    model = from_keras3(zoo_files / f"{name}.keras", verify=False)
    assert name in {type(layer).__name__ for layer in model.layers}
    assert difference(model, zoo_files, name) <= 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_model_computes_the_same(model_files, difference, name):
    model = from_keras3(model_files / f"{name}.keras", verify=False)
    assert difference(model, model_files, name) <= (1e-2 if name == "in_half_precision" else 1e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "operations"])
def test_the_weights_of_hdf5_files_are_found_too(model_files, difference, name):
    model = from_keras3(model_files / f"{name}.h5", verify=False)
    assert difference(model, model_files, name) <= (1e-2 if name == "in_half_precision" else 1e-5)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_models_of_keras_applications_go_through(application_files, difference, name):
    model = from_keras3(application_files / f"{name}.keras", verify=False)
    assert difference(model, application_files, name) <= 1e-5


def test_a_model_is_compared_with_keras_3_itself_on_random_inputs(model_files, tensorflow):
    bridged = bridge(model_files / "dictionaries.keras")
    assert bridged.difference is not None and bridged.difference <= 1e-5
    assert bridged.notes == ()
    assert bridged.model.input_names == ["ant", "zebra"]


def test_a_model_that_was_not_compared_says_so(model_files, tensorflow):
    bridged = bridge(model_files / "sequential.keras", verify=False)
    assert (bridged.difference, bridged.notes) == (None, ("not compared with Keras 3, as asked",))


def test_layers_keep_their_names_types_and_order(model_files, tensorflow):
    model = from_keras3(model_files / "sequential.keras", verify=False)
    found = [(layer.name, type(layer).__name__) for layer in model.layers]
    assert type(model).__name__ == "Sequential"
    assert found == [
        ("conv2d", "Conv2D"),
        ("batch_normalization", "BatchNormalization"),
        ("flatten", "Flatten"),
        ("dense", "Dense"),
    ]


def test_the_same_file_becomes_the_same_model_each_time(model_files, tensorflow):
    first, second = (from_keras3(model_files / "operations.keras", verify=False).get_config() for _ in range(2))
    assert first == second


def test_a_frozen_layer_stays_frozen(model_files, tensorflow):
    model = from_keras3(model_files / "frozen.keras", verify=False)
    base = model.get_layer("base")
    assert [layer.trainable for layer in base.layers] == [False, True, True]


def test_a_bridged_model_is_saved_and_loaded_as_any_of_keras_2(model_files, difference, tmp_path):
    from compressor.models.files.keras_files import load_keras, save_keras

    for name in ("operations", "nested", "masked", "activations"):
        save_keras(from_keras3(model_files / f"{name}.keras", verify=False), tmp_path / "m.h5")
        assert difference(load_keras(tmp_path / "m.h5"), model_files, name) <= 1e-5


@pytest.fixture
def changed(model_files, tmp_path):
    """A function that makes a file of which `change(config)` changed the configuration, and `moves` the weights."""

    def make(name, change, moves=None):
        path = tmp_path / f"{name}.keras"
        with zipfile.ZipFile(model_files / f"{name}.keras") as whole, zipfile.ZipFile(path, "w") as made:
            for entry in whole.namelist():
                content = whole.read(entry)
                if entry == "config.json":
                    config = json.loads(content)
                    change(config)
                    content = json.dumps(config).encode()
                if entry == "model.weights.h5" and moves:
                    file = io.BytesIO(content)
                    with h5py.File(file, "a") as groups:
                        for old, new in moves.items():
                            groups.move(old, new)
                    content = file.getvalue()
                made.writestr(entry, content)
        return path

    return make


def refusal(path):
    with pytest.raises(ModelError) as error:
        from_keras3(path)
    return str(error.value)


def layer_of(config, *names):
    for name in names:
        (config,) = [layer for layer in config["config"]["layers"] if layer["config"]["name"] == name]
    return config


@pytest.mark.parametrize(
    ("name", "layer", "changes", "message"),
    [
        (
            "transformer",
            ["multi_head_attention"],
            {"config": {"use_gate": True}},
            "the layer 'multi_head_attention' (MultiHeadAttention) uses use_gate=True, which Keras 2 does not have",
        ),
        (
            "nested",
            ["encoder", "core", "dense"],
            {"config": {"lora_rank": 4}},
            "the layer 'encoder/core/dense' (Dense) uses lora_rank=4, which Keras 2 does not have",
        ),
        (
            "masked",
            ["gru"],
            {"config": {"recurrent_activation": "hard_sigmoid"}},
            "the layer 'gru' (GRU) uses recurrent_activation='hard_sigmoid', which Keras 2 does not have",
        ),
        (
            "sequential",
            ["conv2d"],
            {"class_name": "MelSpectrogram"},
            "the layer 'conv2d' (MelSpectrogram) has no counterpart in Keras 2",
        ),
        (
            "operations",
            ["relu"],
            {"class_name": "Fft2"},
            "the operation 'relu' (Fft2) has no counterpart here",
        ),
        (
            "shared",
            ["a"],
            {"config": {"sparse": True}},
            "the layer 'a' (InputLayer) uses sparse=True, which Keras 2 does not have",
        ),
    ],
)
def test_what_keras_2_lacks_is_refused_by_name_and_place(changed, name, layer, changes, message, tensorflow):
    def change(config):
        found = layer_of(config, *layer)
        found["config"] |= changes.get("config", {})
        found["class_name"] = changes.get("class_name", found["class_name"])

    path = changed(name, change)
    assert refusal(path) == f"{path}: {message}; {EXPORT}"


def test_a_quantized_layer_is_refused(changed, tensorflow):
    policy = {"module": "keras", "class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}}
    path = changed("sequential", lambda config: layer_of(config, "dense")["config"].update(dtype=policy))
    assert refusal(path) == (
        f"{path}: the layer 'dense' (Dense) has the dtype policy 'QuantizedDTypePolicy', which Keras 2 does not have; "
        "save the float model instead, and quantize it here"
    )


def test_a_subclassed_model_is_refused(changed, tensorflow):
    path = changed("sequential", lambda config: config.update(module="mine", class_name="Mine", config={"size": 3}))
    assert refusal(path) == (
        f"{path}: the model is of the class 'Mine', not Functional or Sequential, and its file does not say how it "
        "computes; build it with the functional API, or export it from Keras 3 as .tflite or SavedModel, "
        "which post-training steps take"
    )


def as_custom(config):
    # Keras 3 writes no module for a class that is registered
    layer_of(config, "dense").update(module=None, class_name="MyDense", registered_name="mine>MyDense")


def test_an_unknown_custom_layer_is_refused_with_what_would_help(changed, tensorflow):
    path = changed("sequential", as_custom)
    assert refusal(path) == (
        f"{path}: the layer 'dense' (MyDense) is a custom class that is not known here; "
        "name a module with a tf_keras class 'MyDense' of the same options and weights under 'model.custom_objects', "
        "or export the model from Keras 3 as .tflite or SavedModel, which post-training steps take"
    )


def test_a_model_of_another_outcome_is_refused_with_the_difference(changed, tensorflow):
    from compressor.models.keras3.random_inputs import random_inputs
    from compressor.models.keras3.verify import compared, outputs_of

    model = from_keras3(changed("sequential", lambda config: None), verify=False)
    inputs = random_inputs(model)
    outputs = outputs_of(model, inputs)
    with pytest.raises(ModelError) as error:
        compared(model, inputs, [outputs[0] + 0.01])
    assert str(error.value) == (
        f"its outputs in Keras 2 and in Keras 3 differ by {0.01 / max(1, abs(outputs[0] + 0.01).max()):.1e}, "
        "and at most 1e-05 is taken; report it with the model's layer list; "
        "until then export it from Keras 3 as .tflite, for post-training steps"
    )


def test_what_rounding_makes_of_a_model_is_no_difference_in_what_it_computes(tensorflow):
    """Large weights that cancel out make a thousandth of the last digit, as a hundred layers do."""
    import tf_keras

    from compressor.models.keras3.verify import compared

    model = tf_keras.Sequential([tf_keras.Input((64,)), tf_keras.layers.Dense(1)])
    kernel = np.resize(np.array([300, -300], np.float32), (64, 1))
    model.set_weights([kernel, np.zeros(1, np.float32)])
    inputs = {model.input_names[0]: np.ones((1, 64), np.float32)}
    assert compared(model, inputs, [np.array([[1e-4]])]) == pytest.approx(1e-4)
    with pytest.raises(ModelError, match=r"differ by 1\.0e-02, and at most \de-0[34] is taken"):
        compared(model, inputs, [np.array([[0.01]])])
    np.testing.assert_array_equal(model.get_weights()[0], kernel)


def test_weights_that_are_not_there_are_told(changed, tensorflow):
    path = changed("sequential", lambda config: layer_of(config, "dense")["config"].update(units=4))
    assert refusal(path) == (
        f"{path}: the layer 'dense' needs weights of the shapes [(64, 4), (4,)], and the file has [(64, 3), (3,)]; "
        "save it again"
    )


def test_a_damaged_file_is_refused(tmp_path, tensorflow):
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    assert refusal(path) == (
        f"{path}: this is not a whole Keras 3 file "
        "(\"There is no item named 'model.weights.h5' in the archive\"); save it again"
    )


def test_a_custom_layer_comes_in_by_a_class_of_the_user_s(changed, tensorflow):
    import tf_keras

    class MyDense(tf_keras.layers.Dense):
        def __init__(self, quantization_config=None, **options):
            super().__init__(**options)

    path = changed("sequential", as_custom, {"layers/dense": "layers/my_dense"})
    bridged = bridge(path, custom_objects={"MyDense": MyDense})
    assert type(bridged.model.layers[-1]) is MyDense
    assert bridged.difference is None
    assert bridged.notes == ("not compared with Keras 3, which does not know MyDense",)
