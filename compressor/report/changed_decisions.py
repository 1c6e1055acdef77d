"""Which decisions a run changed: figures of each class, the confusion before and after, and samples that flipped."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from compressor.base.named_arrays import by_name
from compressor.contracts.report_rows import ClassRow, ConfusionRow, DecisionRow, FlippedRow, FlipsRow
from compressor.data.split import Split
from compressor.measure.decisions import Decisions
from compressor.measure.results import RunResult

_MOST_CLASSES: Final = 1_000
_MOST_CONFUSED: Final = 40  # classes of a matrix
_MOST_VALUES: Final = 24  # of a row of a table
_SIDE: Final = 64  # pixels of a picture
_CHANNELS: Final = (1, 3)


def class_rows(decisions: Decisions | None) -> list[ClassRow]:
    """A row for each class of a stage; none where it chooses no classes, or there are very many."""
    if decisions is None or decisions.classes > _MOST_CLASSES:
        return []
    size = decisions.classes
    counts = [
        np.bincount(numbers, minlength=size)
        for numbers in (decisions.labels, decisions.labels[decisions.right], decisions.chosen)
    ]
    return [
        ClassRow(samples=int(samples), right=int(right), chosen=int(chosen))
        for samples, right, chosen in zip(*counts, strict=True)
    ]


def confusion(result: RunResult) -> ConfusionRow | None:
    """The confusion of the first and the last stage; None where there are no classes, or too many to show."""
    pair = _first_and_last(result)
    if pair is None or pair[0].classes > _MOST_CONFUSED:
        return None
    before, after = map(_matrix, pair)
    return ConfusionRow(before=before, after=after)


def flips(result: RunResult, most: int) -> FlipsRow | None:
    """How many samples the last stage decides otherwise than the first, and up to `most` that it gets wrong anew."""
    pair = _first_and_last(result)
    if pair is None:
        return None
    before, after = pair
    lost = np.flatnonzero(before.right & ~after.right)
    by_certainty = lost[np.argsort(-(after.certainty - after.of_label)[lost], kind="stable")][:most]
    shown = [_flipped(int(index), before, after, result.test) for index in by_certainty]
    return FlipsRow(lost=len(lost), gained=int(np.sum(~before.right & after.right)), shown=shown)


def _first_and_last(result: RunResult) -> tuple[Decisions, Decisions] | None:
    first, last = (result.stages[place].measurement.decisions for place in (0, -1))
    same = first is not None and last is not None and first.classes == last.classes and len(result.stages) > 1
    return (first, last) if same and first is not None and last is not None else None


def _matrix(decisions: Decisions) -> list[list[int]]:
    size = decisions.classes
    counts = np.bincount(decisions.labels.astype(np.int64) * size + decisions.chosen, minlength=size * size)
    return [[int(count) for count in row] for row in counts.reshape(size, size)]


def _flipped(index: int, before: Decisions, after: Decisions, test: Split | None) -> FlippedRow:
    sample = by_name(test.read(range(index, index + 1))[0], "") if test is not None else {}
    place = test.place(index) if test is not None else index
    return FlippedRow(
        place=place,
        label=int(before.labels[index]),
        before=_decision(index, before),
        after=_decision(index, after),
        picture=_picture(sample),
        values=_values(sample),
    )


def _decision(index: int, decisions: Decisions) -> DecisionRow:
    return DecisionRow(
        chosen=int(decisions.chosen[index]),
        certainty=float(decisions.certainty[index]),
        of_label=float(decisions.of_label[index]),
    )


def _picture(sample: Mapping[str, NDArray[Any]]) -> str:
    """The first input that is an image as a small PNG, in base 64; empty where none is."""
    for array in sample.values():
        image = array[0][..., None] if array.ndim == 3 and min(array.shape[1:]) > 3 else array[0]
        if image.ndim == 3 and image.shape[-1] in _CHANNELS and min(image.shape[:2]) > 3:
            return base64.b64encode(_png(image)).decode("ascii")
    return ""


def _png(image: NDArray[Any]) -> bytes:
    """An image of one channel or three as a PNG, written here so that a run from the cache needs no TensorFlow."""
    step = -(-max(image.shape[:2]) // _SIDE)
    small = image[::step, ::step].astype(np.float64)
    low, high = float(np.nanmin(small)), float(np.nanmax(small))
    levels = np.nan_to_num((small - low) / (high - low or 1.0) * 255)
    height, width, channels = levels.shape
    lines = b"".join(b"\0" + row.tobytes() for row in levels.astype(np.uint8))  # each without a filter
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _values(sample: Mapping[str, NDArray[Any]]) -> list[float]:
    """The numbers of a sample that is a row of a table."""
    rows: Sequence[NDArray[Any]] = [array[0].reshape(-1) for array in sample.values() if array.ndim <= 2]
    values = np.concatenate(rows)[:_MOST_VALUES] if rows else np.zeros(0)
    return [float(f"{value:.6g}") for value in values]
