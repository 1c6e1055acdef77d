"""What is read of a model file: every figure of a file that was made tensor by tensor, and its schema."""

import json
import struct

import jsonschema
import pytest
from inspected import contents_of_mixed_file
from page_elements import Page
from small_litert_files import chain, litert_file, tensor

from compressor.base.errors import ModelError
from compressor.inspecting.content_rows import contents_schema
from compressor.inspecting.contents_page import render_contents
from compressor.inspecting.read_contents import read_contents
from compressor.models.packing.package import pack


@pytest.fixture(scope="module")
def data():
    return json.loads(contents_of_mixed_file().model_dump_json())


def test_a_file_has_its_sizes_operators_and_tensors(data):
    assert (data["schema_version"], data["file"], data["kind"]) == (1, "mixed.tflite", "LiteRT file")
    assert data["stored_bytes"] == data["bytes"] == 2496
    assert (data["parameters"], data["operators"], data["macs"]) == (472, 8, 6 * 6 * 4 * 9 + 3 * 144)
    types = {row["operator"]: [row[key] for key in ("calls", "arithmetic", "constant_bytes", "macs")]
             for row in data["operators_by_type"]}  # fmt: skip
    assert types == {
        "DEQUANTIZE": [2, "neither", 0, 0],
        "CONV_2D": [1, "integer", 52, 1296],
        "ROUND": [1, "float", 0, 0],
        "CEIL": [1, "float", 0, 0],
        "QUANTIZE": [1, "neither", 0, 0],
        "FULLY_CONNECTED": [1, "integer", 432, 432],
        "SIGN": [1, "float", 0, 0],
    }
    assert [(row["name"], row["bytes"]) for row in data["tensors"]] == [("kernel", 36), ("bias", 16), ("weights", 432)]
    assert not {"spread", "difference"} & set(data["tensors"][0])
    assert data["layers"] == []


def test_ends_have_the_range_of_their_quantization(data):
    ((image,), (sign,)) = (data["signatures"][0][side] for side in ("inputs", "outputs"))
    assert (image["scale"], image["zero_point"], image["low"], image["high"]) == (0.5, 0, -64.0, 63.5)
    assert (sign["dtype"], sign["scale"], sign["low"], sign["high"]) == ("float32", 0.0, None, None)


def test_float_islands_have_what_feeds_them_and_takes_what_they_make(data):
    between, at_the_end = data["float_islands"]
    assert [row["operator"] for row in between["operators"]] == ["ROUND", "CEIL"]
    assert between["fed_by"] == [
        {"operator": "CONV_2D", "output": "conv", "number": 1, "tensor": "conv_float", "bytes": 576}
    ]
    assert between["taken_by"] == [
        {"operator": "FULLY_CONNECTED", "output": "logits", "number": 6, "tensor": "ceil", "bytes": 576}
    ]
    assert (between["between_integers"], between["conversions"], between["made_bytes"]) == (True, 2, 1152)
    assert at_the_end["taken_by"] == [{"operator": None, "output": None, "number": None, "tensor": "sign", "bytes": 12}]
    assert (at_the_end["between_integers"], at_the_end["conversions"]) == (False, 1)
    assert [(row["operator"], row["number"]) for row in data["float_operators"]] == [
        ("ROUND", 3), ("CEIL", 4), ("SIGN", 8),
    ]  # fmt: skip


def test_metadata_is_read_as_text_where_it_is_a_short_one(data):
    assert data["metadata"] == [
        {"name": "min_runtime_version", "bytes": 8, "text": "2.11.0"},
        {"name": "<b>notes", "bytes": 200, "text": ""},
    ]


def test_the_document_meets_its_schema_which_describes_every_field(data):
    schema = contents_schema()
    jsonschema.validate(data, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data | {"bytes": "many"}, schema)
    assert schema["title"] == "contents of a model file, compressor inspect 1"
    assert set(data) == set(schema["properties"])


def test_a_package_is_read_as_the_file_in_it(tmp_path):
    path = tmp_path / "m.tfpack"
    path.write_bytes(pack(chain(), "brotli"))
    contents = read_contents(path)
    assert (contents.kind, contents.stored_bytes) == ("package", path.stat().st_size)
    assert contents.bytes == len(chain())
    assert contents.float_islands == []


def test_a_missing_file_is_told_with_its_path(tmp_path):
    with pytest.raises(ModelError) as raised:
        read_contents(tmp_path / "no.tflite")
    assert str(raised.value) == f"there is no model file {tmp_path / 'no.tflite'}; check the path"


def test_constants_that_several_operators_take_are_counted_once(tmp_path):
    values = struct.pack("<4f", 1, 2, 3, 4)
    tensors = [
        tensor("x", (1, 4), "FLOAT32"),
        tensor("factor", (4,), "FLOAT32", values),
        tensor("y", (1, 4), "FLOAT32"),
        tensor("z", (1, 4), "FLOAT32"),
    ]
    path = tmp_path / "m.tflite"
    path.write_bytes(litert_file(tensors, [("MUL", [0, 1], [2]), ("ADD", [2, 1], [3])], [0], [3]))
    rows = {row.operator: row.constant_bytes for row in read_contents(path).operators_by_type}
    assert rows == {"MUL": 16, "ADD": 0}


def test_a_keras_file_has_its_layers_and_a_page_in_which_its_names_are_text(tensorflow, tmp_path):
    import tf_keras
    from tf_keras import layers

    image = tf_keras.Input((8, 8, 3), name="image")
    backbone = tf_keras.Sequential(
        [layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="bn")], name="body"
    )
    backbone.trainable = False
    bins = layers.Discretization([0.5], name="bins")(layers.Flatten()(backbone(image)))
    scores = layers.Dense(2, "softmax", name="scores")(bins)
    path = tmp_path / "<img src=x onerror=alert(1)>.keras"
    tf_keras.Model(image, scores).save(path)
    contents = read_contents(path)
    assert (contents.kind, contents.stored_bytes) == ("Keras file", path.stat().st_size)
    assert [
        (row.name, row.type, row.output, row.parameters, row.trainable_parameters, row.trainable, row.activation)
        for row in contents.layers
    ] == [
        ("body/conv", "Conv2D", "6x6x4", 112, 0, False, "linear"),
        ("body/bn", "BatchNormalization", "6x6x4", 16, 0, False, ""),
        ("flatten", "Flatten", "144", 0, 0, True, ""),
        ("bins", "Discretization", "144", 0, 0, True, ""),
        ("scores", "Dense", "2", 290, 290, True, "softmax"),
    ]
    assert contents.layers[0].steps == {"prune": "works", "cluster": "works", "qat": "works", "ptq": "works"}
    assert contents.layers[3].steps["ptq"] == "float"
    page = Page(render_contents(contents))
    assert page.texts["h1"] == [path.name]
    assert (len(page.all("script")), page.all("img")) == (1, [])
