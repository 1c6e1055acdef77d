"""Walks the configuration of a Keras file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def entries(config: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a configuration, at any depth, such as that of a layer or of a function in it."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
