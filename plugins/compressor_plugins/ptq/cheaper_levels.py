"""Chooses the integers of a kernel by what they cost in a package and by what they change of the layer's outputs.

Rate-distortion optimized quantization, as video coders do it, and Wiedemann et al. 2019 (DeepCABAC, arXiv 1907.11900)
with weights: a weight gets the value with the least sum of its error and the price of its bits. The error is that of
the layer's outputs. What was changed of the weights before it counts in it, so that one makes up for another, as in
GPTQ (Frantar et al. 2022, arXiv 2210.17323), which goes over a kernel column by column as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor_plugins.shared.weight_density import likely_nonzero

Floats = NDArray[np.float64]
Levels = NDArray[np.int64]

_PASSES = 3
_STEPS = (0.5, 0.75, 1.0, 1.4)  # times the step that suits weights with an even distribution
_EVEN = 12 / (2 * np.log(2))  # squared error of a step, in that by which a bit less raises it
_TRUST = 16.0  # weights, as which the frequencies in the whole kernel count in those of a row
_EXPECTED = 0.5  # times that each value is taken to have been seen
_LARGEST = 127


@dataclass(frozen=True)
class Errors:
    """What an error of a kernel's integers costs.

    `scale` is the cost of a squared error of an output for each row; `mean` are the means of the inputs and
    `covariances` those of blocks of them, with one group for all rows or one for each.
    """

    scale: Floats
    mean: Floats
    covariances: Sequence[Floats]

    @property
    def weights(self) -> Floats:
        """The cost of a squared error of 1 of each weight alone, rows x columns."""
        own = np.concatenate([np.diagonal(block, axis1=1, axis2=2) for block in self.covariances], axis=1)
        weights: Floats = self.scale[:, None] * (own + self.mean**2)
        return weights

    def of(self, moves: NDArray[Any]) -> float:
        """The cost of changing the integers by so much, rows x columns."""
        moves = moves.astype(np.float64)
        rows, first = np.square((moves * self.mean).sum(axis=1)), 0
        for block in self.covariances:
            part = moves[:, first : first + block.shape[-1]]
            pulled = part @ block[0] if len(block) == 1 else np.einsum("rc,rcd->rd", part, block)
            rows = rows + (pulled * part).sum(axis=1)
            first += block.shape[-1]
        return float((self.scale * rows).sum())


@dataclass(frozen=True)
class Choice:
    """The integers of a kernel, the error that they cause, and about how many bits they take."""

    levels: Levels
    error: float
    bits: float


def cheaper(levels: Levels, errors: Errors, price: float, shared: bool | None = None) -> Choice:
    """The integers with the least sum of error and price of the bits. Zeros stay zeros.

    Args:
        levels: rows x columns, as they are.
        errors: what moving them costs.
        price: of a bit.
        shared: None where any values may be taken; where the values that there are must do, whether rows share them.
    """
    before = Choice(levels, 0.0, coded_bits(levels))
    if not levels.any():
        return before
    free = shared is None
    tables = _combs(levels, errors, price) if shared is None else [_present(levels, shared)]
    if len(tables) > 1:  # the best after a first pass
        first = [_descended(levels, values, errors, price, 1, free) for values in tables]
        costs = [choice.error + price * choice.bits for choice in first]
        tables = [tables[int(np.argmin(costs))]]
    found = _descended(levels, tables[0], errors, price, _PASSES, free)
    return min(before, found, key=lambda choice: choice.error + price * choice.bits)


def coded_bits(levels: Levels) -> float:
    """About how many bits a kernel takes in a package."""
    values = np.unique(levels)
    table = np.broadcast_to(values, (len(levels), len(values)))
    return _Rate(levels, table).total(levels)


def _combs(levels: Levels, errors: Errors, price: float) -> list[Levels]:
    """Values at even distances, for the whole kernel and for each row by itself, that suit the price."""
    weights, there = errors.weights, levels != 0
    counts = np.maximum(1, there.sum(axis=1))
    rows = (weights * there).sum(axis=1) / counts
    whole = (weights * there).sum() / there.sum()
    found = []
    for factor in _STEPS:
        for cost in (np.full(len(levels), whole), rows):
            ideal = factor * np.sqrt(_EVEN * price / np.maximum(cost, 1e-300))
            step = np.clip(np.round(ideal), 1, _LARGEST).astype(np.int64)
            most = int(_LARGEST // step.min())
            table = np.clip(np.arange(-most, most + 1) * step[:, None], -_LARGEST, _LARGEST)
            found.append(table)
    unique = {table.tobytes(): table for table in found}
    return list(unique.values())


def _present(levels: Levels, shared: bool) -> Levels:
    """The values of the kernel, or those of each row, the last of which is repeated to the common length."""
    rows = [np.unique(levels)] * len(levels) if shared else [np.unique(row) for row in levels]
    longest = max(map(len, rows))
    return np.stack([np.pad(row, (0, longest - len(row)), mode="edge") for row in rows])


def _descended(levels: Levels, values: Levels, errors: Errors, price: float, passes: int, free: bool) -> Choice:
    """Go over the columns a few times, each time with the code lengths of the integers of before."""
    chosen = np.where(levels == 0, 0, _nearest(levels, values))
    start = levels
    best: Choice | None = None
    for number in range(passes):
        rate = _Rate(chosen, values)
        chosen, error = _passed(levels, start, values, rate, errors, price)
        start = chosen
        choice = Choice(chosen, error, coded_bits(chosen))
        if best is None or choice.error + price * choice.bits < best.error + price * best.bits:
            best = choice
        if free and number < passes - 1:
            moved = _centred(levels, chosen, values, errors)
            chosen = np.where(levels == 0, 0, np.take_along_axis(moved, _places(chosen, values), axis=1))
            start, values = chosen, moved
    assert best is not None
    return best


def _nearest(levels: Levels, values: Levels) -> Levels:
    rows = zip(levels, values, (values[:, 1:] + values[:, :-1]) / 2, strict=True)
    return np.stack([table[np.searchsorted(middles, row)] for row, table, middles in rows])


def _places(chosen: Levels, values: Levels) -> Levels:
    return np.stack([np.searchsorted(row, own) for row, own in zip(values, chosen, strict=True)])


def _centred(levels: Levels, chosen: Levels, values: Levels, errors: Errors) -> Levels:
    """The values moved to the mean of the weights that took them, but for zero; in order, as they were."""
    places, weights = _places(chosen, values), errors.weights * (levels != 0)
    one = bool((values == values[:1]).all())
    count = values.shape[1]
    index = places if one else places + count * np.arange(len(values))[:, None]
    size = count if one else values.size
    sums = np.bincount(index.ravel(), (weights * levels).ravel(), size)
    totals = np.bincount(index.ravel(), weights.ravel(), size)
    flat = values[0] if one else values.ravel()
    means = np.divide(sums, totals, out=flat.astype(np.float64), where=totals > 0)
    moved = np.where(flat == 0, 0, np.round(means)).astype(np.int64)
    moved = np.where(np.sign(moved) == np.sign(flat), moved, flat)
    table = np.broadcast_to(moved, values.shape) if one else moved.reshape(values.shape)
    return np.maximum.accumulate(table, axis=1)


class _Rate:
    """Bits of the weights of a kernel, by what it holds now and by the table of values that each row may take."""

    def __init__(self, levels: Levels, values: Levels) -> None:
        likely = likely_nonzero(levels != 0)
        self._values = values
        self.zero, self.there = -np.log2(1 - likely), -np.log2(likely)
        size = 2 * _LARGEST + 2
        counts = np.stack([np.bincount(row + _LARGEST + 1, minlength=size) for row in levels]).astype(np.float64)
        counts[:, _LARGEST + 1] = 0
        everywhere = counts.sum(axis=0) + _EXPECTED
        shares = everywhere / everywhere.sum()
        own = (counts + _TRUST * shares) / (counts.sum(axis=1, keepdims=True) + _TRUST)
        self._bits = -np.log2(own)
        self.by_value = np.take_along_axis(self._bits, values + _LARGEST + 1, axis=1)

    def total(self, levels: Levels) -> float:
        """Bits of all weights together."""
        values = np.take_along_axis(self._bits, levels + _LARGEST + 1, axis=1)
        return float(np.where(levels == 0, self.zero, self.there + values).sum())


def _passed(
    levels: Levels, start: Levels, values: Levels, rate: _Rate, errors: Errors, price: float
) -> tuple[Levels, float]:
    """One pass over the columns: the integers after it, and the error of all rows together."""
    chosen, error = start.copy(), (start - levels).astype(np.float64)
    kept = levels == 0
    mean = np.broadcast_to(errors.mean, levels.shape)
    shift = (error * mean).sum(axis=1)
    all_rows, first = np.arange(len(levels)), 0
    for block in errors.covariances:
        width = block.shape[-1]
        inside = error[:, first : first + width]  # a view, which changes with what is chosen
        for place in range(width):
            column = first + place
            own = block[:, :, place]
            pulled = inside @ own[0] if len(own) == 1 else (inside * own).sum(axis=1)
            aside, curved = shift - error[:, column] * mean[:, column], own[:, place] + mean[:, column] ** 2
            slope = pulled - error[:, column] * own[:, place] + aside * mean[:, column]
            moves = values - levels[:, column, None]
            bits = np.where(values == 0, rate.zero[:, column, None], rate.there[:, column, None] + rate.by_value)
            scale = errors.scale[:, None]
            cost = scale * moves * (curved[:, None] * moves + 2 * slope[:, None]) + price * bits
            taken = np.where(kept[:, column], 0, values[all_rows, cost.argmin(axis=1)])
            chosen[:, column] = taken
            error[:, column] = taken - levels[:, column]
            shift = aside + error[:, column] * mean[:, column]
        first += width
    return chosen, errors.of(error)
