"""Lets a `.tflite` file that was made for one size of its inputs take other sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compressor.models.litert.format.flatbuffer import code_index, operator_of, read_model, write_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.tensor_types import TensorType
from compressor.models.litert.reading.open_sizes import Sizes

_SIZED_BY_INPUT = {  # the place of the input that an operator's other input tells the output's size of
    Operator.RESIZE_BILINEAR: (0, 1), Operator.RESIZE_NEAREST_NEIGHBOR: (0, 1), Operator.TRANSPOSE_CONV: (2, 0),
}  # fmt: skip


def reopened(
    content: bytes,
    inputs: Mapping[str, Sizes],
    outputs: Mapping[str, Sizes],
    by_factor: bool = True,
    without_reshapes: bool = False,
) -> bytes:
    """The file, with sizes open in inputs and outputs. Whether its operators take other sizes, running it must show.

    Args:
        content: a file that was made for one size.
        inputs: the shape of a sample by the names of inputs, with None for sizes that are open.
        outputs: likewise for the outputs.
        by_factor: let a resize make a multiple of the size of its input, as a transposed convolution does in any case,
            and not the same size always.
        without_reshapes: put EXPAND_DIMS or SQUEEZE, which take any size, in the place of reshapes that add or remove
            axes of size 1, as one-dimensional convolutions have them.
    """
    model = read_model(content)
    graph = model.subgraphs[0]
    (signature,) = model.signatureDefs
    for entries, shapes in ((signature.inputs, inputs), (signature.outputs, outputs)):
        for entry in entries:
            tensor, sizes = graph.tensors[entry.tensorIndex], shapes[entry.name.decode()]
            open_sizes = [-1 if size is None else size for size in sizes]
            tensor.shapeSignature = np.array([tensor.shape[0], *open_sizes], np.int32)
    codes = [operator_of(code) for code in model.operatorCodes]
    for call in list(graph.operators):
        code = codes[call.opcodeIndex]
        if code in _SIZED_BY_INPUT and (by_factor or code == Operator.TRANSPOSE_CONV):
            _size_by_input(model, graph, call, *_SIZED_BY_INPUT[Operator(code)])
        if code == Operator.RESHAPE and without_reshapes:
            _replace_reshape(model, graph, call)
    return write_model(model)


def _size_by_input(model: Any, graph: Any, call: Any, of: int, told_by: int) -> None:
    """Compute the size of an operator's output from that of its input, where it is a multiple of it."""
    before, after = (graph.tensors[index].shape for index in (call.inputs[of], call.outputs[0]))
    constant = graph.tensors[call.inputs[told_by]]
    held = model.buffers[constant.buffer].data
    if held is None or not len(held):
        return  # computed already
    factors = [max(1, int(new) // int(old)) for new, old in zip(after[1:3], before[1:3], strict=True)]
    rest = [int(new) - int(old) * factor for new, old, factor in zip(after[1:3], before[1:3], factors, strict=True)]
    whole = len(constant.shape) and constant.shape[0] == 4
    if any(rest) and not whole:
        return
    place = graph.operators.index(call)
    made = _Chain(model, graph, place)
    shape = made.add(Operator.SHAPE, [int(call.inputs[of])], len(before))
    if not whole:
        ends = [made.constant([1]), made.constant([3]), made.constant([1])]
        shape = made.add(Operator.STRIDED_SLICE, [shape, *ends], 2)
    scale = [1, *factors, 0] if whole else factors
    shape = made.add(Operator.MUL, [shape, made.constant(scale)], len(scale))
    if whole:
        shape = made.add(Operator.ADD, [shape, made.constant([0, *rest, int(after[3])])], len(scale))
    call.inputs = np.array([shape if at == told_by else index for at, index in enumerate(call.inputs)], np.int32)


def _replace_reshape(model: Any, graph: Any, call: Any) -> None:
    """Make a Reshape that adds one axis of size 1, or removes some, an operator that does just that."""
    before, after = ([int(size) for size in graph.tensors[index].shape] for index in (call.inputs[0], call.outputs[0]))
    chain = _Chain(model, graph, 0)
    added = next((axis for axis in range(1, len(after)) if after[:axis] + after[axis + 1 :] == before), None)
    if added is not None and after[added] == 1:
        inputs = [int(call.inputs[0]), chain.constant([added])]
        chain.become(call, Operator.EXPAND_DIMS, inputs)
        return
    removed = _removed(before, after)
    if removed:
        chain.become(call, Operator.SQUEEZE, [int(call.inputs[0])])
        call.builtinOptions.squeezeDims = np.array(removed, np.int32)


def _removed(before: Sequence[int], after: Sequence[int]) -> list[int]:
    """The axes of size 1, none of them the first, without which a shape is another one; none if there are no such."""
    axes: list[int] = []
    for axis, size in enumerate(before):
        at = axis - len(axes)
        if at < len(after) and after[at] == size:
            continue
        if size != 1 or axis == 0:
            return []
        axes.append(axis)
    return axes if len(before) - len(axes) == len(after) else []


class _Chain:
    """Operators on shapes, put before an operator of a graph one after the other."""

    def __init__(self, model: Any, graph: Any, place: int) -> None:
        self._model, self._graph, self._place = model, graph, place

    def constant(self, values: Sequence[int]) -> int:
        """The index of a new tensor that holds these numbers."""
        from ai_edge_litert.schema_py_generated import BufferT

        buffer = BufferT()
        buffer.data = np.frombuffer(np.array(values, np.int32).tobytes(), np.uint8)
        buffer.offset = buffer.size = 0
        self._model.buffers.append(buffer)
        return self._tensor(len(values), len(self._model.buffers) - 1)

    def add(self, operator: Operator, inputs: Sequence[int], size: int) -> int:
        """The index of the tensor that a new operator makes, with `size` numbers."""
        from ai_edge_litert import schema_py_generated as schema

        call = schema.OperatorT()
        made = self._tensor(size, 0)
        call.outputs = np.array([made], np.int32)
        self.become(call, operator, inputs)
        if operator == Operator.SHAPE:
            call.builtinOptions.outType = schema.TensorType.INT32
        self._graph.operators.insert(self._place, call)
        self._place += 1
        return made

    def become(self, call: Any, operator: Operator, inputs: Sequence[int]) -> None:
        """Make a call one of an operator with these inputs."""
        from ai_edge_litert import schema_py_generated as schema

        name = _OPTIONS[operator]
        call.opcodeIndex, call.inputs = code_index(self._model, operator), np.array(inputs, np.int32)
        call.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        call.builtinOptions = getattr(schema, f"{name}T")()

    def _tensor(self, size: int, buffer: int) -> int:
        from ai_edge_litert.schema_py_generated import TensorT

        tensor = TensorT()
        tensor.shape, tensor.type, tensor.buffer = np.array([size], np.int32), TensorType.INT32, buffer
        tensor.name = b"size"
        tensor.hasRank = True
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1


_OPTIONS = {
    Operator.SHAPE: "ShapeOptions", Operator.STRIDED_SLICE: "StridedSliceOptions", Operator.MUL: "MulOptions",
    Operator.ADD: "AddOptions", Operator.EXPAND_DIMS: "ExpandDimsOptions", Operator.SQUEEZE: "SqueezeOptions",
}  # fmt: skip
