"""Training on and measuring with much data, against a plain, hand-written script: time and peak memory.

    python tests/benchmarks/data_job.py [--gigabytes 2] [--rounds 1]

The images are random and lie in `.npy` files as bytes; the model is a single layer, so that what is measured is what
the data costs. The script is a careful one: it holds bytes and scales them in the model, where floats would take four
times as much memory. Goals: no more memory, and at most 1.5 of the time, since data beyond 256 MB is read from its
files again and again.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from data_memory import SIDE, write_npy
from in_turns import pairs, print_ratios, told
from plain_script import accuracy, converted

BATCH = 128
MODEL = f"""
def build():
    import tf_keras
    from tf_keras import layers

    pixels = [layers.InputLayer(({SIDE}, {SIDE}, 3)), layers.AveragePooling2D(8), layers.Flatten()]
    return tf_keras.Sequential([*pixels, layers.Dense(10)])
"""


def plain(folder: Path) -> dict[str, object]:
    """Load the data, train for an epoch, convert and evaluate, as people write it by hand."""
    import numpy as np
    import tf_keras as keras

    arrays = {path.stem: np.load(path) for path in sorted(folder.glob("*.npy"))}
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.InputLayer((SIDE, SIDE, 3)),
            layers.Rescaling(1 / 255),
            layers.AveragePooling2D(8),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(arrays["x_train"], arrays["y_train"], batch_size=BATCH, epochs=1, validation_split=0.1, verbose=0)
    content = converted(model)
    images = (image.astype("float32") for image in arrays["x_test"])
    return {"bytes": len(content), "accuracy": accuracy(content, images, arrays["y_test"])}


def ours(folder: Path) -> dict[str, object]:
    """The same by recipe."""
    import compressor

    (folder.parent / "net.py").write_text(MODEL)
    recipe = {
        "version": 1,
        "model": {"source": f"{folder.parent}/net.py:build", "train": {"epochs": 1}},
        "data": {"source": str(folder)},
        "training": {"batch_size": BATCH},
        "steps": [],
    }
    with tempfile.TemporaryDirectory() as place:
        report, _ = compressor.apply(recipe, output=Path(place) / "out", cache=Path(place) / "cache")
    (stage,) = report.stages
    return {"bytes": stage.bytes, "accuracy": stage.metrics["accuracy"].value}


def main() -> None:
    """Write the data, run both sides in turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--side", choices=["plain", "ours"])
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    if arguments.side:
        told(partial({"plain": plain, "ours": ours}[arguments.side], arguments.data))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "data"
        folder.mkdir()
        write_npy(folder, int(arguments.gigabytes * 1e9) // (SIDE * SIDE * 3))
        print_ratios(pairs(__file__, arguments.rounds, ["--data", str(folder)]), {"peak_bytes": 1.0, "seconds": 1.5})


if __name__ == "__main__":
    main()
