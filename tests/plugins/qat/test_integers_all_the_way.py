"""After `qat` and `ptq` every operator computes in integers that LiteRT has integers for, close to the Keras model."""

import numpy as np
import pytest

from compressor.base.errors import StepError
from compressor.contracts.model_state import ModelState
from compressor.data.prepared_splits import RunData
from compressor.data.split import ArraySplit
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.reading.graph_contents import float_operators
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.ptq.ptq import PTQ
from compressor_plugins.qat.qat import QAT

SAMPLES = 48


def _squeezed(x):
    """A squeeze-and-excite block as MobileNetV3 has it."""
    import tensorflow as tf
    from tf_keras import layers

    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(x)
    excited = layers.Conv2D(x.shape[-1], 1)(layers.ReLU()(layers.Conv2D(4, 1)(squeezed)))
    return layers.Multiply()([x, tf.nn.relu6(excited + 3.0) * (1.0 / 6.0)])


def _hard_swish(x):
    import tensorflow as tf
    from tf_keras import layers

    return layers.Multiply()([x, tf.nn.relu6(x + 3.0) * (1.0 / 6.0)])


def mobile_net_v3():
    from tf_keras import Input, layers

    images = Input((12, 12, 3))
    x = _hard_swish(layers.BatchNormalization()(layers.Conv2D(8, 3, 2, "same", use_bias=False)(images)))
    y = _hard_swish(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)))
    y = layers.BatchNormalization()(layers.Conv2D(8, 1, use_bias=False)(_squeezed(y)))
    x = layers.GlobalAveragePooling2D()(layers.Add()([x, y]))
    return images, layers.Dense(4)(_hard_swish(layers.Dense(16)(x)))


def transformer():
    from tf_keras import Input, layers

    words = Input((12,), dtype="int32")
    x = layers.Embedding(50, 16)(words)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 8)(x, x))
    x = layers.LayerNormalization()(x + layers.Dense(16)(layers.Dense(32, "gelu")(x)))
    return words, layers.Dense(3, "softmax")(layers.GlobalAveragePooling1D()(x))


def attention_behind_a_convolution():
    # the converter makes a matrix product of it that takes integers and weights in float
    from tf_keras import Input, layers

    signal = Input((16, 8))
    x = layers.Conv1D(8, 3, activation="relu")(signal)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    return signal, layers.Dense(2)(layers.GlobalAveragePooling1D()(x))


def lstm_behind_a_convolution():
    # the converter fails on an LSTM whose input has a trained range
    from tf_keras import Input, layers

    signal = Input((16, 6))
    return signal, layers.Dense(2)(layers.LSTM(4)(layers.Conv1D(8, 2, activation="relu")(signal)))


def lstms_in_both_directions():
    # joined, their outputs get one range, and their states would keep others
    from tf_keras import Input, layers

    signal = Input((12, 8))
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(layers.Dense(8)(signal))
    return signal, layers.Dense(2)(layers.Flatten()(layers.Dropout(0.1)(x)))


def loops():
    from tf_keras import Input, layers

    signal = Input((8, 6))
    x = layers.GRU(4, return_sequences=True)(layers.Dense(6)(signal))
    return signal, layers.Dense(2)(layers.SimpleRNN(4)(x))


def u_net():
    from tf_keras import Input, layers

    images = Input((16, 16, 3))
    wide = layers.Conv2D(8, 3, padding="same", activation="relu")(images)
    deep = layers.Conv2D(12, 3, padding="same")(layers.MaxPooling2D()(wide))
    deep = layers.LeakyReLU()(layers.BatchNormalization()(deep))
    back = [layers.UpSampling2D(interpolation="bilinear")(deep), layers.Conv2DTranspose(8, 2, 2)(deep), wide]
    joined = layers.Conv2D(8, 3, padding="same", activation="elu")(layers.Concatenate()(back))
    return images, layers.Conv2D(2, 1, activation="softmax")(joined)


