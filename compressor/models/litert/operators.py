"""The operators of the LiteRT schema that the tool treats by kind."""

from __future__ import annotations

from enum import IntEnum


class Operator(IntEnum):
    """Members of the schema's `BuiltinOperator`, by its names and numbers."""

    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    DEQUANTIZE = 6
    EMBEDDING_LOOKUP = 7
    FULLY_CONNECTED = 9
    LOGISTIC = 14
    RESHAPE = 22
    SOFTMAX = 25
    TRANSPOSE = 39
    SQUEEZE = 43
    CAST = 53
    TRANSPOSE_CONV = 67
    EXPAND_DIMS = 70
    QUANTIZE = 114
    WHILE = 119
    DENSIFY = 124
    BATCH_MATMUL = 126
    PLACEHOLDER_FOR_GREATER_OP_CODES = 127
    VAR_HANDLE = 142
