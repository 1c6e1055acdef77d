"""The report of a real (smoke) run, in every form."""

import json
import pickle
from itertools import pairwise

import pytest
import yaml

from compressor.base.machine import conditions
from compressor.base.sizes import format_size
from compressor.contracts.report_rows import AgreementRow, ChangeRow, ConstraintRow, MetricRow, Report, StageRow
from compressor.recipe.constraints import Constraints
from compressor.report.columns import stage_columns, value_columns
from compressor.report.figures import (
    agreement_text,
    change_text,
    count_text,
    headline,
    metric_text,
    miss_text,
    ratio_text,
    remarks,
    time_text,
)
from compressor.report.markdown import render_markdown
from compressor.report.report_model import FullReport, FullStageRow
from compressor.report.screen import Screen
from compressor.report.summary import constraint_rows
from compressor.report.terminal import print_report


def test_report_json_is_the_report(smoke_run):
    report, folder = smoke_run
    assert FullReport.model_validate_json((folder / "report.json").read_text()) == report


def test_a_report_can_be_read_by_its_contract_alone(smoke_run):
    report, folder = smoke_run
    read = Report.model_validate_json((folder / "report.json").read_text())
    assert read.model_dump() == report.model_dump()


def test_a_report_survives_a_pickle(smoke_run):
    assert pickle.loads(pickle.dumps(smoke_run[0])) == smoke_run[0]


def test_the_columns_hold_what_the_contract_promises_of_a_stage_in_its_order():
    promised = {name: field.annotation for name, field in StageRow.model_fields.items()}
    columns = {column.name: column.type_ for column in value_columns()}
    assert {name: columns[name] for name in promised} == promised
    assert list(FullStageRow.model_fields)[: len(promised)] == list(promised)


def test_every_column_is_in_the_json_schema_with_its_meaning():
    properties = FullReport.model_json_schema()["$defs"]["FullStageRow"]["properties"]
    assert {name: field["description"] for name, field in properties.items()} == {
        column.name: column.meaning for column in value_columns()
    }


def test_every_field_of_the_report_is_in_its_json_schema_with_a_type():
    schema = FullReport.model_json_schema()
    assert schema["properties"]["seconds"]["description"] == "the whole run"
    assert set(schema["$defs"]) == {
        "AgreementRow",
        "ChangeRow",
        "ClassRow",
        "ConfusionRow",
        "ConstraintRow",
        "DecisionRow",
        "DeviceRow",
        "EndpointRow",
        "ExpectedInput",
        "FlippedRow",
        "FlipsRow",
        "FullStageRow",
        "KernelRow",
        "LayerRow",
        "MetricRow",
        "MissRow",
        "OperatorTimeRow",
        "SpreadRow",
    }


def test_bytes_zeros_and_bits_in_the_report_are_those_of_the_files(smoke_run):
    report, folder = smoke_run
    for stage in report.stages:
        assert stage.bytes == (folder / stage.file).stat().st_size
    assert (folder / "model.tflite").read_bytes() == (folder / report.stages[-1].file).read_bytes()
    assert [stage.weight_bits for stage in report.stages] == [32, 32, 8, 8]
    assert [stage.sparsity > 0.8 for stage in report.stages] == [False, True, True, True]


