"""The weight tensors in a file, row by row."""

from __future__ import annotations

from compressor.contracts.report_rows import LayerRow, SpreadRow
from compressor.models.litert.reading.contents import Anatomy


def layer_rows(anatomy: Anatomy) -> list[LayerRow]:
    """A row for each weight tensor of a file."""
    return [
        LayerRow(
            name=tensor.name,
            shape=tensor.shape,
            dtype=tensor.dtype,
            parameters=tensor.size,
            zeros=tensor.zeros,
            unique=tensor.unique,
            bytes=tensor.bytes,
            spread=SpreadRow(**vars(tensor.spread)) if tensor.spread else None,
        )
        for tensor in anatomy.tensors
    ]
