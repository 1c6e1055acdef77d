"""The plots of a file's contents: what its operators weigh, and the memory that they need one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from compressor.base.markup import Html, element
from compressor.base.sizes import format_size
from compressor.inspecting.content_rows import ArenaRow, OperatorTypeRow
from compressor.inspecting.content_texts import memory_title, peak_of
from compressor.report.figures import count_text
from compressor.report.page.axes import Scale, drawing, figure, frame, line, text
from compressor.report.page.tensor_map import shortened_to

_ROW: Final = 30  # pixels
_MOST: Final = 10  # bars
_MOST_BLOCKS: Final = 600  # operators that are drawn one by one
_HEIGHT: Final = 240


def operator_bars(rows: Sequence[OperatorTypeRow]) -> list[Html]:
    """The types of operators by the bytes of their constants, and by their multiply-accumulates.

    In a file that also computes in integers, those that compute in float have a color of their own.
    """
    mixed = len({row.arithmetic for row in rows} & {"float", "integer"}) == 2
    plots = []
    weights = _largest(
        (f"{row.operator} ({row.computes_in})", row.constant_bytes, mixed and row.arithmetic == "float") for row in rows
    )
    if weights:
        plots.append(figure("Bytes of constants", _bars(weights, format_size, "bytes of constants"), _note(weights)))
    macs = _largest(
        (f"{row.operator} ({row.computes_in})", row.macs or 0, mixed and row.arithmetic == "float") for row in rows
    )
    if macs:
        plots.append(figure("Multiply-accumulates", _bars(macs, count_text, "multiply-accumulates"), _note(macs)))
    return plots


def memory_plot(arena: ArenaRow) -> Html:
    """The bytes alive at each operator, the peak marked; nothing where there are none, or too many to be seen."""
    operators, peak = arena.operators, peak_of(arena)
    most = max((operator.reach for operator in operators), default=0)
    if not most or len(operators) > _MOST_BLOCKS:
        return Html()

    def draw(width: float) -> Html:
        x, y = Scale(0, len(operators), 64, width - 8), Scale(0, most, _HEIGHT - 48, 28)
        parts: list[Html] = frame(x, y, lambda tick: f"{tick:.0f}", format_size, "operators", "bytes in the arena", 5)
        for place, operator in enumerate(operators):
            class_ = "bar total" if operator is peak else "bar shrunk"
            tip = f"{memory_title(operator)}: {operator.bytes:,} bytes alive"
            gap = 1 if x(1) - x(0) > 4 else 0
            parts.append(
                element("rect", element("title", tip), x=x(place), y=y(operator.bytes),
                        width=max(0.5, x(place + 1) - x(place) - gap), height=y(0) - y(operator.bytes), class_=class_)
            )  # fmt: skip
        return drawing(width, _HEIGHT, "Bytes alive in the arena at each operator; the table lists them", parts)

    at = f"most at {memory_title(peak)}" if peak else ""
    return figure("Memory of tensors, operator by operator", draw, at)


def _note(rows: Sequence[tuple[str, int, bool]]) -> str:
    return "in red what computes in float" if any(in_float for _, _, in_float in rows) else ""


def _largest(rows: Iterable[tuple[str, int, bool]]) -> list[tuple[str, int, bool]]:
    return sorted((row for row in rows if row[1]), key=lambda row: -row[1])[:_MOST]


def _bars(rows: Sequence[tuple[str, int, bool]], words: Callable[[int], str], what: str) -> Callable[[float], Html]:
    def draw(width: float) -> Html:
        scale = Scale(0, rows[0][1], 0, width - 90)
        parts: list[Html] = []
        for place, (name, value, in_float) in enumerate(rows):
            top, end = place * _ROW * 1.6, max(1.5, scale(value))
            class_ = "float-values" if in_float else "bar total"
            parts += [
                text(0, top + 14, shortened_to(name, width), "label"),
                element("rect", element("title", f"{name}: {words(value)}"), x=0.0, y=top + 20, width=end, height=18,
                        class_=class_),
                text(end + 8, top + 34, words(value), "value"),
            ]  # fmt: skip
        height = len(rows) * _ROW * 1.6
        parts.append(line(0, 0, 0, height, "axis"))
        label = f"{what}: " + ", ".join(f"{name} {words(value)}" for name, value, _ in rows)
        return drawing(width, height, label, parts)

    return draw
