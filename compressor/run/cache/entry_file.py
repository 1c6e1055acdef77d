"""The file of a cache entry: the SHA-256 of the rest, then a zip archive with its files and `manifest.json`."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from compressor.base.atomic_files import whole_file

Kind = Literal["step", "measurement", "checkpoint"]

_DIGEST_BYTES = 32
_MANIFEST = "manifest.json"
_CHUNK = 1 << 20


def key_of(parts: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of the parts of a key as JSON; the order of the parts does not matter."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A verified entry. Its key is the hash of `parts`."""

    kind: Kind
    key: str
    path: Path
    parts: Mapping[str, Any]
    facts: Mapping[str, Any]

    def read(self, name: str) -> bytes:
        """Read one of its files."""
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(name)

    def copy(self, name: str, target: Path) -> None:
        """Copy one of its files to `target`, in chunks."""
        with (
            zipfile.ZipFile(self.path) as archive,
            archive.open(name) as source,
            whole_file(target) as temporary,
            temporary.open("wb") as stream,
        ):
            shutil.copyfileobj(source, stream)


def open_entry(kind: Kind, key: str, path: Path) -> Entry:
    """Read and verify the file of an entry.

    Raises:
        ValueError: the file is damaged, or belongs to another key.
    """
    with path.open("rb") as stream:
        expected = stream.read(_DIGEST_BYTES)
        if _digest(stream) != expected:
            raise ValueError("its hash does not match")
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(_MANIFEST))
        entry = Entry(kind, key, path, manifest["parts"], manifest["facts"])
    except (zipfile.BadZipFile, KeyError, TypeError) as error:
        raise ValueError("it is not an entry") from error
    if key_of(entry.parts) != key:
        raise ValueError("it belongs to another key")
    return entry


def digest_in(path: Path) -> str:
    """The SHA-256 that the file of an entry says that it has, in hexadecimal; `open_entry` tells whether it has."""
    with path.open("rb") as stream:
        return stream.read(_DIGEST_BYTES).hex()


def write_entry(path: Path, manifest: Mapping[str, Any], files: Mapping[str, Path | bytes]) -> None:
    """Write an entry; `files` holds the content of each file, or the path to copy it from."""
    with path.open("w+b") as stream:
        stream.write(bytes(_DIGEST_BYTES))
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_MANIFEST, json.dumps(manifest))
            for name, content in files.items():
                if isinstance(content, bytes):
                    archive.writestr(name, content)
                else:
                    archive.write(content, name)
        stream.seek(_DIGEST_BYTES)
        digest = _digest(stream)
        stream.seek(0)
        stream.write(digest)


def _digest(stream: Any) -> bytes:
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.digest()
