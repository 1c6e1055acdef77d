"""Runs samples through a float file, and keeps what litert-quantizer needs to know of each tensor's values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor import Arrays, StepError
from compressor.data import in_order
from compressor.models.litert import LiteRTModel, Operator, operator_of, read_model, takes_many
from compressor_plugins.ptq.weighted_operators import WeightedOperator

Samples = Sequence[Arrays]
"""Inputs of shape (1, ...) each, by name where the file has several."""
TensorStatistics = dict[str, dict[str, Any]]
"""What litert-quantizer calls QSVs: by the tensor's name, `min` and `max`, and what some algorithms need besides."""

_BATCH_BYTES = 200_000_000  # of activations, all of which are kept while calibrating
_MOST_A_BATCH = 64
_SECOND_MOMENTS = ("hessian", "mu2")  # of an operator's inputs, for gptq and oscar


def calibrated(content: bytes, quantizer: Any, samples: Samples) -> TensorStatistics:
    """The statistics of the tensors that a quantizer's recipe asks for, over all samples, many a call.

    litert-quantizer's own way, sample by sample with a moving average, forgets all but the last few: the ranges were
    ten times worse than those of all samples, and took 25 times as long.

    Raises:
        StepError: the file holds variables, which calibration would take for arrays of numbers, and crash.
    """
    from litert_quantizer.calibrator import CalibrationMode, Calibrator

    calibrator = Calibrator(
        content,
        num_threads=1,
        mode=CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS,
        qsv_update_func=_merged,
    )
    file = read_model(content)
    if any(operator_of(code) == Operator.VAR_HANDLE for code in file.operatorCodes):
        what = "the file keeps values from call to call in variables, and calibration cannot run it"
        raise StepError(what, "use precision dynamic or float16, which need no calibration")
    key = _signature(file).signatureKey.decode()
    for batch in _batches(samples, content, _samples_a_batch(content, samples)):
        # a call for each, after which an LSTM's state is reset
        calibrator.calibrate({key: [batch]}, quantizer._recipe_manager)
    statistics: TensorStatistics = calibrator.get_model_qsvs()
    return statistics


def pass_to_sources(statistics: TensorStatistics, file: Any, operators: Iterable[WeightedOperator]) -> None:
    """Give the second moments of operators' inputs to the tensors that those are made of by moving values alone.

    litert-quantizer puts what it knows of a Reshape's input in place of what it knows of the output.
    """
    graph = file.subgraphs[0]
    makers = {maker.outputs[0]: maker for maker in graph.operators}
    for operator in operators:
        tensor = graph.operators[operator.index].inputs[0]
        own = statistics.get(graph.tensors[tensor].name.decode(), {})
        moments = {name: value for name, value in own.items() if name in _SECOND_MOMENTS}
        while (maker := makers.get(tensor)) is not None and len(maker.inputs):
            tensor = maker.inputs[0]
            source = statistics.get(graph.tensors[tensor].name.decode())
            if source is None or not moments.keys().isdisjoint(source):
                break
            source.update(moments)


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any]:
    """The statistics of a tensor over two sets of samples: the range of both, and means by the number of samples."""
    if not old or not new:
        return old or new
    merged = {"min": np.minimum(old["min"], new["min"]), "max": np.maximum(old["max"], new["max"])}
    counts = [statistics.get("num_samples", 0) for statistics in (old, new)]
    for name in _SECOND_MOMENTS:
        if name in old and name in new:
            merged[name] = (old[name] * counts[0] + new[name] * counts[1]) / max(1, sum(counts))
    if any(counts):
        merged["num_samples"] = sum(counts)
    return merged


def _samples_a_batch(content: bytes, samples: Samples) -> int:
    """How many samples go into a call: one where the file takes no more, and as many as memory allows."""
    if len(samples) > 1 and not takes_many(content, next(_batches(samples, content, 2))):
        return 1
    file = read_model(content)
    held = [buffer.data is not None and len(buffer.data) > 0 for buffer in file.buffers]
    computed = [tensor for tensor in file.subgraphs[0].tensors if not held[tensor.buffer]]
    sizes = [int(np.prod(tensor.shape)) for tensor in computed if tensor.shape is not None]
    return max(1, min(_MOST_A_BATCH, _BATCH_BYTES // max(1, 4 * sum(sizes))))


def _batches(samples: Samples, content: bytes, size: int) -> Iterator[dict[str, NDArray[Any]]]:
    """The samples, `size` a call, by the names of the signature's inputs and in their dtypes."""
    file, inputs = read_model(content), LiteRTModel(content).inputs
    names = {entry.tensorIndex: entry.name.decode() for entry in _signature(file).inputs}
    for start in range(0, len(samples), size):
        parts = [in_order(sample, [end.name for end in inputs]) for sample in samples[start : start + size]]
        yield {
            names[index]: np.concatenate([part[place] for part in parts]).astype(end.dtype)
            for place, (index, end) in enumerate(zip(file.subgraphs[0].inputs, inputs, strict=True))
        }


def _signature(file: Any) -> Any:
    """The signature of the main graph."""
    return next(signature for signature in file.signatureDefs if signature.subgraphIndex == 0)
