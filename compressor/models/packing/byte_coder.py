"""Codes bytes that are no weights: each is likelier after others, at its place in a number, and where it once stood."""

from __future__ import annotations

from collections.abc import Hashable

from compressor.models.packing.arithmetic_coder import Coder
from compressor.models.packing.coder_type import DamagedError
from compressor.models.packing.compiled_coder import CompiledCoder


def code_bytes(
    coder: Coder | CompiledCoder, path: Hashable, before: bytes, content: bytes | None, count: int, width: int
) -> bytes:
    """Write or read `count` bytes, which are numbers of `width` bytes, and return them.

    Args:
        coder: writes or reads.
        path: where they stand in the file, from its root.
        before: those that stood there the last time.
        content: to write; None when reading.
        count: of bytes.
        width: of a number, in bytes.

    Raises:
        DamagedError: there are more of them than the payload has bits for.
    """
    if 8 * count > coder.left:
        raise DamagedError("it was cut or changed")
    if isinstance(coder, CompiledCoder):
        return coder.code_bytes(path, before, content, count, width)
    coded = bytearray()
    for index in range(count):
        place = index % width
        last, second_last = coded[-1] if coded else -1, coded[-2] if len(coded) > 1 else -1
        same_place = coded[index - width] if index >= width else -1  # in the number before
        old = before[index] if index < len(before) else -1
        contexts = (
            ("byte", path, place),
            ("byte", path, place, last),
            ("byte", path, place, last, second_last),
            ("byte", path, place, same_place),
            ("byte", path, index, old),
            ("byte", width, place, last, same_place),
        )
        chooses = ("byte", min(width, 4), place)
        coded.append(coder.symbol(contexts, chooses, 8, content[index] if content else 0))
    return bytes(coded)
