"""The kinds of data that `data.source` can name. A module in this folder adds one; nothing else lists them.

All that depends on the kind of a source asks here: planning for what is a path and for the options, loading for the
reader, and messages and docs for the names.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from compressor.base.file_limits import refuse_special
from compressor.base.params import Params
from compressor.base.path_or_function import Reference
from compressor.data.data_errors import no_data_at
from compressor.data.data_kind import DataKind
from compressor.data.split_names import part_named


@cache
def kinds() -> tuple[DataKind, ...]:
    """All kinds, sorted by name: an instance of each `DataKind` that a module in this folder defines."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    classes = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, DataKind) and value.__module__ == module.__name__
    ]
    return tuple(sorted((cls() for cls in classes), key=lambda kind: kind.name))


def kind_of(reference: Reference) -> DataKind | None:
    """The kind of data that a reference leads to; None for a function, and for a file that no kind recognises.

    A file need not exist for that; its name tells.
    """
    if reference.kind == "function":
        return None
    if reference.kind == "library":
        return next((kind for kind in kinds() if kind.prefix and reference.target.startswith(kind.prefix)), None)
    path = Path(reference.target)
    if os.path.isdir(path):  # noqa: PTH112 - unlike Path's, it takes any name for an answer
        return _kind_of_folder(path)
    return _kind_of_names([path.name])


def options_of(reference: Reference) -> type[Params] | None:
    """The parameters that `data.with` may hold for a reference; None where they are a function's, or not known yet."""
    kind = kind_of(reference)
    return kind.Options if kind else None


def files_of(target: str, kind: DataKind) -> list[Path]:
    """The files of a kind that a path, a folder or a pattern leads to, sorted by name.

    Raises:
        DataError: there are none.
    """
    path = Path(target)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and _kind_of_names([file.name]) is kind)
    else:
        files = [path] if path.is_file() else sorted(map(Path, glob.glob(target)))  # noqa: PTH207 - it is absolute
    if not files:
        raise no_data_at(target)
    for file in files:
        refuse_special(file)
    return files


def path_suffixes() -> tuple[str, ...]:
    """The suffixes that make the text of a `source` a path."""
    return tuple(suffix for kind in kinds() for suffix in kind.suffixes)


def library_prefixes() -> tuple[str, ...]:
    """The beginnings of names that stand for data in a library."""
    return tuple(kind.prefix for kind in kinds() if kind.prefix)


def readable_files() -> str:
    """What to keep data in, for messages: the kinds that are files or folders."""
    *names, last = (kind.name for kind in kinds() if not kind.prefix)
    return f"{', '.join(names)} or {last}"


def _kind_of_folder(folder: Path) -> DataKind | None:
    """The kind of the first file in a folder that a kind recognises.

    Without such a file, it is the kind of the files in folders called train, test and so on, if it may be in those, and
    otherwise the kind that any folder may be.
    """
    entries = sorted(folder.iterdir())
    if kind := _kind_of_names(entry.name for entry in entries):
        return kind
    parts = [entry for entry in entries if part_named(entry.name) and entry.is_dir()]
    kind = _kind_of_names(file.name for part in parts for file in sorted(part.iterdir()) if file.is_file())
    if kind and kind.in_split_folders:
        return kind
    return next((kind for kind in kinds() if kind.any_folder), None)


def _kind_of_names(names: Iterable[str]) -> DataKind | None:
    """The kind of the first name that a kind recognises. A suffix says more than a word within the name."""
    for name in map(str.lower, names):
        for kind in kinds():
            if name.endswith(kind.suffixes):
                return kind
        for kind in kinds():
            if kind.word and kind.word in name:
                return kind
    return None
