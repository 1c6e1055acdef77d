"""Runs `.tflite` files in LiteRT's interpreter, as a device would."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.base.named_arrays import arrays_in, each, in_order, is_named, joined
from compressor.base.types import Arrays
from compressor.data.split import Split
from compressor.models.library_errors import INTERPRETER_ERRORS

_SAMPLES_A_CALL = 256  # more are no faster
_MOST_THREADS = 8
_WARM_UP_CALLS = 10
_TIMED_CALLS = 200
_TIMED_SECONDS = 0.4
_SIGNATURE = "serving_default"


@dataclass(frozen=True)
class Latency:
    """Seconds of a call with one sample on one thread: the median, the 90th percentile, and all from 0 to 100 by 5."""

    p50: float
    p90: float
    calls: int
    percentiles: tuple[float, ...] = ()


@dataclass(frozen=True)
class Endpoint:
    """An input or output of a file. Where it is quantized, float value = scale * (stored value - zero point).

    The name is the signature's if the file has one, and else the tensor's. Where it is not quantized, the scale is 0.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


class LiteRTModel:
    """A LiteRT file, ready to run one or many samples a call.

    It takes and gives floats; where an input or output of the file is quantized, they are converted as in firmware.
    """

    def __init__(self, content: bytes, threads: int = 1, reference: bool = False) -> None:
        """Open a file; `reference` has LiteRT's reference kernels run it, which those of microcontrollers derive from.

        Raises:
            ModelError: the interpreter refuses it.
        """
        try:
            self._interpreter = reference_interpreter(content) if reference else open_interpreter(content, threads)
            inputs, outputs = _endpoint_details(self._interpreter)
        except INTERPRETER_ERRORS as error:
            raise ModelError(f"LiteRT cannot open the file ({error})", "make it again") from None
        for side, ends in (("input", inputs), ("output", outputs)):
            for details in ends:
                if details["dtype"] in (np.bytes_, np.object_):
                    what = f"the {side} '{details['name']}' of the file is text"
                    raise ModelError(what, "give a file whose inputs and outputs are numbers")
        self._in, self._out = [details["index"] for details in inputs], [details["index"] for details in outputs]
        self.inputs = tuple(map(_endpoint, inputs))
        self.outputs = tuple(map(_endpoint, outputs))
        self._sizes = [tuple(map(int, details["shape_signature"][1:])) for details in inputs]
        self._shapes: list[tuple[int, ...]] = []

    def run(self, features: Arrays) -> Arrays:
        """The outputs for n samples, of shape (n, ...) each, as float32.

        A file with one input takes an array, one with several takes a mapping by their names; outputs likewise.

        Raises:
            ModelError: the samples do not fit what the file takes, or the file cannot be run.
        """
        self._set(features)
        try:
            self._interpreter.invoke()
        except INTERPRETER_ERRORS as error:
            raise ModelError(f"LiteRT cannot run the file ({error})", "check its operators and its input") from None
        arrays = [_real(self._interpreter.get_tensor(i), end) for i, end in zip(self._out, self.outputs, strict=True)]
        return arrays[0] if len(arrays) == 1 else dict(zip((end.name for end in self.outputs), arrays, strict=True))

    def run_stored(self, features: Arrays) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        """What the file's inputs hold for n samples, and what its outputs hold then, in the file's order.

        Raises:
            ModelError: the samples do not fit what the file takes, or the file cannot be run.
        """
        self.run(features)
        taken = [_stored(array, end) for array, end in zip(self._in_order(features), self.inputs, strict=True)]
        return taken, [self._interpreter.get_tensor(index) for index in self._out]

    def run_again(self) -> None:
        """Run on the samples of the last call once more, to be timed from outside."""
        self._interpreter.invoke()

    def latency(self, sample: Arrays) -> Latency:
        """Time calls with one sample of shape (1, ...), after a warm-up."""
        self._set(sample)
        for _ in range(_WARM_UP_CALLS):
            self._interpreter.invoke()
        seconds: list[float] = []
        deadline = time.perf_counter() + _TIMED_SECONDS
        while len(seconds) < _TIMED_CALLS and (len(seconds) < 5 or time.perf_counter() < deadline):
            start = time.perf_counter()
            self._interpreter.invoke()
            seconds.append(time.perf_counter() - start)
        percentiles = tuple(map(float, np.percentile(seconds, range(0, 101, 5))))
        return Latency(percentiles[10], percentiles[18], len(seconds), percentiles)

    def _set(self, features: Arrays) -> None:
        arrays = self._in_order(features)
        self._resize(arrays)
        self._interpreter.reset_all_variables()  # or an LSTM would go on from the state that earlier samples left
        try:
            for index, array, end in zip(self._in, arrays, self.inputs, strict=True):
                self._interpreter.set_tensor(index, _stored(array, end))
        except INTERPRETER_ERRORS as error:
            raise ModelError(f"LiteRT cannot run the file ({error})", "check its operators and its input") from None

    def _in_order(self, features: Arrays) -> list[NDArray[np.float32]]:
        names = [end.name for end in self.inputs]
        if not is_named(features) and len(names) > 1:
            what = f"the file takes {len(names)} inputs ({', '.join(names)}), and the data has one without a name"
            raise ModelError(what, "give the data as a mapping by these names")
        if is_named(features) and not len(names) == len(features) == 1:
            _refuse_missing(names, features)
        arrays = in_order(features, names)
        for end, sizes, array in zip(self.inputs, self._sizes, arrays, strict=True):
            if not _fits(array.shape[1:], sizes):
                named = f" at '{end.name}'" if len(names) > 1 else ""
                what = f"the file takes samples of shape {end.shape[1:]}{named}, and the data has {array.shape[1:]}"
                raise ModelError(what, "use data that fits the model")
        return arrays

    def _resize(self, arrays: Sequence[NDArray[np.float32]]) -> None:
        samples, shapes = len(arrays[0]), [array.shape for array in arrays]
        if shapes == self._shapes:
            return
        try:
            for index, array in zip(self._in, arrays, strict=True):
                self._interpreter.resize_tensor_input(index, array.shape)
            self._interpreter.allocate_tensors()
        except INTERPRETER_ERRORS as error:
            self._shapes = []
            if samples == 1:
                raise ModelError(f"LiteRT cannot run the file ({error})", "check its operators and its input") from None
            raise ModelError(f"LiteRT cannot take {samples} samples a call ({error})", "use one") from None
        self._shapes = shapes


