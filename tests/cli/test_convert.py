"""`compressor convert`: from Keras 3 to Keras 2 and back, and to LiteRT."""

import os
import re

import pytest

from compressor.cli import root
from compressor.cli.boundary import run_guarded


@pytest.fixture
def call(capfd):
    def call(*arguments):
        capfd.readouterr()  # what TensorFlow says when it wakes is not the command's
        code = run_guarded(root, ["convert", *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def keras2_file(tensorflow, tmp_path):
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.InputLayer((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)])
    model.save(tmp_path / "mine.keras")
    return tmp_path / "mine.keras"


def test_a_model_goes_from_keras_2_to_keras_3_and_back(call, keras2_file, tmp_path):
    import numpy as np

    from compressor.models.files.keras_files import load_keras
    from compressor.models.keras3 import is_keras3

    there, back = tmp_path / "there.keras", tmp_path / "back.h5"
    code, out, err = call(keras2_file, there)
    assert (code, err) == (0, "")
    said = re.fullmatch(rf"{there}: a Keras 3 model from Keras 2, outputs within (.+)\n", out)
    assert float(said[1]) <= 1e-5
    assert is_keras3(there)
    code, out, err = call(there, back)
    assert (code, err) == (0, "")
    said = re.fullmatch(rf"{back}: a Keras 2 model from Keras 3, outputs within (.+) of Keras 3's\n", out)
    assert float(said[1]) <= 1e-5
    before, after = (load_keras(path) for path in (keras2_file, back))
    assert all(map(np.array_equal, before.get_weights(), after.get_weights()))


def test_a_keras_model_becomes_a_litert_file(call, keras2_file, tmp_path):
    path = tmp_path / "m.tflite"
    code, out, err = call(keras2_file, path)
    assert (code, err) == (0, "")
    said = re.fullmatch(
        rf"{path}: a LiteRT model of (.+) bytes, outputs within (.+) of the Keras model's, from Keras 2\n", out
    )
    assert int(said[1].replace(",", "")) == path.stat().st_size
    assert float(said[2]) <= 1e-5


def test_a_model_whose_file_takes_one_sample_a_call_becomes_one(call, tensorflow, tmp_path):
    import tf_keras

    features = tf_keras.Input((8,))
    columns = tensorflow.expand_dims(tf_keras.layers.Dense(4)(features), 1)
    repeated = tensorflow.broadcast_to(columns, [tensorflow.shape(features)[0], 5, 4])
    outputs = tf_keras.layers.Dense(3)(tensorflow.reshape(repeated, (-1, 20)))
    tf_keras.Model(features, outputs).save(tmp_path / "mine.keras")
    code, out, err = call(tmp_path / "mine.keras", tmp_path / "m.tflite")
    assert (code, err) == (0, "")
    assert float(re.search(r"outputs within (.+) of", out)[1]) <= 1e-5


def test_an_output_that_is_there_is_replaced_only_by_force(call, keras2_file, tmp_path):
    path = tmp_path / "m.tflite"
    path.write_text("precious")
    message = f"error: {path} exists already; choose another name, or pass --force to replace it\n"
    assert call(keras2_file, path) == (1, "", message)
    assert path.read_text() == "precious"
    assert call(keras2_file, path, "--force")[0] == 0
    assert path.read_bytes()[4:8] == b"TFL3"


@pytest.mark.parametrize(
    ("model", "output", "message"),
    [
        (
            "m.onnx",
            "m.tflite",
            "m.onnx is an ONNX model, which is not read here; run `onnx2tf -i MODEL.onnx` (pip install onnx2tf), "
            "and give the .tflite or SavedModel it writes",
        ),
        (
            "m.pth",
            "m.keras",
            "m.pth is a PyTorch model, which is not read here; export it with torch.onnx.export, "
            "then run `onnx2tf -i MODEL.onnx` (pip install onnx2tf), and give the .tflite or SavedModel it writes",
        ),
        ("gone.keras", "m.h5", "there is no model file gone.keras; check the path"),
        ("m.tflite", "m.h5", "m.tflite is a LiteRT file already; give the Keras model that it was made from"),
        ("m.keras", "m.pb", "m.pb has no suffix that can be written; use one of .h5, .keras, .tflite"),
        ("m.keras", "m.h5", "m.keras: this is neither a .keras nor an HDF5 file; save it again"),
    ],
)
def test_what_cannot_be_converted_is_told_in_one_line(call, tmp_path, monkeypatch, model, output, message):
    monkeypatch.chdir(tmp_path)
    for name in ("m.onnx", "m.pth", "m.tflite", "m.keras"):
        (tmp_path / name).write_text("no model")
    assert call(model, output) == (1, "", f"error: {message}\n")


def test_a_model_of_that_format_already_is_not_written_again(call, keras2_file, tmp_path):
    assert call(keras2_file, tmp_path / "m.h5") == (
        1,
        "",
        f"error: {keras2_file} is a Keras 2 model already, and .h5 would be the same; "
        "end OUTPUT in .keras or .tflite\n",
    )


def test_a_model_of_open_length_is_refused_for_litert_with_the_way_out(call, tensorflow, tmp_path):
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.Input((None, 4), name="steps"), tf_keras.layers.Dense(2)])
    model.save(tmp_path / "open.h5")
    assert call(tmp_path / "open.h5", tmp_path / "m.tflite") == (
        1,
        "",
        f"error: {tmp_path / 'open.h5'} leaves a size of its input 'steps' open (any x 4), and a file needs it; "
        "pass --input-shape 128,4\n",
    )


