"""Training, pruning and quantizing a MobileNetV2, against a plain, hand-written tfmot script: time and peak memory.

    python tests/benchmarks/mobile_job.py [--samples 1030] [--rounds 1] [--size 96] [--alpha 0.35]
    python tests/benchmarks/mobile_job.py --net ResNet50 --size 224 --samples 143
    python tests/benchmarks/mobile_job.py --net EfficientNetV2B0 --size 224 --samples 143 --quantize ptq

Each side runs in a process of its own, on the same random images in an `.npz` file; 1030 of them are 29 steps for each
training. `seconds_of` are those of each stage, with measuring its file. Goals for MobileNetV2: at most 0.5 of the time,
and 1.1 of the memory. Nets that tfmot cannot train for quantization, such as EfficientNetV2, are quantized after it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

from in_turns import pairs, print_ratios, told
from plain_script import accuracy, converted

CLASSES, BATCH, CALIBRATED = 10, 32, 100


def write_data(path: Path, samples: int, side: int) -> None:
    """Random images of `side` pixels in height and width, and labels."""
    import numpy as np

    generator = np.random.default_rng(0)

    def images(count: int) -> object:
        return generator.integers(0, 256, (count, side, side, 3), dtype=np.uint8)

    arrays = {"x_train": images(samples), "x_test": images(samples // 5)}
    labels = {"y_train": samples, "y_test": samples // 5}
    np.savez(path, **arrays, **{name: generator.integers(0, CLASSES, count) for name, count in labels.items()})


def options_of(net: str, alpha: float) -> dict[str, object]:
    """Name the arguments that `keras.applications` builds a net with: its classes, and the width of a MobileNet."""
    return {"classes": CLASSES, **({"alpha": alpha} if net.startswith("MobileNet") else {})}


def plain(data: Path, net: str, alpha: float, quantize: str) -> dict[str, object]:
    """Run the chain as a hand-written script does, and evaluate the file of each stage."""
    import numpy as np
    import tensorflow_model_optimization as tfmot
    import tf_keras as keras

    arrays = np.load(data)
    x_train, x_test = (arrays[name].astype("float32") / 255 for name in ("x_train", "x_test"))
    y_train, y_test = arrays["y_train"], arrays["y_test"]

    def fit(model: object, callbacks: tuple[object, ...] = ()) -> None:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(
            x_train, y_train, batch_size=BATCH, epochs=1, validation_split=0.1, callbacks=list(callbacks), verbose=0
        )

    def ship(model: object, int8: bool = False, samples: object = None) -> int:
        content = converted(model, int8, samples)
        accuracy(content, x_test, y_test)
        return len(content)

    started = [time.perf_counter()]
    build = getattr(keras.applications, net)
    model = build(input_shape=x_train.shape[1:], weights=None, **options_of(net, alpha))
    fit(model)
    sizes = [ship(model)]
    started.append(time.perf_counter())
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.5, 0.8, 0, 20, frequency=1)
    prune = partial(tfmot.sparsity.keras.prune_low_magnitude, pruning_schedule=schedule)
    try:
        pruned = prune(model)
    except ValueError:  # a layer that tfmot does not know: those with kernels alone, as its guide has it
        kinds = (keras.layers.Conv2D, keras.layers.Dense)
        pruned = keras.models.clone_model(model, None, lambda layer: prune(layer) if type(layer) in kinds else layer)
    fit(pruned, (tfmot.sparsity.keras.UpdatePruningStep(),))
    stripped = tfmot.sparsity.keras.strip_pruning(pruned)
    sizes.append(ship(stripped))
    started.append(time.perf_counter())
    if quantize == "qat":
        quantized = tfmot.quantization.keras.quantize_model(stripped)
        fit(quantized)
        sizes.append(ship(quantized, int8=True))
    else:
        sizes.append(ship(stripped, int8=True, samples=x_train[:CALIBRATED]))
    seconds = np.diff([*started, time.perf_counter()])
    return {"bytes": sizes, "seconds_of": dict(zip(("baseline", "prune", quantize), seconds.round(1), strict=True))}


def ours(data: Path, net: str, alpha: float, quantize: str) -> dict[str, object]:
    """The same by recipe."""
    import numpy as np

    import compressor

    with np.load(data) as arrays:
        shape = arrays["x_test"].shape[1:]
    recipe = {
        "version": 1,
        "model": {
            "source": f"keras_applications:{net}",
            "with": {"input_shape": list(shape), **options_of(net, alpha)},
            "train": {"epochs": 1},
        },
        "data": {"source": str(data)},
        "training": {"batch_size": BATCH},
        "steps": [
            {"uses": "prune", "with": {"epochs": 1}},
            *([{"uses": "qat", "with": {"epochs": 1}}] if quantize == "qat" else []),
            {"uses": "ptq", "with": {"calibration_samples": CALIBRATED}},
        ],
    }
    report, _ = compressor.apply(recipe, output=data.parent / "out", cache=data.parent / "cache")
    seconds = {stage.id: round(stage.seconds + stage.measure_seconds, 1) for stage in report.stages}
    return {"bytes": [stage.bytes for stage in report.stages], "seconds_of": seconds}


def main() -> None:
    """Run both sides in turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=1030)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--net", default="MobileNetV2", help="a net of keras.applications")
    parser.add_argument("--alpha", type=float, default=0.35, help="width of a MobileNet")
    parser.add_argument("--quantize", choices=["qat", "ptq"], default="qat", help="in training, or after it alone")
    parser.add_argument("--side", choices=["plain", "ours"])
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    if arguments.side:
        side = {"plain": plain, "ours": ours}[arguments.side]
        told(partial(side, arguments.data, arguments.net, arguments.alpha, arguments.quantize))
        return
    options = ["--net", arguments.net, "--alpha", str(arguments.alpha), "--quantize", arguments.quantize]
    rounds = []
    for _ in range(arguments.rounds):  # each in a folder of its own, whose cache is empty
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data.npz"
            write_data(data, arguments.samples, arguments.size)
            rounds += pairs(__file__, 1, ["--data", str(data), *options])
    print_ratios(rounds, {"seconds": 0.5, "peak_bytes": 1.1})


if __name__ == "__main__":
    main()
