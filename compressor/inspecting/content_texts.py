"""What is said of a file's contents in words, the same on a terminal and on the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from compressor.base.sizes import format_size
from compressor.base.text import counted, listing
from compressor.inspecting.content_rows import (
    ArenaRow,
    EndRow,
    IslandRow,
    KerasLayerRow,
    ModelContents,
    NeighborRow,
    OperatorMemoryRow,
)
from compressor.report.figures import count_text

_MOST_NEIGHBORS = 4


def arithmetic_text(contents: ModelContents) -> str:
    """What the file computes in, in one sentence."""
    in_float, operators = len(contents.float_operators), contents.operators
    if not in_float:
        return "no operator computes in float"
    if not computes_in_integers(contents):
        return "no operator computes in integers"
    between = sum(island.between_integers for island in contents.float_islands)
    islands = counted(len(contents.float_islands), "island")
    told = f"{in_float} of {operators} operators compute in float, in {islands}"
    return f"{told}, {between} of them between operators in integers" if between else told


def computes_in_integers(contents: ModelContents) -> bool:
    """Whether any operator computes in scaled integers."""
    return any(row.arithmetic == "integer" for row in contents.operators_by_type)


def island_title(island: IslandRow) -> str:
    """Its operators: `3 ADD, MUL`."""
    names = Counter(operator.operator for operator in island.operators)
    return ", ".join(name if count == 1 else f"{count} {name}" for name, count in names.most_common())


def island_place(island: IslandRow) -> str:
    """Whether it interrupts the integers, or stands at an end of the model."""
    if island.between_integers:
        return "between operators in integers"
    if not any(side.operator for side in island.fed_by):
        return "at an input of the model" if island.fed_by else "fed by constants alone"
    return "at an output of the model"


def neighbors_text(neighbors: Sequence[NeighborRow], side: str) -> str:
    """The operators around an island, or the end of the model that it stands at: an "input" or an "output"."""
    names = [
        f"{each.operator} '{each.output}'" if each.operator else f"the model's {side} ('{each.tensor}')"
        for each in neighbors
    ]
    return listing(list(dict.fromkeys(names)), _MOST_NEIGHBORS) or "nothing"


def island_costs(island: IslandRow) -> str:
    """What it takes up, and how often values are converted for it."""
    return (
        f"{format_size(island.constant_bytes)} of constants, {format_size(island.made_bytes)} of tensors made, "
        f"{count_text(island.macs)} multiply-accumulates, {counted(island.conversions, 'conversion')}"
    )


def shape_of(end: EndRow) -> str:
    """`1x28x28`; `?` for a size that the caller may choose."""
    return "x".join("?" if size is None else str(size) for size in end.shape) or "scalar"


def range_text(end: EndRow) -> str:
    """`-1 to 0.992`, the real values that a quantized input or output can hold; empty for any other."""
    return "" if end.low is None or end.high is None else f"{end.low:.4g} to {end.high:.4g}"


def training_text(layer: KerasLayerRow) -> str:
    """Whether a layer is trained; `-` where it has nothing to train."""
    if not layer.parameters:
        return "-"
    return "trainable" if layer.trainable else "frozen"


def step_names(layers: Sequence[KerasLayerRow]) -> list[str]:
    """The steps that the layers tell of."""
    return list(dict.fromkeys(step for layer in layers for step in layer.steps))


def memory_title(operator: OperatorMemoryRow) -> str:
    """The operator and what it makes, or its number where that has no name."""
    return f"{operator.name} '{operator.output}'" if operator.output else f"{operator.name}, operator {operator.number}"


def peak_of(arena: ArenaRow) -> OperatorMemoryRow | None:
    """The operator that needs the most of the arena, the first of several; None in a file without operators."""
    return max(arena.operators, key=lambda operator: (operator.reach, operator.bytes), default=None)
