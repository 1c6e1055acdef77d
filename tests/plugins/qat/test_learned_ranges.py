"""Ranges that are learned: by the gradients of LSQ, and as they are in the file."""

import numpy as np
import pytest

from compressor.contracts.model_state import ModelState
from compressor.models.files.keras_files import load_keras, save_keras
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.qat.learned_ranges import least_error_limits
from compressor_plugins.qat.qat import QAT


def learned(model, context, **params):
    given = {"epochs": 1, "batch_size": 100, "ranges": "learned", **params}
    return QAT(QAT.Params(**given)).apply(model, context)


def variables(model, layer):
    return {v.name.split(":")[0].split("/")[-1]: v.numpy() for v in model.get_layer(layer).weights}


def gradients(quantizer, values, **ends):
    """Of the sum of the rounded values, by the values and by the power of two."""
    import tensorflow as tf

    weights = {name: tf.Variable(value) for name, value in ends.items()}
    with tf.GradientTape() as tape:
        tape.watch(values := tf.constant(values))
        total = tf.reduce_sum(quantizer(values, training=True, weights=weights))
    return [found.numpy() for found in tape.gradient(total, [values, weights["stretch"]])]


def test_gradients_are_those_of_learned_step_size_quantization(tensorflow):
    # in steps of 1: 0.3 rounds to 0, 2.6 to 3, and 9 is cut off at 7; d/ds is round(v / s) - v / s, or 7 beyond
    from compressor_plugins.qat.learned_ranges import learned_range_quantizer

    quantizer = learned_range_quantizer()(4, per_axis=False, symmetric=True)
    ends = {"min_var": -7.0, "max_var": 7.0, "stretch": 0.0}
    by_value, by_power = gradients(quantizer, np.float32([0.3, 2.6, 9.0]), **ends)
    assert by_value.tolist() == [1, 1, 0]
    assert by_power == pytest.approx(np.log(2) * (-0.3 + 0.4 + 7), rel=1e-5)


def test_the_two_ends_of_a_range_of_activations_are_learned_apart(tensorflow):
    from compressor_plugins.qat.learned_ranges import learned_range_quantizer

    quantizer = learned_range_quantizer()(8, per_axis=False, symmetric=False)
    ends = {"min_var": -51.0, "max_var": 204.0, "stretch": np.float32([0, 0])}
    by_value, by_powers = gradients(quantizer, np.float32([-60.0, 10.25, 300.0]), **ends)
    assert by_value.tolist() == [0, 1, 0]
    low, high = 1 + 0.25 / 255, 1 - 0.25 / 255  # each end moves with what it cuts off, and with half of each rounding
    assert by_powers.tolist() == pytest.approx([np.log(2) * -51 * low, np.log(2) * 204 * high], rel=1e-5)


def test_ranges_of_weights_start_where_rounding_costs_least():
    kernel = np.float32([[0.1, 0, 1], [-0.2, 0, -1], [0.3, 0, 1], [2.0, 0, -1]])
    limits = least_error_limits(kernel, 4, per_axis=True)
    assert limits[2] == 1
    assert limits[1] == limits.max()  # of a channel of zeros: as wide as the widest
    largest = np.abs(kernel[:, 0]).max()
    error = [np.square(np.clip(np.round(kernel[:, 0] / t * 7), -7, 7) / 7 * t - kernel[:, 0]).sum() for t in
             (limits[0], largest)]  # fmt: skip
    assert error[0] <= error[1]


@pytest.fixture(scope="module")
def in_four_bits(tensorflow, digits):
    """The MNIST CNN after training for int4 with learned ranges."""
    from compressor.contracts.context import StepContext
    from compressor.contracts.observer import Observer
    from compressor.training.trainer import Trainer
    from compressor_plugins.models.mnist_cnn import MNISTCNN

    tensorflow.keras.backend.clear_session()
    tensorflow.keras.utils.set_random_seed(0)
    model = MNISTCNN(MNISTCNN.Params()).build()
    kernel = model.get_layer("dense").kernel
    kernel.assign(np.where(np.arange(kernel.shape[0])[:, None] % 4, 0, kernel))
    trainer = Trainer("qat", digits, 0, Observer(), [], smoke=False)
    context = StepContext(state=ModelState().add("sparse"), train=digits.train, trainer=trainer, seed=0)
    return learned(model, context, weights="int4")


def test_what_was_learned_is_the_scale_in_the_file(in_four_bits):
    file = read_model(to_litert(in_four_bits, Conversion("int8")))
    tensors = [tensor for tensor in file.subgraphs[0].tensors if tensor.quantization is not None]
    int4, int8 = 17, 9
    scales = {tensor.name.decode(): tensor.quantization.scale for tensor in tensors if tensor.type == int4}
    for layer, name in (("conv", "conv/Conv2D"), ("dense", "dense/MatMul")):
        found = variables(in_four_bits, f"quant_{layer}")
        assert (found["kernel_stretch"] != 0).any()
        expected = found["kernel_max"] * 2 ** found["kernel_stretch"] / 7
        np.testing.assert_allclose(scales[name], np.atleast_1d(expected), rtol=1e-5)
    found = variables(in_four_bits, "quant_conv")
    top = float(found["post_activation_max"] * 2 ** found["post_activation_stretch"][1])
    assert any(abs(tensor.quantization.scale[0] - top / 255) < 1e-6 for tensor in tensors if tensor.type == int8)


def test_zeros_stay_and_the_file_agrees_with_the_simulation(in_four_bits, digits):
    content = to_litert(in_four_bits, Conversion("int8"))
    kernels = {tensor.name: tensor for tensor in dissect(content).kernels}
    assert {tensor.dtype for tensor in kernels.values()} == {"int4"}
    assert kernels["dense/MatMul"].zeros / kernels["dense/MatMul"].size >= 0.75
    images = next(digits.test.batches(500))[0]
    simulated, real = in_four_bits.predict(images, verbose=0), LiteRTModel(content).run(images)
    assert np.abs(simulated - real).max() < 0.05 * np.abs(simulated).max()


def test_a_model_with_learned_ranges_is_loaded_again_exactly(in_four_bits, tmp_path):
    save_keras(in_four_bits, tmp_path / "model.h5")
    loaded = load_keras(tmp_path / "model.h5", QAT(QAT.Params()).custom_objects())
    assert to_litert(loaded, Conversion("int8")) == to_litert(in_four_bits, Conversion("int8"))


def test_ranges_are_learned_in_sixteen_bits_too(small_cnn, step_context, digits):
    model = learned(small_cnn(), step_context(), activations="int16")
    content = to_litert(model, Conversion("int16x8"))
    images = next(digits.test.batches(200))[0]
    assert np.abs(model.predict(images, verbose=0) - LiteRTModel(content).run(images)).max() < 0.01
    assert variables(model, "quant_conv")["post_activation_stretch"].shape == ()
