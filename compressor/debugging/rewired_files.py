"""Copies of a LiteRT file in which every tensor can be seen, every operator run alone, and every tensor disturbed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.debugging.operator_graph import OperatorGraph
from compressor.models.litert.format.flatbuffer import write_model


@dataclass(frozen=True)
class Separated:
    """A file whose inputs are the (operator, tensor) in `places`, and whose outputs are the tensors in `outputs`."""

    content: bytes
    places: Sequence[tuple[int, int]]
    outputs: Sequence[int]


def with_all_outputs(graph: OperatorGraph) -> tuple[bytes, list[int]]:
    """The file with every computed tensor among its outputs, and the tensors in the order of these."""
    model, main = graph.copied()
    wanted = [tensor for node in graph.nodes for tensor in node.outputs if tensor not in graph.fixed]
    main.outputs = np.array(wanted, np.int32)
    return write_model(model), wanted


def separated(graph: OperatorGraph, constants: Mapping[int, NDArray[np.float32]] | None = None) -> Separated:
    """The file with an input of its own for each operator's each computed input.

    Args:
        constants: float values to put in the place of constants, by tensor.
    """
    model, main = graph.copied()
    places: list[tuple[int, int]] = []
    indices: list[int] = []
    main.operators = [copy(call) for call in main.operators]
    for node in graph.nodes:
        computed = graph.computed_inputs(node)
        own = {tensor: _twin(main, tensor, f"input_{node.index}_{tensor}") for tensor in computed}
        places += [(node.index, tensor) for tensor in computed]
        indices += own.values()
        main.operators[node.index].inputs = np.array([own.get(tensor, tensor) for tensor in node.inputs], np.int32)
    for tensor, values in (constants or {}).items():
        _replace(model, main, tensor, values)
    outputs = [tensor for node in graph.nodes for tensor in node.outputs if tensor not in graph.fixed]
    main.inputs, main.outputs = np.array(indices, np.int32), np.array(outputs, np.int32)
    return Separated(write_model(model), places, outputs)


def disturbed(graph: OperatorGraph, tensors: Sequence[int]) -> bytes:
    """The float file with a further input for each of these float tensors, which is added to it."""
    from ai_edge_litert import schema_py_generated as schema

    model, main = graph.copied()
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    code.version = 1
    model.operatorCodes = [*model.operatorCodes, code]
    sums: dict[int, int] = {}
    added: list[int] = []
    adding: dict[int, Any] = {}
    for tensor in tensors:
        sums[tensor] = _twin(main, tensor, f"sum_{tensor}")
        added.append(_twin(main, tensor, f"added_{tensor}"))
        call = schema.OperatorT()
        call.opcodeIndex = len(model.operatorCodes) - 1
        call.inputs = np.array([tensor, added[-1]], np.int32)
        call.outputs = np.array([sums[tensor]], np.int32)
        call.builtinOptionsType, call.builtinOptions = schema.BuiltinOptions.AddOptions, schema.AddOptionsT()
        adding[tensor] = call
    calls = [adding[tensor] for tensor in graph.inputs if tensor in adding]
    for node in graph.nodes:
        call = copy(main.operators[node.index])
        call.inputs = np.array([sums.get(tensor, tensor) for tensor in node.inputs], np.int32)
        calls += [call, *(adding[tensor] for tensor in node.outputs if tensor in adding)]
    main.operators = calls
    main.inputs = np.array([*graph.inputs, *added], np.int32)
    main.outputs = np.array([sums.get(tensor, tensor) for tensor in graph.outputs], np.int32)
    return write_model(model)


def _twin(main: Any, tensor: int, name: str) -> int:
    """Add a tensor like another one, and return its place."""
    twin = copy(main.tensors[tensor])
    twin.name = name.encode()
    main.tensors.append(twin)
    return len(main.tensors) - 1


def _replace(model: Any, main: Any, tensor: int, values: NDArray[np.float32]) -> None:
    """Give a constant other values; what it held is dropped unless another tensor holds it, too."""
    twin = copy(main.tensors[tensor])
    main.tensors[tensor] = twin
    buffer = copy(model.buffers[twin.buffer])
    buffer.data = np.frombuffer(values.astype(np.float32).tobytes(), np.uint8)
    if any(other.buffer == twin.buffer for graph in model.subgraphs for other in graph.tensors if other is not twin):
        model.buffers.append(buffer)
        twin.buffer = len(model.buffers) - 1
    else:
        model.buffers[twin.buffer] = buffer
