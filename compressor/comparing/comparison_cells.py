"""Makes the tables of a comparison, as headings and cells that each rendering lays out in its own way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compressor.comparing.compared_run import ComparedRun
from compressor.comparing.paired_calls import call_change
from compressor.comparing.quantities import QUANTITIES, Quantity, amount_text, difference_text, metric_kind
from compressor.comparing.run_comparison import RunComparison
from compressor.report.figures import metric_text

_ORDER = ("size", "gzip_size", "packed_size", "unpacked_size", "sparsity")  # before the metric; the others follow it
_RANKS = {"size": (3, 10), "gzip_size": (6, 11), "sparsity": (7, 12), "latency": (8, 13)}  # of a figure and its change
_LAST_RANK = 20  # from here on those of all other figures, in their order
_PACKAGES_ONLY = {"packed_size", "unpacked_size"}


@dataclass(frozen=True)
class Cell:
    """A text, and whether it tells of something better (True), worse (False) or neither."""

    text: str
    better: bool | None = None


@dataclass(frozen=True)
class CellColumn:
    """A column: its heading, a cell for each run, and its rank: the higher it is, the sooner it is left out."""

    heading: str
    cells: tuple[Cell, ...]
    rank: int


def main_table(comparison: RunComparison) -> list[CellColumn]:
    """Make the table with a row for each run: its sizes and its first metric."""
    shown = [quantity for quantity in QUANTITIES if _is_shown(quantity, comparison.runs)]
    before = [quantity for quantity in shown if quantity.name in _ORDER]
    after = [quantity for quantity in shown if quantity.name not in _ORDER]
    columns = [_names(comparison)]
    for quantity in before:
        columns += _quantity_columns(quantity, comparison)
    for metric in comparison.metrics[:1]:
        columns += _metric_columns(metric, comparison)
    for quantity in after:
        columns += _quantity_columns(quantity, comparison)
    return columns


def metric_table(metric: str, comparison: RunComparison) -> list[CellColumn]:
    """Make the table of one metric, with a row for each run."""
    return [_names(comparison), *_metric_columns(metric, comparison)]


def change_lines(comparison: RunComparison) -> Iterator[tuple[str, bool | None]]:
    """List each change of a metric or of calls in words, and whether it is for the better, for the worse, or noise."""
    for run, changes in zip(comparison.runs[1:], comparison.changes, strict=True):
        for change in changes:
            kind = metric_kind(change.after)
            if math.isnan(change.difference):
                yield f"{run.letter} against {comparison.first.letter}: {change.metric} is not a number", False
                continue
            if not change.difference:
                yield f"{run.letter} against {comparison.first.letter}: {change.metric} is the same", None
                continue
            what = f"{change.metric} {difference_text(change.difference, kind)}, {change.verdict}"
            what += " in training, since nothing but the seed differs" if change.verdict == "by chance" else ""
            why = f"; not sample by sample, since {change.why_unpaired}" if change.why_unpaired else ""
            text = f"{run.letter} against {comparison.first.letter}: {what} ({change.test_text}{why})"
            yield text, None if change.is_chance else change.better
    for run in comparison.runs[1:]:
        if (calls := call_change(comparison.first, run)) is not None:
            yield calls.text, calls.better


def _names(comparison: RunComparison) -> CellColumn:
    return CellColumn("", tuple(Cell(run.letter) for run in comparison.runs), 0)


def _is_shown(quantity: Quantity, runs: Sequence[ComparedRun]) -> bool:
    if quantity.name in _PACKAGES_ONLY:
        return any(run.last.unpacked_bytes is not None for run in runs)
    return any(quantity.of(run.last) is not None for run in runs)


def _quantity_columns(quantity: Quantity, comparison: RunComparison) -> list[CellColumn]:
    amounts = [quantity.of(run.last) for run in comparison.runs]
    kind = quantity.kind
    texts = ["-" if amount is None else _short(amount, quantity) for amount in amounts]
    last = _LAST_RANK + QUANTITIES.index(quantity)
    rank, rank_of_change = _RANKS.get(quantity.name, (last, last))
    columns = [CellColumn(quantity.heading, tuple(map(Cell, texts)), rank)]
    if kind == "bytes" and quantity.name not in _PACKAGES_ONLY:
        cells = [Cell(_relative_text(amounts[0], amount)) for amount in amounts[1:]]
        columns.append(CellColumn(f"vs {comparison.first.letter}", (Cell("-"), *cells), rank_of_change))
    return columns


def _short(amount: float, quantity: Quantity) -> str:
    return f"{amount:.1%}" if quantity.kind == "share" else amount_text(amount, quantity.kind)


def _relative_text(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return "-"
    if before == after:
        return "0 %"
    text = f"{(after - before) / before * 100:+.1f} %" if before else ""
    return difference_text(after - before, "bytes") if text in ("", "+0.0 %", "-0.0 %") else text


def _metric_columns(metric: str, comparison: RunComparison) -> list[CellColumn]:
    values, differences, verdicts = [], [], []
    for run in comparison.runs:
        row = run.last.metrics.get(metric)
        values.append(Cell("-" if row is None else metric_text(row)))
        change = comparison.change(run, metric)
        if change is None:
            differences.append(Cell("-"))
            verdicts.append(Cell(""))
            continue
        better = None if change.is_chance else change.better
        kind = metric_kind(change.after)
        known = not math.isnan(change.difference)
        differences.append(Cell(difference_text(change.difference, kind) if known else "-", better))
        verdicts.append(Cell(change.verdict if change.difference else "the same", better))
    return [
        CellColumn(metric, tuple(values), 1),
        CellColumn(f"vs {comparison.first.letter}", tuple(differences), 2),
        CellColumn("", tuple(verdicts), 4),
    ]
