"""Two runs on one cache: each step is made by one of them at a time, and what a run uses is not pruned."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from compressor.base.atomic_files import write_whole

_STALE = 3600  # seconds after which a lock that nobody holds was left behind


@contextmanager
def making(cache_folder: Path, key: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the right to make what goes by `key`; `waiting` is called when another run holds it.

    Where the folder takes no locks, the right is had without: at worst a step is made twice, in the same way.
    """
    lock = FileLock(cache_folder / "locks" / f"{key}.lock")
    with suppress(OSError):
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


class InUse:
    """The keys that a run uses, on record for as long as its process lives.

    A record that cannot be written is no harm: what is pruned under a run is made anew.
    """

    def __init__(self, cache_folder: Path) -> None:
        self._record = cache_folder / "running" / f"{uuid.uuid4().hex}.json"
        self._lock = FileLock(self._record.with_suffix(".lock"))
        with suppress(OSError):
            self._record.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        self._keys: list[str] = []

    def add(self, key: str) -> None:
        """Put a key on record."""
        self._keys.append(key)
        with suppress(OSError):
            write_whole(self._record, json.dumps(self._keys))

    def close(self) -> None:
        """The run is over."""
        with suppress(OSError):
            self._record.unlink(missing_ok=True)
        self._lock.release()
        with suppress(OSError):
            Path(self._lock.lock_file).unlink(missing_ok=True)

    def __enter__(self) -> InUse:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def keys_in_use(cache_folder: Path) -> frozenset[str]:
    """The keys of all runs whose process is alive; what a dead one left is cleared away."""
    keys: set[str] = set()
    for record in (cache_folder / "running").glob("*.json"):
        lock = FileLock(record.with_suffix(".lock"))
        try:
            with lock.acquire(timeout=0):
                record.unlink(missing_ok=True)
        except Timeout:
            with suppress(OSError, ValueError):
                keys.update(json.loads(record.read_text()))
    return frozenset(keys)


def sweep_locks(cache_folder: Path) -> None:
    """Remove the lock files that nobody has held for an hour."""
    for folder in ("locks", "running"):
        for path in (cache_folder / folder).glob("*.lock"):
            with suppress(OSError, Timeout):
                if time.time() - path.stat().st_mtime > _STALE:
                    with FileLock(path).acquire(timeout=0):
                        path.unlink(missing_ok=True)
