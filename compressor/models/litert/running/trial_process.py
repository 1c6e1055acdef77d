"""Tries a `.tflite` file in a child process, which a crash of native code may end: on samples, or on zeros.

As a program, it prints what is wrong, and exits with 1, if the file fails on samples. If its own files cannot be read,
it prints the number of the error and the path, and exits with `UNREADABLE`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from compressor.base.errors import ModelError
from compressor.base.text import shortened
from compressor.models.library_errors import INTERPRETER_ERRORS
from compressor.models.litert.reading.open_sizes import open_inputs
from compressor.models.litert.running.interpreter import LiteRTModel, open_interpreter, takes_many

UNREADABLE = 74  # as sysexits.h numbers an error of input or output
_SAMPLES_A_CALL = 64
_OPEN_SIZES = (1, 32, 224)
"""The sizes that a file is tried with in place of those that its inputs leave open."""


def main(folder: Path) -> int:
    """Run `model.tflite` of a folder on the arrays of `samples.npz`, which `names.json` names if there are several."""
    try:
        content = (folder / "model.tflite").read_bytes()
        model = LiteRTModel(content)
        with np.load(folder / "samples.npz") as arrays:
            names = json.loads((folder / "names.json").read_text()) or [end.name for end in model.inputs]
            samples = dict(zip(names, arrays.values(), strict=True))
        several = takes_many(content, {name: array[:2] for name, array in samples.items()})
        size = _SAMPLES_A_CALL if several else 1
        for start in range(0, len(next(iter(samples.values()))), size):
            model.run({name: array[start : start + size] for name, array in samples.items()})
    except ModelError as error:
        print(error.what)
        return 1
    except OSError as error:
        print(f"{error.errno or 0} {error.filename or folder}")
        return UNREADABLE
    return 0


def failure_on_zeros(content: bytes) -> tuple[str, str] | None:
    """Run a file on zeros: the fault and the remedy if LiteRT fails, None if it runs.

    A file that leaves sizes of its inputs open is tried with several.
    """
    leaves_open = bool(open_inputs(content))
    for size in _OPEN_SIZES if leaves_open else (1,):
        try:
            interpreter = open_interpreter(content, threads=1)
            for details in interpreter.get_input_details() if leaves_open else ():
                shape = np.where(details["shape_signature"] < 0, size, details["shape"])
                interpreter.resize_tensor_input(details["index"], [*details["shape"][:1], *shape[1:]])
            interpreter.allocate_tensors()
            for details in interpreter.get_input_details():  # or it would run on whatever lies in memory
                if np.issubdtype(details["dtype"], np.number):
                    interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
            interpreter.invoke()
        except INTERPRETER_ERRORS as error:
            reason = shortened(str(error), 200)
        else:
            return None
    if leaves_open:
        sizes = ", ".join(map(str, _OPEN_SIZES))
        what = f"it leaves sizes of its inputs open, and LiteRT runs it with none of {sizes} in their place ({reason})"
        return what, "convert it with fixed sizes"
    return f"LiteRT cannot run it ({reason})", ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
