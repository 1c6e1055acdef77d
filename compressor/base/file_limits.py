"""Limits for files from elsewhere: regular files only, and no more memory and time than their size accounts for."""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path

from compressor.base.errors import CompressorError
from compressor.base.sizes import format_size, parse_size

MEMORY_VARIABLE = "COMPRESSOR_MAX_MEMORY"
SECONDS_VARIABLE = "COMPRESSOR_MAX_SECONDS"

ALWAYS_ALLOWED_DATA = 512 << 20  # bytes that any file of data may unpack to
_ALWAYS_ALLOWED = 10**8  # bytes that any other file may unpack to
_RATIO = 200  # by which a larger one may grow
_LARGEST = 8 * 10**9  # bytes that it may grow to
_PROBE_BYTES = 2 << 30  # that reading a small file may take
_LEAST_RAISED = 8 * 10**9  # that a message asks for, with which a run has room, too
_MOST_RAISED = 10**12  # bytes, beyond which it is of no use
_KINDS = (
    *((stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket")),
    *((stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device")),
)


def refuse_special(path: Path) -> None:
    """Refuse a pipe, a socket or a device, which may never end. A path that leads nowhere passes.

    Raises:
        CompressorError: it is one.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if kind := next((kind for holds, kind in _KINDS if holds(mode)), None):
        raise CompressorError(f"{path} is {kind}, and not a regular file", "write its content to a file, and name that")


def content_of(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        CompressorError: it is no regular file, or larger than the memory that it may take.
        OSError: it cannot be read.
    """
    refuse_special(path)
    size = path.stat().st_size
    if size > (most := max(_LARGEST, chosen_memory() or 0)):
        what = f"{path} has {format_size(size)}, and is not read into memory beyond {format_size(most)}"
        raise CompressorError(what, f"set {MEMORY_VARIABLE} to more than that, if the machine has it")
    return path.read_bytes()


def swells(unpacked: int, packed: int, small: int = _ALWAYS_ALLOWED) -> bool:
    """Whether a file is a decompression bomb rather than a model or data, by what it says of itself.

    `COMPRESSOR_MAX_MEMORY` raises the limit.

    Args:
        unpacked: bytes that it says it unpacks to.
        packed: bytes that it has.
        small: bytes that any file may unpack to.
    """
    return unpacked > max(small, min(_RATIO * packed, _LARGEST), 2 * packed, chosen_memory() or 0)


def unless_raised(remedy: str, unpacked: int) -> str:
    """A remedy for what `swells`, and how to raise the limit instead, where a machine may have so much memory."""
    if unpacked > _MOST_RAISED:
        return remedy
    raised = format_size(max(2 * unpacked, _LEAST_RAISED))
    return f"{remedy}, or, if you know where it comes from, set {MEMORY_VARIABLE} to {raised}"


def probe_memory(size: int) -> int:
    """Bytes of memory in which a file of `size` bytes must be readable; `COMPRESSOR_MAX_MEMORY` raises it."""
    return max(_PROBE_BYTES + 10 * size, chosen_memory() or 0)


def chosen_memory() -> int | None:
    """Bytes that `COMPRESSOR_MAX_MEMORY` allows; None where it is not set.

    Raises:
        CompressorError: it is not a size.
    """
    text = os.environ.get(MEMORY_VARIABLE, "").strip()
    if not text:
        return None
    try:
        size = parse_size(text)
    except ValueError as error:
        raise CompressorError(f"{MEMORY_VARIABLE}: {error}", "correct it, or unset it") from None
    assert isinstance(size, int)
    if size < 1:
        raise CompressorError(f"{MEMORY_VARIABLE} is {text}, which is no memory at all", "correct it, or unset it")
    return size


def chosen_seconds(default: int) -> int:
    """Seconds that `COMPRESSOR_MAX_SECONDS` allows for reading a model file, or the default.

    Raises:
        CompressorError: it is not a number above 0.
    """
    text = os.environ.get(SECONDS_VARIABLE, "").strip()
    if not text:
        return default
    try:
        seconds = math.ceil(float(text))
    except (ValueError, OverflowError):
        seconds = 0
    if not 0 < seconds < 10**9:
        what = f"{SECONDS_VARIABLE} is '{text[:40]}', which is not a number of seconds above 0"
        raise CompressorError(what, "correct it, or unset it")
    return seconds
