"""The entropy coders of packages. Their order gives their numbers, so new ones come last, and none is ever removed."""

from __future__ import annotations

import lzma
import zlib
from itertools import product
from typing import Any

from compressor.models.packing.coder_type import Beaten, Coder, DamagedError, never_beaten

MEDIUM = 2**20  # bytes, from which on a coder tries fewer of its settings
LARGE = 2**24  # bytes, from which on it takes faster ones: with those, half a megabyte a second is coded
_PIECE = 2**16  # bytes that a coder gets at once
_SAMPLES, _SAMPLE = 16, 2**16  # parts of a large file, on which settings are compared
_LZMA1_PROPERTIES = [(lc, lp, pb) for lc, lp, pb in product(range(5), range(5), range(5)) if lc + lp <= 4]


def _in_pieces(coder: Any, content: bytes, beaten: Beaten) -> bytes | None:
    """Code a content piece by piece, and stop where the coder is beaten; None then."""
    written = bytearray()
    for start in range(0, len(content), _PIECE):
        written += coder.compress(content[start : start + _PIECE])
        if beaten(len(written)):
            return None
    return bytes(written + coder.flush())


def _deflate(content: bytes, beaten: Beaten = never_beaten) -> bytes | None:
    return _in_pieces(zlib.compressobj(9, zlib.DEFLATED, -15, 9), content, beaten)


def _inflate(payload: bytes, size: int) -> bytes:
    try:
        return zlib.decompressobj(-15).decompress(payload, size + 1)
    except zlib.error as error:
        raise DamagedError(str(error)) from None


def _brotli(content: bytes, _beaten: Beaten = never_beaten) -> bytes:
    """The smallest of a few tries. None is ended early: brotli writes nothing before it has all of the content."""
    import brotli

    if len(content) >= MEDIUM:
        return bytes(brotli.compress(content, brotli.MODE_GENERIC, 9 if len(content) >= LARGE else 11, 24))
    modes = (brotli.MODE_GENERIC, brotli.MODE_TEXT, brotli.MODE_FONT)
    tries = (brotli.compress(content, mode, 11, window) for mode in modes for window in (16, 18, 22, 24))
    return bytes(min(tries, key=len))


def _unbrotli(payload: bytes, size: int) -> bytes:
    import brotli

    coder = brotli.Decompressor()
    try:
        return bytes(coder.process(payload, output_buffer_limit=size + 1))
    except brotli.error as error:
        raise DamagedError(str(error)) from None


def _zstd_format() -> dict[str, Any]:
    import zstandard

    return {"format": zstandard.FORMAT_ZSTD1_MAGICLESS}


def _zstd(content: bytes, beaten: Beaten = never_beaten) -> bytes | None:
    import zstandard

    params = zstandard.ZstdCompressionParameters.from_level(
        19 if len(content) >= LARGE else 22,
        source_size=len(content),
        write_content_size=False,
        write_checksum=False,
        write_dict_id=False,
        **_zstd_format(),
    )
    coder = zstandard.ZstdCompressor(compression_params=params).compressobj(size=len(content))
    return _in_pieces(coder, content, beaten)


def _unzstd(payload: bytes, size: int) -> bytes:
    import zstandard

    try:
        coder = zstandard.ZstdDecompressor(max_window_size=max(2**18, 2 * size), **_zstd_format())
        return bytes(coder.decompress(payload, max_output_size=max(size, 1)))
    except (zstandard.ZstdError, MemoryError) as error:
        raise DamagedError(str(error)) from None


def _lzma1(content: bytes, beaten: Beaten = never_beaten) -> bytes | None:
    """Raw LZMA1 with the best literal and position bits; the first byte tells which, as in `.lzma` files."""
    dictionary = min(LARGE, max(4096, 1 << (len(content) - 1).bit_length())) if content else 4096
    candidates = _LZMA1_PROPERTIES if len(content) < MEDIUM else [(3, 0, 2), (3, 0, 0), (0, 2, 2)]

    def coded(content: bytes, properties: tuple[int, int, int], beaten: Beaten) -> bytes | None:
        lc, lp, pb = properties
        options = {"lc": lc, "lp": lp, "pb": pb, "dict_size": dictionary, "nice_len": 273, "depth": 1000}
        filters = [{"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME, **options}]
        payload = _in_pieces(lzma.LZMACompressor(lzma.FORMAT_RAW, filters=filters), content, beaten)
        return None if payload is None else bytes([(pb * 5 + lp) * 9 + lc]) + payload

    def best(content: bytes, beaten: Beaten) -> tuple[bytes, tuple[int, int, int]] | None:
        found: tuple[bytes, tuple[int, int, int]] | None = None

        def beaten_here(written: int) -> bool:
            return beaten(written) or (found is not None and written + 1 >= len(found[0]))

        for properties in candidates:
            made = coded(content, properties, beaten_here)
            if made is not None and (found is None or len(made) < len(found[0])):
                found = made, properties
        return found

    if len(content) < LARGE:
        found = best(content, beaten)
        return found[0] if found else None
    starts = range(0, len(content) - _SAMPLE, (len(content) - _SAMPLE) // _SAMPLES // 16 * 16)  # whole numbers
    chosen = best(b"".join(content[start : start + _SAMPLE] for start in starts), never_beaten)
    assert chosen is not None
    return coded(content, chosen[1], beaten)


def _unlzma1(payload: bytes, size: int) -> bytes:
    first = payload[0] if payload else 255
    lc, lp, pb = first % 9, first // 9 % 5, first // 45
    dictionary = max(4096, 1 << (size - 1).bit_length()) if size else 4096
    options = {"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": dictionary}
    try:
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[options]).decompress(payload[1:], size + 1)
    except (lzma.LZMAError, ValueError, EOFError, MemoryError) as error:
        raise DamagedError(str(error)) from None


def _model(content: bytes, _beaten: Beaten = never_beaten) -> bytes | None:
    """Code a LiteRT file by its format; this is not ended early, since it is fast and nearly always wins."""
    from compressor.models.packing.model_coder import encode

    return encode(content)


def _unmodel(payload: bytes, size: int) -> bytes:
    from compressor.models.packing.model_coder import decode

    return decode(payload, size)


def _mixed(content: bytes, beaten: Beaten = never_beaten) -> bytes | None:
    from compressor.models.packing.mixed_coder import encode

    return encode(content, beaten)


def _unmixed(payload: bytes, size: int) -> bytes:
    from compressor.models.packing.mixed_coder import decode

    return decode(payload, size)


CODERS = {
    "gzip": Coder(_deflate, _inflate, ends_early=True),
    "brotli": Coder(_brotli, _unbrotli),
    "zstd": Coder(_zstd, _unzstd, ends_early=True),
    "xz": Coder(_lzma1, _unlzma1, ends_early=True),
    "model": Coder(_model, _unmodel),
    "mixed": Coder(_mixed, _unmixed, ends_early=True),
}
FOR_LARGE = ("zstd", "xz", "model")
FOR_DEVICES = ("xz", "gzip", "mixed")
"""Those that `device/tfpack.c` decodes."""
