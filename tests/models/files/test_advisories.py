"""What public advisories say of Keras does not work here: each file is refused, and nothing of it runs."""

import base64
import json
import marshal
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from compressor.base.errors import ModelError
from compressor.base.path_or_function import Reference
from compressor.models.files import keras_files, loading

TRUST = "pass --trust-model if you know where it comes from"
OWN = f"name the module of your own classes under 'model.custom_objects', or {TRUST}"


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "it ran"


@pytest.fixture
def refusal(monkeypatch, marker):
    """A function that gives a file to the tool without trust, and returns what it says; Keras must not see the file."""

    def of(path):
        def loaded(*_, **__):
            raise AssertionError("Keras got the file")

        monkeypatch.setattr(keras_files, "load_keras", loaded)
        monkeypatch.setattr("compressor.models.keras3.bridge", loaded)
        with pytest.raises(ModelError) as error:
            loading.build_model(Reference("path", str(path)))
        assert not marker.exists()
        return str(error.value)

    return of


def carries(path, code, remedy=TRUST):
    return f"{path} carries code of its own, which would run when it is loaded ({code}); {remedy}"


def written(path, *layers, version="2.15.0", **entries):
    """A file of a Sequential model with these layers behind its input, as the suffix says."""
    first = {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 2], "dtype": "float32"}}
    if path.suffix == ".keras":
        first["module"] = "keras.layers"
    config = {"class_name": "Sequential", "config": {"name": "m", "layers": [first, *layers]}}
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(config), version
            file.attrs["backend"] = "tensorflow"
            file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({**config, "module": "keras", "registered_name": None}))
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def bytecode(marker):
    code = compile(f"lambda x: (open({str(marker)!r}, 'w').close(), x)[1]", "<lambda>", "eval").co_consts[0]
    return base64.b64encode(marshal.dumps(code)).decode()


def function_layer(module, name, *arguments):
    """A Lambda layer that calls a function of another module, as the attacks on `safe_mode` do."""
    function = {"module": module, "class_name": "function", "config": name, "registered_name": name}
    config = {"name": "evil", "function": function, "arguments": dict(arguments)}
    return {"module": "keras.layers", "class_name": "Lambda", "config": config, "registered_name": None}


def test_a_lambda_of_the_old_format_runs_no_bytecode_cve_2024_3660(refusal, tmp_path, marker):
    lambda_ = {"name": "evil", "function_type": "lambda", "function": [bytecode(marker), None, None]}
    path = written(tmp_path / "m.h5", {"class_name": "Lambda", "config": lambda_})
    assert refusal(path) == carries(path, "the layer 'evil'")


def test_a_class_of_any_module_is_not_imported_cve_2025_1550(refusal, tmp_path, marker):
    evil = {"module": "subprocess", "class_name": "Popen", "config": {"args": ["touch", str(marker)]}}
    path = written(tmp_path / "m.keras", {**evil, "registered_name": None})
    assert refusal(path) == carries(path, "'subprocess.Popen'", OWN)


def test_functions_of_keras_that_download_are_not_called_cve_2025_8747(refusal, tmp_path):
    path = written(tmp_path / "m.keras", function_layer("keras.utils", "get_file", ("origin", "https://localhost/x")))
    assert refusal(path) == carries(path, "'keras.utils.get_file', the layer 'evil'")


@pytest.mark.parametrize("version", ["2.15.0", "3.10.0"])
def test_a_lambda_in_hdf5_is_refused_although_safe_mode_overlooks_it_cve_2025_9905(refusal, tmp_path, marker, version):
    function = {"class_name": "__lambda__", "config": {"code": bytecode(marker), "defaults": None, "closure": None}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "evil", "function": function}}
    path = written(tmp_path / "m.h5", layer, version=version)
    assert refusal(path) == carries(path, "the layer 'evil'")


def test_a_file_does_not_turn_its_own_checks_off_cve_2025_9906(refusal, tmp_path):
    path = written(tmp_path / "m.keras", function_layer("keras.config", "enable_unsafe_deserialization"))
    assert refusal(path) == carries(path, "'keras.config.enable_unsafe_deserialization', the layer 'evil'")


@pytest.mark.parametrize("layer", ["StringLookup", "IntegerLookup", "TextVectorization"])
@pytest.mark.parametrize("place", ["/etc/hostname", "https://localhost/words"])
def test_a_vocabulary_is_read_from_no_file_and_no_address_cve_2025_12058(refusal, tmp_path, layer, place):
    config = {"name": "words", "vocabulary": place}
    for suffix, module in ((".keras", {"module": "keras.layers", "registered_name": None}), (".h5", {})):
        path = written(tmp_path / f"m{suffix}", {**module, "class_name": layer, "config": config})
        assert refusal(path) == carries(path, f"the file '{place}', which it would read")


