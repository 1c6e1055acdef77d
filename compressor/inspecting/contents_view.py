"""How the contents of a model file look in a notebook, and as text in a Python prompt."""

from __future__ import annotations

from compressor.base.markup import Content, element, table
from compressor.base.notebook import snippet
from compressor.base.outgoing import one_line
from compressor.base.sizes import format_size
from compressor.inspecting.content_rows import EndRow, ModelContents
from compressor.inspecting.content_texts import (
    arithmetic_text,
    island_place,
    island_title,
    neighbors_text,
    range_text,
    shape_of,
)
from compressor.report.figures import count_text

_MOST_TYPES = 12
_MOST_ISLANDS = 6


class ViewedContents(ModelContents):
    """The contents of a model file, which a notebook shows."""

    def __repr__(self) -> str:
        sizes = f"{format_size(self.bytes)}, {self.parameters:,} parameters"
        return one_line(f"<contents of {self.file}: {sizes}, {self.operators} operators; {arithmetic_text(self)}>")

    def _repr_html_(self) -> str:
        sizes = (
            f"{self.kind} · {format_size(self.bytes)}, {format_size(self.gzip_bytes)} gzipped · "
            f"{self.parameters:,} parameters · {count_text(self.macs)} multiply-accumulates"
        )
        ends = [
            _end(side, end)
            for signature in self.signatures
            for side, found in (("input", signature.inputs), ("output", signature.outputs))
            for end in found
        ]
        rows = sorted(self.operators_by_type, key=lambda row: (-row.constant_bytes, -row.calls))
        types = [
            [row.operator, f"{row.calls:,}", row.computes_in, f"{row.constant_bytes:,}", count_text(row.macs)]
            for row in rows[:_MOST_TYPES]
        ]
        return snippet(
            element("p", self.file, " ", element("span", sizes, class_="quiet"), class_="title"),
            element("p", arithmetic_text(self), class_="headline"),
            table(["name", "", "shape", "type", "real values"], ends, "Inputs and outputs", numbers=(4,)),
            table(
                ["operator", "calls", "computes in", "bytes", "MACs"], types, "Operators by bytes", numbers=(1, 3, 4)
            ),
            element("p", f"and {len(rows) - _MOST_TYPES} more", class_="quiet") if len(rows) > _MOST_TYPES else None,
            element("ul", [element("li", told) for told in _islands(self)]) if self.float_islands else None,
        )


def _end(side: str, end: EndRow) -> list[Content]:
    return [element("code", end.name), side, shape_of(end), end.dtype, range_text(end) or "-"]


def _islands(contents: ModelContents) -> list[str]:
    told = [
        f"{island_title(island)}, {island_place(island)}: fed by {neighbors_text(island.fed_by, 'input')}, "
        f"taken by {neighbors_text(island.taken_by, 'output')}"
        for island in contents.float_islands[:_MOST_ISLANDS]
    ]
    more = len(contents.float_islands) - _MOST_ISLANDS
    return [*told, f"and {more} more"] if more > 0 else told
