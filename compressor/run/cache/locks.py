"""Lets runs share one cache: only one of them makes a step at a time, and what a run uses is not pruned."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from compressor.base.atomic_files import write_whole

_STALE = 3600  # seconds after which a lock file that nobody holds is removed
_YOUNG = 5  # seconds in which a run that has made the file of its lock takes the lock


@contextmanager
def making(cache_folder: Path, key: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock for making the result of `key`; `waiting` is called if another run holds it.

    If the folder does not support locks, go on without one: at worst, the same step is made twice.
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
    """A record of the keys that a run uses, valid for as long as the run's process lives.

    A record that cannot be written does no harm: an entry that is pruned during the run is made again.
    """

    def __init__(self, cache_folder: Path) -> None:
        self._record = cache_folder / "running" / f"{uuid.uuid4().hex}.json"
        self._lock = FileLock(self._record.with_suffix(".lock"))
        with suppress(OSError):
            self._record.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        _sweep_dead_runs(self._record.parent)
        self._keys: list[str] = []

    def add(self, key: str) -> None:
        """Add a key to the record."""
        self._keys.append(key)
        with suppress(OSError):
            write_whole(self._record, json.dumps(self._keys))

    def close(self) -> None:
        """Remove the record, at the end of the run."""
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
    """The keys that live runs use; removes the records of runs whose process is dead."""
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
    """Remove the lock files that nobody has held for an hour, and what dead runs left."""
    for path in (cache_folder / "locks").glob("*.lock"):
        with suppress(OSError, Timeout):
            if time.time() - path.stat().st_mtime > _STALE:
                with FileLock(path).acquire(timeout=0):
                    path.unlink(missing_ok=True)
    _sweep_dead_runs(cache_folder / "running")


def _sweep_dead_runs(folder: Path) -> None:
    """Remove the records and lock files of runs whose process is dead; each belongs to one run alone."""
    for path in folder.glob("*.lock"):
        with suppress(OSError, Timeout):
            if time.time() - path.stat().st_mtime > _YOUNG:
                with FileLock(path).acquire(timeout=0):
                    path.with_suffix(".json").unlink(missing_ok=True)
                    path.unlink(missing_ok=True)
    for path in folder.glob(".*.tmp"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE:
                path.unlink(missing_ok=True)
