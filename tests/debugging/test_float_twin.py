"""The float twin of a quantization-aware model computes what the model does without its rounding."""

import numpy as np
import pytest

from compressor.debugging.debug_subject import is_quantized
from compressor.debugging.float_twin import without_fake_quantization
from compressor.debugging.operator_graph import OperatorGraph
from compressor.models.litert.running.interpreter import LiteRTModel


@pytest.fixture(scope="module")
def aware(tensorflow):
    """The file of a small model with fake quantization of activations, the one of the model without, and samples."""
    import tensorflow as tf
    import tf_keras
    from tf_keras import Sequential, layers

    from compressor import to_litert

    class Rounded(layers.Layer):
        def call(self, inputs):
            return tf.quantization.fake_quant_with_min_max_args(inputs, -2, 2)

    def net(rounded):
        tf_keras.utils.set_random_seed(0)
        parts = [layers.InputLayer((6,), name="x"), layers.Dense(8, activation="relu", name="hidden")]
        parts += [Rounded(name="round_1")] if rounded else []
        parts += [layers.Dense(3, name="head")]
        parts += [Rounded(name="round_2")] if rounded else []
        return Sequential(parts)

    samples = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    return to_litert(net(True)), to_litert(net(False)), samples


def test_the_twin_has_no_rounding_left(aware):
    simulated, exact, samples = aware
    twin = without_fake_quantization(simulated)
    assert is_quantized(simulated)
    assert not is_quantized(twin)
    assert [node.operator for node in OperatorGraph(twin).nodes] == ["FULLY_CONNECTED", "FULLY_CONNECTED"]
    np.testing.assert_allclose(LiteRTModel(twin).run(samples), LiteRTModel(exact).run(samples), atol=1e-6)
    assert np.abs(LiteRTModel(simulated).run(samples) - LiteRTModel(exact).run(samples)).max() > 1e-4


def test_the_twin_keeps_the_names_of_inputs_and_outputs(aware):
    simulated, _, _ = aware
    before, after = LiteRTModel(simulated), LiteRTModel(without_fake_quantization(simulated))
    assert [end.name for end in after.inputs] == [end.name for end in before.inputs]
    assert [end.name for end in after.outputs] == [end.name for end in before.outputs]


def test_rounding_can_be_left_in_for_some_operators(aware):
    simulated, _, samples = aware
    graph = OperatorGraph(simulated)
    first = next(node for node in graph.nodes if node.operator == "FULLY_CONNECTED")
    partly = without_fake_quantization(simulated, lambda node: node.index == first.index)
    kinds = [node.operator for node in OperatorGraph(partly).nodes]
    assert kinds == ["FULLY_CONNECTED", "QUANTIZE", "DEQUANTIZE", "FULLY_CONNECTED"]
    whole, some = (LiteRTModel(file).run(samples) for file in (simulated, partly))
    assert not np.array_equal(whole, some)


def test_a_float_file_stays_as_it_is(aware):
    _, exact, _ = aware
    assert without_fake_quantization(exact) is exact
