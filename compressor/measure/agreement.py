"""Compares the outputs of the shipped file with those of the model that it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.models.litert.reading.contents import Anatomy

_ROUNDING = 16 * float(np.finfo(np.float32).eps)  # relative error that a few float32 operations may make
_MOST_DECIBELS = 150.0  # as much as float32 resolves
_PER_BIT = 6.02  # decibels that one more bit gains
_HEADROOM = 10.0  # decibels that a tensor lacks whose largest value is some six times its root mean square
_BEYOND = 10.0  # decibels: ten times the noise that is expected is too much
_LEAST_OF_FLOAT32 = 20.0  # decibels: a tenth of the signal, where a deep model amplifies rounding
_STEPS = 2  # of an output, which its error may always have
_FLOAT16_BITS = 11
_FLOAT_OUTPUT_BITS = 13  # of an output in float, whose last digits a deep model's rounding takes
_CONSTANT = 1e-12  # share of an output's power about its mean that float32 may make of a constant


@dataclass(frozen=True)
class Agreement:
    """The difference between two models' outputs on the same samples; with several outputs, of the worst one.

    Attributes:
        largest: the largest difference, as a share of the range of the other model's outputs. Where it is within
            float32 rounding, it is a share of their largest magnitude, since the range may be next to nothing.
        same_class: the share of samples that both put into the same class; None where the labels are no classes.
        signal_to_noise: the power of the other model's outputs about their mean over that of the difference, in
            decibels.
        least: the least ratio that the file's precision explains.
    """

    largest: float
    same_class: float | None
    signal_to_noise: float
    least: float


@dataclass(frozen=True)
class Precision:
    """The fewest bits of a weight in a file, the number of its kernels, and the bits that its outputs resolve."""

    bits: int
    kernels: int
    output_bits: int

    @property
    def is_float32(self) -> bool:
        """Whether all is computed and stored in float32."""
        return self.bits >= 32

    @property
    def least(self) -> float:
        """The least signal-to-noise ratio, in decibels, that rounding to so many bits explains.

        It leaves each tensor about 6.02 decibels a bit, less 10, since values are seldom as large as the largest. The
        noise of all weights and activations adds up, and ten times as much is taken, but none stronger than the signal.
        """
        if self.is_float32:
            return _LEAST_OF_FLOAT32
        tensors = 2 * max(1, self.kernels)
        return max(0.0, _PER_BIT * self.bits - _HEADROOM - 10 * float(np.log10(tensors)) - _BEYOND)


def precision_of(anatomy: Anatomy, weight_bits: int | None = None) -> Precision:
    """The precision of a file, whose weights resolve `weight_bits`, where a step made them coarser than their type."""
    bits = min((_FLOAT16_BITS if t.dtype == "float16" else t.bits for t in anatomy.kernels), default=32)
    bits = min(bits, weight_bits or bits)
    integers = anatomy.integer_activations > 0
    return Precision(min(bits, 8) if integers else bits, len(anatomy.kernels), 8 if integers else _FLOAT_OUTPUT_BITS)


@dataclass
class _Output:
    """The figures of one output so far."""

    low: float = np.inf
    high: float = -np.inf
    gap: float = 0.0
    same: int = 0
    decisions: int = 0
    samples: int = 0
    noise: float = 0.0
    squares: float = 0.0
    sums: Any = 0.0
    worst: int = 0

    def add(self, file: NDArray[np.float32], other: NDArray[np.float32], classes: bool) -> None:
        self.low, self.high = min(self.low, float(other.min())), max(self.high, float(other.max()))
        gaps = np.abs(file - other).reshape(len(file), -1).max(axis=1)
        gaps[~np.isfinite(file).reshape(len(file), -1).all(axis=1)] = np.inf
        if np.nanmax(gaps) > self.gap:
            self.gap, self.worst = float(np.nanmax(gaps)), self.samples + int(np.nanargmax(gaps))
        self.samples += len(file)
        values = other.astype(np.float64)
        self.noise += float(np.sum((file - values) ** 2))
        self.squares += float(np.sum(values**2))
        self.sums = self.sums + values.sum(axis=0)
        if classes:
            self.same += int(np.sum(file.argmax(-1) == other.argmax(-1)))
            self.decisions += int(np.prod(file.shape[:-1]))

    @property
    def signal(self) -> float:
        """The power of the other model's outputs about their mean, or about 0 where all samples have the same."""
        power = self.squares - float(np.sum(np.square(self.sums))) / self.samples
        return power if power > _CONSTANT * self.squares else self.squares

    def least(self, precision: Precision) -> float:
        """The least signal-to-noise ratio that a precision explains; an output may always be off by a step or two."""
        step = max(abs(self.low), abs(self.high)) / 2**precision.output_bits
        resolved = self.samples * max(1, np.size(self.sums)) * (_STEPS * step) ** 2
        return min(precision.least, _decibels(self.signal, resolved))


@dataclass
class Comparison:
    """Compares the outputs of both models batch by batch."""

    _outputs: dict[str, _Output] = field(default_factory=dict)

    def add(
        self, file: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]], labels: Mapping[str, Any]
    ) -> None:
        """Compare a batch. All are by the outputs' names; an output may have no labels."""
        for name, values in file.items():
            output = self._outputs.setdefault(name, _Output())
            output.add(values, other[name], are_classes(labels.get(name), values.shape))

    @property
    def worst(self) -> Sequence[int]:
        """The number of the sample at which each output differs most."""
        return sorted({output.worst for output in self._outputs.values()})

    def agreement(self, precision: Precision) -> Agreement:
        """The agreement over all batches so far; `precision` is that of the file."""
        outputs = list(self._outputs.values())
        shares = [output.same / output.decisions for output in outputs if output.decisions]
        ratios = [_decibels(output.signal, output.noise) for output in outputs]
        least = [output.least(precision) for output in outputs]
        worst = int(np.argmin(np.subtract(ratios, least)))
        return Agreement(
            largest=max(map(_relative, outputs)),
            same_class=min(shares) if shares else None,
            signal_to_noise=ratios[worst],
            least=least[worst],
        )


def _decibels(signal: float, noise: float) -> float:
    """A ratio of powers in decibels, within what float32 resolves either way."""
    if noise <= 0:
        return _MOST_DECIBELS
    if signal <= 0 or not np.isfinite(noise):
        return -_MOST_DECIBELS
    return float(np.clip(10 * np.log10(signal / noise), -_MOST_DECIBELS, _MOST_DECIBELS))


def _relative(output: _Output) -> float:
    spread, size = output.high - output.low, max(abs(output.low), abs(output.high))
    if spread <= 0 or output.gap <= _ROUNDING * size:  # as a share of a tiny range, rounding would look large
        return output.gap / size if size > 0 else output.gap
    return output.gap / spread


def are_classes(labels: NDArray[Any] | None, outputs: Sequence[int]) -> bool:
    """Whether labels are class numbers or one-hot, and the last axis of the outputs has a value for each class."""
    if labels is None or len(outputs) < 2 or outputs[-1] < 2:
        return False
    if labels.shape == tuple(outputs):
        return bool(np.all((labels == 0) | (labels == 1)) and np.all(labels.sum(-1) == 1))
    numbers = labels.shape in (tuple(outputs[:-1]), (*outputs[:-1], 1))
    return numbers and (labels.dtype.kind in "iub" or bool(np.all(labels == np.round(labels))))
