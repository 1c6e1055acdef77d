"""The table of layers: what the first and the last file hold of each weight tensor, to be sorted and filtered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from compressor.base.text import counted
from compressor.contracts.report_rows import LayerRow, Report
from compressor.report.figures import ratio_text
from compressor.report.latency_texts import short_time_text
from compressor.report.page.markup import Html, element

_HEADS: Final = (  # and whether the cells are figures
    ("tensor", False), ("shape", False), ("type", False), ("bits", True), ("values", True), ("zeros", True),
    ("unique", True), ("bytes before", True), ("bytes after", True), ("change", True), ("difference", True),
    ("left alone", False),
)  # fmt: skip
_TIME: Final = ("time alone", True)  # where operators were timed


class _Cell(NamedTuple):
    text: str
    order: float | str


def tensor_table(report: Report) -> list[Html]:
    """The table, and above it the filter, which the page's script makes work."""
    first, last = report.stages[0], report.stages[-1]
    before = {layer.name: layer for layer in first.layers}
    left = {layer: f"{reason} ({stage.id})" for stage in report.stages for layer, reason in stage.left_alone.items()}
    timed = any(layer.seconds is not None for layer in last.layers)
    columns = (*_HEADS, _TIME) if timed else _HEADS
    rows = [
        (*_cells(layer, before.get(layer.name), _reason(layer.name, left)), *([_time(layer)] if timed else []))
        for layer in last.layers
    ]
    gone = len(set(before) - {layer.name for layer in last.layers})
    heads = [
        element("th", element("button", name, type="button"), scope="col", class_="number" if figures else None)
        for name, figures in columns
    ]
    lines = [element("tr", [_cell(cell, *column) for cell, column in zip(row, columns, strict=True)]) for row in rows]
    table = element(
        "table",
        element("caption", f"Weight tensors of {last.id}, with their bytes in {first.id}"),
        element("thead", element("tr", heads)),
        element("tbody", lines),
        id="tensors",
        class_="sortable",
    )
    label = element("label", "Filter by name, shape, type or reason", for_="filter")
    field = element("input", id="filter", type="search", autocomplete="off", aria_controls="tensors")
    count = element("output", f"{len(rows)} of {len(rows)} tensors", id="shown", for_="filter")
    note = f"Of {first.id}, {counted(gone, 'tensor')} went, or got another name." if gone else None
    return [
        element("p", label, field, count, class_="filter"),
        element("div", table, class_="scroll tall", tabindex=0, role="region", aria_label="table of layers"),
        element("p", note, class_="quiet") if note else Html(),
        element("p", f"The difference is that of the weights from those of {first.id}: what training and rounding "
                "changed, root mean square, as a share. What a layer costs in accuracy is measured by ",
                element("code", "compressor debug RUN"), ".", class_="quiet"),
    ]  # fmt: skip


def _cells(layer: LayerRow, before: LayerRow | None, reason: str) -> Sequence[_Cell]:
    zeros = layer.zeros / max(1, layer.parameters)
    old = before.bytes if before else None
    return (
        _Cell(layer.name, layer.name),
        _Cell(shape_text(layer.shape), layer.parameters),
        _Cell(layer.dtype, layer.dtype),
        _Cell(str(bits_of(layer.dtype)), bits_of(layer.dtype)),
        _Cell(f"{layer.parameters:,}", layer.parameters),
        _Cell(f"{zeros:.1%}", zeros),
        _Cell(f"{layer.unique:,}", layer.unique),
        _Cell("" if old is None else f"{old:,}", -1 if old is None else old),
        _Cell(f"{layer.bytes:,}", layer.bytes),
        _Cell(ratio_text(layer.bytes, old) if old else "", (layer.bytes / old - 1) if old else 0),
        _Cell(
            "" if layer.difference is None else f"{layer.difference:.2%}",
            -1 if layer.difference is None else layer.difference,
        ),
        _Cell(reason, reason),
    )


def _time(layer: LayerRow) -> _Cell:
    """What the operators take that have the tensor as their largest constant; others that use it are not counted."""
    if layer.seconds is None:
        return _Cell("", -1)
    return _Cell(short_time_text(layer.seconds), layer.seconds)


def _cell(cell: _Cell, heading: str, is_figure: bool) -> Html:
    order = None if isinstance(cell.order, str) else f"{cell.order:.6g}"
    if heading == "tensor":
        return element("th", element("code", cell.text), scope="row")
    return element("td", cell.text, data_order=order, class_="number" if is_figure else None)


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
