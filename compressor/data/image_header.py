"""Reads the size and the depth of an image file from its first bytes, and checks that its last ones are there."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

from compressor.base.file_limits import refuse_special, swells, unless_raised

_PNG = b"\x89PNG\r\n\x1a\n"
_ALWAYS_ALLOWED = 300_000_000  # bytes that any image may unpack to: 10,000 x 10,000 pixels
_PIXEL_BYTES = 3
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def image_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels.

    Raises:
        ValueError: it is no PNG, JPEG, GIF or BMP file, is cut short, or has more pixels than it can hold.
    """
    refuse_special(path)
    with path.open("rb") as stream:
        return size_in(stream)


def size_in(stream: IO[bytes]) -> tuple[int, int]:
    """The same, of an image in a stream that begins and ends with it."""
    head = stream.read(32)
    if not head:
        raise ValueError("it is empty")
    if head.startswith(_PNG) and len(head) >= 24:
        _expect_end(stream, b"IEND\xaeB`\x82")
        width, height = struct.unpack(">II", head[16:24])
    elif head.startswith(b"\xff\xd8"):
        height, width = _jpeg_size(stream)
    elif head[:6] in (b"GIF87a", b"GIF89a") and len(head) >= 10:
        width, height = struct.unpack("<HH", head[6:10])
    elif head.startswith(b"BM") and len(head) >= 26:
        width, height = struct.unpack("<ii", head[18:26])
    else:
        raise ValueError("it is no PNG, JPEG, GIF or BMP file")
    height, width = abs(height), abs(width)
    size = stream.seek(0, 2)
    if swells(unpacked := _PIXEL_BYTES * height * width, size, _ALWAYS_ALLOWED):
        what = f"it would unpack from {size:,} bytes to {height:,} x {width:,} pixels"
        raise ValueError(f"{what}; {unless_raised('do not open it', unpacked)}")
    return height, width


def image_depth(content: bytes) -> int:
    """Bits of a channel in an image: 16 in some PNG files, and 8 in all others, also where they hold fewer.

    Args:
        content: the first bytes of the file, at least 25.
    """
    return 16 if content.startswith(_PNG) and content[24:25] == b"\x10" else 8


def _jpeg_size(stream: IO[bytes]) -> tuple[int, int]:
    _expect_end(stream, b"\xff\xd9")
    stream.seek(2)
    while len(marker := stream.read(4)) == 4 and marker[0] == 0xFF:
        length: int = struct.unpack(">H", marker[2:])[0]
        if marker[1] in _JPEG_SIZES and len(frame := stream.read(5)) == 5:
            height, width = struct.unpack(">xHH", frame)
            return height, width
        stream.seek(length - 2, 1)
    raise ValueError("it is cut short")


def _expect_end(stream: IO[bytes], end: bytes) -> None:
    """Look for the end marker in the last bytes, after which some programs add a few of their own."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 1024))
    if end not in stream.read():
        raise ValueError("it is cut short")
