"""Quantization-aware training: every weight is simulated, zeros stay, and what is left alone is named."""

import re

import numpy as np
import pytest

from compressor.base.errors import StepError
from compressor.contracts.model_state import ModelState
from compressor.models.files.keras_files import load_keras, save_keras
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.reading.graph_contents import float_operators
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.graph.relu_fusion import fuse_relus
from compressor_plugins.graph.rewrites import rewritten
from compressor_plugins.prune.prune import Prune
from compressor_plugins.ptq.ptq import PTQ
from compressor_plugins.qat.qat import QAT

AVERAGE_POOL_2D = 1  # BuiltinOperator in the LiteRT schema

CALIBRATED = " is not simulated in training; calibration gives it its ranges"


def qat(model, context, **params):
    return QAT(QAT.Params(**{"epochs": 1, "batch_size": 200, **params})).apply(model, context)


def shipped(model):
    return to_litert(model, Conversion("int8"))


def test_a_model_of_one_softmax_layer_is_quantized(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    one = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(), layers.Dense(10, "softmax")])
    assert {tensor.dtype for tensor in dissect(shipped(qat(one, step_context()))).kernels} == {"int8"}


def test_weights_are_quantized_whatever_the_activation_of_their_layer(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    kinds = ("relu", "relu6", "swish", "gelu", "elu", "selu", "softplus", "softsign", "tanh", "sigmoid", "softmax")
    hidden = [layers.Dense(12, kind, name=kind) for kind in kinds]
    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(), *hidden, layers.Dense(10)])
    context = step_context()
    found = dissect(shipped(qat(model, context))).kernels
    assert [tensor.dtype for tensor in found] == ["int8"] * 12
    assert set(context.left_alone) == {f"{kind}_activation" for kind in ("elu", "selu", "softplus", "softsign")}


@pytest.fixture
def separate_relu(tensorflow):
    """A convolution and a dense layer, each with a ReLU of its own after it."""
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(8, 3, name="conv"),
            layers.ReLU(name="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(16, name="hidden"),
            layers.Activation("relu", name="act"),
            layers.Dense(10, name="head"),
        ]
    )


def test_weights_before_a_separate_relu_are_quantized_and_keep_their_zeros(separate_relu, step_context):
    # tfmot skips them without a word, and the prune-preserving scheme then loses every zero there
    pruned = Prune(Prune.Params(epochs=1, batch_size=200, final_sparsity=0.75)).apply(separate_relu, step_context())
    context = step_context(ModelState().add("sparse"))
    anatomy = dissect(shipped(qat(pruned, context)))
    assert {tensor.dtype for tensor in anatomy.kernels} == {"int8"}
    assert min(tensor.zeros / tensor.size for tensor in anatomy.kernels) >= 0.749
    assert context.notes == ["fused 2 ReLUs into the layer before: relu, act"]
    assert context.left_alone == {}


def test_fusing_changes_no_output(separate_relu, digits):
    images = next(digits.test.batches(20))[0]
    fused, done = rewritten(separate_relu, [fuse_relus])
    names = [name for one in done for name in one.changed]
    assert names == ["relu", "act"]
    np.testing.assert_allclose(
        fused.predict(images, verbose=0), separate_relu.predict(images, verbose=0), rtol=1e-5, atol=1e-6
    )


def test_a_relu_whose_input_is_used_elsewhere_is_not_fused(tensorflow):
    import tf_keras
    from tf_keras import layers

    inputs = tf_keras.Input((8,))
    hidden = layers.Dense(4, name="hidden")(inputs)
    model = tf_keras.Model(inputs, layers.Concatenate()([layers.ReLU()(hidden), hidden]))
    fused, done = rewritten(model, [fuse_relus])
    names = [name for one in done for name in one.changed]
    assert names == []
    assert fused.get_layer("hidden").activation.__name__ == "linear"


def test_the_weights_before_a_relu_with_a_ceiling_are_quantized_as_well(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.Flatten(),
            layers.Dense(16, name="hidden"),
            layers.ReLU(6.0),
            layers.Dense(10),
        ]
    )
    context = step_context()
    anatomy = dissect(shipped(qat(model, context)))
    assert [tensor.dtype for tensor in anatomy.kernels] == ["int8", "int8"]
    assert context.left_alone == {}


def test_layers_that_tfmot_cannot_quantize_are_left_alone_and_named(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.LayerNormalization(name="norm"),
            layers.Flatten(),
            layers.Dense(10, name="dense"),
        ]
    )
    context = step_context()
    quantized = qat(model, context)
    assert context.left_alone == {"norm": "LayerNormalization" + CALIBRATED}
    assert {"norm", "quant_dense"} <= {layer.name for layer in quantized.layers}


