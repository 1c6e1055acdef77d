"""`compressor inspect` and `compressor evaluate`, on the files of a real run."""

import json

import pytest
from made_reports import HOSTILE
from mixed_litert_file import with_an_island
from page_elements import Page
from small_litert_files import chain


def test_inspect_shows_every_tensor_of_a_file(call, smoke_run):
    _, folder = smoke_run
    code, out, _ = call("inspect", folder / "model.tflite", "--json")
    data = json.loads(out)
    assert code == 0
    assert data["bytes"] == (folder / "model.tflite").stat().st_size
    shapes = {tensor["name"]: tensor["shape"] for tensor in data["tensors"]}
    assert shapes["dense/MatMul"] == [10, 2028]
    code, out, _ = call("inspect", folder / "model.tflite")
    assert "dense/MatMul" in out


def test_inspect_shows_inputs_outputs_and_operators(call, smoke_run):
    _, folder = smoke_run
    data = json.loads(call("inspect", folder / "model.tflite", "--json")[1])
    (signature,) = data["signatures"]
    assert signature["name"] == "serving_default"
    assert [(end["name"], end["shape"], end["dtype"]) for end in signature["inputs"]] == [
        ("image", [1, 28, 28], "float32")
    ]
    calls = {(row["operator"], row["computes_in"]): row["calls"] for row in data["operators_by_type"]}
    assert calls["FULLY_CONNECTED", "int8"] == 1
    assert sum(calls.values()) == data["operators"]
    assert data["float_operators"] == []
    rows = [row.split() for row in call("inspect", folder / "model.tflite")[1].splitlines()]
    assert ["image", "input", "1x28x28", "float32"] in rows
    assert ["CONV_2D", "1", "int8", "156", "73,008"] in rows


def test_inspect_shows_a_keras_model_as_it_would_ship(call, smoke_run):
    _, folder = smoke_run
    code, out, _ = call("inspect", folder / "stages" / "1-prune.h5", "--json")
    assert code == 0
    assert json.loads(out)["bytes"] == (folder / "stages" / "1-prune.tflite").stat().st_size


def test_evaluate_measures_on_the_test_split(call, smoke_run):
    _, folder = smoke_run
    code, out, _ = call("evaluate", folder / "model.tflite", "--data", "mnist", "--json")
    data = json.loads(out)
    assert code == 0
    assert data["samples"] == 10_000
    assert 0 < data["metrics"]["accuracy"]["low"] < data["metrics"]["accuracy"]["value"] < 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("inspect", "no.tflite"), 1, "error: there is no model file no.tflite; check the path\n"),
        (("inspect", __file__), 1, f"error: {__file__}: this is not a LiteRT file; give a whole .tflite file\n"),
        (("evaluate", __file__, "--data", "mnits"), 1, "error: there is no data set 'mnits'; did you mean 'mnist'?\n"),
        (
            ("evaluate", __file__, "--data", "mnist", "--metric", "acuracy"),
            1,
            "error: there is no metric 'acuracy'; did you mean 'accuracy'?\n",
        ),
    ],
)
def test_wrong_input_is_told_in_one_line(call, arguments, code, message):
    found, out, err = call(*arguments)
    assert (found, out, err) == (code, "", message)


def test_the_page_is_printed_or_written_and_a_file_is_only_replaced_if_asked(call, tmp_path):
    model, page = tmp_path / "m.tflite", tmp_path / "m.html"
    model.write_bytes(with_an_island())
    code, out, err = call("inspect", model, "--html")
    assert (code, err) == (0, "")
    assert out.startswith('<!doctype html>\n<html lang="en">') and out.endswith("</html>\n")
    assert call("inspect", model, "-o", page) == (0, f"{page}\n", "")
    assert page.read_text() == out
    assert call("inspect", model, "--html", "-o", page) == (
        1, "", f"error: {page} exists already; choose another name, or pass --force to replace it\n",
    )  # fmt: skip
    assert call("inspect", model, "--json", "-o", page, "--force")[0] == 0
    assert json.loads(page.read_text()) == json.loads(call("inspect", model, "--json")[1])


def test_names_in_a_file_can_neither_end_a_line_nor_become_markup(call, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    model = tmp_path / "m.tflite"
    model.write_bytes(with_an_island(f"{HOSTILE}\x1b[2J\n::error::"))
    out = call("inspect", model)[1]
    assert "\x1b" not in out and "\u202e" not in out and "\n::" not in out
    assert f"{HOSTILE}\x1b[2J\n::error::kernel".replace("\u202e", "\\u202e").replace("\x1b", "\\x1b").replace(
        "\n", "\\n"
    ) in out  # fmt: skip
    page = Page(call("inspect", model, "--html")[1])
    assert (len(page.all("script")), page.all("img"), page.open) == (1, [], [])
    names = [tensor["name"] for tensor in json.loads(call("inspect", model, "--json")[1])["tensors"]]
    assert names[0] == f"{HOSTILE}\x1b[2J\n::error::kernel"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--json", "--html"), "Error: --json and --html exclude each other; leave one out.\n"),
        (("-o", "m.txt"), "Error: m.txt has no suffix that tells a form; give --html or --json.\n"),
    ],
)
def test_forms_that_exclude_each_other_or_cannot_be_told_are_refused(call, arguments, message):
    code, out, err = call("inspect", "m.tflite", *arguments)
    assert (code, out) == (2, "")
    assert err.endswith(message)


