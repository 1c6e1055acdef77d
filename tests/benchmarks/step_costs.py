"""Seconds and peak memory of each step by the size of the model, and how fast both grow.

    python tests/benchmarks/step_costs.py [--sizes 6 24 96]
    python tests/benchmarks/step_costs.py --applications MobileNetV2 EfficientNetV2B0 ResNet50

The nets are one convolution and one large dense layer, with weights of so many MB in float32, or those of Keras with
random weights, on images of 224 x 224. Each step runs in a process of its own with `--smoke`, a few samples and
training steps, after those before it have come from the cache: what is measured is what the size of the model costs
and not how long a training is. Goal: no exponent above 1.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

CHAIN = ("prune", "qat", "ptq", "slim", "pack")
CHAINS = tuple(CHAIN[:end] for end in range(len(CHAIN) + 1))
ALONE = ("cluster", "low_rank", "prune_channels")
RUN = """
import json, resource, sys, time
import tensorflow  # both are read before, since they do not depend on the model
import compressor
recipe, folder, cache = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
report, _ = compressor.apply(recipe, output=folder, cache=cache, smoke=True)
seconds = time.perf_counter() - start
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({"seconds": seconds, "peak": 1024 * peak, "before": 1024 * before, "bytes": report.stages[-1].bytes}))
"""
_PARAMETERS = {"low_rank": {"parameters": 0.6}, "prune_channels": {"parameters": 0.7}}


def write_net(path: Path, megabytes: int) -> None:
    """A Keras model with random weights."""
    code = f"""
import tf_keras
from tf_keras import layers
tf_keras.utils.set_random_seed(0)
tf_keras.Sequential([
    layers.InputLayer((28, 28), name="image"), layers.Reshape((28, 28, 1)),
    layers.Conv2D(16, 3, 2, "same", activation="relu", name="conv"), layers.Flatten(),
    layers.Dense({(megabytes * 250_000 - 10_000) // (14 * 14 * 16 + 10)}, "relu", name="wide"),
    layers.Dense(10, name="head"),
]).save({str(path)!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def write_application(path: Path, name: str) -> None:
    """A net of `keras.applications` with random weights."""
    code = f"""
import tf_keras
tf_keras.utils.set_random_seed(0)
tf_keras.applications.{name}(weights=None, classes=10).save({str(path)!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def write_images(path: Path) -> None:
    """Noise of ten classes: 64 images to train on and 32 to measure with."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (96, 224, 224, 3), dtype=np.uint8)
    labels = np.arange(96) % 10
    np.savez(path, x_train=images[:64], y_train=labels[:64], x_test=images[64:], y_test=labels[64:])


def measured(net: Path, steps: Sequence[str], data: str, folder: Path) -> dict[str, float]:
    """The last of these steps: seconds, peak memory and bytes of its file."""
    entries = [{"uses": step, "with": _PARAMETERS.get(step, {})} for step in steps]
    recipe = {
        "version": 1,
        "name": "sized",
        "model": {"source": str(net)},
        "data": {"source": data},
        "steps": entries,
    }
    out = folder / f"out-{net.stem}-{'-'.join(steps) or 'baseline'}"
    command = [sys.executable, "-c", RUN, json.dumps(recipe), str(out), str(folder / "cache")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{net.stem}, {', '.join(steps)}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The power of the size by which a figure grows from the smallest to the largest."""
    return math.log(values[-1] / values[0]) / math.log(sizes[-1] / sizes[0])


def print_growth(sizes: Sequence[int], folder: Path) -> None:
    """A row for each step: seconds, memory beyond what the libraries take, and the exponents of both."""
    for size in sizes:
        write_net(folder / f"{size}.h5", size)
    listed = ", ".join(map(str, sizes))
    print(f"step           | seconds at {listed} MB | exponent | GB beyond the libraries' | exponent")
    for steps in (*CHAINS, *((step,) for step in ALONE)):
        rows = [measured(folder / f"{size}.h5", steps, "mnist", folder) for size in sizes]
        seconds = [row["seconds"] for row in rows]
        memory = [(row["peak"] - row["before"]) / 1e9 for row in rows]
        print(
            f"{named(steps):14} | {', '.join(f'{each:.1f}' for each in seconds)} | {exponent(sizes, seconds):.2f}"
            f" | {', '.join(f'{each:.2f}' for each in memory)} | {exponent(sizes, memory):.2f}",
            flush=True,
        )


def print_applications(names: Sequence[str], folder: Path) -> None:
    """A row for each step of each net: seconds, memory beyond what the libraries take, and bytes of the file."""
    write_images(folder / "images.npz")
    print("net              | step     | seconds | GB beyond the libraries' | bytes")
    for name in names:
        write_application(folder / f"{name}.h5", name)
        for steps in CHAINS:
            row = measured(folder / f"{name}.h5", steps, str(folder / "images.npz"), folder)
            memory = (row["peak"] - row["before"]) / 1e9
            print(
                f"{name:16} | {named(steps):8} | {row['seconds']:7.1f} | {memory:24.2f} | {row['bytes']:,}", flush=True
            )


def named(steps: Sequence[str]) -> str:
    return steps[-1] if steps else "baseline"


def main() -> None:
    """Measure the nets of the sizes that are asked for, or those of Keras."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[6, 24, 96], help="MB of weights in float32")
    parser.add_argument("--applications", nargs="+", help="nets of keras.applications instead")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if arguments.applications:
            print_applications(arguments.applications, Path(name))
        else:
            print_growth(sorted(arguments.sizes), Path(name))


if __name__ == "__main__":
    main()
