"""Places buffers in one arena as the planner of LiteRT for Microcontrollers does: the largest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 16  # bytes, of each buffer in the arena


@dataclass(frozen=True)
class Buffer:
    """Memory that is in use from one operator to another, both included.

    Attributes:
        size: in bytes, a multiple of `ALIGNMENT`.
        first: the time at which it is first used; operator i runs at time i + 1, and the inputs are there at 0.
        last: the time at which it is last used.
        offset: where the file itself says that it lies; None where the planner is to choose.
    """

    size: int
    first: int
    last: int
    offset: int | None = None


def placed(buffers: Sequence[Buffer]) -> list[int]:
    """Choose the offset of each buffer, in bytes.

    Offsets that the file gives come first. Then each buffer, from the largest to the smallest, is put into the first
    gap between those that are in use at the same time. Of equally large ones the last comes first.
    """
    given = [place for place, buffer in enumerate(buffers) if buffer.offset is not None]
    free = [place for place in reversed(range(len(buffers))) if buffers[place].offset is None]
    offsets = [buffer.offset or 0 for buffer in buffers]
    there = np.empty((4, len(buffers)), np.int64)  # offset, end, first and last time of those placed, by their offsets
    for count, place in enumerate([*given, *sorted(free, key=lambda place: -buffers[place].size)]):
        buffer = buffers[place]
        if buffer.offset is None:
            offsets[place] = _first_gap(buffer, there[:, :count])
        at = int(np.searchsorted(there[0, :count], offsets[place], "right"))
        there[:, at + 1 : count + 1] = there[:, at:count].copy()
        there[:, at] = offsets[place], offsets[place] + buffer.size, buffer.first, buffer.last
    return offsets


def aligned(size: int, alignment: int = ALIGNMENT) -> int:
    """Round a size up to a multiple of the alignment."""
    return -(-size // alignment) * alignment


def _first_gap(wanted: Buffer, there: NDArray[np.int64]) -> int:
    offset, end = there[:2, (there[2] <= wanted.last) & (there[3] >= wanted.first)]
    before = np.concatenate([[0], np.maximum.accumulate(end)])  # where what lies before each of them ends
    fitting = np.flatnonzero(offset - before[:-1] >= wanted.size)
    return int(before[fitting[0]] if len(fitting) else before[-1])
