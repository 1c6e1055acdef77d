"""What `compressor validate --format` prints for each CI system."""

import json
from xml.etree import ElementTree

import pytest

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\n"
BAD = HEAD + "data: {source: ./gone.npz}\nplugins: [./mine.py]\nsteps:\n  - uses: prun\n  - uses: mine\n"
PLUGIN = """\
import compressor


class Mine(compressor.Strategy):
    name = "mine"


@compressor.hookimpl
def strategies():
    return [Mine]
"""
UNKNOWN = "unknown strategy 'prun'; did you mean 'prune'?"
UNCHECKED = (
    "the strategy 'mine' comes from mine.py, which is not run here; its parameters and its place among the steps are "
    "checked by 'compressor plan'"
)


@pytest.fixture
def missing(tmp_path):
    (tmp_path / "bad.yaml").write_text(BAD)
    (tmp_path / "good.yaml").write_text(HEAD + "data: {source: mnist}\nsteps: [{uses: ptq}]\n")
    (tmp_path / "mine.py").write_text(PLUGIN)
    return f"there is no file or folder './gone.npz' for the data; check the path, which leads to {tmp_path}/gone.npz"


def test_text_tells_errors_warnings_and_what_was_not_checked(run, missing):
    assert run("validate", "good.yaml", "bad.yaml") == (
        1,
        f"bad.yaml:3:16: warning: {missing}\n"
        "    3 | data: {source: ./gone.npz}\n"
        "      |                ^^^^^^^^^^\n"
        f"bad.yaml:6:11: error: {UNKNOWN}\n"
        "    6 |   - uses: prun\n"
        "      |           ^^^^\n"
        f"bad.yaml:7:11: not checked: {UNCHECKED}\n"
        "    7 |   - uses: mine\n"
        "      |           ^^^^\n",
        "1 problem in 1 of 2 recipes, 1 warning, 1 not checked in full\n",
    )


def test_github_gets_errors_warnings_and_notices(run, missing):
    assert run("validate", "--format", "github", "-q", "bad.yaml") == (
        1,
        f"::warning file=bad.yaml,line=3,col=16::{missing}\n"
        f"::error file=bad.yaml,line=6,col=11::{UNKNOWN}\n"
        f"::notice file=bad.yaml,line=7,col=11::{UNCHECKED}\n",
        "",
    )


def test_gitlab_gets_a_code_quality_report(run, missing, tmp_path):
    code, out, err = run("validate", "--format", "gitlab", "good.yaml", str(tmp_path / "bad.yaml"))
    assert (code, err) == (1, "")
    found = json.loads(out)
    assert [(entry["severity"], entry["check_name"], entry["description"]) for entry in found] == [
        ("minor", "doubtful-recipe", missing),
        ("major", "invalid-recipe", UNKNOWN),
        ("info", "not-checked", UNCHECKED),
    ]
    assert [entry["location"] for entry in found] == [
        {"path": "bad.yaml", "lines": {"begin": line}} for line in (3, 6, 7)
    ]
    assert len({entry["fingerprint"] for entry in found}) == 3
    assert json.loads(run("validate", "--format", "gitlab", str(tmp_path / "bad.yaml"))[1]) == found


def test_junit_gets_a_test_case_for_every_recipe(run, missing):
    code, out, err = run("validate", "--format", "junit", "good.yaml", "bad.yaml")
    assert (code, err) == (1, "")
    suites = ElementTree.fromstring(out)
    assert (suites.attrib["tests"], suites.attrib["failures"]) == ("2", "1")
    good, bad = suites.iter("testcase")
    assert (good.attrib["name"], list(good)) == ("good.yaml", [])
    failure, rest = bad
    assert failure.attrib == {"message": UNKNOWN, "type": "invalid-recipe"}
    assert failure.text.startswith(f"bad.yaml:6:11: error: {UNKNOWN}\n    6 |   - uses: prun\n")
    assert [line for line in rest.text.splitlines() if line.startswith("bad.yaml")] == [
        f"bad.yaml:3:16: warning: {missing}",
        f"bad.yaml:7:11: not checked: {UNCHECKED}",
    ]


def test_what_xml_cannot_hold_is_escaped(run, tmp_path):
    (tmp_path / "a\x1b<&.yaml").write_text(HEAD + 'data: {source: "\\e[2J"}\n')
    code, out, err = run("validate", "--format", "junit", "a\x1b<&.yaml")
    assert (code, err) == (1, "")
    (case,) = ElementTree.fromstring(out).iter("testcase")
    assert case.attrib["name"] == r"a\x1b<&.yaml"


def test_sarif_gets_a_result_with_a_region_for_every_problem(run, missing):
    code, out, err = run("validate", "--format", "sarif", "good.yaml", "bad.yaml")
    assert (code, err) == (1, "")
    log = json.loads(out)
    assert log["version"] == "2.1.0"
    (sarif,) = log["runs"]
    rules = {rule["id"] for rule in sarif["tool"]["driver"]["rules"]}
    assert [(result["level"], result["message"]["text"]) for result in sarif["results"]] == [
        ("warning", missing),
        ("error", UNKNOWN),
        ("note", UNCHECKED),
    ]
    assert {result["ruleId"] for result in sarif["results"]} == rules
    assert sarif["results"][1]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "bad.yaml"},
                "region": {"startLine": 6, "startColumn": 11, "endColumn": 15},
            }
        }
    ]


@pytest.mark.parametrize("form", ["gitlab", "sarif", "json"])
def test_valid_recipes_are_a_report_without_problems(run, missing, form):
    code, out, err = run("validate", "--format", form, "good.yaml")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found in ([], {"good.yaml": []}) or found["runs"][0]["results"] == []
