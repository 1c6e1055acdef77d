"""Divisions and logarithms that 8 bits would break stay in float, with what computes their argument."""

import numpy as np
import pytest

from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import operator_name
from compressor.models.litert.format.tensor_types import TensorType, type_of
from compressor.models.litert.running.interpreter import LiteRTModel

GENERATOR = np.random.default_rng(0)
SOUNDS = GENERATOR.normal(size=(200, 64, 1)) * GENERATOR.uniform(0.01, 1, (200, 1, 1))
SOUNDS = SOUNDS.astype(np.float32)


@pytest.fixture(scope="module")
def audio(tensorflow):
    """A net behind the logarithm of a signal's power in 8 windows, divided by its mean power."""
    import tf_keras
    from tf_keras import layers

    tf = tensorflow
    tf_keras.utils.set_random_seed(0)
    signal = tf_keras.Input((64, 1), name="signal")
    power = layers.AveragePooling1D(8, name="windows")(tf.square(signal))
    share = tf.math.log(power + 1e-2) / (tf.reduce_mean(power, axis=1, keepdims=True) + 1e-2)
    hidden = layers.Dense(8, activation="relu", name="hidden")(layers.Flatten(name="flat")(share))
    return tf_keras.Model(signal, layers.Dense(3, name="end")(hidden))


def in_int8(model, io="float32", samples=SOUNDS):
    return to_litert(model, Conversion("int8", io, iter([samples[i : i + 1] for i in range(100)])))


def in_float(content):
    """The operators of a file that give float values, but for the last."""
    model = read_model(content)
    graph = model.subgraphs[0]
    return [
        operator_name(operator_of(model.operatorCodes[call.opcodeIndex]))
        for call in graph.operators[:-1]
        if type_of(graph.tensors[call.outputs[0]]) is TensorType.FLOAT32
    ]


@pytest.mark.parametrize("io", ["float32", "int8"])
def test_a_front_end_that_divides_stays_in_float_and_the_net_behind_it_computes_in_int8(audio, io):
    content = in_int8(audio, io)
    found = in_float(content)
    front_end = ["MUL", "RESHAPE", "AVERAGE_POOL_2D", "RESHAPE", "ADD", "LOG", "MEAN", "ADD", "DIV"]
    assert found == (front_end if io == "float32" else ["DEQUANTIZE", *front_end])


def test_it_runs_on_silence_and_agrees_with_keras(audio):
    file, expected = LiteRTModel(in_int8(audio)), audio.predict(SOUNDS, verbose=0)
    noise = np.square(file.run(SOUNDS) - expected).sum()
    assert np.square(expected - expected.mean(axis=0)).sum() > 100 * noise  # 20 dB
    assert np.isfinite(file.run(np.zeros((1, 64, 1), np.float32))).all()


def test_a_divisor_far_from_zero_stays_in_int8(tensorflow):
    import tf_keras

    inputs = tf_keras.Input((4,), name="values")
    model = tf_keras.Model(inputs, inputs / (tensorflow.reduce_mean(inputs, axis=1, keepdims=True) + 1))
    samples = GENERATOR.uniform(1, 2, (100, 4)).astype(np.float32)
    assert "DIV" not in in_float(in_int8(model, samples=samples))
