"""Operations that TensorFlow's converter alone would turn into others: the file computes what Keras computes."""

import numpy as np
import pytest

from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.running.interpreter import LiteRTModel


def operators(content):
    """The operators of a file, in order, by the schema's names."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    known = {number: name for name, number in vars(BuiltinOperator).items() if isinstance(number, int)}
    model = read_model(content)
    return [known[operator_of(model.operatorCodes[call.opcodeIndex])] for call in model.subgraphs[0].operators]


def layers():
    from tf_keras import layers

    return layers


def agrees(tensorflow, shape, function):
    """Convert a model of one function, hold the file against it at one sample and at three, and list the operators."""
    import tf_keras

    inputs = tf_keras.Input(shape)
    model = tf_keras.Model(inputs, function(inputs))
    content = to_litert(model)
    samples = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    for some in (samples[:1], samples):
        expected = model(some)
        np.testing.assert_allclose(LiteRTModel(content).run(some), expected, atol=1e-5)
    return operators(content)


@pytest.mark.parametrize("axis", [[2, 1], [-1, -2], [1, 2], 1, None])
def test_a_normalization_over_other_axes_than_the_last_is_none_along_the_last(tensorflow, axis):
    found = agrees(tensorflow, (5, 4), lambda x: tensorflow.math.l2_normalize(x, axis=axis))
    assert found == ["MUL", "SUM", "MAXIMUM", "RSQRT", "MUL"]


def test_a_normalization_along_the_last_axis_stays_one_operator(tensorflow):
    assert agrees(tensorflow, (5, 4), lambda x: tensorflow.math.l2_normalize(x, axis=-1)) == ["L2_NORMALIZATION"]
    assert agrees(tensorflow, (5, 4), lambda x: layers().UnitNormalization()(x)) == ["L2_NORMALIZATION"]


@pytest.mark.parametrize("axis", [(2, 1), (3, 1), 1])
def test_unit_normalization_takes_its_axes(tensorflow, axis):
    found = agrees(tensorflow, (5, 4, 3), lambda x: layers().UnitNormalization(axis=axis)(x))
    assert "L2_NORMALIZATION" not in found


def test_a_division_by_the_root_of_a_sum_of_squares_keeps_its_axes(tensorflow):
    tf = tensorflow
    agrees(tf, (5, 4), lambda x: x / tf.sqrt(tf.reduce_sum(tf.square(x), [2, 1], keepdims=True)))


@pytest.mark.parametrize(("unstacked", "joined"), [(1, 2), (2, 1), (3, 1), (3, 2)])
def test_columns_read_one_after_another_stay_in_that_order(tensorflow, unstacked, joined):
    tf = tensorflow
    found = agrees(tf, (2, 3, 4), lambda x: tf.concat(tf.unstack(x, axis=unstacked), axis=joined))
    assert found == ["TRANSPOSE", "RESHAPE"]


def test_what_is_a_plain_reshape_stays_one(tensorflow):
    tf = tensorflow
    assert agrees(tf, (2, 3, 4), lambda x: tf.concat(tf.unstack(x, axis=2), axis=2)) == ["RESHAPE"]


def test_the_rewritten_value_goes_to_all_that_use_it(tensorflow):
    tf = tensorflow

    def twice(x):
        columns = tf.concat(tf.unstack(x, axis=2), axis=1)
        return columns + 2 * tf.reverse(columns, [1])

    assert "TRANSPOSE" in agrees(tf, (3, 4), twice)


@pytest.mark.parametrize("cut_off", ["relu", "relu6", "maximum"])
def test_a_relu_that_takes_a_gelu_leaves_it_whole(tensorflow, cut_off):
    tf = tensorflow
    cuts = {"relu": tf.nn.relu, "relu6": tf.nn.relu6, "maximum": lambda x: tf.maximum(0.0, x)}
    found = agrees(tf, (5, 4), lambda x: cuts[cut_off](tf.nn.gelu(layers().Dense(3)(x))))
    assert found == ["FULLY_CONNECTED", "GELU", "LEAKY_RELU", "RELU6" if cut_off == "relu6" else "RELU"]


def test_a_relu_behind_what_only_moves_the_values_of_a_gelu_leaves_it_whole(tensorflow):
    tf = tensorflow
    found = agrees(tf, (5, 4), lambda x: tf.nn.relu(layers().Dropout(0.5)(tf.nn.gelu(layers().Dense(3)(x)))))
    assert found == ["FULLY_CONNECTED", "GELU", "LEAKY_RELU", "RELU"]


def test_a_maximum_over_a_gelu_that_cuts_off_elsewhere_stays(tensorflow):
    tf = tensorflow
    found = agrees(tf, (5, 4), lambda x: tf.maximum(tf.nn.gelu(layers().Dense(3)(x)), -0.1))
    assert found == ["FULLY_CONNECTED", "GELU", "MAXIMUM"]


@pytest.mark.parametrize("keepdims", [True, False])
def test_a_sum_of_16_bits_is_not_cut_off_at_the_range_of_a_term(tensorflow, keepdims):
    import tf_keras

    inputs = tf_keras.Input((6, 6, 3))
    model = tf_keras.Model(inputs, tensorflow.reduce_sum(inputs + 0.0, [1, 2], keepdims=keepdims))
    samples = np.random.default_rng(0).uniform(0, 1, (20, 6, 6, 3)).astype(np.float32)
    content = to_litert(model, Conversion("int16x8", calibration=iter(samples[:, None])))
    np.testing.assert_allclose(LiteRTModel(content).run(samples), model(samples), atol=0.02)
