"""Peak memory of pruning and quantizing a MobileNetV2, against a plain, hand-written tfmot script.

    python tests/benchmarks/mobile_memory.py [--samples 1500]

Each side runs in a process of its own, on the same random images in an `.npz` file. Goal: at most 1.1 of the memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

SIZE, CLASSES, BATCH, ALPHA = 96, 10, 32, 0.35


def write_data(path: Path, samples: int) -> None:
    """Random images and labels."""
    import numpy as np

    generator = np.random.default_rng(0)

    def images(count: int) -> object:
        return generator.integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)

    arrays = {"x_train": images(samples), "x_test": images(samples // 5)}
    labels = {"y_train": samples, "y_test": samples // 5}
    np.savez(path, **arrays, **{name: generator.integers(0, CLASSES, count) for name, count in labels.items()})


def plain(data: Path) -> list[int]:
    """What people write by hand: train, prune, quantization-aware training, convert; each file evaluated."""
    import numpy as np
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot
    import tf_keras as keras
    from ai_edge_litert.interpreter import Interpreter

    arrays = np.load(data)
    x_train, x_test = (arrays[name].astype("float32") / 255 for name in ("x_train", "x_test"))
    y_train, y_test = arrays["y_train"], arrays["y_test"]

    def fit(model: object, callbacks: tuple[object, ...] = ()) -> None:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(
            x_train, y_train, batch_size=BATCH, epochs=1, validation_split=0.1, callbacks=list(callbacks), verbose=0
        )

    def ship(model: object, int8: bool = False) -> int:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        content = converter.convert()
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
        right = 0
        for image, label in zip(x_test, y_test, strict=True):
            interpreter.set_tensor(source, image[None])
            interpreter.invoke()
            right += int(interpreter.get_tensor(target).argmax() == label)
        return len(content)

    model = keras.applications.MobileNetV2((SIZE, SIZE, 3), ALPHA, weights=None, classes=CLASSES)
    fit(model)
    sizes = [ship(model)]
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.5, 0.8, 0, 20, frequency=1)
    pruned = tfmot.sparsity.keras.prune_low_magnitude(model, pruning_schedule=schedule)
    fit(pruned, (tfmot.sparsity.keras.UpdatePruningStep(),))
    stripped = tfmot.sparsity.keras.strip_pruning(pruned)
    sizes.append(ship(stripped))
    quantized = tfmot.quantization.keras.quantize_model(stripped)
    fit(quantized)
    return [*sizes, ship(quantized, int8=True)]


def ours(data: Path) -> list[int]:
    """The same by recipe."""
    import compressor

    recipe = {
        "version": 1,
        "model": {
            "source": "keras_applications:MobileNetV2",
            "with": {"input_shape": [SIZE, SIZE, 3], "alpha": ALPHA, "classes": CLASSES},
            "train": {"epochs": 1},
        },
        "data": {"source": str(data)},
        "training": {"batch_size": BATCH},
        "steps": [{"uses": "prune", "with": {"epochs": 1}}, {"uses": "qat", "with": {"epochs": 1}}, {"uses": "ptq"}],
    }
    report, _ = compressor.apply(recipe, output=data.parent / "out", cache=data.parent / "cache")
    return [stage.bytes for stage in report.stages]


def main() -> None:
    """Run both sides and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=1500)
    parser.add_argument("--side", choices=["plain", "ours"])
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    if arguments.side:
        sizes = {"plain": plain, "ours": ours}[arguments.side](arguments.data)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"bytes": sizes, "peak_bytes": peak}))
        return
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        write_data(data, arguments.samples)
        for side in ("ours", "plain"):
            command = [sys.executable, __file__, "--side", side, "--data", str(data)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr[-2000:])
            found[side] = json.loads(done.stdout.splitlines()[-1])
            print(side, json.dumps(found[side]), flush=True)
    ratio = found["ours"]["peak_bytes"] / found["plain"]["peak_bytes"]
    print(f"peak_bytes: ours / plain = {ratio:.2f} (goal: at most 1.1)")


if __name__ == "__main__":
    main()
