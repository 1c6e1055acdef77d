"""Judges a stage by the file that would ship: what is in it, how right it is, how fast it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.anatomy import Anatomy, dissect
from compressor.data import Split
from compressor.errors import DataError
from compressor.litert import Endpoint, Latency, LiteRTModel, predict
from compressor.strategy import Metric

_KERAS_BATCH = 512

Samples = Mapping[str, NDArray[np.float64]]  # for each metric, a score for each sample


@dataclass(frozen=True)
class Measurement:
    """All that is measured on one file. `keras_scores` is there while the model is still a Keras model."""

    anatomy: Anatomy
    scores: Samples
    latency: Latency
    input: Endpoint
    output: Endpoint
    seconds: float
    keras_scores: Mapping[str, float] = field(default_factory=dict)


def measure(content: bytes, test: Split, metrics: Sequence[Metric], keras_model: Any = None) -> Measurement:
    """Measure a `.tflite` file, and beside it the Keras model it was made of.

    Raises:
        ModelError: the file cannot be read or run.
        DataError: the metric cannot be computed from the model's outputs and the labels.
    """
    start = time.perf_counter()
    anatomy = dissect(content)
    sample = next(iter(test.batches(1)))[0]
    model = LiteRTModel(content)
    latency = model.latency(sample)
    labels = np.concatenate([targets for _, targets in test.batches(_KERAS_BATCH)])
    scores = per_sample(metrics, predict(content, test), labels)
    keras_scores: dict[str, float] = {}
    if keras_model is not None:
        outputs = keras_model.predict(test.evaluation_batches(_KERAS_BATCH), verbose=0)
        keras_scores = {name: float(np.mean(values)) for name, values in per_sample(metrics, outputs, labels).items()}
    seconds = time.perf_counter() - start
    return Measurement(anatomy, scores, latency, model.input, model.output, seconds, keras_scores)


def per_sample(metrics: Sequence[Metric], outputs: NDArray[np.float32], labels: NDArray[Any]) -> Samples:
    """Each metric's score of each sample.

    Raises:
        DataError: outputs and labels do not go together.
    """
    scores = {}
    for metric in metrics:
        try:
            values = np.asarray(metric.per_sample(outputs, labels), np.float64)
        except (ValueError, IndexError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
            shapes = f"outputs of shape {outputs.shape} by labels of shape {labels.shape}"
            what = f"'{metric.name}' cannot judge {shapes} ({error})"
            raise DataError(what, "choose another metric, or data that fits the model") from error
        if values.shape != (len(labels),):
            what = f"'{metric.name}' gave scores of shape {values.shape} for {len(labels)} samples"
            raise DataError(what, "a metric gives one score a sample")
        scores[metric.name] = values
    return scores
