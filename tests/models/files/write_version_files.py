"""Run in an environment of its own: saves small models as one version of Keras or TensorFlow does.

`python write_version_files.py FOLDER PACKAGE`, where PACKAGE is `tensorflow.keras`, `tf_keras` or `keras`, writes each
model in all formats that the version has, beside `inputs.npz` and `outputs.npz` with what it computes there, and
`versions.json`. It runs on Python 3.8 with TensorFlow 2.4, and on all that came after.
"""

import importlib
import json
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf


def convolutions(keras):
    """A convolutional classifier with a residual connection, compiled and trained, as most published files are."""
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    preprocessing = layers if hasattr(layers, "Rescaling") else layers.experimental.preprocessing  # until 2.5
    x = preprocessing.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = shortcut = layers.ReLU()(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="block_10_depthwise")(x)
    x = layers.BatchNormalization(name="block_10_depthwise_BN")(x)
    x = layers.ReLU(6.0, name="block_10_depthwise_relu")(x)
    x = layers.Conv2D(4, 1, name="block_10_expand")(x)
    x = layers.Add()([x, shortcut])
    x = layers.SeparableConv2D(6, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x), name="classifier")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(np.ones((4, 8, 8, 3), "float32"), np.array([0, 1, 2, 0]), verbose=0)
    return model


def recurrent(keras):
    layers = keras.layers
    sequence = keras.Input((6, 3), name="sequence")
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(sequence)
    x = layers.GRU(4, return_sequences=True)(x)
    x = layers.LSTM(4, return_sequences=True)(x)
    x = layers.SimpleRNN(3)(x)
    return keras.Model(sequence, layers.Dense(2)(x))


def nested(keras):
    """A model within a model, used twice, and a layer within a wrapper."""
    layers = keras.layers
    encoder = keras.Sequential([keras.Input((5,)), layers.Dense(4, activation="relu"), layers.Dense(3)], name="encoder")
    left, right = keras.Input((5,), name="left"), keras.Input((5,), name="right")
    x = layers.Concatenate()([encoder(left), encoder(right)])
    x = layers.Reshape((2, 3))(x)
    x = layers.TimeDistributed(layers.Dense(4, activation="relu"))(x)
    x = layers.Conv1D(3, 2)(x)
    return keras.Model([left, right], layers.Dense(2, name="logits")(layers.Flatten()(x)))


def attention(keras):
    layers = keras.layers
    tokens = keras.Input((6,), name="tokens")
    x = layers.Embedding(10, 8)(tokens)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)])
    x = shortcut = layers.LayerNormalization()(x)
    x = layers.Dense(8)(layers.Dense(8, activation="gelu")(x))
    x = layers.LayerNormalization()(layers.Add()([x, shortcut]))
    return keras.Model(tokens, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))


MODELS = {"convolutions": convolutions, "recurrent": recurrent, "nested": nested, "attention": attention}


def sample(name):
    generator = np.random.RandomState(1)
    if name == "convolutions":
        return {"image": generator.randint(0, 256, (4, 8, 8, 3)).astype("float32")}
    if name == "recurrent":
        return {"sequence": generator.normal(size=(4, 6, 3)).astype("float32")}
    if name == "nested":
        return {side: generator.normal(size=(4, 5)).astype("float32") for side in ("left", "right")}
    return {"tokens": generator.randint(0, 10, (4, 6)).astype("float32")}


def scrambled(model):
    """The model with weights that differ from the initial ones in every layer, the same in every version."""
    generator = np.random.RandomState(0)
    for weight in model.weights:
        values = generator.normal(0, 0.4, tuple(weight.shape))
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.name else values)
    return model


def saved(model, folder, name, package, arrays, outputs):
    """Save in each format, and return what failed: files that Keras cannot write, cannot read, or reads otherwise.

    Those that it can write and not read are kept, since a later version may read them.
    """
    files = {f"{name}.h5": {}, f"{name}.keras": {}}
    if package == "tensorflow.keras":
        files = {f"{name}.h5": {"save_format": "h5"}, f"{name}.keras": {"save_format": "keras"}}
        if name == "convolutions":
            files[f"{name}.savedmodel"] = {"save_format": "tf"}
    failures = {}
    for file, options in files.items():
        path = folder / file
        try:
            model.save(str(path), **options)
        except Exception as error:  # noqa: BLE001
            failures[file] = f"{package} cannot write it ({error})"[:300]
            path.unlink() if path.exists() else None
            continue
        try:
            again = importlib.import_module(package).models.load_model(str(path), compile=False)
        except Exception as error:  # noqa: BLE001
            failures[file] = f"{package} itself cannot read it ({error})"[:300]
            continue
        difference = np.abs(again.predict(arrays, verbose=0) - outputs).max()
        if difference > 1e-5:
            failures[file] = f"{package} itself reads another model, which differs by {difference:.1e}"
            path.unlink()
    return failures


def main(folder, package):
    keras = importlib.import_module(package)
    version = getattr(keras, "__version__", None) or importlib.import_module("keras").__version__
    folder.mkdir(parents=True)
    failures = {}
    for name, build in MODELS.items():
        keras.backend.clear_session()
        np.random.seed(0)
        tf.random.set_seed(0)
        model = scrambled(build(keras))
        arrays = sample(name)
        outputs = model.predict(arrays, verbose=0)
        np.savez_compressed(str(folder / f"{name}.npz"), outputs=outputs, **arrays)
        failures.update(saved(model, folder, name, package, arrays, outputs))
        if package == "tensorflow.keras" and name in ("convolutions", "nested"):
            content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
            (folder / f"{name}.tflite").write_bytes(content)
    versions = {"keras": version, "tensorflow": tf.__version__, "python": sys.version.split()[0]}
    (folder / "versions.json").write_text(json.dumps({**versions, "failures": failures}, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
