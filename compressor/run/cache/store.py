"""What a run made, kept by the hash of all that went into it.

An entry is one file, `<folder>/<kind>/<first two digits>/<key>`: the SHA-256 of all that follows, then a zip archive
with the entry's files and a `manifest.json`. One file can be renamed into place, and one hash tells if it is whole.
Beside them are folders of data that can only be read in order, which `data.spool` writes and reads.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from compressor.base.atomic_files import whole_file, write_whole
from compressor.base.cache_folder import FOLDER_VARIABLE, SPOOL
from compressor.run.cache.entry_file import Entry, Kind, open_entry, write_entry

KINDS: tuple[Kind, ...] = ("step", "measurement", "checkpoint")

_KEY = re.compile(r"[0-9a-f]{64}")
_HALF_WRITTEN = 3600  # seconds after which a temporary file has lost its writer
_FORGOTTEN = 90 * 86400  # seconds after which a note of a step's last run is of no more use
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# a cache of compressor; see https://bford.info/cachedir/\n"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """What is known of an entry without reading it: its size in bytes, and when it was last used (seconds, epoch)."""

    kind: Kind | Literal["spool"]
    key: str
    path: Path
    bytes: int
    used: float


class Cache:
    """A folder of entries."""

    def __init__(self, folder: Path, warn: Callable[[str], None] = _log.warning) -> None:
        self.folder = folder
        self._warn = warn
        self._told: set[int | None] = set()  # of what kept entries from being written: once is enough

    def get(self, kind: Kind, key: str) -> Entry | None:
        """The entry, if it is there and whole. A damaged one is dropped, with a warning."""
        path = self.path(kind, key)
        try:
            entry = open_entry(kind, key, path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._warn(f"dropped a damaged cache entry ({error}): {path}")
            self.drop(path)
            return None
        with suppress(OSError):
            os.utime(path)
        return entry

    def put(
        self,
        kind: Kind,
        key: str,
        parts: Mapping[str, Any],
        facts: Mapping[str, Any],
        files: Mapping[str, Path | bytes],
    ) -> bool:
        """Keep an entry; whether that worked. A full disk costs the entry, not the run.

        `facts` is what JSON can spell of the value, `files` its contents or where they are.
        """
        path = self.path(kind, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as temporary:
                write_entry(temporary, {"parts": dict(parts), "facts": dict(facts)}, files)
        except OSError as error:
            if error.errno not in self._told:
                self._told.add(error.errno)
                what = f"a result could not be cached ({error.strerror or error}): {path.parent}"
                self._warn(f"{what}; the run goes on, and cannot be taken up again from there")
            return False
        return True

    def remember(self, name: str, parts: Mapping[str, Any]) -> None:
        """Note the parts of a key under a name, to tell later what has changed since."""
        path = self._note(name)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(parts))

    def recall(self, name: str) -> Mapping[str, Any] | None:
        """The parts last noted under a name."""
        try:
            parts: Mapping[str, Any] = json.loads(self._note(name).read_text())
        except (OSError, ValueError):
            return None
        return parts if isinstance(parts, dict) else None

    def _note(self, name: str) -> Path:
        return self.folder / "notes" / hashlib.sha256(name.encode()).hexdigest()

    def drop(self, path: Path) -> int:
        """Remove an entry; the bytes that this has freed, none where it was not there or cannot be removed."""
        try:
            size = size_of(path)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError:
            return 0
        return size

    def path(self, kind: Kind, key: str) -> Path:
        """Where an entry stands, or would."""
        return self.folder / kind / key[:2] / key

    def entries(self) -> Iterator[Listing]:
        """Every entry, and all spooled data, as the folders list them."""
        for kind in KINDS:
            for path in sorted((self.folder / kind).glob("*/*")):
                if _KEY.fullmatch(path.name):
                    with suppress(OSError):
                        status = path.stat()
                        yield Listing(kind, path.name, path, status.st_size, status.st_mtime)
        for path in sorted((self.folder / SPOOL).glob("[!.]*")):
            with suppress(OSError):
                yield Listing(SPOOL, path.name, path, size_of(path), path.stat().st_mtime)

    def strays(self) -> Iterator[Path]:
        """Files that are no entries: what a killed process left half-written, or somebody else's.

        A temporary file that may still have its writer is none.
        """
        for kind in KINDS:
            for path in sorted((self.folder / kind).glob("*/*")):
                if not _KEY.fullmatch(path.name) and not (path.suffix == ".tmp" and _age(path) < _HALF_WRITTEN):
                    yield path
        for path in sorted((self.folder / SPOOL).glob(".*.tmp")):
            if min(map(_age, (path, *path.glob("*")))) >= _HALF_WRITTEN:
                yield path

    def forget_old_notes(self) -> None:
        """Remove the notes of steps that have not run for three months."""
        for path in (self.folder / "notes").glob("*"):
            if _age(path) > _FORGOTTEN:
                self.drop(path)

    def damaged(self) -> Iterator[tuple[Listing, str]]:
        """Every entry that is not whole, and why; all are read through."""
        for listing in self.entries():
            if reason := _damage(listing):
                yield listing, reason

    def is_damaged(self, listing: Listing) -> bool:
        """Whether an entry is not whole now."""
        return _damage(listing) is not None

    def prunable(
        self,
        keep_bytes: int | None,
        older_than: float | None,
        in_use: frozenset[str],
        damaged: frozenset[Path] = frozenset(),
    ) -> list[Listing]:
        """The entries to remove so that at most `keep_bytes` stay and none was last used over `older_than` seconds ago.

        Those used longest ago go first; what a running run uses stays, and what is damaged takes no room.
        """
        now = time.time()
        whole = [entry for entry in self.entries() if entry.path not in damaged]
        free = sorted((entry for entry in whole if not in_use & {entry.key, entry.kind}), key=lambda entry: entry.used)
        gone = [entry for entry in free if older_than is not None and now - entry.used > older_than]
        if keep_bytes is not None:
            rest = [entry for entry in free if entry not in gone]
            total = sum(entry.bytes for entry in whole) - sum(entry.bytes for entry in gone)
            for entry in rest:
                if total <= keep_bytes:
                    break
                gone.append(entry)
                total -= entry.bytes
        return gone


@contextmanager
def usable(folder: Path, warn: Callable[[str], None]) -> Iterator[Cache]:
    """The cache in a folder; one that is gone afterwards, with a warning, where that folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "CACHEDIR.TAG", _TAG)
    except OSError as error:
        reason = error.strerror or error
        warn(f"nothing is cached, since {folder} cannot be written ({reason}); set {FOLDER_VARIABLE} to another folder")
        with TemporaryDirectory(prefix="compressor-") as temporary:
            yield Cache(Path(temporary), warn)
    else:
        yield Cache(folder, warn)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(below.stat().st_size for below in (path.glob("*") if path.is_dir() else [path]))


def _damage(listing: Listing) -> str | None:
    """Why an entry is not whole; None where it is, or has gone."""
    if listing.kind == SPOOL:
        from compressor.data.spool import damage

        return damage(listing.path)
    try:
        open_entry(listing.kind, listing.key, listing.path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        return str(error)
    return None


def _age(path: Path) -> float:
    """Seconds since a file was written; none where it has just gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