def test_a_saved_model_gives_the_same_outputs_and_the_same_file(small_cnn, step_context, digits, tmp_path):
    # saved as .keras it could not be loaded again at all
    model = qat(small_cnn(), step_context())
    path = tmp_path / "qat model.h5"
    save_keras(model, path)
    loaded = load_keras(path, QAT(QAT.Params()).custom_objects())
    images = next(digits.test.batches(50))[0]
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0))
    assert shipped(loaded) == shipped(model)


def test_a_saved_model_opens_with_tfmot_alone(small_cnn, step_context, digits, tmp_path):
    import tensorflow_model_optimization as tfmot
    import tf_keras

    quantized = QAT(QAT.Params(epochs=1)).apply(small_cnn(), step_context())
    save_keras(quantized, tmp_path / "q.h5")
    with tfmot.quantization.keras.quantize_scope():
        loaded = tf_keras.models.load_model(tmp_path / "q.h5", compile=False)
    images = next(iter(digits.test.batches(50)))[0]
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), quantized.predict(images, verbose=0))


def test_the_shipped_file_agrees_with_the_simulation(small_cnn, step_context, digits):
    model = qat(small_cnn(), step_context(), epochs=3, batch_size=50)
    images = next(digits.test.batches(500))[0]
    simulated = model.predict(images, verbose=0)
    real = LiteRTModel(shipped(model)).run(images)
    assert np.abs(simulated - real).max() < 0.1 * np.abs(simulated).max()
    assert (simulated.argmax(1) == real.argmax(1)).mean() > 0.99


def test_a_subclassed_model_is_refused(tensorflow, step_context):
    import tf_keras

    class Own(tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf_keras.layers.Dense(10)

        def call(self, inputs):
            return self.dense(tf_keras.backend.batch_flatten(inputs))

    with pytest.raises(StepError) as error:
        qat(Own(), step_context())
    assert str(error.value) == (
        "quantization-aware training needs a functional or sequential model; "
        "rewrite the subclassed model, or use 'ptq' alone"
    )


@pytest.fixture
def image_net(tensorflow):
    """A function that builds a model over digits from what comes before a last dense layer."""
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)

    def build(*parts):
        head = [layers.GlobalAveragePooling2D(name="mean"), layers.Dense(10, name="head")]
        return tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Reshape((28, 28, 1)), *parts, *head])

    return build


def operators(content):
    from tensorflow.lite.python import schema_py_generated as schema

    from compressor.models.litert.format.flatbuffer import read_model

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    model = read_model(content)
    return [names[model.operatorCodes[op.opcodeIndex].builtinCode] for op in model.subgraphs[0].operators]


def in_float(content):
    """The operators that compute in float; what quantizes and dequantizes does not compute."""
    from compressor.models.litert.format.flatbuffer import read_model

    graph = read_model(content).subgraphs[0]
    found = zip(operators(content), graph.operators, strict=True)
    return [name for name, op in found if not graph.tensors[op.inputs[0]].type and name != "QUANTIZE"]


def dtypes(content):
    return {tensor.dtype for tensor in dissect(content).kernels}


def test_the_convolution_behind_preprocessing_is_quantized_and_the_preprocessing_stays(image_net, step_context):
    # skipped layers leave the first convolution in float, unless its input gets a range of its own
    from tf_keras import layers

    augmentation = (layers.RandomFlip(name="flip"), layers.RandomContrast(0.1, name="contrast"))
    norm = layers.Normalization(mean=0.1, variance=0.3, name="norm")
    model = image_net(layers.Rescaling(2.0, -1.0, name="scale"), *augmentation, norm, layers.Conv2D(4, 3, name="conv"))
    context = step_context()
    content = shipped(qat(model, context))
    assert {tensor.dtype for tensor in dissect(content).kernels if tensor.size > 1} == {"int8"}
    assert context.notes == ["kept in float before the quantized layers: scale, flip, contrast, norm"]
    assert context.left_alone == {}
    found = operators(content)
    assert found.index("SUB") < found.index("QUANTIZE") < found.index("CONV_2D")


def test_a_saved_model_with_augmentation_and_float_layers_loads_again(image_net, step_context, digits, tmp_path):
    from tf_keras import layers

    model = image_net(layers.RandomFlip(), layers.Conv2D(4, 3), layers.PReLU(shared_axes=[1, 2]), layers.Conv2D(4, 3))
    model = qat(model, step_context())
    save_keras(model, tmp_path / "model.h5")
    loaded = load_keras(tmp_path / "model.h5", QAT(QAT.Params()).custom_objects())
    images = next(digits.test.batches(50))[0]
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0))


def test_a_batch_norm_before_its_convolution_is_quantized_too(image_net, step_context):
    from tf_keras import layers

    parts = (layers.Conv2D(4, 3), layers.ReLU(), layers.BatchNormalization(name="pre"), layers.ReLU())
    context = step_context()
    content = shipped(qat(image_net(*parts, layers.Conv2D(4, 3)), context))
    assert dtypes(content) == {"int8"}
    assert "made 1 BatchNormalization a 1x1 depthwise convolution: pre" in context.notes
    context = step_context()
    content = shipped(qat(image_net(*parts, layers.Conv2D(4, 3)), context, fold_batch_norm="none"))
    assert context.left_alone == {"pre": "a BatchNormalization that follows no convolution" + CALIBRATED}


