"""A tiny net and tiny data in files, for tests whose trials are to take a second."""

import numpy as np


def write_tiny(folder):
    """Write `tiny.keras`, a trained net of two dense layers, and `tiny.npz`, data of which some is wrong by chance."""
    import tf_keras

    random = np.random.default_rng(0)
    x = random.normal(size=(600, 16)).astype("float32")
    y = (x @ random.normal(size=(16, 4)) + random.normal(size=(600, 4))).argmax(1)
    parts = {"train": slice(0, 300), "validation": slice(300, 450), "test": slice(450, 600)}
    np.savez(
        folder / "tiny.npz",
        **{f"x_{name}": x[part] for name, part in parts.items()},
        **{f"y_{name}": y[part] for name, part in parts.items()},
    )
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential(
        [
            tf_keras.Input((16,), name="inputs"),
            tf_keras.layers.Dense(48, activation="relu", name="hidden"),
            tf_keras.layers.Dense(4, activation="softmax", name="classes"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x[:300], y[:300], epochs=15, verbose=0)
    model.save(folder / "tiny.keras")
