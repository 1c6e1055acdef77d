"""Reads what is in a model file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from compressor.contracts.report_rows import OperatorTimeRow
from compressor.inspecting.content_rows import (
    ArenaRow,
    EndRow,
    IslandRow,
    KerasLayerRow,
    LatencyRow,
    MetadataRow,
    NeighborRow,
    OperatorRow,
    OperatorTypeRow,
    SignatureRow,
    TensorRow,
    TimeRow,
)
from compressor.inspecting.contents_view import ViewedContents
from compressor.inspecting.layer_types import layer_types
from compressor.models.files.as_litert import InputShape, shipped_model
from compressor.models.files.missing_file import refuse_missing
from compressor.models.files.model_layers import ModelLayer, model_layers
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.reading.file_metadata import metadata_of
from compressor.models.litert.reading.float_islands import FloatIsland, Neighbor, float_islands
from compressor.models.litert.reading.graph_contents import FileEndpoint, signatures_of
from compressor.models.litert.reading.measured_operators import MeasuredOperator, measured_operators
from compressor.models.micro.arena import plan_arena
from compressor.models.packing.package import SUFFIX
from compressor.report.layer_rows import layer_rows

_QUANTIZED = {"int8", "uint8", "int16", "uint16", "int32"}


def read_contents(
    path: Path, trusted: bool = False, shape: InputShape | None = None, timed: bool = False
) -> ViewedContents:
    """What is in a model file; a Keras model is converted as it is, without quantization.

    Args:
        path: of a `.tflite` file, a package, a Keras file, or the folder of a SavedModel.
        trusted: the user vouches for the file, so code in it may run.
        shape: of a sample, for a model with open sizes.
        timed: time calls of the file and of its operators.

    Raises:
        ModelError: there is no such file, it is damaged, or cannot be converted.
    """
    refuse_missing(path)
    shipped = shipped_model(path, trusted, shape)
    content = shipped.content
    anatomy, measured, metadata, arena = (
        dissect(content),
        measured_operators(content),
        metadata_of(content),
        plan_arena(content),
    )
    return ViewedContents(
        file=path.absolute().name,
        kind=_kind(path, shipped.keras),
        stored_bytes=_stored_bytes(path),
        bytes=anatomy.bytes,
        gzip_bytes=anatomy.gzip_bytes,
        parameters=anatomy.parameters,
        sparsity=anatomy.sparsity,
        weight_bits=anatomy.weight_bits,
        operators=anatomy.operators,
        macs=anatomy.multiplications,
        signatures=[
            SignatureRow(
                name=signature.name,
                inputs=[_end_row(end) for end in signature.inputs],
                outputs=[_end_row(end) for end in signature.outputs],
            )
            for signature in signatures_of(content)
        ],
        operators_by_type=_by_type(measured.operators),
        float_operators=[_operator_row(each) for each in measured.operators if each.call.arithmetic == "float"],
        float_islands=[_island_row(island) for island in float_islands(measured)],
        tensors=[TensorRow(**dict(row)) for row in layer_rows(anatomy)],
        layers=[] if shipped.keras is None else [_layer_row(layer) for layer in model_layers(shipped.keras)],
        description=metadata.description,
        metadata=[MetadataRow(**asdict(entry)) for entry in metadata.entries],
        arena=ArenaRow(bytes=arena.bytes, **asdict(arena)),
        latency=_latency_row(content) if timed else None,
    )


def _latency_row(content: bytes) -> LatencyRow:
    from compressor.measure.paired_latency import latency_of_file

    timed = latency_of_file(content)
    return LatencyRow(
        seconds=TimeRow(**asdict(timed.seconds)),
        rounds=timed.rounds,
        threads=timed.threads,
        operators=[OperatorTimeRow(**asdict(operator)) for operator in timed.operators],
        fault=timed.fault,
    )


def _kind(path: Path, keras: Any) -> Any:
    if path.is_dir():
        return "SavedModel"
    if keras is not None:
        return "Keras file"
    return "package" if path.suffix == SUFFIX else "LiteRT file"


def _stored_bytes(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _end_row(end: FileEndpoint) -> EndRow:
    low = high = None
    if end.scale and end.dtype in _QUANTIZED:
        bounds = np.iinfo(end.dtype)
        low, high = (end.scale * (int(bound) - end.zero_point) for bound in (bounds.min, bounds.max))
    told = {name: value for name, value in asdict(end).items() if name != "sizes"}
    return EndRow(**told, low=low, high=high)


def _by_type(operators: Iterable[MeasuredOperator]) -> list[OperatorTypeRow]:
    """The most frequent type first."""
    groups: dict[tuple[str, str], list[MeasuredOperator]] = {}
    for operator in operators:
        groups.setdefault((operator.call.name, operator.call.computes_in), []).append(operator)
    rows = [
        OperatorTypeRow(
            operator=name,
            computes_in=types,
            arithmetic=calls[0].call.arithmetic,
            calls=len(calls),
            constant_bytes=sum(call.constant_bytes for call in calls),
            macs=_sum(call.macs for call in calls),
        )
        for (name, types), calls in groups.items()
    ]
    return sorted(rows, key=lambda row: -row.calls)


def _sum(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if None in known else sum(count or 0 for count in known)


def _operator_row(operator: MeasuredOperator) -> OperatorRow:
    return OperatorRow(
        operator=operator.call.name,
        output=operator.call.output,
        number=operator.number,
        constant_bytes=operator.constant_bytes,
        macs=operator.macs,
    )


def _island_row(island: FloatIsland) -> IslandRow:
    return IslandRow(
        operators=[_operator_row(operator) for operator in island.operators],
        between_integers=island.between_integers,
        fed_by=[_neighbor_row(neighbor) for neighbor in island.fed_by],
        taken_by=[_neighbor_row(neighbor) for neighbor in island.taken_by],
        conversions=island.conversions,
        constant_bytes=island.constant_bytes,
        made_bytes=island.made_bytes,
        macs=island.macs,
    )


def _neighbor_row(neighbor: Neighbor) -> NeighborRow:
    operator = neighbor.operator
    return NeighborRow(
        operator=operator.call.name if operator else None,
        output=operator.call.output if operator else None,
        number=operator.number if operator else None,
        tensor=neighbor.tensor.name,
        bytes=neighbor.tensor.bytes,
    )


def _layer_row(layer: ModelLayer) -> KerasLayerRow:
    known = layer_types().get(layer.class_name)
    return KerasLayerRow(
        name=layer.name,
        type=layer.class_name,
        output=layer.output,
        parameters=layer.parameters,
        trainable_parameters=layer.trainable_parameters,
        trainable=layer.trainable,
        activation=layer.activation,
        steps=dict(known.steps) if known else {},
        left_in_float=known.left_in_float if known else "",
    )
