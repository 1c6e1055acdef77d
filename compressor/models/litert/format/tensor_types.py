"""The types of tensors in the LiteRT schema."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class TensorType(IntEnum):
    """Members of the schema's `TensorType`, by its names and numbers."""

    FLOAT32 = 0
    FLOAT16 = 1
    INT32 = 2
    UINT8 = 3
    INT64 = 4
    BOOL = 6
    INT16 = 7
    INT8 = 9
    FLOAT64 = 10
    UINT64 = 12
    UINT32 = 15
    UINT16 = 16
    INT4 = 17
    BFLOAT16 = 18
    INT2 = 19

    @property
    def bits(self) -> int:
        """What one value takes in a file."""
        return _BITS[self]

    @property
    def dtype(self) -> str:
        """The name of the type elsewhere, such as `float32`."""
        return self.name.lower()


_BITS: Mapping[TensorType, int] = {
    TensorType.INT2: 2, TensorType.INT4: 4,
    TensorType.BOOL: 8, TensorType.INT8: 8, TensorType.UINT8: 8,
    TensorType.FLOAT16: 16, TensorType.BFLOAT16: 16, TensorType.INT16: 16, TensorType.UINT16: 16,
    TensorType.FLOAT32: 32, TensorType.INT32: 32, TensorType.UINT32: 32,
    TensorType.FLOAT64: 64, TensorType.INT64: 64, TensorType.UINT64: 64,
}  # fmt: skip


FLOATS = frozenset({TensorType.FLOAT32, TensorType.FLOAT16, TensorType.BFLOAT16, TensorType.FLOAT64})
"""The types of numbers that are no integers."""


def type_of(tensor: Any) -> TensorType | None:
    """The type of a `TensorT` of the schema; None for strings, complex numbers and other types that are not here."""
    try:
        return TensorType(tensor.type or 0)
    except ValueError:
        return None
