"""A report as Markdown, to be read in a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compressor.base.outgoing import markdown, markdown_block, markdown_code
from compressor.base.sizes import format_size
from compressor.contracts.report_rows import ConstraintRow, EndpointRow, LayerRow, Report, StageRow
from compressor.report.columns import stage_columns
from compressor.report.figures import clock_text, doubts, headline, miss_text, remarks

_LONG = 24  # tensors, above which a table leaves out the smallest


class _Markup(str):
    """Markdown that is made already; any other text is escaped."""


def render_markdown(report: Report) -> str:
    """The whole report."""
    return "\n\n".join(part for part in _parts(report) if part) + "\n"


def _parts(report: Report) -> Iterable[_Markup]:
    yield _heading(1, report.recipe)
    yield _paragraph(report.description)
    if report.smoke:
        yield _bold("Smoke run: a few samples and steps, so the figures mean nothing.")
    for text in doubts(report) or [headline(report)]:
        yield _bold(text)
    samples = " · ".join(f"{count:,} {name}" for name, count in report.samples.items())
    yield _paragraph(f"{report.model} on {report.data} ({samples}) · seed {report.seed}")
    yield _stages(report)
    yield _bullets([_bold(stage.id), f": {remark}"] for stage in report.stages for remark in remarks(stage))
    if report.constraints:
        yield _heading(2, "Constraints")
        rows = [[row.name, row.limit, row.actual, _outcome(row)] for row in report.constraints]
        yield _table(["constraint", "limit", "actual", ""], rows)
    last = report.stages[-1]
    yield _heading(2, "What the model takes and gives")
    yield _bullets([_paragraph(one.text)] for one in report.expects)
    yield _table(
        ["", "name", "shape", "dtype", "scale", "zero point"],
        [
            *(_endpoint("input", end) for end in last.inputs),
            *(_endpoint("output", end) for end in last.outputs),
        ],
    )
    yield _heading(2, f"Weights of the last stage, {last.id}")
    yield _layers(last)
    if report.runs_code:
        yield _heading(2, "Code that the recipe brings itself")
        yield _bullets([_code(name)] for name in report.runs_code)
    yield _heading(2, "Where it was made")
    yield _table(["", "version"], report.versions.items())
    yield _bullets([f"{name}:", _Markup(" "), _code(str(value))] for name, value in _computed_with(report))
    yield _paragraph(
        "The same recipe, seed, versions, threads and instructions give the same files, byte for byte, on the same "
        "kind of machine. Latencies and times differ from run to run."
    )
    yield _paragraph(f"{report.created}, in {clock_text(report.seconds)} minutes, on {report.machine}")


def _computed_with(report: Report) -> Iterable[tuple[str, object]]:
    """What the numbers were rounded by; nothing for a report of an earlier version."""
    if report.threads is not None:
        yield "threads", report.threads
    yield from report.environment.items()


def _stages(report: Report) -> _Markup:
    columns, baseline = stage_columns("markdown", list(report.stages[0].metrics)), report.stages[0]
    rows = [[column.text(stage, baseline) for column in columns] for stage in report.stages]
    return _table([column.heading for column in columns], rows)


def _layers(stage: StageRow) -> _Markup:
    shown, rest = _without_small(stage.layers)
    rows = [
        [
            _code(layer.name),
            "x".join(map(str, layer.shape)) or "scalar",
            layer.dtype,
            f"{layer.parameters:,}",
            f"{layer.zeros / layer.parameters:.1%}",
            f"{layer.unique:,}",
            format_size(layer.bytes),
        ]
        for layer in shown
    ]
    if rest:
        sums = f"{sum(layer.parameters for layer in rest):,}", format_size(sum(layer.bytes for layer in rest))
        rows.append([f"{len(rest)} smaller ones, listed in report.json", "", "", sums[0], "", "", sums[1]])
    return _table(["tensor", "shape", "type", "parameters", "zeros", "unique", "bytes"], rows)


def _without_small(layers: Sequence[LayerRow]) -> tuple[Sequence[LayerRow], Sequence[LayerRow]]:
    """The tensors to show, in order, and the smallest ones of a long list, which make up at most 1 % of all bytes."""
    left = sum(layer.bytes for layer in layers) / 100
    small = set()
    for index in sorted(range(len(layers)), key=lambda index: layers[index].bytes):
        left -= layers[index].bytes
        if left < 0 or len(layers) <= _LONG:
            break
        small.add(index)
    shown = [layer for index, layer in enumerate(layers) if index not in small]
    return shown, [layers[index] for index in sorted(small)]


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


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> _Markup:
    lines = [map(_text, head), ["---"] * len(head), *(map(_text, row) for row in rows)]
    return _Markup("\n".join("| " + " | ".join(line) + " |" for line in lines))
