"""Files whose float weights are stored without zeros compute the same bits, in fewer bytes."""

import numpy as np
import pytest

from compressor.base.errors import ModelError
from compressor.models.litert import LiteRTModel, Operator, dissect, read_model, shrunk, without_zeros
from compressor.models.litert.conversion.converter import Conversion, to_litert


@pytest.fixture
def pruned(tensorflow):
    """A net of all the layers whose weights may be dropped, 80 % zeros."""
    import tf_keras
    from tf_keras import layers

    stack = [
        layers.InputLayer((12, 12, 2)), layers.Conv2D(24, 3, activation="relu", name="conv"),
        layers.DepthwiseConv2D(3, depth_multiplier=4, name="deep"), layers.Conv2D(16, 1, name="point"),
        layers.Conv2DTranspose(8, 3, name="up"), layers.Flatten(), layers.Dense(40, name="hidden"),
        layers.Dense(3, name="head"),
    ]  # fmt: skip
    model = tf_keras.Sequential(stack)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if weights := layer.get_weights():
            kernel = random.normal(size=weights[0].shape) * (random.random(weights[0].shape) < 0.2)
            layer.set_weights([kernel, *weights[1:]])
    return model


@pytest.mark.parametrize("weights", [None, "float16"])
def test_the_outputs_are_the_same_bits_and_the_bytes_fewer(pruned, weights):
    dense = to_litert(pruned, Conversion(weights)) if weights else to_litert(pruned)
    small, tensors = without_zeros(dense)
    images = np.random.default_rng(1).normal(size=(5, 12, 12, 2)).astype(np.float32)
    assert np.array_equal(LiteRTModel(dense).run(images), LiteRTModel(small).run(images))
    before, after = dissect(dense), dissect(small)
    assert (after.parameters, after.sparsity) == (before.parameters, before.sparsity)
    assert {tensor.name.split("/")[-2] for tensor in tensors} >= {"conv", "deep", "point", "up", "hidden"}
    kept = {tensor.name: tensor.bytes for tensor in after.tensors}
    for tensor in tensors:
        assert kept[tensor.name] == tensor.bytes_after < 0.5 * tensor.bytes_before
    assert len(small) < len(dense) - sum(tensor.bytes_before - tensor.bytes_after for tensor in tensors) + 1_500
    assert without_zeros(small) == (small, ())
    assert len(shrunk(small)) < len(small)
    assert np.array_equal(LiteRTModel(dense).run(images[:1]), LiteRTModel(shrunk(small)).run(images[:1]))


def test_integer_weights_and_full_ones_stay(pruned, small_cnn):
    samples = [np.random.default_rng(seed).normal(size=(1, 12, 12, 2)).astype(np.float32) for seed in range(3)]
    for content in (to_litert(pruned, Conversion("int8", calibration=samples)), to_litert(small_cnn())):
        assert without_zeros(content) == (content, ())


def test_weights_that_two_layers_share_are_unpacked_once(tensorflow):
    import tf_keras

    inputs = tf_keras.Input((64,))
    twins = [tf_keras.layers.Dense(64, name=name) for name in ("one", "two")]
    model = tf_keras.Model(inputs, [layer(inputs) for layer in twins])
    for layer in twins:
        layer.set_weights([np.eye(64), np.zeros(64)])
    dense = to_litert(model)
    small, tensors = without_zeros(dense)
    assert len(tensors) == 1
    assert sum(code.builtinCode == Operator.DENSIFY for code in read_model(small).operatorCodes) == 1
    assert len(read_model(small).subgraphs[0].operators) == len(read_model(dense).subgraphs[0].operators) + 1
    x = np.random.default_rng(0).normal(size=(1, 64)).astype(np.float32)
    for one, other in zip(LiteRTModel(dense).run(x).values(), LiteRTModel(small).run(x).values(), strict=True):
        assert np.array_equal(one, other)


def test_a_damaged_file_is_refused(pruned):
    content = to_litert(pruned)
    with pytest.raises(ModelError):
        without_zeros(content[:1000])
