"""Makes integers of a `.tflite` file whose tensors have recorded ranges, by TensorFlow's quantizer, and mends what that
leaves wrong.

- A range that holds nothing but zero gets steps so small that LiteRT refuses the file, or aborts the process.
- An LSTM has one range for its output and its state. Where its output is joined with others, the quantizer gives all
  of them one range, and the state another: the LSTM then goes on from values that it did not make.
- LiteRT has no tanh for the cells of an LSTM whose range is below 1, and without a word computes anything instead.
- Where a product of weights makes next to nothing, its steps get finer than those of its sums: LiteRT crashes.
- What `products` writes otherwise stays in float, or is cut off.
- An ELU stays in float, although LiteRT has integers for it: it is taken for a LEAKY_RELU meanwhile.
- A SPLIT of which a part is not used stays in float.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from copy import copy
from typing import Any

import numpy as np

from compressor.models.litert.format.flatbuffer import code_index, operator_of, read_model, write_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.tensor_types import TensorType, type_of
from compressor.models.litert.integers.fragile_operators import fragile_operators
from compressor.models.litert.integers.products import (
    calls_of,
    has_range,
    multiply_negatives,
    multiply_squares,
    part_cut_values,
)

_MOVING = {  # operators whose output has the range of their input
    Operator.CONCATENATION, Operator.RESHAPE, Operator.STRIDED_SLICE, Operator.SLICE, Operator.SPLIT,
    Operator.REVERSE_V2, Operator.TRANSPOSE, Operator.SQUEEZE, Operator.EXPAND_DIMS, Operator.PACK, Operator.UNPACK,
    Operator.MAX_POOL_2D,
}  # fmt: skip
_WEIGHTED = (Operator.FULLY_CONNECTED, Operator.CONV_2D, Operator.DEPTHWISE_CONV_2D)
_OUTPUT_STATE = 18  # the place of an LSTM's output state among its inputs
_CELL_STATE = 19
_LEAST_CELLS = 1.0  # the smallest largest value that cells may be said to have
_HIDDEN = 4  # the place of what its state is made from among its intermediate tensors
_DISGUISED = -12345.0  # a slope that no LEAKY_RELU has
_EMPTY = 1e-6  # width of a range that calibration left as it was, since all values were zero


def quantized(calibrated: bytes, io: str = "float32", kept: Collection[str] = ()) -> bytes:
    """The file in integers.

    Args:
        calibrated: a file in whose tensors of floats the smallest and largest value are recorded.
        io: dtype of the file's inputs and outputs.
        kept: the names of layers to leave in float.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import deduplicate_readonly_buffers, mlir_quantize

    model = read_model(calibrated)
    changed = [
        change(model, graph)
        for graph in model.subgraphs
        for change in (
            multiply_squares,
            multiply_negatives,
            part_cut_values,
            _disguise_elus,
            _fill_ranges,
            _widen_products,
            _join_ranges,
            _widen_cells,
            _forget_known_ranges,
        )
    ]
    result: bytes = mlir_quantize(
        write_model(model) if any(changed) else calibrated,
        input_data_type=tf.as_dtype(io),
        output_data_type=tf.as_dtype(io),
        denylisted_nodes=fragile_operators(calibrated) | set(_of_layers(model, kept)),
    )
    return bytes(deduplicate_readonly_buffers(_finished(result)))


def _of_layers(model: Any, layers: Collection[str]) -> Iterator[str]:
    """The names of the first outputs of the operators that the converter made of these layers."""
    for graph in model.subgraphs:
        made = {int(index) for call in graph.operators for index in call.outputs} | {*map(int, graph.inputs)}
        for call in graph.operators:
            weights = [index for index in call.inputs if index >= 0 and int(index) not in made]
            names = [graph.tensors[index].name.decode() for index in (call.outputs[0], *weights)]
            parts = {part for name in names for path in name.split(";") for part in path.split("/")}
            if not parts.isdisjoint(layers):
                yield names[0]


