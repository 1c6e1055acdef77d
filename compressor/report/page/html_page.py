"""Renders a report as one page of HTML, which loads nothing and runs no script but its own."""

from __future__ import annotations

from collections.abc import Iterator

from compressor.base.markup import element
from compressor.contracts.report_rows import Report
from compressor.report.figures import headline
from compressor.report.page.accuracy_loss import accuracy_loss
from compressor.report.page.byte_flow import byte_flow
from compressor.report.page.call_times import call_times
from compressor.report.page.device_fit import device_fit
from compressor.report.page.facts import endpoints, key_figures, limits, notes, opening, origin, stages
from compressor.report.page.operator_times import operator_times
from compressor.report.page.page_frame import Section, framed
from compressor.report.page.run_way import run_way
from compressor.report.page.tensor_table import tensor_table
from compressor.report.page.training_curves import training_curves
from compressor.report.page.weight_shapes import weight_shapes


def render_html(report: Report) -> str:
    """The whole page."""
    return framed(
        f"{report.recipe} · compression report",
        headline(report),
        [opening(report), key_figures(report)],
        _sections(report),
        [f"compressor {report.versions.get('compressor', '')}, ", "drawn from ", element("code", "report.json")],
    )


def _sections(report: Report) -> Iterator[Section]:
    yield Section("way", "Way", "Way of the run", [run_way(report), stages(report)])
    yield Section("limits", "Limits", "Limits", limits(report))
    if (fitting := device_fit(report)) is not None:
        yield Section("device", "Device", "On the device", fitting)
    yield Section("notes", "Notes", "Notes", notes(report))
    yield Section("bytes", "Bytes", "Where the bytes went", byte_flow(report))
    yield Section("accuracy", "Accuracy", "Where the accuracy went", accuracy_loss(report))
    yield Section("layers", "Layers", "Layers", tensor_table(report))
    yield Section("weights", "Weights", "Weights before and after", weight_shapes(report))
    yield Section("training", "Training", "Training", training_curves(report))
    yield Section("time", "Time", "Time of a call", [call_times(report), *operator_times(report)])
    yield Section("endpoints", "Inputs and outputs", "What the model takes and gives", endpoints(report))
    yield Section("origin", "Origin", "How it was made", origin(report))
