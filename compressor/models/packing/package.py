"""The package that a LiteRT file ships in: a header of about ten bytes, and the file as a coder wrote it.

The header is the magic `TFP`, the coder's number in one byte, the length of the file inside as a varint, and the first
four bytes of that file's SHA-256, so that no damage to it goes unnoticed. Most coders do not look at what follows their
last byte, as in flash that was erased before.
"""

from __future__ import annotations

import hashlib
from typing import NoReturn

from compressor.base.errors import ModelError
from compressor.base.file_limits import swells, unless_raised
from compressor.models.packing.coder_type import DamagedError
from compressor.models.packing.coders import CODERS, FOR_DEVICES, FOR_LARGE, LARGE
from compressor.models.packing.parallel_coding import payloads_by

SUFFIX = ".tfpack"
BEST = "best"
DEVICE = "device"
_MAGIC = b"TFP"
_HASH_BYTES = 4


def pack(content: bytes, coder: str = BEST) -> bytes:
    """The package of a LiteRT file.

    Args:
        content: any bytes.
        coder: a name in `CODERS`, or `best` for the one that makes the smallest package. For a large file, `best` tries
            those that suit it. `device` does the same with the coders that `device/tfpack.c` decodes. All that are
            tried run at the same time, and one that has written more than another needed for all ends.

    Raises:
        ModelError: the coder that is named cannot code it.
    """
    all_coders = FOR_LARGE if len(content) >= LARGE else tuple(CODERS)
    tries = {BEST: all_coders, DEVICE: FOR_DEVICES}.get(coder, (coder,))
    payloads = payloads_by(tries, content)
    if not payloads:
        remedy = "put 'slim' before 'pack', or name another coder"
        raise ModelError(f"the coder '{coder}' takes only files that 'slim' wrote, and few weights in floats", remedy)
    best = min(payloads, key=lambda name: len(payloads[name]))
    number = list(CODERS).index(best)
    header = _MAGIC + bytes([number]) + _varint(len(content)) + hashlib.sha256(content).digest()[:_HASH_BYTES]
    return header + payloads[best]


def unpack(package: bytes) -> bytes:
    """The file in a package.

    Raises:
        ModelError: it is not a package, or is damaged.
    """
    if not is_package(package):
        raise ModelError("this is not a package", f"give a {SUFFIX} file that the step 'pack' made")
    size, start = _read_varint(package, len(_MAGIC) + 1)
    digest, payload = package[start : start + _HASH_BYTES], payload_of(package)
    if swells(size, len(package)):
        raise ModelError(f"the package claims to hold {size:,} bytes", unless_raised("do not open it", size))
    try:
        content = CODERS[coder_of(package)].decode(payload, size)
    except DamagedError as error:
        _refuse_damaged(str(error))
    if len(content) != size or hashlib.sha256(content).digest()[:_HASH_BYTES] != digest:
        _refuse_damaged("its content is not what was packed")
    return content


def unpacked(content: bytes) -> bytes:
    """A LiteRT file, out of its package if it is in one.

    Raises:
        ModelError: it is a damaged package.
    """
    return unpack(content) if is_package(content) else content


def is_package(content: bytes) -> bool:
    """Whether these bytes begin as a package does."""
    return content[: len(_MAGIC)] == _MAGIC


def shipping_suffix(content: bytes) -> str:
    """The suffix of a file with this content: `.tfpack` for a package, else `.tflite`."""
    return SUFFIX if is_package(content) else ".tflite"


def coder_of(package: bytes) -> str:
    """The name of the coder that a package was made with.

    Raises:
        ModelError: it is of a newer version, or damaged.
    """
    names, number = list(CODERS), package[len(_MAGIC)] if len(package) > len(_MAGIC) else 255
    if number >= len(names):
        _refuse_damaged("no coder here has its number")
    return names[number]


def payload_of(package: bytes) -> bytes:
    """Take the header off a package, and return the bytes that its coder wrote.

    Raises:
        ModelError: the header is cut.
    """
    return package[_read_varint(package, len(_MAGIC) + 1)[1] + _HASH_BYTES :]


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def _read_varint(package: bytes, start: int) -> tuple[int, int]:
    """The value at `start`, and where it ends."""
    value = 0
    for index, byte in enumerate(package[start : start + 9]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, start + index + 1
    return _refuse_damaged("its header is cut")


def _refuse_damaged(reason: str) -> NoReturn:
    raise ModelError(f"the package is damaged ({reason})", "make it again")
