"""CSV and Parquet tables: columns of numbers, and a column of labels."""

from __future__ import annotations

import csv
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.text import did_you_mean
from compressor.data.samples import Pair
from compressor.data.source_options import Kind, TableOptions, files_of
from compressor.data.split import Split, Splits
from compressor.data.split_names import about, parted_by_name
from compressor.data.spool import spooled

ROWS = 8_192  # of a table in memory at a time
MOST_CLASSES = 100_000

Columns = Mapping[str, Sequence[Any]]


class Table(ABC):
    """Files of one table, read from the first row to the last."""

    files: Sequence[Path]

    @abstractmethod
    def names(self, path: Path) -> list[str]:
        """The columns of a file."""

    @abstractmethod
    def columns(self, path: Path, names: Sequence[str]) -> Iterator[tuple[int, Columns]]:
        """Some columns of a file, `ROWS` at a time, with the number of the first row; rows count from 1."""


@dataclass(frozen=True)
class CsvTable(Table):
    """CSV files with a line of names at the top; ends of lines and a byte-order mark may be anybody's."""

    files: Sequence[Path]
    delimiter: str = ","

    def names(self, path: Path) -> list[str]:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return next(csv.reader(stream, delimiter=self.delimiter), [])

    def columns(self, path: Path, names: Sequence[str]) -> Iterator[tuple[int, Columns]]:
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
                    raise DataError(what, "mend it, or set 'with: {delimiter: ...}' under data")
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

    files: Sequence[Path]

    def names(self, path: Path) -> list[str]:
        return [str(name) for name in _pyarrow().ParquetFile(path).schema_arrow.names]

    def columns(self, path: Path, names: Sequence[str]) -> Iterator[tuple[int, Columns]]:
        first = 1
        for batch in _pyarrow().ParquetFile(path).iter_batches(ROWS, columns=list(names)):
            yield first, {name: batch.column(name).to_pylist() for name in names}
            first += batch.num_rows


def table_splits(target: str, kind: Kind, options: TableOptions, spool: Path) -> Splits:
    """The splits in tables: one file, or files whose names begin with train, validation and test.

    Raises:
        DataError: there is none, a column is missing, or a value is no number.
    """
    paths = files_of(target, kind)
    if not paths:
        raise DataError(f"there is no data at {target}", "check the path; it starts at the recipe's folder")
    root = Path(target) if Path(target).is_dir() else Path(target).parent
    parts = parted_by_name(paths, root)
    made: Callable[[Sequence[Path]], Table] = (
        ParquetTable if kind == "parquet" else lambda files: CsvTable(files, options.delimiter)
    )
    try:
        features, labels = _chosen(made(paths), options)
        classes = _classes(made(parts["train"]), labels)
        sides = {}
        for part, files in parts.items():
            table = made(files)
            key = _key([_digest(path) for path in files], options, features, labels, classes)

            def pieces(table: Table = table) -> Iterator[Pair]:
                return _pieces(table, features, labels, options, classes)

            with about(files[0].name):
                sides[part] = Split(spooled(pieces, spool, key))
    except (OSError, ValueError, csv.Error) as error:  # pyarrow raises ValueErrors of its own
        raise DataError(
            f"{target} cannot be read as a table ({error})", "save it as UTF-8 text, or as Parquet"
        ) from None
    return Splits(sides["train"], sides.get("test"), sides.get("validation"), classes)


