"""`compressor debug`: which layers of a quantized model cost its accuracy."""

import json
import re
import shutil

import numpy as np
import pytest


@pytest.fixture(scope="module")
def files(tensorflow, tmp_path_factory):
    """A folder with a planted net as Keras and int8 file, its data, and the float file."""
    from planted_nets import built, samples

    from compressor import Conversion, to_litert
    from compressor.models.files.keras_files import save_keras

    folder = tmp_path_factory.mktemp("planted")
    model = built("autoencoder")
    inputs = samples(model, 200)
    save_keras(model, folder / "model.h5")
    (folder / "float.tflite").write_bytes(to_litert(model))
    quantized = to_litert(model, Conversion("int8", calibration=iter(inputs[:64, None])))
    (folder / "int8.tflite").write_bytes(quantized)
    np.savez(folder / "data.npz", x=inputs, y=model.predict(inputs, verbose=0).argmax(-1))
    return folder


def arguments(files, *more, float_model="model.h5"):
    given = ("--float", str(files / float_model), "--data", str(files / "data.npz"), "--samples", "16")
    return ["debug", str(files / "int8.tflite"), *given, *more]


def test_a_file_is_held_against_its_float_model(run, files):
    code, out, err = run(*arguments(files, "--try", "1"))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"{files / 'int8.tflite'} against {files / 'model.h5'} · 16 validation samples"[: len(lines[0])]
    rows = [line.split() for line in lines]
    assert next(row[:2] for row in rows if row and "FULLY_CONNECTED" in row) == ["bad", "FULLY_CONNECTED"]
    assert any(line.startswith("  as it is: accuracy ") for line in lines)
    kept = next(line for line in lines if line.startswith("  keep bad and decoder_2 in 16 bits: +"))
    assert " pt (100.00 %), " in kept
    step = lines[lines.index(" the step for the recipe:") + 1 :]
    assert step == [
        "- uses: ptq",
        "  with:",
        "    precision: int8",
        "    per_layer:",
        "      bad: float16",
        "      decoder_2: float16",
    ]


def test_the_step_can_be_pasted_into_a_recipe(run, files):
    import compressor

    _, out, _ = run(*arguments(files, "--try", "1", "--json"))
    found = json.loads(out)
    recipe = {
        "version": 1,
        "model": {"source": str(files / "model.h5")},
        "data": {"source": str(files / "data.npz")},
        "steps": [found["step"]],
    }
    report, _ = compressor.apply(recipe, output="again")
    assert report.stages[-1].bytes == found["tried"][0]["bytes"]
    assert report.stages[-1].metrics["accuracy"].value > 0.9


def test_json_has_the_figures_of_all_operators(run, files):
    code, out, _ = run(*arguments(files, "--try", "0", "--json"))
    found = json.loads(out)
    assert code == 0
    assert (found["samples"], found["metric"], found["not_compared"]) == (16, "accuracy", [])
    assert (found["tried"], found["keep"], found["step"]) == ([], None, None)
    first = found["operators"][0]
    assert (first["layer"], first["operator"]) == ("bad", "FULLY_CONNECTED")
    assert first["storing_cost"] > 0.5 > 0.05 > first["weights_cost"]
    assert first["own_snr"] > 10 > found["outputs"][0]["snr"]
    assert {row["layer"] for row in found["operators"]} >= {"encoder_1", "encoder_2", "bad", "decoder_2"}
    costs = [row["cost"] for row in found["operators"]]
    assert costs == sorted(costs, reverse=True)


def test_a_float_tflite_file_does_as_well(run, files):
    code, out, _ = run(*arguments(files, "--try", "0", "--json", float_model="float.tflite"))
    assert code == 0
    assert json.loads(out)["operators"][0]["layer"] == "bad"


