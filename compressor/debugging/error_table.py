"""The ranked operators and what was tried, for the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from compressor.base.sizes import format_size
from compressor.contracts.metric import Metric
from compressor.debugging.debug_subject import Subject
from compressor.debugging.layer_errors import Comparison
from compressor.debugging.ranking import RankedOperator, finite, unpaired_names
from compressor.debugging.tryouts import Tryout, Tryouts
from compressor.recipe.document import dump

_ROWS = 20
_ENDLESS = 10_000  # columns, to learn how many a table would take


@dataclass(frozen=True)
class _Column:
    """A column of the table; those with the highest `rank` are dropped first where the terminal is narrow."""

    heading: str
    text: Callable[[RankedOperator], str]
    rank: int = 0


_COLUMNS = (
    _Column("operator", lambda row: row.operator, 3),
    _Column("cost", lambda row: "-" if row.cost is None else _percent(row.cost)),
    _Column("by weights", lambda row: _percent(row.weights_cost), 2),
    _Column("by storing", lambda row: _percent(row.storing_cost), 2),
    _Column("SNR", lambda row: _decibels(row.snr), 1),
    _Column("own SNR", lambda row: "-" if row.reason else _decibels(row.own_snr), 4),
    _Column("cosine", lambda row: f"{row.cosine:.4f}", 5),
    _Column("largest", lambda row: f"{row.largest:.3g}", 6),
)


def print_errors(
    subject: Subject,
    comparison: Comparison,
    rows: Sequence[RankedOperator],
    tryouts: Tryouts | None,
    console: Console,
) -> None:
    """Print the table, what could not be compared, and what to do."""
    console.print(f"{escape(subject.title)} · {comparison.samples:,} validation samples")
    console.print(_fitting(rows[:_ROWS], console))
    if len(rows) > _ROWS:
        console.print(f" and {len(rows) - _ROWS:,} operators that cost less; --json lists all")
    console.print(" cost: change of the outputs when that operator alone is quantized, by its weights and by storing")
    console.print(" its output; SNR: of its output, with the error that it inherits")
    for end, figures in zip(comparison.exact.outputs, comparison.outputs, strict=True):
        name = comparison.exact.tensors[end].name
        console.print(f" output '{escape(name)}': changed by {_percent(figures.share)}, {_decibels(figures.snr)}")
    for row in rows:
        if row.reason:
            console.print(f" [yellow]{escape(row.layer)}[/] ({row.operator}) was not run alone: {escape(row.reason)}")
    for name in unpaired_names(comparison):
        console.print(f" [yellow]{escape(name)}[/] has no counterpart in the float model, and was not compared")
    if tryouts is not None:
        _print_tryouts(subject, tryouts, console)
    elif subject.why_not:
        console.print(f" nothing was tried: {escape(subject.why_not)}")


def as_json(subject: Subject, comparison: Comparison, rows: Sequence[RankedOperator], tryouts: Tryouts | None) -> str:
    """All of it as JSON. Ratios without any noise are null; costs are shares of the outputs."""
    ends = zip(comparison.exact.outputs, comparison.outputs, strict=True)
    data: dict[str, Any] = {
        "compared": subject.title,
        "samples": comparison.samples,
        "outputs": [
            {"name": comparison.exact.tensors[end].name, "cost": finite(each.share), "snr": finite(each.snr)}
            for end, each in ends
        ],
        "operators": [
            {key: finite(value) if isinstance(value, float) else value for key, value in row.plain().items()}
            for row in rows
        ],
        "not_compared": unpaired_names(comparison),
        "metric": subject.metrics[0].name if subject.metrics else None,
        "as_it_is": None,
        "tried": [],
        "keep": None,
        "step": None,
        "notes": [subject.why_not] if subject.why_not else [],
    }
    if tryouts is not None and subject.maker is not None:
        data["as_it_is"] = _plain(tryouts.base)
        data["tried"] = [_plain(each) for each in tryouts.tried]
        data["notes"] += tryouts.notes
        if tryouts.best is not None:
            data["keep"] = list(tryouts.best.layers)
            data["step"] = subject.maker.step(tryouts.best.layers)
    return json.dumps(data, indent=2)


def _plain(each: Tryout) -> dict[str, Any]:
    made = {"score": each.score, "snr": finite(each.snr), "bytes": each.bytes}
    return {"layers": list(each.layers), **({"failure": each.failure} if each.failure else made)}


def _print_tryouts(subject: Subject, tryouts: Tryouts, console: Console) -> None:
    assert subject.maker is not None
    metric = subject.metrics[0].metric if subject.metrics else None
    for note in tryouts.notes:
        console.print(f" {escape(note)}")
    if not tryouts.tried:
        console.print(" no layer with weights costs enough to be worth keeping in more bits")
        return
    console.print(f"\n tried by {subject.maker.how}:")
    score = [] if tryouts.base.score is None else [f"{subject.metrics[0].name} {_score(tryouts.base.score, metric)}"]
    told = [*score, _decibels(finite(tryouts.base.snr)), format_size(tryouts.base.bytes)]
    console.print(f"  as it is: {', '.join(told)}")
    for each in tryouts.tried:
        name = escape(" and ".join(each.layers))
        if each.failure:
            console.print(f"  keep {name}: cannot be made ({escape(each.failure)})")
            continue
        figures = [*_score_change(each, tryouts.base, metric), f"{_decibels(finite(each.snr))}"]
        figures.append(_more(each.bytes - tryouts.base.bytes))
        style = "green" if each is tryouts.best else "none"
        console.print(f"  [{style}]keep {name} in {subject.maker.strategy.kept_in}: {', '.join(figures)}[/]")
    if tryouts.best is None:
        console.print(" keeping none of them helps: no single layer is to blame")
        return
    console.print("\n the step for the recipe:")
    step = dump([subject.maker.step(tryouts.best.layers)]).rstrip()
    console.print(step, soft_wrap=True, markup=False)  # it is to be pasted, so it must not be wrapped


def _score_change(each: Tryout, base: Tryout, metric: Metric | None) -> list[str]:
    if metric is None or each.score is None or base.score is None:
        return []
    factor, unit = (100, " pt") if metric.share else (1, "")
    return [f"{(each.score - base.score) * factor:+.2f}{unit} ({_score(each.score, metric)})"]


def _score(score: float, metric: Metric | None) -> str:
    return f"{score * 100:.2f} %" if metric is not None and metric.share else f"{score:.4g}"


def _more(size: int) -> str:
    return f"{'+' if size >= 0 else '-'}{format_size(abs(size))}"


def _fitting(rows: Sequence[RankedOperator], console: Console) -> Table:
    """The table, less the columns for which there is no room."""
    for most in range(max(column.rank for column in _COLUMNS), -1, -1):
        table = _table(rows, [column for column in _COLUMNS if column.rank <= most])
        if console.measure(table, options=console.options.update_width(_ENDLESS)).maximum <= console.width:
            break
    return table


def _table(rows: Sequence[RankedOperator], columns: Sequence[_Column]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("layer", overflow="fold")
    for column in columns:
        table.add_column(column.heading, justify="left" if column.heading == "operator" else "right", no_wrap=True)
    for row in rows:
        table.add_row(escape(row.layer), *(column.text(row) for column in columns))
    return table


def _percent(share: float) -> str:
    return f"{share:.2%}" if isfinite(share) else "all"


def _decibels(ratio: float | None) -> str:
    return "exact" if ratio is None else f"{ratio:.1f} dB"
