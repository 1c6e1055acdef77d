"""Counts the structures that LiteRT for Microcontrollers itself keeps in the arena, by pointers of 4 or of 8 bytes.

Their sizes are those of the package `tflite-micro`; `tests/benchmarks/arena.py` holds them against it.
"""

from __future__ import annotations

from typing import Any

from compressor.models.litert.format.tensor_types import type_of
from compressor.models.micro.kernel_memory import elements
from compressor.models.micro.memory_planner import aligned

_MOST_SCRATCH = 12  # buffers that an operator may ask for
_PLACING = 40  # bytes that the planner needs for each buffer that it places


def structure_bytes(model: Any, scratch_buffers: int, pointer: int) -> int:
    """Count what the runtime keeps for a `ModelT` besides what kernels allocate.

    That is the runtime itself, a structure for each tensor and each operator of all graphs, the whole of what is known
    of inputs and outputs, handles of scratch buffers, and the values of variables.
    """
    main = model.subgraphs[0]
    total = _allocator_bytes(len(model.subgraphs), pointer)
    for graph in model.subgraphs:
        tensors = graph.tensors or []
        total += (3 * pointer) * len(tensors) + (8 * pointer) * len(graph.operators or [])
        total += sum(_variable_bytes(tensor) for tensor in tensors if tensor.isVariable)
    for ends in (main.inputs, main.outputs):
        indices = [] if ends is None else [int(index) for index in ends]
        total += aligned(pointer * len(indices))
        total += sum(_whole_tensor(main.tensors[index], pointer) for index in indices)
    return total + pointer * scratch_buffers


def planning_bytes(tensors: int, buffers: int, scratch_buffers: int, pointer: int) -> int:
    """Count what the planner needs while it works: requests, the lifetime of each tensor, and places of buffers."""
    request = pointer + 8
    lifetime = 2 * pointer + 16
    requests = request * (scratch_buffers + _MOST_SCRATCH)
    return aligned(requests) + aligned(lifetime * (tensors + scratch_buffers)) + _PLACING * buffers + 2 * pointer


def preparing_bytes(graph: Any, pointer: int) -> int:
    """Count the most that a kernel needs while it prepares itself: its tensors as a whole, filters twice."""
    most = 0
    for call in graph.operators or []:
        ends = [*(call.inputs if call.inputs is not None else ()), *(call.outputs if call.outputs is not None else ())]
        most = max(most, sum(2 * _whole_tensor(graph.tensors[int(index)], pointer) for index in ends if index >= 0))
    return aligned((pointer + 8) * _MOST_SCRATCH) + most


def _allocator_bytes(graphs: int, pointer: int) -> int:
    return (200 if pointer == 4 else 472) + 2 * pointer * graphs


def _whole_tensor(tensor: Any, pointer: int) -> int:
    """Count the structure of a tensor with its quantization, which has a zero point for each scale."""
    quantization = tensor.quantization
    scales = 0 if quantization is None or quantization.scale is None else len(quantization.scale)
    structure = 40 if pointer == 4 else 64
    return structure + (3 * pointer + aligned(4 * (1 + scales), pointer) if scales else 0)


def _variable_bytes(tensor: Any) -> int:
    type_ = type_of(tensor)
    return 0 if type_ is None else aligned(-(-elements(tensor) * type_.bits // 8))
