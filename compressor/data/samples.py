"""Samples that can be read in any order, whether they are in memory or in files."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, arrays_in, each, is_named, joined
from compressor.data.npy_files import StoredArray

Indices: TypeAlias = range | NDArray[np.int64]  # a range goes up in steps of one
Pair: TypeAlias = tuple[Values, Values]  # inputs, and labels or None

IN_MEMORY_BYTES = 256 << 20  # samples that take no more are held in memory; others are read piece by piece
PIECE_BYTES = 16 << 20


class Samples(ABC):
    """Samples in a fixed order, as they are stored."""

    in_memory = False

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of samples."""

    @abstractmethod
    def read(self, indices: Indices) -> Pair:
        """Inputs and labels of these samples; labels are None where the data has none.

        Raises:
            DataError: a sample cannot be read.
        """

    @abstractmethod
    def labels(self) -> Values:
        """The labels of all samples, in memory; None where the data has none."""

    def weights(self) -> Values:
        """The weight of each sample in training, in memory; None where all count alike."""
        return None

    def place(self, index: int) -> int:
        """Where a sample stands in the data that it was taken from, counted from 0."""
        return index

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of the content, in hexadecimal."""

    def part(self, indices: Indices) -> Samples:
        """Some of the samples, in the order of the indices."""
        return Selection(self, indices)

    @cached_property
    def example(self) -> Pair:
        """The first sample, shape (1, ...), which tells the shapes and types of all."""
        return self.read(range(1))

    def pieces(self) -> Iterator[Pair]:
        """All samples in order, a few MB at a time."""
        sample_bytes = sum(array.nbytes for array in arrays_in(self.example))
        step = max(1, PIECE_BYTES // max(1, sample_bytes))
        for start in range(0, self.size, step):
            yield self.read(range(start, min(start + step, self.size)))


@dataclass(frozen=True)
class Selection(Samples):
    """Some samples of a whole, which reads them."""

    whole: Samples
    indices: Indices

    @property
    def size(self) -> int:
        return len(self.indices)

    def read(self, indices: Indices) -> Pair:
        return self.whole.read(self._in_whole(indices))

    def labels(self) -> Values:
        return each(self.whole.labels(), lambda array: rows(array, self.indices))

    def weights(self) -> Values:
        return each(self.whole.weights(), lambda array: rows(array, self.indices))

    def place(self, index: int) -> int:
        return self.whole.place(int(self.indices[index]))

    def part(self, indices: Indices) -> Samples:
        return Selection(self.whole, self._in_whole(indices))

    @cached_property
    def fingerprint(self) -> str:
        chosen = np.asarray(self.indices, np.int64)
        return hashlib.sha256(self.whole.fingerprint.encode() + chosen.tobytes()).hexdigest()

    def _in_whole(self, indices: Indices) -> Indices:
        """The indices in the whole of samples of this selection."""
        if isinstance(self.indices, range) and not isinstance(indices, range):
            return indices + self.indices.start
        if isinstance(indices, range):
            return self.indices[indices.start : indices.stop]
        chosen: NDArray[np.int64] = np.asarray(self.indices)[indices]
        return chosen


@dataclass(frozen=True)
class ArraySamples(Samples):
    """Samples in arrays, in memory or in files. `targets` and `sample_weights` may be None.

    `places` are where the samples stood in the data that they were taken from, where that is not the order here.
    """

    inputs: Values
    targets: Values
    sample_weights: Values = None
    places: Indices | None = None

    def __post_init__(self) -> None:
        _refuse_uneven(self.inputs, self.targets)
        _refuse_unfit_weights(self.sample_weights, self.size)
        # a plugin that wrote into the arrays it is given would change the data of every later step
        object.__setattr__(self, "inputs", each(self.inputs, _read_only))
        object.__setattr__(self, "targets", each(self.targets, _read_only))
        object.__setattr__(self, "sample_weights", each(self.sample_weights, _read_only))

    @property
    def in_memory(self) -> bool:  # type: ignore[override]
        """Whether all of it is held as NumPy arrays."""
        return all(isinstance(array, np.ndarray) for array in arrays_in(self._values))

    @property
    def size(self) -> int:
        return len(arrays_in(self.inputs)[0])

    def read(self, indices: Indices) -> Pair:
        def chosen(array: Any) -> Any:
            return rows(array, indices)

        return each(self.inputs, chosen), each(self.targets, chosen)

    def labels(self) -> Values:
        return each(self.targets, _whole)

    def weights(self) -> Values:
        return each(self.sample_weights, _whole)

    def place(self, index: int) -> int:
        return index if self.places is None else int(self.places[index])

    def part(self, indices: Indices) -> Samples:
        if not self.in_memory:
            return Selection(self, indices)
        weights = each(self.sample_weights, lambda array: rows(array, indices))
        places = indices if self.places is None else np.asarray(self.places, np.int64)[np.asarray(indices, np.int64)]
        return ArraySamples(*self.read(indices), weights, places)

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for name, array in labelled_arrays(self._values):
            digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
            for piece in _pieces_of(array):
                digest.update(np.ascontiguousarray(piece).data)
        return digest.hexdigest()

    @property
    def _values(self) -> tuple[Values, Values, Values]:
        return self.inputs, self.targets, self.sample_weights


def fits_in_memory(size: int) -> bool:
    """Whether samples of so many bytes are to be held in memory."""
    return size <= IN_MEMORY_BYTES


def loaded_if_small(samples: Samples) -> Samples:
    """The same samples, held in memory where they fit."""
    size = sum(array.nbytes for array in arrays_in(samples.example)) * samples.size
    if samples.in_memory or not fits_in_memory(size):
        return samples
    pieces = list(samples.pieces())
    inputs, targets = (joined(values) for values in zip(*pieces, strict=True))
    return ArraySamples(inputs, targets, samples.weights())


def labelled_arrays(parts: Sequence[Values]) -> list[tuple[str, Any]]:
    """All arrays of inputs, labels and weights, each with a label: `x`, `y` and `w`, or `x.image` and so on, sorted."""
    arrays = []
    for letter, values in zip("xyw", parts, strict=False):
        if is_named(values):
            arrays += [(f"{letter}.{name}", values[name]) for name in sorted(values)]
        elif values is not None:
            arrays.append((letter, values))
    return arrays


def as_numbers(values: Any) -> NDArray[Any]:
    """The values as an array of numbers, with an entry for each sample.

    Raises:
        DataError: they are text or objects, differ in shape, or are a single number or empty.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(f"the data is not an array ({error})", "give arrays of one shape") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"the data is of the type {array.dtype}", "give numbers")
    if not array.ndim:
        raise DataError("the data is a single number", "give an array with an entry for each sample")
    if len(array) and not array.size:
        raise DataError(f"the data has {len(array):,} entries with nothing in them", "give each at least one number")
    return array


