"""How the last stage fits the recipe's target: what it needs, what is missing, and what falls back."""

from __future__ import annotations

from collections.abc import Iterator

from compressor.base.markup import Content, Html, element, table
from compressor.contracts.report_rows import DeviceRow, KernelRow, Report
from compressor.report.device_rows import device_lines


def device_fit(report: Report) -> list[Html] | None:
    """The facts in words, and a table of the operators that the device does not run itself; None without a target."""
    row: DeviceRow | None = getattr(report.stages[-1], "device", None)
    if row is None:
        return None
    lines = [*device_lines(report.stages[-1]), *(miss.text for miss in row.misses)]
    parts = [element("ul", [element("li", line) for line in lines], class_="notes")]
    cells = [
        *_cells(row.without_kernel, "no kernel"),
        *_cells(row.in_float, "float does not run"),
        *_cells(row.fallback, "reference kernel or CPU"),
    ]
    if cells:
        head = ["operator", "types", "what runs it", "calls", "share of MACs"]
        parts.append(table(head, cells, f"Operators that {row.name} does not run itself", numbers=(3, 4)))
    return parts


def _cells(groups: list[KernelRow], how: str) -> Iterator[list[Content]]:
    for group in groups:
        share = "-" if group.share_of_macs is None else f"{group.share_of_macs:.1%}"
        yield [element("code", group.operator), group.types, how, group.calls, share]
