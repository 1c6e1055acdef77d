"""Runs a `.tflite` file on samples in a child process; prints what is wrong, and exits with 1, if it fails.

If its own files cannot be read, it prints the number of the error and the path, and exits with `UNREADABLE`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from compressor.base.errors import ModelError
from compressor.models.litert.interpreter import LiteRTModel, takes_many

UNREADABLE = 74  # as sysexits.h numbers an error of input or output
_SAMPLES_A_CALL = 64


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


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