def _disguise_elus(model: Any, graph: Any) -> bool:
    """Write an ELU as a LEAKY_RELU that it is known by afterwards."""
    from ai_edge_litert.schema_py_generated import BuiltinOptions, LeakyReluOptionsT

    elus = calls_of(model, graph, Operator.ELU)
    if not elus:
        return False
    disguise = code_index(model, Operator.LEAKY_RELU)
    for call in elus:
        call.opcodeIndex, call.builtinOptionsType = disguise, BuiltinOptions.LeakyReluOptions
        call.builtinOptions = LeakyReluOptionsT()
        call.builtinOptions.alpha = _DISGUISED
    return True


def _reveal_elus(model: Any, graph: Any) -> bool:
    """Write an ELU again for what stands in its place."""
    from ai_edge_litert.schema_py_generated import BuiltinOptions

    leaky = calls_of(model, graph, Operator.LEAKY_RELU)
    disguised = [call for call in leaky if call.builtinOptions.alpha == _DISGUISED]
    if not disguised:
        return False
    elu = code_index(model, Operator.ELU)
    for call in disguised:
        call.opcodeIndex, call.builtinOptionsType, call.builtinOptions = elu, BuiltinOptions.NONE, None
    return True


def _fill_ranges(_: Any, graph: Any) -> bool:
    """Widen ranges that are empty."""
    changed = False
    for index, tensor in enumerate(graph.tensors):
        if has_range(graph, index) and tensor.quantization.max[0] - tensor.quantization.min[0] < _EMPTY:
            tensor.quantization.min, tensor.quantization.max = np.array([-1], np.float32), np.array([1], np.float32)
            changed = True
    return changed


def _widen_products(model: Any, graph: Any) -> bool:
    """Give what is made of sums of products with weights a range of at least one step of these sums."""
    changed = False
    for call in calls_of(model, graph, *_WEIGHTED):
        places = [int(index) for index in (*call.inputs, call.outputs[0]) if has_range(graph, index)]
        weights = [_largest(model, graph.tensors[index]) for index in call.inputs if index >= 0]
        if len(places) != 2 or not any(weights):
            continue
        taken, made = (graph.tensors[index].quantization for index in places)
        step = float(taken.max[0] - taken.min[0]) / 255 * max(weights) / 127
        if made.max[0] - made.min[0] < step:
            made.min, made.max = np.array([-step], np.float32), np.array([step], np.float32)
            changed = True
    return changed


def _largest(model: Any, tensor: Any) -> float:
    """The largest magnitude of a kernel; 0 of what is none."""
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.type != TensorType.FLOAT32 or len(tensor.shape) < 2:
        return 0.0
    return float(np.abs(np.frombuffer(bytes(data), np.float32)).max(initial=0))


def _join_ranges(model: Any, graph: Any) -> bool:
    """Give the output and the state of an LSTM, and all that shares its range, the range that holds all of theirs."""
    lstms = calls_of(model, graph, Operator.UNIDIRECTIONAL_SEQUENCE_LSTM)
    if not lstms:
        return False
    codes = [operator_of(code) for code in model.operatorCodes]
    groups = _Groups()
    for call in lstms:
        groups.join([call.outputs[0], call.inputs[_OUTPUT_STATE], call.intermediates[_HIDDEN]])
    for call in graph.operators:
        if codes[call.opcodeIndex] in _MOVING:
            floats = [index for index in (*call.inputs, *call.outputs) if has_range(graph, index)]
            groups.join(floats)
    for members in {id(group): group for group in (groups.of(call.outputs[0]) for call in lstms)}.values():
        ranges = [graph.tensors[index].quantization for index in members if has_range(graph, index)]
        low = min(float(found.min[0]) for found in ranges)
        high = max(float(found.max[0]) for found in ranges)
        for found in ranges:
            found.min, found.max = np.array([low], np.float32), np.array([high], np.float32)
    return True


