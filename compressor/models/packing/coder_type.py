"""The type of an entropy coder, and the error of a damaged payload."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class DamagedError(Exception):
    """A payload that its coder cannot have made."""


@dataclass(frozen=True)
class Coder:
    """Makes bytes fewer, and restores them.

    `encode` returns None for what it cannot code. `decode` is told how many bytes to expect, and never makes
    many more.
    """

    encode: Callable[[bytes], bytes | None]
    decode: Callable[[bytes, int], bytes]
