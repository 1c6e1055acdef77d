"""The operators of a quantized file, ranked by what each costs at the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np

from compressor.base.errors import ModelError
from compressor.debugging.layer_errors import Comparison, OperatorError, worst
from compressor.debugging.layer_names import described
from compressor.debugging.operator_graph import Node, OperatorGraph


@dataclass(frozen=True)
class RankedOperator:
    """An operator of the quantized file and what it does to the outputs. Costs are shares of the outputs, from 0 on.

    Attributes:
        layer: the name of its Keras layer.
        operator: the schema's name of the operator; INPUT for what the file's caller rounds.
        tensor: the name of its output in the quantized file.
        index: its place in the quantized file; -1 for INPUT.
        cost: change of the outputs when this operator alone is quantized; None where it could not be run alone.
        weights_cost: the same for its weights alone.
        storing_cost: the same for storing its output alone.
        snr: signal-to-noise ratio of its output in decibels, with the error that it inherits; None for no error.
        own_snr: the same without what it inherits.
        cosine: of the output against the float model's.
        largest: largest error of the output.
        reason: why it could not be run alone.
    """

    layer: str
    operator: str
    tensor: str
    index: int
    cost: float | None
    weights_cost: float
    storing_cost: float
    snr: float | None
    own_snr: float | None
    cosine: float
    largest: float
    reason: str

    @property
    def by_storing(self) -> bool:
        """Whether most of the cost comes from storing the output in few bits, rather than from the weights."""
        return self.storing_cost > self.weights_cost

    def plain(self) -> dict[str, Any]:
        """The figures as plain data for JSON."""
        return asdict(self)


def ranked(comparison: Comparison, names: Mapping[int, str]) -> list[RankedOperator]:
    """The operators that were compared, the one that costs most first.

    Args:
        comparison: of the two files.
        names: of the layers, by the place of the operator in the float file.
    """
    rows = [_row(comparison, names, error) for error in comparison.operators]
    return sorted(rows, key=lambda row: -1.0 if row.cost is None else row.cost, reverse=True)


def refuse_uncompared(comparison: Comparison, rows: Sequence[RankedOperator], subject: str) -> None:
    """Refuse a float model that is another one than the file's, which its layers tell.

    Raises:
        ModelError: there are layers with weights, and none could be compared; the message begins with `subject`.
    """
    graph = comparison.quantized
    weighted = {node.index for node in graph.nodes if weights_of(graph, node)}
    if weighted and not any(row.index in weighted and row.cost is not None for row in rows):
        what = f"{subject}: no layer with weights has a counterpart in the float model that it could be compared with"
        raise ModelError(what, "give the float model that the quantized file was made from")


def unpaired_names(comparison: Comparison) -> list[str]:
    """The outputs of operators that have no counterpart in the float model."""
    graph = comparison.quantized
    return [
        f"{graph.tensors[node.outputs[0]].name or f'operator {node.index + 1}'} ({node.operator})"
        for node in comparison.pairs.unpaired
    ]


def weights_of(graph: OperatorGraph, node: Node) -> list[int]:
    """The constants of two or more dimensions that a node takes, also behind a cast."""
    found = []
    for tensor in node.inputs:
        while (maker := graph.maker.get(tensor)) is not None and maker.casts:
            tensor = maker.inputs[0]
        if (
            tensor >= 0
            and tensor not in graph.inputs
            and graph.bytes_of(tensor)
            and len(graph.tensors[tensor].shape) > 1
        ):
            found.append(tensor)
    return found


def zeros_in(graph: OperatorGraph, node: Node) -> float | None:
    """The share of zeros among a node's weights; None where it has none."""
    arrays = [values for tensor in weights_of(graph, node) if (values := graph.constant(tensor)) is not None]
    size = sum(values.size for values in arrays)
    return sum(int(np.count_nonzero(values == 0)) for values in arrays) / size if size else None


def _row(comparison: Comparison, names: Mapping[int, str], error: OperatorError) -> RankedOperator:
    graph, exact = comparison.quantized, comparison.exact
    if error.exact is not None:
        layer = described(exact, names, error.exact)
    else:  # a cast is named after what it casts
        partner = comparison.pairs.tensors[error.tensor]
        maker = exact.maker.get(partner)
        layer = exact.tensors[partner].name if maker is None else described(exact, names, maker)
    return RankedOperator(
        layer=layer,
        operator="INPUT" if error.node.index < 0 else error.node.operator,
        tensor=graph.tensors[error.tensor].name,
        index=error.node.index,
        cost=None if error.reason else worst(error.cost),
        weights_cost=worst(error.weights_cost),
        storing_cost=worst(error.storing_cost),
        snr=finite(error.here.snr),
        own_snr=None if error.reason else finite(error.alone.snr),
        cosine=error.here.cosine,
        largest=error.here.largest,
        reason=error.reason,
    )


def finite(figure: float) -> float | None:
    """The figure, or None where it is infinite, as the ratio without any noise is."""
    return figure if isfinite(figure) else None
