"""Where the bytes went: a waterfall over the stages, and the tensors of the first and the last file as a treemap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final

from compressor.base.markup import Html, element
from compressor.base.sizes import format_size
from compressor.contracts.report_rows import Report, StageRow
from compressor.report.figures import ratio_text
from compressor.report.page.axes import Scale, drawing, figure, line, text
from compressor.report.page.tensor_map import Part, color_key, parts_of, shortened_to, tensor_map

_ROW: Final = 34  # pixels


def byte_flow(report: Report) -> list[Html]:
    """A waterfall for bytes and one for bytes after gzip, and the treemaps on one scale."""
    first, last = report.stages[0], report.stages[-1]
    waterfalls = [
        figure("Size of the file, step by step", _waterfall(report.stages, attrgetter("bytes"), "size of the file")),
        figure("Size after gzip -9, step by step", _waterfall(report.stages, attrgetter("gzip_bytes"), "gzipped size")),
    ]
    every = [parts_of(stage.layers, stage.unpacked_bytes or stage.bytes) for stage in (first, last)]
    largest = max(sum(part.bytes for part in parts) for parts in every)
    shown = zip((first, last) if len(report.stages) > 1 else (first,), every, strict=False)
    maps = [_map_of(stage, parts, largest) for stage, parts in shown]
    return [element("div", waterfalls, class_="pair"), element("div", maps, class_="pair"),
            color_key([part for parts in every for part in parts])]  # fmt: skip


def _map_of(stage: StageRow, parts: Sequence[Part], largest: int) -> Html:
    packed = "" if stage.unpacked_bytes is None else f", packed into {format_size(stage.bytes)}"
    title = f"{stage.id}: {format_size(stage.unpacked_bytes or stage.bytes)}{packed}"
    label = f"Tensors after {stage.id} by their bytes; the table of layers lists them"
    return tensor_map(title, parts, label, "areas are bytes, on one scale", largest)


def _waterfall(stages: Sequence[StageRow], size: Callable[[StageRow], int], what: str) -> Callable[[float], Html]:
    sizes = [size(stage) for stage in stages]

    def draw(width: float) -> Html:
        names = 90 if width < 400 else 120
        scale = Scale(0, max(sizes) or 1, names, width - 116)
        parts: list[Html] = []
        for index, (stage, own) in enumerate(zip(stages, sizes, strict=True)):
            top, before = index * _ROW + 8, sizes[max(0, index - 1)]
            low, high = (0, own) if index == 0 else sorted((before, own))
            class_ = "bar total" if index == 0 else "bar shrunk" if own <= before else "bar grown"
            change = format_size(own) if index == 0 else _change(own, before)
            tip = f"{stage.id}: {format_size(own)}" + ("" if index == 0 else f" ({change})")
            left, right = scale(low), max(scale(high), scale(low) + 1.5)
            if index:
                parts.append(line(scale(before), top - _ROW + 24, scale(before), top + 24, "leader"))
            parts += [
                text(names - 10, top + 16, shortened_to(stage.id, names - 10), "label", "end"),
                element("rect", element("title", tip), x=left, y=float(top), width=right - left, height=24,
                        class_=class_),
                text(right + 8, top + 16, change, "value"),
            ]  # fmt: skip
        top = len(stages) * _ROW + 8
        if len(stages) > 1:
            parts += [
                line(scale(sizes[-1]), top - _ROW + 24, scale(sizes[-1]), top + 24, "leader"),
                text(names - 10, top + 16, "result", "label strong", "end"),
                element("rect", x=scale(0), y=float(top), width=max(1.5, scale(sizes[-1]) - scale(0)), height=24,
                        class_="bar total"),
                text(scale(sizes[-1]) + 8, top + 16, format_size(sizes[-1]), "value strong"),
            ]  # fmt: skip
        label = f"{what}: " + ", ".join(
            f"{stage.id} {format_size(own)}" for stage, own in zip(stages, sizes, strict=True)
        )
        return drawing(width, top + 32 + (0 if len(stages) > 1 else -_ROW), label, parts)

    return draw


def _change(now: int, before: int) -> str:
    if now == before:
        return "±0"
    sign = "-" if now < before else "+"
    return f"{sign}{format_size(abs(now - before))} ({ratio_text(now, before)})"
