"""The cache of a run with more than a folder: entries of others behind it, an address to share its own, or a limit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressor.base.addresses import as_place
from compressor.base.cache_folder import FOLDER_VARIABLE, default_folder
from compressor.base.errors import CompressorError
from compressor.base.sizes import parse_size
from compressor.run.cache.entry_file import Entry, Kind
from compressor.run.cache.shared_entries import EntrySource, FolderEntries, SharedEntries, Tell
from compressor.run.cache.size_limit import SizeLimit
from compressor.run.cache.store import Cache, usable
from compressor.storage.remote_folder import RemoteFolder

_SHARED: tuple[Kind, ...] = ("step", "measurement")  # a checkpoint is of use to the machine that was interrupted


@dataclass(frozen=True)
class CachePlace:
    """Where a run has its cache.

    Attributes:
        folder: on this machine; copies of entries from elsewhere are in there as well.
        address: of storage, where entries are read, and published for others; empty for none.
        sources: addresses and folders where entries are only read.
        limit: bytes that the folder may take; None for no limit.
    """

    folder: Path
    address: str = ""
    sources: tuple[str | Path, ...] = ()
    limit: int | None = None

    @classmethod
    def named(
        cls, cache: str | Path | None = None, sources: Sequence[str | Path] = (), limit: int | str | None = None
    ) -> CachePlace:
        """The place that a user names; without `cache`, the one that `COMPRESSOR_CACHE` names.

        Raises:
            CompressorError: an address is none, what it needs is not installed, or the limit is no size.
        """
        place = as_place(cache or os.environ.get(FOLDER_VARIABLE) or default_folder())
        others = tuple(as_place(source) for source in sources)
        for address in (place, *others):
            if isinstance(address, str):
                RemoteFolder(address)
        size = None if limit is None else _bytes(limit)
        if isinstance(place, Path):
            return cls(place, "", others, size)
        return cls(default_folder(), place, others, size)

    def as_data(self) -> dict[str, Any]:
        """Plain data, which `from_data` reads."""
        sources = [{"folder": str(each)} if isinstance(each, Path) else {"address": each} for each in self.sources]
        return {"folder": str(self.folder), "address": self.address, "sources": sources, "limit": self.limit}

    @classmethod
    def from_data(cls, known: Mapping[str, Any]) -> CachePlace:
        """The place that plain data describes."""
        sources = tuple(Path(each["folder"]) if "folder" in each else each["address"] for each in known["sources"])
        return cls(Path(known["folder"]), known["address"], sources, known["limit"])

    @property
    def is_plain(self) -> bool:
        """Whether it is a folder, and nothing more."""
        return not self.address and not self.sources and self.limit is None


def _bytes(limit: int | str) -> int:
    try:
        return int(str(parse_size(limit)))
    except ValueError as error:
        raise CompressorError(f"the limit of the cache is wrong: {error}", "write it as in 5GB") from None


class RunCache(Cache):
    """A cache folder that is also filled from elsewhere, shared, or kept within a limit."""

    def __init__(
        self,
        folder: Path,
        warn: Tell,
        shared: SharedEntries | None = None,
        sources: Sequence[EntrySource] = (),
        limit: SizeLimit | None = None,
    ) -> None:
        """Open a folder.

        Args:
            folder: of the entries on this machine.
            warn: is told what is not as it should be.
            shared: where entries are published; they are also looked for there.
            sources: where entries are looked for after that, in their order.
            limit: what keeps the folder within a limit.
        """
        super().__init__(folder, warn)
        self._shared = shared
        self._sources = [*([shared] if shared else []), *sources]
        self._limit = limit
        if limit is not None:
            limit.grown(self, 0)

    def get(self, kind: Kind, key: str) -> Entry | None:
        """The entry, copied from elsewhere if this machine has none; None if there is none that is whole."""
        entry = super().get(kind, key)
        if entry is None and kind in _SHARED and self._fetched(kind, key):
            entry = super().get(kind, key)
        if entry is not None:
            if self._limit is not None:
                self._limit.found(key)
            self._publish(kind, key)
        return entry

    def put(
        self,
        kind: Kind,
        key: str,
        parts: Mapping[str, Any],
        facts: Mapping[str, Any],
        files: Mapping[str, Path | bytes],
    ) -> bool:
        """Write an entry, and publish it if it is to be shared; whether it was written here."""
        written = super().put(kind, key, parts, facts, files)
        if written:
            self._publish(kind, key)
            self._count(kind, key)
        return written

    def _fetched(self, kind: Kind, key: str) -> bool:
        fetched = any(source.fetch(kind, key, self.path(kind, key)) for source in self._sources)
        if fetched:
            self._count(kind, key)
        return fetched

    def _publish(self, kind: Kind, key: str) -> None:
        if self._shared is not None and kind in _SHARED:
            self._shared.publish(kind, key, self.path(kind, key))

    def _count(self, kind: Kind, key: str) -> None:
        if self._limit is None:
            return
        try:
            self._limit.grown(self, self.path(kind, key).stat().st_size)
        except FileNotFoundError:  # pruned in the meantime
            return


@contextmanager
def opened(place: CachePlace, warn: Tell) -> Iterator[Cache]:
    """The cache at a place, as `usable` has it; a folder that is nothing more is the cache itself.

    Raises:
        StorageError: an address is none, or what it needs is not installed.
    """
    with usable(place.folder, warn) as cache:
        if place.is_plain:
            yield cache
            return
        shared = SharedEntries(place.address, warn, writes=True) if place.address else None
        sources = [
            FolderEntries(source, warn) if isinstance(source, Path) else SharedEntries(source, warn)
            for source in place.sources
        ]
        limit = SizeLimit(place.limit, warn) if place.limit is not None else None
        yield RunCache(cache.folder, warn, shared, sources, limit)
