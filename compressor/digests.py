"""SHA-256 of files and of code, in hexadecimal."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import uuid
from collections.abc import Sequence
from functools import cache
from pathlib import Path


def file_digest(path: Path) -> str:
    """SHA-256 of a file, or of all files in a folder with their names, in hexadecimal."""
    if path.is_dir():
        digest = hashlib.sha256()
        for below in sorted(path.rglob("*")):
            if below.is_file():
                digest.update(f"{below.relative_to(path)}\0{file_digest(below)}\0".encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def code_digest(module: str) -> str:
    """SHA-256 of all Python files of the package that a module belongs to, so that an edit changes the key at once."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):  # a namespace package has no file of its own
        file = _file_of(".".join(parts[:depth]))
        if file is not None:
            paths = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
            return _source_digest(file.parent, paths)
    return f"unknown {uuid.uuid4()}"  # as in a notebook: nothing can be taken from the cache for it


def _file_of(module: str) -> Path | None:
    """Where a module's code is, without importing what is not imported yet."""
    found = sys.modules.get(module)
    if found is not None:
        file = getattr(found, "__file__", None)
    elif "." in module and module.rpartition(".")[0] not in sys.modules:
        return None  # looking for it would import its parent
    else:
        spec = importlib.util.find_spec(module)
        file = spec.origin if spec and spec.has_location else None
    return Path(file) if file and Path(file).is_file() else None


@cache
def core_digest(modules: Sequence[str]) -> str:
    """SHA-256 of modules and packages of the core."""
    folder = Path(__file__).parent
    found = [sorted((folder / name).rglob("*.py")) or [folder / f"{name}.py"] for name in modules]
    return _source_digest(folder, [path for paths in found for path in paths])


def _source_digest(folder: Path, paths: Sequence[Path]) -> str:
    named = (f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\0" for path in paths)
    return hashlib.sha256("".join(named).encode()).hexdigest()
