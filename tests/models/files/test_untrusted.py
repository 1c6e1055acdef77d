"""A model from elsewhere runs no code, fills no disk and takes no process down."""

import binascii
import json
import marshal
import os
import random
import re
import shutil
import sys
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.base.errors import CompressorError, ModelError
from compressor.base.path_or_function import Reference
from compressor.models.files.loading import build_model
from compressor.models.files.model_checks import refuse_open_sizes
from compressor.models.files.untrusted import refuse_harmful_keras, refuse_harmful_litert
from compressor.models.litert.reading.contents import dissect


@pytest.fixture
def layers(tensorflow):
    import tf_keras

    return tf_keras.layers


@pytest.fixture(scope="module")
def small(tensorflow, tmp_path_factory):
    """A folder with one small model in every format."""
    import tf_keras

    from compressor.models.litert.conversion.converter import to_litert

    folder = tmp_path_factory.mktemp("small")
    model = tf_keras.Sequential([tf_keras.layers.InputLayer((8,)), tf_keras.layers.Dense(4, activation="relu")])
    model.save(folder / "m.keras")
    model.save(folder / "m.h5")
    model.save(folder / "folder", save_format="tf")
    (folder / "m.tflite").write_bytes(to_litert(model))
    return folder


@pytest.fixture
def keras_file(small, tmp_path):
    """A function that makes a `.keras` file with another configuration and more entries."""

    def make(config=None, **entries):
        path = tmp_path / "m.keras"
        with zipfile.ZipFile(small / "m.keras") as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            for name in whole.namelist():
                made.writestr(name, config if config and name == "config.json" else whole.read(name))
            for name, content in entries.items():
                made.writestr(name, content)
        return path

    return make


def refusal(path, trusted=False):
    with pytest.raises(ModelError) as error:
        refuse_harmful_keras(path, trusted)
    return str(error.value)


def carries(path, code):
    own = "name the module of your own classes under 'model.custom_objects', or " if code.startswith("'") else ""
    return (
        f"{path} carries code of its own, which would run when it is loaded ({code}); "
        f"{own}pass --trust-model if you know where it comes from"
    )


def writing(layers, marker):
    """A Lambda layer that leaves a mark when it runs."""
    source = f"lambda x: (open({str(marker)!r}, 'a').close(), x)[1]"
    return layers.Lambda(eval(source), name="harmless")


def plain(layers, make):
    return [layers.InputLayer((4, 3)), make]


def nested(layers, make):
    import tf_keras

    inputs = tf_keras.Input((4, 3))
    inner = tf_keras.Sequential([layers.InputLayer((4, 3)), layers.Dense(2), make])
    return tf_keras.Model(inputs, inner(inputs))


def in_time_distributed(layers, make):
    return [layers.InputLayer((4, 3)), layers.TimeDistributed(make)]


def in_bidirectional(layers, make):
    import tf_keras

    cell = layers.RNN(layers.StackedRNNCells([layers.SimpleRNNCell(2)]), activity_regularizer=None)
    return [layers.InputLayer((4, 3)), layers.Bidirectional(cell), tf_keras.Sequential([make])]


@pytest.mark.parametrize("build", [plain, nested, in_time_distributed, in_bidirectional])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_lambda_layer_is_refused_before_it_runs_and_loads_with_trust(layers, tmp_path, build, suffix):
    import tf_keras

    marker, path = tmp_path / "it ran", tmp_path / f"m.{suffix}"
    model = build(layers, writing(layers, marker))
    model = tf_keras.Sequential(model) if isinstance(model, list) else model
    model.save(path)
    marker.unlink(missing_ok=True)
    reference = Reference("path", str(path))
    with pytest.raises(ModelError) as error:
        build_model(reference)
    assert str(error.value) == carries(path, "the layer 'harmless'")
    assert not marker.exists()
    build_model(reference, trusted=True)
    assert marker.exists()


