"""Names beside the points of a plot, placed so that none lies upon another, a point or its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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


@dataclass
class _Places:
    """What is taken of a plot of such a width between two heights."""

    left: float
    right: float
    top: float
    bottom: float
    taken: list[Box] = field(default_factory=list)

    def faults(self, box: Box) -> tuple[bool, int]:
        """What speaks against a label there: that it leaves the frame, and how much it lies upon."""
        inside = self.left <= box.x and box.x + box.width <= self.right
        inside &= self.top <= box.y and box.y + box.height <= self.bottom
        return not inside, sum(_overlap(box, other) for other in self.taken)


def point_labels(points: Sequence[Point], frame: Box) -> list[Html]:
    """The names of points within a frame, with a line to those that found no room at their point's side."""
    places = _Places(frame.x, frame.x + frame.width, frame.y, frame.y + frame.height)
    for point in points:
        places.taken += [Box(point.x - 6, point.y - 6, 12, 12),
                         Box(point.x - 5, point.top - 1, 10, point.bottom - point.top + 2)]  # fmt: skip
    parts = []
    for point in _merged(points):
        width = len(point.name) * _CHARACTER
        box = min(_candidates(point, width), key=places.faults)
        places.taken.append(box)
        near = box.x if box.x > point.x else box.x + width
        if abs(box.y + _HEIGHT / 2 - point.y) > _HEIGHT / 2:
            parts.append(line(point.x, point.y, near + (-2 if box.x > point.x else 2), box.y + _HEIGHT / 2, "leader"))
        anchor = "start" if box.x > point.x else "end"
        parts.append(text(near, box.y + _HEIGHT - 4, point.name, "label", anchor))
    return parts


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


def _candidates(point: Point, width: float) -> Iterator[Box]:
    """Where a label may stand, the nearest first."""
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
