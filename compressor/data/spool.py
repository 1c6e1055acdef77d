"""Keeps data that can only be read in order, so that it can be read in any order.

Data that fits stays in memory. Larger data is written, piece by piece, into `.npy` files in a folder of the cache.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from compressor.base.atomic_files import half_written, write_whole
from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, is_named, joined
from compressor.data.npy_files import ArrayWriter, open_npy
from compressor.data.samples import ArraySamples, fits_in_memory, labelled_arrays

Piece: TypeAlias = Sequence[Values]  # inputs, labels or None, and weights if there are any, of some samples

_INDEX = "index.json"
_DAMAGED = (OSError, ValueError, KeyError, TypeError, DataError)


def spooled(pieces: Callable[[], Iterable[Piece]], folder: Path, key: str | None = None) -> ArraySamples:
    """The samples of all pieces.

    Args:
        pieces: starts a reading, which gives the inputs and labels, and any weights, of some samples at a time.
        folder: where spooled data is kept.
        key: hash of all that the pieces depend on, by which spooled data is found again; without one, the pieces are
            read each time.

    Raises:
        DataError: pieces differ in shape, there are none, or they cannot be written.
    """
    if key and (earlier := _spooled_in(folder / key)):
        return earlier
    in_memory: list[Piece] = []
    size = 0
    stream = iter(pieces())
    for piece in stream:
        if in_memory:
            _refuse_unlike(piece, in_memory[0])
        in_memory.append(piece)
        size += sum(array.nbytes for _, array in labelled_arrays(piece))
        if not fits_in_memory(size):
            return _written(in_memory, stream, folder, key)
    if not in_memory:
        raise DataError("there are no samples", "give at least one")
    return ArraySamples(*(joined(values) for values in zip(*in_memory, strict=True)))


def damage(folder: Path) -> str | None:
    """What is wrong with the spooled data in a folder; None where it is whole, or has gone."""
    try:
        _whole_samples(folder)
    except _DAMAGED as error:
        return str(error) if folder.exists() else None
    return None


def _refuse_unlike(piece: Piece, first: Piece) -> None:
    """Refuse a piece whose arrays have other names, shapes or types than those of the first piece."""
    expected, arrays = (dict(labelled_arrays(parts)) for parts in (first, piece))
    if expected.keys() != arrays.keys():
        what = f"samples have {', '.join(arrays) or 'nothing'}, and those before them {', '.join(expected)}"
        raise DataError(what, "give all of them the same inputs and labels")
    for name, array in arrays.items():
        shape, dtype = expected[name].shape[1:], expected[name].dtype
        if array.shape[1:] != shape:
            what = f"samples differ in shape: {shape}, then {array.shape[1:]}"
            raise DataError(what, "bring them to one shape where they are made")
        if array.dtype != dtype:
            what = f"samples differ in type: {dtype}, then {array.dtype}"
            raise DataError(what, "bring them to one type where they are made")


def _written(in_memory: list[Piece], rest: Iterable[Piece], folder: Path, key: str | None) -> ArraySamples:
    """Write the pieces in memory, which are let go one by one, and those that are still to be read."""
    first = in_memory[0]
    temporary = half_written(folder / "samples")
    writers: dict[str, ArrayWriter] = {}
    try:
        temporary.mkdir(parents=True)
        for number, (name, array) in enumerate(labelled_arrays(first)):
            writers[name] = ArrayWriter(temporary / f"{number}.npy", array.dtype, array.shape[1:])
        while in_memory:
            _add(in_memory.pop(0), writers)
        for piece in rest:
            _refuse_unlike(piece, first)
            _add(piece, writers)
        for writer in writers.values():
            writer.close()
        index = {"arrays": list(writers), "named": [is_named(values) for values in first]}
        fingerprint = _opened(temporary, index).fingerprint
        write_whole(temporary / _INDEX, json.dumps({**index, "fingerprint": fingerprint}))
        target = folder / (key or fingerprint)
        with suppress(OSError):  # another process has just written the same
            temporary.rename(target)
        _mark_used(target)
        return _opened(target, index)
    except OSError as error:
        what = f"the data cannot be spooled to {folder} ({error.strerror or error})"
        raise DataError(what, "free some space, or set COMPRESSOR_CACHE to a folder with more of it") from None
    finally:
        for writer in writers.values():
            writer.abandon()
        shutil.rmtree(temporary, ignore_errors=True)


def _add(piece: Piece, writers: dict[str, ArrayWriter]) -> None:
    for name, array in labelled_arrays(piece):
        writers[name].add(array)


def _spooled_in(folder: Path) -> ArraySamples | None:
    """The samples spooled in a folder; None where there are none. Damaged ones are removed."""
    try:
        samples = _whole_samples(folder)
    except FileNotFoundError:
        return None
    except _DAMAGED:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    _mark_used(folder)
    return samples


def _whole_samples(folder: Path) -> ArraySamples:
    index = json.loads((folder / _INDEX).read_text())
    samples = _opened(folder, index)
    if samples.fingerprint != index["fingerprint"]:
        raise ValueError("its content is not what was spooled")
    return samples


def _mark_used(folder: Path) -> None:
    """Set the time of last use, by which `compressor cache prune` picks what to remove first."""
    with suppress(OSError):
        os.utime(folder)


def _opened(folder: Path, index: dict[str, Any]) -> ArraySamples:
    arrays = {name: open_npy(folder / f"{number}.npy") for number, name in enumerate(index["arrays"])}
    parts: list[Any] = []
    for letter, in_mapping in zip("xyw", index["named"], strict=False):
        below = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{letter}.")}
        parts.append(below if in_mapping else arrays.get(letter))
    return ArraySamples(*parts)
