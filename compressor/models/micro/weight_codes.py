"""Codes weights in the ways that the DECODE operator of LiteRT for Microcontrollers reads.

What it reads is a tensor of codes and one of metadata: 16 bytes that say how, and a table. The layouts are those of
TFLM's `decode_state_huffman.h`, `decode_state_prune.cc` and `decode_state_lut.cc`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.models.micro.huffman_tables import coded, table_of, tree_of

_LOOKUP, _HUFFMAN, _PRUNE = 0, 1, 2  # numbers of the decoders
_METADATA = 16  # bytes before the table
_VERSION = 1
_WHOLE_TENSOR = 0xF0  # one table for all channels
_MOST_LOOKED_UP = 128  # values that a table may have


@dataclass(frozen=True)
class CodedWeights:
    """Weights as DECODE reads them.

    Attributes:
        method: 'huffman', 'prune' or 'lookup'.
        codes: of all values.
        metadata: what the decoder must know, and its table.
    """

    method: str
    codes: bytes
    metadata: bytes

    @property
    def bytes(self) -> int:
        """Bytes of both."""
        return len(self.codes) + len(self.metadata)


def smallest_code(values: NDArray[Any]) -> CodedWeights | None:
    """The way that takes the fewest bytes for values of int8 or float32; None if none takes fewer than they do."""
    if values.dtype == np.int8:
        ways = [_pruned(values), *_huffman(values)]
    else:
        bits = values.view(np.uint32)  # so that -0.0 stays what it is
        ways = [_pruned(bits), *_looked_up(bits)]
    best = min(ways, key=lambda way: way.bytes)
    return best if best.bytes < values.nbytes else None


def _huffman(values: NDArray[Any]) -> Iterator[CodedWeights]:
    """The more often a value occurs, the fewer bits its code has, and one at least."""
    known, symbols, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(known) < 2:
        return
    tree = tree_of(counts.tolist())
    table = table_of(tree, known)
    if table is not None:
        head = _metadata(_HUFFMAN, tree.table_bits - 1 << 4)
        yield CodedWeights("huffman", coded(symbols.ravel(), tree), head + table.astype("<u2").tobytes())


def _pruned(values: NDArray[Any]) -> CodedWeights:
    """A bit for each value says whether it is zero; the others follow as they are."""
    flat = values.ravel()
    kept = flat[flat != 0]
    return CodedWeights("prune", np.packbits(flat != 0).tobytes(), _metadata(_PRUNE) + _little(kept))


def _looked_up(values: NDArray[Any]) -> Iterator[CodedWeights]:
    """Each value is a number of a few bits, its place in a table."""
    known, places = np.unique(values, return_inverse=True)
    if len(known) > _MOST_LOOKED_UP:
        return
    width = max(1, (len(known) - 1).bit_length())
    bits = places.reshape(-1, 1) >> np.arange(width - 1, -1, -1) & 1
    head = _metadata(_LOOKUP, _WHOLE_TENSOR | width, len(known))
    yield CodedWeights("lookup", np.packbits(bits.astype(np.uint8)).tobytes(), head + _little(known))


def _metadata(decoder: int, *further: int) -> bytes:
    start = bytes([decoder, _VERSION, 0, 0, _VERSION, *further])
    return start.ljust(_METADATA, b"\0")


def _little(values: NDArray[Any]) -> bytes:
    return values.astype(values.dtype.newbyteorder("<")).tobytes()
