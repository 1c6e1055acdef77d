"""Layers of the user's own with sub-layers in them, through a run and its stage files."""

import sys

import numpy as np
import pytest

import compressor
from compressor.base.errors import ModelError
from compressor.contracts.observer import Observer
from compressor.models.files.keras_files import load_keras, save_keras
from compressor.models.files.model_checks import refuse_unusable
from compressor.models.litert.reading.contents import dissect

CODE = """
import tensorflow as tf
import tf_keras as k


class Branches(k.layers.Layer):
    def __init__(self, filters, **options):
        super().__init__(**options)
        self.filters = filters
        self.a = k.layers.Conv2D(filters, 3, padding="same", name="a")
        self.b = k.layers.Conv2D(filters, 3, padding="same", name="b")

    def build(self, shape):
        self.a.build(shape)
        self.b.build(shape)
        super().build(shape)

    def call(self, x):
        return self.a(x) * k.backend.sigmoid(self.b(x))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


class Tied(k.layers.Layer):
    def __init__(self, source, **options):
        super().__init__(**options)
        self.source = source

    def build(self, shape):
        if not self.source.built:
            self.source.build((None, 6))
        self.bias = self.add_weight("bias", (self.source.kernel.shape[0],), initializer="zeros")

    def call(self, x):
        return tf.matmul(x, self.source.kernel, transpose_b=True) + self.bias

    def get_config(self):
        return {**super().get_config(), "source": k.layers.serialize(self.source)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "source": k.layers.deserialize(config["source"])})


def branches():
    image = k.Input((8, 8, 1), name="image")
    x = Branches(4, name="gated")(image)
    return k.Model(image, k.layers.Dense(2, name="logits")(k.layers.GlobalAveragePooling2D()(x)))


def tied():
    x = k.Input((6,), name="x")
    encoder = k.layers.Dense(3, activation="relu", name="encoder")
    return k.Model(x, Tied(encoder, name="decoder")(encoder(x)))


def data():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 120)
    images = generator.normal(0, 0.2, (120, 8, 8, 1)).astype("float32") + labels[:, None, None, None]
    return {"x_train": images[:80], "y_train": labels[:80], "x_test": images[80:], "y_test": labels[80:]}


def rows():
    rows = np.random.default_rng(0).normal(size=(80, 6)).astype("float32")
    return {"x_train": rows[:60], "x_test": rows[60:]}
"""


@pytest.fixture
def own_layers(tensorflow, tmp_path, monkeypatch):
    (tmp_path / "own_layers.py").write_text(f"import numpy as np\n{CODE}")
    monkeypatch.syspath_prepend(tmp_path)
    import own_layers

    yield own_layers
    sys.modules.pop("own_layers")


def recipe(model, data, *steps, **more):
    return {
        "version": 1,
        "model": {"source": f"own_layers:{model}", "custom_objects": ["own_layers"], "train": {"epochs": 1}},
        "data": {"source": f"own_layers:{data}", "preprocess": [], **more},
        "steps": list(steps),
    }


def test_a_layer_with_two_weights_of_one_name_is_pruned_and_quantized(own_layers, tmp_path):
    steps = ({"uses": "prune", "with": {"final_sparsity": 0.5, "epochs": 2}}, {"uses": "ptq"})
    report, folder = compressor.apply(recipe("branches", "data", *steps), output=tmp_path / "run")
    assert [stage.id for stage in report.stages] == ["baseline", "prune", "ptq"]
    kernels = [tensor for tensor in dissect((folder / "model.tflite").read_bytes()).kernels if tensor.shape[0] == 4]
    assert [(kernel.shape, kernel.dtype, kernel.zeros) for kernel in kernels] == [((4, 3, 3, 1), "int8", 18)] * 2


def test_a_layer_with_two_weights_of_one_name_comes_back_as_it_was_saved(own_layers, tmp_path):
    model = own_layers.branches()
    names = [weight.name for weight in model.weights]
    assert len(set(names)) == len(names) - 2
    save_keras(model, tmp_path / "model.h5")
    again = load_keras(tmp_path / "model.h5", {"Branches": own_layers.Branches})
    assert [weight.name for weight in model.weights] == names == [weight.name for weight in again.weights]
    for before, after in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_weight_that_two_layers_share_is_refused_before_training(own_layers, tmp_path):
    trained = []

    class Watching(Observer):
        def training_started(self, *_):
            trained.append(True)

    settings = recipe("tied", "rows", {"uses": "ptq"}, targets="inputs")
    with pytest.raises(ModelError) as error:
        compressor.apply(settings, output=tmp_path / "run", observer=Watching())
    assert str(error.value) == (
        "the model 'own_layers:tied' has one weight ('encoder/kernel:0') in the layers 'encoder' and 'decoder', and "
        "would have one each after saving; call one layer in all places, or give each layer its own weight, or export "
        "it as .tflite and start from that"
    )
    assert not trained


def test_a_layer_of_a_nested_model_that_is_also_called_outside_is_refused(tensorflow):
    import tf_keras as k

    features = k.Input((6,))
    dense = k.layers.Dense(4, name="dense")
    nested = k.Model(features, dense(features), name="nested")
    model = k.Model(features, k.layers.Add()([nested(features), k.layers.ReLU()(dense(features))]))
    with pytest.raises(ModelError) as error:
        refuse_unusable(model, "the model 'mine'")
    assert str(error.value).startswith(
        "the model 'mine' has one weight ('dense/kernel:0') in the layers 'dense' and 'nested', and "
    )
