"""A model card as the Hugging Face Hub has it: a README.md whose front matter is YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from compressor.base.outgoing import markdown, markdown_block, markdown_code
from compressor.base.sizes import format_size
from compressor.base.text import printable
from compressor.contracts.report_rows import EndpointRow, MetricRow, Report
from compressor.recipe.document import dump
from compressor.report.columns import stage_columns
from compressor.report.figures import (
    change_text,
    clock_text,
    doubts,
    headline,
    miss_text,
    noise_text,
    remarks,
    time_text,
)
from compressor.report.papers import Paper, bibtex_entry

_LIBRARY: Final = "tflite"  # what the Hub calls LiteRT
_MOST_NAMED: Final = 6  # layers left alone for one reason
_ON_THE_HUB = re.compile(r"[A-Za-z][\w-]*(/[\w.-]+)?")
_RUN = """\
interpreter = Interpreter(model_path="model.tflite")
interpreter.allocate_tensors()
for sample, end in zip(samples, interpreter.get_input_details(), strict=True):
    scale, zero_point = end["quantization"]
    if scale and np.issubdtype(end["dtype"], np.integer):
        limits = np.iinfo(end["dtype"])
        sample = np.clip(np.round(sample / scale + zero_point), limits.min, limits.max)
    interpreter.set_tensor(end["index"], sample.astype(end["dtype"]))
interpreter.invoke()
for end in interpreter.get_output_details():
    scale, zero_point = end["quantization"]
    values = interpreter.get_tensor(end["index"]).astype(np.float32)
    print((values - zero_point) * scale if scale else values)"""


def render_card(report: Report, papers: Sequence[Paper] = (), licence: str = "") -> str:
    """The card of the model of a run.

    Args:
        report: of the run; all figures come from it.
        papers: to be cited beside the tool.
        licence: of the model, as the Hub abbreviates it; empty if it is not known.
    """
    parts = [
        f"---\n{dump(front_matter(report, licence)).strip()}\n---",
        f"# {markdown(report.recipe)}",
        markdown_block(" ".join(report.description.split())),
        *(["**Smoke run: a few samples and steps, so the figures mean nothing.**"] if report.smoke else []),
        *(f"**{markdown(doubt)}**" for doubt in doubts(report)),
        *_what_it_is(report),
        *_how_it_was_made(report),
        *_figures(report),
        *_limits(report),
        *_how_to_use_it(report),
        *_how_to_reproduce_it(report),
        "## Citation",
        _block("bibtex", "\n\n".join([_tool(report), *(paper.bibtex for paper in papers)])),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def front_matter(report: Report, licence: str = "") -> dict[str, Any]:
    """What the Hub reads of the card: library, tags, data sets, and the metrics of the file that ships."""
    last, recipe, source = report.stages[-1], printable(report.recipe), printable(report.data)
    steps = [printable(stage.uses) for stage in report.stages if stage.uses]
    data: dict[str, Any] = {"license": licence} if licence else {}
    data["library_name"] = _LIBRARY
    data["tags"] = list(dict.fromkeys([_LIBRARY, "litert", "model-compression", "compressor", *map(_tag, steps)]))
    if _ON_THE_HUB.fullmatch(report.data):
        data["datasets"] = [report.data]
    if report.smoke:
        return data
    metrics = {printable(name): metric for name, metric in last.metrics.items()}
    data["metrics"] = list(metrics)
    results = [
        {"type": name, "value": metric.value, "name": f"{name} (95 % interval {_interval(metric)})"}
        for name, metric in metrics.items()
    ]
    dataset = {"name": source, "type": source, "split": "test"}
    result = {"task": {"type": _task(report)}, "dataset": dataset, "metrics": results}
    data["model-index"] = [{"name": recipe, "results": [result]}]
    return data


def _task(report: Report) -> str:
    """The Hub's name for the task, as far as the report tells."""
    shape = report.expects[0].fed_shape if len(report.expects) == 1 else ()
    if not report.stages[-1].classes:
        return "other"
    return {1: "tabular-classification", 2: "image-classification", 3: "image-classification"}.get(len(shape), "other")


def _what_it_is(report: Report) -> Iterable[str]:
    last = report.stages[-1]
    yield "## What it is"
    yield (
        f"{markdown(report.model)} on {markdown(report.data)}, as a LiteRT (`.tflite`) file of "
        f"{format_size(last.bytes)}: {markdown(headline(report))}."
    )
    ends = [*(("input", end) for end in last.inputs), *(("output", end) for end in last.outputs)]
    rows = [[side, markdown_code(end.name), _shape(end), markdown(end.dtype), *_scale(end)] for side, end in ends]
    yield _table(["", "name", "shape", "type", "scale", "zero point"], rows, raw=True)
    if report.class_names:
        yield f"Classes, by number from 0: {markdown(', '.join(report.class_names))}"


def _how_it_was_made(report: Report) -> Iterable[str]:
    yield "## How it was made"
    names = [f"{stage.id} ({stage.uses}, {stage.provider})" for stage in report.stages if stage.uses]
    yield _bullets(names)
    if report.resolved_recipe:
        yield "The recipe, with everything that it extends:"
        yield _block("yaml", report.resolved_recipe.strip())


