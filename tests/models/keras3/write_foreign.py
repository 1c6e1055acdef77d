# ruff: noqa: E402
"""Run in a process of its own: saves models with Keras 3, and what it computes with them.

`python write_foreign.py FOLDER [zoo] [models] [applications] [architectures]` makes a folder of each kind in FOLDER;
`architectures:LSTM,U-Net` has only these of a kind.
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.pop("TF_USE_LEGACY_KERAS", None)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

import architectures
import foreign_models
import keras
import layer_zoo
import numpy as np

from compressor.models.keras3.subprocess_main import predictions


def write(folder, name, model, arrays):
    model.save(folder / f"{name}.keras")
    np.savez(folder / f"{name}.inputs.npz", **arrays)
    np.savez(folder / f"{name}.outputs.npz", *predictions(model, arrays))


def main(folder, what, chosen):
    if what == "zoo":
        for name in layer_zoo.ZOO:
            keras.utils.clear_session()
            model = layer_zoo.build(name, keras)
            names = [tensor._keras_history.operation.name for tensor in model.inputs]
            write(folder, name, model, dict(zip(names, layer_zoo.sample(name), strict=True)))
        return
    kinds = {
        "models": foreign_models.MODELS,
        "applications": foreign_models.APPLICATIONS,
        "architectures": architectures.ARCHITECTURES,
    }
    for name, make in kinds[what].items():
        if chosen and name not in chosen:
            continue
        keras.utils.clear_session()
        model = make(keras)
        if what == "models":
            layer_zoo.scramble(model)
            if name != "operations":
                model.save(folder / f"{name}.h5")
        if what == "architectures":
            architectures.settle(model)
        write(folder, name, model, foreign_models.sample_for(model))


if __name__ == "__main__":
    for text in sys.argv[2:]:
        what, _, names = text.partition(":")
        (Path(sys.argv[1]) / what).mkdir()
        main(Path(sys.argv[1]) / what, what, names.split(",") if names else ())
