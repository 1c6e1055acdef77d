"""The coder `mixed`: any bytes, coded by a small model in integers, which microcontrollers can run, too.

A payload is the logarithm of the working memory's bytes in one byte, and then what `mixed_model` or its compiled twin
writes. Where weights lie in a LiteRT file, the payload tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from compressor.models.packing.coder_type import Beaten, DamagedError, never_beaten
from compressor.models.packing.compiled_library import CompiledLibrary, built_library, unwanted
from compressor.models.packing.compiled_mixed_coder import coded_by, decoded_by
from compressor.models.packing.mixed_model import IntervalCoder, MixedModel
from compressor.models.packing.weight_segments import Segment, segments_of

_MEMORIES = (13, 14, 15)  # logarithms of the bytes of working memory that are tried
_LEAST, _MOST = 11, 15  # that a decoder takes
_WORTH = 0.02  # share of the payload that twice the working memory must save
_MEDIUM = 2**20  # bytes, from which on the most memory is taken
_LONGEST = 2**32 - 1  # bytes of a file, whose places are numbers of 32 bits
_PROOF = bytes.fromhex(
    "d7ffafe937aabe815d489695f0dc8cefbeec74b3232e6cd7c3be2eadd15a56e79fd5a0f5cdc793e54624acf5c6ac03287783"
    "130f8c7048c2170cd9acc63357564c207347b7"
)


def encode(content: bytes, beaten: Beaten = never_beaten) -> bytes | None:
    """The payload with the least working memory that more of it would not make much smaller.

    None if it is beaten, or too long for a device by far.
    """
    if len(content) > _LONGEST:
        return None
    segments = segments_of(content)
    memory = _MEMORIES[-1]
    best = _coded(content, segments, memory, beaten)
    if best is None:
        return None
    for smaller in reversed(_MEMORIES[:-1]) if len(content) < _MEDIUM else ():
        payload = _coded(content, segments, smaller, never_beaten)
        if payload is None or len(best) < (1 - _WORTH) * len(payload):
            break
        memory, best = smaller, payload
    return bytes([memory]) + best


def decode(payload: bytes, size: int) -> bytes:
    """The `size` bytes in a payload.

    Raises:
        DamagedError: the payload holds fewer.
    """
    if not payload or not _LEAST <= payload[0] <= _MOST or size > _LONGEST:
        raise DamagedError("its working memory is unknown")
    if library := _proven_library():
        return decoded_by(library, payload[1:], size, payload[0])
    return MixedModel(IntervalCoder(payload[1:]), payload[0]).code(size)


def _coded(content: bytes, segments: Sequence[Segment], memory: int, beaten: Beaten) -> bytes | None:
    if library := _proven_library():
        return coded_by(library, content, segments, memory, beaten)
    return _coded_by_python(content, segments, memory, beaten)


def _coded_by_python(
    content: bytes, segments: Sequence[Segment], memory: int, beaten: Beaten = never_beaten
) -> bytes | None:
    coder = IntervalCoder()
    MixedModel(coder, memory).code(len(content), content, segments, beaten)
    return None if beaten(coder.written) else coder.finished()


def _proven_library() -> CompiledLibrary | None:
    return None if unwanted() else _library()


@cache
def _library() -> CompiledLibrary | None:
    """The library, if it makes the bytes that Python makes: not if it is old, or shifts numbers otherwise."""
    library = built_library()
    content, segments = _proof_content()
    return library if library and coded_by(library, content, segments, _LEAST, never_beaten) == _PROOF else None


def _proof_content() -> tuple[bytes, list[Segment]]:
    """Bytes with little order, some of them as weights."""
    content = bytes(index * index * 37 % 251 if index % 3 == 0 else index // 16 for index in range(96))
    return content, [Segment(32), Segment(64, 16, 3, 7)]
