"""Judges a stage by the file that would ship: what is in it, how right it is, how fast it runs.

The test split goes through batch by batch, and a metric keeps only its own figures of each sample, so that outputs as
large as images need no more memory than one batch of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import CompressorError, DataError, StepError
from compressor.base.named_arrays import arrays_in, by_name, each, in_order
from compressor.base.plugin_errors import fenced
from compressor.base.types import Arrays, EndsIn
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.metric import Batch
from compressor.data.split import Split
from compressor.measure.agreement import Agreement, Comparison
from compressor.measure.statistics import value
from compressor.models.files.ends import Ends
from compressor.models.litert.contents import Anatomy, dissect
from compressor.models.litert.endpoint_names import input_names, output_names
from compressor.models.litert.file_endings import file_endings
from compressor.models.litert.interpreter import Endpoint, Latency, LiteRTModel, predictions

Samples = Mapping[str, NDArray[Any]]  # for each metric, a row of figures for each sample
_Outputs = Mapping[str, NDArray[np.float32]]
_REHEARSED = 32  # samples
_MISFIT = ValueError  # what a metric raises for outputs and labels that it does not judge
_COUNT_ERRORS = (  # what a plain function of arrays stumbles over then
    _MISFIT, IndexError, TypeError, KeyError, AttributeError, ArithmeticError,
)  # fmt: skip


@dataclass(frozen=True)
class Measurement:
    """All that is measured on one file.

    `scores` holds each metric's figures of each sample. `keras_scores` and `agreement` are there while the model is
    still a Keras model.
    """

    anatomy: Anatomy
    scores: Samples
    latency: Latency
    inputs: tuple[Endpoint, ...]
    outputs: tuple[Endpoint, ...]
    seconds: float
    keras_scores: Mapping[str, float] = field(default_factory=dict)
    agreement: Agreement | None = None


def measure(
    content: bytes,
    test: Split,
    metrics: Sequence[ConfiguredMetric],
    keras_model: Any = None,
    whose: str = "the Keras model",
) -> Measurement:
    """Measure a `.tflite` file, and beside it the Keras model it was made of; `whose` layers may be a stranger's.

    Raises:
        ModelError: the file cannot be read or run.
        DataError: a metric cannot be computed from the model's outputs and the labels.
        StepError: a metric of a plugin, or a layer, fails.
    """
    start = time.perf_counter()
    anatomy = dissect(content)
    model = LiteRTModel(content)
    latency = model.latency(next(iter(test.batches(1)))[0])
    names = [end.name for end in model.outputs]
    endings = dict(zip(names, file_endings(content), strict=True))
    rows, keras_rows = _Rows(metrics, endings, test), _Rows(metrics, endings, test)
    comparison = Comparison()
    for features, outputs, labels in predictions(content, test):
        shipped = by_name(outputs, names[0])
        rows.add(features, shipped, labels)
        if keras_model is not None:
            with fenced(whose, StepError, (CompressorError,)):
                expected = _keras_outputs(keras_model, features, names)
            keras_rows.add(features, expected, labels)
            comparison.add(shipped, expected, by_name(labels, names[0]))
    found = rows.joined()
    _refuse_undefined(found, metrics)
    keras_scores = {}
    if keras_model is not None:
        joined = keras_rows.joined()
        keras_scores = {configured.name: _value(joined, configured) for configured in metrics}
    return Measurement(
        anatomy=anatomy,
        scores=found,
        latency=latency,
        inputs=model.inputs,
        outputs=model.outputs,
        seconds=time.perf_counter() - start,
        keras_scores=keras_scores,
        agreement=comparison.agreement() if keras_model is not None else None,
    )


def rehearse(metrics: Sequence[ConfiguredMetric], ends: Ends, test: Split) -> None:
    """Let the metrics judge made-up outputs for a few samples, so that one that cannot is known before any training.

    Raises:
        DataError: a metric cannot be computed from outputs of these shapes and the labels.
        StepError: a metric of a plugin fails.
    """
    features, labels = test.read(range(min(_REHEARSED, test.size)))
    count = len(arrays_in(features)[0])
    shapes = {name: tuple(size or 1 for size in shape) for name, shape in ends.outputs.items()}
    draw = np.random.default_rng(0).uniform
    outputs = {name: draw(0.25, 0.75, (count, *shape)).astype(np.float32) for name, shape in shapes.items()}
    if outputs:  # a teacher may be a subclassed model, which does not tell
        _Rows(metrics, ends.endings, test).add(features, outputs, labels)


def score_of(content: bytes, split: Split, configured: ConfiguredMetric) -> float:
    """One metric of a `.tflite` file on a split, and nothing else measured.

    Raises:
        ModelError: the file cannot be run.
        DataError: the metric cannot be computed.
    """
    names = [end.name for end in LiteRTModel(content).outputs]
    rows = _Rows([configured], dict(zip(names, file_endings(content), strict=True)), split)
    for features, outputs, labels in predictions(content, split):
        rows.add(features, by_name(outputs, names[0]), labels)
    return value(rows.joined()[configured.name], configured.metric)


class _Rows:
    """Each metric's figures, gathered batch by batch of a split."""

    def __init__(self, metrics: Sequence[ConfiguredMetric], endings: Mapping[str, EndsIn], split: Split) -> None:
        self._metrics = metrics
        self._endings = endings
        self._own = [configured for configured in metrics if configured.metric.data_labels and split.inputs_as_labels]
        self._labels = split.samples.labels() if self._own else None
        self._seen = 0
        self._parts: dict[str, list[NDArray[Any]]] = {configured.name: [] for configured in metrics}

    def add(self, features: Arrays, outputs: _Outputs, labels: Any) -> None:
        for configured in self._metrics:
            name = _judged_output(configured, list(outputs))
            known = self._data_labels(configured, len(outputs[name])) if configured in self._own else labels
            batch = Batch(outputs[name], _labels_of(name, known, configured), features, self._endings[name])
            self._parts[configured.name].append(per_sample(configured, batch))
        self._seen += len(next(iter(outputs.values())))

    def _data_labels(self, configured: ConfiguredMetric, count: int) -> Any:
        """The labels that the data has, where the model is to give its inputs."""
        if self._labels is None:
            raise DataError(
                f"'{configured.name}' judges by labels, and the data has none", "add them, or drop the metric"
            )
        return each(self._labels, lambda labels: labels[self._seen : self._seen + count])

    def joined(self) -> Samples:
        return {name: np.concatenate(parts) for name, parts in self._parts.items()}


