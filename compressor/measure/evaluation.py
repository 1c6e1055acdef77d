"""Measures a stage on the file that would ship: what it holds, how good its outputs are, and how fast it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compressor.base.errors import CompressorError, DataError, StepError
from compressor.base.named_arrays import arrays_in, by_name, in_order
from compressor.base.plugin_errors import fenced
from compressor.base.types import Arrays
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.data.split import Split
from compressor.measure.agreement import Agreement, Comparison
from compressor.measure.score_rows import Outputs, Rows, ScoreRows
from compressor.measure.statistics import value
from compressor.models.files.inputs_and_outputs import Ends
from compressor.models.litert.contents import Anatomy, dissect
from compressor.models.litert.endpoint_names import input_names, output_names
from compressor.models.litert.interpreter import Endpoint, Latency, LiteRTModel, predictions
from compressor.models.litert.output_operators import file_endings

_REHEARSED = 32  # samples


@dataclass(frozen=True)
class Measurement:
    """All that is measured on one file.

    `scores` holds the metrics' rows, from which scores, intervals and changes are computed. `keras_scores` and
    `agreement` are there only while the model is still a Keras model. `seconds` is what measuring took.
    """

    anatomy: Anatomy
    scores: Rows
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
    origin: str = "the Keras model",
) -> Measurement:
    """Measure a `.tflite` file, and the Keras model that it was made of beside it.

    Args:
        content: of the file.
        test: the split to measure on.
        metrics: to compute.
        keras_model: the tf_keras model, if there is one.
        origin: where that model came from, to be named if one of its layers fails.

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
    rows, keras_rows = ScoreRows(metrics, endings, test), ScoreRows(metrics, endings, test)
    comparison = Comparison()
    for features, outputs, labels in predictions(content, test):
        shipped = by_name(outputs, names[0])
        rows.add(features, shipped, labels)
        if keras_model is not None:
            with fenced(origin, StepError, (CompressorError,)):
                expected = _keras_outputs(keras_model, features, names)
            keras_rows.add(features, expected, labels)
            comparison.add(shipped, expected, by_name(labels, names[0]))
    scores = rows.joined()
    _refuse_undefined(scores, metrics)
    keras_scores = {}
    if keras_model is not None:
        joined = keras_rows.joined()
        keras_scores = {configured.name: _value(joined, configured) for configured in metrics}
    return Measurement(
        anatomy=anatomy,
        scores=scores,
        latency=latency,
        inputs=model.inputs,
        outputs=model.outputs,
        seconds=time.perf_counter() - start,
        keras_scores=keras_scores,
        agreement=comparison.agreement() if keras_model is not None else None,
    )


def rehearse(metrics: Sequence[ConfiguredMetric], ends: Ends, test: Split) -> None:
    """Let the metrics judge random outputs for a few samples, so that one that cannot is known before any training.

    Raises:
        DataError: a metric cannot be computed from outputs of these shapes and the labels.
        StepError: a metric of a plugin fails.
    """
    features, labels = test.read(range(min(_REHEARSED, test.size)))
    count = len(arrays_in(features)[0])
    shapes = {name: tuple(size or 1 for size in shape) for name, shape in ends.outputs.items()}
    draw = np.random.default_rng(0).uniform
    outputs = {name: draw(0.25, 0.75, (count, *shape)).astype(np.float32) for name, shape in shapes.items()}
    if outputs:  # a teacher may be a subclassed model, whose outputs are not known
        ScoreRows(metrics, ends.endings, test).add(features, outputs, labels)


def score_of(content: bytes, split: Split, configured: ConfiguredMetric) -> float:
    """The score of a `.tflite` file on a split by one metric; nothing else is measured.

    Raises:
        ModelError: the file cannot be run.
        DataError: the metric cannot be computed.
    """
    names = [end.name for end in LiteRTModel(content).outputs]
    rows = ScoreRows([configured], dict(zip(names, file_endings(content), strict=True)), split)
    for features, outputs, labels in predictions(content, split):
        rows.add(features, by_name(outputs, names[0]), labels)
    return value(rows.joined()[configured.name], configured.metric)


def _keras_outputs(model: Any, features: Arrays, names: Sequence[str]) -> Outputs:
    """The outputs of a Keras model for a batch, by the names of the file's outputs."""
    import tensorflow as tf

    inputs = in_order(features, input_names(model))
    outputs = model.predict_on_batch(inputs[0] if len(inputs) == 1 else inputs)
    return dict(zip(output_names(model) or names, tf.nest.flatten(outputs), strict=True))


def _value(rows: Rows, configured: ConfiguredMetric) -> float:
    with configured.running():
        return value(rows[configured.name], configured.metric)


def _refuse_undefined(rows: Rows, metrics: Sequence[ConfiguredMetric]) -> None:
    """Refuse a score that is not finite, which no other could be compared with."""
    for configured in metrics:
        if not math.isfinite(score := _value(rows, configured)):
            what = f"'{configured.name}' is {score:g} on the {len(rows[configured.name]):,} test samples"
            raise DataError(what, "check the labels of the test split, and the outputs of the model")
