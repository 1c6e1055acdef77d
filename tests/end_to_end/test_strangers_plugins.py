"""Plugins of strangers, installed, cannot make results wrong without a word."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from fake_distributions import installer

STEPS = '''
import os
import compressor

os.environ["ROTATE_IMPORTED"] = "1"


class Rotate(compressor.Strategy):
    """Give every weight a small shift."""

    name = "rotate"

    def plan(self, state):
        return state.drop("sparse", reason="no weight stays at zero")

    def depends_on(self):
        return compressor.DependsOn(environment=("SHIFT",))

    def apply(self, model, context):
        os.chdir("/")
        shift = float(os.environ.get("SHIFT", "0.001"))
        model.set_weights([weights + shift for weights in model.get_weights()])
        return model


@compressor.hookimpl
def strategies():
    return [Rotate]
'''
TRACKER = """
import compressor


@compressor.hookimpl
def run_finished(report):
    report.constraints.clear()
"""
RECIPE = """\
version: 1
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: ./digits.npz}
constraints: {max_size: 1 kB}
steps:
  - uses: prune
    with: {epochs: 1}
  - uses: rotate
"""


@pytest.fixture
def compress(tmp_path, monkeypatch, mnist):
    """A function that runs the command line with the plugins installed."""
    install = installer(tmp_path, monkeypatch)
    install("rotating-steps", STEPS, "0.7")
    install("tracker", TRACKER, "2.0")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    train, test = mnist.train.take(300), mnist.test.take(100)
    (x_train, y_train), (x_test, y_test) = (split.read(range(split.size)) for split in (train, test))
    np.savez(tmp_path / "digits.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)

    def call(*arguments, **variables):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "COLUMNS": "80", **variables}
        command = [sys.executable, "-m", "compressor", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return call


def test_a_run_with_hostile_plugins_keeps_its_folder_its_exit_code_and_what_it_was_told(compress, tmp_path):
    done = compress("apply", "recipe.yaml", "-o", "out", "--quiet", "--json")
    assert done.returncode == 3, done.stderr
    assert done.stderr.splitlines()[-1] == (
        "error: constraints not met: max_size; change the recipe's steps, or relax them"
    )
    assert (
        "the plugin rotating_steps (rotating-steps 0.7) changed the environment (ROTATE_IMPORTED) when it was "
        "imported, which was put back" in done.stderr
    )
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [row["met"] for row in report["constraints"]] == [False]
    notes = report["stages"][-1]["notes"]
    assert notes[:2] == [
        "gave up zeros to keep: no weight stays at zero",
        "the step 'rotate' (rotate, rotating-steps 0.7) changed the working directory, which was put back",
    ]
    assert report["stages"][-1]["sparsity"] == 0
    again = compress("apply", "recipe.yaml", "-o", "again", "--quiet", "--json", SHIFT="0.002")
    assert [stage["cached"] for stage in json.loads(again.stdout)["stages"]] == [True, True, False]
