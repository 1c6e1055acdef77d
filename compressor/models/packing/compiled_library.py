"""The compiled part of the coders, made of the sources in `native/`, where the installation could build it."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from compressor.models.packing.arithmetic_coder import tables

WITHOUT_VARIABLE = "COMPRESSOR_WITHOUT_COMPILED"
_FOLDER, _NAME = Path(__file__).parent / "native", "_compiled"  # no package, so that nothing imports it
_POINTER, _NUMBER, _SIZE, _RESULT = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int
_FUNCTIONS = {
    "tfcoder_new": (_POINTER, [_POINTER] * 3),
    "tfcoder_free": (None, [_POINTER]),
    "tfcoder_restart": (None, [_POINTER, _POINTER, _SIZE, ctypes.c_int, ctypes.c_int64, _SIZE]),
    "tfcoder_code": (_RESULT, [_POINTER, _POINTER, *[_NUMBER] * 4]),
    "tfcoder_bytes": (_RESULT, [_POINTER, _NUMBER, _POINTER, _SIZE, _POINTER, _SIZE, _SIZE, _NUMBER, _POINTER]),
    "tfcoder_weights": (_RESULT, [_POINTER, *[_SIZE] * 3, _NUMBER, _NUMBER, _SIZE, _SIZE, *[_POINTER] * 5]),
    "tfcoder_left": (ctypes.c_int64, [_POINTER]),
    "tfcoder_finished": (_POINTER, [_POINTER, _POINTER]),
    "tfcoder_mixed_new": (_POINTER, [_POINTER, _NUMBER, _POINTER, _POINTER, _SIZE, _NUMBER]),
    "tfcoder_mixed_free": (None, [_POINTER]),
    "tfcoder_mixed_code": (ctypes.c_int64, [_POINTER, _NUMBER]),
    "tfcoder_mixed_finished": (_POINTER, [_POINTER, _POINTER]),
}


class CompiledLibrary:
    """The functions of a built library, and the tables that they compute with."""

    def __init__(self, file: Path) -> None:
        """Load it.

        Raises:
            OSError: it cannot be loaded here.
            AttributeError: it is of another version.
        """
        self._library = ctypes.CDLL(str(file))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        rates, logits, sigmoids = tables()
        self._rates = (ctypes.c_double * len(rates))(*rates)
        self._logits = (ctypes.c_double * len(logits))(*logits)
        self._sigmoids = (ctypes.c_uint32 * len(sigmoids))(*sigmoids)
        self.free = self._library.tfcoder_free
        self.restart = self._library.tfcoder_restart
        self.code = self._library.tfcoder_code
        self.bytes = self._library.tfcoder_bytes
        self.weights = self._library.tfcoder_weights
        self.left = self._library.tfcoder_left
        self.finished = self._library.tfcoder_finished
        self.mixed_new = self._library.tfcoder_mixed_new
        self.mixed_free = self._library.tfcoder_mixed_free
        self.mixed_code = self._library.tfcoder_mixed_code
        self.mixed_finished = self._library.tfcoder_mixed_finished

    def new(self) -> int:
        """The address of a coder that has learned nothing.

        Raises:
            MemoryError: there is no room for it.
        """
        address = self._library.tfcoder_new(self._rates, self._logits, self._sigmoids)
        if not address:
            raise MemoryError
        return int(address)


def built_library() -> CompiledLibrary | None:
    """The library, or None where it was not built, or cannot be loaded."""
    for file in (_FOLDER / (_NAME + suffix) for suffix in EXTENSION_SUFFIXES):
        with suppress(OSError, AttributeError):
            return CompiledLibrary(file)
    return None


def unwanted() -> bool:
    """Whether the environment asks to do without the library."""
    return os.environ.get(WITHOUT_VARIABLE, "").strip() not in ("", "0")
