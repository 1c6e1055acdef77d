"""Finds what a `.tflite` file computes in float: in one that should compute in integers, the islands left over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compressor.models.litert.flatbuffer import operator_of, read_model
from compressor.models.litert.operators import Operator, operator_name
from compressor.models.litert.tensor_types import TensorType, type_of

FLOATS = {TensorType.FLOAT32, TensorType.FLOAT16, TensorType.BFLOAT16, TensorType.FLOAT64}
_CONVERTING = {Operator.QUANTIZE, Operator.DEQUANTIZE}


@dataclass(frozen=True)
class FloatOperator:
    """An operator that takes or makes floats: its kind, such as HARD_SWISH, and the name of the tensor it makes."""

    kind: str
    makes: str


def float_operators(content: bytes) -> tuple[FloatOperator, ...]:
    """The operators of a file that compute in float, in the order in which they run.

    Those that only make integers of floats, or floats of integers, are not among them.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    return float_operators_of(read_model(content))


def float_operators_of(model: Any) -> tuple[FloatOperator, ...]:
    """The same of a file that was read."""
    codes = [operator_of(code) for code in model.operatorCodes or []]
    return tuple(
        FloatOperator(operator_name(codes[operator.opcodeIndex]), _name(graph, operator))
        for graph in model.subgraphs
        for operator in graph.operators or []
        if codes[operator.opcodeIndex] not in _CONVERTING and _has_floats(graph, operator)
    )


def counted(operators: Iterable[FloatOperator]) -> str:
    """Kinds with their numbers, the most frequent first: `3 ADD, 1 MUL`."""
    kinds = Counter(operator.kind for operator in operators)
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())


def _has_floats(graph: Any, operator: Any) -> bool:
    ends = [*operator.inputs, *operator.outputs]
    return any(index >= 0 and type_of(graph.tensors[index]) in FLOATS for index in ends)


def _name(graph: Any, operator: Any) -> str:
    return (graph.tensors[operator.outputs[0]].name or b"").decode(errors="replace") if len(operator.outputs) else ""
