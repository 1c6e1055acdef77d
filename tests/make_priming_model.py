"""Writes `compressor/models/packing/priming_model.py`: a small model with the commonest operators, coded without one.

Run it after a change to the coder: `python tests/make_priming_model.py`. Packages made before can no longer be read, so
once they are out, a changed coder gets a number of its own.
"""

import base64
import textwrap
from pathlib import Path

import numpy as np

HEAD = '''"""A typical model, coded by `model_coder` without a primer: what its coder has read before any other model.

Written by `python tests/make_priming_model.py`.
"""

import base64

PRIMER = base64.b85decode(
    "{text}"
)
'''


def typical_model():
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input((12, 12), name="image")
    x = layers.Reshape((12, 12, 1))(image)
    x = layers.Conv2D(6, 3, activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(6, 3, activation="relu")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(6, activation="relu")(x)
    return tf_keras.Model(image, layers.Dense(4)(x))


def main():
    import compressor.models.packing.model_coder as coder
    from compressor.models.files.tensorflow_setup import prepare_tensorflow
    from compressor.models.litert.conversion.converter import Conversion, to_litert
    from compressor.models.litert.conversion.shrinking import shrunk

    prepare_tensorflow(seed=0)
    chance = np.random.default_rng(0)
    model = typical_model()
    weights = model.get_weights()
    model.set_weights([np.where(chance.random(w.shape) < 0.8, 0, w) if w.ndim > 1 else w for w in weights])
    samples = (chance.random((1, 12, 12)).astype("float32") for _ in range(20))
    coder.PRIMER = b""
    payload = coder.encode(shrunk(to_litert(model, Conversion("int8", calibration=samples))))
    text = base64.b85encode(payload).decode()
    lines = '"\n    "'.join(textwrap.wrap(text, 110, break_on_hyphens=False))
    (Path(coder.__file__).parent / "priming_model.py").write_text(HEAD.format(text=lines))


if __name__ == "__main__":
    main()
