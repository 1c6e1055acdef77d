"""A report column and a constraint are one record each: added here, and nothing else touched, they are everywhere."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from compressor.report import columns
from compressor.report.column_types import Column, Shown
from compressor.report.markdown import render_markdown
from compressor.report.screen import Screen
from compressor.report.terminal import print_report

# In a process of its own, since a recipe's section is made when the module is imported, as an edit of it would be.
ADDED = """
import sys
from operator import attrgetter
from typing import Annotated
from pydantic import Field
from compressor.recipe import constraints
from compressor.recipe.limits import Limit

class Constraints(constraints.Constraints):
    max_operators: Annotated[int | None, Limit("at most", attrgetter("operators"), "{:,} operators".format)] = Field(
        None, ge=1, description="most operators"
    )
    max_errors: Annotated[
        float | None,
        Limit("at most", lambda stage: 1 - stage.metrics["accuracy"].value, "{:.1%}".format, for_shares=True),
    ] = Field(None, le=1, description="largest share of errors")

constraints.Constraints = Constraints

from compressor.report import columns
from compressor.report.column_types import Column, Shown

operators = Column(
    "operators",
    int,
    "number of operators in the file",
    lambda of: of.anatomy.operators,
    terminal=Shown("operators", "{:,}".format, from_width=120),
    markdown=Shown("operators in all", "{:,}".format),
)
columns.COLUMNS = (*columns.COLUMNS, operators)
"""
COMMAND = """
from compressor.cli import main
sys.argv[0] = "compressor"
main()
"""
DOCS = """
import test_docs
print(test_docs.sections())
print(test_docs.report())
"""
RECIPE = "version: 1\nmodel: {{source: ./model.tflite}}\ndata: {{source: mnist}}\n{rest}"


@pytest.fixture
def run(tmp_path):
    """A command, or other code, run with the added column and the added constraints."""

    def run(*arguments, code=COMMAND, rest=""):
        (tmp_path / "recipe.yaml").write_text(RECIPE.format(rest=rest))
        environment = {**os.environ, "COLUMNS": "140", "PYTHONPATH": str(Path(__file__).parent.parent)}
        command = [sys.executable, "-c", ADDED + code, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def test_a_run_computes_the_column_shows_it_and_judges_the_constraints(run, smoke_run, tmp_path):
    shutil.copy(smoke_run[1] / "model.tflite", tmp_path)
    done = run("apply", "recipe.yaml", "-o", "out", "-q", rest="constraints: {max_operators: 1, max_errors: 1.0}\n")
    assert done.stderr == "error: constraints not met: max_operators; change the recipe's steps, or relax them\n"
    assert done.returncode == 3
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    (stage,) = report["stages"]
    count = stage["operators"]
    assert type(count) is int and count > 1
    assert list(stage)[-1] == "operators"
    errors = f"{1 - stage['metrics']['accuracy']['value']:.1%}"
    judged = [
        {key: row[key] for key in ("name", "limit", "actual", "met", "missed_by", "number")}
        for row in report["constraints"]
    ]
    more = f"{count - 1} operators"
    missed = {"limit": "1 operators", "actual": f"{count} operators", "met": False, "missed_by": more, "number": 1.0}
    assert judged == [
        {"name": "max_operators", **missed},
        {"name": "max_errors", "limit": "100.0%", "actual": errors, "met": True, "missed_by": "", "number": 1.0},
    ]
    head, _, row, *_ = done.stdout.strip().splitlines()
    assert (head.split()[-1], row.split()[-1]) == ("operators", str(count))
    assert f" ✗ max_operators 1 operators, and is {count} operators: missed by {more}" in done.stdout.splitlines()
    assert " ✓ max_errors 100.0%" in done.stdout.splitlines()
    text = (tmp_path / "out" / "report.md").read_text()
    assert "| took | operators in all |\n" in text
    assert f"| max_operators | 1 operators | {count} operators | **missed** by {more} |\n" in text


def test_recipes_are_validated_with_the_constraints(run):
    metrics = "evaluation: {metrics: [mae]}\n"
    done = run("validate", "recipe.yaml", rest=metrics + "constraints: {max_operators: 0, max_errors: 0.5}\n")
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if ": error: " in line] == [
        "recipe.yaml:5:30: error: 'constraints.max_operators' must be 1 or more, but is 0",
        "recipe.yaml:5:45: error: 'max_errors' needs a metric that is a share, not 'mae'; use 'max_relative_drop'",
    ]


def test_the_json_schema_has_the_constraints(run):
    properties = json.loads(run("schema").stdout)["$defs"]["Constraints"]["properties"]
    assert list(properties)[-2:] == ["max_operators", "max_errors"]
    assert properties["max_operators"] == {
        "anyOf": [{"minimum": 1, "type": "integer"}, {"type": "null"}],
        "default": None,
        "description": "most operators",
        "title": "Max Operators",
    }


def test_the_docs_have_the_column_and_the_constraints(run):
    docs = run(code=DOCS).stdout
    assert "| `operators` | number of operators in the file |\n" in docs
    assert "| `constraints.max_operators` | integer >= 1 or null | `null` | most operators |\n" in docs
    assert "| `constraints.max_errors` | number <= 1 or null | `null` | largest share of errors |\n" in docs


@pytest.fixture
def report(monkeypatch, smoke_run):
    """A report with one column more."""
    shown = Shown("answers", "{:,}".format, from_width=120)
    column = Column("answers", int, "how many", lambda _: 4_200, terminal=shown, markdown=shown)
    monkeypatch.setattr(columns, "COLUMNS", (*columns.COLUMNS, column))
    stages = [stage.model_copy(update={"answers": 4_200}) for stage in smoke_run[0].stages]
    return smoke_run[0].model_copy(update={"stages": stages})


@pytest.mark.parametrize(("width", "there"), [(120, True), (119, False)])
def test_a_terminal_shows_the_column_where_it_is_wide_enough(report, width, there):
    console = Screen(record=True, width=width)
    print_report(report, console)
    (head,) = [line for line in console.export_text().splitlines() if line.startswith("stage ")]
    assert head.split()[-1] == ("answers" if there else "took")


def test_markdown_shows_the_column(report):
    lines = render_markdown(report).splitlines()
    (head,) = [line for line in lines if line.startswith("| stage |")]
    assert head.endswith("| took | answers |")
    assert sum(line.endswith("| 4,200 |") for line in lines) == len(report.stages)
