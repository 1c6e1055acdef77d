"""The coder of `arithmetic_coder`, compiled: the same bytes, about a hundred times faster."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Hashable, Sequence
from functools import cache

from compressor.models.packing.arithmetic_coder import Coder, limits
from compressor.models.packing.coder_type import DamagedError
from compressor.models.packing.compiled_library import WITHOUT_VARIABLE, CompiledLibrary, built_library, unwanted

SLOW = "packages are coded by Python, which takes about a hundred times as long as compiled code"
_AT_ONCE = 2**17  # bytes or weights, after which an interrupt is noticed: a tenth of a second
_NO_MEMORY = -2
_PROOF = bytes.fromhex(
    "f68ff25f055e7c813bd88e1526ca985d1db70590bd3aa8eaa04c8ec4d6a5dde2649e250e055e05c6687acdb0acb82bd77fab035b"
)


class CompiledCoder:
    """Codes bits, one after the other, as `arithmetic_coder.Coder` does, and whole rows of bytes and of weights."""

    def __init__(self, library: CompiledLibrary, payload: bytes | None = None) -> None:
        self._library = library
        self._coder = library.new()
        self._numbers: dict[Hashable, int] = {}
        self._sets: dict[Hashable, int] = {}
        weakref.finalize(self, library.free, self._coder).atexit = False  # a thread may still use it then
        self.restart(payload)

    def restart(self, payload: bytes | None = None) -> None:
        """Begin another payload, and keep all that was learned from the last one."""
        self._payload = payload  # kept, since the library reads it where it lies
        content = payload or b""
        self._most, most_seen = limits(payload)
        self._library.restart(self._coder, content, len(content), payload is not None, self._most, most_seen)

    def bit(self, contexts: Sequence[Hashable], chooses: Hashable, bit: int = 0) -> int:
        """Write a bit, or read one, and return it.

        Args:
            contexts: what the bit may depend on; always the same number of them for the same `chooses`.
            chooses: the set of weights that the contexts are mixed with.
            bit: to write; has no meaning when reading.

        Raises:
            DamagedError: there are more bits or contexts than any payload holds.
        """
        return self._code(contexts, chooses, 0, bit)

    def symbol(self, contexts: Sequence[Hashable], chooses: Hashable, bits: int, value: int = 0) -> int:
        """Write or read a number of so many bits, the highest first, and return it."""
        return self._code(contexts, chooses, bits, value)

    @property
    def left(self) -> int:
        """How many more bits may be coded."""
        return int(self._library.left(self._coder))

    def code_bytes(self, path: Hashable, before: bytes, content: bytes | None, count: int, width: int) -> bytes:
        """Write or read bytes as `byte_coder.code_bytes` does, and return them."""
        coded = ctypes.create_string_buffer(content or b"", count + 1)
        sets = (ctypes.c_uint32 * width)(*(self._set(("byte", min(width, 4), place)) for place in range(width)))
        given = self._coder, self._number(("path", path)), before, len(before), coded
        for start in range(0, count, _AT_ONCE):
            end = min(start + _AT_ONCE, count)
            self._checked(self._library.bytes(*given, start, end, width, sets))
        return ctypes.string_at(coded, count)

    def code_weights(self, shape: tuple[int, int], bits: int, structure: tuple[int, int, int], values: bytes) -> bytes:
        """Write or read weights as `weight_coder.code_weights` does after their structure, and return them.

        Args:
            shape: rows and columns.
            bits: of each.
            structure: the commonest value, and the two strides.
            values: one in each byte; any when reading.
        """
        rows, columns = shape
        coded, there = (ctypes.create_string_buffer(given, rows * columns + 1) for given in (values, b""))
        above, counts = ctypes.create_string_buffer(bytes([structure[0]]) * columns), (ctypes.c_uint32 * columns)()
        marks = [self._set((count, deep)) for count in range(3) for deep in (False, True)]
        sets = (ctypes.c_uint32 * 7)(*marks, self._set("value"))
        at_once = max(1, _AT_ONCE // columns)
        for start in range(0, rows, at_once):
            part = self._coder, start, min(start + at_once, rows), columns, bits
            self._checked(self._library.weights(*part, *structure, coded, there, above, counts, sets))
        return ctypes.string_at(coded, rows * columns)

    def finished(self) -> bytes:
        """The shortest payload of the bits written; a reader takes what follows it for zeros.

        Raises:
            DamagedError: it holds more bits than are read from a payload of its length.
        """
        length = ctypes.c_uint64()
        address = self._library.finished(self._coder, ctypes.byref(length))
        if not address:
            raise MemoryError
        payload = ctypes.string_at(address, length.value)
        if self._most - self.left > limits(payload)[0]:
            raise DamagedError("it was cut or changed")
        return payload

    def _code(self, contexts: Sequence[Hashable], chooses: Hashable, bits: int, value: int) -> int:
        numbers = (ctypes.c_uint64 * len(contexts))(*map(self._number, contexts))
        result = self._library.code(self._coder, numbers, len(contexts), self._set(chooses), bits, int(value))
        return self._checked(result)

    def _number(self, name: Hashable) -> int:
        return self._numbers.setdefault(name, len(self._numbers))

    def _set(self, name: Hashable) -> int:
        return self._sets.setdefault(name, len(self._sets))

    def _checked(self, result: int) -> int:
        if result == _NO_MEMORY:
            raise MemoryError
        if result < 0:
            raise DamagedError("it was cut or changed")
        return result


def new_coder(payload: bytes | None = None) -> Coder | CompiledCoder:
    """A coder that has learned nothing: the compiled one, if there is one."""
    library = None if unwanted() else _proven_library()
    return CompiledCoder(library, payload) if library else Coder(payload)


def slow_because() -> tuple[str, str] | None:
    """Why coders do not run compiled, and what mends it; None if they do."""
    if unwanted():
        return f"{SLOW}, since {WITHOUT_VARIABLE} is set", "unset it"
    if _proven_library() is None:
        return f"{SLOW}, since that was not built", "install a C compiler, then install compressor again"
    return None


@cache
def _proven_library() -> CompiledLibrary | None:
    """The library, if it makes the bytes that Python makes: not if it was compiled with other arithmetic, or is old."""
    library = built_library()
    return library if library and _proof(CompiledCoder(library)) == _PROOF else None


def _proof(coder: Coder | CompiledCoder) -> bytes:
    """A payload of numbers with little order."""
    for index in range(64):
        contexts = (("a",), ("b", index % 3), ("c", index * index % 7))
        coder.symbol(contexts, "proof", 8, index * index * 37 % 251 if index % 3 else 9)
    return coder.finished()
