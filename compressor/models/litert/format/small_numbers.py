"""Numbers of 2 and 4 bits, several of which lie in a byte of a file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def split_bytes(content: bytes, bits: int) -> NDArray[np.uint8]:
    """The unsigned numbers of 2, 4 or 8 bits that lie in bytes, the lowest bits first."""
    array = np.frombuffer(content, np.uint8)
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    numbers: NDArray[np.uint8] = (array[:, None] >> shifts) & np.uint8((1 << bits) - 1)
    return numbers.reshape(-1)


def joined_bytes(numbers: NDArray[np.uint8], bits: int) -> bytes:
    """The bytes that numbers of 2, 4 or 8 bits lie in, as `split_bytes` reads them; they must fill the last byte."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    packed: NDArray[np.uint8] = np.bitwise_or.reduce(numbers.reshape(-1, 8 // bits) << shifts, axis=1)
    return packed.tobytes()
