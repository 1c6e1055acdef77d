"""A small model of each family that `compressor new recipe --family` knows, and data that fits it."""

from pathlib import Path

import numpy as np

SAMPLES = 96
CLASSES = 3


def small_cnn(layers):
    x = inputs = layers.Input((12, 12, 1))
    x = layers.Conv2D(4, 3, activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(16, activation="relu")(x)
    return inputs, layers.Dense(CLASSES, activation="softmax")(x)


def mobilenet(layers):
    x = inputs = layers.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    for filters in (16, 24):
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.Conv2D(filters, 1, use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    return inputs, layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(x))


def efficientnet(layers):
    x = inputs = layers.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.Activation("swish")(layers.BatchNormalization()(x))
    for _ in range(2):
        block = layers.Conv2D(16, 1, use_bias=False)(x)
        block = layers.Activation("swish")(layers.BatchNormalization()(block))
        block = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(block)
        block = layers.Activation("swish")(layers.BatchNormalization()(block))
        gate = layers.Reshape((1, 1, 16))(layers.GlobalAveragePooling2D()(block))
        gate = layers.Conv2D(16, 1, activation="sigmoid")(layers.Conv2D(4, 1, activation="swish")(gate))
        block = layers.Conv2D(8, 1, use_bias=False)(layers.Multiply()([block, gate]))
        x = layers.Add()([x, layers.BatchNormalization()(block)])
    return inputs, layers.Dense(CLASSES, activation="softmax")(layers.GlobalAveragePooling2D()(x))


def unet(layers):
    inputs = layers.Input((16, 16, 3))
    down = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(down))
    x = layers.Concatenate()([layers.UpSampling2D()(x), down])
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    return inputs, layers.Conv2D(CLASSES, 1, activation="softmax")(x)


def sequence(layers):
    x = inputs = layers.Input((10, 4))
    x = layers.LSTM(16)(x)
    return inputs, layers.Dense(CLASSES, activation="softmax")(x)


def transformer(layers):
    inputs = layers.Input((12,))
    x = layers.Embedding(20, 32)(inputs)
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 16)(x, x)]))
    x = layers.LayerNormalization()(layers.Add()([x, layers.Dense(32)(layers.Dense(64, activation="relu")(x))]))
    return inputs, layers.Dense(CLASSES, activation="softmax")(layers.GlobalAveragePooling1D()(x))


def table(layers):
    x = inputs = layers.Input((5,))
    x = layers.Dense(32, activation="relu")(x)
    x = layers.Dense(16, activation="relu")(x)
    return inputs, layers.Dense(CLASSES, activation="softmax")(x)


def autoencoder(layers):
    x = inputs = layers.Input((24,))
    x = layers.Dense(16, activation="relu")(x)
    x = layers.Dense(4, activation="relu")(x)
    x = layers.Dense(16, activation="relu")(x)
    return inputs, layers.Dense(24)(x)


FAMILIES = {
    "autoencoder": autoencoder,
    "efficientnet": efficientnet,
    "mobilenet": mobilenet,
    "sequence": sequence,
    "small-cnn": small_cnn,
    "table": table,
    "transformer": transformer,
    "unet": unet,
}


def write(name: str, folder: Path) -> tuple[Path, Path]:
    """Write the model of a family, with fresh weights, and data: the paths of both."""
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Model(*FAMILIES[name](tf_keras.layers))
    model.save(folder / f"{name}.keras")
    return folder / f"{name}.keras", _data(name, model.input_shape[1:], folder)


def _data(name: str, shape: tuple[int, ...], folder: Path) -> Path:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, SAMPLES)
    if name == "table":
        rows = generator.normal(size=(SAMPLES, *shape)) + labels[:, None]
        lines = [",".join([*map("{:.3f}".format, row), str(kind)]) for row, kind in zip(rows, labels, strict=True)]
        (folder / "table.csv").write_text("\n".join(["a,b,c,d,e,kind", *lines, ""]))
        return folder / "table.csv"
    if name == "transformer":
        features = generator.integers(0, 20, (SAMPLES, *shape))
    else:
        features = generator.random((SAMPLES, *shape)).astype(np.float32)
        features += labels.reshape(-1, *[1] * len(shape)).astype(np.float32) / CLASSES
    if name == "unet":
        labels = (features.mean(-1) * CLASSES / 2).astype(np.int64).clip(0, CLASSES - 1)
    arrays = {"x_train": features[:64], "x_test": features[64:], "y_train": labels[:64], "y_test": labels[64:]}
    kept = {key: array for key, array in arrays.items() if name != "autoencoder" or key[0] == "x"}
    np.savez(folder / f"{name}.npz", **kept)
    return folder / f"{name}.npz"
