"""What each way of storing weights costs in the file that runs, not in a package, and which runtime runs it.

    python tests/benchmarks/coded_weights.py    takes two minutes

One trained `mnist_cnn` of 20,410 weights is quantized, pruned and clustered by recipes. Each is run in LiteRT, and
in LiteRT for Microcontrollers by the package tflite-micro, which may be in another environment: TFLITE_MICRO_PYTHON
names its interpreter. A time is that of a call there, with its reference kernels on this machine, as a share of the
int8 file's.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from tflm import PYTHON, available

import compressor
from compressor.models.litert import LiteRTModel, shrunk, without_zeros
from compressor.models.micro.decoded_weights import with_decoded_weights

PRUNE = {"uses": "prune", "with": {"final_sparsity": 0.8, "epochs": 3}}
CLUSTER = {"uses": "cluster", "with": {"number_of_clusters": 16, "epochs": 1}}
DROP = {"uses": "slim", "with": {"zeros": "drop"}}
WAYS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "float32": (),
    "float16": ({"uses": "ptq", "with": {"precision": "float16"}},),
    "int8": ({"uses": "ptq"},),
    "int8, computed in float": ({"uses": "ptq", "with": {"precision": "dynamic"}},),
    "int4": ({"uses": "ptq", "with": {"precision": "int4"}},),
    "int2": ({"uses": "ptq", "with": {"precision": "int2"}},),
    "80 % zeros, float32": (PRUNE,),
    "80 % zeros, int8": (PRUNE, {"uses": "ptq"}),
    "80 % zeros, float16, zeros left out": (PRUNE, {"uses": "ptq", "with": {"precision": "float16"}}, DROP),
    "16 clusters, float32": (CLUSTER,),
    "16 clusters, int8": (CLUSTER, {"uses": "ptq"}),
}
TIMED = """
import sys, time
import numpy as np
from tflite_micro.python.tflite_micro import runtime
path, sample = sys.argv[1:]
model = runtime.Interpreter.from_file(path, arena_size=4 << 20)
times = []
for _ in range(200):
    model.set_input(np.load(sample), 0)
    start = time.perf_counter()
    model.invoke()
    times.append(time.perf_counter() - start)
print(np.median(times))
"""


def files(folder: Path) -> Iterator[tuple[str, bytes, float | None]]:
    """The files: how the weights are stored, the bytes, and the accuracy where a report has it."""
    made: dict[str, bytes] = {}
    for name, steps in WAYS.items():
        recipe = {
            "version": 1,
            "name": "stored",
            "model": {"source": "mnist_cnn", "train": {"epochs": 3}},
            "data": {"source": "mnist"},
            "steps": steps,
        }
        out = folder / f"run {len(made)}"
        report, _ = compressor.apply(recipe, output=out, cache=folder / "cache")
        made[name] = shrunk((out / "model.tflite").read_bytes(), True, True)
        yield name, made[name], report.stages[-1].metrics["accuracy"].value
    yield "80 % zeros, float32, zeros left out", shrunk(without_zeros(made["80 % zeros, float32"])[0]), None
    for name in ("int8", "80 % zeros, int8", "16 clusters, int8", "80 % zeros, float32", "16 clusters, float32"):
        content, coded = with_decoded_weights(made[name])
        ways = ", ".join(sorted({each.method for each in coded}))
        yield f"{name}, DECODE ({ways})", content, None


def in_litert(content: bytes, sample: np.ndarray) -> bool:
    """Whether LiteRT runs it."""
    try:
        LiteRTModel(content).run(sample)
    except (compressor.CompressorError, RuntimeError, ValueError):
        return False
    return True


def in_tflm(content: bytes, sample: np.ndarray, folder: Path) -> float | None:
    """The seconds of a call in LiteRT for Microcontrollers; None if it does not run there."""
    (folder / "m.tflite").write_bytes(content)
    np.save(folder / "x.npy", sample)
    command = [PYTHON, "-c", TIMED, str(folder / "m.tflite"), str(folder / "x.npy")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return float(done.stdout) if done.returncode == 0 else None


def main() -> None:
    """Print a row for each file."""
    if not available():
        sys.exit("pip install tflite-micro, which has wheels for Python 3.11; TFLITE_MICRO_PYTHON names another one")
    sample = np.zeros((1, 28, 28), np.float32)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for title, content, accuracy in files(Path(name)):
            seconds = in_tflm(content, sample, Path(name))
            rows.append(
                (title, len(content), len(gzip.compress(content, 9)), accuracy, in_litert(content, sample), seconds)
            )
    base = next(seconds for title, *_, seconds in rows if title == "int8")
    print("| weights | bytes | gzip -9 | accuracy | LiteRT | TFLM: time |")
    print("| --- | --- | --- | --- | --- | --- |")
    for title, size, zipped, accuracy, runs, seconds in rows:
        shown = f"{100 * accuracy:.2f} %" if accuracy is not None else ""
        micro = f"{seconds / base:.2f}" if seconds and base else "no"
        print(f"| {title} | {size:,} | {zipped:,} | {shown} | {'yes' if runs else 'no'} | {micro} |")


if __name__ == "__main__":
    main()
