"""The main job against the same steps in a plain, hand-written tfmot script: wall time and peak memory, as ratios.

    python tests/benchmarks/main_job.py [--rounds 1]

Each side runs in a process of its own, one after the other, in turns. The plain script trains, prunes, quantizes and
evaluates as tfmot's guides do it, with the recipe's own settings; it evaluates each stage, and no more.
Goals: at most 1.0 of the time, and 1.1 of the memory.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from in_turns import pairs, print_ratios, told
from plain_script import accuracy, converted


def prune_settings() -> dict[str, object]:
    """The recipe's settings, so that the two sides cannot drift apart."""
    import compressor

    return compressor.plan("prune_qat").steps[0].strategy.params.model_dump(mode="json")


def plain() -> dict[str, object]:
    """What people write by hand."""
    from importlib.resources import as_file, files

    import numpy as np
    import tensorflow_model_optimization as tfmot
    import tf_keras as keras
    from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.prune_preserve import (
        default_8bit_prune_preserve_quantize_scheme as scheme,
    )

    keras.utils.set_random_seed(0)
    with as_file(files("compressor_plugins.datasets.data").joinpath("mnist.npz")) as path:
        arrays = np.load(path)
        x_train, x_test = (arrays[name].astype("float32") / 255 for name in ("x_train", "x_test"))
        y_train, y_test = arrays["y_train"], arrays["y_test"]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    batch_size, steps = 64, 844
    settings = prune_settings()

    def fit(model: object, epochs: int, rate: float, callbacks: tuple[object, ...] = ()) -> None:
        decay = keras.optimizers.schedules.CosineDecay(rate, epochs * steps)
        model.compile(keras.optimizers.Adam(decay), loss, metrics=["accuracy"])
        model.fit(
            x_train,
            y_train,
            batch_size=batch_size,
            epochs=epochs,
            validation_split=0.1,
            callbacks=list(callbacks),
            verbose=0,
        )

    model = keras.Sequential(
        [
            keras.layers.InputLayer((28, 28)),
            keras.layers.Reshape((28, 28, 1)),
            keras.layers.Conv2D(12, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(10, name="dense"),
        ]
    )
    fit(model, 10, 2e-3)
    model.evaluate(x_test, y_test, verbose=0)
    files_ = [converted(model)]
    end = int(settings["epochs"] * steps * settings["ramp"]) // 20 * 20
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.5, settings["final_sparsity"], 0, end, frequency=20)

    def prune(layer: object) -> object:
        wrap = tfmot.sparsity.keras.prune_low_magnitude
        return wrap(layer, pruning_schedule=schedule) if layer.name == "dense" else layer

    pruned = keras.models.clone_model(model, clone_function=prune)
    fit(pruned, settings["epochs"], settings["learning_rate"], (tfmot.sparsity.keras.UpdatePruningStep(),))
    pruned.evaluate(x_test, y_test, verbose=0)
    stripped = tfmot.sparsity.keras.strip_pruning(pruned)
    files_.append(converted(stripped))
    with tfmot.quantization.keras.quantize_scope():
        annotated = tfmot.quantization.keras.quantize_annotate_model(stripped)
        quantized = tfmot.quantization.keras.quantize_apply(annotated, scheme.Default8BitPrunePreserveQuantizeScheme())
    fit(quantized, 3, 5e-4)
    quantized.evaluate(x_test, y_test, verbose=0)
    files_.append(converted(quantized, int8=True))
    return {
        "bytes": [len(content) for content in files_],
        "accuracy": [accuracy(content, x_test, y_test) for content in files_],
    }


def ours() -> dict[str, object]:
    """The same by recipe, reports and all."""
    import compressor

    with tempfile.TemporaryDirectory() as folder:
        report, _ = compressor.apply("prune_qat", output=Path(folder) / "out", cache=Path(folder) / "cache")
    measuring = sum(stage.measure_seconds for stage in report.stages)
    return {
        "bytes": [stage.bytes for stage in report.stages],
        "accuracy": [stage.metrics["accuracy"].value for stage in report.stages],
        "measuring_share": measuring / report.seconds,
    }


def main() -> None:
    """Run both sides in turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--side", choices=["plain", "ours"])
    arguments = parser.parse_args()
    if arguments.side:
        told({"plain": plain, "ours": ours}[arguments.side])
        return
    rounds = pairs(__file__, arguments.rounds)
    print_ratios(rounds, {"seconds": 1.0, "peak_bytes": 1.1})
    share = statistics.median(ours["measuring_share"] for ours, _ in rounds)
    print(f"measuring: {share:.1%} of our time (goal: at most 10 %)")


if __name__ == "__main__":
    main()
