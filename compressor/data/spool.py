"""Data that can only be read in order, written down once so that it can be read in any order.

What is small stays in memory; what is not goes into `.npy` files in a folder of the cache, a piece at a time.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.atomic_files import write_whole
from compressor.base.errors import DataError
from compressor.base.named_arrays import is_named, joined
from compressor.data.npy_files import ArrayWriter, open_npy
from compressor.data.samples import ArraySamples, Pair, fits_in_memory, named

_INDEX = "index.json"
_DAMAGED = (OSError, ValueError, KeyError, TypeError, DataError)


def spooled(pieces: Callable[[], Iterable[Pair]], folder: Path, key: str | None = None) -> ArraySamples:
    """The samples of all pieces.

    Args:
        pieces: starts a reading, and gives inputs and labels of some samples at a time.
        folder: where spooled data is kept.
        key: hash of what decides the pieces, to find them by the next time; without one, they are read anew each time.

    Raises:
        DataError: pieces differ in shape, there are none, or they cannot be written.
    """
    if key and (found := _kept(folder / key)):
        return found
    kept: list[Pair] = []
    size = 0
    stream = iter(pieces())
    for piece in stream:
        kept.append(checked(piece, kept[0] if kept else None))
        size += sum(array.nbytes for _, array in named(kept[-1]))
        if not fits_in_memory(size):
            return _written(kept, stream, folder, key)
    if not kept:
        raise DataError("there are no samples", "give at least one")
    return ArraySamples(joined([inputs for inputs, _ in kept]), joined([labels for _, labels in kept]))


def damage(folder: Path) -> str | None:
    """Why what is spooled in a folder is not whole; None where it is, or has gone."""
    try:
        _whole(folder)
    except _DAMAGED as error:
        return str(error) if folder.exists() else None
    return None


def checked(piece: Pair, first: Pair | None) -> Pair:
    """A piece whose arrays have the names, shapes and types of those in the first piece.

    Raises:
        DataError: they cannot.
    """
    if first is None:
        return piece
    was, now = (dict(named(pair)) for pair in (first, piece))
    if was.keys() != now.keys():
        what = f"samples have {', '.join(now) or 'nothing'}, and those before them {', '.join(was)}"
        raise DataError(what, "give all of them the same inputs and labels")
    for name, array in now.items():
        if array.shape[1:] != was[name].shape[1:]:
            what = f"samples differ in shape: {was[name].shape[1:]}, then {array.shape[1:]}"
            raise DataError(what, "bring them to one shape where they are made")
        if array.dtype != was[name].dtype:
            what = f"samples differ in type: {was[name].dtype}, then {array.dtype}"
            raise DataError(what, "bring them to one type where they are made")
    return piece


def _written(kept: list[Pair], rest: Iterable[Pair], folder: Path, key: str | None) -> ArraySamples:
    first = kept[0]
    temporary = folder / f".{uuid.uuid4().hex[:12]}.tmp"
    writers: dict[str, ArrayWriter] = {}
    try:
        temporary.mkdir(parents=True)
        for number, (name, array) in enumerate(named(first)):
            writers[name] = ArrayWriter(temporary / f"{number}.npy", array.dtype, array.shape[1:])
        while kept:
            _add(kept.pop(0), writers)
        for piece in rest:
            _add(checked(piece, first), writers)
        for writer in writers.values():
            writer.close()
        index = {"arrays": list(writers), "named": [is_named(values) for values in first]}
        fingerprint = _opened(temporary, index).fingerprint
        write_whole(temporary / _INDEX, json.dumps({**index, "fingerprint": fingerprint}))
        target = folder / (key or fingerprint)
        with suppress(OSError):  # another process was faster, with the same
            temporary.rename(target)
        _touch(target)
        return _opened(target, index)
    except OSError as error:
        what = f"the data cannot be spooled to {folder} ({error.strerror or error})"
        raise DataError(what, "free some space, or set COMPRESSOR_CACHE to a folder with more of it") from None
    finally:
        for writer in writers.values():
            writer.abandon()
        shutil.rmtree(temporary, ignore_errors=True)


def _add(piece: Pair, writers: dict[str, ArrayWriter]) -> None:
    for name, array in named(piece):
        writers[name].add(array)


def _kept(folder: Path) -> ArraySamples | None:
    """What is spooled in a folder, if it is there and whole; what is damaged goes."""
    try:
        found = _whole(folder)
    except FileNotFoundError:
        return None
    except _DAMAGED:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    _touch(folder)
    return found


def _whole(folder: Path) -> ArraySamples:
    index = json.loads((folder / _INDEX).read_text())
    found = _opened(folder, index)
    if found.fingerprint != index["fingerprint"]:
        raise ValueError("its content is not what was spooled")
    return found


def _touch(folder: Path) -> None:
    """Note that it was used, which tells what to prune first."""
    with suppress(OSError):
        os.utime(folder)


def _opened(folder: Path, index: dict[str, Any]) -> ArraySamples:
    arrays = {name: open_npy(folder / f"{number}.npy") for number, name in enumerate(index["arrays"])}
    sides: list[Any] = []
    for letter, by_name in zip("xy", index["named"], strict=True):
        below = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{letter}.")}
        sides.append(below if by_name else arrays.get(letter))
    return ArraySamples(*sides)


def as_array(values: Any) -> NDArray[Any]:
    """An array of numbers.

    Raises:
        DataError: it is text, or objects, or ragged, or a single number.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(f"the data is no array ({error})", "give arrays of one shape") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"the data is of the type {array.dtype}", "give numbers")
    if not array.ndim:
        raise DataError("the data is a single number", "give an array with an entry for each sample")
    return array
