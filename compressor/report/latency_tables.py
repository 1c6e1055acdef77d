"""Tables of what the operators of a file take, kind by kind."""

from __future__ import annotations

from collections.abc import Sequence

from compressor.report.latency_texts import OperatorKind, short_time_text
from compressor.report.name_table import print_table
from compressor.report.screen import Screen


def print_operator_kinds(kinds: Sequence[OperatorKind], screen: Screen, most: int = 0) -> None:
    """The kinds of operators by their time, up to `most` of them if that is not 0."""
    shown = kinds[:most] if most and len(kinds) > most + 1 else kinds
    rows = [
        [
            kind.operator,
            f"{kind.calls:,}",
            "not timed" if kind.seconds is None else short_time_text(kind.seconds),
            f"{kind.share:.0%}".replace("%", " %"),
            kind.kernels,
            kind.computes_in,
        ]
        for kind in shown
    ]
    if rest := kinds[len(shown) :]:
        calls, seconds = sum(kind.calls for kind in rest), sum(kind.seconds or 0.0 for kind in rest)
        share = f"{sum(kind.share for kind in rest):.0%}".replace("%", " %")
        rows.append([f"{len(rest)} other kinds", f"{calls:,}", short_time_text(seconds), share, "", ""])
    headings = ["operator", "calls", "alone", "share", "kernels", "computes in"]
    widths = (max(map(len, column)) for column in zip(headings, *rows, strict=True))
    shown_columns = 6 if sum(width + 2 for width in widths) - 2 <= screen.width else 5
    print_table(headings[:shown_columns], [row[:shown_columns] for row in rows], screen)
