"""SHA-256 of files and folders, in hexadecimal."""

from __future__ import annotations

import hashlib
from pathlib import Path

from compressor.base.file_limits import refuse_special


def bytes_digest(content: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files in a folder, in hexadecimal.

    Raises:
        CompressorError: it is no regular file.
        OSError: it cannot be read.
    """
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(path.rglob("*")):
            if file.is_file():
                digest.update(f"{file.relative_to(path)}\0{file_digest(file)}\0".encode())
        return digest.hexdigest()
    refuse_special(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
