"""Splits from arrays by name, in an `.npz` file or in a folder of `.npy` files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from compressor.base.errors import DataError
from compressor.data.data_errors import about, no_data_at
from compressor.data.npy_files import open_npy
from compressor.data.samples import ArraySamples, as_numbers, fits_in_memory
from compressor.data.split import Split, Splits

_NPZ_REMEDY = "save it with numpy.savez_compressed(path, x_train=..., y_train=..., x_test=..., y_test=...)"
_UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, AttributeError, RuntimeError, MemoryError, TokenError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
_FOLDER_REMEDY = "name them x_train.npy, y_train.npy, x_test.npy and y_test.npy"


def npz_splits(path: Path) -> Splits:
    """The splits in an `.npz` file.

    Raises:
        DataError: there is no such file, or it has other arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not hasattr(arrays, "files"):
                raise ValueError("it holds a single array")
            return splits_of_arrays(set(arrays.files), lambda name: as_numbers(arrays[name]))
    except FileNotFoundError:
        raise no_data_at(path) from None
    except _UNREADABLE as error:
        reason = error.args[0] if isinstance(error, KeyError) else error
        raise DataError(f"{path} is not a data set ({reason})", _NPZ_REMEDY) from None


def npy_splits(folder: Path) -> Splits:
    """The splits in a folder of `.npy` files. Large files are read piece by piece.

    Raises:
        DataError: the folder has other files.
    """
    names = {path.stem for path in folder.glob("*.npy")}

    def opened(name: str) -> Any:
        array = open_npy(folder / f"{name}.npy")
        return array[:] if fits_in_memory(array.nbytes) else array

    try:
        return splits_of_arrays(names, opened)
    except KeyError as error:
        raise DataError(f"{folder} is not a data set ({error.args[0]})", _FOLDER_REMEDY) from None


def splits_of_arrays(names: set[str], get: Callable[[str], Any]) -> Splits:
    """The splits in arrays called `x_train`, `y_train` and so on, or just `x` and `y`.

    Args:
        names: the names of all arrays.
        get: reads the array of a name.

    Raises:
        KeyError: there is no array to train with; its text says what there is.
        DataError: inputs and labels do not go together.
    """
    if "x" in names:
        return Splits(_split(names, get, "x", "y"))
    if "x_train" not in names:
        raise KeyError(f"it has {', '.join(sorted(names)[:8]) or 'nothing'}, and no x_train")

    def part(name: str) -> Split | None:
        return _split(names, get, f"x_{name}", f"y_{name}") if f"x_{name}" in names else None

    train = _split(names, get, "x_train", "y_train")
    return Splits(train, part("test"), part("val") or part("validation"))


def _split(names: set[str], get: Callable[[str], Any], inputs: str, labels: str) -> Split:
    with about(labels):
        targets = get(labels) if labels in names else None
    with about(inputs):
        return Split(ArraySamples(get(inputs), targets))
