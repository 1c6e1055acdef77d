"""Writes a report for other programs: as JSON, as CSV by stages, and as JUnit with a test for each constraint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree

from compressor.base.outgoing import csv_text, json_text
from compressor.contracts.report_rows import MetricRow, Report, StageRow
from compressor.report.columns import value_columns
from compressor.report.figures import doubts, headline

_OF_SEVERAL_VALUES: Final = ("agreement", "device")
_OF_A_METRIC: Final = ("value", "low", "high", "keras")
_OF_A_CHANGE: Final = ("difference", "relative", "p_value", "within_noise")


def render_json(report: Report) -> str:
    """Write the report as `report.json` has it."""
    return json_text(report.model_dump(mode="json"), ascii_only=False) + "\n"


def render_csv(report: Report) -> str:
    """Write a row for each stage: every column that is one value, and each metric with its interval and its change."""
    rows = [_flat(stage) for stage in report.stages]
    heads = list(dict.fromkeys(name for row in rows for name in row))  # stages may have other metrics and columns
    return csv_text([heads, *([row.get(name) for name in heads] for row in rows)])


def _flat(stage: StageRow) -> dict[str, object]:
    row: dict[str, object] = {}
    for column in value_columns():
        value = getattr(stage, column.name, None)
        if column.name == "metrics":
            for name, metric in stage.metrics.items():
                row |= _flat_metric(name, metric)
        elif not isinstance(value, Mapping | list) and column.name not in _OF_SEVERAL_VALUES:
            row[column.name] = value
    return row


def _flat_metric(name: str, metric: MetricRow) -> dict[str, object]:
    row: dict[str, object] = {f"{name}.{key}": getattr(metric, key) for key in _OF_A_METRIC}
    change = metric.from_baseline
    return row | {f"{name}.from_baseline.{key}": getattr(change, key, None) for key in _OF_A_CHANGE}


def junit(report: Report) -> ElementTree.Element:
    """Make a test suite: a test for each constraint, which fails if it is missed, and one for the file's agreement."""
    doubted = doubts(report)
    failures = sum(not row.met for row in report.constraints) + bool(doubted)
    count = {"tests": str(len(report.constraints) + 1), "failures": str(failures), "errors": "0"}
    suites = ElementTree.Element("testsuites", count)
    name = {"name": f"compressor {report.recipe}", "timestamp": report.created, "time": f"{report.seconds:.3f}"}
    suite = ElementTree.SubElement(suites, "testsuite", name | count)
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in _properties(report).items():
        ElementTree.SubElement(properties, "property", name=key, value=value)
    for row in report.constraints:
        case = ElementTree.SubElement(suite, "testcase", classname=f"{report.recipe}.constraints", name=row.name)
        if not row.met:
            message = f"{row.name} {row.limit}, and is {row.actual}"
            ElementTree.SubElement(case, "failure", message=message, type="missed-constraint").text = message
    case = ElementTree.SubElement(suite, "testcase", classname=report.recipe, name="files agree with their models")
    if doubted:
        ElementTree.SubElement(case, "failure", message=doubted[0], type="disagreement").text = "\n".join(doubted)
    ElementTree.SubElement(suite, "system-out").text = headline(report)
    return suites


def _properties(report: Report) -> dict[str, str]:
    """List the figures of the last stage that CI systems may draw over time, in full."""
    last = report.stages[-1]
    figures: dict[str, object] = {
        "bytes": last.bytes,
        "gzip_bytes": last.gzip_bytes,
        "sparsity": last.sparsity,
        "weight_bits": last.weight_bits,
        "latency_p50": last.latency_p50,
        "latency_p90": last.latency_p90,
        **{f"metrics.{name}": metric.value for name, metric in last.metrics.items()},
        "seed": report.seed,
    }
    return {key: str(value) for key, value in figures.items()}
