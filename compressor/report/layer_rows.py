"""The weight tensors in a file, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from compressor.contracts.report_rows import LayerRow, SpreadRow
from compressor.measure.results import Stage
from compressor.models.litert.reading.contents import Anatomy, WeightTensor


def named_stage(stages: Sequence[Stage]) -> Stage:
    """The last stage or, where its file has lost the names of its tensors, the latest that has the same with names."""
    last = stages[-1]
    nameless = _without_names(last)
    if not nameless or _names(last):
        return last
    return next((stage for stage in reversed(stages) if _names(stage) and _without_names(stage) == nameless), last)


def _names(stage: Stage) -> bool:
    return any(tensor.name for tensor in stage.measurement.anatomy.tensors)


def _without_names(stage: Stage) -> list[WeightTensor]:
    return [replace(tensor, name="") for tensor in stage.measurement.anatomy.tensors]


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
