"""The table of layers: what the first and the last file hold of each weight tensor, to be sorted and filtered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from compressor.base.markup import Content, Html, element
from compressor.base.text import counted
from compressor.contracts.report_rows import LayerRow, Report
from compressor.report.figures import ratio_text
from compressor.report.latency_texts import short_time_text
from compressor.report.page.sortable_table import Cell, Head, filtered, sortable

_HEADS: Final = (
    Head("tensor"), Head("shape"), Head("type"), Head("bits", True), Head("values", True), Head("zeros", True),
    Head("unique", True), Head("bytes before", True), Head("bytes after", True), Head("change", True),
    Head("difference", True), Head("left alone"),
)  # fmt: skip
_TIME: Final = Head("time alone", True)  # where operators were timed


def tensor_table(report: Report) -> list[Content]:
    """The table, and above it the filter, which the page's script makes work."""
    first, last = report.stages[0], report.stages[-1]
    before = {layer.name: layer for layer in first.layers}
    left = {layer: f"{reason} ({stage.id})" for stage in report.stages for layer, reason in stage.left_alone.items()}
    timed = any(layer.seconds is not None for layer in last.layers)
    heads = (*_HEADS, _TIME) if timed else _HEADS
    rows = [
        (*_cells(layer, before.get(layer.name), _reason(layer.name, left)), *([_time(layer)] if timed else []))
        for layer in last.layers
    ]
    gone = len(set(before) - {layer.name for layer in last.layers})
    caption = f"Weight tensors of {last.id}, with their bytes in {first.id}"
    table = sortable(caption, heads, rows, "table of layers", "tensors")
    note = f"Of {first.id}, {counted(gone, 'tensor')} went, or got another name." if gone else None
    return [
        *filtered("Filter by name, shape, type or reason", len(rows), table),
        element("p", note, class_="quiet") if note else Html(),
        element("p", f"The difference is that of the weights from those of {first.id}: what training and rounding "
                "changed, root mean square, as a share. What a layer costs in accuracy is measured by ",
                element("code", "compressor debug RUN"), ".", class_="quiet"),
    ]  # fmt: skip


def file_table(layers: Sequence[LayerRow], whole: int) -> list[Content]:
    """The weight tensors of one file of so many bytes, the largest first, below the field that filters them."""
    heads = (*_HEADS[:7], Head("bytes", True), Head("share of the file", True))
    rows = [
        (*_own_cells(layer), Cell(f"{layer.bytes:,}", layer.bytes), _share(layer.bytes / max(1, whole)))
        for layer in sorted(layers, key=lambda layer: -layer.bytes)
    ]
    table = sortable("Weight tensors", heads, rows, "table of tensors", "tensors")
    return filtered("Filter by name, shape or type", len(rows), table)


def _cells(layer: LayerRow, before: LayerRow | None, reason: str) -> Sequence[Cell]:
    old = before.bytes if before else None
    return (
        *_own_cells(layer),
        Cell("" if old is None else f"{old:,}", -1 if old is None else old),
        Cell(f"{layer.bytes:,}", layer.bytes),
        Cell(ratio_text(layer.bytes, old) if old else "", (layer.bytes / old - 1) if old else 0),
        Cell(
            "" if layer.difference is None else f"{layer.difference:.2%}",
            -1 if layer.difference is None else layer.difference,
        ),
        Cell(reason, reason),
    )


def _own_cells(layer: LayerRow) -> Sequence[Cell]:
    return (
        Cell(layer.name, layer.name),
        Cell(shape_text(layer.shape), layer.parameters),
        Cell(layer.dtype, layer.dtype),
        Cell(str(bits_of(layer.dtype)), bits_of(layer.dtype)),
        Cell(f"{layer.parameters:,}", layer.parameters),
        _share(layer.zeros / max(1, layer.parameters)),
        Cell(f"{layer.unique:,}", layer.unique),
    )


def _time(layer: LayerRow) -> Cell:
    """What the operators take that have the tensor as their largest constant; others that use it are not counted."""
    if layer.seconds is None:
        return Cell("", -1)
    return Cell(short_time_text(layer.seconds), layer.seconds)


def _share(share: float) -> Cell:
    return Cell(f"{share:.1%}", share)


def bits_of(dtype: str) -> int:
    """The bits of a value of a type, such as 8 of `int8`."""
    digits = "".join(char for char in dtype if char.isdigit())
    return int(digits[:4]) if digits else 32


def shape_text(shape: Sequence[int]) -> str:
    """`12x3x3x1`, or `scalar`."""
    return "x".join(map(str, shape)) or "scalar"


def _reason(tensor: str, left: dict[str, str]) -> str:
    """Why a step left the layer alone whose tensor this is: the converter puts the layer's name into the tensor's."""
    parts = tensor.replace(";", "/").split("/")
    return next((reason for layer, reason in left.items() if layer in parts), "")