def test_an_archive_is_never_unpacked_outside_its_folder_cve_2025_12060(refusal, tmp_path):
    path = written(tmp_path / "m.keras", **{"../it ran": "x"})
    assert refusal(path) == f"{path} would write outside its folder ('../it ran'); do not load it"
    path = written(tmp_path / "n.keras", function_layer("keras.utils", "get_file", ("extract", True)))
    assert refusal(path) == carries(path, "'keras.utils.get_file', the layer 'evil'")


def test_no_other_model_is_run_from_a_path_cve_2026_1462(refusal, tmp_path):
    config = {"name": "evil", "filepath": str(tmp_path / "saved"), "call_endpoint": "serve"}
    for suffix, version in ((".keras", "3.13.0"), (".h5", "3.13.0"), (".keras", "2.15.0")):
        layer = {"module": "keras.layers", "class_name": "TFSMLayer", "config": config, "registered_name": None}
        path = written(tmp_path / f"m{suffix}", layer, version=version)
        assert refusal(path) == carries(path, "the TFSMLayer 'evil', which runs a SavedModel from another place")


def test_no_object_is_unpickled_by_a_layer_for_torch(refusal, tmp_path, marker):
    config = {"name": "evil", "module": base64.b64encode(pickle.dumps(Touch(marker))).decode()}
    layer = {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": config, "registered_name": None}
    path = written(tmp_path / "m.keras", layer, version="3.13.0")
    assert refusal(path) == carries(path, "the TorchModuleWrapper 'evil', which unpickles an object")


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_no_object_is_unpickled_from_weights(refusal, tmp_path, marker):
    import io

    weights = io.BytesIO()
    np.savez(weights, evil=np.array([Touch(marker)], dtype=object))
    path = written(tmp_path / "m.keras", **{"model.weights.npz": weights.getvalue()})
    what = f"{path}: it holds weights as NumPy's files ('model.weights.npz'), which may hold code; "
    assert refusal(path) == f"{what}save it again"


@pytest.mark.parametrize("wrapper", ["DropoutWrapper", "ResidualWrapper"])
def test_a_wrapper_of_a_cell_brings_no_function(refusal, tmp_path, marker, wrapper):
    cell = {"class_name": "SimpleRNNCell", "config": {"name": "c", "units": 2}}
    option = "residual_fn" if wrapper == "ResidualWrapper" else "dropout_fn"
    function = {option: [bytecode(marker), None, None], f"{option}_type": "lambda", f"{option}_module": None}
    config = {"name": "evil", "cell": cell, **function}
    rnn = {"class_name": "RNN", "config": {"name": "r", "cell": {"class_name": wrapper, "config": config}}}
    path = written(tmp_path / "m.h5", rnn)
    assert refusal(path) == carries(path, f"the {wrapper} 'evil', which holds a function")


@pytest.mark.parametrize("layer", ["TFOpLambda", "SlicingOpLambda"])
def test_an_operation_that_writes_is_not_called_by_its_name(refusal, tmp_path, marker, layer):
    call = [["in", 0, 0, {"filename": str(marker), "contents": "x"}]]
    config = {"name": "evil", "function": "raw_ops.WriteFile"}
    path = written(tmp_path / "m.h5", {"class_name": layer, "config": config, "inbound_nodes": call})
    assert refusal(path) == carries(path, "the operation 'raw_ops.WriteFile' of the layer 'evil'")


def test_an_operator_that_dumps_tensors_is_not_put_into_a_graph(refusal, tmp_path):
    urls = {"debug_urls": {"list": {"s": [base64.b64encode(f"file://{tmp_path}/dump".encode()).decode()]}}}
    node = {"name": "x", "op": "DebugIdentityV2", "input": ["in"], "attr": {"T": {"type": "DT_FLOAT"}, **urls}}
    config = {"name": "evil", "node_def": node, "constants": {}}
    path = written(tmp_path / "m.h5", {"class_name": "TensorFlowOpLayer", "config": config})
    assert refusal(path) == carries(path, "the operator 'DebugIdentityV2' of the layer 'evil'")
    assert not (tmp_path / "dump").exists()


def test_sampling_reads_no_words_from_a_file(refusal, tmp_path):
    config = {"name": "evil", "function": "random.fixed_unigram_candidate_sampler"}
    path = written(tmp_path / "m.h5", {"class_name": "TFOpLambda", "config": config})
    text = "the operation 'random.fixed_unigram_candidate_sampler' of the layer 'evil'"
    assert refusal(path) == carries(path, text)


def test_a_saved_model_that_writes_runs_only_with_trust(refusal, tensorflow, tmp_path, marker):
    tf = tensorflow

    class Writing(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([1, 2], tf.float32, name="x")])
        def serve(self, x):
            tf.raw_ops.WriteFile(filename=str(marker), contents="x")
            return {"y": x + 1.0}

    module = Writing()
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures={"serving_default": module.serve})
    marker.unlink(missing_ok=True)
    path = tmp_path / "saved"
    assert refusal(path) == carries(path, "a SavedModel is a program")
