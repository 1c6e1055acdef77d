"""The arena of files as the tool plans it, beside what LiteRT for Microcontrollers takes.

    python tests/benchmarks/arena.py [FILE ...]    by default eleven small nets; takes a minute

Needs the package tflite-micro, which may be in another environment: TFLITE_MICRO_PYTHON names its interpreter. It runs
on this machine, so pointers have 8 bytes. Head is what tensors take, tail what stays. Ends with 1 if one of them is off
by more than 5 %, or if an output differs in any bit from that of LiteRT's reference kernels on noise.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

MOST = 0.05  # share that a figure may be off by


def dense(layers: Any) -> Any:
    """Three dense layers."""
    x = inputs = layers.Input((64,))
    for units in (48, 32):
        x = layers.Dense(units, activation="relu")(x)
    return inputs, layers.Dense(10, activation="softmax")(x)


def residual(layers: Any) -> Any:
    """Two blocks of a ResNet."""
    x = inputs = layers.Input((24, 24, 3))
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    for _ in range(2):
        block = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
        x = layers.ReLU()(layers.Add()([x, layers.Conv2D(16, 3, padding="same")(block)]))
    return inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x))


def tcn(layers: Any) -> Any:
    """Dilated convolutions over time."""
    x = inputs = layers.Input((64, 8))
    for dilation in (1, 2, 4):
        x = layers.Conv1D(16, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
    return inputs, layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling1D()(x))


def pooling(layers: Any) -> Any:
    """Poolings of both kinds, a mean, a sigmoid and a softmax."""
    x = inputs = layers.Input((32, 32, 1))
    x = layers.MaxPooling2D()(layers.Conv2D(8, 3, padding="same", activation="relu6")(x))
    x = layers.AveragePooling2D()(layers.Conv2D(16, 3, padding="same", activation="sigmoid")(x))
    return inputs, layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x))


def transposed(layers: Any) -> Any:
    """A transposed convolution."""
    x = inputs = layers.Input((12, 12, 2))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    return inputs, layers.Conv2DTranspose(4, 2, strides=2)(x)


def nets() -> Iterator[tuple[str, bytes]]:
    """Files of each kind, by what they are."""
    import tf_keras
    from family_models import efficientnet, mobilenet, small_cnn, unet

    from compressor.models.files.tensorflow_setup import prepare_tensorflow
    from compressor.models.litert.conversion.converter import Conversion, to_litert

    prepare_tensorflow(0)
    for build, precision in (
        (dense, "int8"), (small_cnn, "int8"), (mobilenet, "int8"), (residual, "int8"), (unet, "int8"), (tcn, "int8"),
        (pooling, "int8"), (efficientnet, "int8"), (transposed, "int8"), (small_cnn, "int16x8"), (residual, "float32"),
    ):  # fmt: skip
        tf_keras.backend.clear_session()
        tf_keras.utils.set_random_seed(0)
        model = tf_keras.Model(*build(tf_keras.layers))
        samples = np.random.default_rng(0).random((8, *model.input_shape[1:])).astype(np.float32)
        options = {} if precision == "float32" else {"calibration": (sample[None] for sample in samples)}
        yield f"{build.__name__} {precision}", to_litert(model, Conversion(precision, **options))


def row(name: str, content: bytes) -> tuple[str, float]:
    """The row of a file in the table, and by which share the figure is off that is off most."""
    from tflm import ran

    from compressor.models.litert.reading.graph_contents import main_graph_of
    from compressor.models.micro.arena import plan_arena
    from compressor.models.micro.sample_vector import sample_vector

    ends = main_graph_of(content).inputs
    shapes = [[size or 1 for size in end.shape] for end in ends]
    noise = [np.random.default_rng(1).random(shape).astype(np.float32) for shape in shapes]
    vector = sample_vector(
        content, noise[0] if len(ends) == 1 else {e.name: x for e, x in zip(ends, noise, strict=True)}
    )
    inputs = [
        np.frombuffer(stored, end.dtype).reshape(shape)
        for stored, end, shape in zip(vector.inputs, ends, shapes, strict=True)
    ]
    found, arena = ran(content, inputs), plan_arena(content, pointer=8)
    same = [array.tobytes() for array in found.outputs] == list(vector.outputs)
    pairs = [
        (arena.tensor_bytes, found.head),
        (arena.persistent_bytes, found.tail),
        (arena.tensor_bytes + arena.persistent_bytes, found.total),
    ]
    off = [planned / real - 1 for planned, real in pairs]
    cells = [f"{planned:,} / {real:,} ({share:+.1%})" for (planned, real), share in zip(pairs, off, strict=True)]
    peak = arena.peak.title if arena.peak else ""
    text = f"| {name} | {' | '.join(cells)} | {peak} | {'same' if same else 'OTHER'} |"
    return text, max(map(abs, off)) if same else 1.0


def main() -> int:
    """Print the table."""
    print(f"| file | head: planned / real | tail | both | peak | outputs |\n{'| --- ' * 6}|")
    paths = [Path(path) for path in sys.argv[1:]]
    files = ((path.name, path.read_bytes()) for path in paths) if paths else nets()
    worst = 0.0
    for name, content in files:
        text, off = row(name, content)
        worst = max(worst, off)
        print(text, flush=True)
    print(f"\nmost off: {worst:.1%}")
    return int(worst > MOST)


if __name__ == "__main__":
    sys.exit(main())
