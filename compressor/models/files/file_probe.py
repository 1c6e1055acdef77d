"""Reads a model file in a child process of `untrusted`, where a bad file does no harm; exits with 1 on a bad one."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from compressor.base.errors import CompressorError, ModelError
from compressor.base.file_limits import MEMORY_VARIABLE, chosen_seconds, content_of, probe_memory
from compressor.base.sizes import format_size
from compressor.base.text import shortened
from compressor.models.library_errors import INTERPRETER_ERRORS
from compressor.models.litert.open_sizes import open_inputs

_KERAS_SECONDS, _LITERT_SECONDS = 20, 100
_OPEN_SIZES = (1, 32, 224)
"""What a file that leaves sizes of its inputs open is tried with."""
_LITERT_REMEDY = "convert it with LiteRT's own operators alone"


def main(kind: str, path: Path, known: Sequence[str] = ()) -> int:
    """Read a file, and print the names in it that are on no list, or what is wrong with it and what to do, as JSON.

    Args:
        kind: "keras" to look for code, "trusted" to check as well that this Python can run it, "litert" to run a file.
        path: of the file.
        known: names of objects that Keras is given.
    """
    seconds = chosen_seconds(_LITERT_SECONDS if kind == "litert" else _KERAS_SECONDS)
    memory = probe_memory(path.stat().st_size)
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        if kind != "litert":
            from compressor.models.files.code_in_file import names_in

            print(json.dumps(asdict(names_in(path, known, trusted=kind == "trusted"))))
        else:
            from compressor.models.litert.allowed_operators import unlisted_operators
            from compressor.models.litert.contents import dissect
            from compressor.models.packing.package import unpacked

            content = unpacked(content_of(path))
            dissect(content)
            if unlisted := unlisted_operators(content):
                names = ", ".join(map(repr, unlisted))
                return _told(f"it holds operators that may do more than compute ({names})", _LITERT_REMEDY)
            return _run(content)
    except CompressorError as error:
        damaged = kind == "litert" and isinstance(error, ModelError) and MEMORY_VARIABLE not in error.remedy
        return _told(error.what, "" if damaged else error.remedy)
    except OSError as error:
        return _told(f"it cannot be read ({error.strerror or error})", "check its disk and its permissions")
    except MemoryError:
        what = f"reading it takes more than {format_size(memory)} of memory"
        return _told(what, f"if you know where it comes from, set {MEMORY_VARIABLE} to more")
    return 0


def _told(what: str, remedy: str = "") -> int:
    print(json.dumps([what, remedy]))
    return 1


def _run(content: bytes) -> int:
    import numpy as np

    from compressor.models.litert.interpreter import open_interpreter

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
            return 0
    if leaves_open:
        sizes = ", ".join(map(str, _OPEN_SIZES))
        what = f"it leaves sizes of its inputs open, and LiteRT runs it with none of {sizes} in their place ({reason})"
        return _told(what, "convert it with fixed sizes")
    return _told(f"LiteRT cannot run it ({reason})")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
