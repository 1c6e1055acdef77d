"""Where the bytes went: a waterfall over the stages, and the tensors of the first and the last file as a treemap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from compressor.base.sizes import format_size
from compressor.contracts.report_rows import Report, StageRow
from compressor.report.figures import ratio_text
from compressor.report.page.axes import Scale, drawing, figure, line, text
from compressor.report.page.markup import Html, element
from compressor.report.page.squares import Box, squarified
from compressor.report.page.tensor_table import bits_of

REST: Final = "everything else in the file"
_ROW: Final = 34  # pixels
_MOST_BOXES: Final = 60  # of a treemap; smaller tensors share one
_NAMED: Final = 64  # pixels of width from where a box has its name
_CHARACTER: Final = 7.9  # pixels of a label's character, about


class _Part(NamedTuple):
    name: str
    bytes: int
    tip: str
    class_: str


def byte_flow(report: Report) -> list[Html]:
    """A waterfall for bytes and one for bytes after gzip, and the treemaps on one scale."""
    first, last = report.stages[0], report.stages[-1]
    waterfalls = [
        figure("Size of the file, step by step", _waterfall(report.stages, attrgetter("bytes"), "size of the file")),
        figure("Size after gzip -9, step by step", _waterfall(report.stages, attrgetter("gzip_bytes"), "gzipped size")),
    ]
    largest = max(sum(part.bytes for part in _parts(stage)) for stage in (first, last))
    maps = [_treemap(stage, largest) for stage in ((first, last) if len(report.stages) > 1 else (first,))]
    held = {part.class_ for stage in (first, last) for part in _parts(stage)}
    key = [
        element("span", element("i", class_=f"swatch {class_}"), name)
        for class_, name in _KINDS.items()
        if class_ in held
    ]
    return [element("div", waterfalls, class_="pair"), element("div", maps, class_="pair"),
            element("p", key, class_="key")]  # fmt: skip


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
                text(names - 10, top + 16, _cut(stage.id, names - 10), "label", "end"),
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


_KINDS: Final = {"wide-values": "32 bits and more", "half-values": "16 bits", "byte-values": "8 bits",
                 "few-values": "4 bits and fewer", "no-values": REST}  # fmt: skip


def value_class(dtype: str) -> str:
    """The class of a tensor's color: its width in bits."""
    bits = bits_of(dtype)
    return (
        "wide-values" if bits >= 32 else "half-values" if bits >= 16 else "byte-values" if bits >= 8 else "few-values"
    )


def _parts(stage: StageRow) -> list[_Part]:
    """What a file is made of, the largest first: its tensors, and the rest."""
    whole = stage.unpacked_bytes or stage.bytes
    layers = sorted(stage.layers, key=lambda layer: -layer.bytes)
    parts = [
        _Part(layer.name, layer.bytes,
              f"{layer.name}: {format_size(layer.bytes)}, {layer.parameters:,} values of {layer.dtype}, "
              f"{layer.zeros / max(1, layer.parameters):.1%} zeros", value_class(layer.dtype))
        for layer in layers[:_MOST_BOXES]
        if layer.bytes
    ]  # fmt: skip
    small = layers[_MOST_BOXES:]
    if small_bytes := sum(layer.bytes for layer in small):
        tip = f"{len(small)} smaller tensors: {format_size(small_bytes)}"
        parts.append(_Part(f"{len(small)} smaller ones", small_bytes, tip, value_class(small[0].dtype)))
    rest = whole - sum(layer.bytes for layer in stage.layers)
    if rest > 0:
        parts.append(_Part(REST, rest, f"{REST}: {format_size(rest)}", "no-values"))
    return sorted(parts, key=lambda part: -part.bytes)


def _treemap(stage: StageRow, largest: int) -> Html:
    parts = _parts(stage)
    total = sum(part.bytes for part in parts)

    def draw(width: float) -> Html:
        height = 300 if width > 400 else 260
        share = (total / largest) ** 0.5
        frame = Box(0, 0, width * share, height * share)
        boxes = [
            _drawn_box(part, box) for part, box in zip(parts, squarified([p.bytes for p in parts], frame), strict=True)
        ]
        return drawing(width, height, f"Tensors after {stage.id} by their bytes; the table of layers lists them", boxes)

    packed = "" if stage.unpacked_bytes is None else f", packed into {format_size(stage.bytes)}"
    title = f"{stage.id}: {format_size(stage.unpacked_bytes or stage.bytes)}{packed}"
    return figure(title, draw, "areas are bytes, on one scale")


def _drawn_box(part: _Part, box: Box) -> Html:
    rect = element("rect", x=box.x + 0.5, y=box.y + 0.5, width=max(0.5, box.width - 1),
                   height=max(0.5, box.height - 1), class_=part.class_)  # fmt: skip
    inner, size = [element("title", part.tip), rect], format_size(part.bytes)
    if box.height > 22 and box.width > _NAMED:
        inner.append(text(box.x + 7, box.y + 18, _cut(part.name, box.width - 12), f"on-{part.class_}"))
        if box.height > 40 and len(size) * _CHARACTER < box.width - 12:
            inner.append(text(box.x + 7, box.y + 35, size, f"on-{part.class_}"))
    return element("g", inner)


def _cut(name: str, width: float) -> str:
    """A name as far as it fits."""
    room = max(2, int(width / _CHARACTER))
    return name if len(name) <= room else f"{name[: room - 1]}…"
