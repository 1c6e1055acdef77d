"""What a file takes, gives and computes is told as it is in the file."""

import numpy as np
import pytest

from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.format.flatbuffer import read_model, write_model
from compressor.models.litert.reading.graph_contents import FileEndpoint, FileSignature, operators_of, signatures_of


@pytest.fixture(scope="module")
def rounding(tensorflow):
    """A model that LiteRT cannot compute in integers alone: it has no such kernel of ROUND."""
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    x = tf_keras.Input((8,), name="x")
    rounded = tensorflow.round(layers.Dense(6, name="first")(x))
    return tf_keras.Model(x, layers.Dense(2, name="last")(rounded))


def converted(model, weights, io="float32"):
    samples = np.random.default_rng(0).uniform(-1, 1, (20, 1, 8)).astype(np.float32)
    return to_litert(model, Conversion(weights, io, samples if weights == "int8" else None))


def test_operators_are_told_with_the_types_that_they_compute_in(rounding):
    found = [(op.name, op.computes_in, op.arithmetic) for op in operators_of(converted(rounding, "int8"))]
    assert found == [
        ("QUANTIZE", "float32 to int8", "neither"),
        ("FULLY_CONNECTED", "int8", "integer"),
        ("DEQUANTIZE", "int8 to float32", "neither"),
        ("ROUND", "float32", "float"),
        ("QUANTIZE", "float32 to int8", "neither"),
        ("FULLY_CONNECTED", "int8", "integer"),
        ("DEQUANTIZE", "int8 to float32", "neither"),
    ]


def test_weights_of_another_type_than_what_flows_are_told(small_cnn):
    found = {op.name: op.computes_in for op in operators_of(to_litert(small_cnn(), Conversion("dynamic_int8")))}
    assert found["FULLY_CONNECTED"] == "float32, int8 weights"
    found = {op.name: op.computes_in for op in operators_of(to_litert(small_cnn(), Conversion("float16")))}
    assert (found["DEQUANTIZE"], found["CONV_2D"]) == ("float16 to float32", "float32")


def test_inputs_and_outputs_have_names_shapes_types_and_scales(rounding):
    (signature,) = signatures_of(converted(rounding, "int8", "int8"))
    (given,), (made,) = signature.inputs, signature.outputs
    assert (signature.name, given.name, given.shape, given.dtype) == ("serving_default", "x", (1, 8), "int8")
    assert given.scale == pytest.approx(2 / 255, rel=0.02)
    assert (made.name, made.shape, made.dtype) == ("last", (1, 2), "int8")


def test_without_a_signature_the_tensors_give_the_names_and_open_sizes_have_none(rounding):
    file = read_model(converted(rounding, "float32"))
    file.signatureDefs = None
    graph = file.subgraphs[0]
    graph.tensors[graph.inputs[0]].shapeSignature = np.array([-1, 8], np.int32)
    signatures = signatures_of(write_model(file))
    ends = (
        FileEndpoint("x", "x", (None, 8), "float32", 0.0, 0, (1, 8)),
        FileEndpoint("last", "last", (1, 2), "float32", 0.0, 0, (1, 2)),
    )
    assert signatures == (FileSignature(None, (ends[0],), (ends[1],)),)