def test_decisions_curves_spreads_and_times_of_calls_are_those_of_each_stage(smoke_run):
    report, _ = smoke_run
    for stage in report.stages:
        assert sum(row.samples for row in stage.classes) == report.samples["test"] == 256
        assert sum(row.right for row in stage.classes) / 256 == stage.metrics["accuracy"].value
        assert len(stage.latency_percentiles) == 21
        assert (stage.latency_percentiles[10], stage.latency_percentiles[18]) == (stage.latency_p50, stage.latency_p90)
        for layer in stage.layers:
            assert sum(layer.spread.counts if layer.spread else ()) == layer.parameters - layer.zeros
    assert {layer.name for layer in report.stages[-1].layers if layer.difference is None} == set()
    assert all(0 < layer.difference < 2 for layer in report.stages[-1].layers if len(layer.shape) > 1)
    assert {layer.difference for stage in report.stages[:-1] for layer in stage.layers} == {None}
    assert [[len(curve) for curve in stage.curves] for stage in report.stages] == [[1], [1], [1], []]
    assert set(report.stages[1].curves[0][0]) >= {"loss", "val_loss", "accuracy", "val_accuracy"}
    before, after = (stage.metrics["accuracy"].value for stage in (report.stages[0], report.stages[-1]))
    assert report.flips.gained - report.flips.lost == round((after - before) * 256)
    assert [sum(map(sum, matrix)) for matrix in (report.confusion.before, report.confusion.after)] == [256, 256]
    for row in report.flips.shown:
        assert row.before.chosen == row.label != row.after.chosen
        assert row.picture


def test_the_report_has_the_recipe_and_the_hashes_of_the_lock(smoke_run):
    report, folder = smoke_run
    lock = yaml.safe_load((folder / "lock.yaml").read_text())
    assert yaml.safe_load(report.resolved_recipe) == lock["recipe"]
    assert (report.fingerprints, report.code, report.files) == (lock["fingerprints"], lock["code"], lock["files"])


def test_changes_are_against_the_baseline_and_the_stage_before(smoke_run):
    report, _ = smoke_run
    rows = [stage.metrics["accuracy"] for stage in report.stages]
    assert rows[0].from_baseline is None
    for before, row in pairwise(rows):
        assert row.from_baseline.difference == pytest.approx(row.value - rows[0].value)
        assert row.from_previous.difference == pytest.approx(row.value - before.value)
        assert row.low <= row.value <= row.high


def test_a_smoke_run_says_so_everywhere_and_judges_no_constraint(smoke_run):
    report, folder = smoke_run
    assert report.smoke
    assert report.constraints == []
    assert "Smoke run" in (folder / "report.md").read_text()
    console = Screen(record=True, width=140)
    print_report(report, console)
    assert "smoke run: a few samples and steps, so the figures mean nothing" in console.export_text()


def test_a_second_metric_has_a_table_of_its_own_and_nothing_is_cut_off(smoke_run):
    report, _ = smoke_run
    again = {name: metric for stage in report.stages[:1] for name, metric in stage.metrics.items()}
    stages = [
        stage.model_copy(update={"metrics": {**stage.metrics, "accuracy (of the second output)": again["accuracy"]}})
        for stage in report.stages
    ]
    console = Screen(record=True, width=80)
    print_report(report.model_copy(update={"stages": stages}), console)
    lines = console.export_text().splitlines()
    assert "…" not in "".join(lines)
    heads = [line.split() for line in lines if line.startswith("stage ")]
    assert heads == [
        ["stage", "size", "gzip", "zeros", "accuracy", "vs", "base"],
        ["stage", "accuracy", "(of", "the", "second", "output)", "vs", "base"],
    ]


WIDTHS = {column.from_width for column in stage_columns("terminal", ["accuracy"])}


@pytest.mark.parametrize("width", sorted({140, 80, 50, 104} | WIDTHS - {0}))
def test_the_table_fits_the_terminal(smoke_run, width):
    console = Screen(record=True, width=width)
    print_report(smoke_run[0], console)
    rows = ("stage", "baseline", "prune", "ptq")
    table = [line for line in console.export_text().splitlines() if line.startswith(rows)]
    assert len(table) == 4
    assert all(len(line) <= width for line in table)
    assert "…" not in "".join(table)


def test_markdown_has_a_row_for_each_stage_and_each_tensor(smoke_run):
    text = render_markdown(smoke_run[0])
    for stage in smoke_run[0].stages:
        assert f"| {stage.id} | {stage.bytes:,} |" in text
    for layer in smoke_run[0].stages[-1].layers:
        assert f"| `{layer.name}` |" in text


