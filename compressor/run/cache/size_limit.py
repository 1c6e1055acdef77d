"""Keeps a cache within a limit while a run works."""

from __future__ import annotations

from compressor.base.sizes import format_size
from compressor.run.cache.locks import keys_in_use
from compressor.run.cache.shared_entries import Tell
from compressor.run.cache.store import Cache


class SizeLimit:
    """Removes the entries that were used longest ago where a cache has grown beyond its limit.

    What a live run uses stays, and so does what this run has found in the cache.
    """

    def __init__(self, most: int, tell: Tell) -> None:
        """Hold a cache to a limit.

        Args:
            most: bytes.
            tell: is told what was removed, and once if what is in use alone is larger.
        """
        self._most = most
        self._tell = tell
        self._size: int | None = None  # as of the last look at the folder, and what was written since
        self._told_of_use = False
        self._found: set[str] = set()

    def found(self, key: str) -> None:
        """Keep an entry that this run has found, and may need again."""
        self._found.add(key)

    def grown(self, cache: Cache, written: int) -> None:
        """Look whether a cache is within its limit, after so many bytes were written there; 0 before the first."""
        if self._size is None:
            self._size = _size(cache)
        else:
            self._size += written
        if self._size <= self._most:
            return
        in_use = keys_in_use(cache.folder) | self._found
        freed = [cache.drop(entry.path) for entry in cache.prunable(self._most, None, frozenset(in_use))]
        removed = [size for size in freed if size is not None]
        self._size = _size(cache)
        if removed:
            entries = "cache entry" if len(removed) == 1 else "cache entries"
            what = f"removed {len(removed)} {entries} used longest ago ({format_size(sum(removed))})"
            self._tell(f"{what}, to keep within {format_size(self._most)}: {cache.folder}")
        if self._size > self._most and not self._told_of_use:
            self._told_of_use = True
            what = f"the cache takes {format_size(self._size)}, more than its limit of {format_size(self._most)}"
            self._tell(f"{what}, with what runs are using, which stays: {cache.folder}")


def _size(cache: Cache) -> int:
    return sum(entry.bytes for entry in cache.entries())