def test_a_narrow_terminal_drops_columns_and_cuts_none(run, files, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    _, out, _ = run(*arguments(files, "--try", "0"))
    lines = out.splitlines()
    head = next(line for line in lines if line.startswith("layer"))
    assert head.split() == ["layer", "cost", "SNR"]
    assert max(map(len, lines)) <= 40
    monkeypatch.setenv("COLUMNS", "160")
    _, out, _ = run(*arguments(files, "--try", "0"))
    head = next(line for line in out.splitlines() if line.startswith("layer"))
    expected = "layer operator cost by weights by storing SNR own SNR cosine largest"
    assert " ".join(head.split()) == expected


def test_node_data_is_written_once(run, files, tmp_path):
    folder = tmp_path / "for explorer"
    code, out, _ = run(*arguments(files, "--try", "0", "--node-data", str(folder)))
    assert code == 0
    assert out.splitlines()[-1].endswith("/ error.json · zeros.json · bits.json · bytes.json, for Model Explorer")
    assert {path.name for path in folder.iterdir()} == {"error.json", "zeros.json", "bits.json", "bytes.json"}
    assert {*json.loads((folder / "error.json").read_text())} == {"main"}
    code, _, err = run(*arguments(files, "--try", "0", "--node-data", str(folder)))
    remedy = "choose another folder, or pass --force to replace it"
    assert (code, err) == (1, f"error: {folder / 'error.json'} exists already; {remedy}\n")
    assert run(*arguments(files, "--try", "0", "--node-data", str(folder), "--force"))[0] == 0


def test_a_run_brings_its_own_float_model_and_data(run, smoke_run):
    _, folder = smoke_run
    code, out, err = run("debug", str(folder), "--samples", "8", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["compared"] == f"'ptq' of {folder} against 'qat'"
    assert [row["layer"] for row in found["operators"] if row["operator"] in ("CONV_2D", "FULLY_CONNECTED")] in (
        ["conv", "dense"],
        ["dense", "conv"],
    )
    assert found["as_it_is"]["bytes"] == (folder / "model.tflite").stat().st_size
    assert all(each["snr"] is None or each["snr"] > found["as_it_is"]["snr"] for each in found["tried"])
    assert found["step"]["uses"] == "qat"
    assert found["step"]["with"] == {"epochs": 3, "learning_rate": 0.0005, "except": found["keep"]}


def test_a_file_in_a_run_that_carries_code_is_refused(run, smoke_run, tmp_path):
    import tf_keras

    folder = tmp_path / "run"
    shutil.copytree(smoke_run[1], folder)
    (stage,) = (folder / "stages").glob("*-qat.h5")
    tf_keras.Sequential([tf_keras.layers.Input((28, 28, 1)), tf_keras.layers.Lambda(lambda x: x)]).save(stage)
    code, out, err = run("debug", str(folder))
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {stage} carries code of its own, which would run when it is loaded ")


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        (["no.tflite"], 1, "error: there is no run or file no.tflite; check the path\n"),
        (["."], 1, "error: . is not the folder of a finished run; name one that 'compressor apply' made\n"),
        ([".", "--float", "x.h5"], 2, "Error: . is a run, which has its float model; leave out --float.\n"),
        (["int8.tflite", "--data", "mnist"], 2, "Error: int8.tflite is a file, so --float is needed.\n"),
        (["int8.tflite", "--float", "float.tflite"], 2, "Error: int8.tflite is a file, so --data is needed.\n"),
        (
            ["int8.tflite", "--float", "no.h5", "--data", "data.npz"],
            1,
            "error: there is no model file no.h5; check the path\n",
        ),
        (
            ["float.tflite", "--float", "float.tflite", "--data", "data.npz"],
            1,
            "error: float.tflite is not quantized: no weights or activations in it are integers or float16; "
            "give the quantized .tflite file, and this one as --float if it was made from it\n",
        ),
        (
            ["model.h5", "--float", "float.tflite", "--data", "data.npz"],
            1,
            "error: model.h5 is not quantized: no weights or activations in it are integers or float16; "
            "give the quantized .tflite file, and this one as --float if it was made from it\n",
        ),
        (
            ["int8.tflite", "--float", "int8.tflite", "--data", "data.npz"],
            1,
            "error: int8.tflite is quantized itself; give the float model that the quantized file was made from\n",
        ),
        (
            ["int8.tflite", "--float", "float.tflite", "--data", "mnist"],
            1,
            "error: the file takes samples of shape (40,), and the data has (28, 28); use data that fits the model\n",
        ),
    ],
)
def test_wrong_input_is_told_in_one_line(run, files, monkeypatch, given, code, text):
    monkeypatch.chdir(files)
    found, out, err = run("debug", *given)
    assert (found, out) == (code, "")
    assert err.endswith(text)
    assert code == 2 or err == text


