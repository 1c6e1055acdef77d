"""Codes a matrix of weights: first which ones are not the commonest value, mostly zero, then what they are.

Such a weight is likelier beside others, below others in its column, and one or two strides after others (in the same
channel of the pixels around). The encoder finds the strides, and writes them first.
"""

from __future__ import annotations

import numpy as np

from compressor.models.packing.arithmetic_coder import Coder
from compressor.models.packing.coder_type import DamagedError
from compressor.models.packing.compiled_coder import CompiledCoder

_FARTHEST = 1024  # stride that is looked for
_MOST_SEARCHED = 2**21  # weights in which it is looked for, in 100 MB


def code_weights(
    coder: Coder | CompiledCoder, rows: int, columns: int, bits: int, values: bytes | None = None
) -> bytes:
    """Write or read a matrix of rows x columns numbers of so many bits, row after row, one in each byte.

    Raises:
        DamagedError: there are more of them than bits in the payload.
    """
    size = rows * columns
    common, near, far = structure_of(values, rows, columns) if values is not None else (0, 1, 1)
    common = coder.symbol((("common",),), "common", bits, common)
    near, far = (coder.symbol((("stride",),), "stride", 10, stride - 1) + 1 for stride in (near, far))
    if size > coder.left:
        raise DamagedError("it was cut or changed")
    if isinstance(coder, CompiledCoder):
        return coder.code_weights((rows, columns), bits, (common, near, far), values or b"")
    coded = bytearray([common]) * size
    there = bytearray(size + far + columns + near)  # negative indices, before the beginning, find zeros at the end
    counts = [0] * (columns + near + far + 2)  # in each column so far, likewise
    above = [common] * columns
    for row in range(rows):
        start, run, dense, last = row * columns, 0, 0, common
        depth = min(row, 3) if row < 4 else row.bit_length() + 1
        for column in range(columns):
            at = start + column
            count = counts[column]
            left, up = there[at - 1], there[at - columns]
            around = counts[column - 1] + counts[column + 1] + counts[column - near] + counts[column - far]
            around += counts[column + near] if column + near < columns else 0
            around += counts[column + far] if column + far < columns else 0
            known = left | up << 1 | there[at - near] << 2 | there[at - far] << 3 | there[at - 2] << 4
            contexts = (
                (1, count if count < 12 else 12, depth),
                (2, known | there[at - columns + 1] << 5 | there[at - 2 * columns] << 6),
                (3, around if around < 24 else 24 + (around >> 3), depth, count > 0),
                (4, column % near, column % far // near if near < far else 0, bits),
                (5, row, dense * 24 // (column + 1)),
                (6, run.bit_length(), left),
                (7, column),
                (8, known, min(count, 3), min(around, 7)),
            )
            here = values is not None and values[at] != common
            here = bool(coder.bit(contexts, (min(count, 2), depth > 3), here))
            if not here:
                run += 1
                continue
            earlier = last, above[column], coded[at - near] if at >= near else common
            likely = ((9,), (10, row), (11, earlier[0]), (12, earlier[1]), (13, earlier[2]), (14, column % near))
            value = coder.symbol(likely, "value", bits, values[at] if values is not None else 0)
            coded[at] = last = above[column] = value
            there[at] = 1
            counts[column] = count + 1
            dense, run = dense + 1, 0
    return bytes(coded)


def structure_of(values: bytes, rows: int, columns: int) -> tuple[int, int, int]:
    """The commonest value, and the two strides at which the others most often repeat, in a part of many rows."""
    array = np.frombuffer(values, np.uint8)
    parts = np.split(array, range(_MOST_SEARCHED, array.size, _MOST_SEARCHED))  # counting takes 8 bytes for each
    common = int(np.sum([np.bincount(part, minlength=256) for part in parts], axis=0).argmax())
    width = min(columns // 2, _FARTHEST)
    if width < 3 or columns > _MOST_SEARCHED:
        return common, 1, 1
    matrix = array.reshape(rows, columns)[:: -(-rows * columns // _MOST_SEARCHED)]
    mask = (matrix != common).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(mask - mask.mean(), 2 * columns, axis=1)) ** 2
    repeats = np.fft.irfft(spectrum, axis=1).sum(axis=0)[: width + 1]
    repeats[:2] = -np.inf
    near = int(repeats.argmax())
    repeats[: near + 1] = -np.inf
    far = int(repeats.argmax()) if near + 1 <= width else near
    return common, min(near, far), max(near, far)
