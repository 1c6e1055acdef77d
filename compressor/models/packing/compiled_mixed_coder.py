"""The model of the coder `mixed`, compiled: the same bytes as `mixed_model` makes, by the functions of the device."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from compressor.models.packing.coder_type import Beaten, DamagedError
from compressor.models.packing.compiled_library import CompiledLibrary
from compressor.models.packing.weight_segments import Segment

_AT_ONCE = 2**16  # bytes, after which an interrupt is noticed: a tenth of a second
_DAMAGED, _NO_MEMORY = -1, -2


def coded_by(
    library: CompiledLibrary, content: bytes, segments: Sequence[Segment], memory: int, beaten: Beaten
) -> bytes | None:
    """The payload of a content, or None as soon as it is beaten.

    Raises:
        MemoryError: there is no room for it.
    """
    numbers = [number for part in segments for number in (part.length, part.columns, part.near, part.far)]
    given = (ctypes.c_uint32 * max(1, len(numbers)))(*numbers)
    with _new(library, content, len(content), given, b"", memory) as coder:
        for end in _ends(len(content)):
            if beaten(_checked(library.mixed_code(coder, end))):
                return None
        return _finished(library, coder)


def decoded_by(library: CompiledLibrary, payload: bytes, size: int, memory: int) -> bytes:
    """The content in a payload.

    Raises:
        DamagedError: the payload ends early.
        MemoryError: there is no room for it.
    """
    with _new(library, None, size, None, payload, memory) as coder:
        for end in _ends(size):
            _checked(library.mixed_code(coder, end))
        return _finished(library, coder)


def _ends(size: int) -> Iterator[int]:
    return (min(start + _AT_ONCE, size) for start in range(0, size, _AT_ONCE))


@contextmanager
def _new(
    library: CompiledLibrary,
    content: bytes | None,
    size: int,
    segments: ctypes.Array[ctypes.c_uint32] | None,
    payload: bytes,
    memory: int,
) -> Iterator[int]:
    """The address of a coder; segments and payload must stay where they are."""
    coder = library.mixed_new(content, size, segments, payload, len(payload), memory)
    if not coder:
        raise MemoryError
    try:
        yield coder
    finally:
        library.mixed_free(coder)


def _finished(library: CompiledLibrary, coder: int) -> bytes:
    length = ctypes.c_uint64()
    address = library.mixed_finished(coder, ctypes.byref(length))
    if not address:
        raise MemoryError
    return ctypes.string_at(address, length.value)


def _checked(result: int) -> int:
    if result == _NO_MEMORY:
        raise MemoryError
    if result == _DAMAGED:
        raise DamagedError("it ends early")
    return result
