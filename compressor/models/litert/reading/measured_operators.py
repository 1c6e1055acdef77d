"""Measures each operator of a `.tflite` file: the bytes of its constants, and its multiply-accumulates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.format.tensor_types import type_of
from compressor.models.litert.reading.graph_contents import FileOperator, operators_in
from compressor.models.litert.reading.multiplications import multiplications_of

TensorKey = tuple[int, int]
"""A tensor of a file: the number of its graph, and its place there."""


@dataclass(frozen=True)
class ComputedTensor:
    """A tensor that is no constant.

    Attributes:
        bytes: of its values, where an open size counts as 1.
    """

    key: TensorKey
    name: str
    dtype: str
    bytes: int


@dataclass(frozen=True)
class MeasuredOperator:
    """An operator of a file, with what it takes up.

    Attributes:
        number: its place among the operators of all graphs, from 1 on.
        call: its name, the types that it computes in, and what it makes.
        constant_bytes: of the constants that it takes and no operator before it: weights, biases and tables.
        macs: multiply-accumulates of one call, in a loop of one round. None where a size is open, and for a loop.
        takes: the tensors that it takes, constants apart.
        makes: the tensors that it makes.
    """

    number: int
    call: FileOperator
    constant_bytes: int
    macs: int | None
    takes: tuple[ComputedTensor, ...]
    makes: tuple[ComputedTensor, ...]


@dataclass(frozen=True)
class MeasuredFile:
    """The operators of a file, and what its graphs take and give."""

    operators: tuple[MeasuredOperator, ...]
    inputs: frozenset[TensorKey]
    outputs: frozenset[TensorKey]


def measured_operators(content: bytes) -> MeasuredFile:
    """Measure the operators of a LiteRT file.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    model = read_model(content)
    try:
        return MeasuredFile(tuple(_operators(model)), _ends(model, "inputs"), _ends(model, "outputs"))
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None


def _operators(model: Any) -> Iterator[MeasuredOperator]:
    calls = operators_in(model)
    counted: set[int] = {0}  # buffers; the first one is that of all tensors without values
    number = 0
    for place, graph in enumerate(model.subgraphs):
        for call in graph.operators or []:
            constants, computed = [], []
            for index in _places(call.inputs):
                tensor = graph.tensors[index]
                if _size_of_constant(model, tensor):
                    constants.append(tensor)
                else:
                    computed.append(_computed(place, index, tensor))
            own = {tensor.buffer: _size_of_constant(model, tensor) for tensor in constants}
            yield MeasuredOperator(
                number + 1,
                calls[number],
                sum(size for buffer, size in own.items() if buffer not in counted),
                multiplications_of(model, graph, call),
                tuple(computed),
                tuple(_computed(place, index, graph.tensors[index]) for index in _places(call.outputs)),
            )
            counted |= set(own)
            number += 1


def _computed(graph: int, index: int, tensor: Any) -> ComputedTensor:
    type_ = type_of(tensor)
    values = math.prod(max(1, int(size)) for size in ([] if tensor.shape is None else tensor.shape))
    name = (tensor.name or b"").decode(errors="replace")
    if type_ is None:
        return ComputedTensor((graph, index), name, "text", 0)
    return ComputedTensor((graph, index), name, type_.dtype, -(-values * type_.bits // 8))


def _size_of_constant(model: Any, tensor: Any) -> int:
    data = model.buffers[tensor.buffer].data
    return 0 if data is None else len(data)


def _ends(model: Any, side: str) -> frozenset[TensorKey]:
    return frozenset(
        (place, index) for place, graph in enumerate(model.subgraphs) for index in _places(getattr(graph, side))
    )


def _places(indices: Any) -> list[int]:
    """The tensors that an operator takes; -1 stands for one that is left out."""
    return [] if indices is None else [int(index) for index in indices if index >= 0]
