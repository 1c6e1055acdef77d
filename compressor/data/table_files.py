"""Files of tables, read some rows at a time."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from compressor.base.errors import DataError
from compressor.base.file_limits import ALWAYS_ALLOWED_DATA, refuse_special, swells, unless_raised
from compressor.base.hashing import file_digest

ROWS = 8_192  # of a table in memory at a time
_CELLS = 4_000_000  # likewise, so of wide tables there are fewer rows
_LINE = 16 << 20  # characters of a CSV file that a line may have
_VALUE_BYTES = 4  # of what is made of a value

Columns: TypeAlias = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Table(ABC):
    """Files that make one table, read from the first row to the last."""

    files: tuple[Path, ...]

    def names(self, path: Path) -> list[str]:
        """The names of a file's columns.

        Raises:
            DataError: it cannot be read.
        """
        with _reading(path):
            return self._names(path)

    def columns(self, path: Path, names: Sequence[str]) -> Iterator[tuple[int, Columns]]:
        """Some columns of a file, up to `ROWS` at a time, with the number of the first row; rows count from 1.

        Raises:
            DataError: it cannot be read.
        """
        with _reading(path):
            yield from self._columns(path, names)

    def digests(self) -> list[str]:
        """SHA-256 of each file, in hexadecimal.

        Raises:
            DataError: one cannot be read.
        """
        digests = []
        for path in self.files:
            with _reading(path):
                digests.append(file_digest(path))
        return digests

    @abstractmethod
    def _names(self, path: Path) -> list[str]: ...

    @abstractmethod
    def _columns(self, path: Path, names: Sequence[str]) -> Iterator[tuple[int, Columns]]: ...


@dataclass(frozen=True)
class CsvTable(Table):
    """CSV files with a line of names at the top. Any line ends will do, with a byte-order mark or without."""

    delimiter: str = ","

    def _names(self, path: Path) -> list[str]:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return next(csv.reader(_lines(stream, path), delimiter=self.delimiter), [])

    def _columns(self, path: Path, names: Sequence[str]) -> Iterator[tuple[int, Columns]]:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = csv.reader(_lines(stream, path), delimiter=self.delimiter)
            head = next(lines, [])
            place_of = {name: place for place, name in enumerate(head)}
            places = [place_of[name] for name in names]
            most = _rows_at_a_time(len(head))
            rows: list[list[str]] = []
            first = 1
            for number, row in enumerate(lines, 1):
                if not row:  # an empty line
                    continue
                if len(row) != len(head):
                    what = f"{path}, row {number}: it has {len(row)} columns, and the first line names {len(head)}"
                    raise DataError(what, "correct it, or set 'with: {delimiter: ...}' under data")
                first = first if rows else number
                rows.append([row[place] for place in places])
                if len(rows) == most:
                    yield first, dict(zip(names, zip(*rows, strict=True), strict=True))
                    rows = []
            if rows:
                yield first, dict(zip(names, zip(*rows, strict=True), strict=True))


@dataclass(frozen=True)
class ParquetTable(Table):
    """Parquet files, read by pyarrow."""

    def _names(self, path: Path) -> list[str]:
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            return [str(name) for name in file.schema_arrow.names]

    def _columns(self, path: Path, names: Sequence[str]) -> Iterator[tuple[int, Columns]]:
        from pyarrow import parquet

        first = 1
        with parquet.ParquetFile(path) as file:
            _refuse_swelling(path, file.metadata)
            for batch in file.iter_batches(_rows_at_a_time(len(names)), columns=list(names)):
                yield first, {name: batch.column(name).to_pylist() for name in names}
                first += batch.num_rows


def _rows_at_a_time(columns: int) -> int:
    return max(1, min(ROWS, _CELLS // max(1, columns)))


def _lines(stream: TextIO, path: Path) -> Iterator[str]:
    """The lines of a file, none of which may fill the memory."""
    return iter(stream) if path.stat().st_size <= _LINE else _short_lines(stream, path)


def _short_lines(stream: TextIO, path: Path) -> Iterator[str]:
    for number, line in enumerate(iter(partial(stream.readline, _LINE + 1), ""), 1):
        if len(line) > _LINE:
            what = f"{path}, line {number}: it has more than {_LINE:,} characters"
            raise DataError(what, "end each row with a line end, or save the table as Parquet")
        yield line


def _refuse_swelling(path: Path, metadata: Any) -> None:
    """Refuse a Parquet file whose values, or the pages of one of its groups, would fill memory or disk.

    Raises:
        DataError: it is one.
    """
    size = path.stat().st_size
    groups = (metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    unpacked = max(_VALUE_BYTES * metadata.num_rows * metadata.num_columns, *groups, 0)
    if swells(unpacked, size, ALWAYS_ALLOWED_DATA):
        what = f"{path} would unpack from {size:,} to {unpacked:,} bytes"
        raise DataError(what, unless_raised("save it in a format that packs less", unpacked))


_UNREADABLE = (
    OSError, ValueError, TypeError, LookupError, NotImplementedError, OverflowError, MemoryError, csv.Error,
)  # fmt: skip
"""From csv and from pyarrow, whose errors derive from these."""


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    refuse_special(path)
    try:
        yield
    except _UNREADABLE as error:
        what = f"{path} cannot be read as a table ({error})"
        raise DataError(what, "save it as UTF-8 text, or as Parquet") from None
