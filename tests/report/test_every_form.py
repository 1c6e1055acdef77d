"""All forms of a report have their figures from the one report: the terminal, Markdown, the page, CSV, JSON, JUnit."""

import copy
import csv
import io
import json
import random
import re
from functools import reduce
from html import unescape
from operator import getitem

import jsonschema
import pytest
from made_reports import HOSTILE, hostile_report, made_report
from pydantic import ValidationError

from compressor.base.outgoing import xml_text
from compressor.report.columns import stage_columns, value_columns
from compressor.report.data_formats import junit, render_csv, render_json
from compressor.report.figures import change_text, headline, metric_text
from compressor.report.markdown import MOST_LINES, render_markdown
from compressor.report.page.html_page import render_html
from compressor.report.report_model import FullReport, report_schema
from compressor.report.screen import Screen
from compressor.report.terminal import print_report


def terminal(report, width=400):
    screen = Screen(io.StringIO(), width=width)
    print_report(report, screen)
    return screen.file.getvalue()


def words(page):
    """The text of the page, without its markup, style and script."""
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def readable(report):
    """The forms that people read, by name."""
    markdown = re.sub(r"\\(.)", r"\1", render_markdown(report))
    return {"terminal": terminal(report), "Markdown": markdown, "page": words(render_html(report))}


def test_every_form_has_the_same_headline_scores_changes_and_verdicts():
    report = made_report()
    for name, text in readable(report).items():
        assert headline(report) in text, name
        for stage in report.stages:
            metric = stage.metrics["accuracy"]
            assert metric_text(metric) in text, name
            assert change_text(metric.from_baseline, metric.share) in text, name
        for row in report.constraints:
            assert row.name in text and row.limit in text, name
    assert headline(report) in xml_text(junit(report))


@pytest.mark.parametrize("table", ["terminal", "markdown"])
def test_every_cell_of_the_tables_of_stages_is_one_of_the_report_s_columns(table):
    report = made_report()
    text = readable(report)
    for column in stage_columns(table, ["accuracy"]):
        for stage in report.stages:
            cell = column.text(stage, report.stages[0])
            for name in ("terminal",) if table == "terminal" else ("Markdown", "page"):
                assert cell in text[name], (name, column.heading)


def test_json_csv_and_junit_have_the_numbers_themselves():
    report = made_report()
    assert FullReport.model_validate_json(render_json(report)) == report
    data = json.loads(render_json(report))
    for row, stage in zip(csv.DictReader(io.StringIO(render_csv(report))), data["stages"], strict=True):
        for column in value_columns():
            if column.name in row:
                value = stage[column.name]
                assert row[column.name] == ("" if value is None else str(value)), column.name
        metric = stage["metrics"]["accuracy"]
        for key in ("value", "low", "high"):
            assert float(row[f"accuracy.{key}"]) == metric[key]
        change = metric["from_baseline"]
        assert row["accuracy.from_baseline.difference"] == (str(change["difference"]) if change else "")
    last = report.stages[-1]
    properties = {each.get("name"): each.get("value") for each in junit(report).iter("property")}
    assert float(properties["metrics.accuracy"]) == last.metrics["accuracy"].value
    assert (int(properties["bytes"]), float(properties["latency_p50"])) == (last.bytes, last.latency_p50)


def test_reports_are_valid_by_the_schema_that_is_published():
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render_json(made_report())), schema)
    jsonschema.validate(json.loads(render_json(hostile_report())), schema)
    assert schema["properties"]["schema_version"]["const"] == 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(render_json(made_report())) | {"seed": "0"}, schema)


def test_every_tensor_s_figures_are_the_same_on_the_page_and_in_markdown():
    report = made_report()
    text = readable(report)
    for layer in report.stages[-1].layers:
        for name in ("Markdown", "page"):
            assert f"{layer.parameters:,}" in text[name] and f"{layer.zeros / layer.parameters:.1%}" in text[name]
        assert f" {layer.bytes:,} " in text["page"]


def test_markdown_has_at_most_sixty_lines_whatever_the_report_holds():
    made = made_report().model_dump(mode="json")
    assert render_markdown(made_report()).count("\n") == 54
    stages = [{**made["stages"][1], "id": f"step{number}", "notes": ["a note"] * 9} for number in range(30)]
    for stage in stages:
        stage["layers"] = stage["layers"] * 50
        stage["inputs"] = stage["inputs"] * 9
        stage["agreement"] = stage["agreement"] | {"signal_to_noise": 0.3}
    large = made_report(
        stages=[made["stages"][0], *stages], constraints=made["constraints"] * 9, expects=made["expects"] * 9,
        runs_code=["plugin.py"] * 30, smoke=True, description="One line.\n\nAnother.\n" * 20,
    )  # fmt: skip
    text = render_markdown(large)
    assert text.count("\n") <= MOST_LINES
    assert re.findall(r"\d+ stages, in report.html|and .* more.*", text) == [
        "29 stages, in report.html", "and 298 more notes, in report.html",
        "and 25 more, in report.html |  |  | 18 of 27 met |",
    ]  # fmt: skip
    assert text.count("<details>") == text.count("</details>")
    missed = text.index("| max_gzip_size")
    assert "**missed**" in text[missed : missed + 60]


def test_hostile_texts_stay_texts_in_every_form():
    report = hostile_report()
    for render in (render_markdown, render_json, render_csv, terminal):
        assert "\u202e" not in render(report)
    assert "<img" not in render_markdown(report)
    assert "\n=1+1" not in render_csv(made_report(recipe="=1+1"))
    assert FullReport.model_validate_json(render_json(report)).recipe == HOSTILE
    assert "<img" not in xml_text(junit(report))


def test_a_cell_that_a_spreadsheet_would_compute_is_text():
    made = made_report().model_dump(mode="json")
    made["stages"][0]["provider"] = "=HYPERLINK(1)"
    rows = list(csv.DictReader(io.StringIO(render_csv(made_report(stages=made["stages"])))))
    assert rows[0]["provider"] == "'=HYPERLINK(1)"
    assert rows[1]["accuracy.from_baseline.difference"].startswith("-0.00")


def places(node, path=()):
    """Where each value of a report is."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def test_a_report_that_says_anything_is_shown_in_every_form():
    made, draw, shown = made_report().model_dump(mode="json"), random.Random(5), 0
    known = [path for path in places(made) if "counts" not in path]
    while shown < 30:
        data = copy.deepcopy(made)
        *parents, last = draw.choice(known)
        reduce(getitem, parents, data)[last] = draw.choice(
            [0, -1, 10**15, 1e300, 1e-300, "NaN", "-Infinity", [], {}, ""]
        )
        try:
            report = FullReport.model_validate(data)
        except ValidationError:
            continue
        if report.stages and all(stage.metrics for stage in report.stages):
            shown += 1
            for render in (render_html, render_markdown, render_json, render_csv, terminal, junit):
                assert render(report) is not None