def test_layers_left_alone_for_one_reason_are_named_together_all_of_them_in_the_file(smoke_run):
    left = {f"depthwise_{number}": "they are few" for number in range(8)} | {"head": "it has no kernel"}
    stage = smoke_run[0].stages[1].model_copy(update={"notes": [], "left_alone": left})
    shown = "depthwise_0, depthwise_1, depthwise_2, depthwise_3, depthwise_4, depthwise_5"
    head = "left alone: head (it has no kernel)"
    assert remarks(stage, most=6) == [f"left alone: {shown} and 2 more (they are few)", head]
    assert remarks(stage) == [f"left alone: {shown}, depthwise_6, depthwise_7 (they are few)", head]


def test_versions_and_the_seed_are_in_the_report(smoke_run):
    data = json.loads((smoke_run[1] / "report.json").read_text())
    assert data["seed"] == 0
    assert set(data["versions"]) == {
        "python", "compressor", "tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert",
        "litert-quantizer", "numpy", "brotli", "zstandard",
    }  # fmt: skip
    assert "not installed" not in data["versions"].values()


def test_threads_and_what_changes_the_rounding_of_numbers_are_in_the_report(smoke_run):
    data = json.loads((smoke_run[1] / "report.json").read_text())
    assert (data["threads"], data["environment"]) == (2, dict(conditions()))
    listed = "".join(f"<br>{name}: `{value}`" for name, value in conditions().items())
    text = (smoke_run[1] / "report.md").read_text()
    assert f"<br>threads: `2`{listed}\n\nThe same recipe, seed, versions, threads and instructions give" in text
    earlier = smoke_run[0].model_copy(update={"threads": None, "environment": {}})
    assert "threads:" not in render_markdown(earlier)


def test_a_limit_missed_by_little_is_told_in_all_digits(smoke_run):
    last = smoke_run[0].stages[-1]
    (row,) = constraint_rows(Constraints(max_size=last.bytes - 1), smoke_run[0].stages)
    assert not row.met
    assert (row.limit, row.actual) == (
        f"{format_size(last.bytes - 1)} ({last.bytes - 1:,})", f"{format_size(last.bytes)} ({last.bytes:,})"
    )  # fmt: skip


def test_constraints_are_judged_on_the_last_stage(smoke_run):
    rows = list(smoke_run[0].stages)
    last = rows[-1]
    constraints = Constraints.model_validate_json(
        json.dumps(
            {"max_size": last.bytes, "max_gzip_size": last.gzip_bytes - 1, "min_sparsity": 0.5, "min_accuracy": 1.0}
        )
    )
    found = {row.name: row.met for row in constraint_rows(constraints, rows)}
    assert found == {"min_accuracy": False, "max_size": True, "max_gzip_size": False, "min_sparsity": True}


def test_a_missed_constraint_says_how_far_who_spent_it_and_whether_it_is_noise(smoke_run):
    row = ConstraintRow(
        name="max_accuracy_drop", limit="0.50 pt", actual="0.71 pt", met=False, missed_by="0.21 pt", spent_by="qat",
        spent="0.60 pt", within_noise=True,
    )  # fmt: skip
    text = "by 0.21 pt, most of it spent by 'qat' (0.60 pt), within noise"
    assert miss_text(row) == text
    missed = smoke_run[0].model_copy(update={"constraints": [row]})
    console = Screen(record=True, width=140)
    print_report(missed, console)
    assert f" ✗ max_accuracy_drop 0.50 pt, and is 0.71 pt: missed {text}\n" in console.export_text()
    assert f"| max_accuracy_drop | 0.50 pt | 0.71 pt | **missed** {text} |\n" in render_markdown(missed)


def test_a_constraint_of_an_earlier_report_is_read_and_shown(smoke_run):
    row = ConstraintRow.model_validate_json('{"name": "max_size", "limit": "1 B", "actual": "2 B", "met": false}')
    missed = smoke_run[0].model_copy(update={"constraints": [row]})
    console = Screen(record=True, width=140)
    print_report(missed, console)
    assert " ✗ max_size 1 B, and is 2 B\n" in console.export_text()
    assert "| 2 B | **missed** |\n" in render_markdown(missed)


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "-"), (999_999, "999,999"), (1_234_567, "1.2 M"), (999_949_999, "999.9 M"), (3_400_000_000, "3.4 G")],
)
def test_numbers_of_multiplications_are_readable(count, text):
    assert count_text(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(31e-6, "31 µs"), (0.0012, "1.2 ms"), (2.34, "2.3 s")])
