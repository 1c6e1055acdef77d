"""A table of names and figures, in which neither is ever cut."""

from __future__ import annotations

from collections.abc import Sequence

from compressor.report.screen import Screen
from compressor.report.screen_table import Align


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], screen: Screen) -> None:
    """Print rows of names and figures. A name that leaves no room for its figures gets a line of its own."""
    if not rows:
        return
    rows = [[screen.shown(cell) for cell in row] for row in rows]
    names, *others = (max(map(len, column)) for column in zip(headings, *rows, strict=True))

    def figures(row: Sequence[str]) -> str:
        return "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], others, strict=True))

    if len(headings[0]) + len(figures(headings)) > screen.width:
        first, *figure_headings = headings
        aligned: list[tuple[str, Align]] = [(first, "left"), *((each, "whole") for each in figure_headings)]
        screen.print(screen.table(aligned, rows, fold=True))
        screen.show()
        return
    room = min(names, max(screen.width - len(figures(headings)), len(headings[0])))
    screen.show((f"{headings[0]:{room}}{figures(headings)}", "bold"), wrap=False)
    screen.show("─" * min(screen.width, room + len(figures(headings))))
    for row in rows:
        if len(row[0]) > room:
            screen.show(row[0], wrap=False)
        name = row[0] if len(row[0]) <= room else ""
        screen.show(f"{name:{room}}{figures(row)}".rstrip(), wrap=False)
    screen.show()
