"""The records of Keras layers agree with Keras, and with one another."""

import numpy as np
import pytest

from compressor.contracts.keras_layer_support import KERAS_LAYERS


def test_every_record_is_of_a_class_that_keras_2_has(tensorflow):
    from tf_keras import layers

    known = {*dir(layers), *dir(layers.experimental)}
    assert [kind for kind in KERAS_LAYERS if kind not in known] == []


@pytest.mark.parametrize("kind", [kind for kind, layer in KERAS_LAYERS.items() if layer.kernels])
def test_the_axes_of_every_kernel_in_the_table_are_those_that_keras_has(tensorflow, kind):
    from tf_keras import layers

    rank = next((int(digit) for digit in "123" if f"{digit}D" in kind), 0)
    options = {"kernel_size": 2} if rank else {}
    if option := KERAS_LAYERS[kind].channel_option:
        options[option] = 5
    if "depthwise_kernel" in {kernel.attribute for kernel in KERAS_LAYERS[kind].kernels}:
        options["depth_multiplier"] = 2
    layer = getattr(layers, kind)(**options)
    layer.build((None, *[6] * rank, 3))
    channels = 3
    for weight, kernel in zip(layer.weights, KERAS_LAYERS[kind].kernels, strict=False):
        assert getattr(layer, kernel.attribute) is weight
        assert weight.shape[kernel.takes] == channels
        channels = int(np.prod([weight.shape[axis] for axis in kernel.makes]))
    assert channels == (5 if option else 6)


def test_what_a_record_says_of_weights_it_says_of_one_kernel():
    about_weights = [
        layer
        for layer in KERAS_LAYERS.values()
        if layer.quantization.weights or layer.folded_batch_norm or layer.equalization == "weights"
    ]
    assert {len(layer.kernels) for layer in about_weights} == {1}
    assert all(layer.kernels for layer in KERAS_LAYERS.values() if layer.channel_option)


def test_a_class_that_stands_for_another_one_has_a_record_as_well():
    named = {layer.row_image.layer for layer in KERAS_LAYERS.values() if layer.row_image and layer.row_image.layer}
    assert named <= set(KERAS_LAYERS)
