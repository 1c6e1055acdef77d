"""Compares the outputs of the shipped file with those of its Keras model, to show what the conversion changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 16 * float(np.finfo(np.float32).eps)  # relative error that a few float32 operations may make


@dataclass(frozen=True)
class Agreement:
    """The difference between two models' outputs on the same samples; with several outputs, of the worst one.

    Attributes:
        largest: the largest difference, as a share of the range of the Keras model's outputs. Where it is within
            float32 rounding, it is a share of their largest magnitude, since the range may be next to nothing.
        same_class: the share of samples that both put into the same class; None where the labels are no classes.
    """

    largest: float
    same_class: float | None


@dataclass
class _Output:
    """The figures of one output so far."""

    low: float = np.inf
    high: float = -np.inf
    gap: float = 0.0
    same: int = 0
    decisions: int = 0

    def add(self, file: NDArray[np.float32], keras: NDArray[np.float32], classes: bool) -> None:
        self.low, self.high = min(self.low, float(keras.min())), max(self.high, float(keras.max()))
        self.gap = float(np.fmax(self.gap, np.abs(file - keras).max()))
        if not np.isfinite(file).all():
            self.gap = np.inf
        if classes:
            self.same += int(np.sum(file.argmax(-1) == keras.argmax(-1)))
            self.decisions += int(np.prod(file.shape[:-1]))


@dataclass
class Comparison:
    """Compares the outputs of both models batch by batch."""

    _outputs: dict[str, _Output] = field(default_factory=dict)

    def add(
        self, file: Mapping[str, NDArray[Any]], keras: Mapping[str, NDArray[Any]], labels: Mapping[str, Any]
    ) -> None:
        """Compare a batch. All are by the outputs' names; an output may have no labels."""
        for name, values in file.items():
            output = self._outputs.setdefault(name, _Output())
            output.add(values, keras[name], _are_classes(labels.get(name), values.shape))

    def agreement(self) -> Agreement:
        """The agreement over all batches so far."""
        outputs = list(self._outputs.values())
        shares = [output.same / output.decisions for output in outputs if output.decisions]
        return Agreement(max(map(_relative, outputs)), min(shares) if shares else None)


def _relative(output: _Output) -> float:
    spread, size = output.high - output.low, max(abs(output.low), abs(output.high))
    if spread <= 0 or output.gap <= _ROUNDING * size:  # as a share of a tiny range, rounding would look large
        return output.gap / size if size > 0 else output.gap
    return output.gap / spread


def _are_classes(labels: NDArray[Any] | None, outputs: Sequence[int]) -> bool:
    """Whether labels are class numbers or one-hot, and the last axis of the outputs has a value for each class."""
    if labels is None or len(outputs) < 2 or outputs[-1] < 2:
        return False
    if labels.shape == tuple(outputs):
        return bool(np.all((labels == 0) | (labels == 1)) and np.all(labels.sum(-1) == 1))
    numbers = labels.shape in (tuple(outputs[:-1]), (*outputs[:-1], 1))
    return numbers and (labels.dtype.kind in "iub" or bool(np.all(labels == np.round(labels))))
