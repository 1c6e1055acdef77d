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

_KERAS_SECONDS, _LITERT_SECONDS = 20, 100
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
            from compressor.models.litert.reading.allowed_operators import DEVICE_OPERATORS, unlisted_operators
            from compressor.models.litert.reading.contents import dissect
            from compressor.models.litert.running.trial_process import failure_on_zeros
            from compressor.models.packing.package import unpacked

            content = unpacked(content_of(path))
            dissect(content)
            if unlisted := unlisted_operators(content):
                names = ", ".join(map(repr, unlisted))
                if DEVICE_OPERATORS.issuperset(unlisted):
                    return _told(f"only a microcontroller runs it ({names})", "give the file that it was exported from")
                return _told(f"it holds operators that may do more than compute ({names})", _LITERT_REMEDY)
            failure = failure_on_zeros(content)
            return _told(*failure) if failure else 0
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
