"""Names beside the points of a plot, placed so that none lies upon another, a point or its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from compressor.base.markup import Html
from compressor.report.page.axes import line, text
from compressor.report.page.squares import Box

_CHARACTER: Final = 7.0  # pixels of a label's character, about
_HEIGHT: Final = 15.0
_BESIDE: Final = 11.0  # pixels from a point to its label
_FARTHEST: Final = 9  # rows above and below that are tried
_SAME: Final = 3.0  # pixels within which points have one label


class Point(NamedTuple):
    """A point with the interval of its value, in pixels from the upper left corner."""

    x: float
    y: float
    top: float
    bottom: float
    name: str


def point_labels(points: Sequence[Point], frame: Box, taken: Sequence[Box] = ()) -> list[Html]:
    """The names of points within a frame, with a line to those that found no room at their point's side.

    Args:
        points: in their order.
        frame: which no name should leave.
        taken: where no name should stand.
    """
    held = [*_boxes_of(points), *taken]
    parts = []
    for point in _merged(points):
        box = min(_candidates(point), key=lambda box: (not _is_within(box, frame), _crossings(box, held)))
        held.append(box)
        right = box.x > point.x
        near, middle = box.x if right else box.x + box.width, box.y + _HEIGHT / 2
        if abs(middle - point.y) > _HEIGHT / 2:
            parts.append(line(point.x, point.y, near - 2 if right else near + 2, middle, "leader"))
        parts.append(text(near, box.y + _HEIGHT - 4, point.name, "label", "start" if right else "end"))
    return parts


def text_box(x: float, y: float, words: str, anchor: str) -> Box:
    """The box around a text that starts or ends at `x`, with its foot at `y`."""
    width = len(words) * _CHARACTER
    return Box(x - width if anchor == "end" else x, y - _HEIGHT + 4, width, _HEIGHT)


def freest(boxes: Sequence[Box], points: Sequence[Point]) -> Box:
    """The box that lies on fewest of the points and their intervals, the first of several."""
    held = _boxes_of(points)
    return min(boxes, key=lambda box: _crossings(box, held))


def _boxes_of(points: Sequence[Point]) -> list[Box]:
    dots = [Box(point.x - 6, point.y - 6, 12, 12) for point in points]
    return dots + [Box(point.x - 5, point.top - 1, 10, point.bottom - point.top + 2) for point in points]


def _is_within(box: Box, frame: Box) -> bool:
    across = frame.x <= box.x and box.x + box.width <= frame.x + frame.width
    return across and frame.y <= box.y and box.y + box.height <= frame.y + frame.height


def _crossings(box: Box, others: Sequence[Box]) -> int:
    return sum(_overlap(box, other) for other in others)


def _merged(points: Sequence[Point]) -> list[Point]:
    """One point for all in a row that lie on each other: `qat, ptq`, or `fuse to ptq` where there are more."""
    groups: list[list[Point]] = []
    for point in points:
        if groups and abs(point.x - groups[-1][0].x) < _SAME and abs(point.y - groups[-1][0].y) < _SAME:
            groups[-1].append(point)
        else:
            groups.append([point])
    return [group[0]._replace(name=_names(group)) for group in groups]


def _names(group: Sequence[Point]) -> str:
    return " to ".join((group[0].name, group[-1].name)) if len(group) > 2 else ", ".join(each.name for each in group)


def _candidates(point: Point) -> Iterator[Box]:
    """Where a label may stand, the nearest first."""
    width = len(point.name) * _CHARACTER
    for row in range(_FARTHEST):
        for height in sorted({row, -row}):
            for x in (point.x + _BESIDE, point.x - _BESIDE - width):
                yield Box(x, point.y - _HEIGHT / 2 + height * _HEIGHT, width, _HEIGHT)


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )
