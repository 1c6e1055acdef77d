"""How long one call of each stage's file takes, as a distribution over the calls that were timed."""

from __future__ import annotations

from typing import Final

from compressor.base.markup import Html, element
from compressor.contracts.report_rows import Report, StageRow
from compressor.report.figures import time_text
from compressor.report.page.axes import Scale, drawing, figure, line, text

_ROW: Final = 34  # pixels
_LOGARITHMIC: Final = 12  # times the shortest call that the longest takes


def call_times(report: Report) -> Html:
    """A row for each stage: all calls, nine in ten of them, and the median."""
    timed = [(stage, stage.latency_percentiles or [stage.latency_p50, stage.latency_p50, stage.latency_p90])
             for stage in report.stages]  # fmt: skip
    low, high = min(min(times) for _, times in timed), max(_tail(stage, times) for stage, times in timed)

    def draw(width: float) -> Html:
        left, logarithmic = 110.0, low > 0 and high > _LOGARITHMIC * low
        scale = Scale(low * 0.9 if logarithmic else 0, high * 1.05, left, width - 16, logarithmic)
        bottom = len(timed) * _ROW + 8.0
        parts: list[Html] = []
        for tick in scale.ticks(4):
            parts += [line(scale(tick), 4, scale(tick), bottom, "grid"),
                      text(scale(tick), bottom + 18, time_text(tick), "tick", "middle")]  # fmt: skip
        for number, (stage, times) in enumerate(timed):
            y, tip = number * _ROW + 20.0, f"{stage.id}: median {time_text(stage.latency_p50)}, nine in ten below "
            parts.append(
                element("g", element("title", tip + time_text(stage.latency_p90)),
                        text(left - 10, y + 4, stage.id[:14], "label", "end"),
                        line(scale(times[0]), y, scale(_tail(stage, times)), y, "span"),
                        line(scale(_percentile(stage, 10)), y, scale(stage.latency_p90), y, "most"),
                        element("circle", cx=scale(stage.latency_p50), cy=y, r=5, class_="dot last"))
            )  # fmt: skip
        label = "Time of one call with one sample: " + ", ".join(
            f"{stage.id} {time_text(stage.latency_p50)}" for stage, _ in timed
        )
        return drawing(width, bottom + 26, label, parts)

    note = "one sample, one thread; dot: median, thick: 80 % of the calls, thin: 95 %"
    return element("div", figure("Time of one call", draw, note), class_="pair")


def _percentile(stage: StageRow, percent: int) -> float:
    every = stage.latency_percentiles
    return every[percent // 5] if len(every) == 21 else stage.latency_p50


def _tail(stage: StageRow, times: list[float]) -> float:
    """What 95 % of the calls stay below: the slowest ones tell of the machine."""
    return times[19] if len(times) == 21 else stage.latency_p90