@pytest.mark.parametrize("arguments", [("inspect",), ("evaluate", "--data", "mnist")])
def test_a_model_of_another_framework_gets_the_way_to_here(call, tmp_path, arguments):
    path = tmp_path / "m.ONNX"
    path.write_bytes(b"onnx")
    text = f"error: {path} is an ONNX model, which is not read here; run `onnx2tf -i MODEL.onnx`"
    found, out, err = call(arguments[0], path, *arguments[1:])
    assert (found, out) == (1, "")
    assert err.startswith(text)


def test_inspect_tells_the_memory_that_a_microcontroller_needs(call, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    path = tmp_path / "model.tflite"
    path.write_bytes(chain())
    code, out, _ = call("inspect", path)
    assert code == 0
    assert out.splitlines()[-1].startswith(" arena: 208 B for tensors at most, at CONV_2D 'conv' · ")
    assert "bytes alive" not in out
    rows = call("inspect", path, "--arena")[1].splitlines()
    place = rows.index("operator                  bytes alive  of it scratch  reach to")
    assert rows[place + 2 : place + 5] == [
        "CONV_2D 'conv'                    208              0       208",
        "MAX_POOL_2D 'pool'                192              0       192",
        "FULLY_CONNECTED 'logits'           64              0       192",
    ]
    arena = json.loads(call("inspect", path, "--json")[1])["arena"]
    assert arena["tensor_bytes"] == 208
    assert arena["bytes"] == arena["persistent_bytes"] + max(208, arena["temporary_bytes"])
    assert [(row["name"], row["output"], row["bytes"]) for row in arena["operators"]] == [
        ("CONV_2D", "conv", 208), ("MAX_POOL_2D", "pool", 192), ("FULLY_CONNECTED", "logits", 64),
    ]  # fmt: skip


def test_a_narrow_terminal_shows_the_names_of_tensors(call, smoke_run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    _, out, _ = call("inspect", smoke_run[1] / "model.tflite")
    rows = out.splitlines()
    assert ["tensor", "shape", "type", "bytes"] in [row.split() for row in rows]
    assert any(row.split() == ["dense/MatMul", "10x2028", "int8", "20,280"] for row in rows)


def test_a_model_with_open_sizes_is_built_for_those_of_the_data_or_of_the_option(call, tensorflow, tmp_path):
    import numpy as np
    import tf_keras

    image = tf_keras.Input((None, None, 1), name="image")
    path, x = tmp_path / "open.h5", np.random.default_rng(0).random((8, 6, 10, 1), np.float32)
    model = tf_keras.Model(image, tf_keras.layers.UpSampling2D()(tf_keras.layers.Conv2D(1, 3, padding="same")(image)))
    model.save(path)
    np.savez(tmp_path / "d.npz", x_train=x, y_train=model.predict(x, verbose=0), x_test=x, y_test=model.predict(x) + 1)
    call("inspect", path)  # what TensorFlow says when it wakes is not the command's
    code, out, _ = call("evaluate", path, "--data", tmp_path / "d.npz", "--metric", "mse", "--json")
    assert code == 0
    assert json.loads(out)["metrics"]["mse"]["value"] == pytest.approx(1, abs=1e-4)
    code, out, _ = call("inspect", path, "--input-shape", "6,10,1", "--json")
    assert code == 0
    assert json.loads(out)["signatures"][0]["inputs"][0]["shape"] == [1, 6, 10, 1]
    assert call("inspect", path)[::2] == (
        1,
        f"error: {path} leaves a size of its input 'image' open (any x any x 1), and a file needs it; "
        "pass --input-shape 96,96,1\n",
    )


def test_inspect_times_a_file_and_its_operators(call, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "chain.tflite"
    path.write_bytes(chain())
    code, out, _ = call("inspect", path, "--latency", "--json")
    timed = json.loads(out)["latency"]
    assert code == 0
    assert [(row["operator"], row["weights"]) for row in timed["operators"]] == [
        ("CONV_2D", "kernel"), ("MAX_POOL_2D", ""), ("FULLY_CONNECTED", "weights"),
    ]  # fmt: skip
    assert 0 < timed["seconds"]["low"] <= timed["seconds"]["value"] <= timed["seconds"]["high"]
    assert (timed["threads"], timed["fault"]) == (1, "")
    lines = call("inspect", path, "--latency")[1].splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("operator") and "share" in line)
    assert lines[start].split() == ["operator", "calls", "alone", "share", "kernels", "computes", "in"]
    assert {line.split()[0] for line in lines[start + 2 : start + 5]} == {"CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED"}
    assert " a call takes " in "\n".join(lines[start:]) and all(len(line) <= 80 for line in lines[start:])
    assert json.loads(call("inspect", path, "--json")[1])["latency"] is None
