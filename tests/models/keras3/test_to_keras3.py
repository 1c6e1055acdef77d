"""What Keras 2 holds computes the same in Keras 3, or is refused by name and place."""

import pytest
from layer_zoo import scramble

from compressor.base.errors import ModelError
from compressor.models.keras3 import from_keras3, is_keras3, to_keras3


@pytest.fixture
def layers(tensorflow):
    import tf_keras

    tf_keras.backend.clear_session()
    return tf_keras.layers


def refusal(model, tmp_path):
    with pytest.raises(ModelError) as error:
        to_keras3(model, tmp_path / "m.keras")
    assert not (tmp_path / "m.keras").exists()
    return str(error.value)


@pytest.mark.parametrize("name", ["operations", "masked", "nested"])
def test_a_model_comes_back_to_keras_3_as_it_was(model_files, difference, tmp_path, name):
    path = tmp_path / "m.keras"
    assert to_keras3(from_keras3(model_files / f"{name}.keras", verify=False), path) <= 1e-5
    assert is_keras3(path)
    assert difference(from_keras3(path, verify=False), model_files, name) <= 1e-5


def test_a_model_of_keras_2_s_own_goes_out(layers, tmp_path):
    import tf_keras

    model = tf_keras.Sequential(
        [
            layers.InputLayer((8, 8, 2)),
            layers.SeparableConv2D(4, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(0.1),
            layers.DepthwiseConv2D(3),
            layers.Reshape((16, 4)),
            layers.Bidirectional(layers.GRU(3, return_sequences=True)),
            layers.LayerNormalization(),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    scramble(model)
    assert to_keras3(model, tmp_path / "m.keras") <= 1e-5
    back = from_keras3(tmp_path / "m.keras", verify=False)
    assert [layer.name for layer in back.layers] == [layer.name for layer in model.layers]


def test_the_same_activation_of_another_meaning_is_refused(layers, tmp_path):
    import tf_keras

    model = tf_keras.Sequential([layers.InputLayer((4,)), layers.Dense(2, activation="hard_sigmoid", name="gate")])
    assert refusal(model, tmp_path) == (
        "the layer 'gate' (Dense) uses activation='hard_sigmoid', which Keras 3 computes otherwise; "
        "leave the model as it is, or ship it as .tflite"
    )


def test_a_layer_that_keras_3_lacks_is_refused_with_its_place(layers, tmp_path):
    import tf_keras

    inner = tf_keras.Sequential([layers.InputLayer((4, 3)), layers.LocallyConnected1D(2, 2, name="odd")], name="inner")
    x = tf_keras.Input((4, 3))
    assert refusal(tf_keras.Model(x, inner(x)), tmp_path) == (
        "the layer 'inner/odd' (LocallyConnected1D) has no counterpart in Keras 3; "
        "leave the model as it is, or ship it as .tflite"
    )


def test_a_quantization_aware_model_is_refused(layers, tmp_path):
    import tensorflow_model_optimization as tfmot
    import tf_keras

    model = tf_keras.Sequential([layers.InputLayer((4,)), layers.Dense(2, name="head")])
    aware = tfmot.quantization.keras.quantize_model(model)
    assert refusal(aware, tmp_path) == (
        "the layer 'quantize_layer' (QuantizeLayer) is part of quantization-aware training, which Keras 3 does not "
        "know; convert the model as it was before quantization-aware training, or ship this one as .tflite"
    )