def test_a_run_without_quantization_is_refused(run, files):
    import compressor

    recipe = {
        "version": 1,
        "model": {"source": str(files / "model.h5")},
        "data": {"source": str(files / "data.npz")},
        "steps": [{"uses": "fuse"}],
    }
    _, folder = compressor.apply(recipe, output="plain")
    code, _, err = run("debug", str(folder))
    assert code == 1
    assert err == f"error: no step of {folder} quantizes (its steps: fuse); name a run with 'ptq' or 'qat'\n"


def test_a_float_model_that_is_another_one_is_refused(run, files, tmp_path):
    import tf_keras
    from planted_nets import built

    from compressor.models.files.keras_files import save_keras

    net = built("autoencoder")
    dense = tf_keras.layers.Dense(net.output_shape[-1], name="other")
    save_keras(tf_keras.Sequential([tf_keras.layers.InputLayer(net.input_shape[1:]), dense]), tmp_path / "other.h5")
    code, out, err = run(*arguments(files, float_model=tmp_path / "other.h5"))
    assert (code, out) == (1, "")
    assert err == (
        f"error: {files / 'int8.tflite'} against {tmp_path / 'other.h5'}: no layer with weights has a counterpart in "
        "the float model that it could be compared with; give the float model that the quantized file was made from\n"
    )


def test_data_that_has_changed_since_the_run_is_refused(run, smoke_run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(smoke_run[1], folder)
    lock = folder / "lock.yaml"
    lock.write_text(re.sub("  test: [0-9a-f]{8}", "  test: 01234567", lock.read_text()))
    code, _, err = run("debug", str(folder))
    assert (code, err) == (
        1,
        f"error: the data of {folder} is not what it was when it ran (test); give --data to measure on other data, or "
        "run the recipe again\n",
    )


def test_a_folder_of_several_seeds_is_told_apart(run, tmp_path):
    (tmp_path / "runs" / "seed-0").mkdir(parents=True)
    (tmp_path / "runs" / "seed-0" / "recipe.yaml").write_text("")
    code, _, err = run("debug", "runs")
    assert (code, err) == (1, "error: runs holds a run for each of several seeds; name one of the folders in it\n")


def test_without_a_score_the_outputs_decide_and_it_is_said(run, files, tmp_path):
    inputs = np.load(files / "data.npz")["x"]
    np.savez(tmp_path / "unlabelled.npz", x=inputs, y=np.zeros((len(inputs), 3, 2)))
    code, out, _ = run(*arguments(files, "--data", "unlabelled.npz", "--try", "1", "--json"))
    found = json.loads(out)
    assert code == 0
    assert found["notes"][0].startswith("no score: ")
    assert (found["as_it_is"]["score"], found["keep"]) == (None, ["bad", "decoder_2"])
    assert found["tried"][0]["snr"] > found["as_it_is"]["snr"] + 20


def test_a_strategy_that_keeps_no_layers_is_told(run, files):
    import compressor

    recipe = {
        "version": 1,
        "model": {"source": str(files / "model.h5")},
        "data": {"source": str(files / "data.npz")},
        "steps": [{"uses": "mixed_precision", "with": {"max_size": "9 kB", "activations": "int8"}}],
    }
    _, folder = compressor.apply(recipe, output="mixed")
    code, out, _ = run("debug", str(folder), "--samples", "8")
    assert code == 0
    told = "nothing was tried: the strategy 'mixed_precision' has no parameter that keeps single layers"
    assert told in " ".join(out.split())