def test_convolutions_with_batch_norm_ship_as_single_operators(image_net, step_context):
    from tf_keras import layers

    parts = [layers.SeparableConv2D(8, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU(6.0)]
    content = shipped(qat(image_net(*parts), step_context()))
    expected = ["QUANTIZE", "RESHAPE", "DEPTHWISE_CONV_2D", "CONV_2D", "MEAN", "FULLY_CONNECTED", "DEQUANTIZE"]
    assert sorted(operators(content)) == sorted(expected)


def test_without_folding_a_batch_norm_behind_a_dense_layer_stays_in_float_and_is_named(image_net, step_context):
    from tf_keras import layers

    parts = (layers.Conv2D(4, 3, strides=4), layers.Flatten(), layers.Dense(16), layers.BatchNormalization(name="norm"))
    context = step_context()
    quantized = qat(image_net(*parts, layers.Reshape((1, 1, 16))), context, fold_batch_norm="none")
    assert context.left_alone == {"norm": "a BatchNormalization that follows no convolution" + CALIBRATED}
    assert dtypes(shipped(quantized)) == {"int8"}


def test_each_channel_of_a_depthwise_kernel_has_a_scale_of_its_own(image_net, step_context, digits, tmp_path):
    from tf_keras import layers

    from compressor.models.litert.format.flatbuffer import read_model

    for bits, ranges in ((8, "observed"), (4, "observed"), (8, "learned")):
        wide = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu", name="wide")
        model = image_net(layers.Conv2D(4, 3, strides=2, activation="relu"), wide)
        spread = np.float32([1e-3, 1, 30, 0.1, 1e-2, 5, 1, 0])  # of one channel nothing is left
        wide.depthwise_kernel.assign(wide.depthwise_kernel * spread.reshape(1, 1, 4, 2))
        quantized = qat(model, step_context(), weights=f"int{bits}", ranges=ranges, learning_rate=1e-5)
        content = shipped(quantized)
        (kernel,) = [t for t in read_model(content).subgraphs[0].tensors if tuple(t.shape) == (1, 3, 3, 8)]
        assert (len(kernel.quantization.scale), kernel.quantization.quantizedDimension) == (8, 3)
        images = next(digits.test.batches(200))[0]
        simulated, real = quantized.predict(images, verbose=0), LiteRTModel(content).run(images)
        assert np.abs(simulated - real).max() < 0.05 * np.abs(simulated).max()
        save_keras(quantized, tmp_path / "model.h5")
        loaded = load_keras(tmp_path / "model.h5", QAT(QAT.Params()).custom_objects())
        assert shipped(loaded) == content


def test_clusters_of_a_loop_that_is_unrolled_are_refused_before_training(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.GRU(4, name="gru"), layers.Dense(10)])
    with pytest.raises(StepError) as raised:
        QAT(QAT.Params(epochs=1)).apply(model, step_context(ModelState().add("clustered")))
    assert str(raised.value) == (
        "the clusters of gru would be lost, since such layers are computed step by step in integers; "
        "leave out 'qat', since 'ptq' alone keeps them"
    )


@pytest.mark.parametrize("clustered", [False, True])
def test_a_dense_layer_before_a_batch_norm_ships_in_integers(image_net, step_context, digits, clustered):
    from tf_keras import layers

    dense = layers.Dense(16, name="dense")
    parts = (layers.Conv2D(4, 3, strides=4), layers.Flatten(), dense, layers.BatchNormalization(name="norm"))
    model = image_net(*parts, layers.ReLU(), layers.Reshape((1, 1, 16)))
    if clustered:
        dense.kernel.assign(np.random.default_rng(0).choice([-0.2, 0.1, 0.3], dense.kernel.shape))
    context = step_context(ModelState().add("clustered") if clustered else ModelState())
    quantized = qat(model, context)
    assert ("folded 1 BatchNormalization into the dense layer before: norm" in context.notes) is not clustered
    content = shipped(quantized)
    assert dtypes(content) == {"int8"}
    assert not in_float(content)
    found = next(tensor for tensor in dissect(content).kernels if tensor.name.startswith("dense"))
    assert (found.unique == 3) is clustered
    assert ("DEPTHWISE_CONV_2D" in operators(content)) is clustered  # the normalization, which leaves them as they are
    images = next(digits.test.batches(200))[0]
    simulated, real = quantized.predict(images, verbose=0), LiteRTModel(content).run(images)
    assert np.abs(simulated - real).max() < 0.05 * np.abs(simulated).max()


