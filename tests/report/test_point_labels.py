"""Names beside points: none lies upon another or leaves the plot, and points on one another share one."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.report.page.point_labels import Point, point_labels
from compressor.report.page.squares import Box

FRAME = Box(0, 0, 560, 300)


def labels(points):
    """The names that are drawn, each with its left, right and lower end in pixels."""
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"( text-anchor="end")? class="label">(.*?)</text>', "".join(
        map(str, point_labels(points, FRAME))))  # fmt: skip
    places = []
    for x, y, ends, name in found:
        left = float(x) - (7 * len(name) if ends else 0)
        places.append((name, left, left + 7 * len(name), float(y)))
    return places


def test_points_on_one_another_share_a_name_and_those_that_come_back_have_their_own():
    first, there, back = Point(100, 100, 90, 110, "a"), Point(101, 100, 90, 110, "b"), Point(300, 50, 40, 60, "c")
    assert [name for name, *_ in labels([first, there, back, first])] == ["a, b", "c", "a"]
    assert [name for name, *_ in labels([first, there, first._replace(name="z"), back])] == ["a to z", "c"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(20, 540), st.integers(40, 260)), min_size=1, max_size=8))
def test_no_name_of_a_few_points_lies_upon_another_or_leaves_the_plot(places):
    shown = labels([Point(x, y, y - 15, y + 15, f"stage_{n}") for n, (x, y) in enumerate(places)])
    for place, (_, left, right, below) in enumerate(shown):
        assert left >= 0 and right <= FRAME.width and 0 <= below <= FRAME.height
        for _, other_left, other_right, other_below in shown[:place]:
            assert abs(below - other_below) >= 14.9 or right <= other_left or other_right <= left
