"""Multiply-accumulates are counted as by hand, from the shapes in the file."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from compressor.models.litert.format.operators import Operator
from compressor.models.litert.reading.multiplications import multiplications


def graph_of(operator, shapes, output, options=None, signature=None):
    """A graph with one call; the shapes are those of its inputs, None for one that is left out."""
    graph, call = schema.SubGraphT(), schema.OperatorT()
    graph.tensors = []

    def tensor(shape):
        one = schema.TensorT()
        one.shape, one.shapeSignature = np.array(shape, np.int32), None
        graph.tensors.append(one)
        return len(graph.tensors) - 1

    call.inputs = [-1 if shape is None else tensor(shape) for shape in shapes]
    call.outputs = [tensor(output)]
    graph.tensors[-1].shapeSignature = signature
    call.opcodeIndex, call.builtinOptions = 0, options
    graph.operators = [call]
    return graph


def model_of(operator, *graphs):
    model, code = schema.ModelT(), schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = int(operator)
    model.operatorCodes, model.subgraphs = [code], list(graphs)
    return model


def counted(operator, shapes, output, options=None, signature=None):
    return multiplications(model_of(operator, graph_of(operator, shapes, output, options, signature)))


def transposed():
    options = schema.BatchMatMulOptionsT()
    options.adjX = True
    return options


@pytest.mark.parametrize(
    ("operator", "shapes", "output", "options", "expected"),
    [
        # 26 x 26 places, 12 filters of 3 x 3 x 1
        (Operator.CONV_2D, [(1, 28, 28, 1), (12, 3, 3, 1), (12,)], (1, 26, 26, 12), None, 26 * 26 * 12 * 9),
        # two groups: each filter sees 4 of the 8 channels
        (Operator.CONV_2D, [(1, 10, 10, 8), (6, 1, 1, 4)], (1, 10, 10, 6), None, 100 * 6 * 4),
        (Operator.DEPTHWISE_CONV_2D, [(1, 8, 8, 16), (1, 3, 3, 16)], (1, 4, 4, 16), None, 4 * 4 * 16 * 9),
        (Operator.FULLY_CONNECTED, [(1, 2028), (10, 2028), None], (1, 10), None, 20_280),
        (Operator.FULLY_CONNECTED, [(1, 5, 64), (32, 64)], (1, 5, 32), None, 5 * 32 * 64),
        (Operator.BATCH_MATMUL, [(1, 4, 10, 16), (1, 4, 16, 10)], (1, 4, 10, 10), None, 4 * 10 * 10 * 16),
        (Operator.BATCH_MATMUL, [(1, 16, 10), (1, 16, 7)], (1, 10, 7), transposed(), 10 * 7 * 16),
        # each of 5 x 5 x 8 inputs goes to 3 x 3 places of 4 channels
        (Operator.TRANSPOSE_CONV, [(4,), (4, 3, 3, 8), (1, 5, 5, 8)], (1, 10, 10, 4), None, 5 * 5 * 8 * 3 * 3 * 4),
        (Operator.CONV_3D, [(1, 6, 6, 6, 2), (3, 3, 3, 2, 5)], (1, 4, 4, 4, 5), None, 64 * 5 * 27 * 2),
        # 7 steps of 4 gates of 6 cells, from 3 inputs and 6 cells before
        (Operator.UNIDIRECTIONAL_SEQUENCE_LSTM,
         [(1, 7, 3), *[(6, 3)] * 4, *[(6, 6)] * 4, *[None] * 3, *[(6,)] * 4, None, None, (1, 6), (1, 6)],
         (1, 7, 6), None, 7 * 4 * 6 * (3 + 6)),
        (Operator.ADD, [(1, 100), (1, 100)], (1, 100), None, 0),
        (Operator.WHILE, [(1,)], (1,), None, None),
    ],
)  # fmt: skip
def test_each_operator_is_counted_as_by_hand(operator, shapes, output, options, expected):
    assert counted(operator, shapes, output, options) == expected


def test_all_graphs_and_calls_are_added_up():
    graph = graph_of(Operator.FULLY_CONNECTED, [(1, 3), (2, 3)], (1, 2))
    assert multiplications(model_of(Operator.FULLY_CONNECTED, graph, graph)) == 12


@pytest.mark.parametrize(("signature", "expected"), [([-1, 26, 26, 12], 73_008), ([1, -1, -1, 12], None)])
def test_open_sizes_are_not_counted_but_samples_are_one(signature, expected):
    shapes = [(1, 28, 28, 1), (12, 3, 3, 1)]
    assert counted(Operator.CONV_2D, shapes, (1, 26, 26, 12), None, np.array(signature)) == expected
