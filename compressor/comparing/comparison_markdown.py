"""Writes a comparison of runs as Markdown, to be read in a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compressor.base.outgoing import markdown, markdown_code
from compressor.comparing.comparison_cells import CellColumn, change_lines, main_table, metric_table
from compressor.comparing.file_comparison import FileComparison
from compressor.comparing.file_texts import HEADINGS, call_lines, kind_rows, layer_texts
from compressor.comparing.run_comparison import RunComparison

_MOST_CALLS = 50  # removed, added or changed


def markdown_comparison(comparison: RunComparison, files: Sequence[FileComparison] = ()) -> str:
    """Write the whole comparison; `files` has the other files, each compared with the first operator by operator."""
    parts = [*_parts(comparison)]
    for run, file in zip(comparison.runs[1:], files, strict=False):
        parts.append(f"## {markdown(f'{run.letter} against {comparison.first.letter}, operator by operator')}")
        parts.append(_rows([HEADINGS, *kind_rows(file)]))
        lines = [*call_lines(file, _MOST_CALLS), *layer_texts(file, _MOST_CALLS)]
        parts.append(_bullets(f"{name}: {markdown(text)}" for name, text in lines))
    return "\n\n".join(part for part in parts if part)


def _parts(comparison: RunComparison) -> Iterable[str]:
    for gate in comparison.gates:
        verdict = "fails" if gate.failed else "passes"
        yield f"**{markdown(f'{gate.run} {verdict}')}**: {markdown(gate.text)}"
    yield _bullets(
        f"{run.letter}: {markdown_code(run.name)}, {markdown(title)}"
        for run, title in zip(comparison.runs, comparison.titles, strict=True)
    )
    yield _table(main_table(comparison))
    for metric in comparison.metrics[1:]:
        yield _table(metric_table(metric, comparison))
    yield _bullets(markdown(text) for text, _ in change_lines(comparison))
    yield _bullets(f"**{markdown(text)}**" for text in comparison.warnings)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(columns: Sequence[CellColumn]) -> str:
    heads = [column.heading for column in columns]
    return _rows([heads, *([cell.text for cell in row] for row in zip(*(c.cells for c in columns), strict=True))])


def _rows(rows: Sequence[Sequence[str]]) -> str:
    head, *others = [[markdown(cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *others])
