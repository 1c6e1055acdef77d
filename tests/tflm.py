"""Runs files in LiteRT for Microcontrollers, by the package tflite-micro, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.models.litert.format.flatbuffer import read_model

PYTHON = os.environ.get("TFLITE_MICRO_PYTHON", sys.executable)
"""The interpreter that has the package."""

_CHILD = """
import sys
import numpy as np
from tflite_micro.python.tflite_micro import runtime

path, arena, outputs, *inputs = sys.argv[1:]
model = runtime.Interpreter.from_file(path, arena_size=int(arena))
for index, name in enumerate(inputs):
    model.set_input(np.load(name), index)
model.invoke()
np.savez(path + ".npz", *(model.get_output(index) for index in range(int(outputs))))
model.print_allocations()
"""


@dataclass(frozen=True)
class Ran:
    """The outputs of a run, and what it took of the arena in bytes: head (tensors), tail (what stays), and in all."""

    outputs: list[NDArray[Any]]
    head: int
    tail: int
    total: int
    printed: str


def available() -> bool:
    """Whether the package is there."""
    command = [PYTHON, "-c", "from tflite_micro.python.tflite_micro import runtime"]
    return subprocess.run(command, capture_output=True, timeout=120).returncode == 0


def ran(content: bytes, inputs: Sequence[NDArray[Any]], arena: int = 64 << 20) -> Ran:
    """Run a file once; the inputs as its tensors hold them.

    Raises:
        RuntimeError: it cannot be run, or the arena is too small; with what LiteRT for Microcontrollers says.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(content)
        names = []
        for number, array in enumerate(inputs):
            names.append(str(Path(folder, f"{number}.npy")))
            np.save(names[-1], array)
        outputs = len(read_model(content).subgraphs[0].outputs)
        command = [PYTHON, "-c", _CHILD, str(path), str(arena), str(outputs), *names]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        with np.load(f"{path}.npz") as stored:
            made = [stored[name] for name in stored.files]
    sizes = [int(re.search(rf"{what} (\d+) bytes", done.stderr)[1]) for what in ("head", "tail", "total")]
    return Ran(made, *sizes, done.stderr)
