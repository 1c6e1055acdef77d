"""Random small models of all kinds of layers: files agree with the models, and compute in integers where LiteRT can.

Run a long search with `pytest tests/end_to_end/test_random_graphs.py -m long`.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from compressor.base.errors import StepError
from compressor.contracts.model_state import ModelState
from compressor.data.prepared_splits import RunData
from compressor.data.split import ArraySplit
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.reading.graph_contents import float_operators
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor.models.litert.running.trial_run import refuse_failing
from compressor_plugins.prune.prune import Prune
from compressor_plugins.ptq.ptq import PTQ
from compressor_plugins.qat.qat import QAT

SAMPLES = 32
TRAINING = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-4, "loss": "mse"}
LEAST = {"int8": 10, "int16x8": 20}  # decibels that a file's outputs are above their difference from the model's
BEYOND = 10  # decibels below what rounding each layer's outputs leaves, where a model makes more of rounding than that
OWN_RANGES = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}  # that LiteRT gives their outputs
FROM_ZERO = {"DIV", "LOG"}  # unsafe in integers where what they take comes close to zero, with what computes that


def _plain(layer, **options):
    return lambda layers, x: getattr(layers, layer)(**options)(x)


def _with_itself(layer):
    return lambda layers, x: getattr(layers, layer)()([x, layers.Activation("tanh")(x)])


def _gated(layers, x):
    squeezed = layers.Dense(x.shape[-1], "hard_sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Multiply()([x, squeezed])


def _attended(layers, x):
    return layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))


ANYWHERE = {
    "dense": _plain("Dense", units=6),
    "dense gelu": _plain("Dense", units=5, activation="gelu"),
    "dense swish": _plain("Dense", units=5, activation="swish"),
    "norm": _plain("BatchNormalization"),
    # of so few channels, some vary by less than a step of eight bits, and a smaller epsilon makes them large
    "layer norm": _plain("LayerNormalization", epsilon=0.01),
    "relu": _plain("ReLU"),
    "leaky": _plain("LeakyReLU"),
    "elu": _plain("ELU"),
    "prelu": _plain("PReLU"),
    "sigmoid": _plain("Activation", activation="sigmoid"),
    "hard sigmoid": _plain("Activation", activation="hard_sigmoid"),
    "softmax": _plain("Softmax"),
    "rescaling": _plain("Rescaling", scale=0.7, offset=0.2),
    "dropout": _plain("Dropout", rate=0.2),
    "arithmetic": lambda layers, x: (x * 0.5 + 0.1) - 0.3 * x,
    **{name.lower(): _with_itself(name) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")},
    "concatenate": _with_itself("Concatenate"),
}
ON_IMAGES = {
    "conv": _plain("Conv2D", filters=6, kernel_size=3, padding="same"),
    "conv relu": _plain("Conv2D", filters=5, kernel_size=3, padding="same", activation="relu"),
    "depthwise": _plain("DepthwiseConv2D", kernel_size=3, padding="same"),
    "separable": _plain("SeparableConv2D", filters=4, kernel_size=3, padding="same"),
    "transposed": _plain("Conv2DTranspose", filters=4, kernel_size=2, padding="same"),
    "average": _plain("AveragePooling2D", pool_size=3, strides=1, padding="same"),
    "largest": _plain("MaxPooling2D", pool_size=3, strides=1, padding="same"),
    "larger": lambda layers, x: layers.MaxPooling2D()(layers.UpSampling2D(interpolation="bilinear")(x)),
    "padded": lambda layers, x: layers.Cropping2D()(layers.ZeroPadding2D()(x)),
    "group norm": _plain("GroupNormalization", groups=1),
    "gated": _gated,
}
ON_SEQUENCES = {
    "conv1d": _plain("Conv1D", filters=6, kernel_size=3, padding="causal", dilation_rate=2),
    "lstm": _plain("LSTM", units=4, return_sequences=True),
    "gru": _plain("GRU", units=4, return_sequences=True),
    "both ways": lambda layers, x: layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x),
    "attended": _attended,
    "pooled": _plain("AveragePooling1D", pool_size=3, strides=1, padding="same"),
    "each": lambda layers, x: layers.TimeDistributed(layers.Dense(4))(x),
}
SHAPES = {"images": (6, 6, 3), "sequences": (6, 4), "vectors": (7,)}
LAYERS = {"images": ANYWHERE | ON_IMAGES, "sequences": ANYWHERE | ON_SEQUENCES, "vectors": ANYWHERE}
CHAINS = ("ptq", "qat", "prune qat", "qat 16", "ptq 16")


@st.composite
def nets(draw):
    """What a net takes, the names of its layers, and the chain of steps."""
    kind = draw(st.sampled_from(sorted(SHAPES)))
    names = draw(st.lists(st.sampled_from(sorted(LAYERS[kind])), min_size=1, max_size=5))
    return kind, tuple(names), draw(st.sampled_from(CHAINS))


def _model(kind, names):
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    inputs = tf_keras.Input(SHAPES[kind])
    x = layers.Dense(4)(inputs)
    for name in names:
        x = LAYERS[kind][name](layers, x)
    model = tf_keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    generator = np.random.default_rng(1)
    model.set_weights([weight + generator.normal(0, 0.02, weight.shape) ** 2 for weight in model.get_weights()])
    return model


def _decibels(content, model, context):
    file, wanted, found = LiteRTModel(content), [], []
    for sample in context.calibration(SAMPLES):
        wanted.append(np.asarray(model(sample)))
        found.append(file.run(sample))
    return _above(np.stack(wanted), np.stack(found))


def _above(wanted, found):
    """How far outputs are above their difference from others, in decibels."""
    noise = np.square(found - wanted).mean()
    return 10 * np.log10(np.square(wanted).mean() / noise) if noise else np.inf


def _explained(model, precision, inputs):
    """The decibels that are left once the outputs of every layer are rounded as any file of this precision does."""
    import tensorflow as tf
    import tf_keras

    bits = {"int8": 8, "int16x8": 16}[precision]

    def rounding(layer):
        call, within = layer.call, getattr(layer, "layer", layer)
        own = OWN_RANGES.get(within.activation.__name__) if isinstance(within, tf_keras.layers.Activation) else None

        def rounded(*args, **options):
            values = call(*args, **options)
            found = tf.minimum(tf.reduce_min(values), 0), tf.maximum(tf.reduce_max(values), 1e-6)
            low, high = own or found
            return tf.quantization.fake_quant_with_min_max_vars(values, low, high, num_bits=bits)

        return rounded

    wanted = np.asarray(model(inputs))
    with pytest.MonkeyPatch.context() as patch:
        for layer in model.layers:
            patch.setattr(layer, "call", rounding(layer))
        return _above(wanted, np.asarray(model(inputs)))


def _holds(net, step_context):
    kind, names, chain = net
    model = _model(kind, names)
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(SAMPLES, *SHAPES[kind])).astype(np.float32)
    split = ArraySplit(inputs, generator.normal(size=(SAMPLES, 3)).astype(np.float32))
    context = step_context(data=RunData("noise", split, split, split))
    assert _decibels(to_litert(model), model, context) > 60
    precision = "int16x8" if chain.endswith("16") else "int8"
    state = ModelState()
    try:
        if "prune" in chain:
            model = Prune(Prune.Params(final_sparsity=0.5, **TRAINING)).apply(model, context)
        if "qat" in chain:
            wide = {"activations": "int16"} if precision == "int16x8" else {}
            step = QAT(QAT.Params(**TRAINING, **wide))
            state = step.plan(state)
            model = step.apply(model, context)
        context.state = state
        content = PTQ(PTQ.Params(precision=precision)).apply(model, context)
        refuse_failing(content, next(context.calibration(1)), "the model")  # as a run does when it measures the stage
    except StepError as error:
        assert precision == "int16x8" or "loss became" in error.what, error
        return
    left = {operator.name for operator in float_operators(content)}
    assert precision == "int16x8" or not left or left & FROM_ZERO, left
    found = _decibels(content, model, context)
    assert found > LEAST[precision] or found > _explained(model, precision, inputs) - BEYOND, (names, chain)


@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@example(("images", ("prelu", "relu"), "ptq"))  # which the converter no longer knows as a PRELU
@example(("vectors", ("dense swish", "minimum"), "ptq"))  # a MINIMUM's range cut the swish off for its tanh as well
@example(("vectors", ("arithmetic", "arithmetic", "subtract", "subtract"), "ptq"))  # a last layer of next to nothing
@example(("images", ("group norm",), "qat 16"))  # a SUM of 16 bits was cut off at the range of its terms
@example(("sequences", ("elu", "add", "maximum", "add"), "qat"))  # cut off at the range of a tanh
@example(("images", ("elu", "concatenate", "add"), "qat"))  # as before
@example(("sequences", ("lstm", "minimum", "lstm"), "qat"))  # whose first one's state had another range than its output
@given(nets())
def test_files_of_random_models_agree_with_them(step_context, net):
    _holds(net, step_context)


@pytest.mark.long
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@example(("images", ("elu",), "qat"))  # an ELU before a RESHAPE
@example(("sequences", ("elu", "concatenate"), "qat"))
@example(("sequences", ("lstm", "pooled", "relu"), "qat"))  # a ReLU that LiteRT makes a part of the average before
@example(("images", ("dense gelu", "relu"), "ptq"))  # a ReLU that LiteRT makes a part of the last product before
@example(("vectors", ("dense gelu", "dropout", "relu"), "ptq"))  # the same, behind what does nothing
@example(("sequences", ("lstm", "lstm"), "ptq"))  # whose second one's cells stay below 0.5
@example(("sequences", ("both ways", "gru"), "ptq"))  # a REVERSE_V2 between other scales
@example(("sequences", ("lstm", "subtract"), "ptq"))  # tanh(x) from x, which are alike: rounding is all that is left
@given(nets())
def test_files_of_three_hundred_random_models_agree_with_them(step_context, net):
    _holds(net, step_context)
