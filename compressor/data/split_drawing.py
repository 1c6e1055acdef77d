"""Draws a test or validation split from the training samples, where the data has none."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.named_arrays import is_named
from compressor.base.text import counted
from compressor.data.split import Split


def drawn(
    train: Split, part: Literal["validation", "test"], share: float, stratify: bool, seed: int
) -> tuple[Split, Split]:
    """The training split without the drawn samples, and the split of these; both in the order of the samples.

    Args:
        train: the training split.
        part: the split to draw.
        share: share of the training samples to draw, above 0 and below 1.
        stratify: draw that share from each class.
        seed: what decides the draw.

    Raises:
        DataError: there are too few samples, or they have no classes to stratify by.
    """
    count = round(train.size * share)
    if not 0 < count < train.size:
        samples = counted(train.size, "training sample")
        what = f"a {part} split cannot be drawn: {share:.0%} of {samples} is {'none' if not count else 'all of them'}"
        if train.size < 2:
            raise DataError(what, "give more samples")
        fitting = 1 / train.size if not count else 1 - 1 / train.size
        remedy = f"give more samples, or {part} data of its own, or write '{part}_split: {fitting:.2g}' under data"
        raise DataError(what, remedy)
    # [seed, 1] keeps the draw of the test split from being the same as that of the validation split
    order = np.random.default_rng([seed, 1] if part == "test" else seed).permutation(train.size)
    if stratify:
        order = _stratified(order, _classes_of(train))
    return train.part(np.sort(order[count:])), train.part(np.sort(order[:count]))


def _stratified(order: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The order changed so that any beginning of it holds each class by its share.

    Of a class with n samples, the k-th (from 0) stands at (k + 1/2) / n of the way.
    """
    place = np.empty(len(order))
    for number in np.unique(classes):
        of_class = order[classes[order] == number]
        place[of_class] = (np.arange(len(of_class)) + 0.5) / len(of_class)
    return order[np.argsort(place[order], kind="stable")]


def _classes_of(split: Split) -> NDArray[np.int64]:
    labels = split.labels()
    if is_named(labels) or labels is None or labels.reshape(len(labels), -1).shape[1] != 1:
        raise DataError("'stratify' needs one class number for each sample", "remove it")
    flat = labels.reshape(-1)
    if not np.array_equal(flat, np.round(flat)):
        raise DataError("'stratify' needs class numbers, and the labels are not whole numbers", "remove it")
    classes: NDArray[np.int64] = flat.astype(np.int64)
    return classes
