"""A report as Markdown that fits a pull request: at most 60 lines, the long tables folded; the page has the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from compressor.base.outgoing import html, markdown, markdown_block, markdown_code
from compressor.base.sizes import format_size
from compressor.contracts.report_rows import ConstraintRow, EndpointRow, LayerRow, Report, StageRow
from compressor.report.columns import stage_columns
from compressor.report.device_rows import device_lines
from compressor.report.figures import clock_text, doubts, headline, miss_text, remarks
from compressor.report.latency_texts import latency_findings

MOST_LINES: Final = 60
_MOST_ROWS: Final = 9  # stages, notes and limits; fewer where there is no room for so many of each
_FEWEST_ROWS: Final = 2
_MOST_ENDS: Final = 4  # inputs, and outputs
_MOST_NAMED: Final = 6  # layers left alone for one reason
_MOST_TENSORS: Final = 24
_OF_A_TABLE: Final = 8  # lines of a folded table beside its rows, blank ones and that of the smaller tensors included


class _Markup(str):
    """Markdown that is made already; any other text is escaped."""


def render_markdown(report: Report) -> str:
    """The report, with as many rows and, of the last stage, as many tensors as there is room for."""
    most = _MOST_ROWS
    while True:
        before, after = _findings(report, most), _conditions(report, min(most, _MOST_ENDS))
        room = MOST_LINES - _joined([*before, *after]).count("\n") - _OF_A_TABLE
        if room > most or most == _FEWEST_ROWS:
            return _joined([*before, _layers(report.stages[-1], min(room, _MOST_TENSORS)), *after])
        most -= 1


def _joined(parts: Iterable[_Markup]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _findings(report: Report, most: int) -> list[_Markup]:
    samples = " · ".join(f"{count:,} {name}" for name, count in report.samples.items())
    smoke = "Smoke run: a few samples and steps, so the figures mean nothing."
    return [
        _heading(1, report.recipe),
        _paragraph(" ".join(report.description.split())),
        _bold(smoke) if report.smoke else _Markup(),
        *map(_bold, (doubts(report) or [headline(report)])[:most]),
        *map(_paragraph, latency_findings(report)),
        _paragraph(f"{report.model} on {report.data} ({samples}) · seed {report.seed}"),
        _stages(report, most),
        _remarks(report, most),
        _paragraph("\n".join(device_lines(report.stages[-1]))),
        _constraints(report, most),
    ]


def _conditions(report: Report, most: int) -> list[_Markup]:
    """What the model takes and gives, and what it was made with."""
    last = report.stages[-1]
    inputs, outputs = ([_endpoint(side, end) for end in rows] for side, rows in
                       (("input", last.inputs), ("output", last.outputs)))  # fmt: skip
    table = _table(["", "name", "shape", "dtype", "scale", "zero point"], [*inputs[:most], *outputs[:most]])
    versions = " · ".join(f"{name} {version}" for name, version in report.versions.items())
    computed = [_Markup(f"{markdown(name)}: {markdown_code(value)}") for name, value in _computed_with(report)]
    same = (
        "The same recipe, seed, versions, threads and instructions give the same files, byte for byte, on the same "
        "kind of machine. Latencies and times differ from run to run."
    )
    expected = _bullets([_paragraph(one.text)] for one in report.expects[:most])
    code = (
        [_paragraph(f"Code that the recipe brings itself: {', '.join(report.runs_code)}")] if report.runs_code else []
    )
    return [
        _folded("What the model takes and gives", [expected, table]),
        *code,
        _folded("Where it was made", [_Markup("<br>".join([_paragraph(versions), *computed])), _paragraph(same)]),
        _paragraph(f"{report.created}, in {clock_text(report.seconds)} minutes, on {report.machine}. "
                   "report.html has the plots and all tables, report.json all figures."),
    ]  # fmt: skip


def _computed_with(report: Report) -> Iterable[tuple[str, str]]:
    """What the numbers were rounded by; nothing for a report of an earlier version."""
    if report.threads is not None:
        yield "threads", str(report.threads)
    yield from report.environment.items()


def _remarks(report: Report, most: int) -> _Markup:
    every = [[_bold(stage.id), f": {remark}"] for stage in report.stages for remark in remarks(stage, most=_MOST_NAMED)]
    more = len(every) - most
    return _bullets(every if more <= 0 else [*every[:most], [f"and {more} more notes, in report.html"]])


def _constraints(report: Report, most: int) -> _Markup:
    rows = [[row.name, row.limit, row.actual, _outcome(row)] for row in
            sorted(report.constraints, key=lambda row: row.met)[:most]]  # fmt: skip
    more = len(report.constraints) - len(rows)
    if more > 0:
        met = sum(row.met for row in report.constraints)
        rows.append([f"and {more} more, in report.html", "", "", f"{met} of {len(report.constraints)} met"])
    return _table(["constraint", "limit", "actual", ""], rows) if rows else _Markup()


def _stages(report: Report, most: int) -> _Markup:
    baseline = report.stages[0]
    columns = stage_columns("markdown", list(baseline.metrics), report.stages)
    rows = [[column.text(stage, baseline) for column in columns] for stage in report.stages]
    if (more := len(rows) - most) > 0:
        left_out = [f"{more} stages, in report.html", *[""] * (len(columns) - 1)]
        rows = [rows[0], left_out, *rows[more + 1 :]]
    return _table([column.heading for column in columns], rows)


def _layers(stage: StageRow, most: int) -> _Markup:
    title = f"Weights of the last stage, {stage.id}"
    if most < 1:
        return _paragraph(f"{title}: in report.html")
    shown, rest = _largest(stage.layers, most)
    rows = [
        [
            _code(layer.name),
            "x".join(map(str, layer.shape)) or "scalar",
            layer.dtype,
            f"{layer.parameters:,}",
            f"{layer.zeros / max(1, layer.parameters):.1%}",
            f"{layer.unique:,}",
            format_size(layer.bytes),
        ]
        for layer in shown
    ]
    if rest:
        sums = f"{sum(layer.parameters for layer in rest):,}", format_size(sum(layer.bytes for layer in rest))
        rows.append([f"{len(rest)} smaller ones, in report.html", "", "", sums[0], "", "", sums[1]])
    return _folded(title, [_table(["tensor", "shape", "type", "parameters", "zeros", "unique", "bytes"], rows)])


def _largest(layers: Sequence[LayerRow], most: int) -> tuple[Sequence[LayerRow], Sequence[LayerRow]]:
    """The largest tensors in the order of the file, and the rest."""
    by_size = sorted(range(len(layers)), key=lambda index: -layers[index].bytes)
    kept = set(by_size[:most])
    return [layers[index] for index in sorted(kept)], [layers[index] for index in by_size[most:]]


def _outcome(row: ConstraintRow) -> str:
    return "met" if row.met else _Markup(f"{_bold('missed')} {_text(miss_text(row))}".rstrip())


def _endpoint(label: str, end: EndpointRow) -> list[str]:
    shape = "x".join(map(str, end.shape))
    quantized = [f"{end.scale:.6g}", str(end.zero_point)] if end.scale else ["-", "-"]
    return [label, _code(end.name), shape, end.dtype, *quantized]


def _text(text: str) -> _Markup:
    return text if isinstance(text, _Markup) else _Markup(markdown(text))


def _paragraph(text: str) -> _Markup:
    return _Markup(markdown_block(text))


def _code(name: str) -> _Markup:
    return _Markup(markdown_code(name))


def _bold(text: str) -> _Markup:
    return _Markup(f"**{_text(text)}**")


def _heading(level: int, text: str) -> _Markup:
    return _Markup(f"{'#' * level} {_text(text)}")


def _bullets(items: Iterable[Sequence[str]]) -> _Markup:
    return _Markup("\n".join("- " + "".join(map(_text, item)) for item in items))


def _folded(title: str, parts: Iterable[_Markup]) -> _Markup:
    """Parts that GitHub and GitLab show once their title is clicked."""
    inner = "\n\n".join(part for part in parts if part)
    return _Markup(f"<details><summary>{html(' '.join(title.split()))}</summary>\n\n{inner}\n\n</details>")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> _Markup:
    lines = [map(_text, head), ["---"] * len(head), *(map(_text, row) for row in rows)]
    return _Markup("\n".join("| " + " | ".join(line) + " |" for line in lines))
