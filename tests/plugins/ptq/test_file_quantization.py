"""A quantized file is called, and calls its parts, as the float file was."""

import numpy as np
import pytest

from compressor.contracts.model_state import ModelState
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.format.flatbuffer import read_model, write_model
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.ptq.ptq import PTQ

LITERT = ModelState(format="litert")


@pytest.fixture(scope="module")
def three_outputs(tensorflow):
    """A float file whose outputs are its hidden layers, too."""
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input((28, 28), name="image")
    hidden = layers.Dense(32, "relu", name="hidden")(layers.Flatten()(image))
    logits = layers.Dense(10, name="logits")(hidden)
    return to_litert(tf_keras.Model(image, [hidden, logits, layers.Dense(4, name="head")(logits)]))


def ptq(content, context, **params):
    return PTQ(PTQ.Params(**params)).apply(content, context)


def endpoints(content):
    file = read_model(content)
    (graph,) = file.subgraphs
    return (
        [[graph.tensors[index].name for index in ends] for ends in (graph.inputs, graph.outputs)],
        [
            (key.signatureKey, [(end.name, graph.tensors[end.tensorIndex].name) for end in (*key.inputs, *key.outputs)])
            for key in file.signatureDefs or []
        ],
    )


@pytest.mark.parametrize(
    "params",
    [
        {"io": "float32"},
        {"io": "int8"},
        {"io": "uint8"},
        {"precision": "int16x8", "io": "int16"},
        {"precision": "int4"},
    ],
    ids=str,
)
def test_inputs_outputs_and_signatures_keep_their_names(three_outputs, step_context, digits, params):
    content = ptq(three_outputs, step_context(LITERT), **params)
    assert endpoints(content) == endpoints(three_outputs)
    names = [tensor.name for tensor in read_model(content).subgraphs[0].tensors]
    assert all(names.count(name) == 1 for name in (b"image", b"hidden", b"logits", b"head"))
    images, _ = next(digits.test.batches(20))
    expected = LiteRTModel(three_outputs).run(images)
    for name, outputs in LiteRTModel(content).run(images).items():
        assert np.sqrt(np.mean((outputs - expected[name]) ** 2) / np.mean(expected[name] ** 2)) < 0.15, name


def test_a_file_without_a_signature_gets_none(three_outputs, step_context):
    file = read_model(three_outputs)
    file.signatureDefs = None
    content = ptq(write_model(file), step_context(LITERT))
    assert endpoints(content) == ([[b"image"], [b"hidden", b"logits", b"head"]], [])


def test_the_integers_behind_a_float_output_are_named_after_it(three_outputs, step_context):
    tensors = read_model(ptq(three_outputs, step_context(LITERT))).subgraphs[0].tensors
    assert {tensor.name for tensor in tensors if tensor.name.endswith(b"_int8")} == {
        b"image_int8", b"hidden_int8", b"logits_int8", b"head_int8",
    }  # fmt: skip
