"""Lists the calls of operators in a `.tflite` file with the constants that each takes: weights, biases, sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.format.sparse_tensors import index_bytes
from compressor.models.litert.format.tensor_types import type_of
from compressor.models.litert.reading.graph_contents import FileOperator, operators_in


@dataclass(frozen=True)
class Constant:
    """A constant that an operator takes.

    Attributes:
        place: among the operator's inputs.
        bytes: of its values and, where they are stored sparsely, of what tells their places.
    """

    place: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


@dataclass(frozen=True)
class OperatorCall:
    """A call of an operator, with its constants.

    Attributes:
        shape: of the first tensor that it makes.
        constants: those that no call before it takes as well, so that each is counted once.
    """

    operator: FileOperator
    shape: tuple[int, ...]
    constants: tuple[Constant, ...]

    @property
    def bytes(self) -> int:
        """Bytes of its constants."""
        return sum(constant.bytes for constant in self.constants)


def calls_of(content: bytes) -> tuple[OperatorCall, ...]:
    """The calls of all graphs of a file, in their order.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    model = read_model(content)
    operators = iter(operators_in(model))
    seen: set[int] = set()  # buffers, which several tensors may share
    try:
        return tuple(
            _call(model, graph, call, next(operators), seen)
            for graph in model.subgraphs
            for call in graph.operators or []
        )
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None


def _call(model: Any, graph: Any, call: Any, operator: FileOperator, seen: set[int]) -> OperatorCall:
    constants = []
    for place, index in enumerate(() if call.inputs is None else map(int, call.inputs)):
        if index < 0:  # an input that is left out
            continue
        tensor = graph.tensors[index]
        data = model.buffers[tensor.buffer].data
        if data is None or not len(data) or tensor.buffer in seen:
            continue
        seen.add(tensor.buffer)
        type_ = type_of(tensor)
        extra = index_bytes(tensor.sparsity) if tensor.sparsity is not None else 0
        constants.append(
            Constant(
                place=place,
                name=(tensor.name or b"").decode(errors="replace"),
                shape=_shape(tensor),
                dtype="text" if type_ is None else type_.dtype,
                bytes=len(data) + extra,
            )
        )
    outputs = [int(index) for index in (() if call.outputs is None else call.outputs) if index >= 0]
    return OperatorCall(operator, _shape(graph.tensors[outputs[0]]) if outputs else (), tuple(constants))


def _shape(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(size) for size in tensor.shape)
