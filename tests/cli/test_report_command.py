"""`compressor report`: the forms of a report from a run's folder, without TensorFlow, and what is wrong with one."""

import csv
import io
import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from made_reports import made_report

from compressor.report.data_formats import render_json


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "a run"
    folder.mkdir()
    (folder / "report.json").write_text(render_json(made_report()))
    return folder


@pytest.fixture
def report(run):
    return lambda *arguments: run("report", *map(str, arguments))


def test_the_table_of_the_run_is_shown_again(report, folder):
    code, out, _ = report(folder)
    assert code == 0
    assert "ptq        23.3 kB    7.3 kB     82%   97.87 % ±0.26   -0.37 pt" in out
    assert "✗ max_gzip_size 7.0 kB, and is 7.3 kB" in out
    assert report(folder / "report.json") == (0, out, "")


def test_json_is_what_the_run_has_written(report, folder):
    assert report(folder, "--format", "json") == (0, (folder / "report.json").read_text(), "")


def test_csv_has_a_row_for_each_stage_and_junit_a_test_for_each_constraint(report, folder):
    rows = list(csv.DictReader(io.StringIO(report(folder, "--format", "csv")[1])))
    assert [(row["id"], row["bytes"], row["accuracy.value"]) for row in rows] == [
        ("baseline", "83576", "0.9824"), ("prune", "83576", "0.9811"), ("ptq", "23336", "0.9787"),
    ]  # fmt: skip
    suite = ElementTree.fromstring(report(folder, "--format", "junit")[1])[0]
    assert (suite.get("tests"), suite.get("failures")) == ("4", "1")
    assert {case.get("name"): [fail.get("message") for fail in case] for case in suite.iter("testcase")} == {
        "max_accuracy_drop": [], "max_size": [], "max_gzip_size": ["max_gzip_size 7.0 kB, and is 7.3 kB"],
        "files agree with their models": [],
    }  # fmt: skip


def test_csv_keeps_figures_below_their_headings_where_stages_have_other_metrics(report, folder):
    data = json.loads((folder / "report.json").read_text())
    row = data["stages"][-1]["metrics"].pop("accuracy")
    data["stages"][-1]["metrics"] = {"top5": row | {"value": 0.99}}
    (folder / "report.json").write_text(json.dumps(data))
    rows = list(csv.DictReader(io.StringIO(report(folder, "--format", "csv")[1])))
    assert [(row["accuracy.value"], row["top5.value"], row["latency_p50"] != "") for row in rows] == [
        ("0.9824", "", True), ("0.9811", "", True), ("", "0.99", True),
    ]  # fmt: skip


def test_the_form_follows_the_suffix_of_the_file_which_is_not_replaced_unasked(report, folder, tmp_path):
    page = tmp_path / "page.html"
    assert report(folder, "--output", page) == (0, f"{page}\n", "")
    assert page.read_text().startswith("<!doctype html>")
    told = f"error: {page} exists already; choose another name, or pass --force to replace it\n"
    assert report(folder, "-o", page) == (1, "", told)
    assert report(folder, "-o", page, "--force")[0] == 0
    assert report(folder, "-o", tmp_path / "x.md")[0] == 0
    assert (tmp_path / "x.md").read_text().startswith("# made\n")
    for form in ("terminal", "json", "csv", "junit"):
        assert report(folder, "-o", tmp_path / f"{form}.out", "--format", form)[0] == 0
    code, _, err = report(folder, "-o", tmp_path / "x.pdf")
    assert code == 2
    assert err.endswith(f"Error: {tmp_path / 'x.pdf'} has no suffix that tells a form; give --format.\n")


