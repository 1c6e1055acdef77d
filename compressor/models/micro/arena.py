"""Plans the tensor arena of a `.tflite` file: how much memory LiteRT for Microcontrollers needs, and where it peaks."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Literal, TypeAlias

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import operator_name
from compressor.models.litert.format.tensor_types import type_of
from compressor.models.micro.kernel_memory import KernelMemory, elements, kernel_memory
from compressor.models.micro.memory_planner import Buffer, aligned, placed
from compressor.models.micro.runtime_structures import planning_bytes, preparing_bytes, structure_bytes

Pointer: TypeAlias = Literal[4, 8]
OFFLINE_PLAN = b"OfflineMemoryAllocation"
"""The name of metadata that gives each tensor's offset."""


@dataclass(frozen=True)
class OperatorMemory:
    """The use of the arena while an operator runs.

    Attributes:
        number: its place among the operators, from 1 on.
        name: that of the schema, such as `CONV_2D`, or of a custom operator.
        output: the name of the first tensor that it makes; empty in a file without names.
        bytes: of all tensors that are alive, and of its scratch buffers.
        scratch_bytes: of its scratch buffers alone.
        reach: where the last of these bytes lies in the arena: more than `bytes` where there are gaps.
    """

    number: int
    name: str
    output: str
    bytes: int
    scratch_bytes: int
    reach: int

    @property
    def title(self) -> str:
        """The operator and what it makes, or its number where that has no name."""
        return f"{self.name} '{self.output}'" if self.output else f"{self.name}, operator {self.number}"


@dataclass(frozen=True)
class Arena:
    """The memory that LiteRT for Microcontrollers needs for a file, in bytes.

    Attributes:
        tensor_bytes: of tensors and scratch buffers, as its planner places them: the part that is used again and again.
        persistent_bytes: of what stays: structures of the runtime and kernels, variables, and scales by channel.
        temporary_bytes: of what it needs while it allocates the tensors, in the place that these take afterwards.
        operators: in their order.
        unplanned_graphs: how many graphs besides the first the file has, as for loops; their tensors are not counted.
    """

    tensor_bytes: int
    persistent_bytes: int
    temporary_bytes: int
    operators: tuple[OperatorMemory, ...]
    unplanned_graphs: int

    @property
    def bytes(self) -> int:
        """The least size of the arena."""
        return max(self.tensor_bytes, self.temporary_bytes) + self.persistent_bytes

    @property
    def peak(self) -> OperatorMemory | None:
        """The operator that needs the most of the arena, the first of several; None in a file without operators."""
        return max(self.operators, key=lambda operator: (operator.reach, operator.bytes), default=None)


