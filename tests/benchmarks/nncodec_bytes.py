"""Bytes of the same int8 tensors as `pack` and as NNCodec code them: the ISO standard NNC, whose coder is DeepCABAC.

    python tests/benchmarks/nncodec_bytes.py --nncodec PYTHON [--samples 6000] [--epochs 2] [--nets lenet_5 ...]

PYTHON is an interpreter of an environment of its own, in which NNCodec is installed (`pip install nncodec torch`). Six
nets are trained on MNIST for a short time, and their kernels are rounded to int8 with a scale for each output, as they
are, and with four fifths of the weights of each kernel pruned. Both coders get the same matrices of outputs x inputs,
by name, and what NNCodec decodes is compared with them. `weights` are the bytes of `pack` for the weights alone, and
`package` those of a whole package of a LiteRT file with these tensors, their shapes and names, as they are in the
bitstream of NNCodec, of which the smallest is taken that its settings give.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SETTINGS = [{"use_dq": False, "param_opt": optimized} for optimized in (True, False)]
PRUNED = 0.8


def coded_by_nncodec(path: Path) -> None:
    """Print the bytes of the bitstream of each set of tensors in a file; it runs where NNCodec is installed."""
    from nncodec.nn import decode, encode

    found: dict[str, int] = {}
    with np.load(path) as stored, tempfile.TemporaryDirectory() as folder:
        sets: dict[str, dict[str, np.ndarray]] = {}
        for key in stored.files:
            title, name = key.split("|")
            sets.setdefault(title, {})[name] = stored[key].astype(np.int32)
        for title, tensors in sets.items():
            for settings in SETTINGS:
                bits = encode(dict(tensors), {**settings, "verbose": False, "results": folder})
                decoded = decode(bits)
                if all(np.array_equal(decoded[name], tensors[name]) for name in tensors):
                    found[title] = min(found.get(title, len(bits)), len(bits))
    print(json.dumps(found))


def nets() -> dict:
    """Functions that build the nets, for images of 28 x 28, by their names."""
    import tf_keras
    from tf_keras import layers

    from compressor_plugins.models.lenet import LeNet5, LeNet300100
    from compressor_plugins.models.mnist_cnn import MNISTCNN
    from compressor_plugins.models.mobilenet_small import MobileNetSmall

    def recurrent() -> tf_keras.Model:
        parts = [layers.LSTM(96, return_sequences=True), layers.LSTM(96), layers.Dense(10)]
        return tf_keras.Sequential([layers.InputLayer((28, 28)), *parts])

    def residual() -> tf_keras.Model:
        image = tf_keras.Input((28, 28))
        values = layers.Reshape((28, 28, 1))(image)
        values = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(values)
        for channels in (16, 32, 64):
            inside = layers.Conv2D(channels, 3, strides=1 + (channels > 16), padding="same", use_bias=False)(values)
            inside = layers.Activation("relu")(layers.BatchNormalization()(inside))
            inside = layers.Conv2D(channels, 3, padding="same", use_bias=False)(inside)
            inside = layers.BatchNormalization()(inside)
            if channels > 16:
                values = layers.Conv2D(channels, 1, strides=2)(values)
            values = layers.Activation("relu")(layers.Add()([values, inside]))
        return tf_keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(values)))

    ours = {
        "lenet_5": LeNet5, "lenet_300_100": LeNet300100, "mnist_cnn": MNISTCNN, "mobilenet_small": MobileNetSmall,
    }  # fmt: skip
    built = {name: lambda source=source: source(source.Params()).build() for name, source in ours.items()}
    return {**built, "lstm": recurrent, "resnet": residual}


def trained_kernels(build: object, samples: int, epochs: int) -> dict[str, np.ndarray]:
    """The kernels of a net, each as a matrix of outputs x inputs in the order of LiteRT, and by name."""
    import tf_keras

    from compressor_plugins.datasets.mnist import MNIST

    train = MNIST(MNIST.Params()).load().train
    tf_keras.utils.set_random_seed(0)
    model = build()
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(tf_keras.optimizers.Adam(2e-3), loss)
    images = train.samples.inputs[:samples].astype(np.float32) / 255
    model.fit(images, train.labels()[:samples], batch_size=64, epochs=epochs, verbose=0)
    found = {}
    for weight in model.trainable_weights:
        values, name = weight.numpy(), weight.name.split(":")[0].replace("|", "/")
        if values.ndim < 2:
            continue
        depthwise = "depthwise" in name.split("/")[-1]
        found[name] = values.reshape(-1, values.shape[-2]) if depthwise else values.reshape(-1, values.shape[-1]).T
    return found


def rounded(matrix: np.ndarray, pruned: float) -> np.ndarray:
    """The matrix in int8, with a scale for each row, and with its least weights zero."""
    kept = np.abs(matrix) >= np.quantile(np.abs(matrix), pruned)
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    return np.where(kept, np.round(matrix / np.where(largest > 0, largest, 1) * 127), 0).astype(np.int8)


def packed(tensors: dict[str, np.ndarray]) -> int:
    """Bytes of the package of a LiteRT file with these tensors."""
    from compressor.models.litert.format.flatbuffer import read_model
    from compressor.models.litert.format.flatbuffer_nodes import Reference, References, Table, Text, Vector
    from compressor.models.litert.format.flatbuffer_writer import compact, laid_out
    from compressor.models.packing.package import pack

    nodes: list = []

    def added(node: object) -> Reference:
        nodes.append(node)
        return Reference(len(nodes) - 1)

    held, buffers = [], [added(Table(()))]
    for number, (name, matrix) in enumerate(tensors.items()):
        shape = added(Vector(4, np.array(matrix.shape, "<i4").tobytes()))
        text, place = added(Text(name.encode())), (number + 1).to_bytes(4, "little")
        held.append(added(Table(((0, shape), (1, bytes([9])), (2, place), (3, text)))))
        buffers.append(added(Table(((0, added(Vector(1, matrix.tobytes()))),))))
    graph = added(References((added(Table(((0, added(References(tuple(held)))),))),)))
    added(Table(((0, (3).to_bytes(4, "little")), (2, graph), (4, added(References(tuple(buffers)))))))
    return len(pack(compact(read_model(laid_out(nodes))), "model"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nncodec", type=Path, help="a Python in whose environment NNCodec is installed")
    parser.add_argument("--samples", type=int, default=6000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--nets", nargs="*")
    parser.add_argument("--code", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.code:
        coded_by_nncodec(arguments.code)
        return
    if not arguments.nncodec:
        parser.error("--nncodec is missing: the Python of an environment in which NNCodec is installed")
    from compressor.models.packing import weights_size

    sets = {}
    for name, build in nets().items():
        if arguments.nets and name not in arguments.nets:
            continue
        kernels = trained_kernels(build, arguments.samples, arguments.epochs)
        for title, share in ((name, 0.0), (f"{name}, pruned", PRUNED)):
            sets[title] = {of: rounded(matrix, share) for of, matrix in kernels.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tensors.npz"
        np.savez(path, **{f"{title}|{name}": values for title, set_ in sets.items() for name, values in set_.items()})
        command = [arguments.nncodec, __file__, "--code", path]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        sys.exit(f"NNCodec failed:\n{done.stderr}")
    theirs = json.loads(done.stdout.splitlines()[-1])
    print("| tensors | weights | NNCodec | weights of `pack` | package | ratio | ratio of the package |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for title, tensors in sets.items():
        alone, whole = weights_size(tensors.values()), packed(tensors)
        count, other = sum(values.size for values in tensors.values()), theirs[title]
        ratios = f"{alone / other:.3f} | {whole / other:.3f}"
        print(f"| {title} | {count:,} | {other:,} | {alone:,} | {whole:,} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()
