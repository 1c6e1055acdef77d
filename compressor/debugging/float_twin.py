"""Takes the fake quantization out of a float file that a quantization-aware model was converted to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

import numpy as np

from compressor.debugging.operator_graph import Node, OperatorGraph
from compressor.models.litert.format.flatbuffer import write_model
from compressor.models.litert.format.operators import Operator

_FAKE_QUANT = 80  # the schema's number of an operator that rounds and stays in float


def without_fake_quantization(content: bytes, leave_in: Callable[[Node], bool] = lambda _: False) -> bytes:
    """The file without what only rounds: pairs of QUANTIZE and DEQUANTIZE, and FAKE_QUANT.

    Args:
        content: a float file.
        leave_in: whether to leave the rounding of an operator's weights and of its output in. It is asked with the node
            as it is in this file; what rounds an input of the file is left in where any is.
    """
    graph = OperatorGraph(content)
    rounding = {
        node.outputs[0]: source
        for node in graph.nodes
        if (source := _rounded_tensor(graph, node)) is not None and not _left_in(graph, node, source, leave_in)
    }
    return _bypassed(graph, rounding) if rounding else content


def _rounded_tensor(graph: OperatorGraph, node: Node) -> int | None:
    """The tensor that the last node of a rounding rounds; None for all other nodes."""
    if node.kind == _FAKE_QUANT:
        return node.inputs[0]
    before = graph.maker.get(node.inputs[0]) if node.kind == Operator.DEQUANTIZE else None
    return before.inputs[0] if before is not None and before.kind == Operator.QUANTIZE else None


def _left_in(graph: OperatorGraph, last: Node, source: int, leave_in: Callable[[Node], bool]) -> bool:
    if source in graph.fixed:
        return any(leave_in(user) for user in graph.users(last.outputs[0]))
    while (maker := graph.maker.get(source)) is not None:
        before = _rounded_tensor(graph, maker)
        if before is None:
            return leave_in(maker)
        source = before
    return any(leave_in(node) for node in graph.nodes)


def _bypassed(graph: OperatorGraph, rounding: Mapping[int, int]) -> bytes:
    """The file in which what a rounding gave is what it took."""
    model, main = graph.copied(signatures=True)

    def exact(tensor: int) -> int:
        while tensor in rounding:
            tensor = rounding[tensor]
        return tensor

    calls = []
    used = {exact(tensor) for tensor in graph.outputs}
    for node in reversed(graph.nodes):
        if not used & {*node.outputs}:
            continue
        call = copy(main.operators[node.index])
        call.inputs = np.array([exact(tensor) for tensor in node.inputs], np.int32)
        used |= {*map(int, call.inputs)}
        calls.append(call)
    main.operators = calls[::-1]
    renamed = {tensor: exact(tensor) for tensor in graph.outputs}
    for before, tensor in renamed.items():
        if before != tensor and tensor not in graph.inputs:
            main.tensors[tensor] = copy(main.tensors[tensor])
            main.tensors[tensor].name = main.tensors[before].name
    main.outputs = np.array([renamed[tensor] for tensor in graph.outputs], np.int32)
    for signature in model.signatureDefs or ():
        for entry in signature.outputs or ():
            entry.tensorIndex = renamed.get(entry.tensorIndex, entry.tensorIndex)
    _drop_unused_tensors(model, main)
    return write_model(model)


def _drop_unused_tensors(model: Any, main: Any) -> None:
    used = {*map(int, main.inputs), *map(int, main.outputs)}
    for call in main.operators:
        used |= {index for index in (*map(int, call.inputs), *map(int, call.outputs)) if index >= 0}
    places = {index: place for place, index in enumerate(sorted(used))} | {-1: -1}

    def moved(indices: Any) -> Any:
        return np.array([places[int(index)] for index in indices], np.int32)

    main.tensors = [main.tensors[index] for index in sorted(used)]
    main.inputs, main.outputs = moved(main.inputs), moved(main.outputs)
    for call in main.operators:
        call.inputs, call.outputs = moved(call.inputs), moved(call.outputs)
    for signature in model.signatureDefs or ():
        for entry in (*(signature.inputs or ()), *(signature.outputs or ())):
            entry.tensorIndex = places[entry.tensorIndex]
