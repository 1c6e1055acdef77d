"""Walks the configuration of a Keras file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def entries(config: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a configuration, at any depth, such as that of a layer or of a function in it."""
    return (entry for _, entry in keyed_entries(config))


def keyed_entries(config: Any) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """The same, each with the key that it stands under, by itself or in a list; None for the outermost."""
    waiting: list[tuple[str | None, Any]] = [(None, config)]
    while waiting:
        key, part = waiting.pop()
        if isinstance(part, dict):
            yield key, part
            waiting.extend(part.items())
        elif isinstance(part, list):
            waiting.extend((key, inner) for inner in part)
