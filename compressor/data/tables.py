"""Splits of tables: columns of numbers are the inputs, and a column of numbers or text holds the labels."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.text import did_you_mean
from compressor.data.data_errors import about
from compressor.data.split import Split, Splits
from compressor.data.split_names import Part
from compressor.data.spool import Piece, spooled
from compressor.data.table_files import Columns, CsvTable, Table
from compressor.data.text_labels import MOST_CLASSES, is_number, text_of


@dataclass(frozen=True)
class _Roles:
    """Which columns are the inputs and which the labels, and how those become numbers."""

    features: list[str]
    labels: list[str]
    in_rows: bool  # whether the labels of a sample are a row of numbers, be it of one
    weights: str | None = None
    classes: tuple[str, ...] = ()  # names of the classes that the labels are of; none where labels are numbers


def table_splits(
    tables: Mapping[Part, Table],
    label: str | list[str] | None,
    features: list[str] | None,
    weights: str | None,
    spool: Path,
) -> Splits:
    """The splits in tables.

    Args:
        tables: one for each split.
        label: the column of the labels, or several.
        features: the columns of the inputs; all others when left out.
        weights: the column of the sample weights.
        spool: the folder for tables that do not fit into memory.

    Raises:
        DataError: a file cannot be read, a column is missing, or a value is no number.
    """
    roles = _roles(list(tables.values()), label, features, weights)
    roles = replace(roles, classes=_classes(tables["train"], roles.labels))
    splits = {part: _split(table, roles, spool) for part, table in tables.items()}
    return Splits(splits["train"], splits.get("test"), splits.get("validation"), roles.classes)


def _split(table: Table, roles: _Roles, spool: Path) -> Split:
    reading = replace(table, files=())  # how its files are read, wherever they are
    key = hashlib.sha256(repr((table.digests(), reading, roles)).encode()).hexdigest()
    with about(table.files[0].name):
        return Split(spooled(lambda: _pieces(table, roles), spool, key))


def _roles(
    tables: Sequence[Table], label: str | list[str] | None, features: list[str] | None, weights: str | None
) -> _Roles:
    """The columns of the inputs, the labels and the weights, which every file must have."""
    labels = [label] if isinstance(label, str) else list(label or [])
    others = [*labels, *([weights] if weights else [])]
    first = tables[0].files[0]
    inputs = features or [name for name in tables[0].names(first) if name not in others]
    if not inputs:
        raise DataError(f"{first} has no columns for the inputs", "begin it with a line of their names")
    for table in tables:
        for path in table.files:
            _refuse_unclear(table, path, (*others, *inputs))
    return _Roles(inputs, labels, isinstance(label, list), weights)


def _refuse_unclear(table: Table, path: Path, wanted: Collection[str]) -> None:
    """Refuse a file that lacks a column, or has two of its name."""
    known = table.names(path)
    counts = Counter(known)
    no_names = None
    if isinstance(table, CsvTable) and any(map(is_number, known)):  # its first line looks like a row
        no_names = f"begin the file with a line of names; its first line, '{', '.join(known)[:60]}', is taken for them"
    for name in wanted:
        if name not in counts:
            hint = no_names or did_you_mean(name, known).removeprefix("; ")
            raise DataError(f"{path} has no column '{name}'", hint)
        if counts[name] > 1:
            hint = no_names or "give each a name of its own"
            raise DataError(f"{path} has {counts[name]} columns '{name}'", hint)


def _classes(table: Table, labels: list[str]) -> tuple[str, ...]:
    """The texts that stand in the column of the labels, sorted; none where all are numbers."""
    if len(labels) != 1:
        return ()
    texts: set[str] = set()
    textual = False
    for values in _label_texts(table, labels[0]):
        textual = textual or not all(map(is_number, values))
        if not textual:
            continue
        texts |= values
        if len(texts) > MOST_CLASSES:
            what = f"the label '{labels[0]}' has over {MOST_CLASSES:,} different texts"
            raise DataError(what, "name another column")
    if not textual:
        return ()
    return tuple(sorted(texts.union(*_label_texts(table, labels[0]))))  # with numbers that came before the first text


def _label_texts(table: Table, label: str) -> Iterator[set[str]]:
    """The different labels in some rows at a time."""
    for path in table.files:
        for first, columns in table.columns(path, [label]):
            yield set(_texts(path, first, label, columns[label]))


def _pieces(table: Table, roles: _Roles) -> Iterator[Piece]:
    """Inputs, labels and any weights of some rows at a time."""
    whole = not roles.classes and len(roles.labels) == 1 and _is_whole(table, roles.labels[0])
    number_of = {name: number for number, name in enumerate(roles.classes)}
    for path in table.files:
        others = [*roles.labels, *([roles.weights] if roles.weights else [])]
        for first, columns in table.columns(path, [*roles.features, *others]):
            inputs = _stacked(path, first, columns, roles.features).astype(np.float32)
            labels: NDArray[Any] | None = None
            if roles.classes:
                label = roles.labels[0]
                labels = _class_numbers(path, first, label, columns[label], number_of)
            elif roles.labels:
                stacked = _stacked(path, first, columns, roles.labels).astype(np.int64 if whole else np.float32)
                labels = stacked if roles.in_rows else stacked[:, 0]
            if roles.weights:
                yield inputs, labels, _numbers(path, first, roles.weights, columns[roles.weights]).astype(np.float32)
            else:
                yield inputs, labels


def _is_whole(table: Table, label: str) -> bool:
    """Whether all labels are whole numbers, which are classes, or counts."""
    return all(
        np.array_equal(numbers, np.round(numbers))
        for path in table.files
        for first, columns in table.columns(path, [label])
        for numbers in [_numbers(path, first, label, columns[label])]
    )


def _stacked(path: Path, first: int, columns: Columns, names: Sequence[str]) -> NDArray[np.float64]:
    return np.stack([_numbers(path, first, name, columns[name]) for name in names], axis=1)


def _numbers(path: Path, first: int, name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    try:
        numbers = np.array([float(value) for value in values])
    except (ValueError, TypeError):
        at = next(index for index, value in enumerate(values) if not is_number(value))
        reason = "the value is missing" if values[at] in (None, "") else f"'{str(values[at])[:40]}' is not a number"
        remedy = f"correct it, or, if it is the label, write 'with: {{label: {name}}}' under data, or name the columns "
        what = f"{path}, row {first + at}, column '{name}': {reason}"
        raise DataError(what, remedy + "to use with 'with: {features: [...]}'") from None
    if not np.isfinite(numbers).all():
        at = int(np.flatnonzero(~np.isfinite(numbers))[0])
        what = f"{path}, row {first + at}, column '{name}': the value is {numbers[at]:g}"
        raise DataError(what, "remove that row, or fill it in")
    return numbers


def _class_numbers(
    path: Path, first: int, name: str, values: Sequence[Any], number_of: Mapping[str, int]
) -> NDArray[np.int64]:
    texts = _texts(path, first, name, values)
    for at, text in enumerate(texts):
        if text not in number_of:
            what = f"{path}, row {first + at}, column '{name}': the class '{text}' is not among the training data's"
            raise DataError(what, "correct it, or train with some of that class")
    return np.array([number_of[text] for text in texts], np.int64)


def _texts(path: Path, first: int, name: str, values: Sequence[Any]) -> list[str]:
    """The labels as texts. One that is missing is refused, since it would be a class of its own."""
    texts = [text_of(value) for value in values]
    if "" in texts:
        what = f"{path}, row {first + texts.index('')}, column '{name}': the label is missing"
        raise DataError(what, "fill it in, or remove the row")
    return texts
