"""Has integer operators make what they can, and a QUANTIZE behind them what was asked for.

- A HARD_SWISH cannot make steps that are far smaller than those that it takes.
- What moves values without a look at them, such as a REVERSE_V2, hands on integers as they are. Where what it makes is
  joined with others, TensorFlow's quantizer gives that their scale, and the integers then mean something else.
"""

from __future__ import annotations

from copy import copy, deepcopy
from typing import Any

import numpy as np

from compressor.models.litert.format.flatbuffer import code_index, operator_of, read_model, write_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.tensor_types import TensorType, type_of

_FINEST = 1 / 128  # of an input's step: smaller steps than that a HARD_SWISH cannot make
_COPYING = {  # operators that hand on integers as they are, and the place of these among their inputs
    Operator.BATCH_TO_SPACE_ND: 0, Operator.BROADCAST_TO: 0, Operator.DEPTH_TO_SPACE: 0, Operator.EXPAND_DIMS: 0,
    Operator.GATHER: 0, Operator.GATHER_ND: 0, Operator.MIRROR_PAD: 0, Operator.RESHAPE: 0,
    Operator.REVERSE_SEQUENCE: 0, Operator.REVERSE_V2: 0, Operator.SLICE: 0, Operator.SPACE_TO_BATCH_ND: 0,
    Operator.SPACE_TO_DEPTH: 0, Operator.SPLIT: 1, Operator.SPLIT_V: 0, Operator.SQUEEZE: 0,
    Operator.STRIDED_SLICE: 0, Operator.TILE: 0, Operator.TRANSPOSE: 0, Operator.UNPACK: 0,
}  # fmt: skip
_INTEGERS = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)


def requantized(content: bytes) -> bytes:
    """The file, in which every operator makes steps that it can; the same bytes where that is so already."""
    model = read_model(content)
    codes = [operator_of(code) for code in model.operatorCodes]
    changed = False
    for graph in model.subgraphs:
        for call in list(graph.operators):
            code = codes[call.opcodeIndex]
            if code == Operator.HARD_SWISH:
                changed |= _coarsen(model, graph, call)
            elif code in _COPYING:
                changed |= _keep_scale(model, graph, call, int(call.inputs[_COPYING[code]]))
    return write_model(model) if changed else content


def _coarsen(model: Any, graph: Any, call: Any) -> bool:
    """Have a HARD_SWISH make steps that are not too fine for it.

    Such steps come from ranges that were never seen anything in: of layers that are dead, or not trained yet.
    """
    ends = graph.tensors[call.inputs[0]], graph.tensors[call.outputs[0]]
    if any(type_of(tensor) is not TensorType.INT8 for tensor in ends):
        return False
    least = ends[0].quantization.scale[0] * _FINEST
    if ends[1].quantization.scale[0] >= least:
        return False
    coarse = deepcopy(ends[1].quantization)
    coarse.scale = np.array([2 * least], np.float32)
    _make(model, graph, call, 0, coarse)
    return True


def _keep_scale(model: Any, graph: Any, call: Any, source: int) -> bool:
    """Have an operator that hands on integers make the scale of these."""
    given = graph.tensors[source]
    if type_of(given) not in _INTEGERS or not _has_one_scale(given):
        return False
    others = [
        place
        for place, made in enumerate(map(int, call.outputs))
        if type_of(graph.tensors[made]) is type_of(given)
        and _has_one_scale(graph.tensors[made])
        and _scale(graph.tensors[made]) != _scale(given)
    ]
    for place in others:
        _make(model, graph, call, place, given.quantization)
    return bool(others)


def _has_one_scale(tensor: Any) -> bool:
    found = tensor.quantization
    return found is not None and found.scale is not None and len(found.scale) == 1


def _scale(tensor: Any) -> tuple[float, int]:
    return float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])


def _make(model: Any, graph: Any, call: Any, place: int, quantization: Any) -> None:
    """Let an operator make an output in another quantization, and a QUANTIZE behind it the one that it had."""
    from ai_edge_litert.schema_py_generated import OperatorT

    wanted = int(call.outputs[place])
    made = copy(graph.tensors[wanted])
    made.quantization = quantization
    graph.tensors.append(made)
    call.outputs = np.array([*call.outputs[:place], len(graph.tensors) - 1, *call.outputs[place + 1 :]], np.int32)
    quantize = OperatorT()
    quantize.opcodeIndex = code_index(model, Operator.QUANTIZE, version=2)
    quantize.inputs, quantize.outputs = np.array([len(graph.tensors) - 1], np.int32), np.array([wanted], np.int32)
    graph.operators.insert(graph.operators.index(call) + 1, quantize)