def test_one_dimensional_convolutions_ship_in_integers_with_their_zeros(tensorflow, step_context, digits):
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([layers.InputLayer((28, 28))])
    for name, strides in (("first", 2), ("second", 1)):
        model.add(layers.Conv1D(16, 3, strides=strides, padding="causal", use_bias=False, name=name))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
    for layer in (layers.MaxPooling1D(), layers.SeparableConv1D(8, 3), layers.GlobalAveragePooling1D()):
        model.add(layer)
    model.add(layers.Dense(10, name="head"))
    pruned = Prune(Prune.Params(epochs=1, batch_size=200, final_sparsity=0.75)).apply(model, step_context())
    context = step_context(ModelState().add("sparse"))
    quantized = qat(pruned, context, epochs=2)
    assert context.notes[0] == (
        "gave 3 one-dimensional convolutions images of one row: first, second, separable_conv1d"
    )
    assert context.left_alone == {}
    content = shipped(quantized)
    assert dtypes(content) == {"int8"}
    assert not in_float(content)
    assert [name for name in operators(content) if name not in ("RESHAPE", "CONV_2D", "DEPTHWISE_CONV_2D")] == [
        "QUANTIZE", "PAD", "PAD", "MAX_POOL_2D", "MEAN", "FULLY_CONNECTED", "DEQUANTIZE"
    ]  # fmt: skip
    zeros = {t.name.split("/")[0]: t.zeros / t.size for t in dissect(content).kernels if t.shape[0] > 1}
    assert min(zeros.values()) >= 0.74
    images = next(digits.test.batches(200))[0]
    simulated, real = quantized.predict(images, verbose=0), LiteRTModel(content).run(images)
    assert np.abs(simulated - real).max() < 0.05 * np.abs(simulated).max()


@pytest.mark.parametrize("kind", ["Flatten", "Conv1D"])
def test_an_input_that_is_only_moved_keeps_the_widest_range_seen(tensorflow, kind):
    import tf_keras
    from tf_keras import layers

    from compressor_plugins.graph.model_reader import read
    from compressor_plugins.graph.row_images import convolutions_as_2d
    from compressor_plugins.qat.fake_quantization import simulated
    from compressor_plugins.qat.tfmot_wrapper_configs import Simulation

    first = layers.Flatten() if kind == "Flatten" else layers.Conv1D(4, 3, padding="causal")
    model = tf_keras.Sequential([layers.InputLayer((8, 2)), first, layers.Flatten(), layers.Dense(3)])
    graph = read(model)
    convolutions_as_2d(graph)
    quantized, chosen = simulated(graph, Simulation(lambda name, kind: 8), [np.ones((1, 8, 2), np.float32)], 32)
    (entry,) = chosen.entries
    quantized(np.full((1, 8, 2), 5, np.float32), training=True)
    quantized(np.full((1, 8, 2), 2, np.float32), training=True)
    highest = next(v for v in quantized.get_layer(entry).weights if v.name.split(":")[0].endswith("_max"))
    assert highest.numpy() == 5


def test_patterns_know_a_one_dimensional_convolution_by_the_class_it_had(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    def model():
        tf_keras.backend.clear_session()
        parts = [layers.Conv1D(4, 3, name="first"), layers.SeparableConv1D(4, 3, name="second")]
        parts += [layers.Conv1DTranspose(4, 3, name="up"), layers.Flatten()]
        return tf_keras.Sequential([layers.InputLayer((28, 28)), *parts, layers.Dense(10, name="head")])

    types = {"type:Conv1D": "int8", "type:SeparableConv1D": "float32"}
    context = step_context()
    content = shipped(qat(model(), context, weights="int4", per_layer=types))
    assert [note for note in context.notes if "names" in note] == []
    assert "given int8 weights, as LiteRT does not run these layers with fewer bits: up" in context.notes
    assert {t.name.split("/")[0]: t.dtype for t in dissect(content).kernels} == {
        "first": "int8", "second_depthwise": "float32", "second": "float32", "up": "int8", "head": "int4"
    }  # fmt: skip
    context = step_context()
    qat(model(), context, conv1d_as_2d=False)
    assert context.left_alone["first"] == "Conv1D" + CALIBRATED
    assert context.left_alone["second"] == "SeparableConv1D" + CALIBRATED


def test_a_one_dimensional_convolution_that_the_model_ends_in_keeps_its_name(tensorflow):
    import tf_keras
    from tf_keras import layers

    from compressor_plugins.graph.model_reader import read
    from compressor_plugins.graph.row_images import convolutions_as_2d
    from compressor_plugins.qat.fake_quantization import simulated
    from compressor_plugins.qat.tfmot_wrapper_configs import Simulation

    asked = []
    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Conv1D(10, 1, name="steps")])
    graph = read(model)
    convolutions_as_2d(graph)
    bits = Simulation(lambda name, kind: asked.append((name, kind)) or 8)
    quantized, _ = simulated(graph, bits, [np.zeros((1, 28, 28), np.float32)], 32)
    assert quantized.output_names == ["steps"]
    assert set(asked) == {("steps", "Conv1D")}


