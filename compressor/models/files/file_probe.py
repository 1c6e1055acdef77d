"""Reads a model file in a child process of `untrusted`, where a bad file does no harm; exits with 1 on a bad one."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from compressor.base.errors import ModelError
from compressor.models.library_errors import INTERPRETER_ERRORS

_MEMORY = 8 * 2**30
_KERAS_SECONDS, _LITERT_SECONDS = 20, 100


def main(kind: str, path: Path, known: Sequence[str] = ()) -> int:
    """Read a file, and print the code in it, or what is wrong with it."""
    seconds = _KERAS_SECONDS if kind == "keras" else _LITERT_SECONDS
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        if kind == "keras":
            from compressor.models.files.code_in_file import code_of

            print(json.dumps(code_of(path, known)))
        else:
            from compressor.models.litert.contents import dissect
            from compressor.models.packing.package import unpacked

            content = unpacked(path.read_bytes())
            dissect(content)
            _run(content)
    except ModelError as error:
        print(error.what)
        return 1
    except OSError as error:
        print(f"it cannot be read ({error.strerror or error})")
        return 1
    except MemoryError:
        print("it asks for more memory than there is")
        return 1
    return 0


def _run(content: bytes) -> None:
    import numpy as np

    from compressor.models.litert.interpreter import open_interpreter

    try:
        interpreter = open_interpreter(content, threads=1)
        interpreter.allocate_tensors()
        for details in interpreter.get_input_details():  # or it would run on whatever lies in memory
            if np.issubdtype(details["dtype"], np.number):
                interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
        interpreter.invoke()
    except INTERPRETER_ERRORS as error:
        raise ModelError(f"LiteRT cannot run it ({' '.join(str(error).split())[:200]})", "") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