def _widen_cells(model: Any, graph: Any) -> bool:
    """Give the cells of an LSTM a range that LiteRT computes with."""
    changed = False
    for call in calls_of(model, graph, Operator.UNIDIRECTIONAL_SEQUENCE_LSTM):
        if has_range(graph, call.inputs[_CELL_STATE]):
            found = graph.tensors[call.inputs[_CELL_STATE]].quantization
            if max(-found.min[0], found.max[0]) < _LEAST_CELLS:
                found.min, found.max = np.array([-_LEAST_CELLS], np.float32), np.array([_LEAST_CELLS], np.float32)
                changed = True
    return changed


def _forget_known_ranges(model: Any, graph: Any) -> bool:
    """Remove the ranges of what was integers, which has one; a second would part it from what it is joined with."""
    dequantized = [graph.tensors[call.outputs[0]] for call in calls_of(model, graph, Operator.DEQUANTIZE)]
    for tensor in dequantized:
        tensor.quantization = None
    return bool(dequantized)


class _Groups:
    """Sets of tensors that have one range."""

    def __init__(self) -> None:
        self._group: dict[int, set[int]] = {}

    def of(self, tensor: int) -> set[int]:
        return self._group.setdefault(int(tensor), {int(tensor)})

    def join(self, tensors: Iterable[int]) -> None:
        joined = set().union(*(self.of(tensor) for tensor in tensors))
        for tensor in joined:
            self._group[tensor] = joined


def _finished(content: bytes) -> bytes:
    model = read_model(content)
    changed = [change(model, graph) for graph in model.subgraphs for change in (_reveal_elus, _split_integers)]
    return write_model(model) if any(changed) else content


def _split_integers(model: Any, graph: Any) -> bool:
    """Let a SPLIT that the quantizer left alone between integers take and make integers."""
    if Operator.SPLIT not in map(operator_of, model.operatorCodes):
        return False
    island = _Island(model, graph)
    for call in list(graph.operators):
        if island.code(call) == Operator.SPLIT and island.between_integers(call):
            island.move_integers(call)
    island.drop_unused()
    return True


class _Island:
    """Single operators that compute in float between operators that compute in integers."""

    def __init__(self, model: Any, graph: Any) -> None:
        self._codes = [operator_of(code) for code in model.operatorCodes]
        self._graph = graph
        self._makers = {int(index): call for call in graph.operators for index in call.outputs}

    def code(self, call: Any) -> int:
        return int(self._codes[call.opcodeIndex])

    def between_integers(self, call: Any) -> bool:
        """Whether an operator takes floats that were integers in 8 bits, and only makes floats that become such."""
        source = self._makers.get(int(call.inputs[-1]))
        if source is None or self.code(source) != Operator.DEQUANTIZE or not self._is_int8(source.inputs[0]):
            return False
        takers = [taker for index in call.outputs for taker in self._takers(index)]
        ends = any(index in self._graph.outputs for index in call.outputs)
        return not ends and all(
            self.code(taker) == Operator.QUANTIZE and self._is_int8(taker.outputs[0]) for taker in takers
        )

    def move_integers(self, call: Any) -> None:
        """Let an operator hand on integers; what takes them scales them."""
        integers = self._take_integers(call)
        for index in call.outputs:
            tensor = self._graph.tensors[index]
            tensor.type, tensor.quantization = TensorType.INT8, copy(self._graph.tensors[integers].quantization)

    def drop_unused(self) -> None:
        """Leave out what makes floats for no one."""
        taken = {int(index) for call in self._graph.operators for index in call.inputs} | {
            *map(int, self._graph.outputs)
        }
        self._graph.operators = [
            call
            for call in self._graph.operators
            if self.code(call) != Operator.DEQUANTIZE or int(call.outputs[0]) in taken
        ]

    def _take_integers(self, call: Any) -> int:
        integers = int(self._makers[int(call.inputs[-1])].inputs[0])
        call.inputs = np.array([*call.inputs[:-1], integers], np.int32)
        return integers

    def _takers(self, index: int) -> list[Any]:
        return [taker for taker in self._graph.operators if index in taker.inputs]

    def _is_int8(self, index: int) -> bool:
        return type_of(self._graph.tensors[index]) is TensorType.INT8
