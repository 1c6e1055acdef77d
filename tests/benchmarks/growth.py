"""How time and memory grow with what a run gets: recipes, cache entries, steps, layers, rows, classes and image files.

    python tests/benchmarks/growth.py [--kinds recipes layers ...] [--scale 1.0]

Each kind is run at n, 2n and 4n, in processes of its own. The exponent is that of n in the part of the time that
grows, log2 of (t(4n) - t(2n)) / (t(2n) - t(n)), so that what every start costs falls out of it; it is left out where
the time hardly grows. Times are processor seconds, which a busy machine disturbs less than the clock.
Ends with code 1 if an exponent or the time of a kind with a limit is too high.
"""

import argparse
import json
import math
import os
import shutil
import struct
import sys
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("compressor"))
MOST = 1.2
LEAST_GROWTH = 0.4  # processor seconds from n to 4n, below which an exponent says nothing
SOURCES = """
def deep(layers=1, classes=10):
    import tf_keras

    keras = tf_keras.layers
    convolutions = [keras.Conv2D(4, 3, padding="same", activation="relu") for _ in range(layers)]
    ends = [keras.GlobalAveragePooling2D(), keras.Dense(classes, activation="softmax")]
    return tf_keras.Sequential([keras.Input((12, 12, 3)), *convolutions, *ends])


def dense():
    import tf_keras

    return tf_keras.Sequential([tf_keras.Input((20,)), tf_keras.layers.Dense(3, activation="softmax")])


def images(classes=10):
    import numpy as np

    generator = np.random.default_rng(0)

    def split(count):
        return generator.random((count, 12, 12, 3), np.float32), np.arange(count) % classes

    return {"train": split(max(256, 2 * classes)), "test": split(max(64, classes))}
"""


@dataclass(frozen=True)
class Kind:
    """What grows: the smallest of three sizes, and a function that prepares a folder and gives the command."""

    smallest: int
    prepare: object
    limit: float = math.inf  # processor seconds at the largest size
    rounds: int = 1  # of which the fastest counts


def run_of(folder, model, data, steps=()):
    """The command that runs a recipe in smoke mode."""
    (folder / "sources.py").write_text(SOURCES)
    recipe = {"version": 1, "model": {**model, "train": {"epochs": 1}}, "data": data, "steps": list(steps)}
    (folder / "recipe.yaml").write_text(json.dumps(recipe | {"training": {"batch_size": 32}}))
    return ["apply", "recipe.yaml", "--smoke", "--no-cache", "--quiet", "--output", "out"]


def recipes(folder, count):
    """Recipes of the size of the main job's, no two of them alike."""
    text = (Path(__file__).parents[2] / "recipes" / "prune_qat.yaml").read_text()
    for index in range(count):
        (folder / f"{index}.yaml").write_text(text.replace("6e-3", f"{6e-3 + index * 1e-7:.7f}"))
    return ["validate", *(f"{index}.yaml" for index in range(count))]


def entries(folder, count):
    """A cache with this many entries and notes, and a recipe to plan with it."""
    for index in range(count):
        key = f"{index:04x}".ljust(64, "0")
        for kind in ("step", "notes"):
            path = folder / "cache" / kind / key[:2] / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"0" * 1000)
    return ["plan", "prune_qat"]


def steps(folder, count):
    """Short trainings, one after the other."""
    trainings = [{"uses": "train", "with": {"epochs": 1}}] * count
    return run_of(folder, {"source": "./sources.py:deep"}, {"source": "./sources.py:images"}, trainings)


def layers(folder, count):
    """Convolutions, one after the other, which are pruned, trained with fake quantization, and quantized."""
    model = {"source": "./sources.py:deep", "with": {"layers": count}}
    chain = [{"uses": "prune", "with": {"final_sparsity": 0.5, "epochs": 1}}, {"uses": "qat"}, {"uses": "ptq"}]
    return run_of(folder, model, {"source": "./sources.py:images"}, chain)


def rows(folder, count):
    """A table of 20 columns of numbers and a label."""
    names = [f"column_{index}" for index in range(20)]
    numbers = ",".join(f"0.{index + 10}" for index in range(20))
    table = "\n".join([",".join([*names, "label"]), *(f"{numbers},{index % 3}" for index in range(count))])
    (folder / "table.csv").write_text(table)
    return run_of(folder, {"source": "./sources.py:dense"}, {"source": "table.csv", "with": {"label": "label"}})


def classes(folder, count):
    """Classes, each with three samples."""
    names = {"with": {"classes": count}}
    return run_of(folder, {"source": "./sources.py:deep", **names}, {"source": "./sources.py:images", **names})


def files(folder, count):
    """An image folder of ten classes."""
    content = _png(bytes(range(256)) * 2)
    for index in range(count):
        path = folder / "images" / f"class_{index % 10}" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return run_of(folder, {"source": "./sources.py:deep"}, {"source": "./images"})


def _png(values):
    """An image of 12 by 12 pixels in color."""
    lines = b"".join(b"\0" + values[12 * line : 12 * line + 36] for line in range(12))
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", 12, 12, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(lines), b"IEND")
    framed = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


KINDS = {
    "recipes": Kind(250, recipes, limit=3.0, rounds=5),
    "entries": Kind(1250, entries, limit=1.0, rounds=3),
    "steps": Kind(4, steps),
    "layers": Kind(15, layers),
    "rows": Kind(50_000, rows),
    "classes": Kind(500, classes),
    "files": Kind(2000, files),
}


def measured(prepare, count):
    """Processor seconds and peak memory in bytes of a command for this many."""
    with tempfile.TemporaryDirectory(prefix="growth-") as name:
        folder = Path(name)
        command = [COMMAND, *prepare(folder, count)]
        environment = {**os.environ, "COMPRESSOR_CACHE": str(folder / "cache")}
        child = os.fork()
        if child == 0:
            os.chdir(folder)
            log = os.open("log", os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.execve(COMMAND, command, environment)
        _, status, usage = os.wait4(child, 0)
        if status:
            raise SystemExit(f"{' '.join(command)[:200]} failed:\n{(folder / 'log').read_text()[-2000:]}")
        shutil.rmtree(folder / "out", ignore_errors=True)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def fastest(kind, count):
    """Processor seconds of the fastest of the kind's rounds, and the highest peak memory in bytes."""
    times, peaks = zip(*(measured(kind.prepare, count) for _ in range(kind.rounds)), strict=True)
    return min(times), max(peaks)


def exponent(times):
    """The exponent of n in what grows of the times at n, 2n and 4n; None where they hardly grow."""
    one, two, four = times
    if four - one < LEAST_GROWTH or two <= one or four <= two:
        return None
    return math.log2((four - two) / (two - one))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes")
    chosen = parser.parse_args()
    failed = False
    print("kind        n         seconds at n, 2n, 4n       MB at n, 2n, 4n     exponent")
    for name in chosen.kinds:
        kind = KINDS[name]
        smallest = max(1, round(kind.smallest * chosen.scale))
        times, peaks = zip(*(fastest(kind, smallest * factor) for factor in (1, 2, 4)), strict=True)
        power = exponent(times)
        too_much = (power is not None and power > MOST) or (chosen.scale >= 1 and times[-1] > kind.limit)
        failed |= too_much
        seconds, memory = (" ".join(f"{value:8.2f}" for value in times), " ".join(f"{p / 1e6:6.0f}" for p in peaks))
        shown = "hardly grows" if power is None else f"{power:.2f}"
        print(f"{name:10} {smallest:7,}  {seconds}   {memory}     {shown}{' TOO MUCH' * too_much}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
