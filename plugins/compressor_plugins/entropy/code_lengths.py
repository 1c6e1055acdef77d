"""What the coder of packages needs for the weights of a kernel, in bits, weight by weight.

The coder of `pack` mixes predictions from contexts and adapts as it goes. Of what it sees, three things matter most
for a kernel of whole numbers: how many of the weights of a row and of a column are not zero, and how often each other
value occurs. The model here has these, and comes within a few percent of the bytes that are written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compressor_plugins.shared.weight_density import likely_nonzero

Floats = NDArray[np.float64]

_FALLING = 0.6  # each value is expected to be as many times as frequent as the next smaller one, before any is seen
_EXPECTED = 2.0  # weights that this expectation counts as
_LEAST = 0.05  # bits that a larger value costs more at the least, so that small ones are preferred


@dataclass(frozen=True)
class CodeLengths:
    """Bits of the weights of a kernel, as a matrix of outputs x inputs.

    `zero` and `one` give each weight's bits if it is zero, and if it is 1 or -1; `larger` gives what k + 1 costs more
    than 1, for k from 0 on. `total` are the bits of the weights as they are.
    """

    zero: Floats
    one: Floats
    larger: Floats
    total: float


def code_lengths(levels: NDArray[np.int64], most: int) -> CodeLengths:
    """The code lengths for a kernel.

    Args:
        levels: its weights in steps, a matrix of outputs x inputs.
        most: the largest magnitude that they may have.
    """
    sizes = np.abs(levels)
    there = sizes > 0
    likely = likely_nonzero(there)
    of_sizes = _bits_of_sizes(sizes[there], most)
    zero, one = -np.log2(1 - likely), -np.log2(likely) + of_sizes[0]
    larger = of_sizes - of_sizes[0]
    total = float(zero[~there].sum() + one[there].sum() + larger[sizes[there] - 1].sum())
    return CodeLengths(zero, one, larger, total)


def _bits_of_sizes(sizes: NDArray[np.int64], most: int) -> Floats:
    """Bits for each magnitude from 1 to `most`, with the sign; a larger one never costs less."""
    expected = _FALLING ** np.arange(most)
    counts = np.bincount(sizes, minlength=most + 1)[1:] + _EXPECTED * expected / expected.sum()
    bits = 1 - np.log2(counts / counts.sum())
    rising: Floats = np.maximum.accumulate(bits - _LEAST * np.arange(most)) + _LEAST * np.arange(most)
    return rising
