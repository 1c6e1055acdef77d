"""To support a layer class takes a record in `keras_layers`, and nothing else: each step does what the record says."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace

import pytest

from compressor.base.errors import ModelError
from compressor.contracts.keras_layer_support import KERAS_LAYERS
from compressor.contracts.layer_record import Bridge, KerasLayer, Kernel, OptionChanges, Quantization, RowImage
from compressor.models.keras3 import bridge, from_keras3
from compressor.models.keras3.describe import describe
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.reading.contents import dissect
from compressor_plugins.channels.prune_channels import PruneChannels
from compressor_plugins.qat.qat import QAT
from compressor_plugins.rewrite.equalize import Equalize

CONVOLUTION = KerasLayer(
    kernels=(Kernel(),),
    channel_option="filters",
    equalization="weights",
    fused_relu="activation",
    folded_batch_norm="converter",
    quantization=Quantization(weights="channel"),
)
HASHING = """
import keras
inputs = keras.Input((6,), dtype="int32")
keras.Model(inputs, keras.layers.Hashing(7, name="hash")(inputs)).save("hashing.keras")
"""

CALIBRATED = " is not simulated in training; calibration gives it its ranges"


@pytest.fixture
def record(monkeypatch):
    """A function that adds one record, as a line in the table would."""
    return lambda kind, layer: monkeypatch.setitem(KERAS_LAYERS, kind, layer)


@pytest.fixture
def model(tensorflow):
    """A function: a convolution called `own`, of a class that the table does not know, layers behind it, and a head."""
    import tf_keras
    from tf_keras import layers

    def build(*behind, base="Conv2D"):
        tf_keras.backend.clear_session()
        tf_keras.utils.set_random_seed(0)
        cls = type(f"Own{base}", (getattr(layers, base),), {})
        images = [layers.Reshape((28, 28, 1))] if base == "Conv2D" else []
        own = cls(4, 3, strides=3, name="own")
        parts = [*images, own, *(getattr(layers, kind)(name=kind.lower()) for kind in behind), layers.Flatten()]
        return tf_keras.Sequential([layers.InputLayer((28, 28)), *parts, layers.Dense(10, name="head")])

    return build


def qat(model, context, **params):
    return QAT(QAT.Params(**{"epochs": 1, "batch_size": 500, **params})).apply(model, context)


def kernels(model):
    found = dissect(to_litert(model, Conversion("int8"))).kernels
    return {tensor.name.split("/")[0]: tensor.dtype for tensor in found}


def test_a_class_without_a_record_stays_in_float_and_is_named(model, step_context):
    context = step_context()
    assert kernels(qat(model("ReLU"), context)) == {"own": "float32", "head": "int8"}
    assert context.notes == []
    assert context.left_alone == {"own": "OwnConv2D" + CALIBRATED}


def test_with_a_record_it_is_trained_in_8_bits_and_takes_the_relu_behind_it(model, step_context, record):
    record("OwnConv2D", CONVOLUTION)
    context = step_context()
    assert kernels(qat(model("ReLU"), context)) == {"own": "int8", "head": "int8"}
    assert context.notes == ["fused 1 ReLU into the layer before: relu"]
    assert context.left_alone == {}


@pytest.mark.parametrize(("weights", "scales"), [("channel", 4), ("tensor", 1)])
def test_its_kernel_has_the_scales_that_the_record_says(model, step_context, record, weights, scales):
    record("OwnConv2D", replace(CONVOLUTION, quantization=Quantization(weights=weights)))
    graph = read_model(to_litert(qat(model(), step_context()), Conversion("int8"))).subgraphs[0]
    (kernel,) = [tensor for tensor in graph.tensors if list(tensor.shape) == [4, 3, 3, 1]]
    assert len(set(kernel.quantization.scale)) == scales


@pytest.mark.parametrize(
    ("folded", "choice", "notes"),
    [
        ("converter", "separate", []),
        ("converter", "all", ["folded 1 BatchNormalization into the layer before: batchnormalization"]),
        ("weights", "separate", ["folded 1 BatchNormalization into the dense layer before: batchnormalization"]),
        (None, "all", ["made 1 BatchNormalization a 1x1 depthwise convolution: batchnormalization"]),
    ],
)
def test_a_batch_normalization_behind_it_goes_where_the_record_says(model, step_context, record, folded, choice, notes):
    record("OwnConv2D", replace(CONVOLUTION, folded_batch_norm=folded))
    context = step_context()
    quantized = qat(model("BatchNormalization"), context, fold_batch_norm=choice)
    assert set(kernels(quantized).values()) == {"int8"}
    assert [note for note in context.notes if "statistics" not in note] == notes
    assert context.left_alone == {}


def test_a_class_for_sequences_is_trained_as_the_one_for_images_that_the_record_names(model, step_context, record):
    rows = RowImage("Conv2D", {"kernel_size": "(1, x)", "strides": "(x, x)", "dilation_rate": "(1, x)"}, "start")
    record("OwnConv1D", KerasLayer(kernels=(Kernel(),), row_image=rows))
    context = step_context()
    assert kernels(qat(model(base="Conv1D"), context)) == {"own": "int8", "head": "int8"}
    assert context.notes == ["gave 1 one-dimensional convolution images of one row: own"]


@pytest.mark.parametrize(
    ("output", "left", "made"),
    [
        (None, {"own": "OwnReLU" + CALIBRATED}, {"own", "quantize_own"}),
        ("input", {}, {"own"}),
        ("own", {}, {"quant_own"}),
    ],
)
def test_the_output_of_a_layer_without_weights_has_the_range_that_the_record_says(
    tensorflow, step_context, record, output, left, made
):
    import tf_keras
    from tf_keras import layers

    record("OwnReLU", KerasLayer(quantization=Quantization(output=output)))
    own = type("OwnReLU", (layers.ReLU,), {})(name="own")
    parts = [layers.Flatten(), layers.Dense(8), own, layers.Dense(10)]
    context = step_context()
    quantized = qat(tf_keras.Sequential([layers.InputLayer((28, 28)), *parts]), context)
    assert context.left_alone == left
    assert {layer.name for layer in quantized.layers if layer.name.endswith("own")} == made


def test_the_record_says_what_bits_it_can_have(record):
    asked = QAT.Params(weights="int4")
    record("OwnConv2D", CONVOLUTION)
    assert asked.bits_of("own", "OwnConv2D") == 4
    record("OwnConv2D", replace(CONVOLUTION, quantization=Quantization("channel", fewest_bits=8)))
    assert asked.bits_of("own", "OwnConv2D") == 8


def test_its_channels_are_evened_out_and_removed_as_the_record_says(model, step_context, record):
    def evened():
        Equalize(Equalize.Params()).apply(model("ReLU"), context := step_context())
        return context.notes[-1]

    assert evened() == "no two layers follow one another through a ReLU alone, so that nothing was evened out"
    record("OwnConv2D", CONVOLUTION)
    assert evened() == "evened the channels of 1 pair of layers: own and head"
    context = step_context()
    smaller = PruneChannels(PruneChannels.Params(channels=0.5, epochs=1)).apply(model("ReLU"), context)
    assert context.notes[0] == "channels: own 4 -> 2"
    assert [weight.shape for weight in smaller.get_layer("own").get_weights()] == [(3, 3, 1, 2), (2,)]


@pytest.fixture
def hashing(tmp_path):
    """A file that Keras 3 saved, with a layer of a class that both Keras have and the table does not."""
    environment = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    environment |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", HASHING], cwd=tmp_path, env=environment, check=True, capture_output=True)
    return tmp_path / "hashing.keras"


def test_the_bridge_takes_a_class_with_a_record_and_finds_that_it_computes_the_same(hashing, tensorflow, record):
    with pytest.raises(ModelError, match=r"the layer 'hash' \(Hashing\) has no counterpart in Keras 2"):
        bridge(hashing)
    record("Hashing", KerasLayer())
    bridged = bridge(hashing)
    assert type(bridged.model.layers[-1]).__name__ == "Hashing"
    assert bridged.difference == 0


def test_the_bridge_renames_and_drops_the_options_that_the_record_says(hashing, tensorflow, record, tmp_path):
    with zipfile.ZipFile(hashing) as whole, zipfile.ZipFile(tmp_path / "other.keras", "w") as made:
        for entry in whole.namelist():
            content = whole.read(entry)
            if entry == "config.json":
                config = json.loads(content)
                options = config["config"]["layers"][1]["config"]
                options |= {"buckets": options.pop("num_bins"), "edges": "sharp", "speed": 3}
                content = json.dumps(config)
            made.writestr(entry, content)
    changes = OptionChanges(renamed={"buckets": "num_bins"}, dropped={"edges": ("soft",), "speed": "any"})
    record("Hashing", KerasLayer(bridge=Bridge(inward=changes)))
    with pytest.raises(ModelError, match="uses edges='sharp', which Keras 2 does not have"):
        from_keras3(tmp_path / "other.keras", verify=False)
    record("Hashing", KerasLayer(bridge=Bridge(replace(changes, dropped={"edges": ("sharp",), "speed": "any"}))))
    assert from_keras3(tmp_path / "other.keras", verify=False).layers[-1].num_bins == 7


def test_the_bridge_leads_back_to_keras_3_with_a_record_too(tensorflow, record):
    import tf_keras

    hashing = tf_keras.layers.Hashing(7, name="hash")
    model = tf_keras.Sequential([tf_keras.layers.InputLayer((6,), dtype="int32"), hashing])
    with pytest.raises(ModelError, match=r"the layer 'hash' \(Hashing\) has no counterpart in Keras 3"):
        describe(model)
    record("Hashing", KerasLayer())
    assert describe(model)[0]["layers"]["hash"]["class"] == "Hashing"
