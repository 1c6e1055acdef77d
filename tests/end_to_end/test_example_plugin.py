"""A stranger's plugin, installed as a stranger would, is found and used like any other."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "example_plugin"
RECIPE = """\
version: 1
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist}
steps:
  - uses: powers_of_two
    with: {powers: 4}
  - uses: ptq
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that the plugin was installed into; neither the environment nor the source folder is changed."""
    folder = tmp_path_factory.mktemp("plugin")
    source, target = folder / "source", folder / "site"
    shutil.copytree(SOURCE, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--target", target, source], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def compressor(installed, tmp_path):
    """A function that runs the command line with the plugin installed."""
    (tmp_path / "recipe.yaml").write_text(RECIPE)

    def call(*arguments):
        environment = {**os.environ, "PYTHONPATH": str(installed), "COLUMNS": "120"}
        return subprocess.run(
            [sys.executable, "-m", "compressor", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    return call


def test_it_is_listed_with_its_distribution_and_version(compressor):
    done = compressor("strategies")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("powers_of_two")]
    assert line.rstrip().endswith("compressor-example-plugin 0.3.0")
    assert "broken" not in done.stdout


def test_its_parameters_are_shown(compressor):
    done = compressor("strategies", "powers_of_two", "--json")
    found = json.loads(done.stdout)
    assert (found["distribution"], found["version"]) == ("compressor-example-plugin", "0.3.0")
    assert found["summary"] == "Round weights to signed powers of two, so that they take few values and zip well."
    assert found["parameters"]["properties"]["powers"] == {
        "default": 6,
        "description": "powers a tensor keeps, from its largest down; the rest is zero",
        "maximum": 32,
        "minimum": 1,
        "title": "Powers",
        "type": "integer",
    }


def test_a_recipe_may_use_it_and_the_plan_tells_where_it_comes_from(compressor):
    done = compressor("plan", "recipe.yaml", "--json")
    stages = json.loads(done.stdout)["stages"]
    assert [(stage["id"], stage["provider"], stage["after"]) for stage in stages[1:]] == [
        ("powers_of_two", "compressor-example-plugin 0.3.0", "keras, clustered"),
        ("ptq", f"compressor {importlib.metadata.version('compressor')}", "litert, clustered, quantized"),
    ]


def test_its_parameters_are_checked_as_those_of_any_other(compressor):
    assert compressor("validate", "recipe.yaml").stdout == "1 recipe valid\n"
    done = compressor("validate", "recipe.yaml", "--set", "steps.powers_of_two.with.powers=0")
    assert (done.returncode, done.stdout) == (
        1,
        "--set steps.powers_of_two.with.powers=0:1:33: error: 'powers' must be 1 or more, but is 0\n"
        "    1 | steps.powers_of_two.with.powers=0\n"
        "      |                                 ^\n",
    )


def test_editors_learn_of_it(compressor):
    done = compressor("schema")
    assert "StepSection_powers_of_two" in json.loads(done.stdout)["$defs"]


def test_the_order_it_can_stand_in_is_checked(compressor):
    done = compressor("validate", "recipe.yaml", "--set", "steps=[{uses: ptq}, {uses: powers_of_two}]")
    assert done.stdout.splitlines()[0] == (
        "--set steps=[{uses: ptq}, {uses: powers_of_two}]:1:28: error: 'ptq' leaves a LiteRT model, and "
        "'powers_of_two' needs a Keras model; an order that works: powers_of_two -> ptq"
    )


def test_without_the_plugin_its_name_is_unknown(tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    done = subprocess.run(
        [sys.executable, "-m", "compressor", "validate", "recipe.yaml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout.startswith("recipe.yaml:5:11: error: unknown strategy 'powers_of_two'; known: ")


def test_it_is_short():
    assert len((SOURCE / "example_plugin" / "__init__.py").read_text().splitlines()) <= 50
