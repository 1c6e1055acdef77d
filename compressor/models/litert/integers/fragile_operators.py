"""Finds operators that 8 bits would break: a division by what they round to zero, and a logarithm of it.

LiteRT refuses to divide by an int8 value that means zero, in the middle of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import Operator

_ARGUMENTS: Mapping[int, int] = {Operator.DIV: 1, Operator.LOG: 0}  # the place of the input that must not be zero
_WEIGHTED = {
    Operator.CONV_2D, Operator.DEPTHWISE_CONV_2D, Operator.FULLY_CONNECTED, Operator.TRANSPOSE_CONV,
    Operator.BATCH_MATMUL, Operator.EMBEDDING_LOOKUP,
}  # fmt: skip
_STEPS = 255  # of an int8 tensor, whose range always holds 0
_APART = 16  # steps from zero, where rounding to a step makes an error of 3 %


def fragile_operators(calibrated: bytes) -> set[str]:
    """The names of the first outputs of operators to keep in float.

    Those are divisions and logarithms whose argument came closer to zero than a few steps in 8 bits, where a step is
    too coarse and other samples may round to zero; and all that computes it, back to the last operator with weights.

    Args:
        calibrated: a float file whose tensors hold the ranges that calibration saw.
    """
    model = read_model(calibrated)
    graph = model.subgraphs[0]
    makers = {int(index): operator for operator in graph.operators for index in operator.outputs}

    def kind(operator: Any) -> int:
        return operator_of(model.operatorCodes[operator.opcodeIndex])

    kept: list[Any] = []
    for operator in graph.operators:
        place = _ARGUMENTS.get(kind(operator))
        if place is None or not _is_near_zero(graph.tensors[operator.inputs[place]]):
            continue
        waiting = [operator.inputs[place]]
        kept.append(operator)
        while waiting:
            maker = makers.get(int(waiting.pop()))
            if maker is not None and maker not in kept and kind(maker) not in _WEIGHTED:
                kept.append(maker)
                waiting.extend(maker.inputs)
    return {graph.tensors[operator.outputs[0]].name.decode() for operator in kept}


def _is_near_zero(tensor: Any) -> bool:
    """Whether a tensor came within a few steps of zero; a constant, which has no range, does not count."""
    ranges = tensor.quantization
    if ranges is None or ranges.min is None or ranges.max is None:
        return False
    low, high = float(ranges.min[0]), float(ranges.max[0])
    near = _APART * (max(high, 0.0) - min(low, 0.0)) / _STEPS
    return low < near and high > -near