def predictions(content: bytes, split: Split) -> Iterator[tuple[Arrays, Arrays, Any]]:
    """The inputs, the file's outputs and the labels of a split, batch by batch in order, on all cores.

    A file that cannot take many samples a call gets them one by one.

    Raises:
        ModelError: the file cannot be run on the data.
    """
    one_by_one = not takes_many(content, next(iter(split.batches(2)))[0])
    model = LiteRTModel(content, threads=min(os.cpu_count() or 1, _MOST_THREADS))
    for features, labels in split.batches(_SAMPLES_A_CALL):
        yield features, _each_alone(model, features) if one_by_one else model.run(features), labels


def takes_many(content: bytes, samples: Arrays) -> bool:
    """Whether a file gives the same outputs for samples in one call as for each alone."""
    alone = _each_alone(LiteRTModel(content), samples)
    try:
        together = LiteRTModel(content).run(samples)
    except ModelError:
        return False
    return all(
        expected.shape == output.shape and bool(np.allclose(output, expected, atol=1e-3))
        for expected, output in zip(arrays_in(alone), arrays_in(together), strict=True)
    )


def outputs_for(content: bytes, samples: Sequence[Arrays]) -> Arrays:
    """The outputs of a file for samples of shape (1, ...), in one call if it takes that many.

    Raises:
        ModelError: the file cannot be run on them.
    """
    try:
        return LiteRTModel(content).run(joined(samples))
    except ModelError:
        model = LiteRTModel(content)
        outputs: Arrays = joined([model.run(sample) for sample in samples])
        return outputs


