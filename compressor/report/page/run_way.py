"""The way of a run: a metric of each stage against its size, with intervals, limits and the baseline."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from compressor.base.markup import Html, element
from compressor.base.sizes import format_size
from compressor.contracts.report_rows import ConstraintRow, MetricRow, Report, StageRow
from compressor.report.figures import metric_text
from compressor.report.page.axes import Scale, drawing, figure, frame, line, path, text
from compressor.report.page.point_labels import Point, freest, point_labels, text_box
from compressor.report.page.squares import Box

_LOGARITHMIC: Final = 12  # times the smallest size that the largest has, from where a logarithmic axis tells more
_FARTHEST: Final = 100  # times the largest size; a limit beyond that is not drawn
_BY_SIZE: Final = (("size of the file", "bytes", "max_size"), ("size after gzip -9", "gzip_bytes", "max_gzip_size"))


def run_way(report: Report) -> Html:
    """The plots of a run's stages and its limits, by the first metric."""
    return size_plots(report.stages, next(iter(report.stages[0].metrics)), report.constraints)


def size_plots(
    stages: Sequence[StageRow], metric: str, constraints: Sequence[ConstraintRow] = (), joined: bool = True
) -> Html:
    """A plot of a metric against the size of the file, and one against its size after gzip.

    Args:
        stages: the points; a line marks the metric of the first.
        metric: its name.
        constraints: those about these figures are drawn.
        joined: draw a line from each point to the next.
    """
    plots = [
        figure(
            f"{title[0].upper()}{title[1:]} and {metric}",
            _Plot(stages, metric, constraints, joined, title, attrgetter(key), limit).drawn,
        )
        for title, key, limit in _BY_SIZE
    ]
    return element("div", plots, class_="pair")


@dataclass(frozen=True)
class _Plot:
    """A metric against a size; `limit` is the name of the constraint on that size."""

    stages: Sequence[StageRow]
    metric: str
    constraints: Sequence[ConstraintRow]
    joined: bool
    title: str
    size: Callable[[StageRow], int]
    limit: str

    def drawn(self, width: float) -> Html:
        rows = [stage.metrics[self.metric] for stage in self.stages]
        sizes = [max(1, self.size(stage)) for stage in self.stages]
        upright = self._size_limits(max(sizes) * _FARTHEST)
        levels = [(row, level) for row in self.constraints
                  if (level := limit_level(row, self.metric, rows[0])) is not None]  # fmt: skip
        x = _size_scale([*sizes, *(row.number or 1 for row in upright)], 64, width - 16)
        y = _metric_scale(rows, [level for _, level in levels], 268, 34)
        share, digits = rows[0].share, _digits(y.high - y.low, rows[0].share)
        points = [
            Point(x(own), y(row.value), y(_within(row.high, y)), y(_within(row.low, y)), stage.id)
            for own, row, stage in zip(sizes, rows, self.stages, strict=True)
        ]
        parts = frame(x, y, format_size, lambda v: f"{v * 100:.{digits}f} %" if share else f"{v:.4g}",
                      self.title, self.metric, 5)  # fmt: skip
        parts.append(line(x.start, y(rows[0].value), x.end, y(rows[0].value), "baseline"))
        for row in upright:
            at = x(row.number or 1)
            beside, anchor = (at - 5, "end") if at > width / 2 else (at + 5, "start")
            parts.append(line(at, y.start, at, y.end, "limit"))
            parts.append(text(beside, y.end - 4, f"at most {row.limit}", "limit-text", anchor))
        taken = []
        for row, level in levels:
            if y.low <= level <= y.high:
                words = f"{row.name} {row.limit}"
                places = [text_box(end, y(level) + drop, words, side) for drop in (-5, 14)
                          for end, side in ((x.end, "end"), (x.start + 4, "start"))]  # fmt: skip
                box = freest(places, points)
                taken.append(box)
                parts += [line(x.start, y(level), x.end, y(level), "limit"),
                          text(box.x, box.y + box.height - 4, words, "limit-text")]  # fmt: skip
        if self.joined:
            parts.append(path([(point.x, point.y) for point in points], "way"))
        for number, point in enumerate(points):
            parts.append(_interval(point))
            tip = f"{point.name}: {format_size(sizes[number])}, {metric_text(rows[number])}"
            last = " last" if number == len(points) - 1 else ""
            parts.append(element("circle", element("title", tip), cx=point.x, cy=point.y, r=5, class_=f"dot{last}"))
        parts += point_labels(points, Box(x.start, 16, width - x.start, y.start - 18), taken)
        return drawing(width, 312, self._described(sizes), parts)

    def _size_limits(self, largest: int) -> list[ConstraintRow]:
        return [row for row in self.constraints if row.name == self.limit and 0 < (row.number or 0) < largest]

    def _described(self, sizes: Sequence[int]) -> str:
        stages = "; ".join(
            f"{stage.id} {format_size(size)} at {metric_text(stage.metrics[self.metric])}"
            for stage, size in zip(self.stages, sizes, strict=True)
        )
        return f"The {self.title} against {self.metric}, stage by stage: {stages}"


def limit_level(row: ConstraintRow, metric: str, baseline: MetricRow) -> float | None:
    """The value of the first metric at which a constraint is just met; None for one about something else."""
    if row.number is None:
        return None
    worse = -1 if baseline.higher_is_better else 1
    if row.name == "max_accuracy_drop":
        return baseline.value + worse * row.number
    if row.name == "max_relative_drop":
        return baseline.value + worse * row.number * abs(baseline.value)
    return row.number if row.name in ("min_accuracy", f"metric_limits.{metric}") else None


def _size_scale(sizes: Sequence[float], start: float, end: float) -> Scale:
    low, high = min(sizes), max(sizes)
    if high > _LOGARITHMIC * low:
        return Scale(low / 1.6, high * 1.6, start, end, logarithmic=True)
    return Scale(0, high * 1.08, start, end)


def _metric_scale(rows: Sequence[MetricRow], levels: Sequence[float], start: float, end: float) -> Scale:
    """A scale that shows all intervals, and those limits that do not squeeze them."""
    ends = [end for row in rows for end in (row.low, row.value, row.high) if math.isfinite(end)]
    low, high = min(ends), max(ends)
    room = max(high - low, abs(high) * 1e-3, 1e-9)
    near = [level for level in levels if low - 2 * room <= level <= high + 2 * room]
    low, high = min([low, *near]), max([high, *near])
    pad = max(high - low, room) * 0.12
    return Scale(low - pad, high + pad, start, end)


def _digits(spread: float, share: bool) -> int:
    return max(0, min(3, 1 - math.floor(math.log10(spread * 100)))) if share and spread > 0 else 1


def _within(value: float, scale: Scale) -> float:
    return min(max(value, scale.low), scale.high)


def _interval(point: Point) -> Html:
    ends = [line(point.x - 5, y, point.x + 5, y, "interval") for y in (point.top, point.bottom)]
    return element("g", line(point.x, point.bottom, point.x, point.top, "interval"), ends)
