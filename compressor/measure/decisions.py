"""The class that a file chose for each sample, beside the right one: what per-class figures and flips are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.types import EndsIn
from compressor.measure.agreement import are_classes

_MOST_CLASSES = 1_000


@dataclass(frozen=True)
class Decisions:
    """Of one output, for each of n samples, shape (n,).

    Attributes:
        labels: the number of the right class.
        chosen: the number of the class that the file gave the highest probability.
        certainty: that probability, from 0 to 1.
        of_label: the probability that it gave the right class.
        classes: how many classes there are.
    """

    labels: NDArray[np.int32]
    chosen: NDArray[np.int32]
    certainty: NDArray[np.float32]
    of_label: NDArray[np.float32]
    classes: int

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each sample was put into its class."""
        return np.equal(self.labels, self.chosen)


@dataclass
class DecisionsSoFar:
    """Gathers the decisions of an output batch by batch, as long as it chooses one class for each sample.

    Args:
        output: the output's name; None for the only one.
        endings: what each output of the file ends in, by its name.
    """

    output: str | None
    endings: Mapping[str, EndsIn]
    _parts: list[tuple[NDArray[Any], ...]] = field(default_factory=list)
    _classes: int = 0
    _none: bool = False

    def add(self, outputs: Mapping[str, NDArray[np.float32]], labels: Mapping[str, Any]) -> None:
        """Add the outputs and labels of the next batch, by the outputs' names."""
        name = self.output or next(iter(outputs))
        if self._none or name not in outputs or (self.output is None and len(outputs) > 1):
            self._none = True
            return
        values, right = outputs[name], labels.get(name)
        chances = _probabilities(values, right, self.endings.get(name, "linear"))
        if chances is None:
            self._none = True
            return
        numbers = _numbers(np.asarray(right), chances.shape[1])
        if numbers is None:
            self._none = True
            return
        rows = np.arange(len(chances))
        chosen = chances.argmax(axis=1)
        self._classes = chances.shape[1]
        self._parts.append((numbers.astype(np.int32), chosen.astype(np.int32), chances[rows, chosen],
                            chances[rows, numbers]))  # fmt: skip

    def joined(self) -> Decisions | None:
        """The decisions on all samples; None where the output chooses no class."""
        if self._none or not self._parts:
            return None
        labels, chosen, certainty, of_label = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return Decisions(labels, chosen, certainty, of_label, self._classes)


def _probabilities(values: NDArray[np.float32], labels: Any, ends_in: EndsIn) -> NDArray[np.float32] | None:
    """The probability of each class, shape (n, classes); None where the output has none."""
    if values.ndim == 2 and values.shape[1] == 1 and ends_in == "sigmoid" and labels is not None:
        if labels.size != len(values) or not np.all((labels == 0) | (labels == 1)):
            return None
        return np.concatenate([1 - values, values], axis=1)
    if values.ndim != 2 or values.shape[1] > _MOST_CLASSES or not are_classes(labels, values.shape):
        return None
    if ends_in == "softmax":
        return values
    if ends_in == "linear":
        raised = np.exp(values - values.max(axis=1, keepdims=True))
        chances: NDArray[np.float32] = raised / raised.sum(axis=1, keepdims=True)
        return chances
    return None


def _numbers(labels: NDArray[Any], classes: int) -> NDArray[np.int64] | None:
    """The labels as numbers of classes; None where one is no class of the output."""
    if labels.ndim == 2 and labels.shape[1] == classes and classes > 1:
        return np.asarray(labels.argmax(axis=1), np.int64)
    numbers: NDArray[np.int64] = labels.reshape(len(labels), -1)[:, 0].astype(np.int64)
    return numbers if len(numbers) and numbers.min() >= 0 and numbers.max() < classes else None
