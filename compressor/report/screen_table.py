"""Lays out a table for a screen of any width, so that no figure is ever cut: see `Screen.table`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Align: TypeAlias = Literal["left", "right", "whole"]  # texts, figures, and what is on the left but never wrapped

_GAP = 3  # columns between two cells
_NAME = 10  # columns that a name which is folded has at least
_TEXT = 16  # columns that a text which is wrapped has at least
_ASCII_LINE = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


def laid_out(
    head: Sequence[Text],
    rows: Sequence[Sequence[Text]],
    aligns: Sequence[Align],
    choices: Sequence[Sequence[int]],
    fold: bool,
    width: int,
    ascii_only: bool,
    elsewhere: str,
) -> RenderableType:
    """The table with the columns of the first choice that fits the width, and which ones it leaves out.

    If none does, the last one with its texts wrapped; if that is too wide as well, a line for each cell, under a line
    with the row's name.
    """
    columns = [[cell, *(row[index] for row in rows)] for index, cell in enumerate(head)]
    widest = [max(cell.cell_len for cell in column) for column in columns]
    for choice in choices:
        if _total(widths := [widest[index] for index in choice]) <= width:
            break
    else:
        least = [_least(columns[index], aligns[index], fold and index == 0) for index in choice]
        if _total(least) > width:
            lines = _line_by_line([head[index] for index in choice], [[row[index] for index in choice] for row in rows])
            return Group(lines, *_left_out(head, choice, elsewhere))
        widths = _shrunk(widths, least, width)
    table = Table(box=_ASCII_LINE if ascii_only else box.SIMPLE_HEAD, pad_edge=False, show_edge=False, safe_box=False)
    for index, column_width in zip(choice, widths, strict=True):
        table.add_column(
            head[index], justify="right" if aligns[index] == "right" else "left", width=column_width, overflow="fold"
        )
    for row in rows:
        table.add_row(*(row[index] for index in choice))
    return Group(table, *_left_out(head, choice, elsewhere))


def left_out(headings: Sequence[str], elsewhere: str) -> str:
    """Which columns a table leaves out, and where they are."""
    return f" not shown here: {', '.join(headings)}; a wider terminal has room for them, and {elsewhere} has them"


def _left_out(head: Sequence[Text], choice: Sequence[int], elsewhere: str) -> list[Text]:
    headings = [cell.plain for cell in head]
    missing = [_named(headings, index) for index in range(len(head)) if index not in choice]
    return [Text(left_out(missing, elsewhere), "dim")] if missing else []


def _named(headings: Sequence[str], index: int) -> str:
    """The heading of a column, with that before it where it alone would not tell which column is meant."""
    heading, before = headings[index], headings[index - 1]
    if not heading:
        return f"verdict on {before}"
    return heading if headings.count(heading) == 1 else f"{heading} of {before}"


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _least(cells: Sequence[Text], align: Align, fold: bool) -> int:
    """The fewest columns in which no figure and no word of the cells is cut."""
    widest = max(cell.cell_len for cell in cells)
    if align != "left":
        return widest
    if fold:
        return min(widest, _NAME)
    words = [Text(word).cell_len for cell in cells for word in cell.plain.split()]
    return min(widest, max([_TEXT, *words]))


def _shrunk(widths: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """The widths, with columns taken from the widest that has some to give, until the table fits."""
    shrunk = list(widths)
    for _ in range(_total(widths) - width):
        index = max(range(len(shrunk)), key=lambda index: (shrunk[index] > least[index], shrunk[index]))
        shrunk[index] -= 1
    return shrunk


def _line_by_line(head: Sequence[Text], rows: Sequence[Sequence[Text]]) -> RenderableType:
    lines: list[RenderableType] = []
    for name, *cells in rows:
        lines.append(name)
        for heading, cell in zip(head[1:], cells, strict=True):
            if cell.plain:
                label = Text.assemble(heading, ": ") if heading.plain else Text()
                lines.append(Padding.indent(label.append_text(cell), 2))
    return Group(*lines)
