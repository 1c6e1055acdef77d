"""The weight tensors in a file, row by row."""

from __future__ import annotations

from collections.abc import Mapping

from compressor.contracts.report_rows import LayerRow, SpreadRow
from compressor.models.litert.reading.contents import Anatomy


def layer_rows(anatomy: Anatomy, seconds: Mapping[str, float] = {}) -> list[LayerRow]:
    """A row for each weight tensor of a file, with the seconds of its operators by the names of the tensors."""
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
            seconds=seconds.get(tensor.name),
        )
        for tensor in anatomy.tensors
    ]
