"""Runs a `.tflite` file with LiteRT's interpreter, as a device would."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.data import Split
from compressor.errors import ModelError

SAMPLES_A_CALL = 256  # more gained nothing
_MOST_THREADS = 8
_WARM_UP_CALLS = 10
_TIMED_CALLS = 200
_TIMED_SECONDS = 0.4


@dataclass(frozen=True)
class Latency:
    """Seconds of one call with one sample on one thread: the median, and what nine of ten calls stay under."""

    p50: float
    p90: float
    calls: int


@dataclass(frozen=True)
class Endpoint:
    """A file's input or output; float value = scale * (stored value - zero point), where scale is not 0."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


class LiteRTModel:
    """A LiteRT file ready to run, one or many samples a call.

    Floats go in and come out; where the file's own input or output is quantized, they are converted as firmware would.
    """

    def __init__(self, content: bytes, threads: int = 1) -> None:
        """Open a file.

        Raises:
            ModelError: the interpreter refuses it, or it has more than one input or output.
        """
        from ai_edge_litert.interpreter import Interpreter

        self._content = content
        self._threads = threads
        try:
            self._interpreter = Interpreter(model_content=content, num_threads=threads)
            inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"LiteRT cannot open the file ({error})", "make it again") from None
        if len(inputs) != 1 or len(outputs) != 1:
            what = f"the file has {len(inputs)} inputs and {len(outputs)} outputs"
            raise ModelError(what, "measuring works with one of each")
        self._in, self._out = inputs[0], outputs[0]
        self._samples = 0
        self.input, self.output = _endpoint(self._in), _endpoint(self._out)

    def run(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs for n samples, shape (n, ...), as float32.

        Raises:
            ModelError: the samples do not have the shape the file takes, or the file cannot be run.
        """
        self._resize(features)
        try:
            self._interpreter.set_tensor(self._in["index"], _stored(features, self.input))
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"LiteRT cannot run the file ({error})", "check its operators and its input") from None
        return _real(self._interpreter.get_tensor(self._out["index"]), self.output)

    def latency(self, sample: NDArray[np.float32]) -> Latency:
        """Time calls with one sample of shape (1, ...), after a warm-up."""
        self._resize(sample)
        self._interpreter.set_tensor(self._in["index"], _stored(sample, self.input))
        for _ in range(_WARM_UP_CALLS):
            self._interpreter.invoke()
        seconds: list[float] = []
        deadline = time.perf_counter() + _TIMED_SECONDS
        while len(seconds) < _TIMED_CALLS and (len(seconds) < 5 or time.perf_counter() < deadline):
            start = time.perf_counter()
            self._interpreter.invoke()
            seconds.append(time.perf_counter() - start)
        p50, p90 = np.percentile(seconds, [50, 90])
        return Latency(float(p50), float(p90), len(seconds))

    def _resize(self, features: NDArray[np.float32]) -> None:
        if features.shape[1:] != self.input.shape[1:]:
            what = f"the file takes samples of shape {self.input.shape[1:]}, and the data has {features.shape[1:]}"
            raise ModelError(what, "use data that fits the model")
        if len(features) == self._samples:
            return
        try:
            self._interpreter.resize_tensor_input(self._in["index"], features.shape)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"LiteRT cannot take {len(features)} samples a call ({error})", "use one") from None
        self._samples = len(features)


def predict(content: bytes, split: Split, samples_a_call: int = SAMPLES_A_CALL) -> NDArray[np.float32]:
    """Outputs of the file for every sample of a split, shape (n, ...), in order, on all cores.

    A file that cannot take many samples a call gets them one by one.

    Raises:
        ModelError: the file cannot be run on the data.
    """
    if samples_a_call > 1 and not _takes_many(content, next(iter(split.batches(2)))[0]):
        samples_a_call = 1
    model = LiteRTModel(content, threads=min(os.cpu_count() or 1, _MOST_THREADS))
    return np.concatenate([model.run(features) for features, _ in split.batches(samples_a_call)])


def _takes_many(content: bytes, samples: NDArray[np.float32]) -> bool:
    """Whether samples in one call give the outputs that each gives alone."""
    one_by_one = LiteRTModel(content)
    alone = np.concatenate([one_by_one.run(sample[None]) for sample in samples])
    try:
        together = LiteRTModel(content).run(samples)
    except ModelError:
        return False
    return together.shape == alone.shape and bool(np.allclose(together, alone, atol=1e-3))


def _endpoint(details: dict[str, Any]) -> Endpoint:
    scale, zero_point = details["quantization"]
    shape = tuple(int(size) for size in details["shape"])
    return Endpoint(details["name"], shape, np.dtype(details["dtype"]).name, float(scale), int(zero_point))


def _stored(values: NDArray[np.float32], end: Endpoint) -> NDArray[Any]:
    if not end.scale or end.dtype.startswith("float"):
        return values.astype(end.dtype)
    limits = np.iinfo(np.dtype(end.dtype))
    steps: NDArray[Any] = np.clip(np.round(values / end.scale) + end.zero_point, limits.min, limits.max)
    return steps.astype(end.dtype)


def _real(values: NDArray[Any], end: Endpoint) -> NDArray[np.float32]:
    if not end.scale or end.dtype.startswith("float"):
        return values.astype(np.float32)
    real: NDArray[np.float32] = (values.astype(np.float32) - end.zero_point) * np.float32(end.scale)
    return real