@pytest.mark.parametrize("name", ["m.bin", "m", "m.keras.h5"])
def test_another_name_or_an_archive_at_its_end_hides_no_lambda(layers, small, tmp_path, name):
    import tf_keras

    model = tf_keras.Sequential([layers.InputLayer((2,)), writing(layers, tmp_path / "it ran")])
    model.save(tmp_path / "lambda.h5")
    path = tmp_path / name
    path.write_bytes((tmp_path / "lambda.h5").read_bytes() + (small / "m.keras").read_bytes())
    assert refusal(path) == carries(path, "the layer 'harmless'")


@pytest.mark.parametrize(
    ("thing", "code"),
    [
        ({"module": "os", "class_name": "function", "config": "system"}, "'os.system'"),
        ({"module": "keras.utils", "class_name": "function", "config": "get_file"}, "'keras.utils.get_file'"),
        ({"module": "my_layers", "class_name": "Mine", "config": {}}, "'my_layers.Mine'"),
        ({"module": "keras.layers", "class_name": "os.system", "config": {}}, "'keras.layers.os.system'"),
        ({"module": "keras.layers", "class_name": "X", "registered_name": "Lambda", "config": {}}, "a lambda"),
        ({"class_name": "TFOpLambda", "config": {"function": "io.write_file"}}, "the operation 'io.write_file'"),
        ({"class_name": "TFOpLambda", "config": {"function": "import_graph_def"}}, "the operation 'import_graph_def'"),
        ({"module": "builtins", "class_name": "function", "config": "exec"}, "'builtins.exec'"),
        ({"module": "builtins", "class_name": "function", "config": "get_file"}, "'builtins.get_file'"),
        ({"module": "keras.activations", "class_name": "function", "config": "get"}, "'keras.activations.get'"),
        ({"module": "keras.utils", "class_name": "get_file", "config": {}}, "'keras.utils.get_file'"),
        ({"module": "keras.saving", "class_name": "load_model", "config": {}}, "'keras.saving.load_model'"),
        (
            {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
            "the file '/etc/passwd', which it would read",
        ),
    ],
)
def test_anything_but_kerass_own_parts_is_code(keras_file, thing, code):
    path = keras_file(json.dumps({"class_name": "Sequential", "config": {"layers": [thing]}}))
    assert refusal(path) == carries(path, code)
    refuse_harmful_keras(path, trusted=True)


def test_a_saved_model_is_a_program(small):
    assert refusal(small / "folder") == carries(small / "folder", "a SavedModel is a program")
    refuse_harmful_keras(small / "folder", trusted=True)


def test_a_folder_that_holds_no_saved_model_is_none_whoever_vouches_for_it(tmp_path):
    with pytest.raises(ModelError) as caught:
        refuse_harmful_keras(tmp_path, trusted=True)
    text = f"{tmp_path} is a folder, and holds no SavedModel; name a model file, or a SavedModel's folder"
    assert str(caught.value) == text


def test_a_litert_file_that_is_a_folder_cannot_be_read(tmp_path):
    with pytest.raises(ModelError) as caught:
        refuse_harmful_litert(tmp_path)
    assert str(caught.value) == f"{tmp_path}: it cannot be read (Is a directory); check its disk and its permissions"


def test_a_file_that_looks_up_what_it_is_given_passes(tmp_path):
    import tf_keras
    from tf_keras import layers

    from compressor.models.files.untrusted import refuse_harmful_litert
    from compressor.models.litert.conversion.converter import to_litert

    entry = layers.InputLayer((512,), dtype="int32")
    model = tf_keras.Sequential([entry, layers.Embedding(2, 8), layers.GlobalAveragePooling1D(), layers.Dense(2)])
    (tmp_path / "words.tflite").write_bytes(to_litert(model))
    refuse_harmful_litert(tmp_path / "words.tflite")


def test_an_ordinary_model_passes(small, layers, tmp_path):
    import tf_keras

    inputs = tf_keras.Input((4,))
    path = tmp_path / "functional.keras"
    outputs = layers.Dense(2, activation=tf_keras.activations.relu, kernel_regularizer="l2")(inputs * 2 + 1)
    tf_keras.Model(inputs, outputs).save(path)
    for whole in (small / "m.keras", small / "m.h5", path):
        refuse_harmful_keras(whole, trusted=False)
    refuse_harmful_litert(small / "m.tflite")


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "..\\out", "C:out"])
def test_an_archive_that_would_write_elsewhere_is_refused(keras_file, name):
    path = keras_file(**{name: "x"})
    assert refusal(path, trusted=True) == f"{path} would write outside its folder ('{name}'); do not load it"


