"""What stands on the page in words and tables: the stages, the limits, the endpoints, and how it was made."""

from __future__ import annotations

from collections.abc import Iterable

from compressor.base.markup import Content, Html, element, table
from compressor.base.sizes import format_size
from compressor.contracts.report_rows import ConstraintRow, EndpointRow, Report
from compressor.report.columns import stage_columns
from compressor.report.figures import (
    change_text,
    clock_text,
    doubts,
    headline,
    limit_text,
    metric_text,
    miss_text,
    noise_text,
    ratio_text,
    remarks,
    time_text,
)
from compressor.report.latency_texts import latency_findings, ratio_text_of
from compressor.report.page.tensor_table import shape_text


def opening(report: Report) -> list[Html]:
    """The name, the outcome in one sentence, and what it is about."""
    doubted = doubts(report)
    samples = " · ".join(f"{count:,} {name}" for name, count in report.samples.items())
    subject = f"{report.model} on {report.data} ({samples}) · seed {report.seed} · {report.created[:10]}"
    parts = [
        element("p", "compression report", class_="kicker"),
        element("h1", report.recipe),
        element("p", report.description, class_="lead") if report.description else Html(),
        element("p", subject, class_="quiet"),
    ]
    if report.smoke:
        parts.append(
            element(
                "p", "Smoke run: a few samples and steps, so the figures mean nothing.", class_="alarm", role="note"
            )
        )
    if doubted:
        parts += [element("p", text, class_="alarm", role="note") for text in doubted]
    else:
        parts.append(element("p", headline(report), class_="headline"))
    parts += [element("p", limit_text(row), class_="alarm") for row in report.constraints if not row.met]
    parts += [element("p", finding, class_="lead") for finding in latency_findings(report)]
    return parts


def key_figures(report: Report) -> Html:
    """The last stage beside the baseline, in the figures that are asked for first."""
    first, last = report.stages[0], report.stages[-1]
    name, metric = next(iter(last.metrics.items()))
    change = change_text(metric.from_baseline, metric.share)
    figures = [
        ("size", format_size(last.bytes), ratio_text(last.bytes, first.bytes), format_size(first.bytes)),
        ("after gzip", format_size(last.gzip_bytes), ratio_text(last.gzip_bytes, first.gzip_bytes),
         format_size(first.gzip_bytes)),
        (name, metric_text(metric), ", ".join(filter(None, ["" if change == "-" else change, noise_text(metric)])),
         metric_text(first.metrics[name])),
        ("one call, median", time_text(last.latency_median or last.latency_p50),
         "" if last.latency_ratio is None else ratio_text_of(last),
         time_text(first.latency_median or first.latency_p50)),
        ("zeros", f"{last.sparsity:.1%}", "", f"{first.sparsity:.1%}"),
        ("bits a weight", f"{last.weight_bits:.0f}", "", f"{first.weight_bits:.0f}"),
    ]  # fmt: skip
    return element("dl", [_figure(*figure) for figure in figures], class_="figures")


def _figure(title: str, now: str, change: str, then: str) -> Html:
    """A figure, its change if it has one, and what it was."""
    value, sign, half = now.partition("±")
    shown = element("b", value, element("small", sign + half) if sign else None)
    changed = element("span", change) if change not in ("", "-") else None
    return element("div", element("dt", title), element("dd", shown, " ", changed, element("span", f"baseline {then}")))


def limits(report: Report) -> Html:
    """Each constraint, and whether it is met."""
    if not report.constraints:
        none = "A smoke run judges no constraint." if report.smoke else "The recipe sets no constraint."
        return element("p", none, class_="quiet")
    rows = [[element("code", row.name), _verdict(row), row.limit, row.actual] for row in report.constraints]
    return table(["constraint", "verdict", "limit", "actual"], rows, "Constraints", numbers=(2, 3))


def _verdict(row: ConstraintRow) -> Html:
    told = "✓ met" if row.met else f"✗ missed {miss_text(row)}".rstrip()
    return element("span", told, class_="met" if row.met else "missed")


def stages(report: Report) -> Html:
    """The table of stages, with the columns that Markdown has."""
    baseline = report.stages[0]
    columns = stage_columns("markdown", list(baseline.metrics), report.stages)
    rows = [[column.text(stage, baseline) for column in columns] for stage in report.stages]
    numbers = [index for index, column in enumerate(columns) if column.align == "right"]
    return table([column.heading for column in columns], rows, "Stages", numbers)


def notes(report: Report) -> Html:
    """What must be said of the stages."""
    items = [
        element("li", element("b", stage.id), f": {remark}") for stage in report.stages for remark in remarks(stage)
    ]
    return element("ul", items, class_="notes") if items else element("p", "There is nothing to note.", class_="quiet")


def endpoints(report: Report) -> list[Html]:
    """What the model takes and gives."""
    last = report.stages[-1]
    rows = [*(_endpoint("input", end) for end in last.inputs), *(_endpoint("output", end) for end in last.outputs)]
    items = [element("li", expected.text) for expected in report.expects]
    return [
        element("ul", items, class_="notes") if items else Html(),
        table(["", "name", "shape", "type", "scale", "zero point"], rows, "Inputs and outputs", numbers=(4, 5)),
    ]


def _endpoint(label: str, end: EndpointRow) -> list[Content]:
    quantized = [f"{end.scale:.6g}", str(end.zero_point)] if end.scale else ["-", "-"]
    return [label, element("code", end.name), shape_text(end.shape), end.dtype, *quantized]


def origin(report: Report) -> list[Html]:
    """How to make the same files again, with what they were made from."""
    command = (
        f"compressor apply recipe.yaml --seed {report.seed}{' --smoke' if report.smoke else ''} --locked lock.yaml"
    )
    parts = [
        element("p", "In the folder of the run, this makes the same files again, byte for byte on the same kind of "
                "machine, or says what has changed. Latencies and times differ from run to run."),
        element("pre", element("code", command), tabindex=0, aria_label="command that reproduces the run"),
        element("p", f"Made {report.created}, in {clock_text(report.seconds)} minutes, on {report.machine}.",
                class_="quiet"),
    ]  # fmt: skip
    if report.runs_code:
        parts += [element("h3", "Code that the recipe brings itself"),
                  element("ul", [element("li", element("code", name)) for name in report.runs_code])]  # fmt: skip
    if report.resolved_recipe:
        shown = element("pre", element("code", report.resolved_recipe), tabindex=0, aria_label="resolved recipe")
        parts.append(_folded("Resolved recipe", shown))
    computed = {"threads": "" if report.threads is None else str(report.threads), **report.environment}
    environment = [*report.versions.items(), *((name, text) for name, text in computed.items() if text)]
    parts.append(_folded("Versions and environment", _pairs("Versions and environment", environment)))
    for title, hashes in (("Hashes of the model and the data", report.fingerprints), ("Hashes of code", report.code),
                          ("Hashes of the run's files", report.files)):  # fmt: skip
        if hashes:
            parts.append(_folded(f"{title} (SHA-256)", _pairs(title, hashes.items())))
    return parts


def _folded(title: str, *content: Html) -> Html:
    return element("details", element("summary", title), content)


def _pairs(caption: str, pairs: Iterable[tuple[str, str]]) -> Html:
    return table(["name", "value"], [[name, element("code", value)] for name, value in pairs], caption)
