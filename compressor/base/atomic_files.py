"""Writes files atomically: after a crash, a file is either complete or not there at all."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HALF_WRITTEN = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}\.tmp")
"""The names of what killed runs have not written to its end; `name` is what it was to become."""


def half_written(path: Path) -> Path:
    """A new name beside `path` for what is being written, which `HALF_WRITTEN` knows."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file atomically: under a temporary name, synced to disk, then renamed."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have a fault of the disk that names no file name this one, which is written in the block."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def write_named(path: Path, content: str | bytes) -> None:
    """Write a file that nobody reads before it is whole, such as one in a temporary folder.

    Raises:
        OSError: it cannot be written; the error names `path`.
    """
    with naming(path):
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to; it is renamed to `path` if the block succeeds.

    Raises:
        OSError: it cannot be written; the error names `path`.
    """
    temporary = half_written(path)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        if error.filename is None or os.fsdecode(error.filename) == str(temporary):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":  # Windows cannot open a folder, and does not need to
        return
    descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)  # Windows syncs only files open for writing
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
