"""The operators that a `.tflite` file calls, with what a runtime must have to run each: version and types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.tensor_types import type_of
from compressor.models.litert.reading.graph_contents import FileOperator, operators_in
from compressor.models.litert.reading.multiplications import multiplications_of

_DATA: Mapping[int, int] = {Operator.TRANSPOSE_CONV: 2, Operator.SPLIT: 1}  # which input it is; else the first one
_WEIGHTS: Mapping[int, int] = {
    Operator.CONV_2D: 1, Operator.DEPTHWISE_CONV_2D: 1, Operator.FULLY_CONNECTED: 1, Operator.TRANSPOSE_CONV: 1,
    Operator.CONV_3D: 1, Operator.EMBEDDING_LOOKUP: 1, Operator.UNIDIRECTIONAL_SEQUENCE_LSTM: 2,
}  # fmt: skip


@dataclass(frozen=True)
class CalledOperator:
    """A call of an operator.

    Attributes:
        name: that of the schema, such as `CONV_2D`, or of a custom operator.
        output: the name of the first tensor that it makes.
        version: of the operator, as the file asks for it.
        types: of its data, its weights and what it makes, as far as they differ: `int8`, `int16 x int8`,
            `float32 -> int8`.
        in_float: whether it computes in float; what only converts values does not.
        multiplications: multiply-accumulates of one call; None where they are open.
    """

    name: str
    output: str
    version: int
    types: str
    in_float: bool
    multiplications: int | None

    @property
    def title(self) -> str:
        """The operator and what it makes."""
        return f"{self.name} '{self.output}'" if self.output else self.name


def called_operators(content: bytes) -> tuple[CalledOperator, ...]:
    """The operators of all graphs of a LiteRT file, in their order.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    model = read_model(content)
    known = iter(operators_in(model))
    try:
        return tuple(
            _called(model, graph, call, next(known)) for graph in model.subgraphs for call in graph.operators or []
        )
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None


def _called(model: Any, graph: Any, call: Any, operator: FileOperator) -> CalledOperator:
    code = model.operatorCodes[call.opcodeIndex]
    number = operator_of(code)
    takes = _type(graph, call.inputs, _DATA.get(number, 0))
    weights = _type(graph, call.inputs, _WEIGHTS[number]) if number in _WEIGHTS else takes
    makes = _type(graph, call.outputs, 0)
    types = takes if weights in ("", takes) else f"{takes} x {weights}"
    if takes and makes not in ("", takes):
        types = f"{types} -> {makes}"
    return CalledOperator(
        operator.name,
        operator.output,
        int(code.version or 1),
        types or makes,
        operator.arithmetic == "float",
        multiplications_of(model, graph, call),
    )


def _type(graph: Any, indices: Any, place: int) -> str:
    """The type of the tensor there; empty where there is none."""
    if indices is None or place >= len(indices) or int(indices[place]) < 0:
        return ""
    type_ = type_of(graph.tensors[int(indices[place])])
    return "text" if type_ is None else type_.dtype
