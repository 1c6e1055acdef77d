"""Splits from arrays by name, in an `.npz` file or in a folder of `.npy` files."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from compressor.base.errors import DataError
from compressor.base.file_limits import ALWAYS_ALLOWED_DATA, refuse_special, swells, unless_raised
from compressor.data.data_errors import about, no_data_at
from compressor.data.npy_files import npy_header, open_npy
from compressor.data.samples import ArraySamples, fits_in_memory, numbers_in
from compressor.data.split import Split, Splits
from compressor.data.text_labels import labels_in

_NPZ_REMEDY = "save it with numpy.savez_compressed(path, x_train=..., y_train=..., x_test=..., y_test=...)"
_UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, AttributeError, RuntimeError, MemoryError, TokenError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
_FOLDER_REMEDY = "name them x_train.npy, y_train.npy, x_test.npy and y_test.npy"


def npz_splits(path: Path, weights: str | None = None) -> Splits:
    """The splits in an `.npz` file.

    Args:
        path: of the file.
        weights: the name of the arrays of sample weights.

    Raises:
        DataError: there is no such file, or it has other arrays.
    """
    refuse_special(path)
    try:
        with path.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise ValueError("it is no archive of arrays")
        _refuse_lies(path)
        arrays = np.load(path, allow_pickle=False)
        with arrays:
            return splits_of_arrays(set(arrays.files), arrays.__getitem__, weights)
    except FileNotFoundError:
        raise no_data_at(path) from None
    except _UNREADABLE as error:
        reason = error.args[0] if isinstance(error, KeyError) else error
        raise DataError(f"{path} is not a data set ({reason})", _NPZ_REMEDY) from None


def _refuse_lies(path: Path) -> None:
    """Refuse an archive with arrays that are larger than it says, or that would fill the memory, before any is read.

    Raises:
        DataError: they would fill the memory.
        ValueError: the header of an array does not go with its length, or there are two of a name.
    """
    total, packed = 0, path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        if twice := [name for name, count in Counter(archive.namelist()).items() if count > 1]:
            raise ValueError(f"it holds '{twice[0]}' more than once")
        for entry in archive.infolist():
            total += entry.file_size
            if not entry.filename.endswith(".npy"):
                continue
            with archive.open(entry) as stream:
                shape, _, dtype = npy_header(stream)
                stored = entry.file_size - stream.tell()
            needed = dtype.itemsize * math.prod(shape)
            if not dtype.hasobject and needed != stored:
                raise ValueError(f"'{entry.filename}' holds {stored:,} bytes, and its shape {shape} needs {needed:,}")
    if swells(total, packed, ALWAYS_ALLOWED_DATA):
        remedy = unless_raised("save it as a folder of .npy files, which are read piece by piece", total)
        raise DataError(f"{path} would unpack from {packed:,} to {total:,} bytes", remedy)


def npy_splits(folder: Path, weights: str | None = None) -> Splits:
    """The splits in a folder of `.npy` files. Large files are read piece by piece.

    Args:
        folder: of the files.
        weights: the name of the arrays of sample weights.

    Raises:
        DataError: the folder has other files.
    """
    names = {path.stem for path in folder.glob("*.npy")}

    def opened(name: str) -> Any:
        array = open_npy(folder / f"{name}.npy", text=name.startswith("y"))
        return array[:] if fits_in_memory(array.nbytes) or array.dtype.kind in "US" else array

    try:
        return splits_of_arrays(names, opened, weights)
    except KeyError as error:
        raise DataError(f"{folder} is not a data set ({error.args[0]})", _FOLDER_REMEDY) from None


def splits_of_arrays(names: set[str], get: Callable[[str], Any], weights: str | None = None) -> Splits:
    """The splits in arrays called `x_train`, `y_train`, `w_train` and so on, or just `x`, `y` and `w`.

    Args:
        names: the names of all arrays.
        get: reads the array of a name.
        weights: the name of the arrays of sample weights in place of `w`; they must be there then.

    Raises:
        KeyError: there is no array to train with; its text says what there is.
        DataError: inputs and labels do not go together.
    """
    if weights and not names & {weights, f"{weights}_train"}:
        raise KeyError(f"it has {', '.join(sorted(names)[:8]) or 'nothing'}, and no {weights} of sample weights")
    named = ("x", "y", weights or "w")
    if "x" in names:
        return Splits(_split(names, get, *named))
    if "x_train" not in names:
        raise KeyError(f"it has {', '.join(sorted(names)[:8]) or 'nothing'}, and no x_train")

    def part(name: str) -> Split | None:
        return _split(names, get, *(f"{array}_{name}" for array in named)) if f"x_{name}" in names else None

    train = _split(names, get, *(f"{array}_train" for array in named))
    return Splits(train, part("test"), part("val") or part("validation"))


def _split(names: set[str], get: Callable[[str], Any], inputs: str, labels: str, weights: str) -> Split:
    with about(labels):
        targets = labels_in(get(labels)) if labels in names else None
    with about(weights):
        counts = numbers_in(get(weights)) if weights in names else None
    with about(inputs):
        return Split(ArraySamples(numbers_in(get(inputs)), targets, counts))
