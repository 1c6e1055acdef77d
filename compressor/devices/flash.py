"""Counts the flash that a model takes: its bytes as firmware stores them, and the code that reads them.

Of a package also the memory that its decoder works in.
"""

from __future__ import annotations

from compressor.models.litert.format.flatbuffer import one_flatbuffer
from compressor.models.packing.coders import FOR_DEVICES
from compressor.models.packing.package import coder_of, is_package, payload_of

ALIGNMENT = 16  # bytes, of the array that `compressor export` and `compressor header` write
_DECODER_CODE = {"gzip": 2_436, "xz": 2_592, "mixed": 3_284}  # bytes of tfpack.c for a Cortex-M4, docs/firmware.md
_GZIP_WORK = 1_344  # bytes
_LZMA_PROBABILITIES, _LITERAL_PROBABILITIES = 1_847, 768  # of two bytes each


def flash_bytes(content: bytes, alignment: int = ALIGNMENT) -> int:
    """The flash that a LiteRT file or a package takes.

    That is the array that `compressor export --to tflm` or `--to c` writes, with weights outside of the flatbuffer
    brought in, up to a multiple of the alignment; for a package also the decoder's code, if it is in C.

    Raises:
        ModelError: it is not a whole LiteRT file, or a damaged package.
    """
    if not is_package(content):
        return _up(len(one_flatbuffer(content)), alignment)
    return _up(len(content), alignment) + decoder_bytes(content)


def decoder_bytes(package: bytes) -> int:
    """The code of the decoder in C; 0 for a coder that it does not read."""
    return _DECODER_CODE.get(coder_of(package), 0)


def decoder_work(package: bytes) -> int:
    """Bytes of working memory that the decoder in C needs for a package; 0 for a coder that it does not read.

    Raises:
        ModelError: the package is damaged.
    """
    coder, first = coder_of(package), payload_of(package)[:1]
    if coder == "gzip":
        return _GZIP_WORK
    if not first or coder not in FOR_DEVICES:
        return 0
    if coder == "mixed":
        return 1 << first[0]
    literal_bits = first[0] % 9 + first[0] // 9 % 5
    return 2 * (_LZMA_PROBABILITIES + (_LITERAL_PROBABILITIES << literal_bits))


def unpacks_on_devices(package: bytes) -> bool:
    """Whether the decoder in C reads the package."""
    return coder_of(package) in FOR_DEVICES


def _up(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
