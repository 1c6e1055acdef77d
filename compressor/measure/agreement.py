"""How well the shipped file's outputs agree with those of the Keras model it was made of: a gap is the conversion's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 16 * float(np.finfo(np.float32).eps)  # of a number that a few float32 operations make, as a share


@dataclass(frozen=True)
class Agreement:
    """The gap between two models' outputs on the same samples.

    `largest` is the largest difference, as a share of the range of the Keras model's outputs, or, where it is no more
    than float32 rounds numbers that large by, of the largest of them. `same_class` is the share of decisions that are
    the same, where the labels are classes. With several outputs both are of the worst one.
    """

    largest: float
    same_class: float | None


@dataclass
class _Output:
    """What has been seen of one output."""

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
    """Takes outputs of both, batch by batch."""

    _outputs: dict[str, _Output] = field(default_factory=dict)

    def add(
        self, file: Mapping[str, NDArray[Any]], keras: Mapping[str, NDArray[Any]], labels: Mapping[str, Any]
    ) -> None:
        """Compare a batch: outputs, and labels where there are some, by the outputs' names."""
        for name, values in file.items():
            known = self._outputs.setdefault(name, _Output())
            known.add(values, keras[name], _are_classes(labels.get(name), values.shape))

    def agreement(self) -> Agreement:
        """What has come out so far."""
        outputs = list(self._outputs.values())
        shares = [output.same / output.decisions for output in outputs if output.decisions]
        return Agreement(max(map(_relative, outputs)), min(shares) if shares else None)


def _relative(output: _Output) -> float:
    spread, size = output.high - output.low, max(abs(output.low), abs(output.high))
    if spread <= 0 or output.gap <= _ROUNDING * size:  # outputs that hardly differ would make much of rounding
        return output.gap / size if size > 0 else output.gap
    return output.gap / spread


def _are_classes(labels: NDArray[Any] | None, outputs: Sequence[int]) -> bool:
    """Whether the labels are class numbers or one-hot, with an output a class."""
    if labels is None or len(outputs) < 2 or outputs[-1] < 2:
        return False
    if labels.shape == tuple(outputs):
        return bool(np.all((labels == 0) | (labels == 1)) and np.all(labels.sum(-1) == 1))
    spread = labels.shape in (tuple(outputs[:-1]), (*outputs[:-1], 1))
    return spread and (labels.dtype.kind in "iub" or bool(np.all(labels == np.round(labels))))
