"""The operators and tensors of a LiteRT file's main graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy, deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.small_numbers import split_bytes
from compressor.models.litert.format.tensor_types import TensorType, type_of

_INTEGERS = (TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT4, TensorType.INT2, TensorType.INT32)
_CASTS = (Operator.QUANTIZE, Operator.DEQUANTIZE)


@dataclass(frozen=True)
class Tensor:
    """A tensor: real value = scale * (stored value - zero point). Where it is not quantized, there are no scales."""

    index: int
    name: str
    shape: tuple[int, ...]
    type: TensorType | None
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int

    @property
    def quantized(self) -> bool:
        """Whether it holds scaled integers."""
        return len(self.scales) > 0 and self.type in _INTEGERS

    def real(self, values: NDArray[Any]) -> NDArray[Any]:
        """The real values of stored ones."""
        if not self.quantized:
            return values.astype(np.float32) if values.dtype.kind == "f" else values
        scale, zero = self._along(self.scales, values.ndim), self._along(self.zero_points, values.ndim)
        found: NDArray[Any] = ((values.astype(np.float64) - zero) * scale).astype(np.float32)
        return found

    def stored(self, values: NDArray[Any]) -> NDArray[Any]:
        """What the tensor holds for real values, rounded and cut off as in a QUANTIZE operator."""
        if not self.quantized or self.type is None:
            return values if self.type is None else values.astype(self.type.dtype)
        dtype = np.dtype(self.type.dtype)
        scale, zero = self._along(self.scales, values.ndim), self._along(self.zero_points, values.ndim)
        limits = np.iinfo(dtype)
        steps: NDArray[Any] = np.clip(np.rint(values.astype(np.float64) / scale) + zero, limits.min, limits.max)
        return steps.astype(dtype)

    def _along(self, figures: NDArray[Any], dimensions: int) -> NDArray[Any]:
        shape = [1] * dimensions
        if len(figures) > 1:
            shape[self.axis] = len(figures)
        return figures.reshape(shape)


@dataclass(frozen=True)
class Node:
    """An operator at its place in the graph, with the tensors that it takes and gives; -1 is an input left out."""

    index: int
    kind: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def casts(self) -> bool:
        """Whether it does nothing but to store the same values in another type."""
        return self.kind in _CASTS

    @property
    def operator(self) -> str:
        """The schema's name of the operator."""
        return _operator_names().get(self.kind, str(self.kind))


class OperatorGraph:
    """The main graph of a file."""

    def __init__(self, content: bytes) -> None:
        """Read a file.

        Raises:
            ModelError: it is not a whole LiteRT file.
        """
        self.content = content
        self._model = read_model(content)
        graph = self._model.subgraphs[0]
        self.name = _name(self._model, graph)
        self.inputs = tuple(map(int, graph.inputs))
        self.outputs = tuple(map(int, graph.outputs))
        self.nodes = tuple(
            Node(
                index,
                operator_of(self._model.operatorCodes[call.opcodeIndex]),
                tuple(map(int, () if call.inputs is None else call.inputs)),
                tuple(map(int, () if call.outputs is None else call.outputs)),
            )
            for index, call in enumerate(graph.operators or ())
        )
        self.maker = {tensor: node for node in self.nodes for tensor in node.outputs}

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors, by index."""
        return tuple(_tensor(index, tensor) for index, tensor in enumerate(self._model.subgraphs[0].tensors))

    @cached_property
    def fixed(self) -> frozenset[int]:
        """The tensors whose values no input changes: constants, state, and what is computed of constants alone."""
        made = {*self.maker, *self.inputs}
        found = {tensor.index for tensor in self.tensors if tensor.index not in made} | {-1}
        for node in self.nodes:
            if node.inputs and all(tensor in found for tensor in node.inputs):
                found |= {*node.outputs}
        return frozenset(found)

    def computed_inputs(self, node: Node) -> tuple[int, ...]:
        """The tensors that a node takes whose values depend on the file's inputs, each once."""
        return tuple(dict.fromkeys(tensor for tensor in node.inputs if tensor not in self.fixed))

    def users(self, tensor: int) -> list[Node]:
        """The nodes that take a tensor."""
        return [node for node in self.nodes if tensor in node.inputs]

    def constant(self, tensor: int) -> NDArray[Any] | None:
        """The real values of a constant, also behind a cast; None for what is no constant, or no number."""
        while (maker := self.maker.get(tensor)) is not None:
            if not maker.casts:
                return None
            tensor = maker.inputs[0]
        if tensor < 0 or tensor in self.inputs:
            return None
        facts, data = self.tensors[tensor], self._data(tensor)
        if data is None or facts.type is None:
            return None
        size = int(np.prod(facts.shape))
        if facts.type.bits < 8:
            numbers = split_bytes(data, facts.type.bits)[:size].astype(np.int32)
            half = 2 ** (facts.type.bits - 1)
            values = np.where(numbers >= half, numbers - 2 * half, numbers)
        elif facts.type is TensorType.BFLOAT16:
            values = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(data, facts.type.dtype)
        return facts.real(values.reshape(facts.shape)) if values.size == size else None

    def bytes_of(self, tensor: int) -> int:
        """What the file holds for a tensor, in bytes."""
        data = self._data(tensor)
        return 0 if data is None else len(data)

    def copied(self, signatures: bool = False) -> tuple[Any, Any]:
        """A copy of the `ModelT` and its main graph, to be changed; what they hold is to be copied first.

        Without `signatures` it has none, since these name inputs and outputs that may change.
        """
        model, graph = copy(self._model), copy(self._model.subgraphs[0])
        model.buffers, model.subgraphs = list(model.buffers), [graph, *model.subgraphs[1:]]
        model.signatureDefs = deepcopy(model.signatureDefs) if signatures else []
        graph.tensors = list(graph.tensors)
        return model, graph

    def _data(self, tensor: int) -> bytes | None:
        data = self._model.buffers[self._model.subgraphs[0].tensors[tensor].buffer].data
        return None if data is None or not len(data) else bytes(data)


def _name(model: Any, graph: Any) -> str:
    """The name of a main graph, as Model Explorer has it."""
    keys = [signature.signatureKey for signature in model.signatureDefs or () if signature.subgraphIndex == 0]
    return next((name.decode(errors="replace") for name in (graph.name, *keys) if name), "main")


def _tensor(index: int, tensor: Any) -> Tensor:
    quantization = tensor.quantization
    scales = None if quantization is None else quantization.scale
    zero_points = None if quantization is None else quantization.zeroPoint
    count = 0 if scales is None else len(scales)
    return Tensor(
        index,
        (tensor.name or b"").decode(errors="replace"),
        () if tensor.shape is None else tuple(int(size) for size in tensor.shape),
        type_of(tensor),
        np.asarray(() if scales is None else scales, np.float32),
        np.zeros(count, np.int64) if zero_points is None else np.asarray(zero_points, np.int64),
        (quantization.quantizedDimension or 0) if count else 0,
    )


def _operator_names() -> Mapping[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}


def nodes_in_order(graph: OperatorGraph) -> Iterator[Node]:
    """The nodes that compute, without casts and without what is computed of constants alone."""
    for node in graph.nodes:
        if not node.casts and any(tensor not in graph.fixed for tensor in node.outputs):
            yield node
