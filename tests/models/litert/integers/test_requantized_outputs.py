"""Operators that hand on integers as they are make these integers' scale, and a QUANTIZE behind them another."""

import numpy as np

from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.integers.requantized_outputs import requantized
from compressor.models.litert.reading.graph_contents import operators_of
from compressor.models.litert.running.interpreter import LiteRTModel
from tests.small_litert_files import litert_file, tensor


def reversing(made):
    """Integers of steps of a half, in the other direction, in steps of a size."""
    tensors = [
        tensor("x", (1, 4), scales=[0.5]),
        tensor("axis", (1,), "INT32", np.int32([1]).tobytes()),
        tensor("y", (1, 4), scales=[made]),
    ]
    return litert_file(tensors, [("REVERSE_V2", [0, 1], [2])], [0], [2])


def names(content):
    return [each.name for each in operators_of(content)]


def test_what_is_moved_into_another_scale_means_the_same_there():
    content = requantized(reversing(0.25))
    assert names(content) == ["REVERSE_V2", "QUANTIZE"]
    assert LiteRTModel(content).run(np.float32([[1, 2, 3, -4]])).tolist() == [[-4, 3, 2, 1]]
    assert LiteRTModel(reversing(0.25)).run(np.float32([[1, 2, 3, -4]])).tolist() == [[-2, 1.5, 1, 0.5]]


def test_a_file_of_one_scale_stays_as_it_is():
    content = reversing(0.5)
    assert requantized(content) is content


def test_each_part_of_what_is_split_has_the_scale_of_the_whole():
    tensors = [
        tensor("x", (2, 3), scales=[0.5]),
        tensor("a", (3,), scales=[0.5]),
        tensor("b", (3,), scales=[0.25]),
    ]
    content = requantized(litert_file(tensors, [("UNPACK", [0], [1, 2])], [0], [1, 2]))
    assert names(content) == ["UNPACK", "QUANTIZE"]
    graph = read_model(content).subgraphs[0]
    unpack, quantize = graph.operators
    assert [graph.tensors[index].quantization.scale[0] for index in unpack.outputs] == [0.5, 0.5]
    assert (int(quantize.inputs[0]), int(quantize.outputs[0])) == (int(unpack.outputs[1]), 2)
