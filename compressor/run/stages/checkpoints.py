"""Keeps the state of a step's trainings in the cache until the step is done."""

from __future__ import annotations

import json
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

    def begin(self, name: str, warn: Callable[[str], None]) -> None:
        """Note under a name that the step has begun, until `finish`.

        `warn` is told if it began before under other conditions and was interrupted: its state then has another key,
        since it was rounded differently.
        """
        last = self._cache.recall(name)
        changes = _changed_conditions(last, self._parts) if last else []
        if changes and self.load(0) is None:
            warn(f"was interrupted with {', '.join(changes)}, and starts anew, since other conditions give other bytes")
        self._cache.remember(name, self._parts)

    def finish(self, name: str) -> None:
        """Remove the states and the note, once the step is done."""
        self.clear()
        self._cache.forget(name)

    def clear(self) -> None:
        """Remove the states, once the step is done."""
        for fit in self._saved:
            self._cache.drop(self._cache.path("checkpoint", self._key(fit)))

    def _parts_of(self, fit: int) -> Parts:
        return {**self._parts, "fit": fit}

    def _key(self, fit: int) -> str:
        return key_of(self._parts_of(fit))


def _changed_conditions(before: Parts, now: Parts) -> list[str]:
    """The conditions that differ, each with both values, where nothing else does."""
    names = ("threads", "environment")
    if {**before, **{name: now[name] for name in names}} != json.loads(json.dumps(now)):
        return []
    old, new = ({"threads": parts.get("threads"), **parts.get("environment", {})} for parts in (before, now))
    every = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [f"{name} {_shown(old.get(name))} (now {_shown(new.get(name))})" for name in every]


def _shown(value: object) -> str:
    return "not set" if value is None else f"'{value}'"