def test_a_zip_bomb_is_refused(keras_file):
    path = keras_file(bomb=bytes(120_000_000))
    packed = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    assert refusal(path, trusted=True) == (
        f"{path} would unpack from {packed:,} to {unpacked:,} bytes; "
        "do not load it, or, if you know where it comes from, set COMPRESSOR_MAX_MEMORY to 8.0 GB"
    )


def test_an_hdf5_file_that_swells_is_refused(tmp_path):
    import h5py

    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("weights", (2_000_000_000,), "f4", fillvalue=1.0, chunks=(1000,))
    assert refusal(path) == (
        f"{path}: it would unpack from {path.stat().st_size:,} to 8,000,000,000 bytes; "
        "do not load it, or, if you know where it comes from, set COMPRESSOR_MAX_MEMORY to 16.0 GB"
    )


def test_an_hdf5_file_that_reads_other_files_is_refused(small, tmp_path):
    import h5py

    path = tmp_path / "m.h5"
    shutil.copy(small / "m.h5", path)
    with h5py.File(path, "a") as file:
        file["model_weights/secret"] = h5py.ExternalLink("other.h5", "/")
    assert refusal(path) == f"{path}: it would read another file ('secret'); save it again"


def test_a_file_that_is_no_model_is_refused(tmp_path):
    for name in ("m.keras", "m.h5", "m"):
        path = tmp_path / name
        path.write_text("hello")
        assert refusal(path) == f"{path}: this is neither a .keras nor an HDF5 file; save it again"


def test_an_archive_without_a_configuration_is_refused(tmp_path):
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no model")
    reason = "\"There is no item named 'config.json' in the archive\""
    assert refusal(path) == f"{path}: this is not a whole .keras file ({reason}); save it again"


def test_a_configuration_that_is_nested_too_deeply_is_refused(keras_file):
    path = keras_file("[" * 100_000 + "]" * 100_000)
    start, reason = f"{path}: this is not a whole .keras file (", "maximum recursion depth exceeded"
    assert re.fullmatch(re.escape(start + reason) + r".*\); save it again", refusal(path))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_truncated_keras_file_is_refused(small, tmp_path, suffix):
    path, whole = tmp_path / f"m.{suffix}", (small / f"m.{suffix}").read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        assert re.fullmatch(
            rf"{re.escape(str(path))}: this is (neither a \.keras nor an|not a whole) HDF5 file.*; save it again",
            refusal(path),
        )


def test_a_truncated_litert_file_is_refused(small, tmp_path):
    path, whole = tmp_path / "m.tflite", (small / "m.tflite").read_bytes()
    for size in (0, 7, 300, len(whole) - 200):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelError, match=r"; give a whole \.tflite file$|; make it again; it is damaged$"):
            refuse_harmful_litert(path)


