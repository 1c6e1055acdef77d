"""Every step, export and command on files as large as real models': 2 MB here, 20 and 100 MB where `long` tests run."""

import json
import subprocess
import sys

import pytest

import compressor
from compressor.cli import root
from compressor.cli.boundary import run_guarded
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor.models.packing.package import unpack

LARGE = [pytest.param(size, marks=pytest.mark.long) for size in (20, 100)]
QUANTIZING = [  # what litert-quantizer does for a float file, and the bits of its weights
    ({"precision": "int8"}, 8),
    ({"precision": "int16x8"}, 8),
    ({"precision": "dynamic"}, 8),
    ({"precision": "float16"}, 16),
    ({"precision": "int4"}, 4),
    ({"precision": "int2"}, 2),
    ({"algorithm": "mse"}, 8),
    ({"algorithm": "octav", "io": "int8"}, 8),
    ({"bias_correction": True}, 8),
]


@pytest.fixture(scope="module", params=[2, *LARGE])
def megabytes(request):
    return request.param


@pytest.fixture(scope="module")
def files(tensorflow, megabytes, tmp_path_factory):
    """A folder with a Keras model of random weights, and its float file."""
    import tf_keras
    from tf_keras import layers

    from compressor.models.litert.conversion.converter import to_litert

    folder = tmp_path_factory.mktemp("sized")
    tf_keras.utils.set_random_seed(0)
    width = (megabytes * 250_000 - 10_000) // (14 * 14 * 16 + 10)
    model = tf_keras.Sequential(
        [
            layers.InputLayer((28, 28), name="image"),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(16, 3, 2, "same", activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(width, "relu", name="wide"),
            layers.Dense(10, name="head"),
        ]
    )
    model.save(folder / "model.h5")
    (folder / "model.tflite").write_bytes(to_litert(model))
    return folder


def recipe(model, *steps):
    steps = [step if isinstance(step, dict) else {"uses": step} for step in steps]
    return {"version": 1, "name": "sized", "model": {"source": str(model)}, "data": {"source": "mnist"}, "steps": steps}


def applied(given, folder, **how):
    report, where = compressor.apply(given, output=folder / "out", cache=folder / "cache", smoke=True, **how)
    return report.stages, where


@pytest.fixture(scope="module")
def whole_chain(files, tmp_path_factory):
    """The stages and the folder of a Keras model that is pruned, trained for int8, quantized, slimmed and packed."""
    pack = {"uses": "pack", "with": {"coder": "zstd"}}
    given = recipe(files / "model.h5", "prune", "qat", "ptq", "slim", pack)
    return applied(given, tmp_path_factory.mktemp("chain"))


def test_a_keras_model_goes_through_the_whole_chain(whole_chain, megabytes):
    stages, folder = whole_chain
    weights = megabytes * 250_000
    baseline, *_, ptq, slim, pack = stages
    assert baseline.bytes == pytest.approx(4 * weights, rel=0.03)
    assert ptq.bytes == pytest.approx(weights, rel=0.05)
    assert (ptq.weight_bits, slim.weight_bits) == (8, 8)
    assert slim.bytes < ptq.bytes
    assert unpack((folder / pack.file).read_bytes()) == (folder / slim.file).read_bytes()


@pytest.fixture
def call(capfd):
    def call(*arguments):
        code = run_guarded(root, [str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert code == 0, err
        return out

    return call


def test_every_command_takes_what_the_chain_made(call, whole_chain, files, tmp_path):
    stages, folder = whole_chain
    package = folder / stages[-1].file
    content = unpack(package.read_bytes())
    assert json.loads(call("inspect", package, "--json"))["bytes"] == len(content)
    assert f"{len(content):,} bytes" in call("unpack", package, tmp_path / "model.tflite")
    assert (tmp_path / "model.tflite").read_bytes() == content
    assert f"model, {len(content):,} bytes" in call("header", tmp_path / "model.tflite", tmp_path / "model.h")
    assert json.loads(call("evaluate", package, "--data", "mnist", "--json"))["samples"] == 10_000
    float_file = files / "model.tflite"
    assert "outputs within" in call("convert", files / "model.h5", tmp_path / "float.tflite")
    assert (tmp_path / "float.tflite").stat().st_size == float_file.stat().st_size
    sensitivity = ("--data", "mnist", "--samples", 4, "--type", "int4", "--algorithm", "min_max", "--json")
    assert {row["layer"] for row in json.loads(call("sensitivity", float_file, *sensitivity))["layers"]} >= {"wide"}
    written = tmp_path / "recipe.yaml"
    written.write_text(json.dumps(recipe(float_file, "ptq", "slim", "pack")))
    assert "1 recipe valid" in call("validate", written)
    assert "ptq" in call("plan", written)


@pytest.mark.parametrize(("params", "bits"), QUANTIZING, ids=str)
def test_a_float_file_is_quantized_in_every_way_and_slimmed(files, megabytes, step_context, params, bits):
    from compressor.contracts.model_state import ModelState
    from compressor_plugins.files.slim import Slim
    from compressor_plugins.ptq.ptq import PTQ

    context = step_context(ModelState(format="litert"))
    before = (files / "model.tflite").read_bytes()
    content = PTQ(PTQ.Params(calibration_samples=16, **params)).apply(before, context)
    assert len(content) == pytest.approx(megabytes * 250_000 * bits / 8, rel=0.06 if bits > 2 else 0.2)
    small = Slim(Slim.Params(samples=2)).apply(content, context)  # which compares outputs
    assert len(small) < len(content)
    assert [end.name for end in LiteRTModel(small).inputs] == [end.name for end in LiteRTModel(before).inputs]
    assert [key.signatureKey for key in read_model(small).signatureDefs] == [b"serving_default"]


@pytest.mark.parametrize("megabytes", [pytest.param(100, marks=pytest.mark.long)], indirect=True)
@pytest.mark.parametrize("steps", [["ptq"], ["slim"], ["pack"]], ids=str)
def test_memory_is_bounded_for_large_files(files, megabytes, tmp_path, steps):
    """Eight times the file's size at most, beside what TensorFlow and the data take."""
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe(files / "model.tflite", *steps)))
    command = [sys.executable, "-m", "compressor", "apply", tmp_path / "recipe.yaml", "--smoke", "-o", tmp_path / "o"]
    # by a process between, since the peak of the one that starts another counts as the other's
    watch = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    watch += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    watched = subprocess.run([sys.executable, "-c", watch, *command], check=True, capture_output=True, text=True)
    assert 100_000_000 < int(watched.stdout) * 1024 < 1_000_000_000 + 8 * megabytes * 1_000_000