def _key(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _chosen(table: Table, options: TableOptions) -> tuple[list[str], list[str]]:
    """The columns of the inputs and of the labels; every file must have them."""
    labels = [options.label] if isinstance(options.label, str) else list(options.label or [])
    first = table.names(table.files[0])
    features = options.features or [name for name in first if name not in labels]
    if not features:
        raise DataError(f"{table.files[0]} has no columns for the inputs", "begin it with a line of their names")
    for path in table.files:
        known = table.names(path)
        for name in (*labels, *features):
            if name not in known:
                hint = _lacks_names(table, known) or did_you_mean(name, known).removeprefix("; ")
                raise DataError(f"{path} has no column '{name}'", hint)
            if known.count(name) > 1:
                hint = _lacks_names(table, known) or "give each a name of its own"
                raise DataError(f"{path} has {known.count(name)} columns '{name}'", hint)
    return features, labels


def _lacks_names(table: Table, known: Sequence[str]) -> str | None:
    """What to do about a file whose first line looks like a row."""
    if isinstance(table, CsvTable) and any(map(_is_number, known)):
        return f"begin the file with a line of names; its first line, '{', '.join(known)[:60]}', is taken for them"
    return None


def _classes(table: Table, labels: list[str]) -> tuple[str, ...]:
    """The names that the labels have in place of numbers, sorted; none where they are numbers."""
    if len(labels) != 1:
        return ()
    found: set[str] = set()
    textual = False
    for path in table.files:
        for first, columns in table.columns(path, labels):
            values = set(_label_texts(path, first, labels[0], columns[labels[0]]))
            textual = textual or not all(map(_is_number, values))
            if not textual:
                continue
            found |= values
            if len(found) > MOST_CLASSES:
                what = f"the label '{labels[0]}' has over {MOST_CLASSES:,} different texts"
                raise DataError(what, "name another column")
    if not textual:
        return ()
    for path in table.files:  # numbers that came before the first text
        for first, columns in table.columns(path, labels):
            found |= set(_label_texts(path, first, labels[0], columns[labels[0]]))
    return tuple(sorted(found))


def _pieces(
    table: Table, features: list[str], labels: list[str], options: TableOptions, classes: tuple[str, ...]
) -> Iterator[Pair]:
    number_of = {name: number for number, name in enumerate(classes)}
    whole = not classes and len(labels) == 1 and _is_whole(table, labels[0])
    for path in table.files:
        for first, columns in table.columns(path, [*features, *labels]):
            inputs = np.stack([_numbers(path, first, name, columns[name]) for name in features], axis=1)
            if classes:
                targets: Any = _coded(path, first, labels[0], columns[labels[0]], number_of)
            else:
                found = [_numbers(path, first, name, columns[name]) for name in labels]
                targets = np.stack(found, axis=1) if isinstance(options.label, list) else found[0] if found else None
            yield (
                inputs.astype(np.float32),
                targets.astype(np.int64 if whole or classes else np.float32) if labels else None,
            )


def _is_whole(table: Table, label: str) -> bool:
    """Whether all labels are whole numbers, which are classes, or counts."""
    return all(
        np.array_equal(numbers, np.round(numbers))
        for path in table.files
        for first, columns in table.columns(path, [label])
        for numbers in [_numbers(path, first, label, columns[label])]
    )


def _numbers(path: Path, first: int, name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    try:
        return np.array([float(value) for value in values])
    except (ValueError, TypeError):
        at = next(index for index, value in enumerate(values) if not _is_number(value))
        found = "nothing" if values[at] in (None, "") else f"'{str(values[at])[:40]}'"
        what = f"{path}, row {first + at}, column '{name}': there is {found}, and it takes a number"
        remedy = (
            f"mend it, or, if it is the label, write 'with: {{label: {name}}}' under data, or name the columns to use "
        )
        raise DataError(what, remedy + "with 'with: {features: [...]}'") from None


def _coded(path: Path, first: int, name: str, values: Sequence[Any], number_of: Mapping[str, int]) -> NDArray[np.int64]:
    texts = _label_texts(path, first, name, values)
    for at, text in enumerate(texts):
        if text not in number_of:
            what = f"{path}, row {first + at}, column '{name}': the class '{text}' is not among the training data's"
            raise DataError(what, "mend it, or train with some of that class")
    return np.array([number_of[text] for text in texts], np.int64)


def _label_texts(path: Path, first: int, name: str, values: Sequence[Any]) -> list[str]:
    """The labels as texts; one that is missing would be a class of its own."""
    texts = ["" if value is None else str(value).strip() for value in values]
    if "" in texts:
        what = f"{path}, row {first + texts.index('')}, column '{name}': there is nothing, and it is the label"
        raise DataError(what, "fill it in, or remove the row")
    return texts


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (ValueError, TypeError):
        return False
    return True


def _pyarrow() -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise DataError("Parquet files are read by pyarrow, which is not installed", "pip install pyarrow") from None
    return parquet