def test_open_shows_the_run_s_page_in_a_browser(report, folder, monkeypatch):
    shown = []
    monkeypatch.setattr("webbrowser.open", lambda address: shown.append(address) or True)
    page = folder / "report.html"
    assert report(folder, "--open") == (0, f"{page}\n", "")
    assert shown == [page.as_uri()]
    assert shown[0].endswith("a%20run/report.html")
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    told = f"there is no browser to show {page} in; open the file yourself\n"
    assert report(folder, "--open") == (0, f"{page}\n", told)
    for other in (("--format", "csv"), ("--output", folder / "report.csv")):
        code, _, err = report(folder, "--open", *other)
        assert code == 2
        assert err.endswith("Error: --open shows the report as html, and csv is asked for; leave out one of them.\n")


def test_what_is_no_report_is_told(report, folder, tmp_path):
    def refused(path, told):
        assert report(path) == (1, "", f"error: {told}\n")

    empty, file = tmp_path / "empty", tmp_path / "report.json"
    empty.mkdir()
    refused(tmp_path / "none", f"there is no run or file {tmp_path / 'none'}; check the path")
    refused(empty, f"there is no report.json in {empty}; name the folder of a run that is done")
    (empty / "best").mkdir()
    (empty / "best/report.json").write_text("{}")
    refused(empty, f"{empty} is the folder of a search; name a run of it, such as {empty / 'best'}")
    (empty / "stages").mkdir()
    refused(empty, f"the run in {empty} is not done; wait for it, or give its command again")
    for seed in (3, 20):
        (empty / f"seed-{seed}").mkdir()
        (empty / f"seed-{seed}" / "report.json").write_text("{}")
    refused(empty, f"{empty} holds several runs; name one of them, such as {empty / 'seed-3'}")
    data = json.loads((folder / "report.json").read_text())
    for content, told in {
        "{": "is damaged, or no JSON (EOF while parsing an object at line 1 column 1); name the folder of a run",
        "[]": "is no report of a run; name the folder of a run, or its report.json",
        '{"schema_version": 2}': "has schema_version 2, and this version of compressor reads 1; use the version that "
        "wrote it, or a later one",
        '{"schema_version": 1}': "is no report that can be read: recipe: Field required; use the version of "
        "compressor that wrote it, or run the recipe again",
        json.dumps(data | {"stages": []}): "has no stages, or a stage without a metric; run the recipe again",
    }.items():
        file.write_text(content)
        refused(file, f"{file} {told}")


@pytest.mark.parametrize("form", ["terminal", "html", "md", "csv", "junit", "json"])
def test_no_form_needs_tensorflow_or_numpy_and_none_takes_two_seconds_of_the_processor(folder, form):
    code = (
        "import sys, time; begun = time.process_time(); from compressor.cli import root\n"
        f"root(['report', {str(folder)!r}, '--format', {form!r}], standalone_mode=False)\n"
        "took = time.process_time() - begun\n"
        "heavy = {'tensorflow', 'tf_keras', 'keras', 'ai_edge_litert', 'tensorflow_model_optimization'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}), took < 2, took, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.startswith("[] True"), done.stderr


def test_a_model_card_is_written_with_a_license_if_one_is_given(report, folder, tmp_path):
    card = tmp_path / "README.md"
    assert report(folder, "--format", "card", "--license", "apache-2.0", "-o", card) == (0, f"{card}\n", "")
    assert card.read_text().startswith("---\nlicense: apache-2.0\nlibrary_name: tflite\n")
    assert "@misc{arxiv:1710.01878," in card.read_text()
    code, out, _ = report(folder, "--format", "card")
    assert (code, out.startswith("---\nlibrary_name: tflite\n")) == (0, True)
    code, _, err = report(folder, "--license", "mit")
    assert (code, err.splitlines()[-1]) == (
        2, "Error: --license stands in a model card; give --format card, or leave it out.",
    )  # fmt: skip
    code, _, err = report(folder, "--format", "card", "--license", "MIT License")
    assert (code, err.splitlines()[-1]) == (
        2,
        "Error: Invalid value for --license: 'MIT License' is no identifier of a license; give one such as apache-2.0 "
        "or other.",
    )
