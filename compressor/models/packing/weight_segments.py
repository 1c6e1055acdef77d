"""Finds where the weights lie in a LiteRT file, for a coder that knows no flatbuffers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import IDENTIFIER
from compressor.models.litert.format.tensor_types import TensorType
from compressor.models.packing.weight_coder import structure_of

_CODED = (TensorType.INT8, TensorType.UINT8, TensorType.INT4, TensorType.INT2)
_FEWEST = 32  # bytes of weights that are worth a segment


@dataclass(frozen=True)
class Segment:
    """A part of a file: weights in rows, or with one column other bytes.

    Attributes:
        length: bytes, 1 or more.
        columns: bytes of a row.
        near, far: the distances in bytes at which weights most often repeat.
    """

    length: int
    columns: int = 1
    near: int = 1
    far: int = 1

    @property
    def numbers(self) -> tuple[int, ...]:
        """List the numbers that describe it to a decoder."""
        return (self.length, self.columns) + ((self.near, self.far) if self.columns > 1 else ())


def segments_of(content: bytes) -> list[Segment]:
    """All of a file, part by part; a single one of other bytes for what is no whole LiteRT file."""
    segments, end = [], 0
    for start, length, rows in _weights(content):
        columns = length // rows
        if start < end or start + length > len(content) or columns < 2:
            continue
        if start > end:
            segments.append(Segment(start - end))
        _, near, far = structure_of(content[start : start + columns * rows], rows, columns)
        segments.append(Segment(length, columns, near, far))
        end = start + length
    return segments + ([Segment(len(content) - end)] if len(content) > end else [])


def _weights(content: bytes) -> list[tuple[int, int, int]]:
    """Where weights of 8 bits or fewer start, how many bytes they are, and their rows; in the order of the file."""
    if content[4:8] != IDENTIFIER:
        return []
    try:
        return sorted(set(_tensors(content)))
    except (*FLATBUFFER_ERRORS, MemoryError):
        return []


def _tensors(content: bytes) -> Iterator[tuple[int, int, int]]:
    from ai_edge_litert.schema_py_generated import Model

    model = Model.GetRootAs(content, 0)
    places = [_place(model.Buffers(index)) for index in range(model.BuffersLength())]
    for graph in (model.Subgraphs(index) for index in range(model.SubgraphsLength())):
        for tensor in (graph.Tensors(index) for index in range(graph.TensorsLength())):
            start, length = places[tensor.Buffer()]
            shape = [tensor.Shape(index) for index in range(tensor.ShapeLength())]
            if tensor.Type() in _CODED and length >= _FEWEST and shape and min(shape) > 0:
                rows = shape[0] if len(shape) > 1 and shape[0] > 1 else math.prod(shape) // shape[-1]
                yield start, length, min(rows, length)


def _place(buffer: Any) -> tuple[int, int]:
    """Where the data of a buffer starts, and its bytes. Offsets of 0 and 1 mean that it is within the flatbuffer."""
    if buffer.Offset() > 1:
        return buffer.Offset(), buffer.Size()
    table = buffer._tab  # the schema's classes do not tell where a vector is
    field = table.Offset(4)
    return (table.Vector(field), table.VectorLen(field)) if field else (0, 0)