@pytest.fixture
def open_file(tensorflow, tmp_path):
    import tf_keras

    pixels = tf_keras.Input((None, None, 1), name="pixels")
    tf_keras.Model(pixels, tf_keras.layers.Conv2D(2, 3)(pixels)).save(tmp_path / "open.keras")
    return tmp_path / "open.keras"


def test_a_model_with_open_sizes_becomes_a_file_of_the_sizes_that_are_given(call, open_file, tmp_path):
    from compressor.models.litert.running.interpreter import LiteRTModel

    path = tmp_path / "m.tflite"
    code, out, err = call(open_file, path, "--input-shape", "12x8x1")
    assert (code, err) == (0, "")
    assert out.startswith(f"{path}: a LiteRT model of ")
    assert LiteRTModel(path.read_bytes()).inputs[0].shape == (1, 12, 8, 1)


def test_a_model_with_open_sizes_is_no_file_without_them(call, open_file, tmp_path):
    path = tmp_path / "m.tflite"
    assert call(open_file, path) == (
        1,
        "",
        f"error: {open_file} leaves a size of its input 'pixels' open (any x any x 1), and a file needs it; "
        "pass --input-shape 96,96,1\n",
    )
    assert call(open_file, path, "--input-shape", "12,8,3")[2] == (
        f"error: the input 'pixels' of {open_file} takes any x any x 1, and --input-shape gives 12 x 8 x 3; "
        "change only sizes that are open ('any')\n"
    )
    assert call(open_file, tmp_path / "m.h5", "--input-shape", "12,8,1")[2] == (
        f"error: {tmp_path / 'm.h5'} keeps sizes open that {open_file} leaves open; leave out --input-shape\n"
    )
    assert call(open_file, path, "--input-shape", "12,a")[2].endswith(
        "Error: Invalid value for '--input-shape': '12,a' is not like 64,64,3, or INPUT=64,64,3 "
        "for each of several inputs\n"
    )
    assert not path.exists()


def test_a_file_that_is_a_pipe_or_describes_more_than_it_holds_is_refused(tensorflow, call, tmp_path):
    import h5py
    import tf_keras

    os.mkfifo(tmp_path / "pipe.h5")
    code, _, err = call(tmp_path / "pipe.h5", tmp_path / "out.tflite")
    remedy = "write its content to a file, and name that"
    assert (code, err) == (1, f"error: {tmp_path / 'pipe.h5'} is a named pipe, and not a regular file; {remedy}\n")
    huge = tmp_path / "huge.h5"
    tf_keras.Sequential([tf_keras.layers.InputLayer((8,)), tf_keras.layers.Dense(4, name="dense")]).save(huge)
    with h5py.File(huge, "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace('"units": 4', '"units": 1000000000')
    code, _, err = call(huge, tmp_path / "out.tflite")
    assert code == 1
    assert err.startswith(f"error: {huge} has ")
    assert " and describes a model with weights of 32.0 GB; do not load it" in err
