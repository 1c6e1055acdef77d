"""The entries of a cache that several machines share: in storage at an address, or in a folder that is only read.

At an address, the file of an entry is `<kind>/<first two digits>/<key>/<its SHA-256>`. `entry.json` beside it says
which file that is, and is written last. So whoever reads finds whole entries only, and two that write the same entry at
once need no lock: both files are whole, and the last `entry.json` counts.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from compressor.base.atomic_files import half_written
from compressor.run.cache.entry_file import Kind, digest_in, open_entry
from compressor.storage.remote_folder import RemoteFolder
from compressor.storage.storage_errors import StorageError

_ROOT = "compressor-cache.json"
_PUBLISHED = "entry.json"
_VERSION = 1
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WITHOUT = "the run goes on without it"

Tell = Callable[[str], None]


class EntrySource(Protocol):
    """Where entries of others come from."""

    def fetch(self, kind: Kind, key: str, target: Path) -> bool:
        """Copy an entry to its place in the cache of this machine; False if there is none that is whole."""


@dataclass(frozen=True)
class _Published:
    digest: str
    size: int

    @classmethod
    def read(cls, content: bytes) -> _Published:
        """Read `entry.json`.

        Raises:
            ValueError: it is damaged.
        """
        try:
            data: Any = json.loads(content)
            digest, size = data["sha256"], data["bytes"]
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"its {_PUBLISHED} is damaged") from None
        if not (isinstance(digest, str) and _DIGEST.fullmatch(digest) and isinstance(size, int) and size >= 0):
            raise ValueError(f"its {_PUBLISHED} is damaged")
        return cls(digest, size)

    def written(self) -> bytes:
        """The content of `entry.json`."""
        return json.dumps({"version": _VERSION, "sha256": self.digest, "bytes": self.size}).encode()


class SharedEntries:
    """The entries at an address. What goes wrong there is told once, and costs no run: it is used no more."""

    def __init__(self, address: str, tell: Tell, writes: bool = False) -> None:
        """Open it; nothing is read or written before an entry is looked for.

        Args:
            address: such as `s3://bucket/cache`.
            tell: is told what is wrong there.
            writes: whether entries are published there.

        Raises:
            StorageError: it is no address, or what it needs is not installed.
        """
        self._folder = RemoteFolder(address)
        self._tell = tell
        self._writes = writes
        self._usable: bool | None = None  # None before the first use
        self._there: set[str] = set()  # places of entries that need not be published
        self._damaged: set[str] = set()

    @property
    def name(self) -> str:
        """The address, as it may be shown."""
        return self._folder.name

    def fetch(self, kind: Kind, key: str, target: Path) -> bool:
        """Copy an entry to a path; False if there is none that is whole."""
        place = _place(kind, key)
        try:
            if not self._is_usable():
                return False
            content = self._folder.read(f"{place}/{_PUBLISHED}")
            found = content is not None and self._fetched(kind, key, _Published.read(content), target)
        except StorageError as error:
            return self._give_up(error)
        except ValueError as error:
            self._damaged.add(place)
            self._tell(f"the cache at {self.name} holds a damaged entry ({error}), which is made again: {place}")
            return False
        except OSError as error:
            self._tell(f"an entry of {self.name} cannot be copied to {target.parent} ({error.strerror or error})")
            return False
        if found:
            self._there.add(place)
        return found

    def publish(self, kind: Kind, key: str, path: Path) -> None:
        """Have the entry in a file there as well, unless a whole one is there already."""
        place = _place(kind, key)
        if place in self._there or not self._writes:
            return
        self._there.add(place)
        try:
            if self._is_usable() and (place in self._damaged or not self._folder.read(f"{place}/{_PUBLISHED}")):
                self._send(place, path)
        except StorageError as error:
            self._give_up(error)
        except OSError:  # it was pruned here meanwhile
            return

    def _is_usable(self) -> bool:
        if self._usable is None:
            self._usable = False  # unless what follows succeeds
            known = self._folder.read(_ROOT)
            if known is None and self._writes:
                self._folder.write(_ROOT, json.dumps({"version": _VERSION}).encode())
            elif known is None:
                self._tell(f"there is no cache at {self.name}; check the address; {_WITHOUT}")
                return False
            elif (version := _version(known)) != _VERSION:
                what = f"the cache at {self.name} has version {version!r}, and this tool reads {_VERSION}"
                self._tell(f"{what}; use another address; {_WITHOUT}")
                return False
            self._usable = True
        return self._usable

    def _fetched(self, kind: Kind, key: str, published: _Published, target: Path) -> bool:
        """Copy the file of an entry, and look whether it is whole and the right one before it takes its place."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with _beside(target) as temporary:
            if not self._folder.fetch(f"{_place(kind, key)}/{published.digest}", temporary, published.size):
                self._damaged.add(_place(kind, key))  # removed there, but for its entry.json
                return False
            if digest_in(temporary) != published.digest:
                raise ValueError("its hash does not match")
            open_entry(kind, key, temporary)
            temporary.replace(target)
        return True

    def _send(self, place: str, path: Path) -> None:
        digest = digest_in(path)
        self._folder.send(path, f"{place}/{digest}")
        if digest_in(path) != digest:  # another run has written the same entry anew
            digest = digest_in(path)
            self._folder.send(path, f"{place}/{digest}")
        self._folder.write(f"{place}/{_PUBLISHED}", _Published(digest, path.stat().st_size).written())
        self._damaged.discard(place)

    def _give_up(self, error: StorageError) -> bool:
        self._tell(f"the cache at {error}; {_WITHOUT}")
        self._usable = False
        return False


class FolderEntries:
    """The entries of a cache in a folder of this machine or a shared disk, which is only read."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        """Open it; what is wrong with it is told."""
        self._folder = folder.absolute()
        self._tell = tell
        if not folder.is_dir():
            tell(f"there is no cache in {folder}; check the path; {_WITHOUT}")

    def fetch(self, kind: Kind, key: str, target: Path) -> bool:
        """Copy an entry to a path; False if there is none that is whole."""
        source = self._folder / kind / key[:2] / key
        if not source.is_file():
            return False
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with _beside(target) as temporary:
                shutil.copyfile(source, temporary)
                open_entry(kind, key, temporary)
                temporary.replace(target)
        except ValueError as error:
            self._tell(f"the cache in {self._folder} holds a damaged entry ({error}), which is made again: {source}")
            return False
        except OSError as error:
            self._tell(f"an entry cannot be copied ({error.strerror or error}), and is made again: {source}")
            return False
        return True


def _place(kind: Kind, key: str) -> str:
    return f"{kind}/{key[:2]}/{key}"


def _version(content: bytes) -> object:
    """The version of a cache by its `compressor-cache.json`; None if that is damaged."""
    try:
        data: Any = json.loads(content)
        return data["version"]
    except (ValueError, KeyError, TypeError):
        return None


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A name beside a path, for what becomes that path if it turns out to be whole, and is removed if not."""
    temporary = half_written(target)
    try:
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
