"""Outputs and labels of many shapes for metrics to judge: good outputs, and poor ones, for the same labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.types import EndsIn
from compressor.contracts.metric import Batch

SAMPLES = 30
_GOOD, _POOR = 0.3, 3.0  # noise of the outputs, before they become probabilities


@dataclass(frozen=True)
class Specimen:
    """A batch with good outputs, and one with poor outputs, for the same samples."""

    good: Batch
    poor: Batch


def specimens() -> Mapping[str, Specimen]:
    """The specimens, by what they are; always the same."""
    draw = np.random.default_rng(0)
    inputs = draw.random((SAMPLES, 7), np.float32)

    def noisy(truth: NDArray[Any], ends_in: EndsIn, labels: NDArray[Any]) -> Specimen:
        def batch(noise: float) -> Batch:
            values = truth + noise * draw.normal(size=truth.shape)
            if ends_in == "softmax":
                values = np.exp(2 * values) / np.exp(2 * values).sum(-1, keepdims=True)
            elif ends_in == "sigmoid":
                values = 1 / (1 + np.exp(-2 * values))
            return Batch(values.astype(np.float32), labels, inputs, ends_in)

        return Specimen(batch(_GOOD), batch(_POOR))

    def classes(count: int, *shape: int) -> Specimen:
        labels = draw.permutation(np.arange(SAMPLES * int(np.prod(shape, dtype=int))) % count)
        labels = labels.reshape(SAMPLES, *shape)
        return noisy(4.0 * np.eye(count)[labels], "softmax", labels)

    flags, many = np.arange(SAMPLES) % 2, draw.integers(0, 2, (SAMPLES, 4))
    many[:2] = [[0] * 4, [1] * 4]
    numbers, vectors = draw.normal(size=SAMPLES), draw.normal(size=(SAMPLES, 4))
    return {
        "classes": classes(6),
        "two classes, by one output": noisy(4.0 * flags[:, None] - 2.0, "sigmoid", flags),
        "labels that are each 0 or 1": noisy(4.0 * many - 2.0, "sigmoid", many),
        "numbers": noisy(numbers[:, None], "linear", numbers.astype(np.float32)),
        "vectors": noisy(vectors, "linear", vectors.astype(np.float32)),
        "classes of pixels": classes(3, 4, 4),
        "classes of steps": classes(5, 6),
        "reconstructed inputs": _reconstructed(draw, vectors, vectors.astype(np.float32)),
        "anomalies": _reconstructed(draw, vectors, flags),
    }


def _reconstructed(draw: np.random.Generator, inputs: NDArray[np.float64], labels: NDArray[Any]) -> Specimen:
    """An autoencoder's outputs; where labels are 0 or 1, it fails on those that are 1."""
    given = inputs.astype(np.float32)
    off = np.where(labels.reshape(SAMPLES, -1)[:, :1] > 0, 2.0, 0.0) if labels.ndim == 1 else 0.0

    def batch(noise: float) -> Batch:
        outputs = inputs + noise * draw.normal(size=inputs.shape) + off * np.sign(draw.normal(size=inputs.shape))
        return Batch(outputs.astype(np.float32), labels, given)

    return Specimen(batch(_GOOD), batch(_POOR))
