"""Lays out a treemap: boxes whose areas are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle, in pixels."""

    x: float
    y: float
    width: float
    height: float


def squarified(sizes: Sequence[float], frame: Box) -> list[Box]:
    """Boxes of these areas, falling, that fill a frame and are as near to squares as can be (Bruls and others 2000)."""
    total = sum(sizes)
    if total <= 0 or frame.width <= 0 or frame.height <= 0:
        return [Box(frame.x, frame.y, 0, 0) for _ in sizes]
    areas = [size * frame.width * frame.height / total for size in sizes]
    boxes: list[Box] = []
    left = frame
    while len(boxes) < len(areas):
        rest, count = areas[len(boxes) :], 1
        short = min(left.width, left.height)
        while count < len(rest) and _worst(rest[: count + 1], short) <= _worst(rest[:count], short):
            count += 1
        row, left = _row_of(rest[:count], left)
        boxes += row
    return boxes


def _worst(row: Sequence[float], short: float) -> float:
    total = sum(row)
    if total <= 0 or short <= 0 or row[-1] <= 0:
        return float("inf")
    return max(short**2 * row[0] / total**2, total**2 / (short**2 * row[-1]))


def _row_of(row: Sequence[float], left: Box) -> tuple[list[Box], Box]:
    """A row of boxes along the shorter side of what is left, and what then is left."""
    across = left.width >= left.height
    short = left.height if across else left.width
    depth = sum(row) / short if short > 0 else 0.0
    boxes, at = [], 0.0
    for area in row:
        length = area / depth if depth > 0 else 0.0
        boxes.append(Box(left.x, left.y + at, depth, length) if across else Box(left.x + at, left.y, length, depth))
        at += length
    if across:
        return boxes, Box(left.x + depth, left.y, max(0.0, left.width - depth), left.height)
    return boxes, Box(left.x, left.y + depth, left.width, max(0.0, left.height - depth))