def test_statistics_that_have_not_settled_are_told_and_make_no_training_fail(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Reshape((28, 28, 1))])
    for _ in range(12):
        model.add(layers.Conv2D(4, 3, padding="same", use_bias=False, kernel_initializer=_small()))
        model.add(layers.BatchNormalization(momentum=0.999))
        model.add(layers.ReLU())
    model.add(layers.Flatten())
    model.add(layers.Dense(10))
    before = model.get_weights()
    context = step_context()
    quantized = qat(model, context)
    (note,) = context.notes
    times = re.fullmatch(
        r"the statistics of BatchNormalization have not settled: in training activations go up to ([\d,]+) times as "
        "far; train longer before, or with a lower momentum of these layers",
        note,
    )
    assert float(times[1].replace(",", "")) > 100
    assert all(np.isfinite(weight).all() for weight in quantized.get_weights())
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def _small():
    import tf_keras

    return tf_keras.initializers.RandomNormal(stddev=0.01)


def test_a_batch_norm_that_could_not_be_folded_for_the_clusters_before_it_is_told(image_net, step_context):
    from tf_keras import layers

    model = image_net(layers.Conv2D(4, 3), layers.BatchNormalization(name="norm"))
    context = step_context(ModelState().add("clustered"))
    quantized = qat(model, context, fold_batch_norm="all")
    assert context.notes == ["folded no BatchNormalization into a convolution, whose clusters its factors would part"]
    assert "quant_norm" in {layer.name for layer in quantized.layers}


def test_a_model_with_tied_scales_is_loaded_again_exactly(image_net, step_context, digits, tmp_path):
    from tf_keras import layers

    conv = layers.Conv2D(8, 3, strides=2, name="conv")
    model = image_net(conv, layers.BatchNormalization(), layers.ReLU())
    conv.kernel.assign(np.random.default_rng(0).choice([-0.2, 0.1, 0.3], conv.kernel.shape))
    for ranges in ("observed", "learned"):
        quantized = qat(model, step_context(ModelState().add("clustered")), ranges=ranges)
        save_keras(quantized, tmp_path / "model.h5")
        loaded = load_keras(tmp_path / "model.h5", QAT(QAT.Params()).custom_objects())
        images = next(digits.test.batches(50))[0]
        np.testing.assert_array_equal(loaded.predict(images, verbose=0), quantized.predict(images, verbose=0))
        assert shipped(loaded) == shipped(quantized)
        kernel = next(tensor for tensor in dissect(shipped(quantized)).kernels if tensor.name.startswith("conv"))
        assert (kernel.dtype, kernel.unique) == ("int8", 3)


def test_the_layers_of_nested_models_are_quantized_and_operations_do_not_stop_it(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    inner = tf_keras.Sequential([layers.Dense(16, activation="elu", name="within")], name="inner")
    inputs = tf_keras.Input((28, 28))
    hidden = inner(layers.Flatten()(inputs))
    hidden = tensorflow.nn.relu(hidden * 0.5)
    hidden = tensorflow.cumsum(hidden, axis=1)
    context = step_context()
    content = shipped(qat(tf_keras.Model(inputs, layers.Dense(10)(hidden)), context))
    assert dtypes(content) == {"int8"}
    assert context.notes == [
        "flattened 1 nested model: inner",
        "made 2 operations a layer: tf.math.multiply, tf.nn.relu",
    ]
    assert context.left_alone == {
        "tf.math.cumsum": "no layer stands for the operation tf.math.cumsum",
        "within_activation": "Activation 'elu'" + CALIBRATED,
    }


def test_only_the_layers_chosen_are_quantized(small_cnn, step_context):
    content = shipped(qat(small_cnn(), step_context(), layers=["type:Dense"]))
    assert {tensor.name: tensor.dtype for tensor in dissect(content).kernels} == {
        "conv/Conv2D": "float32",
        "dense/MatMul": "int8",
    }


def test_ranges_start_where_the_activations_are(small_cnn, step_context, digits):
    # tfmot starts them at -6 to 6, and one step moves them by a thousandth of the way
    model = small_cnn()
    images = next(digits.train.batches(2000))[0]
    largest = model.get_layer("conv").output
    import tf_keras

    largest = float(tf_keras.Model(model.inputs, largest).predict(images, verbose=0).max())
    quantized = qat(model, step_context(), batch_size=2000)
    (end,) = [w for w in quantized.get_layer("quant_conv").weights if "post_activation_max" in w.name]
    assert float(end.numpy()) == pytest.approx(largest, rel=0.15)


def test_ranges_are_those_of_the_float_model_whatever_the_range_of_its_inputs(tensorflow, step_context):
    """The quantizer at the entry knows no range before the ranges behind it are looked at."""
    import tf_keras
    from tf_keras import layers

    from compressor_plugins.graph.model_reader import read
    from compressor_plugins.qat.fake_quantization import simulated
    from compressor_plugins.qat.tfmot_wrapper_configs import Simulation

    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([layers.Input((4,), name="image"), layers.Dense(3)])
    pixels = np.arange(256, dtype=np.float32).reshape(64, 4)
    quantized, _ = simulated(read(model), Simulation(lambda name, kind: 8), list(pixels[:, None]), 32)
    variables = {weight.name.split("/")[-1]: weight.numpy() for weight in quantized.weights}
    outputs = model(pixels).numpy()
    assert {name: end for name, end in variables.items() if "image" in name or "activation" in name} == pytest.approx(
        {
            "quantize_image_min:0": 0,
            "quantize_image_max:0": 255,
            "post_activation_min:0": min(0, outputs.min()),
            "post_activation_max:0": max(0, outputs.max()),
        },
        rel=1e-4,
    )


def test_means_keep_the_scale_of_their_input_as_before_a_concatenation(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    from compressor.models.litert.format.flatbuffer import operator_of, read_model

    image = layers.Input((28, 28))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(layers.Reshape((28, 28, 1))(image))
    means = layers.Dropout(0.1)(layers.AveragePooling2D()(x))
    x = layers.Concatenate()([means, layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)])
    model = tf_keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
    file = read_model(shipped(qat(model, step_context(), batch_size=500)))
    graph = file.subgraphs[0]
    (pool,) = [one for one in graph.operators if operator_of(file.operatorCodes[one.opcodeIndex]) == AVERAGE_POOL_2D]
    given, made = (graph.tensors[index].quantization for index in (pool.inputs[0], pool.outputs[0]))
    assert (given.scale[0], given.zeroPoint[0]) == (made.scale[0], made.zeroPoint[0])


def test_zeros_stay_in_layers_that_are_left_in_float(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.GRU(8, name="gru"), layers.Dense(10)])
    pruned = Prune(Prune.Params(epochs=1, batch_size=500)).apply(model, step_context())
    context = step_context(ModelState().add("sparse"))
    anatomy = dissect(shipped(qat(pruned, context)))
    assert context.left_alone == {"gru": "GRU" + CALIBRATED}
    assert anatomy.sparsity == pytest.approx(0.8, abs=0.01)