def plan_arena(content: bytes, pointer: Pointer = 4) -> Arena:
    """Plan the arena of a LiteRT file.

    Sizes that the file leaves open count as 1, as in a call with one sample. Only the first graph is planned.

    Args:
        content: the file.
        pointer: bytes of a pointer of the device.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    model = read_model(content)
    try:
        return _planned(model, pointer)
    except (*FLATBUFFER_ERRORS, struct.error) as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None


def _planned(model: Any, pointer: Pointer) -> Arena:
    graph = model.subgraphs[0]
    calls = list(graph.operators or [])
    kernels = [_kernel(model, graph, call, pointer) for call in calls]
    buffers, tensors = _tensor_buffers(model, graph)
    scratch_of: list[int] = []
    for place, kernel in enumerate(kernels):
        buffers += [Buffer(aligned(size), place + 1, place + 1) for size in kernel.scratch]
        scratch_of += [place] * len(kernel.scratch)
    offsets = placed(buffers)
    ends = [offset + buffer.size for offset, buffer in zip(offsets, buffers, strict=True)]
    alive = list(_alive(buffers, ends, len(calls)))
    rows = [
        OperatorMemory(
            place + 1,
            _name(model, call),
            _output_name(graph, call),
            alive[place][0],
            sum(map(aligned, kernels[place].scratch)),
            alive[place][1],
        )
        for place, call in enumerate(calls)
    ]
    persistent = sum(size for kernel in kernels for size in kernel.persistent)
    persistent += structure_bytes(model, len(scratch_of), pointer)
    return Arena(
        tensor_bytes=max(ends, default=0),
        persistent_bytes=persistent,
        temporary_bytes=max(
            planning_bytes(tensors, len(buffers), len(scratch_of), pointer), preparing_bytes(graph, pointer)
        ),
        operators=tuple(rows),
        unplanned_graphs=len(model.subgraphs) - 1,
    )


def _alive(buffers: Sequence[Buffer], ends: Sequence[int], calls: int) -> Iterator[tuple[int, int]]:
    """For each operator, count the bytes of the buffers that are alive, and find where the last of them ends."""
    order = sorted(range(len(buffers)), key=lambda number: buffers[number].first)
    by_end: list[tuple[int, int]] = []  # the end, negated so that the greatest comes first, and the last time
    change = [0] * (calls + 3)
    for buffer in buffers:
        change[max(0, buffer.first)] += buffer.size
        change[max(0, buffer.last + 1)] -= buffer.size
    total, next_ = change[0], 0
    for time in range(1, calls + 1):
        total += change[time]
        while next_ < len(order) and buffers[order[next_]].first <= time:
            heappush(by_end, (-ends[order[next_]], buffers[order[next_]].last))
            next_ += 1
        while by_end and by_end[0][1] < time:
            heappop(by_end)
        yield total, -by_end[0][0] if by_end else 0


def _tensor_buffers(model: Any, graph: Any) -> tuple[list[Buffer], int]:
    """List the buffers of the tensors that are computed, and count all tensors."""
    tensors = list(graph.tensors or [])
    first, last = [-1] * len(tensors), [-1] * len(tensors)
    for index in _indices(graph.inputs) + _indices(graph.outputs):
        first[index] = last[index] = 0
    end = len(graph.operators or [])
    for time, call in enumerate(graph.operators or [], 1):
        for index in _indices(call.outputs):
            first[index] = last[index] = time
        for index in _indices(call.inputs):
            last[index] = time
    for index in _indices(graph.outputs):
        last[index] = end
    offsets = _given_offsets(model, len(tensors))
    buffers = []
    for index, tensor in enumerate(tensors):
        size = aligned(tensor_bytes(tensor))
        if size and not tensor.isVariable and not _is_constant(model, tensor):
            offset = offsets[index] if offsets else -1
            buffers.append(Buffer(size, first[index], last[index], offset if offset >= 0 else None))
    return buffers, len(tensors)


def tensor_bytes(tensor: Any) -> int:
    """Count the bytes of a `TensorT`'s values; 0 for a type that no kernel computes with."""
    type_ = type_of(tensor)
    return 0 if type_ is None else -(-elements(tensor) * type_.bits // 8)


def _given_offsets(model: Any, tensors: int) -> Sequence[int]:
    """Read the offsets of an offline plan in the file's metadata; none where there is no plan for so many tensors."""
    for entry in model.metadata or []:
        if entry.name == OFFLINE_PLAN:
            data = bytes(model.buffers[entry.buffer].data)
            _, _, count, *offsets = struct.unpack(f"<{len(data) // 4}i", data)
            if count == tensors == len(offsets):
                return offsets
    return ()


def _kernel(model: Any, graph: Any, call: Any, pointer: Pointer) -> KernelMemory:
    inputs = [None if index < 0 else graph.tensors[index] for index in _all_indices(call.inputs)]
    outputs = [graph.tensors[index] for index in _indices(call.outputs)]
    return kernel_memory(_name(model, call), inputs, outputs, pointer)


def _name(model: Any, call: Any) -> str:
    code = model.operatorCodes[call.opcodeIndex]
    return _text(code.customCode) or operator_name(operator_of(code))


def _output_name(graph: Any, call: Any) -> str:
    return next((_text(graph.tensors[index].name) for index in _indices(call.outputs)), "")


def _is_constant(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _all_indices(array: Any) -> list[int]:
    return [] if array is None else [int(index) for index in array]


def _indices(array: Any) -> list[int]:
    return [index for index in _all_indices(array) if index >= 0]


def _text(name: bytes | None) -> str:
    return (name or b"").decode(errors="replace")
