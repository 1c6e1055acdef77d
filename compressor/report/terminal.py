"""A report in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from compressor.base.sizes import format_size
from compressor.contracts.report_rows import LayerRow, MetricRow, Report
from compressor.report.figures import (
    change_text,
    clock_text,
    headline,
    metric_text,
    noise_text,
    remarks,
    time_text,
)
from compressor.report.seeds import SeedRow

_NAMES = 6  # of layers with the same fate
_WIDE, _NARROW = 100, 68  # columns; with fewer, the table leaves out what the report file has anyway


def print_report(report: Report, console: Console) -> None:
    """The table of stages, what must be said about them, and how the constraints went."""
    if report.smoke:
        console.print("[yellow]smoke run: a few samples and steps, so the figures mean nothing[/]")
    first, *others = report.stages[0].metrics
    console.print(stage_table(report, first, console.width))
    for name in others:
        console.print(metric_table(report, name, console.width))
    for stage in report.stages:
        for remark in remarks(stage, most=_NAMES):
            console.print(f" [yellow]{escape(stage.id)}[/]: {escape(remark)}")
    console.print(f" [bold]{escape(headline(report))}[/]")
    for row in report.constraints:
        if row.met:
            console.print(f" [green]✓ {row.name} {row.limit}[/]")
        else:
            console.print(f" [red]✗ {row.name} {row.limit}, and is {row.actual}[/]")


def stage_table(report: Report, metric: str, width: int) -> Table:
    """One row a stage with the metric that decides, in at most `width` columns."""
    wide, narrow = width >= _WIDE, width < _NARROW
    table = _table()
    for heading in ("size",) if narrow else ("size", "gzip", "zeros", "bits") if wide else ("size", "gzip", "zeros"):
        table.add_column(heading, justify="right", no_wrap=True)
    _add_metric_columns(table, metric, wide)
    if wide:
        table.add_column("p50", justify="right", no_wrap=True)
        table.add_column("took", justify="right", no_wrap=True)
    for stage in report.stages:
        cells = [escape(stage.id), format_size(stage.bytes)]
        if not narrow:
            cells += [format_size(stage.gzip_bytes), f"{stage.sparsity:.0%}"]
        if wide:
            cells.append(f"{stage.weight_bits:.0f}")
        cells += _metric_cells(stage.metrics[metric], wide)
        if wide:
            cells += [time_text(stage.latency_p50), "cached" if stage.cached else clock_text(stage.seconds)]
        table.add_row(*cells)
    return table


def metric_table(report: Report, metric: str, width: int) -> Table:
    """One row a stage with a metric alone: two beside all the rest fit no terminal."""
    table = _table()
    _add_metric_columns(table, metric, width >= _WIDE)
    for stage in report.stages:
        table.add_row(escape(stage.id), *_metric_cells(stage.metrics[metric], width >= _WIDE))
    return table


def _table() -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("stage", no_wrap=True)
    return table


def _add_metric_columns(table: Table, metric: str, wide: bool) -> None:
    for heading in (escape(metric), "vs base", *(("", "vs previous") if wide else ())):
        table.add_column(heading, justify="right", no_wrap=True)


def _metric_cells(metric: MetricRow, wide: bool) -> list[str]:
    color = _color(metric)
    cells = [metric_text(metric), _painted(change_text(metric.from_baseline, metric.share), color)]
    if wide:
        cells += [_painted(noise_text(metric), color), change_text(metric.from_previous, metric.share)]
    return cells


def _color(metric: MetricRow) -> str:
    """Of a change that is more than noise: for the better or for the worse, whichever way the metric goes."""
    change = metric.from_baseline
    if change is None or change.within_noise or change.better is None:
        return ""
    return "green" if change.better else "red"


def _painted(text: str, color: str) -> str:
    return f"[{color}]{text}[/]" if color else text


def layer_table(layers: list[LayerRow], width: int = _WIDE) -> Table:
    """One row a weight tensor, with less about it in few columns."""
    narrow = width < _NARROW
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("tensor", overflow="fold")
    more = () if narrow else ("parameters", "zeros", "unique")
    for heading in ("shape", "type", *more, "bytes"):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer in layers:
        cells = [escape(layer.name), "x".join(map(str, layer.shape)) or "scalar", layer.dtype]
        if not narrow:
            cells += [f"{layer.parameters:,}", f"{layer.zeros / layer.parameters:.1%}", f"{layer.unique:,}"]
        table.add_row(*cells, f"{layer.bytes:,}")
    return table


def print_seeds(rows: list[SeedRow], count: int, console: Console) -> None:
    """Means and spreads over seeds."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("stage", no_wrap=True)
    for heading in ("size", "gzip", f"{rows[0].metric}, {count} seeds", "vs base", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        factor, unit, points = (100, " %", " pt") if row.share else (1, "", "")
        spread = "" if row.half_width is None else f" ±{row.half_width * factor:.2f}"
        verdict = "" if row.beyond_noise is None else "beyond noise" if row.beyond_noise else "within noise"
        first = row is rows[0]
        table.add_row(
            escape(row.id),
            format_size(row.bytes),
            format_size(row.gzip_bytes),
            f"{row.mean * factor:.2f}{unit} (sd {row.deviation * factor:.2f})",
            "-" if first else f"{row.change * factor:+.2f}{spread}{points}",
            "" if first else verdict,
        )
    console.print(table)
