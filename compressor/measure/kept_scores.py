"""Keeps the scores of a run's last stage, so that two runs can be compared sample by sample later.

Of a metric that is right or wrong, that is a bit for each test sample. Of any other it is the scores of the bootstrap's
sets of samples, of which those of two models are pairs. Neither needs the metric's code again.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.file_limits import content_of
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.measure.score_rows import Rows
from compressor.measure.statistics import Change, change, is_right_or_wrong, resampled_change, resampled_scores
from compressor.models.library_errors import FILE_ERRORS

SCORES_FILE = "scores.npz"
_MOST_BITS = 2_000_000  # samples, above which a metric's resampled scores are kept in their place: 250 kB
_MOST_UNPACKED = 100_000_000  # bytes
_UNREADABLE = (*FILE_ERRORS, MemoryError)


@dataclass(frozen=True)
class KeptScores:
    """The scores of one model on a test split.

    Attributes:
        test: SHA-256 of the test split.
        samples: how many it has.
        metrics: by the metric's name, whether each sample is right, shape (samples,) and of bools, or the scores of
            the bootstrap's sets of samples, shape (sets,).
    """

    test: str
    samples: int
    metrics: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class PairedChange:
    """A metric's change between two models on the same samples, and the name of the test."""

    change: Change
    test: str


def kept_scores(rows: Rows, metrics: Sequence[ConfiguredMetric], test: str, samples: int) -> KeptScores:
    """Reduce the rows that metrics gave each sample to what is kept.

    Raises:
        CompressorError: a metric fails.
    """
    kept = {}
    for configured in metrics:
        own = rows[configured.name]
        if configured.metric.is_mean and is_right_or_wrong(own) and len(own) <= _MOST_BITS:
            kept[configured.name] = own.astype(bool)
        else:
            with configured.running():
                kept[configured.name] = resampled_scores(own, configured.metric)
    return KeptScores(test, samples, kept)


def scores_content(scores: KeptScores) -> bytes:
    """Write the content of `scores.npz`; the same scores give the same bytes.

    It holds `names` of the metrics, `test` and `samples` as above, and for each metric an array named after its place
    among the names: of bytes, whose bits are the samples that are right, or of the resampled scores, in float64.
    """
    stream = io.BytesIO()
    arrays = [np.packbits(kept) if kept.dtype == bool else kept for kept in scores.metrics.values()]
    np.savez_compressed(
        stream,
        names=np.array(list(scores.metrics), dtype=np.str_),
        test=np.array(scores.test),
        samples=np.array(scores.samples),
        **{str(place): array for place, array in enumerate(arrays)},  # type: ignore[arg-type]
    )
    return stream.getvalue()


def read_scores(path: Path) -> KeptScores:
    """Read a run's `scores.npz`.

    Raises:
        DataError: it is damaged, or no such file.
    """
    try:
        content = content_of(path)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED:
                raise ValueError("it unpacks to more than such a file holds")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            samples = int(arrays["samples"])
            kept = {str(name): arrays[str(place)] for place, name in enumerate(arrays["names"])}
            test = str(arrays["test"])
        metrics = {name: _unpacked(array, samples) for name, array in kept.items()}
    except _UNREADABLE as error:
        what = f"{path} does not hold the scores of a run ({error})"
        raise DataError(what, "copy it anew from the run's folder, or remove it") from None
    return KeptScores(test, samples, metrics)


def paired_change(
    before: KeptScores, after: KeptScores, metric: str, values: tuple[float, float]
) -> PairedChange | None:
    """Test the change of a metric between two models on the same samples; None if they were resampled otherwise.

    Args:
        before: the scores of one.
        after: of the other, on the same test split.
        metric: its name; both have it.
        values: the metric's value before and after.
    """
    old, new = before.metrics[metric], after.metrics[metric]
    if old.dtype == bool and new.dtype == bool:
        return PairedChange(change(old.astype(np.float64), new.astype(np.float64)), "McNemar's test")
    drawn = [_drawn(kept) for kept in (old, new)]
    if drawn[0].shape != drawn[1].shape:  # by another version
        return None
    return PairedChange(resampled_change(values[1] - values[0], drawn[1] - drawn[0]), "a paired bootstrap")


def _drawn(kept: NDArray[Any]) -> NDArray[np.float64]:
    return resampled_scores(kept.astype(np.float64)) if kept.dtype == bool else kept


def _unpacked(array: NDArray[Any], samples: int) -> NDArray[Any]:
    if array.ndim == 1 and array.dtype == np.uint8 and 8 * len(array) >= samples > 0:
        return np.unpackbits(array, count=samples).astype(bool)
    if array.ndim == 1 and array.dtype == np.float64 and len(array):
        return array
    raise ValueError(f"scores of shape {array.shape} and type {array.dtype}")
