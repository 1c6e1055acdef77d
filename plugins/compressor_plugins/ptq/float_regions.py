"""Finds the operators without weights that lie between layers that stay in float.

Were they quantized, what passes between two such layers would be rounded after all.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from compressor.models.litert import read_model


def between_floats(content: bytes, weighted: Collection[int], in_float: Collection[int]) -> list[int]:
    """The places of operators without weights all of whose neighbours with weights stay in float.

    Neighbours are reached through other operators without weights. What touches an input or output of the file is not
    among them.

    Args:
        content: a float file.
        weighted: the places of its operators with weights.
        in_float: those of them that stay in float.
    """
    file = read_model(content)
    graph = file.subgraphs[0]
    ends = {*map(int, graph.inputs), *map(int, graph.outputs)}
    touching: dict[int, set[int]] = {}
    for index, call in enumerate(graph.operators):
        for tensor in _computed(file, graph, call):
            touching.setdefault(tensor, set()).add(index)
    found: list[int] = []
    seen: set[int] = set()
    for start in range(len(graph.operators)):
        if start in seen or start in weighted:
            continue
        region, border, touches_end, waiting = {start}, set[int](), False, [start]
        while waiting:
            for tensor in _computed(file, graph, graph.operators[waiting.pop()]):
                touches_end |= tensor in ends
                for other in touching[tensor] - region:
                    if other in weighted:
                        border.add(other)
                    else:
                        region.add(other)
                        waiting.append(other)
        seen |= region
        if border and not touches_end and border <= {*in_float}:
            found += region
    return sorted(found)


def _computed(file: Any, graph: Any, call: Any) -> list[int]:
    """The tensors of an operator that the file holds no values for."""
    tensors = [int(index) for index in (*call.inputs, *call.outputs) if index >= 0]
    return [index for index in tensors if not _has_values(file, graph.tensors[index])]


def _has_values(file: Any, tensor: Any) -> bool:
    data = file.buffers[tensor.buffer].data
    return data is not None and len(data) > 0
