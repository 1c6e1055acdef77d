"""Keeps the state of a step's trainings in the cache until the step is done."""

from __future__ import annotations

from collections.abc import Callable

from compressor.run.cache.entry_file import key_of
from compressor.run.cache.keys import Parts
from compressor.run.cache.store import Cache

_STATE = "state.npz"


class KeptCheckpoints:
    """The checkpoints of one step's trainings, in the cache, by the parts of the step's key."""

    def __init__(self, cache: Cache, parts: Parts, in_use: Callable[[str], None]) -> None:
        self._cache = cache
        self._in_use = in_use
        self._parts = parts
        self._saved: set[int] = set()

    def load(self, fit: int) -> bytes | None:
        """The state last saved, or None."""
        entry = self._cache.get("checkpoint", self._key(fit))
        if entry is None:
            return None
        self._saved.add(fit)
        self._in_use(self._key(fit))
        try:
            return entry.read(_STATE)
        except FileNotFoundError:  # pruned in the meantime
            return None

    def save(self, fit: int, state: bytes) -> None:
        """Write a state in place of the last one."""
        if fit not in self._saved:
            self._in_use(self._key(fit))
        self._cache.put("checkpoint", self._key(fit), self._parts_of(fit), {}, {_STATE: state})
        self._saved.add(fit)

    def clear(self) -> None:
        """Remove the states, once the step is done."""
        for fit in self._saved:
            self._cache.drop(self._cache.path("checkpoint", self._key(fit)))

    def _parts_of(self, fit: int) -> Parts:
        return {**self._parts, "fit": fit}

    def _key(self, fit: int) -> str:
        return key_of(self._parts_of(fit))
