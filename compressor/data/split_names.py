"""Which split a file or folder belongs to, told by its name; and the names that errors about data begin with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from compressor.base.errors import DataError

Part: TypeAlias = Literal["train", "validation", "test"]

_BEGINNINGS: tuple[tuple[str, Part], ...] = (
    ("train", "train"),
    ("val", "validation"),
    ("dev", "validation"),
    ("test", "test"),
)


def part_named(name: str) -> Part | None:
    """The split that a name begins with, or None."""
    return next((part for beginning, part in _BEGINNINGS if name.lower().startswith(beginning)), None)


def parted_by_name(paths: Iterable[Path], root: Path) -> Mapping[Part, list[Path]]:
    """Files by the split that their name, or a folder between them and the root, begins with.

    Where none does, all are `train`, to be parted by the recipe's fractions.

    Raises:
        DataError: only some do, or there is no training split.
    """
    found: dict[Part, list[Path]] = {}
    rest = []
    for path in paths:
        relative = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
        part = next((part for name in relative.parts if (part := part_named(name))), None)
        if part:
            found.setdefault(part, []).append(path)
        else:
            rest.append(path)
    if not found:
        return {"train": rest}
    if rest:
        remedy = "begin its name with train, validation or test, as the others do, or move it away"
        raise DataError(f"it is not clear which split {rest[0]} belongs to", remedy)
    if "train" not in found:
        raise DataError(f"{root} has no training data", "begin the names of its files with 'train'")
    return found


@contextmanager
def about(name: str) -> Iterator[None]:
    """Have errors about data begin with what they are about, where they do not tell it by themselves.

    Raises:
        DataError: in place of one that does not tell.
    """
    try:
        yield
    except DataError as error:
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", error.what):
            raise
        raise DataError(f"{name}: {error.what}", error.remedy) from error
