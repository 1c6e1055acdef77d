"""Finds the tensors of a LiteRT file that are the weights of its layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from compressor.models.litert.format.flatbuffer import operator_of
from compressor.models.litert.format.operators import Operator

WEIGHTS_AT: Final[Mapping[int, int]] = {  # which input of an operator has its weights
    Operator.CONV_2D: 1,
    Operator.DEPTHWISE_CONV_2D: 1,
    Operator.FULLY_CONNECTED: 1,
    Operator.TRANSPOSE_CONV: 1,
}


def weights_alone(model: Any, graph: Any, at: Mapping[int, int] = WEIGHTS_AT) -> set[int]:
    """The tensors that are the weights of operators and nothing else, and whose bytes no other tensor has.

    Args:
        model: the file, a `ModelT`.
        graph: one of its subgraphs.
        at: which input of an operator has its weights.
    """
    found: set[int] = set()
    others = {index for ends in (graph.inputs, graph.outputs) for index in listed(ends)}
    for call in graph.operators or []:
        place = at.get(operator_of(model.operatorCodes[call.opcodeIndex]))
        for number, index in enumerate(listed(call.inputs)):
            (found if number == place else others).add(index)
    shared = [tensor.buffer for each in model.subgraphs for tensor in each.tensors]
    return {
        index
        for index in found - others
        if index >= 0 and shared.count(graph.tensors[index].buffer) == 1 and not graph.tensors[index].isVariable
    }


def listed(ends: Any) -> list[int]:
    """The tensors that an operator or a graph names, of which it may have no list."""
    return [] if ends is None else [int(index) for index in ends]
