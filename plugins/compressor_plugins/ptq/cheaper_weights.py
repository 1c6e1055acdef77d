"""Moves the integer weights of a quantized file to values that take fewer bits in a package, by `rate_weight`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor import Arrays, StepContext
from compressor.models.litert import Operator, TensorType, kernels_in, operator_of, read_model, type_of, write_model
from compressor_plugins.ptq.cheaper_levels import Errors, cheaper, coded_bits
from compressor_plugins.ptq.input_moments import Call, InputMoments, input_moments
from compressor_plugins.ptq.tied_scales import scales_of, store, stored_integers

_KINDS = (Operator.CONV_2D, Operator.DEPTHWISE_CONV_2D, Operator.FULLY_CONNECTED)
_FEWEST = 32  # weights, below which the coder has no matrix of them


@dataclass(frozen=True)
class _Kernel:
    """A kernel of 8 bits, as a matrix of outputs x inputs; `rows` are the scales of these."""

    tensor: Any
    levels: NDArray[np.int64]
    rows: NDArray[np.float64]
    one_scale: bool
    by_columns: bool

    def as_stored(self, levels: NDArray[np.int64]) -> NDArray[np.int8]:
        """The matrix in the layout of the file."""
        return (levels.T if self.by_columns else levels).astype(np.int8)


def with_cheaper_weights(content: bytes, rate_weight: float, samples: Sequence[Arrays], context: StepContext) -> bytes:
    """The file with other integers in its kernels, where the bits that this saves outweigh the error.

    Args:
        content: of the quantized file.
        rate_weight: what a bit a weight counts, in squared errors of the outputs of all layers, each as a share of how
            much they vary.
        samples: inputs that the errors are weighed by.
        context: for notes, and for the kernels that are left alone. Where the model is clustered, no kernel gets
            values that it has not.
    """
    file = read_model(content)
    calls, left = _calls(content, file)
    kernels = {call.kernel: _kernel(file, call) for call in calls}
    for name, reason in left.items():
        context.leave_alone(name, reason)
    moments = input_moments(content, calls, samples)
    price = rate_weight / max(1, sum(kernel.levels.size for kernel in kernels.values()))
    clustered = "clustered" in context.state.traits
    moved = zeroed = 0
    before = after = worst = 0.0
    for place, kernel in kernels.items():
        errors = _errors(kernel, moments[place])
        if errors is None:
            reason = "its weights were not moved: the outputs of its operator are zero for all calibration samples"
            context.leave_alone((kernel.tensor.name or b"").decode(errors="replace"), reason)
            continue
        choice = cheaper(kernel.levels, errors, price, kernel.one_scale if clustered else None)
        moved += int((choice.levels != kernel.levels).sum())
        zeroed += int(((choice.levels == 0) & (kernel.levels != 0)).sum())
        before, after = before + coded_bits(kernel.levels), after + choice.bits
        worst = max(worst, choice.error)
        store(file, kernel.tensor, kernel.as_stored(choice.levels))
    count = sum(kernel.levels.size for kernel in kernels.values())
    if not moved:
        context.note("no weight was moved: at this 'rate_weight' no bit is worth an error")
        return content
    context.note(
        f"moved {moved:,} of {count:,} weights, {zeroed:,} of them to zero, for fewer bits in a package: from about "
        f"{before / 8:,.0f} to {after / 8:,.0f} bytes; the outputs of a layer change by {worst:.2%} of their "
        "variance at the most"
    )
    return write_model(file)


def _errors(kernel: _Kernel, moments: InputMoments) -> Errors | None:
    """What errors of the integers cost, as shares of the variance of the layer's outputs; None where these are zero."""
    covariances, mean = moments.covariances(), moments.mean
    scale = np.square(kernel.rows)
    for centre in (np.zeros_like(mean), mean):  # outputs that never vary are taken by their squares
        size = Errors(scale, centre, covariances).of(kernel.levels)
        if size > 0:
            return Errors(scale / size, mean, covariances)
    return None


def _calls(content: bytes, file: Any) -> tuple[list[Call], dict[str, str]]:
    """The calls of kernels of 8 bits in the main graph, and the kernels that are left alone, each with the reason."""
    kernels, graph = kernels_in(content), file.subgraphs[0]
    elsewhere = {
        (tensor.name or b"").decode(errors="replace") for part in file.subgraphs[1:] for tensor in part.tensors
    }
    casts = {
        call.outputs[0]: int(call.inputs[0])
        for call in graph.operators
        if operator_of(file.operatorCodes[call.opcodeIndex]) == Operator.DEQUANTIZE
    }
    known = {tensor.name for tensor in kernels}
    found: list[Call] = []
    left: dict[str, str] = {}
    for place, tensor in enumerate(graph.tensors):
        name = (tensor.name or b"").decode(errors="replace")
        data = file.buffers[tensor.buffer].data
        if name not in known or type_of(tensor) is not TensorType.INT8 or data is None or not len(data):
            continue
        shape = tuple(int(size) for size in tensor.shape)
        takers = [call for call in graph.operators if place in [casts.get(at, at) for at in call.inputs]]
        own = [_call(file, graph, call, place, shape) for call in takers if call.outputs[0] not in casts]
        if np.prod(shape) < _FEWEST:
            left[name] = f"its weights were not moved: it has fewer than {_FEWEST}"
        elif not own or None in own:
            left[name] = (
                "its weights were not moved: what an error of theirs does to its operator's output is not known"
            )
        elif len({(call.groups, call.columns) for call in own if call}) > 1:
            left[name] = "its weights were not moved, since operators of several kinds take them"
        else:
            found += [call for call in own if call]
    for tensor in kernels:
        if tensor.dtype != "int8":
            left[tensor.name] = f"its weights were not moved: they are {tensor.dtype}, and 'rate_weight' is for int8"
        elif tensor.name in elsewhere:
            left[tensor.name] = "its weights were not moved: only those of the main graph are"
    return found, left


def _call(file: Any, graph: Any, taker: Any, kernel: int, shape: tuple[int, ...]) -> Call | None:
    kind = operator_of(file.operatorCodes[taker.opcodeIndex])
    if kind not in _KINDS or len(shape) not in (2, 4) or (kind == Operator.FULLY_CONNECTED) != (len(shape) == 2):
        return None
    taken = graph.tensors[taker.inputs[0]]
    channels = int(taken.shape[-1]) if taken.shape is not None and len(taken.shape) else 0
    if kind == Operator.CONV_2D and channels != shape[-1]:  # in groups
        return None
    return Call.of(Operator(kind), int(taker.inputs[0]), kernel, shape, taker.builtinOptions)


def _kernel(file: Any, call: Call) -> _Kernel:
    tensor = file.subgraphs[0].tensors[call.kernel]
    levels, scales = stored_integers(file, tensor).astype(np.int64), scales_of(tensor).astype(np.float64)
    by_columns = call.kind is Operator.DEPTHWISE_CONV_2D
    matrix = levels.reshape(-1, levels.shape[-1]).T if by_columns else levels.reshape(len(levels), -1)
    return _Kernel(tensor, matrix, np.broadcast_to(scales, len(matrix)), len(scales) == 1, by_columns)