def test_a_model_with_nothing_to_quantize_is_an_error(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    with pytest.raises(StepError) as error:
        qat(tf_keras.Sequential([layers.InputLayer((28, 28)), layers.GRU(10)]), step_context())
    assert str(error.value) == "there is no layer that can be quantized in training; use 'ptq' alone"


@pytest.fixture(scope="module")
def in_four_bits(tensorflow, digits):
    """A model with each kind of weights after training for int4, one layer for int8 and one in float."""
    import tf_keras
    from tf_keras import layers

    from compressor.contracts.context import StepContext
    from compressor.contracts.observer import Observer
    from compressor.training.trainer import Trainer

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(8, 3, strides=2, name="conv"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, activation="relu", name="depthwise"),
            layers.Conv2D(16, 1, activation="relu", name="pointwise"),
            layers.Flatten(),
            layers.Dense(16, activation="relu", name="hidden"),
            layers.Dense(12, activation="relu", name="eight"),
            layers.Dense(10, name="head"),
        ]
    )
    trainer = Trainer("qat", digits, 0, Observer(), [], smoke=False)
    context = StepContext(state=ModelState(), train=digits.train, trainer=trainer, seed=0)
    per_layer = {"type:ReLU": "int8", "eight": "int8", "head": "float32"}
    quantized = qat(model, context, weights="int4", per_layer=per_layer, batch_size=100)
    assert context.notes == ["'type:ReLU' names no layer that can be quantized in training"]
    return quantized


def test_four_bit_weights_are_int4_in_the_file_in_every_layer_but_those_named(in_four_bits, digits):
    content = shipped(in_four_bits)
    found = {tensor.name: (tensor.dtype, tensor.unique) for tensor in dissect(content).kernels}
    types = {name.split("/")[0]: dtype for name, (dtype, _) in found.items()}
    assert types == {
        "conv": "int4", "depthwise": "int4", "pointwise": "int4", "hidden": "int4", "eight": "int8", "head": "float32",
    }  # fmt: skip
    assert all(3 < unique <= 15 for dtype, unique in found.values() if dtype == "int4")
    images = next(digits.test.batches(500))[0]
    simulated = in_four_bits.predict(images, verbose=0)
    real = LiteRTModel(content).run(images)
    assert (simulated.argmax(1) == real.argmax(1)).mean() > 0.98
    assert np.abs(simulated - real).max() < 0.1 * np.abs(simulated).max()


def test_a_transposed_convolution_keeps_eight_bits_where_four_are_asked_and_that_is_told(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(4, 3, strides=4, activation="relu", name="down"),
            layers.Conv2DTranspose(4, 2, strides=2, activation="relu", name="up"),
            layers.Flatten(),
            layers.Dense(10, name="head"),
        ]
    )
    context = step_context()
    quantized = qat(model, context, weights="int4")
    assert context.notes == ["given int8 weights, as LiteRT does not run these layers with fewer bits: up"]
    types = {tensor.name.split("/")[0]: tensor.dtype for tensor in dissect(shipped(quantized)).kernels}
    assert types == {"down": "int4", "up": "int8", "head": "int4"}