def test_times_are_readable(seconds, text):
    assert time_text(seconds) == text


def test_shares_are_shown_in_percent_and_points():
    delta = ChangeRow(difference=-0.0012, relative=-0.00122, better=False, p_value=0.3, within_noise=True)
    metric = MetricRow(
        value=0.9809, low=0.9780, high=0.9834, higher_is_better=True, share=True, keras=None,
        from_baseline=delta, from_previous=delta,
    )  # fmt: skip
    assert metric_text(metric) == "98.09 % ±0.27"
    assert change_text(delta, share=True) == "-0.12 pt"
    assert ratio_text(28, 100) == "-72 %"


@pytest.mark.parametrize(
    ("gap", "text"), [(2e-5, "within 0.002 %, 96 dB"), (0.0634, "within 6.3 %, 96 dB"), (12.5, "within 1,250 %, 96 dB")]
)
def test_a_gap_between_file_and_keras_is_written_without_powers_of_ten(gap, text):
    assert agreement_text(AgreementRow(largest=gap, same_class=None, signal_to_noise=96.2, least=20)) == text


def test_a_file_that_disagrees_with_its_model_is_the_headline_in_red(smoke_run):
    apart = AgreementRow(largest=0.84, same_class=0.0567, signal_to_noise=0.31, least=19.13)
    first, *others, last = smoke_run[0].stages
    stages = [first, *others, last.model_copy(update={"agreement": apart})]
    report = smoke_run[0].model_copy(update={"stages": stages, "smoke": False})
    doubt = (
        f"do not use this model: after '{last.id}' the file disagrees with the model that it was made of: same "
        "decision in 5.67 % of the samples, signal to noise 0.3 dB where its precision explains 19.1 dB"
    )
    console = Screen(width=300, record=True, force_terminal=True)
    print_report(report, console)
    styled, plain = console.export_text(styles=True, clear=False), console.export_text()
    assert f"\x1b[1;31m{doubt}\x1b[0m" in styled
    assert "% of the size" not in plain
    assert f"**{doubt}**" in render_markdown(report)
    assert "% of the size" not in render_markdown(report)


@pytest.mark.parametrize(
    ("now", "text"), [(1_290, "129% of the size"), (994, "99% of the size"), (4, "0.4% of the size")]
)
def test_a_small_share_of_the_size_is_not_called_nothing(smoke_run, now, text):
    first, *_, last = smoke_run[0].stages
    stages = [first.model_copy(update={"bytes": 1_000}), last.model_copy(update={"bytes": now})]
    assert headline(smoke_run[0].model_copy(update={"stages": stages})).startswith(text)


def test_the_smallest_of_many_tensors_are_summed_up(smoke_run):
    *others, last = smoke_run[0].stages
    kernel = last.layers[0].model_copy(update={"name": "kernel", "parameters": 100_000, "bytes": 100_000})
    bias = last.layers[0].model_copy(update={"name": "bias", "parameters": 10, "bytes": 40})
    tables = []
    for count in (3, 30):
        stages = [*others, last.model_copy(update={"layers": [kernel, *[bias] * count]})]
        text = render_markdown(smoke_run[0].model_copy(update={"stages": stages}))
        tables.append(text.partition("<summary>Weights of the last stage")[2].partition("</details>")[0])
    assert tables[0].count("`bias`") == 3
    assert "smaller ones" not in tables[0]
    shown = tables[1].count("`bias`")
    assert 5 < shown < 30
    left = 30 - shown
    assert f"| {left} smaller ones, in report.html |  |  | {left * 10} |  |  | {left * 40} B |" in tables[1]
