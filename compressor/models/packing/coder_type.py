"""The type of an entropy coder, and the error of a damaged payload."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


class DamagedError(Exception):
    """A payload that its coder cannot have made."""


Beaten: TypeAlias = Callable[[int], bool]
"""Told how many bytes a coder has written so far, it says whether the coder may stop, since another needed fewer."""


def never_beaten(_written: int) -> bool:
    """For a coder that runs alone."""
    return False


@dataclass(frozen=True)
class Coder:
    """Makes bytes fewer, and restores them.

    `encode` returns None for what it cannot code, and when it is beaten, if it `ends_early`. `decode` is told how many
    bytes to expect, and never makes many more.
    """

    encode: Callable[[bytes, Beaten], bytes | None]
    decode: Callable[[bytes, int], bytes]
    ends_early: bool = False
