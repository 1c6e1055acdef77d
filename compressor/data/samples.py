"""Samples that can be read in any order, wherever they are: what every split stands on."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, arrays_in, each, is_named, joined
from compressor.data.npy_files import StoredArray

Indices: TypeAlias = range | NDArray[np.int64]  # a range runs upwards, one by one
Pair: TypeAlias = tuple[Values, Values]  # inputs, and labels or None

IN_MEMORY_BYTES = 256 << 20  # samples that take less are held in memory, others are read piece by piece
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
        """Inputs and labels of these samples; labels are None where there are none.

        Raises:
            DataError: a sample cannot be read.
        """

    @abstractmethod
    def labels(self) -> Values:
        """The labels of all samples, in memory; None where there are none."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of the content, in hexadecimal."""

    def part(self, indices: Indices) -> Samples:
        """Some of the samples, in the order of the indices."""
        return Part(self, indices)

    @cached_property
    def example(self) -> Pair:
        """The first sample, shape (1, ...): it tells the shapes and types of all."""
        return self.read(range(1))

    def pieces(self) -> Iterator[Pair]:
        """All samples in order, a few MB at a time."""
        sample = sum(array.nbytes for array in arrays_in(self.example))
        step = max(1, PIECE_BYTES // max(1, sample))
        for start in range(0, self.size, step):
            yield self.read(range(start, min(start + step, self.size)))


@dataclass(frozen=True)
class Part(Samples):
    """Some of the samples of another."""

    whole: Samples
    indices: Indices

    @property
    def size(self) -> int:
        return len(self.indices)

    def read(self, indices: Indices) -> Pair:
        return self.whole.read(self._below(indices))

    def labels(self) -> Values:
        return each(self.whole.labels(), lambda array: rows(array, self.indices))

    def part(self, indices: Indices) -> Samples:
        return Part(self.whole, self._below(indices))

    @cached_property
    def fingerprint(self) -> str:
        chosen = np.asarray(self.indices, np.int64)
        return hashlib.sha256(self.whole.fingerprint.encode() + chosen.tobytes()).hexdigest()

    def _below(self, indices: Indices) -> Indices:
        if isinstance(self.indices, range) and not isinstance(indices, range):
            return indices + self.indices.start
        if isinstance(indices, range):
            return self.indices[indices.start : indices.stop]
        chosen: NDArray[np.int64] = np.asarray(self.indices)[indices]
        return chosen


@dataclass(frozen=True)
class ArraySamples(Samples):
    """Samples in arrays, in memory or on the disk. `targets` may be None."""

    inputs: Values
    targets: Values

    def __post_init__(self) -> None:
        counts = {len(array) for array in arrays_in(self.inputs)}
        labels = {len(array) for array in arrays_in(self.targets)} or counts
        if len(counts) > 1 or len(labels) > 1:
            told = ", ".join(f"{count:,}" for count in sorted(counts if len(counts) > 1 else labels))
            raise DataError(f"the arrays of the data have different lengths ({told})", "give each one entry a sample")
        if counts != labels:
            what = f"{min(counts):,} inputs have {min(labels):,} labels"
            raise DataError(what, "give each input one label")
        if not min(counts):
            raise DataError("there are no samples", "give at least one")
        # a plugin that wrote into what it is given would change the data of every later step
        object.__setattr__(self, "inputs", each(self.inputs, _frozen))
        object.__setattr__(self, "targets", each(self.targets, _frozen))

    @property
    def in_memory(self) -> bool:  # type: ignore[override]
        """Whether all of it is held as NumPy arrays."""
        return all(isinstance(array, np.ndarray) for array in arrays_in((self.inputs, self.targets)))

    @property
    def size(self) -> int:
        return len(arrays_in(self.inputs)[0])

    def read(self, indices: Indices) -> Pair:
        return self._each(lambda array: rows(array, indices))

    def labels(self) -> Values:
        return each(self.targets, lambda array: rows(array, range(len(array))))

    def part(self, indices: Indices) -> Samples:
        return ArraySamples(*self.read(indices)) if self.in_memory else Part(self, indices)

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for name, array in named((self.inputs, self.targets)):
            digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
            for piece in _pieces_of(array):
                digest.update(np.ascontiguousarray(piece).data)
        return digest.hexdigest()

    def _each(self, function: Callable[[Any], Any]) -> Pair:
        return each(self.inputs, function), each(self.targets, function)


def fits_in_memory(size: int) -> bool:
    """Whether so many bytes of samples are to be held in memory."""
    return size <= IN_MEMORY_BYTES


def held(samples: Samples) -> Samples:
    """The same samples, in memory where they fit."""
    size = sum(array.nbytes for array in arrays_in(samples.example)) * samples.size
    if samples.in_memory or not fits_in_memory(size):
        return samples
    pieces = list(samples.pieces())
    return ArraySamples(joined([inputs for inputs, _ in pieces]), joined([targets for _, targets in pieces]))


def named(pair: Pair) -> list[tuple[str, Any]]:
    """All arrays of inputs and labels with what to call them: `x` and `y`, or `x.image` and so on, in a fixed order."""
    found = []
    for letter, values in zip("xy", pair, strict=True):
        if is_named(values):
            found += [(f"{letter}.{name}", values[name]) for name in sorted(values)]
        elif values is not None:
            found.append((letter, values))
    return found


def rows(array: NDArray[Any] | StoredArray, indices: Indices) -> NDArray[Any]:
    """The entries of an array at these indices; a view where it is in memory and they are a range."""
    chosen: NDArray[Any] = array[indices.start : indices.stop] if isinstance(indices, range) else array[indices]
    return chosen


def _frozen(array: Any) -> Any:
    if not isinstance(array, np.ndarray):
        return array  # what is read from the disk is read anew each time
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
