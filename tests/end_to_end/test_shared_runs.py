"""A run whose trainings share logical devices: the same bytes again, named in report and lock, refused on others."""

import json
import subprocess
import sys

import pytest

RECIPE = """version: 1
name: shared
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist}
runtime: {distribute: mirrored, devices: 2}
steps: [{uses: prune, with: {epochs: 1}}, {uses: qat, with: {epochs: 1}}, {uses: ptq}]
"""


def compressor_(*arguments, cwd):
    command = [sys.executable, "-m", "compressor", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.mark.long
def test_a_run_on_two_devices_is_made_again_byte_for_byte_and_refused_on_three(tmp_path, monkeypatch):
    (tmp_path / "r.yaml").write_text(RECIPE)
    for name in ("one", "two"):
        monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / f"cache of {name}"))
        locked = ["--locked", "one/lock.yaml"] if name == "two" else []
        done = compressor_("apply", "r.yaml", "--smoke", "--output", name, *locked, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    one, two = (tmp_path / name / "model.tflite" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    report = json.loads((tmp_path / "one" / "report.json").read_text())
    assert report["environment"]["training devices"] == "2 logical CPU devices"
    assert any("which is no faster" in note for note in report["stages"][0]["notes"])
    three = ["--set", "runtime.devices=3", "--locked", "one/lock.yaml"]
    refused = compressor_("apply", "r.yaml", "--smoke", "--output", "three", *three, cwd=tmp_path)
    assert refused.returncode == 1
    for line in (
        "environment.training devices: locked '2 logical CPU devices', now '3 logical CPU devices'",
        "recipe.runtime.devices: locked 2, now 3",
    ):
        assert line in refused.stderr
