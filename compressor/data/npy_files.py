"""Arrays in `.npy` files: read in part, and written piece by piece."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.file_limits import refuse_special
from compressor.base.text import shortened
from compressor.data.data_errors import no_data_at

_HEADER_ERRORS = (ValueError, TypeError, LookupError, AttributeError, MemoryError, OverflowError, RecursionError,
                  SyntaxError, TokenError)  # fmt: skip
"""From NumPy, which evaluates a header as Python's literals."""
_MOST_BYTES = int(np.iinfo(np.intp).max)  # of an array
_NPY_REMEDY = "save it with numpy.save(path, array), and not as objects"


@dataclass(frozen=True)
class StoredArray:
    """An array of shape (n, ...) in a file, `offset` bytes after its start. Only the entries asked for are read.

    The file is not mapped into memory: the kernel maps such large pieces that, with batches drawn from all over the
    file, nearly all of it would count as the process's memory.
    """

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        """Bytes of one entry."""
        return self.dtype.itemsize * math.prod(self.shape[1:])

    @property
    def nbytes(self) -> int:
        """Bytes of all entries."""
        return self.row_bytes * len(self)

    def __getitem__(self, indices: slice | NDArray[np.int64]) -> NDArray[Any]:
        """Some entries, read into memory.

        Raises:
            DataError: the file has gone, or has become shorter.
        """
        places = range(*indices.indices(len(self))) if isinstance(indices, slice) else indices
        entries = np.empty((len(places), *self.shape[1:]), self.dtype)
        buffer = memoryview(entries.reshape(-1).view(np.uint8).data)
        try:
            with self.path.open("rb", buffering=0) as stream:
                if isinstance(places, range):
                    self._fill(stream, places.start, buffer)
                else:
                    row = self.row_bytes
                    for at in np.argsort(places):
                        self._fill(stream, int(places[at]), buffer[at * row : (at + 1) * row])
        except OSError as error:
            raise DataError(
                f"{self.path} changed while it was read ({error})", "leave it as it is during a run"
            ) from None
        return entries

    def _fill(self, stream: FileIO, entry: int, buffer: memoryview) -> None:
        stream.seek(self.offset + entry * self.row_bytes)
        done = 0
        while done < len(buffer):
            count = stream.readinto(buffer[done:])
            if not count:
                raise OSError("it became shorter")
            done += count


def open_npy(path: Path, text: bool = False) -> StoredArray:
    """The array in a `.npy` file, of numbers or, if `text`, of text. Only the header is read.

    Raises:
        DataError: it is no such file, or its entries cannot be read one by one.
    """
    refuse_special(path)
    try:
        with path.open("rb") as stream:
            shape, in_columns, dtype = npy_header(stream)
            offset = stream.tell()
        if dtype.kind not in ("biufUS" if text else "biuf"):
            raise ValueError("it holds objects" if dtype.hasobject else f"it holds {dtype}, not numbers")
        if not shape:
            raise ValueError("it holds a single number")
        if in_columns and len(shape) > 1:
            raise ValueError("it is in Fortran order; save numpy.ascontiguousarray(array)")
        if path.stat().st_size < offset + dtype.itemsize * math.prod(shape):
            raise ValueError("it is cut short")
        if not dtype.itemsize * math.prod(shape[1:]):
            raise ValueError("its entries are empty")
    except FileNotFoundError:
        raise no_data_at(path) from None
    except (OSError, ValueError, EOFError, TokenError) as error:  # the last one from NumPy, for the header's text
        raise DataError(f"{path} is not an array ({error})", _NPY_REMEDY) from None
    return StoredArray(path, dtype, shape, offset)


def npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """The shape of an array in the `.npy` format, whether it is in Fortran order, and its type.

    Raises:
        ValueError: it is damaged, or has a shape that no array has.
    """
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, in_columns, dtype = read(stream)
    except _HEADER_ERRORS as error:
        raise ValueError(f"its header is damaged ({shortened(str(error), 120)})") from None
    whole = max(1, dtype.itemsize) * math.prod(size for size in shape if size)  # no size may be larger, also beside a 0
    if any(isinstance(size, bool) or size < 0 for size in shape) or whole > _MOST_BYTES:
        raise ValueError(f"its header gives it the shape {shortened(str(shape), 120)}")
    return shape, in_columns, dtype


class ArrayWriter:
    """Writes a `.npy` file piece by piece, before it is known how many entries there will be."""

    def __init__(self, path: Path, dtype: np.dtype[Any], row: tuple[int, ...]) -> None:
        self._stream = path.open("wb")
        self._dtype, self._row = dtype, row
        self._count = 0
        self._write_header()

    def add(self, piece: NDArray[Any]) -> None:
        """Write further entries."""
        self._stream.write(np.ascontiguousarray(piece).data)
        self._count += len(piece)

    def close(self) -> None:
        """Write the number of entries into the header, and see that all of it is on the disk."""
        self._stream.seek(0)
        self._write_header()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()

    def abandon(self) -> None:
        """Close the file, whether it is complete or not."""
        self._stream.close()

    def _write_header(self) -> None:
        # NumPy pads a header so that the number of entries can grow, and the header be overwritten in place
        np.lib.format.write_array_header_1_0(
            self._stream,
            {
                "descr": np.lib.format.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (self._count, *self._row),
            },
        )