def test_a_model_trained_for_four_bits_is_loaded_again_exactly(in_four_bits, digits, tmp_path):
    save_keras(in_four_bits, tmp_path / "model.h5")
    loaded = load_keras(tmp_path / "model.h5", QAT(QAT.Params()).custom_objects())
    images = next(digits.test.batches(50))[0]
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), in_four_bits.predict(images, verbose=0))
    assert shipped(loaded) == shipped(in_four_bits)


def test_ptq_ships_the_bits_that_were_trained_for_and_refuses_others(in_four_bits, step_context):
    from compressor.contracts.model_state import Refusal
    from compressor_plugins.ptq.ptq import PTQ

    state = QAT(QAT.Params(weights="int4")).plan(ModelState())
    assert str(state) == "keras, quantization_aware, trained for int4"
    step = PTQ(PTQ.Params(precision="int4"))
    assert step.plan(state) == ModelState("litert", frozenset({"quantized"}))
    content = step.apply(in_four_bits, step_context(state))
    in_four = [
        [kernel.shape for kernel in dissect(file).kernels if kernel.bits == 4]
        for file in (content, shipped(in_four_bits))
    ]
    assert sorted(in_four[0]) == sorted(in_four[1]) != []
    assert [operator.output for operator in float_operators(content)] == ["head"]  # as asked
    for params, reason in (
        ({}, "with precision int8 would waste the training for int4; use precision int4"),
        (
            {"precision": "int4", "algorithm": "octav"},
            "must quantize as the model was trained for; leave out algorithm, granularity, activations, "
            "bias_correction and per_layer",
        ),
    ):
        with pytest.raises(Refusal) as refusal:
            PTQ(PTQ.Params(**params)).plan(state)
        assert refusal.value.reason == reason


def test_zeros_and_clusters_stay_in_four_bits(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(), layers.Dense(10, name="head")])
    pruned = Prune(Prune.Params(epochs=1, batch_size=200, final_sparsity=0.75)).apply(model, step_context())
    content = shipped(qat(pruned, step_context(ModelState().add("sparse")), weights="int4"))
    (kernel,) = dissect(content).kernels
    assert kernel.dtype == "int4"
    assert kernel.zeros / kernel.size >= 0.75


