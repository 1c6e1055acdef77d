"""Measures what the weights of a file are multiplied with: means and covariances of layers' inputs, over samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor import Arrays
from compressor.data import in_order
from compressor.models.litert import LiteRTModel, Operator

Floats = NDArray[np.float64]

_BLOCK = 512  # columns, between which covariances are kept: all of them would take the square of the columns
_MOST_POSITIONS = 1024  # of an image, at which the inputs of a convolution are looked at
_LEAST_VARIANCE = 0.01  # of an input, in that of the inputs of its block on average
_SAME_PADDING = 0  # in the schema


@dataclass(frozen=True)
class Call:
    """An operator that multiplies its inputs with a kernel of the main graph.

    `stride` and `dilation` are those of a convolution in height and width; `same` says whether it pads its inputs.
    """

    kind: Operator
    taken: int
    kernel: int
    shape: tuple[int, ...]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    same: bool = False

    @classmethod
    def of(cls, kind: Operator, taken: int, kernel: int, shape: tuple[int, ...], options: Any) -> Call:
        """The call with the options of the schema."""
        if kind is Operator.FULLY_CONNECTED:
            return cls(kind, taken, kernel, shape)
        stride, dilation = (options.strideH, options.strideW), (options.dilationHFactor, options.dilationWFactor)
        return cls(kind, taken, kernel, shape, stride, dilation, options.padding == _SAME_PADDING)

    @property
    def groups(self) -> int:
        """Rows of the kernel's matrix that see inputs of their own: all of a depthwise kernel, else one for all."""
        return self.shape[-1] if self.kind is Operator.DEPTHWISE_CONV_2D else 1

    @property
    def columns(self) -> int:
        """Inputs that an output is computed from."""
        return int(np.prod(self.shape[1:-1] if self.kind is Operator.DEPTHWISE_CONV_2D else self.shape[1:]))


class InputMoments:
    """Mean and covariances of the inputs of a kernel, of groups x columns, as they gather."""

    def __init__(self, groups: int, columns: int) -> None:
        self.starts = range(0, columns, _BLOCK)
        self._count = 0
        self._sums = np.zeros((groups, columns))
        self._products = [np.zeros((groups, *[min(_BLOCK, columns - start)] * 2)) for start in self.starts]

    def add(self, rows: Floats) -> None:
        """Count inputs: an array of groups x positions x columns."""
        self._count += rows.shape[1]
        self._sums += rows.sum(axis=1)
        for start, products in zip(self.starts, self._products, strict=True):
            part = rows[:, :, start : start + products.shape[-1]]
            products += part.transpose(0, 2, 1) @ part

    @property
    def mean(self) -> Floats:
        """Of each input, groups x columns."""
        return self._sums / max(1, self._count)

    def covariances(self) -> list[Floats]:
        """Of the inputs of each block, groups x width x width.

        What few samples say of two inputs is trusted less: the matrices are shrunk towards their diagonals, as Ledoit
        and Wolf (2004) do, and no input counts as if it never changed.
        """
        found = []
        for start, products in zip(self.starts, self._products, strict=True):
            width = products.shape[-1]
            mean = self.mean[:, start : start + width]
            whole = products / max(1, self._count) - mean[:, :, None] * mean[:, None]
            trust = self._count / (self._count + width)
            own = np.maximum(np.diagonal(whole, axis1=1, axis2=2), 0)
            floor = _LEAST_VARIANCE * own.mean(axis=1, keepdims=True)
            shrunk = trust * whole
            index = np.arange(width)
            shrunk[:, index, index] = own + floor
            found.append(shrunk)
        return found


def input_moments(content: bytes, calls: Sequence[Call], samples: Sequence[Arrays]) -> Mapping[int, InputMoments]:
    """The moments of what each kernel is multiplied with, by the kernel's tensor, over all calls that take it.

    Args:
        content: the file, quantized or not.
        calls: of its main graph.
        samples: inputs of shape (1, ...), by name where the file has several.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # which keeps every tensor
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    ends, names = interpreter.get_input_details(), [end.name for end in LiteRTModel(content).inputs]
    scales = {detail["index"]: detail["quantization"] for detail in interpreter.get_tensor_details()}
    moments = {call.kernel: InputMoments(call.groups, call.columns) for call in calls}
    for sample in samples:
        for end, values in zip(ends, in_order(sample, names), strict=True):
            interpreter.set_tensor(end["index"], _stored(values, end))
        interpreter.invoke()
        for call in calls:
            scale, zero = scales[call.taken]
            values = interpreter.get_tensor(call.taken).astype(np.float64)
            for rows in inputs_of(call, (values - zero) * (scale or 1.0)):
                moments[call.kernel].add(rows)
        interpreter.reset_all_variables()
    return moments


def _stored(values: NDArray[Any], end: Mapping[str, Any]) -> NDArray[Any]:
    """Real values as an input of the file holds them."""
    scale, zero = end["quantization"]
    dtype = end["dtype"]
    if not scale or np.issubdtype(dtype, np.floating):
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    steps: NDArray[Any] = np.clip(np.round(values / scale) + zero, limits.min, limits.max)
    return steps.astype(dtype)


def inputs_of(call: Call, values: Floats) -> Iterator[Floats]:
    """What each output is computed from: groups x positions x columns."""
    if call.kind is Operator.FULLY_CONNECTED:
        yield values.reshape(1, -1, call.columns)
        return
    height, width = call.shape[1:3]
    for image in values:
        # height x width x channels x reach
        windows = np.lib.stride_tricks.sliding_window_view(_padded(image, call), _reach(call), axis=(0, 1))
        seen = windows[:: call.stride[0], :: call.stride[1], :, :: call.dilation[0], :: call.dilation[1]]
        flat = seen.reshape(-1, *seen.shape[2:])
        flat = flat[:: -(-len(flat) // _MOST_POSITIONS)]  # positions x channels x height x width
        if call.kind is Operator.DEPTHWISE_CONV_2D:
            rows = flat.transpose(1, 0, 2, 3).reshape(flat.shape[1], len(flat), height * width)
            yield np.repeat(rows, call.groups // len(rows), axis=0)
        else:
            yield flat.transpose(0, 2, 3, 1).reshape(1, len(flat), -1)


def _reach(call: Call) -> tuple[int, int]:
    height, width = call.shape[1:3]
    return (height - 1) * call.dilation[0] + 1, (width - 1) * call.dilation[1] + 1


def _padded(image: Floats, call: Call) -> Floats:
    """The image with the zeros that a convolution puts around it."""
    if not call.same:
        return image
    around = []
    for size, reach, stride in zip(image.shape[:2], _reach(call), call.stride, strict=True):
        missing = max(0, (-(-size // stride) - 1) * stride + reach - size)
        around.append((missing // 2, missing - missing // 2))
    return np.pad(image, [*around, (0, 0)])
