"""`slim` takes bytes away, and nothing that anyone can notice in the outputs."""

import numpy as np
import pytest

from compressor.base.errors import StepError
from compressor.contracts.model_state import ModelState, Refusal
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.files.slim import Slim

LITERT = ModelState(format="litert")


@pytest.fixture
def int8_file(small_cnn, step_context):
    return to_litert(small_cnn(), Conversion("int8", calibration=step_context().calibration(20)))


def slimmed(content, context, **params):
    return Slim(Slim.Params(**params)).apply(content, context)


def test_outputs_names_and_signature_stay(int8_file, step_context, digits):
    context = step_context(LITERT)
    small = slimmed(int8_file, context)
    before, after = LiteRTModel(int8_file), LiteRTModel(small)
    features, _ = next(digits.test.batches(50))
    assert np.array_equal(before.run(features), after.run(features))
    assert (after.inputs, after.outputs) == (before.inputs, before.outputs)
    assert after.inputs[0].name == "image"
    assert context.notes == [f"{len(int8_file) - len(small):,} of {len(int8_file):,} bytes were not needed"]


def test_little_more_than_the_weights_is_left(int8_file, step_context):
    small = slimmed(int8_file, step_context(LITERT), signature="drop", names="drop")
    model = read_model(small)
    weights = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    assert len(small) - weights < 1700 < 2700 < len(int8_file) - weights
    assert all(tensor.name is None for tensor in model.subgraphs[0].tensors)
    assert model.signatureDefs is None
    assert model.metadata is None


def test_what_is_slim_stays_as_it_is(int8_file, step_context):
    small = slimmed(int8_file, step_context(LITERT))
    assert slimmed(small, step_context(LITERT)) == small


def test_equal_kernels_share_a_buffer(tensorflow, step_context):
    import tf_keras

    image = tf_keras.Input((28, 28), name="image")
    flat = tf_keras.layers.Flatten()(image)
    twins = [tf_keras.layers.Dense(5, name=name) for name in ("one", "two")]
    model = tf_keras.Model(image, [layer(flat) for layer in twins])
    twins[1].set_weights(twins[0].get_weights())
    content = to_litert(model)
    small = slimmed(content, step_context(LITERT))
    kernels = [buffer for buffer in read_model(small).buffers if buffer.data is not None and len(buffer.data) > 1000]
    assert len(kernels) == 1
    with pytest.raises(StepError, match="the file's inputs and outputs could not be told apart; keep one of the two"):
        slimmed(content, step_context(LITERT), signature="drop", names="drop")


def test_zeros_are_dropped_on_request_and_the_outputs_stay(small_cnn, step_context, digits):
    model, context = small_cnn(), step_context(LITERT)
    kernel = model.get_layer("dense").kernel
    kernel.assign(np.where(np.abs(kernel) < np.quantile(np.abs(kernel), 0.8), 0, kernel))
    content = to_litert(model)
    small, dense = slimmed(content, context, zeros="drop"), slimmed(content, step_context(LITERT))
    assert context.notes[0] == "1 kernel is stored without zeros, in 24,338 in place of 81,120 bytes"
    assert len(small) < len(dense) - 56_000
    features, _ = next(digits.test.batches(50))
    assert np.array_equal(LiteRTModel(dense).run(features), LiteRTModel(small).run(features))
    assert dissect(small).sparsity == dissect(dense).sparsity > 0.79


def test_a_keras_model_is_converted_to_floats(small_cnn, step_context):
    model = small_cnn()
    assert slimmed(model, step_context(ModelState())) == slimmed(to_litert(model), step_context(LITERT))
    assert Slim(Slim.Params()).plan(ModelState().add("sparse")) == ModelState(format="litert").add("sparse")


def test_a_model_with_fake_quantization_is_refused():
    with pytest.raises(Refusal, match=r"^cannot work on a model with fake quantization in its layers$"):
        Slim(Slim.Params()).plan(ModelState().add("quantization_aware"))


def test_it_is_said_where_no_zeros_are_dropped(int8_file, step_context):
    context = step_context(LITERT)
    assert slimmed(int8_file, context, zeros="drop") == slimmed(int8_file, step_context(LITERT))
    assert context.notes[0] == (
        "zeros: drop changed nothing: no kernel in float32 or float16 takes fewer bytes without its zeros"
    )
