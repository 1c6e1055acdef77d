"""The small MNIST CNN, compressed by our recipes, by a plain tfmot script and by plain litert-quantizer: one table.

    python tests/benchmarks/side_by_side.py [--epochs 1] [--recipes prune_qat mnist_tiny]

All start from one trained baseline. The plain ways are written as the guides of tfmot and litert-quantizer write them.
Every file is measured in the same way: bytes as they are, after gzip -9 and packed by our coders; zeros and bits of its
kernels; accuracy on all test images; the median latency of one image on one thread, as a ratio to the float file's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

RECIPES = ("prune_qat", "mnist_tiny")
TURNS = 7
HEAD = ("", "raw", "gzip", "packed", "zeros", "bits", "accuracy", "p50 of float's")
Images = tuple[np.ndarray, np.ndarray]


def images() -> Images:
    """The training images, from 0 to 1, and their labels."""
    with as_file(files("compressor_plugins.datasets.data").joinpath("mnist.npz")) as path, np.load(path) as arrays:
        return arrays["x_train"].astype("float32") / 255, arrays["y_train"]


def plain_tfmot(model: Any, data: Images, epochs: tuple[int, int]) -> bytes:
    """Prune to 82 %, train quantization-aware with the zeros kept, convert: tfmot's guide on combining the two.

    `epochs` are those of the two trainings; they, the batches and the zeros are as in `prune_qat`.
    """
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot
    from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.prune_preserve import (
        default_8bit_prune_preserve_quantize_scheme as scheme,
    )

    batch_size, how = 64, {"validation_split": 0.1, "verbose": 0}
    steps = int(np.ceil(len(data[0]) * 0.9 / batch_size)) * epochs[0]
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.5, 0.82, begin_step=0, end_step=steps)
    pruned = tfmot.sparsity.keras.prune_low_magnitude(model, pruning_schedule=schedule)
    compile_(pruned)
    pruned.fit(*data, batch_size, epochs[0], callbacks=[tfmot.sparsity.keras.UpdatePruningStep()], **how)
    annotated = tfmot.quantization.keras.quantize_annotate_model(tfmot.sparsity.keras.strip_pruning(pruned))
    quantized = tfmot.quantization.keras.quantize_apply(annotated, scheme.Default8BitPrunePreserveQuantizeScheme())
    compile_(quantized)
    quantized.fit(*data, batch_size, epochs[1], **how)
    converter = tf.lite.TFLiteConverter.from_keras_model(quantized)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return bytes(converter.convert())


def compile_(model: Any) -> None:
    """Compile as the guides do."""
    import tf_keras

    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])


def plain_quantizer(content: bytes, bits: int, data: Images) -> bytes:
    """litert-quantizer's own recipes: int8 with 300 images for the ranges of activations, or int4 weights."""
    from litert_quantizer import recipe
    from litert_quantizer.quantizer import Quantizer

    samples = [{"image": image[None]} for image in data[0][:300]]
    with redirect_stdout(sys.stderr):  # it prints sizes
        if bits == 4:
            return bytes(Quantizer(content, recipe.dynamic_wi4_afp32()).quantize().quantized_model)
        quantizer = Quantizer(content, recipe.static_wi8_ai8())
        ranges = quantizer.calibrate({"serving_default": samples})
        return bytes(quantizer.quantize(ranges).quantized_model)


def ours(recipe: str, baseline: Path, epochs: int | None, folder: Path) -> bytes:
    """What a recipe of ours ships, from the same baseline."""
    import compressor

    overrides = [f"model.source={baseline}", "model.with={}", "model.train=null"]
    if epochs is not None:
        steps = compressor.plan(recipe).steps
        trained = [step for step in steps if hasattr(step.strategy.params, "epochs")]
        overrides += [f"steps.{step.id}.with.epochs={epochs}" for step in trained]
    report, out = compressor.apply(recipe, overrides=overrides, output=folder / recipe, cache=folder / "cache")
    return (out / report.stages[-1].file).read_bytes()


def rows(epochs: int | None, recipes: list[str], folder: Path) -> Iterator[tuple[str, bytes]]:
    """Each way by name, and the file that it ships."""
    import compressor
    from compressor.models.files.tensorflow_setup import prepare_tensorflow

    overrides = [] if epochs is None else [f"model.train.epochs={epochs}"]
    compressor.apply("baseline", overrides=overrides, output=folder / "baseline", cache=folder / "cache")
    stages = folder / "baseline" / "stages"
    baseline, content = stages / "0-baseline.h5", (stages / "0-baseline.tflite").read_bytes()
    yield "float baseline", content
    data = images()
    prepare_tensorflow(0)
    import tensorflow as tf
    import tf_keras

    trained = (8, 3) if epochs is None else (epochs, epochs)
    converted = bytes(tf.lite.TFLiteConverter.from_keras_model(tf_keras.models.load_model(baseline)).convert())
    yield "tfmot: prune, QAT, convert", plain_tfmot(tf_keras.models.load_model(baseline), data, trained)
    for bits in (8, 4):
        yield f"litert-quantizer: int{bits}", plain_quantizer(converted, bits, data)
    for recipe in recipes:
        yield f"ours: {recipe}", ours(recipe, baseline, epochs, folder)


def measured(content: bytes, float_file: bytes) -> list[str]:
    """The cells of a row."""
    from compressor.contracts.configured_metric import ConfiguredMetric
    from compressor.measure.evaluation import measure
    from compressor.models.packing.package import is_package, pack, unpacked
    from compressor_plugins.datasets.mnist import MNIST
    from compressor_plugins.metrics.classification import Accuracy

    file = unpacked(content)
    found = measure(file, MNIST(MNIST.Params()).load().test, [ConfiguredMetric.of(Accuracy())])
    anatomy = found.anatomy
    packed = len(content if is_package(content) else pack(file))
    cells = [f"{len(file):,}", f"{anatomy.gzip_bytes:,}", f"{packed:,}", f"{anatomy.sparsity:.1%}"]
    return [
        *cells,
        f"{anatomy.weight_bits:.1f}",
        f"{found.scores['accuracy'].mean():.2%}",
        f"{time_ratio(file, float_file):.2f}",
    ]


def time_ratio(content: bytes, other: bytes) -> float:
    """The median seconds of one image, as a ratio to the other file's: the best of turns, as machines are shared."""
    from compressor.models.litert.running.interpreter import LiteRTModel

    sample = images()[0][:1]
    models = [LiteRTModel(content), LiteRTModel(other)]
    turns = [[model.latency(sample).p50 for model in models] for _ in range(TURNS)]
    mine, others = np.min(turns, axis=0)
    return float(mine / others)


def main() -> None:
    """Make every file, and print the table."""
    from compressor.recipe import shipped

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, help="of every training, to see that it works; figures mean nothing")
    parser.add_argument("--recipes", nargs="*", default=[name for name in RECIPES if name in shipped.names()])
    arguments = parser.parse_args()
    print(line(HEAD), flush=True)
    float_file = b""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in rows(arguments.epochs, arguments.recipes, Path(folder)):
            float_file = float_file or content
            print(
                line((name, *measured(content, float_file))), flush=True
            )  # a row as soon as it is there: all of them take half an hour


def line(cells: Sequence[str]) -> str:
    """One line of the table."""
    name, *rest = cells
    widths = (max(len(head), 7) for head in HEAD[1:])
    return "  ".join([name.ljust(26), *map(str.rjust, rest, widths)])


if __name__ == "__main__":
    main()
