"""Reads a `.tflite` file as the objects of the LiteRT schema, and writes them.

A file may hold weights after the flatbuffer, found by offset and size, as litert-quantizer writes them from 256 KiB on.
`read_model` brings them in, so that whoever changes a model need not know, and only what no flatbuffer can hold is
written so again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS

IDENTIFIER = b"TFL3"
_MOST_INLINE = 2_000_000_000  # bytes of weights in a flatbuffer, whose offsets end at 2**31
_ALIGNMENT = 16

_GREATEST = 127  # number in the older of the two fields that an operator's number is in


def read_model(content: bytes) -> Any:
    """The file as a `ModelT` of the LiteRT schema, with all its weights in `data` of its buffers.

    Raises:
        ModelError: it is not a whole LiteRT file, or its weights are in another file.
    """
    from ai_edge_litert import schema_py_generated as schema

    if len(content) < 8 or content[4:8] != IDENTIFIER:
        raise ModelError("this is not a LiteRT file", "give a .tflite file")
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        if not model.subgraphs or model.buffers is None:
            raise ModelError("the LiteRT file holds no graph", "make it again")
        _bring_in(model, content)
    except (*FLATBUFFER_ERRORS, MemoryError) as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None
    if any(tensor.externalBuffer for graph in model.subgraphs for tensor in graph.tensors or []):
        files = ", ".join(
            repr((group.name or b"").decode(errors="replace")) for group in model.externalBufferGroups or []
        )
        raise ModelError(f"the weights of the LiteRT file are in another file ({files})", "give a file that holds them")
    return model


def one_flatbuffer(content: bytes) -> bytes:
    """The file with no weights after its flatbuffer; the same bytes where there are none.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    from ai_edge_litert.schema_py_generated import Model

    model = read_model(content)
    table = Model.GetRootAs(content, 0)
    inline = all(table.Buffers(index).Offset() <= 1 for index in range(table.BuffersLength()))
    return content if inline else write_model(model)


def operator_of(code: Any) -> int:
    """The number of an `OperatorCodeT`'s operator. Old files, and those that 'slim' wrote, fill one field of two."""
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def has_block_scales(tensor: Any) -> bool:
    """Whether blocks of a `TensorT`'s values have scales, in the tensors that its quantization's `details` name."""
    from ai_edge_litert.schema_py_generated import QuantizationDetails

    quantization = tensor.quantization
    return quantization is not None and quantization.detailsType == QuantizationDetails.BlockwiseQuantization


def code_index(model: Any, operator: int, version: int = 1) -> int:
    """The place of an operator among a `ModelT`'s operator codes, where it is added if it is not there.

    `version` is the one that it is added in: integers need a later one than floats.
    """
    from ai_edge_litert.schema_py_generated import OperatorCodeT

    known = [operator_of(code) for code in model.operatorCodes]
    if operator not in known:
        code = OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = operator, min(operator, _GREATEST), version
        model.operatorCodes.append(code)
        return len(known)
    return known.index(operator)


def write_model(model: Any) -> bytes:
    """The bytes of a `ModelT`."""
    return written(model, _packed)


def written(model: Any, write: Callable[[Any], bytes]) -> bytes:
    """The file of a `ModelT`, whose flatbuffer `write` makes. Weights that would not fit into it are put after it."""
    held = [buffer for buffer in model.buffers if buffer.data is not None and len(buffer.data)]
    if sum(len(buffer.data) for buffer in held) <= _MOST_INLINE:
        return write(model)
    outside = [(buffer, np.asarray(buffer.data, np.uint8)) for buffer in held if len(buffer.data) >= 1024]
    try:
        end = _place(outside, _ALIGNMENT)
        start = _up(len(write(model))) - _ALIGNMENT  # offsets are numbers of one width, so the length stays
        end = _place(outside, _ALIGNMENT + start)
        content = np.zeros(end, np.uint8)
        flatbuffer = write(model)
        content[: len(flatbuffer)] = np.frombuffer(flatbuffer, np.uint8)
        for buffer, data in outside:
            content[buffer.offset : buffer.offset + buffer.size] = data
        return content.tobytes()
    finally:
        for buffer, data in outside:
            buffer.data, buffer.offset, buffer.size = data, 0, 0


def _place(outside: list[tuple[Any, NDArray[np.uint8]]], start: int) -> int:
    """Say in each buffer where its data will be, the first at `start`, and return where the last one ends."""
    for buffer, data in outside:
        buffer.data, buffer.offset, buffer.size = None, start, len(data)
        start = _up(start + len(data))
    return start


def _packed(model: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(2**16 + sum(len(data) for data in _all_data(model)))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(memoryview(builder.Bytes)[builder.Head() :])


def _all_data(model: Any) -> Iterator[Any]:
    return (buffer.data for buffer in model.buffers if buffer.data is not None)


def _bring_in(model: Any, content: bytes) -> None:
    """Put what lies after the flatbuffer where it belongs. Offsets of 0 and 1 mean that nothing does."""
    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = _part(content, buffer.offset, buffer.size)
        buffer.offset = buffer.size = 0
    for operator in (operator for graph in model.subgraphs for operator in graph.operators or []):
        if operator.largeCustomOptionsOffset > 1:
            operator.customOptions = _part(content, operator.largeCustomOptionsOffset, operator.largeCustomOptionsSize)
        operator.largeCustomOptionsOffset = operator.largeCustomOptionsSize = 0


def _part(content: bytes, offset: int, size: int) -> NDArray[np.uint8]:
    if offset + size > len(content):
        raise ValueError(f"bytes {offset:,} to {offset + size:,} lie outside of it")
    return np.frombuffer(content, np.uint8, size, offset)


def _up(position: int) -> int:
    return -(-position // _ALIGNMENT) * _ALIGNMENT
