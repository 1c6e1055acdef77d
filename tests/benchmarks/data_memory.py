"""Peak memory of training, calibration and evaluation against the size of the data.

    python tests/benchmarks/data_memory.py [--budget 64] [--times 1 4 10] [--kinds npy images csv]

Each size is run in a process of its own. `--budget` is how many MB of samples may be held in memory (256 in the tool);
data of 1, 4 and 10 times that is written, and read as a recipe would: one epoch of training, 100 samples for
calibration, the test split in LiteRT, and the fingerprints. Beyond the budget, peak memory should not grow.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIDE = 64  # pixels; an image takes 12 kB as bytes


def write_npy(folder: Path, images: int) -> None:
    """Random images and labels, a piece at a time."""
    import numpy as np

    from compressor.data.npy_files import ArrayWriter

    generator = np.random.default_rng(0)
    for name, count in (("train", images), ("test", max(64, images // 10))):
        writer = ArrayWriter(folder / f"x_{name}.npy", np.dtype("uint8"), (SIDE, SIDE, 3))
        for start in range(0, count, 1000):
            size = min(1000, count - start)
            writer.add(generator.integers(0, 256, (size, SIDE, SIDE, 3), np.uint8))
        writer.close()
        np.save(folder / f"y_{name}.npy", generator.integers(0, 10, count))


def write_images(folder: Path, images: int) -> None:
    """JPEG files in class folders: a few different ones, under many names."""
    import numpy as np
    import tensorflow as tf

    generator = np.random.default_rng(0)
    encoded = [tf.io.encode_jpeg(generator.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).numpy() for _ in range(50)]
    for name, count in (("train", images), ("test", max(64, images // 10))):
        for kind in range(10):
            (folder / name / str(kind)).mkdir(parents=True)
        for number in range(count):
            (folder / name / str(number % 10) / f"{number}.jpg").write_bytes(encoded[number % 50])


def write_csv(folder: Path, images: int) -> None:
    """A table with a column for each of 192 pixels, as float32 as large as the images are as bytes."""
    import numpy as np

    columns = 192
    rows = images * SIDE * SIDE * 3 // (4 * columns)
    generator = np.random.default_rng(0)
    lines = [",".join(map(str, row)) for row in generator.integers(0, 256, (1000, columns))]
    for name, count in (("train", rows), ("test", max(64, rows // 10))):
        with (folder / f"{name}.csv").open("w") as stream:
            stream.write(",".join(f"p{i}" for i in range(columns)) + ",label\n")
            for number in range(count):
                stream.write(f"{lines[number % 1000]},{number % 10}\n")


WRITERS = {"npy": write_npy, "images": write_images, "csv": write_csv}


def child(kind: str, folder: Path, budget: int) -> None:
    """Train, calibrate and evaluate on the data in a folder; print the peak."""
    from compressor.base.path_or_function import Reference
    from compressor.data import samples
    from compressor.data.from_source import load_splits
    from compressor.data.prepared_splits import run_data
    from compressor.data.section import DataSection
    from compressor.models.files.tensorflow_setup import prepare_tensorflow

    samples.IN_MEMORY_BYTES = budget
    prepare_tensorflow(0)
    import tf_keras

    from compressor.models.litert.conversion.converter import to_litert
    from compressor.models.litert.running.interpreter import predictions

    start = time.perf_counter()
    options = {"csv": {"label": "label"}}.get(kind, {})
    splits = load_splits(Reference("path", str(folder), options), folder.parent / "cache")
    data = run_data(kind, splits, DataSection(source=kind), seed=0, smoke=False)
    opened = time.perf_counter() - start
    shape = data.train.samples.example[0].shape[1:]
    body = [tf_keras.layers.AveragePooling2D(8), tf_keras.layers.Flatten()] if len(shape) == 3 else []
    model = tf_keras.Sequential([tf_keras.layers.InputLayer(shape), *body, tf_keras.layers.Dense(10)])
    model.compile("sgd", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = _peak()
    start = time.perf_counter()
    model.fit(
        data.train.training_batches(128, 0, 0, 1), validation_data=data.validation.evaluation_batches(512), verbose=0
    )
    for _ in data.train.sample(100, 0).batches(1):
        pass
    for _ in predictions(to_litert(model), data.test):
        pass
    seconds = time.perf_counter() - start
    _ = data.training_fingerprint, data.test.fingerprint
    print(
        json.dumps(
            {"samples": data.train.size, "before": before, "peak": _peak(), "opened": opened, "seconds": seconds}
        )
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Write each size of data, run it, and print a row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--budget", type=int, default=64, help="MB of samples held in memory")
    parser.add_argument("--times", type=float, nargs="*", default=[0.25, 1, 4, 10])
    parser.add_argument("--kinds", nargs="*", choices=sorted(WRITERS), default=["npy", "images", "csv"])
    parser.add_argument("--child", nargs=3)
    arguments = parser.parse_args()
    if arguments.child:
        kind, folder, budget = arguments.child
        child(kind, Path(folder), int(budget))
        return
    budget = arguments.budget << 20
    print("| data | samples | data MB | MB after opening | peak MB | seconds to open | seconds to run |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for kind in arguments.kinds:
        for times in arguments.times:
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place) / "data"
                folder.mkdir()
                size = int(budget * times)
                WRITERS[kind](folder, size // (SIDE * SIDE * 3))
                command = [sys.executable, __file__, "--child", kind, str(folder), str(budget)]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    sys.exit(done.stderr)
                found = json.loads(done.stdout.splitlines()[-1])
            print(
                f"| {kind} | {found['samples']:,} | {size / 1e6:.0f} | {found['before'] / 1e6:.0f} "
                f"| {found['peak'] / 1e6:.0f} | {found['opened']:.1f} | {found['seconds']:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