def _figures(report: Report) -> Iterable[str]:
    count = report.samples.get("test")
    yield "## Size and accuracy"
    yield (
        f"Each row is the `.tflite` file after that step, measured on {f'{count:,}' if count else 'the'} test samples, "
        "which no step has seen; ± is half of the 95 % interval."
    )
    columns, baseline = stage_columns("terminal", list(report.stages[0].metrics)), report.stages[0]
    rows = [[column.text(stage, baseline) for column in columns] for stage in report.stages]
    yield _table([column.heading for column in columns], rows)
    last = report.stages[-1]
    yield _table(
        ["metric", "value", "95 % interval", "against the first stage", ""],
        [
            [name, f"{metric.value:.6g}", _interval(metric), change_text(metric.from_baseline, metric.share),
             noise_text(metric)]
            for name, metric in last.metrics.items()
        ],
    )  # fmt: skip
    verdicts = [[row.name, row.limit, row.actual, "met" if row.met else f"missed {miss_text(row)}".rstrip()]
                for row in report.constraints]  # fmt: skip
    yield _table(["constraint", "limit", "actual", ""], verdicts) if verdicts else ""


def _limits(report: Report) -> Iterable[str]:
    last = report.stages[-1]
    yield "## Limits and known notes"
    agreement = last.agreement
    notes = [
        f"Nothing but {', '.join(last.metrics)} was measured, and on the test split of {report.data} alone; on other "
        "data the model may be better or worse.",
        f"A call took {time_text(last.latency_p50)} (median, one thread) on {report.machine}; other devices differ.",
        *([f"The file's outputs agree with those of the model that it was made of by "
           f"{agreement.signal_to_noise:.0f} dB."] if agreement else []),
        *(f"{row.name} was missed: {row.limit}, and is {row.actual}." for row in report.constraints if not row.met),
        *(f"{stage.id}: {remark}" for stage in report.stages for remark in remarks(stage, most=_MOST_NAMED)),
    ]  # fmt: skip
    yield _bullets(notes)


def _how_to_use_it(report: Report) -> Iterable[str]:
    ends = report.stages[-1].inputs
    by_name = {expected.name: expected for expected in report.expects}
    lines = []
    for end in ends:
        expected = report.expects[0] if len(ends) == len(report.expects) == 1 else by_name.get(end.name)
        text = "" if expected is None else f": {expected.text}"
        lines += [f"    # {printable(f'{end.name}{text}')}", f"    np.zeros({json.dumps(end.shape)}, np.float32),"]
    samples = "\n".join(["samples = [  # put your own here, prepared as it says", *lines, "]"])
    yield "## How to use it"
    yield "With `pip install ai-edge-litert numpy`:"
    imports = "import numpy as np\nfrom ai_edge_litert.interpreter import Interpreter"
    yield _block("python", f"{imports}\n\n{samples}\n\n{_RUN}")


def _how_to_reproduce_it(report: Report) -> Iterable[str]:
    yield "## How to reproduce it"
    yield (
        "In the folder of the run, this makes the same files again, byte for byte on the same kind of machine, or says "
        "what has changed:"
    )
    smoke = " --smoke" if report.smoke else ""
    yield _block("sh", f"compressor apply recipe.yaml --seed {report.seed}{smoke} --locked lock.yaml")
    hashes = {**report.fingerprints, **{name: value for name, value in report.files.items() if "/" not in name}}
    yield _bullets([
        f"made {report.created}, in {clock_text(report.seconds)} minutes, on {report.machine}",
        ", ".join(f"{name} {version}" for name, version in report.versions.items()),
        *(f"SHA-256 of {name}: {value}" for name, value in hashes.items()),
        *([f"code that the recipe brings itself: {', '.join(report.runs_code)}"] if report.runs_code else []),
    ])  # fmt: skip


def _tool(report: Report) -> str:
    version = re.sub(r"[^\w.+-]", "", report.versions.get("compressor", ""))
    title = "{compressor: ordered, checked and measured compression of Keras models}"
    fields = {"author": "{The authors of compressor}", "title": title}
    return bibtex_entry("software", "compressor", fields | ({"version": version} if version else {}))


def _interval(metric: MetricRow) -> str:
    return f"{metric.low:.6g} to {metric.high:.6g}"


def _shape(end: EndpointRow) -> str:
    return "x".join(map(str, end.shape)) or "one number"


def _scale(end: EndpointRow) -> list[str]:
    return [f"{end.scale:.6g}", str(end.zero_point)] if end.scale else ["-", "-"]


def _tag(name: str) -> str:
    return name.lower().replace("_", "-")


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {markdown(item)}" for item in items)


def _block(language: str, text: str) -> str:
    """A block of code, fenced by more backticks than there are in it."""
    lines = "\n".join(map(printable, text.split("\n")))
    longest = max((len(run) for run in re.findall("`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{lines}\n{fence}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], raw: bool = False) -> str:
    """A table; `raw` rows are Markdown already."""
    cells = [[cell if raw else markdown(cell) for cell in row] for row in rows]
    lines = [list(map(markdown, head)), ["---"] * len(head), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