def arithmetic():
    from tf_keras import Input, layers

    images = Input((10, 10, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="swish")(layers.Rescaling(0.5, -0.1)(images))
    y = layers.Conv2D(8, 3, padding="same", activation="gelu")(x)
    z = layers.Subtract()([layers.Maximum()([layers.Average()([x, y]), x]), layers.Minimum()([x, y])])
    z = layers.BatchNormalization()(layers.PReLU(shared_axes=[1, 2])(z * 2.0 + 0.3))
    z = layers.GroupNormalization(2)(layers.SeparableConv2D(8, 3)(z))
    z = layers.Softmax()(layers.Activation("hard_sigmoid")(layers.Reshape((64, 8))(z)))
    return images, layers.Dense(3, "sigmoid")(layers.Flatten()(z))


NETS = {
    "mobile_net_v3": (mobile_net_v3, 30),
    "transformer": (transformer, 30),
    "attention_behind_a_convolution": (attention_behind_a_convolution, 30),
    "lstm_behind_a_convolution": (lstm_behind_a_convolution, 25),
    "lstms_in_both_directions": (lstms_in_both_directions, 25),
    "loops": (loops, 25),
    "u_net": (u_net, 30),
    "arithmetic": (arithmetic, 30),
}


def _data(model):
    generator = np.random.default_rng(0)
    shape = (SAMPLES, *model.input_shape[1:])
    is_text = model.input.dtype == "int32"
    inputs = generator.integers(0, 50, shape) if is_text else generator.normal(size=shape).astype(np.float32)
    labels = generator.normal(size=(SAMPLES, *model.output_shape[1:])).astype(np.float32)
    split = ArraySplit(inputs, labels)
    return RunData("noise", split, split, split)


def _trained(net, step_context, **params):
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Model(*net())
    context = step_context(data=_data(model))
    given = {"epochs": 1, "batch_size": 12, "learning_rate": 1e-4, "loss": "mse", **params}
    return QAT(QAT.Params(**given)).apply(model, context), context


def _quantized(model, context, **params):
    state = ModelState("keras", frozenset({"quantization_aware"}), trained_for=params.get("precision", ""))
    context.state = state
    return PTQ(PTQ.Params(**params)).apply(model, context)


def _decibels(content, model, context):
    """How far the file's outputs are above their difference from the model's, on what it was calibrated with."""
    file, wanted, found = LiteRTModel(content), [], []
    for sample in context.calibration(24):
        wanted.append(np.asarray(model(sample)))
        found.append(file.run(sample))
    wanted, found = np.stack(wanted), np.stack(found)
    return 10 * np.log10(np.square(wanted).mean() / np.square(found - wanted).mean())


@pytest.mark.parametrize("name", NETS)
def test_a_trained_model_computes_in_integers_alone(tensorflow, step_context, name):
    net, least = NETS[name]
    model, context = _trained(net, step_context)
    content = _quantized(model, context)
    assert float_operators(content) == ()
    assert {tensor.bits for tensor in dissect(content).kernels if tensor.dtype != "int32"} == {8}
    assert _decibels(content, model, context) > least


def _normed():
    from tf_keras import Input, layers

    images = Input((8, 8, 3))
    x = layers.LeakyReLU()(layers.BatchNormalization()(layers.Conv2D(6, 3)(images)))
    x = layers.Multiply()([x, layers.Conv2D(6, 1)(layers.GlobalAveragePooling2D(keepdims=True)(x))])
    return images, layers.Dense(2)(layers.GlobalAveragePooling2D()(x))


def test_a_trained_model_computes_in_16_bits_alone(tensorflow, step_context):
    model, context = _trained(_normed, step_context, activations="int16")
    content = _quantized(model, context, precision="int16x8", io="int16")
    assert float_operators(content) == ()
    assert [end.dtype for end in (*LiteRTModel(content).inputs, *LiteRTModel(content).outputs)] == ["int16", "int16"]
    assert _decibels(content, model, context) > 45


def _divided():
    from tf_keras import Input, layers

    signal = Input((6,))
    x = layers.Dense(6)(signal)
    return signal, layers.Dense(2)(x / (layers.Dense(6)(signal) ** 2 + 0.02))


def test_a_division_by_what_may_round_to_zero_stays_in_float(tensorflow, step_context):
    # LiteRT's integer DIV aborts the process there
    model, context = _trained(_divided, step_context)
    content = _quantized(model, context)
    assert [operator.name for operator in float_operators(content)] == ["MUL", "ADD", "DIV"]
    assert "computed in float, as asked or where LiteRT has no safe integers: 1 MUL, 1 ADD, 1 DIV" in context.notes


def test_integer_only_refuses_what_would_compute_in_float_before_training(tensorflow, step_context):
    with pytest.raises(StepError) as error:
        _trained(_divided, step_context, integer_only=True)
    assert str(error.value) == (
        "integer_only is asked for, and 1 MUL, 1 ADD, 1 DIV would compute in float: MUL 'tf.math.pow/Pow', "
        "ADD 'operators___add/add', DIV 'tf.math.truediv/truediv'; replace these operators, or leave integer_only out"
    )


def test_integer_only_refuses_an_input_of_another_type(tensorflow, step_context):
    model, context = _trained(transformer, step_context, integer_only=True)
    content = _quantized(model, context, integer_only=True, io="int8")  # words are integers as they are
    assert [end.dtype for end in (*LiteRTModel(content).inputs, *LiteRTModel(content).outputs)] == ["int32", "int8"]


def test_layers_that_are_left_out_stay_in_float_and_what_was_never_trained_does_not(tensorflow, step_context):
    net = attention_behind_a_convolution
    model, context = _trained(net, step_context, **{"except": ["type:Dense"]})
    content = _quantized(model, context)
    assert [operator.name for operator in float_operators(content)] == ["FULLY_CONNECTED"]
    assert "computed in float, as asked or where LiteRT has no safe integers: 1 FULLY_CONNECTED" in context.notes
    assert {kernel.dtype for kernel in dissect(content).kernels if kernel.shape == (2, 8)} == {"float32"}
    assert {kernel.dtype for kernel in dissect(content).kernels if kernel.shape != (2, 8)} == {"int8"}
    assert _decibels(content, model, context) > 30
