"""SHA-256 of files and folders, in hexadecimal."""

from __future__ import annotations

import hashlib
from pathlib import Path


def bytes_digest(content: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files in a folder, in hexadecimal."""
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(path.rglob("*")):
            if file.is_file():
                digest.update(f"{file.relative_to(path)}\0{file_digest(file)}\0".encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
