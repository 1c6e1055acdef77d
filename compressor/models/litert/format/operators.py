"""The operators of the LiteRT schema that the tool treats by kind."""

from __future__ import annotations

from enum import IntEnum
from functools import cache


class Operator(IntEnum):
    """Members of the schema's `BuiltinOperator`, by its names and numbers."""

    ADD = 0
    CONCATENATION = 2
    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    DEPTH_TO_SPACE = 5
    DEQUANTIZE = 6
    EMBEDDING_LOOKUP = 7
    FULLY_CONNECTED = 9
    LOGISTIC = 14
    MAX_POOL_2D = 17
    MUL = 18
    RESHAPE = 22
    RESIZE_BILINEAR = 23
    SOFTMAX = 25
    SPACE_TO_DEPTH = 26
    TANH = 28
    GATHER = 36
    BATCH_TO_SPACE_ND = 37
    SPACE_TO_BATCH_ND = 38
    TRANSPOSE = 39
    SUB = 41
    DIV = 42
    SQUEEZE = 43
    UNIDIRECTIONAL_SEQUENCE_LSTM = 44
    STRIDED_SLICE = 45
    SPLIT = 49
    CAST = 53
    MAXIMUM = 55
    MINIMUM = 57
    NEG = 59
    SLICE = 65
    TRANSPOSE_CONV = 67
    TILE = 69
    EXPAND_DIMS = 70
    LOG = 73
    SHAPE = 77
    PACK = 83
    UNPACK = 88
    SQUARE = 92
    RESIZE_NEAREST_NEIGHBOR = 97
    LEAKY_RELU = 98
    MIRROR_PAD = 100
    SPLIT_V = 102
    REVERSE_V2 = 105
    GATHER_ND = 107
    ELU = 111
    REVERSE_SEQUENCE = 112
    QUANTIZE = 114
    HARD_SWISH = 117
    WHILE = 119
    DENSIFY = 124
    BATCH_MATMUL = 126
    PLACEHOLDER_FOR_GREATER_OP_CODES = 127
    BROADCAST_TO = 130
    CONV_3D = 132
    VAR_HANDLE = 142


def operator_name(number: int) -> str:
    """The schema's name of an operator's number, or `operator 999` for one that it does not have."""
    return _names().get(number, f"operator {number}")


@cache
def _names() -> dict[int, str]:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    return {number: name for name, number in vars(BuiltinOperator).items() if not name.startswith("_")}
