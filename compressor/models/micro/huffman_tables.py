"""Huffman codes, and the tables by which the DECODE operator of LiteRT for Microcontrollers reads them.

A table has an entry for all that its next few bits may be: the value that they are the code of, with how many of them
the code takes, or where the next table is. Tables read as many bits at once as makes all of them small together.
Huffman, "A Method for the Construction of Minimum-Redundancy Codes", 1952; the layout is that of TFLM's
`decode_state_huffman.h`, with entries of 16 bits.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

MOST_BITS = 8  # that a table reads at once
_FOUND = 0x8000  # marks an entry with a value
_BITS_SHIFT = 11
_FARTHEST = 0x07FF  # entries from one to the table that it leads to
_WORD = 32  # bits that the decoder reads at once


@dataclass(frozen=True)
class Leaf:
    """A value, by its place among all."""

    symbol: int


@dataclass(frozen=True)
class Fork:
    """Where a code goes on with a 0 or with a 1."""

    zero: Leaf | Fork
    one: Leaf | Fork

    @property
    def table_bits(self) -> int:
        """How many bits the table of this fork reads; of those that are as small, it is the fastest one."""
        return self._smallest[1]

    @property
    def entries(self) -> int:
        """How many entries the table of this fork has, together with those that follow it."""
        return self._smallest[0]

    @cached_property
    def _smallest(self) -> tuple[int, int]:
        """The fewest entries, and with how many bits they are reached."""
        best, forks = (0, 0), [self]
        for bits in range(1, MOST_BITS + 1):
            forks = [end for fork in forks for end in (fork.zero, fork.one) if isinstance(end, Fork)]
            entries = (1 << bits) + sum(fork.entries for fork in forks)
            if bits == 1 or entries <= best[0]:
                best = entries, bits
            if not forks:
                break
        return best

    def ends(self, bits: int) -> list[tuple[Leaf | Fork, int, int]]:
        """Where so many bits lead at most: a leaf or a fork, the bits that it takes to get there, and how many."""
        found: list[tuple[Leaf | Fork, int, int]] = [(self, 0, 0)]
        for _ in range(bits):
            found = [
                end
                for node, path, depth in found
                for end in (
                    [(node.zero, path << 1, depth + 1), (node.one, path << 1 | 1, depth + 1)]
                    if isinstance(node, Fork)
                    else [(node, path, depth)]
                )
            ]
        return found


def tree_of(counts: Sequence[int]) -> Fork:
    """The tree of the shortest codes for values that occur so often each. There are two at least."""
    queue: list[tuple[int, int, Leaf | Fork]] = [(count, place, Leaf(place)) for place, count in enumerate(counts)]
    heapq.heapify(queue)
    for number in range(len(counts), 2 * len(counts) - 1):
        first, _, zero = heapq.heappop(queue)
        second, _, one = heapq.heappop(queue)
        heapq.heappush(queue, (first + second, number, Fork(zero, one)))
    root = queue[0][2]
    assert isinstance(root, Fork)
    return root


def table_of(tree: Fork, values: NDArray[np.int8]) -> NDArray[np.uint16] | None:
    """The tables of a tree, one after the other, that of the root first; None if one is too far away for its entry."""
    table = np.zeros(tree.entries, np.uint16)
    waiting, end = [(tree, 0)], 1 << tree.table_bits
    for fork, start in waiting:
        bits = fork.table_bits
        for node, path, depth in fork.ends(bits):
            if isinstance(node, Leaf):
                first = start + (path << bits - depth)
                entry = _FOUND | depth << _BITS_SHIFT | int(values[node.symbol]) & 0xFF
                table[first : first + (1 << bits - depth)] = entry
                continue
            distance = end - (start + path)
            if distance > _FARTHEST:
                return None
            table[start + path] = node.table_bits - 1 << _BITS_SHIFT | distance
            waiting.append((node, end))
            end += 1 << node.table_bits
    return table


def coded(symbols: NDArray[np.intp], tree: Fork) -> bytes:
    """The codes of these values, bit by bit from the highest, in whole words of 32 bits.

    There is room after the last one for as many bits as a table reads at once.
    """
    codes, lengths = _codes(tree)
    each, ends = lengths[symbols], np.cumsum(lengths[symbols])
    bits = np.zeros(-(-(int(ends[-1]) + MOST_BITS) // _WORD) * _WORD, np.uint8)
    for place in range(int(lengths.max())):
        longer = each > place
        chosen = symbols[longer]
        bits[ends[longer] - each[longer] + place] = codes[chosen] >> (lengths[chosen] - 1 - place).astype(np.uint64) & 1
    return np.packbits(bits).tobytes()


def _codes(tree: Fork) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The code of each value, and how many bits it has."""
    found: dict[int, tuple[int, int]] = {}
    waiting: list[tuple[Leaf | Fork, int, int]] = [(tree, 0, 0)]
    for node, path, depth in waiting:
        if isinstance(node, Leaf):
            found[node.symbol] = path, depth
        else:
            waiting += [(node.zero, path << 1, depth + 1), (node.one, path << 1 | 1, depth + 1)]
    pairs = [found[symbol] for symbol in range(len(found))]
    return np.array([code for code, _ in pairs], np.uint64), np.array([length for _, length in pairs], np.int64)
