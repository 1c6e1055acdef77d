"""What every entropy coder is: two functions, and one way to say that a payload is damaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class DamagedError(Exception):
    """A payload that its coder did not make."""


@dataclass(frozen=True)
class Coder:
    """Bytes to fewer bytes and back.

    `encode` gives None for what it cannot code. `decode` is told how many bytes come out, and never makes many more.
    """

    encode: Callable[[bytes], bytes | None]
    decode: Callable[[bytes, int], bytes]
