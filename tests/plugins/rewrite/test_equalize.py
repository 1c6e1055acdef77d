"""Equalization: other weights, the same outputs, and less lost to a scale that many channels share."""

import numpy as np
import pytest

from compressor.contracts.model_state import ModelState, Refusal
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.ptq.ptq import PTQ
from compressor_plugins.rewrite.equalize import Equalize


@pytest.fixture
def uneven(tensorflow):
    """A model whose channels differ a thousandfold, with layers of each kind, and a pair that a ReLU6 parts."""
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, strides=2, activation="relu", name="depthwise"),
            layers.Conv2D(8, 1, activation="relu", name="pointwise"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(16, name="hidden"),
            layers.ReLU(6.0),
            layers.Dense(10, name="head"),
        ]
    )
    scales = np.logspace(-1.5, 1.5, 8)
    for name, factors in (("conv", scales), ("pointwise", scales[::-1])):
        layer = model.get_layer(name)
        kernel, *bias = layer.get_weights()
        layer.set_weights([kernel * factors, *bias])
    return model


def test_outputs_stay_and_channels_become_even(uneven, step_context, digits):
    context = step_context()
    even = Equalize(Equalize.Params()).apply(uneven, context)
    images = next(digits.test.batches(20))[0]
    before, after = (model.predict(images, verbose=0) for model in (uneven, even))
    np.testing.assert_allclose(after, before, atol=1e-4 * np.abs(before).max())
    assert context.notes[-1] == (
        "evened the channels of 3 pairs of layers: conv and depthwise, depthwise and pointwise, pointwise and hidden"
    )
    assert context.left_alone == {}
    kernel = even.get_layer("pointwise").get_weights()[0]
    ranges = np.abs(kernel).max(axis=(0, 1, 2))
    assert ranges.max() / ranges.min() < 30
    old = np.abs(uneven.get_layer("pointwise").get_weights()[0]).max(axis=(0, 1, 2))
    assert old.max() / old.min() > 500


def test_less_is_lost_to_one_scale_for_all_channels(uneven, step_context, digits):
    images = next(digits.test.batches(64))[0]
    lost = {}
    even = Equalize(Equalize.Params()).apply(uneven, step_context())
    for name, model in (("uneven", uneven), ("even", even)):
        file = to_litert(model)
        step = PTQ(PTQ.Params(precision="int8", activations="float32", granularity="tensor"))
        quantized = step.apply(file, step_context())
        found, expected = LiteRTModel(quantized).run(images), LiteRTModel(file).run(images)
        lost[name] = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert lost["even"] < 0.5 * lost["uneven"]


def test_zeros_stay(uneven, step_context):
    for layer in uneven.layers:
        if layer.name in ("conv", "pointwise", "hidden"):
            kernel, *bias = layer.get_weights()
            kernel[..., ::2] = 0
            layer.set_weights([kernel, *bias])
    even = Equalize(Equalize.Params()).apply(uneven, step_context(ModelState().add("sparse")))
    before, after = (sorted(t.zeros for t in dissect(to_litert(model)).kernels) for model in (uneven, even))
    assert after == before
    assert sum(after) > 500


def test_clusters_would_be_parted_and_are_refused():
    with pytest.raises(Refusal) as refusal:
        Equalize(Equalize.Params()).plan(ModelState().add("clustered"))
    assert refusal.value.reason == "cannot work on a model with clustered weights"
