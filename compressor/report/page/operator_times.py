"""Calls that were timed in turn: each stage's against the baseline's, and where the time goes, operator by operator."""

from __future__ import annotations

from typing import Final

from compressor.base.markup import Html, element
from compressor.contracts.report_rows import Report, StageRow
from compressor.report.latency_texts import (
    OperatorKind,
    operator_kinds,
    ratio_text_of,
    short_time_text,
    whole_text,
)
from compressor.report.page.axes import Scale, drawing, figure, line, text

_ROW: Final = 34  # pixels
_LOGARITHMIC: Final = 12  # times the least ratio that the largest is
_MOST_KINDS: Final = 12


def operator_times(report: Report) -> list[Html]:
    """The two plots and how they were measured; nothing for a run that did not time its stages in turn."""
    first, last = report.stages[0], report.stages[-1]
    timed = [stage for stage in report.stages if stage.latency_ratio is not None]
    if not timed:
        return []
    plots = [_ratios(timed)] if len(timed) > 1 else []
    if any(row.seconds is not None for row in last.operator_times):
        plots.append(_bars(first, last))
    rounds, threads = getattr(last, "latency_rounds", None), getattr(last, "latency_threads", None)
    how = f"Timed on {report.timed_on or 'the machine of the run'} with threads: {threads}, in {rounds} rounds, in "
    how += "each of which all stages took turns. "
    if last.operator_times:
        how += "Operators were timed alone, each in a file of its own, which is an estimate of what they take within "
        how += f"the whole: of {last.id}, {whole_text(last)}."
    return [element("div", plots, class_="pair"), element("p", how, class_="quiet")]


def _ratios(timed: list[StageRow]) -> Html:
    figures = [(stage, stage.latency_ratio or 1.0, stage.latency_ratio_low or 1.0, stage.latency_ratio_high or 1.0)
               for stage in timed]  # fmt: skip
    low, high = min(1.0, *(row[2] for row in figures)), max(1.0, *(row[3] for row in figures))

    def draw(width: float) -> Html:
        left, logarithmic = 110.0, high > _LOGARITHMIC * low
        scale = Scale(low * 0.9 if logarithmic else 0, high * 1.05, left, width - 16, logarithmic)
        bottom = len(figures) * _ROW + 8.0
        parts: list[Html] = [line(scale(1.0), 4, scale(1.0), bottom, "baseline")]
        for tick in scale.ticks(4):
            parts += [line(scale(tick), 4, scale(tick), bottom, "grid"),
                      text(scale(tick), bottom + 18, f"{tick:g}x", "tick", "middle")]  # fmt: skip
        for number, (stage, ratio, least, most) in enumerate(figures):
            y = number * _ROW + 20.0
            parts.append(
                element("g", element("title", f"{stage.id}: {ratio_text_of(stage)}"),
                        text(left - 10, y + 4, stage.id[:14], "label", "end"),
                        line(scale(least), y, scale(most), y, "most"),
                        element("circle", cx=scale(ratio), cy=y, r=5, class_="dot last"))
            )  # fmt: skip
        label = "Time of one call against the baseline's: "
        label += ", ".join(f"{stage.id} {ratio_text_of(stage)}" for stage in timed)
        return drawing(width, bottom + 26, label, parts)

    return figure("Time of one call against the baseline's", draw, "median of the rounds, with its 95 % interval")


def _bars(first: StageRow, last: StageRow) -> Html:
    kinds = [kind for kind in operator_kinds(last.operator_times) if kind.seconds is not None][:_MOST_KINDS]
    before = _seconds_by_name(operator_kinds(first.operator_times)) if first is not last else {}
    shown_before = {kind.operator: before.get(kind.operator, 0.0) for kind in reversed(kinds)}
    longest = max([*(kind.seconds or 0.0 for kind in kinds), *shown_before.values()]) or 1.0

    def draw(width: float) -> Html:
        names = 150 if width < 400 else 190
        scale = Scale(0, longest, names, width - 110)
        parts: list[Html] = []
        told: set[str] = set()
        for number, kind in enumerate(kinds):
            top, then = number * (_ROW + 6) + 8.0, before.get(kind.operator)
            value = f"{short_time_text(kind.seconds or 0.0)}, {kind.share:.0%}".replace("%", " %")
            tip = f"{kind.operator} in {kind.computes_in}: {value} of {last.id}, by {kind.kernels}"
            parts += [
                text(names - 10, top + 12, _cut(kind.operator, names), "label", "end"),
                text(names - 10, top + 28, _cut(f"{kind.computes_in}, {kind.kernels}", names), "tick", "end"),
                element("rect", element("title", tip), x=scale(0), y=top, width=_width(scale, kind.seconds or 0.0),
                        height=16, class_="bar total"),
                text(scale(kind.seconds or 0.0) + 8, top + 13, value, "value"),
            ]  # fmt: skip
            if then is not None and kind.operator not in told:
                told.add(kind.operator)
                tip = f"{kind.operator}: {short_time_text(then)} in {first.id}"
                parts.append(element("rect", element("title", tip), x=scale(0), y=top + 18,
                                     width=_width(scale, then), height=8, class_="bar shrunk"))  # fmt: skip
        label = f"Time of the operators of {last.id}: " + ", ".join(
            f"{kind.operator} in {kind.computes_in} {short_time_text(kind.seconds or 0.0)}" for kind in kinds
        )
        return drawing(width, len(kinds) * (_ROW + 6) + 12, label, parts)

    note = f"of {last.id}, share of all operators" + (f"; thin: {first.id}, all types" if before else "")
    return figure("Time by operator", draw, note)


def _seconds_by_name(kinds: list[OperatorKind]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for kind in kinds:
        seconds[kind.operator] = seconds.get(kind.operator, 0.0) + (kind.seconds or 0.0)
    return seconds


def _width(scale: Scale, seconds: float) -> float:
    return max(1.5, scale(seconds) - scale(0))


def _cut(name: str, width: float) -> str:
    room = int(width / 7.9) - 1
    return name if len(name) <= room else f"{name[: room - 1]}…"