def _each_alone(model: LiteRTModel, features: Arrays) -> Arrays:
    count = len(arrays_in(features)[0])
    samples = (each(features, itemgetter(slice(index, index + 1))) for index in range(count))
    outputs: Arrays = joined([model.run(sample) for sample in samples])
    return outputs


def _fits(shape: Sequence[int], sizes: Sequence[int]) -> bool:
    """Whether a sample has the sizes that a file takes, where -1 stands for any."""
    return len(shape) == len(sizes) and all(size in (-1, own) for size, own in zip(sizes, shape, strict=True))


def _refuse_missing(names: Sequence[str], features: Mapping[str, Any]) -> None:
    if missing := [name for name in names if name not in features]:
        what = f"the file takes {', '.join(names)}, and the data has {', '.join(features)}"
        raise ModelError(what, f"give the data {', '.join(missing)}, or call its parts as the model's inputs are")


def open_interpreter(content: bytes, threads: int) -> Any:
    """An interpreter of the file, with LiteRT's own kernels where the faster ones refuse it."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=content, num_threads=threads)
    try:
        interpreter.allocate_tensors()
    except RuntimeError:  # from XNNPACK, for some quantized graphs that LiteRT's own kernels run
        plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        return Interpreter(model_content=content, num_threads=threads, experimental_op_resolver_type=plain)
    return interpreter


def reference_interpreter(content: bytes) -> Any:
    """An interpreter of the file with LiteRT's reference kernels."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    return interpreter


def _endpoint_details(interpreter: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Details of inputs and outputs, in the file's order, with the signature's names where the file has one."""
    ends = interpreter.get_input_details(), interpreter.get_output_details()
    if _SIGNATURE not in interpreter.get_signature_list():
        return ends
    runner = interpreter.get_signature_runner(_SIGNATURE)
    named = [
        _named(details, by_name)
        for details, by_name in zip(ends, (runner.get_input_details(), runner.get_output_details()), strict=True)
    ]
    return (named[0], named[1]) if named[0] and named[1] else ends


def _named(ends: Sequence[dict[str, Any]], by_name: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The details with the signature's names, or none where it is of another graph or leaves an endpoint out."""
    names: dict[int, list[str]] = {}
    for name, details in by_name.items():
        names.setdefault(details["index"], []).append(name)  # one tensor may be two outputs
    if any(details["index"] not in names for details in ends) or len(by_name) != len(ends):
        return []
    return [{**details, "name": names[details["index"]].pop(0)} for details in ends]


def _endpoint(details: dict[str, Any]) -> Endpoint:
    scale, zero_point = details["quantization"]
    shape = tuple(int(size) for size in details["shape"])
    return Endpoint(details["name"], shape, np.dtype(details["dtype"]).name, float(scale), int(zero_point))


def _stored(values: NDArray[np.float32], end: Endpoint) -> NDArray[Any]:
    """Values as an input of the file takes them."""
    if end.dtype.startswith("float"):
        return values.astype(end.dtype)
    if not end.scale:
        if "int" in end.dtype and not np.array_equal(values, np.round(values)):
            what = f"the file takes whole numbers for '{end.name}' ({end.dtype}), and the samples have fractions"
            raise ModelError(what, "give whole numbers; bytes are scaled to 0..1 by default, and int32 is not")
        return values.astype(end.dtype)
    limits = np.iinfo(np.dtype(end.dtype))
    steps: NDArray[Any] = np.clip(np.round(values / end.scale) + end.zero_point, limits.min, limits.max)
    return steps.astype(end.dtype)


def _real(values: NDArray[Any], end: Endpoint) -> NDArray[np.float32]:
    """The float values of what an output of the file holds."""
    if not end.scale or end.dtype.startswith("float"):
        return values.astype(np.float32)
    real: NDArray[np.float32] = (values.astype(np.float32) - end.zero_point) * np.float32(end.scale)
    return real