def test_integers_are_made_floats_before_a_quantized_layer_and_named(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    inputs = tf_keras.Input((28, 28))
    bins = layers.Discretization(bin_boundaries=[0.1, 0.5], name="bins")(inputs)
    model = tf_keras.Model(inputs, layers.Dense(10, name="dense")(layers.Flatten(name="flat")(bins)))
    context = step_context()
    content = shipped(qat(model, context))
    assert {tensor.name: tensor.dtype for tensor in dissect(content).kernels if tensor.size > 1} == {
        "dense/MatMul": "int8"
    }
    assert "made floats of integers before the quantized layers: flat" in context.notes
    assert context.left_alone == {}


def test_a_ceiling_in_the_layer_itself_is_quantized_as_one_behind_it_is(image_net, step_context):
    # tfmot knows no relu6 there
    from tf_keras import layers

    context = step_context()
    content = shipped(qat(image_net(layers.Conv2D(4, 3, activation="relu6")), context))
    assert dtypes(content) == {"int8"}
    assert "DEQUANTIZE" not in operators(content)[:-1]


def test_the_range_before_a_softmax_starts_where_its_inputs_are(tensorflow, step_context, digits):
    import tf_keras
    from tf_keras import layers

    flat = [layers.InputLayer((28, 28)), layers.Flatten()]
    model = tf_keras.Sequential([*flat, layers.Dense(10, activation="softmax", name="head")])
    kernel, bias = model.get_weights()
    model.set_weights([40 * kernel, bias])
    images = next(digits.train.batches(2000))[0]
    largest = float((images.reshape(2000, -1) @ (40 * kernel)).max())
    quantized = qat(model, step_context(), batch_size=2000)
    (end,) = [w for w in quantized.get_layer("quant_head").weights if "pre_activation_max" in w.name]
    assert float(end.numpy()) == pytest.approx(largest, rel=0.3)
    assert largest > 30


@pytest.fixture(scope="module")
def in_sixteen_bits(tensorflow, digits):
    """A model with each kind of weights after training with 16-bit activations, and half its dense weights zero."""
    import tf_keras
    from tf_keras import layers

    from compressor.contracts.context import StepContext
    from compressor.contracts.observer import Observer
    from compressor.training.trainer import Trainer

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input((28, 28))
    found = layers.Reshape((28, 28, 1))(image)
    found = layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv")(found)
    found = layers.ReLU()(layers.BatchNormalization()(found))
    found = layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(found)
    found = layers.Add()([found, layers.Conv2D(8, 1, name="pointwise")(found)])
    found = layers.Cropping2D(1)(found)
    found = layers.Flatten()(layers.MaxPooling2D(2)(found))
    found = layers.Dense(16, activation="tanh", name="hidden")(found)
    model = tf_keras.Model(image, layers.Dense(10, activation="softmax", name="head")(found))
    kernel = model.get_layer("hidden").kernel
    kernel.assign(np.where(np.arange(kernel.shape[0])[:, None] % 2, kernel, 0))
    trainer = Trainer("qat", digits, 0, Observer(), [], smoke=False)
    context = StepContext(state=ModelState().add("sparse"), train=digits.train, trainer=trainer, seed=0)
    return qat(model, context, activations="int16", batch_size=200), context


def test_sixteen_bit_activations_ship_as_they_were_trained(in_sixteen_bits, step_context, digits):
    from compressor.models.litert.format.flatbuffer import read_model
    from compressor_plugins.ptq.ptq import PTQ

    model, context = in_sixteen_bits
    assert context.left_alone == {}
    state = QAT(QAT.Params(activations="int16")).plan(ModelState())
    content = PTQ(PTQ.Params(precision="int16x8")).apply(model, step_context(state))
    assert dtypes(content) == {"int8"}
    int8, int16, int32, int64 = 9, 7, 2, 4
    file = read_model(content)
    types = [tensor.type for tensor in file.subgraphs[0].tensors]
    biases = [t for t in file.subgraphs[0].tensors if t.type in (int32, int64) and t.quantization.scale is not None]
    assert {bias.type for bias in biases} == {int64}  # in 32 bits the sums of a layer overflow
    assert len(biases) == 5
    assert types.count(int8) == 5
    assert types.count(int16) >= 9
    assert not {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD"} & set(in_float(content))
    (hidden,) = [tensor for tensor in dissect(content).kernels if tensor.name.startswith("hidden")]
    assert hidden.zeros / hidden.size >= 0.5
    images = next(digits.test.batches(500))[0]
    simulated = model.predict(images, verbose=0)
    assert np.abs(simulated - LiteRTModel(content).run(images)).max() < 0.002


def test_a_model_trained_for_sixteen_bits_is_loaded_again_exactly(in_sixteen_bits, tmp_path):
    model, _ = in_sixteen_bits
    save_keras(model, tmp_path / "model.h5")
    loaded = load_keras(tmp_path / "model.h5", QAT(QAT.Params()).custom_objects())
    assert to_litert(loaded, Conversion("int16x8")) == to_litert(model, Conversion("int16x8"))


def test_only_ptq_in_16x8_takes_what_was_trained_for_it(tensorflow):
    from compressor.contracts.model_state import Refusal
    from compressor_plugins.ptq.ptq import PTQ

    state = QAT(QAT.Params(activations="int16")).plan(ModelState())
    assert str(state) == "keras, quantization_aware, trained for int16x8"
    assert PTQ(PTQ.Params(precision="int16x8", io="int16")).plan(state) == ModelState("litert", {"quantized"})
    for params, trained, reason in (
        ({}, state, "with precision int8 would waste the training for int16x8; use precision int16x8"),
        (
            {"precision": "int16x8"},
            QAT(QAT.Params()).plan(ModelState()),
            "with precision int16x8 would waste the training for int8; use precision int8",
        ),
    ):
        with pytest.raises(Refusal) as refusal:
            PTQ(PTQ.Params(**params)).plan(trained)
        assert refusal.value.reason == reason


@pytest.mark.parametrize("other", [{"weights": "int4"}, {"per_layer": {"head": "int4"}}])
def test_sixteen_bit_activations_are_for_eight_bit_weights(other):
    with pytest.raises(ValueError, match="int16 activations go with int8 weights; LiteRT has no 16-bit operator for"):
        QAT.Params(activations="int16", **other)


def test_what_the_converter_refuses_in_16_bits_gets_its_ranges_from_calibration(tensorflow, step_context, digits):
    # the converter writes no 16-bit Concatenate, gelu or swish whose ranges come from training
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input((28, 28))
    flat = layers.Flatten()(image)
    both = layers.Concatenate()([layers.Dense(8, "swish")(flat), layers.Dense(8, "sigmoid")(flat)])
    model = qat(tf_keras.Model(image, layers.Dense(10)(both)), step_context(), activations="int16")
    state = QAT(QAT.Params(activations="int16")).plan(ModelState())
    context = step_context(state)
    content = PTQ(PTQ.Params(precision="int16x8", io="int16")).apply(model, context)
    assert context.notes == [
        "the converter cannot write all 16-bit ranges of the training; those of calibration take their place"
    ]
    assert float_operators(content) == ()
    images = next(digits.test.batches(100))[0]
    expected = model.predict(images, verbose=0)
    noise = np.square(LiteRTModel(content).run(images) - expected).mean()
    assert np.square(expected).mean() > 1e3 * noise  # 30 dB
