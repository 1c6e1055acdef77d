"""Measures a stage on the file that would ship: what it holds, how good its outputs are, and how fast it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compressor.base.errors import CompressorError, DataError, StepError
from compressor.base.named_arrays import arrays_in, by_name
from compressor.base.plugin_errors import fenced
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.data.split import Split
from compressor.measure.agreement import Agreement, Comparison, precision_of
from compressor.measure.decisions import Decisions, DecisionsSoFar
from compressor.measure.float_file import refuse_other_outputs
from compressor.measure.keras_outputs import keras_outputs, keras_outputs_alone
from compressor.measure.relative_gaps import relative_gaps
from compressor.measure.score_rows import Rows, ScoreRows
from compressor.measure.statistics import value
from compressor.measure.typical_samples import trial_samples, typical_samples
from compressor.models.files.inputs_and_outputs import Ends
from compressor.models.litert.reading.contents import Anatomy, dissect
from compressor.models.litert.reading.output_operators import file_endings
from compressor.models.litert.running.interpreter import Endpoint, Latency, LiteRTModel, predictions
from compressor.models.litert.running.trial_run import refuse_failing

_REHEARSED = 32  # samples
_COMPARED = 256  # samples, to tell whether two models agree
_MIXED = 1e-3  # of the largest output: more than rounding makes of other samples in the batch


@dataclass(frozen=True)
class Measurement:
    """All that is measured on one file.

    `scores` holds the metrics' rows, from which scores, intervals and changes are computed. `keras_scores` and
    `agreement` are there only while the model is still a Keras model. `decisions` are those of the output that the
    first metric judges, where it chooses classes. `seconds` is what measuring took.
    """

    anatomy: Anatomy
    scores: Rows
    latency: Latency
    inputs: tuple[Endpoint, ...]
    outputs: tuple[Endpoint, ...]
    seconds: float
    keras_scores: Mapping[str, float] = field(default_factory=dict)
    agreement: Agreement | None = None
    remarks: tuple[str, ...] = ()
    decisions: Decisions | None = None


def measure(
    content: bytes,
    test: Split,
    metrics: Sequence[ConfiguredMetric],
    keras_model: Any = None,
    origin: str = "the Keras model",
    made_of: bytes | None = None,
    calibration: Split | None = None,
    weight_bits: int | None = None,
) -> Measurement:
    """Measure a `.tflite` file, and beside it the Keras model, or the file, that it was made of.

    Args:
        content: of the file.
        test: the split to measure on.
        metrics: to compute.
        keras_model: the tf_keras model, if there is one.
        origin: where that model came from, to be named if one of its layers fails.
        made_of: the file that it was made of, if there is no Keras model; its outputs alone are compared.
        calibration: the split whose samples a quantized file must run on, in addition to the test split.
        weight_bits: that its weights resolve, where a step made them coarser than their type.

    Raises:
        ModelError: the file cannot be read or run.
        DataError: a metric cannot be computed from the model's outputs and the labels.
        StepError: a metric of a plugin, or a layer, fails; or a file in float32 gives other outputs than its model.
            Or a quantized file fails on samples.
    """
    start = time.perf_counter()
    anatomy = dissect(content)
    precision = precision_of(anatomy, weight_bits)
    if calibration is not None and not precision.is_float32 and content != made_of:
        refuse_failing(content, trial_samples(calibration, test), origin)
    model = LiteRTModel(content)
    latency = model.latency(next(iter(test.batches(1)))[0])
    names = [end.name for end in model.outputs]
    endings = dict(zip(names, file_endings(content), strict=True))
    rows, keras_rows = ScoreRows(metrics, endings, test), ScoreRows(metrics, endings, test)
    decisions = DecisionsSoFar(metrics[0].output, endings)
    comparison = _compared_files(content, made_of, test) if made_of else Comparison()
    for features, outputs, labels in predictions(content, test):
        shipped = by_name(outputs, names[0])
        rows.add(features, shipped, labels)
        decisions.add(shipped, by_name(labels, names[0]))
        if keras_model is not None:
            with fenced(origin, StepError, (CompressorError,)):
                expected = keras_outputs(keras_model, features, names)
            keras_rows.add(features, expected, labels)
            comparison.add(shipped, expected, by_name(labels, names[0]))
    agreement = comparison.agreement(precision) if keras_model is not None or made_of else None
    if keras_model is not None and agreement and agreement.signal_to_noise < agreement.least:
        with fenced(origin, StepError, (CompressorError,)):
            alone = _compared_alone(content, keras_model, test)
        agreement = alone.agreement(precision) if alone else agreement
    remarks: tuple[str, ...] = ()
    if keras_model is not None and precision.is_float32:
        samples = typical_samples(test, comparison.worst)
        with fenced(origin, StepError, (CompressorError,)):
            remarks = refuse_other_outputs(content, keras_model, samples, origin)
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
        agreement=agreement,
        remarks=remarks,
        decisions=decisions.joined(),
    )


def _compared_files(content: bytes, made_of: bytes, test: Split) -> Comparison:
    """The comparison of a file with the one that it was made of, whose outputs may have other names."""
    comparison, some = Comparison(), test.take(_COMPARED)
    names = [end.name for end in LiteRTModel(content).outputs]
    for (_, outputs, labels), (_, expected, _) in zip(
        predictions(content, some), predictions(made_of, some), strict=True
    ):
        actual, wanted = by_name(outputs, names[0]), by_name(expected, names[0])
        comparison.add(actual, dict(zip(names, wanted.values(), strict=True)), by_name(labels, names[0]))
    return comparison


def _compared_alone(content: bytes, model: Any, test: Split) -> Comparison | None:
    """The comparison with a Keras model that is given one sample a call, as the file is; None if that changes nothing.

    It does where a layer mixes the samples of a batch.
    """
    comparison, some, mixes = Comparison(), test.take(_COMPARED), False
    names = [end.name for end in LiteRTModel(content).outputs]
    for features, outputs, labels in predictions(content, some):
        expected, together = keras_outputs_alone(model, features, names), keras_outputs(model, features, names)
        mixes = mixes or any(relative_gaps(expected[name], together[name]).max() > _MIXED for name in names)
        comparison.add(by_name(outputs, names[0]), expected, by_name(labels, names[0]))
    return comparison if mixes else None


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


def _value(rows: Rows, configured: ConfiguredMetric) -> float:
    with configured.running():
        return value(rows[configured.name], configured.metric)


def _refuse_undefined(rows: Rows, metrics: Sequence[ConfiguredMetric]) -> None:
    """Refuse a score that is not finite, which no other could be compared with."""
    for configured in metrics:
        if not math.isfinite(score := _value(rows, configured)):
            what = f"'{configured.name}' is {score:g} on the {len(rows[configured.name]):,} test samples"
            raise DataError(what, "check the labels of the test split, and the outputs of the model")
