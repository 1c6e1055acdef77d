"""`.npz` files, and `.npy` files in a folder."""

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
from compressor.data.samples import ArraySamples, fits_in_memory
from compressor.data.split import Split, Splits
from compressor.data.spool import as_array

_NPZ_REMEDY = "save it with numpy.savez_compressed(path, x_train=..., y_train=..., x_test=..., y_test=...)"
_UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, AttributeError, RuntimeError, MemoryError, TokenError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
_FOLDER_REMEDY = "name them x_train.npy, y_train.npy, x_test.npy and y_test.npy"


def npz_splits(path: Path) -> Splits:
    """The splits in an `.npz` file: x_train, y_train, and so on, or just x and y.

    Raises:
        DataError: there is none, or it has other arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not hasattr(arrays, "files"):
                raise ValueError("it holds a single array")
            return splits_of_arrays(set(arrays.files), lambda name: as_array(arrays[name]))
    except FileNotFoundError:
        raise no_data_at(path) from None
    except _UNREADABLE as error:
        reason = error.args[0] if isinstance(error, KeyError) else error
        raise DataError(f"{path} is not a data set ({reason})", _NPZ_REMEDY) from None


def npy_splits(folder: Path) -> Splits:
    """The splits in a folder of `.npy` files; those that are large are read piece by piece.

    Raises:
        DataError: it has others.
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
    """The splits in arrays by name: `x_train` and `y_train`, or just `x` and `y`.

    Raises:
        KeyError: with what is missing.
        DataError: inputs and labels do not go together.
    """
    if "x" in names:
        return Splits(_split(names, get, "x", "y"))
    if "x_train" not in names:
        raise KeyError(f"it has {', '.join(sorted(names)[:8]) or 'nothing'}, and no x_train")

    def side(part: str) -> Split | None:
        if f"x_{part}" not in names:
            return None
        return _split(names, get, f"x_{part}", f"y_{part}")

    train = side("train")
    assert train is not None
    return Splits(train, side("test"), side("val") or side("validation"))


def _split(names: set[str], get: Callable[[str], Any], inputs: str, labels: str) -> Split:
    with about(labels):
        targets = get(labels) if labels in names else None
    with about(inputs):
        return Split(ArraySamples(get(inputs), targets))