def test_a_file_cut_anywhere_is_read_or_refused(small):
    whole = (small / "m.tflite").read_bytes()
    for size in range(0, len(whole), len(whole) // 20):
        with pytest.raises(ModelError, match=r"^(this is not a LiteRT file|the LiteRT file (is damaged|holds))"):
            dissect(whole[:size])


def test_flipped_bytes_never_take_this_process_down(small, tmp_path):
    generator, path = random.Random(0), tmp_path / "m.tflite"
    for _ in range(8):
        content = bytearray((small / "m.tflite").read_bytes())
        content[generator.randrange(len(content))] ^= generator.randrange(1, 256)
        path.write_bytes(content)
        try:
            refuse_harmful_litert(path)
        except ModelError as error:
            assert str(path) in error.what


def test_a_reader_that_crashes_or_hangs_takes_only_the_probe_down(small, monkeypatch):
    from compressor.models.files import untrusted

    def no_python(*_, **__):
        raise untrusted.subprocess.TimeoutExpired("probe", 120)

    monkeypatch.setattr(untrusted.subprocess, "run", no_python)
    path = small / "m.tflite"
    with pytest.raises(ModelError) as error:
        refuse_harmful_litert(path)
    remedy = "make it again; if it is whole and takes longer, set COMPRESSOR_MAX_SECONDS"
    assert str(error.value) == f"{path} was not read within 120 s; {remedy}"


@given(data=st.data())
@settings(max_examples=150, deadline=2000)
def test_a_mutated_litert_file_is_dissected_or_refused(small, data):
    content = bytearray((small / "m.tflite").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        size = data.draw(st.sampled_from([1, 4]))
        content[at : at + size] = data.draw(st.binary(min_size=size, max_size=size))
    try:
        anatomy = dissect(bytes(content))
    except ModelError:
        return
    assert anatomy.bytes == len(content)


OF_PYTHON_3_8 = """
4wEAAAAAAAAAAAAAAAEAAAACAAAAQwAAAHMMAAAAfABkARQAZAIXAFMAKQNO6QIAAADpAQAAAKkA
KQHaAXhyAwAAAHIDAAAA+gdzdWJzLnB52gg8bGFtYmRhPhIAAADzAAAAAA==
"""
_OWN = marshal.dumps((lambda x: x.shape[-1]).__code__)
OF_A_LATER_ONE = _OWN[:32] + b"S" + _OWN[33:]  # as if the third instruction needed no empty ones behind it


@pytest.mark.parametrize("code", [OF_PYTHON_3_8, binascii.b2a_base64(OF_A_LATER_ONE).decode()])
def test_a_lambda_layer_of_another_python_is_refused_even_with_trust(layers, small, keras_file, code):

    with zipfile.ZipFile(small / "m.keras") as archive:
        config = json.loads(archive.read("config.json"))
    function = {"function": [code, None, None], "function_type": "lambda", "name": "times"}
    config["config"]["layers"].append({"module": "keras.layers", "class_name": "Lambda", "config": function})
    path = keras_file(json.dumps(config))
    assert refusal(path).startswith(f"{path} carries code of its own")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert refusal(path, trusted=True) == (
        f"{path}: it holds a Lambda layer with the bytecode of another Python, which Python {version} cannot run; "
        "load it with the Python that saved it, put a layer class in its place, and save it again"
    )


def test_a_litert_file_that_leaves_sizes_open_is_tried_with_larger_ones(tensorflow, tmp_path):
    import tf_keras

    image = tf_keras.Input((None, None, 3), name="image")
    x = tf_keras.layers.Conv2D(2, 3, strides=2)(tf_keras.layers.Conv2D(2, 3, strides=2)(image))
    model = tf_keras.Model(image, tf_keras.layers.GlobalAveragePooling2D()(x))
    path = tmp_path / "open.tflite"
    path.write_bytes(tensorflow.lite.TFLiteConverter.from_keras_model(model).convert())
    refuse_harmful_litert(path)
    with pytest.raises(ModelError) as error:
        refuse_open_sizes(path.read_bytes(), "the model 'open.tflite'")
    assert str(error.value) == (
        "the model 'open.tflite' leaves a size of its input 'image' open (any, any, 3), and a run needs it; "
        "convert the model with a fixed size, as with Input((96, 96, 3))"
    )


def test_a_pipe_within_a_saved_model_is_refused_even_if_the_model_is_trusted(tmp_path):
    os.mkfifo(tmp_path / "saved_model.pb")
    text = (
        f"{tmp_path}/saved_model.pb is a named pipe, and not a regular file; write its content to a file, and name that"
    )
    with pytest.raises(CompressorError, match=f"^{re.escape(text)}$"):
        build_model(Reference("path", str(tmp_path)), trusted=True)
