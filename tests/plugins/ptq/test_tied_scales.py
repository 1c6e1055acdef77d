"""Clusters come through quantization: a kernel has no more integers in the file than it had values."""

import gzip

import numpy as np
import pytest

from compressor.contracts.model_state import ModelState
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.cluster.centroids import clustered
from compressor_plugins.ptq.ptq import PTQ

CLUSTERED = ModelState().add("clustered")


def pictures():
    """Convolutions of every kind, one of them before a normalization, and dense layers."""
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    x = layers.Conv2D(12, 3, 2, activation="relu", name="conv")(layers.Reshape((28, 28, 1))(inputs))
    x = layers.Conv2D(16, 3, dilation_rate=2, use_bias=False, name="normed")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    x = layers.Conv2DTranspose(8, 3, name="up")(layers.DepthwiseConv2D(3, name="deep")(x))
    x = layers.Conv2D(32, 1, name="point", activation="relu")(x)
    x = layers.Dense(48, activation="relu", name="middle")(layers.GlobalAveragePooling2D()(x))
    return tf_keras.Model(inputs, layers.Dense(32, name="head")(x))


def sequences():
    """Causal convolutions with gaps, attention, and an einsum."""
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    x = layers.Conv1D(16, 3, dilation_rate=2, padding="causal", activation="relu", name="causal")(inputs)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 8, name="attention")(x, x)])
    x = layers.EinsumDense("abc,cd->abd", output_shape=(None, 16), name="einsum")(x)
    return tf_keras.Model(inputs, layers.Dense(32, name="head")(layers.GlobalAveragePooling1D()(x)))


def recurrent():
    """Layers whose loops the conversion unrolls, so that their kernels lose their names."""
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    x = layers.Bidirectional(layers.GRU(6, return_sequences=True), name="both")(layers.AveragePooling1D(4)(inputs))
    return tf_keras.Model(inputs, layers.Dense(32, name="head")(layers.SimpleRNN(8, name="plain")(x)))


def built(maker, clusters, **options):
    """The model with so many values in each kernel, and with statistics that have something to fold."""
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    model, generator = maker(), np.random.default_rng(0)
    for weight in model.weights:
        if weight.shape.rank > 1 and "bias" not in weight.name:
            weight.assign(clustered(weight.numpy(), clusters, "linear", generator, **options))
        elif "gamma" in weight.name or "variance" in weight.name:
            weight.assign(generator.uniform(0.3, 2, weight.shape))
        else:
            weight.assign(generator.normal(0, 0.1, weight.shape))
    return model


def error(content, model, digits):
    """The mean error of a file's outputs, as a share of their size."""
    pictures = np.concatenate([features for features, _ in digits.test.take(40).batches(1)])
    expected = model(pictures).numpy()
    file = LiteRTModel(content)
    found = np.concatenate([file.run(picture[None]) for picture in pictures])
    return np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2))


def values(content):
    return {tensor.name: tensor.unique for tensor in dissect(content).kernels if tensor.bits <= 8}


@pytest.mark.parametrize(
    ("maker", "clusters", "kernels", "most_error", "params"),
    [
        (pictures, 16, 7, 0.02, {}),
        (pictures, 16, 7, 0.02, {"precision": "int16x8"}),
        (pictures, 16, 4, 0.02, {"precision": "dynamic"}),  # the others are too small for the converter
        (pictures, 16, 7, 0.02, {"precision": "dynamic", "algorithm": "mse"}),
        (pictures, 16, 7, 0.02, {"algorithm": "octav", "io": "uint8"}),
        (pictures, 16, 7, 0.02, {"granularity": "tensor"}),
        (pictures, 6, 7, 0.15, {"precision": "int4", "algorithm": "mse"}),
        (sequences, 16, 7, 0.03, {}),
        (sequences, 16, 7, 0.03, {"precision": "int16x8"}),
        (recurrent, 16, 7, 0.1, {}),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_no_kernel_has_more_integers_than_values(
    maker, clusters, kernels, most_error, params, tensorflow, step_context, digits
):
    model = built(maker, clusters)
    content = PTQ(PTQ.Params(**params)).apply(model, step_context(CLUSTERED))
    assert len(values(content)) == kernels
    assert {name: count for name, count in values(content).items() if count > clusters} == {}
    if "io" not in params:
        assert error(content, model, digits) < most_error


def test_the_file_gets_smaller_too_and_no_less_accurate(tensorflow, step_context, digits, monkeypatch):
    model = built(pictures, 16)
    content = PTQ(PTQ.Params()).apply(model, step_context(CLUSTERED))
    monkeypatch.setattr("compressor_plugins.ptq.quantization.with_clusters", lambda content, model: content)
    plain = PTQ(PTQ.Params()).apply(model, step_context(CLUSTERED))
    assert max(values(plain).values()) > 40
    assert len(content) < 0.95 * len(plain)
    assert len(gzip.compress(content)) < len(gzip.compress(plain)) < len(gzip.compress(to_litert(model)))
    assert error(content, model, digits) < 1.2 * error(plain, model, digits)


def test_a_file_of_float_weights_keeps_its_clusters_too(tensorflow, step_context):
    content = PTQ(PTQ.Params()).apply(to_litert(built(sequences, 8)), step_context(ModelState("litert")))
    assert max(values(content).values()) == 8


def test_values_of_each_channel_keep_scales_of_their_own(tensorflow, step_context):
    model = built(sequences, 4, per_channel=True)
    content = PTQ(PTQ.Params()).apply(model, step_context(CLUSTERED))
    graph = read_model(content).subgraphs[0]
    scales = {tensor.name.decode(): len(tensor.quantization.scale) for tensor in graph.tensors if tensor.quantization
              and tensor.quantization.scale is not None}  # fmt: skip
    assert scales["head/MatMul"] == 32
    channels = {tensor.name: tensor.channel_unique for tensor in dissect(content).kernels}
    assert channels["head/MatMul"] == channels["causal/Conv1D"] == 4


def test_weights_without_clusters_are_quantized_as_ever(tensorflow, step_context, small_cnn, monkeypatch):
    model = small_cnn()
    content = PTQ(PTQ.Params()).apply(model, step_context())
    monkeypatch.setattr("compressor_plugins.ptq.tied_scales.with_clusters", lambda content, model: content)
    assert PTQ(PTQ.Params()).apply(model, step_context()) == content
