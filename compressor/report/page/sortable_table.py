"""A table that the page's script sorts by a click on a heading, and one that it also filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from compressor.base.markup import Content, Html, element


class Head(NamedTuple):
    """The heading of a column, and whether its cells are figures."""

    name: str
    figures: bool = False


class Cell(NamedTuple):
    """A cell, and what it is sorted by."""

    text: str
    order: float | str


def sortable(caption: str, heads: Sequence[Head], rows: Sequence[Sequence[Cell]], label: str, id_: str = "") -> Html:
    """A table that can be sorted by each of its columns.

    Args:
        caption: what it shows, for those who do not see it.
        heads: of the columns.
        rows: the cells; the first of each row is its heading, a name from the file.
        label: of the region in which the table scrolls.
        id_: of the table.
    """
    cells = [
        element("th", element("button", name, type="button"), scope="col", class_="number" if figures else None)
        for name, figures in heads
    ]
    lines = [element("tr", [_cell(heads[index], index, cell) for index, cell in enumerate(row)]) for row in rows]
    table = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", cells)),
        element("tbody", lines),
        id=id_ or None,
        class_="sortable",
    )
    return element("div", table, class_="scroll tall", tabindex=0, role="region", aria_label=label)


def filtered(words: str, count: int, table: Content) -> list[Content]:
    """The table of tensors below the field that filters it.

    Args:
        words: what the reader may filter by.
        count: of its rows.
        table: with the id `tensors`.
    """
    label = element("label", words, for_="filter")
    field = element("input", id="filter", type="search", autocomplete="off", aria_controls="tensors")
    shown = element("output", f"{count} of {count} tensors", id="shown", for_="filter")
    return [element("p", label, field, shown, class_="filter"), table]


def _cell(head: Head, index: int, cell: Cell) -> Html:
    order = None if isinstance(cell.order, str) else f"{cell.order:.6g}"
    if index == 0:
        return element("th", element("code", cell.text), scope="row")
    return element("td", cell.text, data_order=order, class_="number" if head.figures else None)
