"""Lists where the recipes of two runs differ, by their locks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compressor.base.text import listing, shortened
from compressor.comparing.compared_run import ComparedRun

_MOST = 6  # differences
_LONGEST = 40  # characters of a value
_NAMES = {"name", "description"}


def recipe_differences(first: ComparedRun, other: ComparedRun) -> str:
    """List the values that differ, each with its path; empty where none does, or where one of the runs has no lock."""
    if first.lock is None or other.lock is None:
        return ""
    found = [text for text in _differences(first.lock.recipe, other.lock.recipe, "") if text]
    return listing(found, _MOST)


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    if _is_section(old, new) or _is_section(new, old):
        old, new = old or {}, new or {}
        for key in dict.fromkeys((*old, *new)):
            if path or key not in _NAMES:
                yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif path == "steps" and _uses(old) != _uses(new):
        yield f"steps ({' -> '.join(_uses(old)) or 'none'}, {' -> '.join(_uses(new)) or 'none'})"
    elif path == "steps":
        for name, a, b in zip(_uses(old), old or (), new or (), strict=True):
            yield from _differences(a, b, f"steps.{name}")
    elif old != new:
        yield f"{path} ({_shown(old)}, {_shown(new)})"


def _is_section(value: Any, other: Any) -> bool:
    return isinstance(value, Mapping) and (other is None or isinstance(other, Mapping))


def _uses(steps: Sequence[Mapping[str, Any]] | None) -> list[str]:
    return [str(step.get("id") or step.get("uses")) for step in steps or ()]


def _shown(value: Any) -> str:
    return "none" if value in (None, {}, []) else shortened(str(value), _LONGEST)
