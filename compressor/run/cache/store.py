"""The cache folder: its entries, the notes of earlier runs, and what can be removed."""

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
_HALF_WRITTEN = 3600  # seconds after which a temporary file counts as abandoned
_ABANDONED = 120  # seconds after which one counts as such beside a whole file that was written since
_FORGOTTEN = 90 * 86400  # seconds after which the note of a step's last run is removed
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# a cache of compressor; see https://bford.info/cachedir/\n"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """An entry as the folder lists it: its size in bytes, and when it was last used, in seconds since the epoch."""

    kind: Kind | Literal["spool"]
    key: str
    path: Path
    bytes: int
    used: float


class Cache:
    """A folder of cache entries.

    An entry is one file, `<folder>/<kind>/<first two digits>/<key>`, so that it can be renamed into place and verified
    by one hash. Beside the entries are folders of spooled data, which `data.spool` writes and reads.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None] = _log.warning) -> None:
        self.folder = folder.absolute()  # a plugin may change the working directory
        self._warn = warn
        self._reported: set[int | None] = set()  # numbers of the errors in writing, each reported once

    def get(self, kind: Kind, key: str) -> Entry | None:
        """The entry, or None. A damaged entry is removed, with a warning."""
        path = self.path(kind, key)
        try:
            entry = open_entry(kind, key, path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if not path.is_dir():  # whose entry may be whole: the disk fails, or permissions are missing
                self._warn(f"a cache entry cannot be read ({error.strerror or error}), and is made again: {path}")
                return None
            self._remove_damaged(path, error.strerror or str(error))
            return None
        except ValueError as error:
            self._remove_damaged(path, str(error))
            return None
        with suppress(OSError):
            os.utime(path)
        return entry

    def _remove_damaged(self, path: Path, reason: str) -> None:
        self._warn(f"removed a damaged cache entry ({reason}): {path}")
        self.drop(path)

    def put(
        self,
        kind: Kind,
        key: str,
        parts: Mapping[str, Any],
        facts: Mapping[str, Any],
        files: Mapping[str, Path | bytes],
    ) -> bool:
        """Write an entry, and return whether that worked: a full disk loses the entry, but does not stop the run.

        `facts` must be JSON values; `files` holds the content of each file, or the path to copy it from.
        """
        path = self.path(kind, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as temporary:
                write_entry(temporary, {"parts": dict(parts), "facts": dict(facts)}, files)
            self._remove_half_written(path)
        except OSError as error:
            if error.errno not in self._reported:
                self._reported.add(error.errno)
                what = f"a result could not be cached ({error.strerror or error}): {path.parent}"
                self._warn(f"{what}; the run goes on, but cannot resume from there")
            return False
        return True

    def _remove_half_written(self, path: Path) -> None:
        """Remove what killed runs left of the same entry."""
        for left in path.parent.glob(f".{path.name}.*.tmp"):
            if _age(left) > _ABANDONED:
                self.drop(left)

    def remember(self, name: str, parts: Mapping[str, Any]) -> None:
        """Note the parts of a key under a name, to show later what has changed since."""
        path = self._note(name)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(parts))

    def recall(self, name: str) -> Mapping[str, Any] | None:
        """The parts last noted under a name, or None."""
        try:
            parts: Mapping[str, Any] = json.loads(self._note(name).read_text())
        except (OSError, ValueError):
            return None
        return parts if isinstance(parts, dict) else None

    def forget(self, name: str) -> None:
        """Remove the note under a name, if there is one."""
        self.drop(self._note(name))

    def _note(self, name: str) -> Path:
        return self.folder / "notes" / hashlib.sha256(name.encode()).hexdigest()

    def drop(self, path: Path) -> int | None:
        """Remove an entry, and return the bytes freed; None if there is none, or, with a warning, if it cannot be."""
        try:
            size = size_of(path)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn(f"{path} cannot be removed ({error.strerror or error}); check its permissions")
            return None
        return size

    def path(self, kind: Kind, key: str) -> Path:
        """The path of an entry, whether or not it exists."""
        return self.folder / kind / key[:2] / key

    def entries(self) -> Iterator[Listing]:
        """All entries and all spooled data, as the folders list them."""
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
        """Files that are not entries: half-written ones of a killed process, or files of another program.

        A temporary file that may still be in writing is not among them.
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
        """Every damaged entry, and what is wrong with it; reads all entries in full."""
        for listing in self.entries():
            if reason := _damage(listing):
                yield listing, reason

    def is_damaged(self, listing: Listing) -> bool:
        """Whether an entry is damaged now."""
        return _damage(listing) is not None

    def prunable(
        self,
        keep_bytes: int | None,
        older_than: float | None,
        in_use: frozenset[str],
        damaged: frozenset[Path] = frozenset(),
    ) -> list[Listing]:
        """The entries to remove so that at most `keep_bytes` stay and none was last used over `older_than` seconds ago.

        Those used longest ago go first. What a live run uses stays, and damaged entries do not count.
        """
        now = time.time()
        intact = [entry for entry in self.entries() if entry.path not in damaged]
        unused = [entry for entry in intact if not in_use & {entry.key, entry.kind}]
        unused.sort(key=lambda entry: entry.used)
        chosen = [entry for entry in unused if older_than is not None and now - entry.used > older_than]
        if keep_bytes is not None:
            rest = [entry for entry in unused if entry not in chosen]
            total = sum(entry.bytes for entry in intact) - sum(entry.bytes for entry in chosen)
            for entry in rest:
                if total <= keep_bytes:
                    break
                chosen.append(entry)
                total -= entry.bytes
        return chosen


@contextmanager
def usable(folder: Path, warn: Callable[[str], None]) -> Iterator[Cache]:
    """The cache in a folder; if the folder cannot be written, a temporary one, with a warning."""
    if not (reason := _why_not_writable(folder)):
        yield Cache(folder, warn)
        return
    warn(f"nothing is cached, since {folder} cannot be written ({reason}); set {FOLDER_VARIABLE} to another folder")
    with TemporaryDirectory(prefix="compressor-") as temporary:
        yield Cache(Path(temporary), warn)


def _why_not_writable(folder: Path) -> str:
    """What keeps a folder from being made and written; empty if nothing does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "CACHEDIR.TAG", _TAG)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def size_of(path: Path) -> int:
    """The size in bytes of a file, or of all files in a folder."""
    is_folder = path.is_dir() and not path.is_symlink()
    return sum(file.lstat().st_size for file in (path.rglob("*") if is_folder else [path]) if not file.is_dir())


def _damage(listing: Listing) -> str | None:
    """What is wrong with an entry; None if it is intact, or gone."""
    if listing.kind == SPOOL:
        from compressor.data.spool import damage

        return damage(listing.path)
    try:
        open_entry(listing.kind, listing.key, listing.path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)
    return None


def _age(path: Path) -> float:
    """Seconds since a file was written; 0 if it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
