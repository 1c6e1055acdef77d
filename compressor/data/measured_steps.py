"""Settles the steps that adapt to the data: `normalize: adapt` gets the mean and deviation of the training split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compressor.base.named_arrays import arrays_in, by_name
from compressor.data.pipeline import Steps, refuse_unknown_name
from compressor.data.preprocess import Normalize, Step
from compressor.data.samples import PIECE_BYTES
from compressor.data.split import Split

_LEAST_DEVIATION = 1e-12  # a column that never changes stays as it is, around 0


def measured_steps(train: Split) -> list[Steps]:
    """What each step that adapts becomes, in order, measured on the training split as the steps before it leave it."""
    measured: list[Steps] = []
    while (index := next((i for i, step in enumerate(train.preprocessing) if _adapts(step)), None)) is not None:
        before = Split(train.samples, train.preprocessing[:index])
        measured.append(_measured(before, train.preprocessing[index]))
        train = with_measured_steps(train, measured[-1:])
    return measured


def with_measured_steps(split: Split, measured: Sequence[Steps]) -> Split:
    """A split whose first steps that adapt, one for each entry of `measured`, are replaced by it."""
    replacements = list(measured)
    steps: list[Step] = []
    for step in split.preprocessing:
        steps += replacements.pop(0) if replacements and _adapts(step) else [step]
    return Split(split.samples, tuple(steps), split.changes, split.inputs_as_labels)


def _adapts(step: Step) -> bool:
    return isinstance(step, Normalize) and step.mean == "adapt"


def _measured(train: Split, step: Step) -> Steps:
    """A step for each input that the given one works on, with the mean and deviation of its channels or columns."""
    example = train.read(range(1))[0]
    refuse_unknown_name(step.only, example)
    names = [step.only] if step.only else sorted(by_name(example, ""))
    batch_size = max(1, PIECE_BYTES // max(1, sum(array.nbytes for array in arrays_in(example))))
    steps = []
    for name in names:
        mean, deviation = _mean_and_deviation(train, name, batch_size)
        steps.append(Normalize(mean=list(map(float, mean)), std=list(map(float, deviation)), only=name or None))
    return tuple(steps)


def _mean_and_deviation(train: Split, name: str, batch_size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each channel of images, shape (n, height, width, channels), or of each column, (n, columns); else of all."""
    total: NDArray[np.float64] | float = 0.0
    squares: NDArray[np.float64] | float = 0.0
    count = 0
    for inputs, _ in train.batches(batch_size):
        values = by_name(inputs, name)[name].astype(np.float64)
        axes = tuple(range(values.ndim - 1)) if values.ndim in (2, 4) else None
        count += values.size // (values.shape[-1] if axes else 1)
        total += values.sum(axis=axes)
        squares += np.square(values).sum(axis=axes)
    mean = np.atleast_1d(total / count)
    deviation = np.sqrt(np.maximum(np.atleast_1d(squares / count) - mean**2, 0))
    deviation[deviation < _LEAST_DEVIATION] = 1.0
    return mean, deviation
