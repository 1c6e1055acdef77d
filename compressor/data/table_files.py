"""Files of tables, read some rows at a time."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from compressor.base.errors import DataError
from compressor.base.hashing import file_digest

ROWS = 8_192  # of a table in memory at a time

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
        """Some columns of a file, `ROWS` at a time, each time with the number of the first row; rows count from 1.

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
            return next(csv.reader(stream, delimiter=self.delimiter), [])

    def _columns(self, path: Path, names: Sequence[str]) -> Iterator[tuple[int, Columns]]:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = csv.reader(stream, delimiter=self.delimiter)
            head = next(lines, [])
            places = [head.index(name) for name in names]
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
                if len(rows) == ROWS:
                    yield first, dict(zip(names, zip(*rows, strict=True), strict=True))
                    rows = []
            if rows:
                yield first, dict(zip(names, zip(*rows, strict=True), strict=True))


@dataclass(frozen=True)
class ParquetTable(Table):
    """Parquet files, read by pyarrow."""

    def _names(self, path: Path) -> list[str]:
        from pyarrow import parquet

        return [str(name) for name in parquet.ParquetFile(path).schema_arrow.names]

    def _columns(self, path: Path, names: Sequence[str]) -> Iterator[tuple[int, Columns]]:
        from pyarrow import parquet

        first = 1
        for batch in parquet.ParquetFile(path).iter_batches(ROWS, columns=list(names)):
            yield first, {name: batch.column(name).to_pylist() for name in names}
            first += batch.num_rows


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, csv.Error) as error:  # pyarrow's own errors are ValueErrors and OSErrors
        what = f"{path} cannot be read as a table ({error})"
        raise DataError(what, "save it as UTF-8 text, or as Parquet") from None
