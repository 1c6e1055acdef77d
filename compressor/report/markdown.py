"""A report as Markdown, to be read in a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compressor.base.sizes import format_size
from compressor.contracts.report_rows import EndpointRow, LayerRow, Report, StageRow
from compressor.report.columns import stage_columns
from compressor.report.figures import clock_text, doubts, headline, remarks

_LONG = 24  # tensors, above which a table leaves out the smallest


def render_markdown(report: Report) -> str:
    """The whole report."""
    return "\n\n".join(part for part in _parts(report) if part) + "\n"


def _parts(report: Report) -> Iterable[str]:
    yield f"# {report.recipe}"
    yield report.description
    if report.smoke:
        yield "**Smoke run: a few samples and steps, so the figures mean nothing.**"
    yield "\n\n".join(f"**{text}**" for text in doubts(report) or [headline(report)])
    samples = " · ".join(f"{count:,} {name}" for name, count in report.samples.items())
    yield f"{report.model} on {report.data} ({samples}) · seed {report.seed}"
    yield _stages(report)
    yield "\n".join(f"- **{stage.id}**: {remark}" for stage in report.stages for remark in remarks(stage))
    if report.constraints:
        yield "## Constraints"
        rows = [[row.name, row.limit, row.actual, "met" if row.met else "**missed**"] for row in report.constraints]
        yield _table(["constraint", "limit", "actual", ""], rows)
    last = report.stages[-1]
    yield "## What the model takes and gives"
    yield "\n".join(f"- {one.text}" for one in report.expects)
    yield _table(
        ["", "name", "shape", "dtype", "scale", "zero point"],
        [
            *(_endpoint("input", end) for end in last.inputs),
            *(_endpoint("output", end) for end in last.outputs),
        ],
    )
    yield f"## Weights of the last stage, {last.id}"
    yield _layers(last)
    if report.runs_code:
        yield "## Code that the recipe brings itself"
        yield "\n".join(f"- `{name}`" for name in report.runs_code)
    yield "## Where it was made"
    yield _table(["", "version"], [*([name, version] for name, version in report.versions.items())])
    yield "\n".join(f"- {name}: `{value}`" for name, value in _computed_with(report))
    yield (
        "The same recipe, seed, versions, threads and instructions give the same files, byte for byte, on the same "
        "kind of machine. Latencies and times differ from run to run."
    )
    yield f"{report.created}, in {clock_text(report.seconds)} minutes, on {report.machine}"


def _computed_with(report: Report) -> Iterable[tuple[str, object]]:
    """What the numbers were rounded by; nothing for a report of an earlier version."""
    if report.threads is not None:
        yield "threads", report.threads
    yield from report.environment.items()


def _stages(report: Report) -> str:
    columns, baseline = stage_columns("markdown", list(report.stages[0].metrics)), report.stages[0]
    rows = [[column.text(stage, baseline) for column in columns] for stage in report.stages]
    return _table([column.heading for column in columns], rows)


def _layers(stage: StageRow) -> str:
    shown, rest = _without_small(stage.layers)
    rows = [
        [
            f"`{layer.name}`",
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


def _endpoint(label: str, end: EndpointRow) -> list[str]:
    shape = "x".join(map(str, end.shape))
    quantized = [f"{end.scale:.6g}", str(end.zero_point)] if end.scale else ["-", "-"]
    return [label, f"`{end.name}`", shape, end.dtype, *quantized]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