def per_sample(configured: ConfiguredMetric, batch: Batch) -> NDArray[Any]:
    """A metric's figures of each sample of a batch.

    Raises:
        DataError: outputs and labels do not go together.
    """
    batch = replace(batch, outputs=_frozen(batch.outputs), labels=_frozen(batch.labels))
    who = f"the metric '{configured.name}'{f' ({configured.origin})' if configured.origin else ''}"
    with configured.running():
        try:
            rows = np.asarray(configured.metric.per_sample(batch))
        except _COUNT_ERRORS as error:
            if configured.origin and not isinstance(error, _MISFIT):
                raise
            shapes = f"outputs of shape {batch.outputs.shape} by labels of shape {batch.labels.shape}"
            what = f"{who}: it cannot judge {shapes} ({error})"
            raise DataError(what, "choose another metric, or data that fits the model") from error
    if rows.ndim == 0 or len(rows) != len(batch.labels) or rows.dtype.kind not in "fiub":
        what = f"{who} gave figures of shape {rows.shape} for {len(batch.labels)} samples"
        raise configured.fault(what, "a metric gives one row of numbers a sample")
    return rows.astype(np.float64, copy=False) if rows.ndim == 1 else rows


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """The array, to be looked at only: the labels are the data set's own."""
    view = array.view()
    view.flags.writeable = False
    return view


def _judged_output(configured: ConfiguredMetric, names: Sequence[str]) -> str:
    if configured.output is None and len(names) == 1:
        return names[0]
    listed = ", ".join(names)
    if configured.output is None:
        what = f"'{configured.name}' does not say which of the model's outputs ({listed}) it judges"
        raise DataError(what, f"write it as {{uses: {configured.metric.name}, output: {names[0]}}}")
    if configured.output not in names:
        what = f"'{configured.name}' judges the output '{configured.output}', and the model has {listed}"
        raise DataError(what, "name one of these")
    return configured.output


def _labels_of(name: str, labels: Any, configured: ConfiguredMetric) -> NDArray[Any]:
    named = by_name(labels, name)
    if name not in named:
        what = f"'{configured.name}' judges the output '{name}', and the data has labels for {', '.join(named)}"
        raise DataError(what, "call the labels as the model's outputs are called")
    own: NDArray[Any] = named[name]
    return own


def _keras_outputs(model: Any, features: Arrays, names: Sequence[str]) -> _Outputs:
    """What a Keras model gives for a batch, by the names of the file's outputs."""
    import tensorflow as tf

    inputs = in_order(features, input_names(model))
    found = model.predict_on_batch(inputs[0] if len(inputs) == 1 else inputs)
    return dict(zip(output_names(model) or names, tf.nest.flatten(found), strict=True))


def _value(rows: Samples, configured: ConfiguredMetric) -> float:
    with configured.running():
        return value(rows[configured.name], configured.metric)


def _refuse_undefined(rows: Samples, metrics: Sequence[ConfiguredMetric]) -> None:
    """A score that is no number would be compared with nothing."""
    for configured in metrics:
        if not math.isfinite(found := _value(rows, configured)):
            what = f"'{configured.name}' is {found:g} on the {len(rows[configured.name]):,} test samples"
            raise DataError(what, "check the labels of the test split, and the outputs of the model")
