"""Counts what the reference kernels of LiteRT for Microcontrollers allocate, operator by operator.

The sizes of structures are those of the package `tflite-micro`, once with pointers of 4 bytes and once of 8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compressor.models.litert.format.tensor_types import TensorType, type_of
from compressor.models.micro.memory_planner import aligned

_LOOKUP = 513 * 2  # bytes of a table of int16, of which softmax has two
_EXTREMES = {"REDUCE_MAX", "REDUCE_MIN"}
_REDUCTIONS = {"MEAN", "SUM", *_EXTREMES}
_BY_CHANNEL = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 0}  # the axis of a kernel's output channels
_FILTERS = {*_BY_CHANNEL, "FULLY_CONNECTED"}

# bytes of the structure in which a kernel keeps what it has computed once, with 32-bit and with 64-bit pointers
_DATA = {
    "CONV_2D": (56, 80), "DEPTHWISE_CONV_2D": (56, 80), "TRANSPOSE_CONV": (72, 88), "FULLY_CONNECTED": (48, 72),
    "AVERAGE_POOL_2D": (32, 32), "MAX_POOL_2D": (32, 32), "L2_POOL_2D": (32, 32), "SOFTMAX": (48, 80),
    "LOGISTIC": (16, 16), "TANH": (16, 16), "HARD_SWISH": (20, 20), "LEAKY_RELU": (24, 24), "RELU": (28, 28),
    "RELU6": (8, 8), "PRELU": (28, 28), "ELU": (256, 256), "ADD": (60, 60), "SUB": (52, 52), "MUL": (36, 36),
    "DIV": (32, 32), "SQUARED_DIFFERENCE": (112, 112), "MEAN": (44, 44), "SUM": (44, 44), "REDUCE_MAX": (44, 44),
    "REDUCE_MIN": (44, 44), "CONCATENATION": (24, 80), "PAD": (56, 56), "PADV2": (56, 56), "MIRROR_PAD": (16, 16),
    "STRIDED_SLICE": (84, 84), "QUANTIZE": (32, 32), "DEQUANTIZE": (32, 32), "BATCH_MATMUL": (144, 144),
    "SPACE_TO_BATCH_ND": (4, 4), "DEPTH_TO_SPACE": (20, 20), "SVDF": (48, 56),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (440, 480), "TFLM_DECODE": (64, 96),
}  # fmt: skip

# bytes of an operator's options, as they are parsed
_OPTIONS = {
    "CONV_2D": 28, "DEPTHWISE_CONV_2D": 32, "TRANSPOSE_CONV": 20, "FULLY_CONNECTED": 16,
    "AVERAGE_POOL_2D": 40, "MAX_POOL_2D": 40, "L2_POOL_2D": 40, "SOFTMAX": 4, "ADD": 8, "SUB": 8, "MUL": 4, "DIV": 4,
    "CONCATENATION": 8, "RESHAPE": 36, "SQUEEZE": 36, "MEAN": 1, "SUM": 1, "REDUCE_MAX": 1, "REDUCE_MIN": 1,
    "STRIDED_SLICE": 24, "LEAKY_RELU": 4, "RESIZE_BILINEAR": 2, "RESIZE_NEAREST_NEIGHBOR": 2, "SPLIT": 4, "SPLIT_V": 4,
    "PACK": 8, "UNPACK": 8, "GATHER": 8, "ARG_MAX": 4, "ARG_MIN": 4, "BATCH_MATMUL": 3, "CAST": 8,
    "DEPTH_TO_SPACE": 4, "SPACE_TO_DEPTH": 4, "SHAPE": 4, "SVDF": 8, "UNIDIRECTIONAL_SEQUENCE_LSTM": 16,
}  # fmt: skip


@dataclass(frozen=True)
class KernelMemory:
    """The memory that a call of an operator allocates, in bytes.

    Attributes:
        scratch: buffers that it needs while it runs.
        persistent: what stays for as long as the interpreter, each with its alignment.
    """

    scratch: tuple[int, ...]
    persistent: tuple[int, ...]


def kernel_memory(name: str, inputs: Sequence[Any], outputs: Sequence[Any], pointer: int) -> KernelMemory:
    """Count what a call of the operator of this name allocates.

    Args:
        inputs: `TensorT`s of the schema; None for those that are left out.
        outputs: likewise.
        pointer: bytes of a pointer, 4 or 8.
    """
    persistent = [aligned(_OPTIONS.get(name, 0), 4), aligned(_DATA.get(name, (0, 0))[pointer == 8])]
    data = inputs[2] if name == "TRANSPOSE_CONV" else inputs[0] if inputs else None  # the first is a shape there
    type_ = type_of(data) if data is not None else None
    weights = inputs[1] if len(inputs) > 1 else None
    if name in _BY_CHANNEL and weights is not None:
        persistent += [aligned(4 * _sizes(weights)[_BY_CHANNEL[name]])] * 2
    if name == "FULLY_CONNECTED" and (scales := _scales(weights)) > 1:
        persistent += [aligned(4 * scales)] * 2
    if name == "SOFTMAX" and TensorType.INT16 in (type_, type_of(outputs[0])):
        persistent += [aligned(_LOOKUP)] * 2
    return KernelMemory(tuple(_scratch(name, type_, inputs, outputs)), tuple(persistent))


def _scratch(name: str, type_: TensorType | None, inputs: Sequence[Any], outputs: Sequence[Any]) -> list[int]:
    in_integers = type_ in (TensorType.INT8, TensorType.UINT8, TensorType.INT16)
    if name in _FILTERS and len(inputs) > 1 and inputs[1] is not None and type_of(inputs[1]) is TensorType.INT4:
        return [elements(inputs[1])]  # its values, a byte each
    if name in _REDUCTIONS:
        places = [4 * len(_sizes(inputs[0])), 4 * elements(inputs[1])]
        return [4 * elements(outputs[0]), *places] if in_integers and name not in _EXTREMES else places
    if name == "TRANSPOSE_CONV" and in_integers:
        return [elements(outputs[0]) * (8 if type_of(outputs[0]) is TensorType.INT16 else 4)]
    if name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        *_, batch_or_time, _, units = [1, 1, 1, *_sizes(outputs[0])]
        return [batch_or_time * units * (2 if in_integers else 4)] * 4
    return []


def elements(tensor: Any) -> int:
    """Count the values of a `TensorT`; an open size counts as 1."""
    return math.prod(_sizes(tensor))


def _sizes(tensor: Any) -> list[int]:
    return [] if tensor.shape is None else [max(1, int(size)) for size in tensor.shape]


def _scales(tensor: Any) -> int:
    quantization = tensor.quantization if tensor is not None else None
    return 0 if quantization is None or quantization.scale is None else len(quantization.scale)