def numbers_in(values: Any) -> Values:
    """The values as an array of numbers, or as a mapping of these by name. Arrays in files are left where they are.

    Raises:
        DataError: as for `as_numbers`.
    """
    return each_array(values, as_numbers)


def each_array(values: Any, function: Callable[[Any], NDArray[Any]]) -> Values:
    """Apply a function to an array, or to each array of a mapping; arrays in files stay as they are."""
    named = {str(name): array for name, array in values.items()} if is_named(values) else values
    return each(named, lambda array: array if isinstance(array, StoredArray) else function(array))


def rows(array: NDArray[Any] | StoredArray, indices: Indices) -> NDArray[Any]:
    """The entries of an array at these indices; a view where the array is in memory and the indices are a range."""
    chosen: NDArray[Any] = array[indices.start : indices.stop] if isinstance(indices, range) else array[indices]
    return chosen


def _refuse_uneven(inputs: Values, targets: Values) -> None:
    """Refuse arrays that do not all have an entry for each sample."""
    counts = {len(array) for array in arrays_in(inputs)}
    labels = {len(array) for array in arrays_in(targets)} or counts
    if len(counts) > 1 or len(labels) > 1:
        lengths = ", ".join(f"{count:,}" for count in sorted(counts if len(counts) > 1 else labels))
        what = f"the arrays of the data have different lengths ({lengths})"
        raise DataError(what, "give each one an entry for each sample")
    if counts != labels:
        what = f"there are {min(counts):,} inputs and {min(labels):,} labels"
        raise DataError(what, "give each input one label")
    if not min(counts):
        raise DataError("there are no samples", "give at least one")


def _refuse_unfit_weights(weights: Values, size: int) -> None:
    """Refuse weights that are not there for each sample."""
    for array in arrays_in(weights):
        if not len(array.shape) or len(array) != size:
            count = len(array) if len(array.shape) else 1
            what = f"there are {size:,} inputs and {count:,} sample weights"
            raise DataError(what, "give each input one weight")


def _whole(array: Any) -> NDArray[Any]:
    return rows(array, range(len(array)))


def _read_only(array: Any) -> Any:
    if not isinstance(array, np.ndarray):
        return array  # what is read from a file is read anew each time
    view = array.view()
    view.flags.writeable = False
    return view


def _pieces_of(array: NDArray[Any] | StoredArray) -> Iterator[NDArray[Any]]:
    if isinstance(array, np.ndarray):
        yield array
        return
    step = max(1, PIECE_BYTES // max(1, array.row_bytes))
    for start in range(0, len(array), step):
        yield array[start : start + step]
