"""Sizes in bytes: as people write them (`25 kB`, `1.5 MiB`), and after gzip."""

from __future__ import annotations

import re

from compressor.base.text import quoted

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([a-zA-Z]*)\s*")
_gzip_sizes: dict[bytes, int] = {}  # by the hash of the content


def parse_size(value: object) -> object:
    """Convert a size such as `25 kB` to bytes. Values that are not text are returned as they are, for the type check.

    Raises:
        ValueError: the text is not a size.
    """
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value)
    if match is None or match[2].lower() not in _UNITS:
        raise ValueError(
            f"{quoted(value, 40)} is not a size; write bytes, or a number with kB, MB, GB, KiB, MiB or GiB"
        )
    return round(float(match[1]) * _UNITS[match[2].lower()])


def format_size(size: float) -> str:
    """Format a number of bytes for people: `23.6 kB` (1 kB is 1,000 bytes)."""
    if abs(size) < 999.5:
        return f"{size:.0f} B"
    for unit, factor in (("kB", 10**3), ("MB", 10**6)):
        if abs(size) / factor < 999.95:  # a value that would show as 1000.0 takes the next unit
            return f"{size / factor:.1f} {unit}"
    return f"{size / 10**9:.1f} GB"


def gzip_size(content: bytes) -> int:
    """Bytes of a file after `gzip -9`, which takes a second a megabyte of a quantized file, and so is done once."""
    import gzip
    import hashlib

    key = hashlib.sha256(content).digest()
    if key not in _gzip_sizes:
        _gzip_sizes[key] = len(gzip.compress(content, 9, mtime=0))
    return _gzip_sizes[key]
