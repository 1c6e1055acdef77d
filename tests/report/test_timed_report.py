"""What a report says of stages that were timed in turn, in every form; one of a run that did not says nothing of it."""

import csv
import io
import json
import re

from made_reports import made_report, timed_report

from compressor.report.data_formats import render_csv, render_json
from compressor.report.latency_texts import latency_findings, operator_kinds, short_time_text
from compressor.report.markdown import MOST_LINES, render_markdown
from compressor.report.page.html_page import render_html
from compressor.report.report_model import FullReport
from compressor.report.screen import Screen
from compressor.report.terminal import print_report

SLOWER = (
    "not faster on this machine: a call takes 2.50 times the baseline's time (95 %: 2.40 to 2.60); CONV_2D in int16 "
    "takes 12 µs instead of 3.5 µs, since XNNPACK leaves it to LiteRT's own kernels; QUANTIZE in float32 to int16 "
    "takes 2.1 µs that the baseline does without, since XNNPACK leaves it to LiteRT's own kernels"
)


def terminal(report, width):
    screen = Screen(io.StringIO(), width=width)
    print_report(report, screen)
    return screen.file.getvalue()


def test_a_slower_stage_is_told_with_the_operators_that_cost_it_the_worst_first():
    assert latency_findings(timed_report()) == [SLOWER]


def test_a_faster_stage_is_told_and_one_whose_interval_includes_one_is_not_faster():
    assert latency_findings(timed_report((0.41, 0.4, 0.42))) == [
        "faster on this machine: a call takes 0.41 times the baseline's time (95 %: 0.40 to 0.42)"
    ]
    (finding,) = latency_findings(timed_report((0.98, 0.95, 1.01)))
    assert finding.startswith(
        "not faster on this machine: a call takes 0.98 times the baseline's time (95 %: 0.95 to 1.01); CONV_2D in int16"
    )


def test_what_was_left_in_float_is_named_as_that():
    report = timed_report().model_dump(mode="json")
    report["stages"][2]["operator_times"][1] |= {"computes_in": "float32", "arithmetic": "float", "kernels": "XNNPACK"}
    (finding,) = latency_findings(FullReport.model_validate(report))
    assert "CONV_2D in float32 takes 12 µs instead of 3.5 µs, since it was left in float;" in finding


def test_a_run_that_timed_nothing_in_turn_says_nothing_of_it():
    report = made_report()
    assert latency_findings(report) == []
    for text in (terminal(report, 400), render_markdown(report), render_html(report)):
        assert "call vs base" not in text and "this machine: a call" not in text and "time alone" not in text
    assert report.stages[-1].operator_times == [] and report.stages[-1].latency_ratio is None


def test_the_terminal_shows_the_finding_and_the_operators_by_their_time_at_eighty_columns():
    lines = terminal(timed_report(), 80).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert SLOWER in re.sub(r"\s+", " ", " ".join(lines))
    start = next(place for place, line in enumerate(lines) if line.startswith("operator "))
    assert lines[start : start + 6] == [
        "operator         calls      alone  share  kernels       computes in",
        "───────────────────────────────────────────────────────────────────",
        "CONV_2D              1      12 µs   79 %   LiteRT             int16",
        "QUANTIZE             1     2.1 µs   14 %   LiteRT  float32 to int16",
        "FULLY_CONNECTED      1     1.0 µs    7 %   LiteRT             int16",
        "SPLIT                1  not timed    0 %                      int16",
    ]


def test_a_wide_terminal_and_markdown_have_the_ratio_as_a_column():
    assert "2.50x (2.40 to 2.60)" in terminal(timed_report(), 200)
    text = render_markdown(timed_report())
    assert SLOWER in re.sub(r"\\(.)", r"\1", text)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    head, baseline, _, last = (row for row in rows if " call vs base |" in row or "x (" in row)
    assert head.endswith("| call vs base |")
    assert baseline.endswith("| 1.00x (1.00 to 1.00) |") and last.endswith("| 2.50x (2.40 to 2.60) |")
    assert text.count("\n") <= MOST_LINES


def test_the_page_has_the_ratios_the_operators_and_the_time_of_each_layer():
    page = render_html(timed_report())
    for shown in (
        "Time of one call against the baseline&#39;s: baseline 1.00x (1.00 to 1.00), prune 1.00x (0.99 to 1.01), "
        "ptq 2.50x (2.40 to 2.60)",
        "Time of the operators of ptq: CONV_2D in int16 12 µs, QUANTIZE in float32 to int16 2.1 µs, "
        "FULLY_CONNECTED in int16 1.0 µs",
        "Timed on Processor 1 with threads: 1, in 41 rounds, in each of which all stages took turns.",
        "of ptq, together 76 % of a whole call.",
        '<button type="button">time alone</button>',
        '<td data-order="1.2e-05" class="number">12 µs</td>',
        '<td data-order="-1" class="number"></td>',
    ):  # fmt: skip
        assert shown in page, shown
    assert page.count("not faster on this machine") == 1


def test_json_and_csv_have_the_figures():
    report = timed_report()
    assert FullReport.model_validate_json(render_json(report)) == report
    data = json.loads(render_json(report))
    assert data["schema_version"] == 1
    assert [row["seconds"] for row in data["stages"][2]["operator_times"]] == [2.1e-6, 12e-6, None, 1e-6]
    last = list(csv.DictReader(io.StringIO(render_csv(report))))[-1]
    assert (last["latency_ratio"], last["latency_ratio_low"], last["latency_rounds"]) == ("2.5", "2.4", "41")


def test_a_report_from_before_is_read_without_them():
    data = json.loads(render_json(made_report()))
    for row in data["stages"]:
        for name in [key for key in row if key.startswith("latency_") and key[8:] not in ("p50", "p90")]:
            del row[name]
        del row["operator_times"]
        for layer in row["layers"]:
            del layer["seconds"]
    del data["timed_on"]
    stage = FullReport.model_validate(data).stages[0]
    assert (stage.latency_median, stage.latency_ratio, stage.operator_times) == (None, None, [])


def test_operators_of_a_kind_are_added_up():
    rows = timed_report().stages[2].operator_times
    kinds = operator_kinds([*rows, rows[1]])
    assert (kinds[0].operator, kinds[0].calls, round(kinds[0].seconds * 1e6, 3)) == ("CONV_2D", 2, 24.0)
    assert round(kinds[0].share, 3) == round(24 / 27.1, 3)
    assert kinds[-1].seconds is None


def test_short_times_have_two_digits():
    texts = [short_time_text(seconds) for seconds in (1.2e-3, 31.4e-6, 9.96e-6, 3.44e-6, 0.96e-6, 0.08e-6)]
    assert texts == ["1.2 ms", "31 µs", "10 µs", "3.4 µs", "1.0 µs", "0.08 µs"]
