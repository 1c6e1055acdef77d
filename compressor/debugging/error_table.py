"""The ranked operators and what was tried, for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from rich.console import RenderableType

from compressor.base.sizes import format_size
from compressor.contracts.metric import Metric
from compressor.debugging.debug_subject import Subject
from compressor.debugging.layer_errors import Comparison
from compressor.debugging.ranking import RankedOperator, finite, unpaired_names
from compressor.debugging.tryouts import Tryout, Tryouts
from compressor.recipe.document import dump
from compressor.report.screen import Screen
from compressor.report.screen_table import Align

_ROWS = 20


@dataclass(frozen=True)
class _Column:
    """A column of the table; those with the highest `rank` are dropped first where the terminal is narrow."""

    heading: str
    text: Callable[[RankedOperator], str]
    rank: int = 0
    align: Align = "right"


_COLUMNS = (
    _Column("operator", lambda row: row.operator, 3, "left"),
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
    screen: Screen,
) -> None:
    """Print the table, what could not be compared, and what to do."""
    screen.show(f"{subject.title} · {comparison.samples:,} validation samples")
    screen.print(_fitting(rows[:_ROWS], screen))
    if len(rows) > _ROWS:
        screen.show(f" and {len(rows) - _ROWS:,} operators that cost less; --json lists all")
    screen.show(" cost: change of the outputs when that operator alone is quantized, by its weights and by storing")
    screen.show(" its output; SNR: of its output, with the error that it inherits")
    for end, figures in zip(comparison.exact.outputs, comparison.outputs, strict=True):
        name = comparison.exact.tensors[end].name
        screen.show(f" output '{name}': changed by {_percent(figures.share)}, {_decibels(figures.snr)}")
    for row in rows:
        if row.reason:
            screen.show(" ", (row.layer, "yellow"), f" ({row.operator}) was not run alone: {row.reason}")
    for name in unpaired_names(comparison):
        screen.show(" ", (name, "yellow"), " has no counterpart in the float model, and was not compared")
    if tryouts is not None:
        _print_tryouts(subject, tryouts, screen)
    elif subject.why_not:
        screen.show(f" nothing was tried: {subject.why_not}")


def as_data(
    subject: Subject, comparison: Comparison, rows: Sequence[RankedOperator], tryouts: Tryouts | None
) -> dict[str, Any]:
    """All of it as data for JSON. Ratios without any noise are null; costs are shares of the outputs."""
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
    return data


def _plain(each: Tryout) -> dict[str, Any]:
    made = {"score": each.score, "snr": finite(each.snr), "bytes": each.bytes}
    return {"layers": list(each.layers), **({"failure": each.failure} if each.failure else made)}


def _print_tryouts(subject: Subject, tryouts: Tryouts, screen: Screen) -> None:
    assert subject.maker is not None
    metric = subject.metrics[0].metric if subject.metrics else None
    for note in tryouts.notes:
        screen.show(f" {note}")
    if not tryouts.tried:
        screen.show(" no layer with weights costs enough to be worth keeping in more bits")
        return
    screen.show()
    screen.show(f" tried by {subject.maker.how}:")
    score = [] if tryouts.base.score is None else [f"{subject.metrics[0].name} {_score(tryouts.base.score, metric)}"]
    told = [*score, _decibels(finite(tryouts.base.snr)), format_size(tryouts.base.bytes)]
    screen.show(f"  as it is: {', '.join(told)}")
    for each in tryouts.tried:
        name = " and ".join(each.layers)
        if each.failure:
            screen.show(f"  keep {name}: cannot be made ({each.failure})")
            continue
        figures = [*_score_change(each, tryouts.base, metric), f"{_decibels(finite(each.snr))}"]
        figures.append(_more(each.bytes - tryouts.base.bytes))
        style = "green" if each is tryouts.best else ""
        screen.show("  ", (f"keep {name} in {subject.maker.strategy.kept_in}: {', '.join(figures)}", style))
    if tryouts.best is None:
        screen.show(" keeping none of them helps: no single layer is to blame")
        return
    screen.show()
    screen.show(" the step for the recipe:")
    step = dump([subject.maker.step(tryouts.best.layers)]).rstrip()
    screen.show_lines(step)  # it is to be pasted, so it must not be wrapped


def _score_change(each: Tryout, base: Tryout, metric: Metric | None) -> list[str]:
    if metric is None or each.score is None or base.score is None:
        return []
    factor, unit = (100, " pt") if metric.share else (1, "")
    return [f"{(each.score - base.score) * factor:+.2f}{unit} ({_score(each.score, metric)})"]


def _score(score: float, metric: Metric | None) -> str:
    return f"{score * 100:.2f} %" if metric is not None and metric.share else f"{score:.4g}"


def _more(size: int) -> str:
    return f"{'+' if size >= 0 else '-'}{format_size(abs(size))}"


def _fitting(rows: Sequence[RankedOperator], screen: Screen) -> RenderableType:
    """The table, less the columns for which there is no room."""
    headings = [("layer", "left"), *((column.heading, column.align) for column in _COLUMNS)]
    cells = [[row.layer, *(column.text(row) for column in _COLUMNS)] for row in rows]
    ranks = range(max(column.rank for column in _COLUMNS), -1, -1)
    choices = [[0, *(i for i, column in enumerate(_COLUMNS, 1) if column.rank <= most)] for most in ranks]
    return screen.table(headings, cells, choices, fold=True)


def _percent(share: float) -> str:
    return f"{share:.2%}" if isfinite(share) else "all"


def _decibels(ratio: float | None) -> str:
    return "exact" if ratio is None else f"{ratio:.1f} dB"
