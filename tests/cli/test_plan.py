"""`compressor plan`: what would run, and where each value comes from."""

import json
from importlib.metadata import version

import pytest
from fake_distributions import SHAVE

VERSION = version("compressor")


@pytest.fixture
def recipes(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "version: 1\ndescription: Small [and] quick.\n"
        "model: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"
    )
    (tmp_path / "mine.yaml").write_text(
        "extends: base.yaml\ntraining: {batch_size: 64}\nsteps:\n  - uses: ptq\n    with: {calibration_samples: 10}\n"
    )


def test_it_shows_each_step_its_states_and_the_origin_of_every_value(run, recipes):
    code, out, err = run("plan", "mine.yaml", "--set", "model.train.epochs=2", "--seed", "5")
    assert (code, err) == (0, "")
    shown = [line.rstrip() for line in out.splitlines()]
    baseline = next(line for line in shown if line.startswith("   optimizer="))
    assert 'optimizer="adam"' in baseline
    assert "batch_size=64" in baseline
    assert baseline.endswith("epochs=2")
    shown.remove(baseline)
    assert shown == [
        "mine · mnist_cnn on mnist · seed 5",
        " Small [and] quick.",
        "",
        f" baseline  train from compressor {VERSION}",
        "   keras  ->  keras",
        "   to run: this model has not run with this data before",
        "",
        f" ptq  ptq from compressor {VERSION}",
        "   keras  ->  litert, quantized",
        "   to run: this model has not run with this data before",
        '   precision="int8"  activations=null  algorithm="min_max"  granularity="channel"  io="float32"  '
        "per_layer={}  input_scale=null  integer_only=false  bias_correction=false  rate_weight=0.0  "
        "calibration_samples=10",
        "",
        " values and where they come from",
        "   version = 1   base.yaml:1:10",
        '   description = "Small [and] quick."   base.yaml:2:14',
        '   model.source = "mnist_cnn"   base.yaml:3:17',
        "   model.train.epochs = 2   --set model.train.epochs=2:1:20",
        '   data.source = "mnist"   base.yaml:4:16',
        "   training.batch_size = 64   mine.yaml:2:24",
        '   steps.0.uses = "ptq"   mine.yaml:4:11',
        "   steps.0.with.calibration_samples = 10   mine.yaml:5:33",
        '   name = "mine"   default',
    ]


def test_a_model_that_is_not_trained_is_the_baseline_as_it_comes(run, tmp_path):
    (tmp_path / "m.keras").touch()
    (tmp_path / "recipe.yaml").write_text("version: 1\nmodel: {source: ./m.keras}\ndata: {source: mnist}\n")
    code, out, _ = run("plan", "recipe.yaml")
    assert code == 0
    assert out.splitlines()[:3] == ["recipe · m.keras on mnist · seed 0", "", " baseline  the model as it comes"]


def test_code_that_a_recipe_brings_is_pointed_out(run, tmp_path):
    (tmp_path / "mine.py").write_text(SHAVE)
    (tmp_path / "m.keras").touch()
    (tmp_path / "recipe.yaml").write_text(
        "version: 1\nplugins: [./mine.py]\nmodel: {source: ./m.keras}\ndata: {source: my.data:digits}\n"
        "steps: [{uses: shave}]\n"
    )
    code, out, _ = run("plan", "recipe.yaml")
    assert code == 0
    lines = out.splitlines()
    assert lines[1:3] == [" runs code of its own: ./mine.py", " runs code of its own: my.data:digits"]
    assert lines[6].startswith(f" shave  shave from {tmp_path}/mine.py sha256:")


def test_json_has_the_whole_plan(run, recipes):
    code, out, err = run("plan", "mine.yaml", "--json", "--seed", "5")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["recipe"]["steps"] == [{"uses": "ptq", "with": {"calibration_samples": 10}}]
    assert {key: found[key] for key in ("model", "data", "seed", "runs_code")} == {
        "model": "mnist_cnn",
        "data": "mnist",
        "seed": 5,
        "runs_code": [],
    }
    baseline, ptq = found["stages"]
    assert (baseline["id"], baseline["uses"], baseline["with"]["epochs"]) == ("baseline", "train", 1)
    assert {key: ptq[key] for key in ptq if key not in ("cached", "why")} == {
        "id": "ptq",
        "uses": "ptq",
        "provider": f"compressor {VERSION}",
        "before": "keras",
        "after": "litert, quantized",
        "teacher": None,
        "with": {
            "precision": "int8",
            "activations": None,
            "algorithm": "min_max",
            "granularity": "channel",
            "io": "float32",
            "per_layer": {},
            "input_scale": None,
            "integer_only": False,
            "bias_correction": False,
            "rate_weight": 0.0,
            "calibration_samples": 10,
        },
    }


def test_a_wrong_recipe_ends_with_1_and_its_problems_on_standard_error(run, recipes):
    assert run("plan", "mine.yaml", "--set", "steps.ptq.with.precision=int9") == (
        1,
        "",
        "--set steps.ptq.with.precision=int9:1:26: error: 'precision' cannot be the text 'int9'; "
        "did you mean 'int8'?\n"
        "    1 | steps.ptq.with.precision=int9\n"
        "      |                          ^^^^\n",
    )


def test_a_model_and_data_that_are_not_there_are_problems_of_the_recipe(run, tmp_path):
    (tmp_path / "recipe.yaml").write_text(
        "version: 1\nmodel: {source: ./m.keras}\ndata: {source: 'd*.npz'}\nsteps: [{uses: prun}]\n"
    )
    code, out, err = run("plan", "recipe.yaml")
    assert (code, out) == (1, "")
    assert [line for line in err.splitlines() if ": error: " in line] == [
        f"recipe.yaml:2:17: error: there is no file or folder './m.keras' for the model; "
        f"check the path, which leads to {tmp_path}/m.keras",
        f"recipe.yaml:3:16: error: there is no file or folder 'd*.npz' for the data; "
        f"check the path, which leads to {tmp_path}/d*.npz",
        "recipe.yaml:4:16: error: unknown strategy 'prun'; did you mean 'prune'?",
    ]
