"""Which split a file or folder belongs to, told by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    """The split whose name a file or folder name begins with, or None."""
    return next((part for beginning, part in _BEGINNINGS if name.lower().startswith(beginning)), None)


def parted_by_name(paths: Iterable[Path], source: Path) -> Mapping[Part, list[Path]]:
    """Files by the split that their name, or that of a folder on the way to them, begins with.

    Where no name does, all files are `train`, of which the recipe's fractions are taken later.

    Args:
        paths: the files.
        source: the folder, file or pattern that led to them.

    Raises:
        DataError: only some of the names tell a split, or none tells the training split.
    """
    root = source if source.is_dir() else source.parent
    parts: dict[Part, list[Path]] = {}
    rest = []
    for path in paths:
        relative = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
        part = next((part for name in relative.parts if (part := part_named(name))), None)
        if part:
            parts.setdefault(part, []).append(path)
        else:
            rest.append(path)
    if not parts:
        return {"train": rest}
    if rest:
        remedy = "begin its name with train, validation or test, as the others do, or move it away"
        raise DataError(f"it is not clear which split {rest[0]} belongs to", remedy)
    if "train" not in parts:
        raise DataError(f"{root} has no training data", "begin the names of its files with 'train'")
    return parts
